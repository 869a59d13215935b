"""Icons of the status bar, 7 by 7 pixels."""

from PIL import Image

from appliance.screen.scene import Mode

SIZE = 7


def _icon(*rows: str) -> Image.Image:
    icon = Image.new("1", (SIZE, SIZE))
    icon.putdata([pixel == "#" for row in rows for pixel in row])
    return icon


DISC = _icon(
    "..###..",
    ".#...#.",
    "#..#..#",
    "#.###.#",
    "#..#..#",
    ".#...#.",
    "..###..",
)
MICROPHONE = _icon(
    "..###..",
    "..###..",
    "#.###.#",
    "#.###.#",
    ".#...#.",
    "..###..",
    "...#...",
)
WAVES = _icon(
    "..###..",
    ".#...#.",
    "#..#..#",
    "..#.#..",
    ".......",
    "...#...",
    "...#...",
)
CIRCLING = _icon(
    "..###.#",
    ".#...##",
    "#...###",
    "#......",
    "#.....#",
    ".#...#.",
    "..###..",
)
STORING = _icon(
    "...#...",
    "...#...",
    ".#####.",
    "..###..",
    "#..#..#",
    "#.....#",
    "#######",
)
CHECK = _icon(
    ".......",
    "......#",
    ".....##",
    "#...##.",
    "##.##..",
    ".###...",
    "..#....",
)
HOURGLASS = _icon(
    "#######",
    ".#...#.",
    ".#####.",
    "..###..",
    ".#.#.#.",
    ".#.###.",
    "#######",
)
POWER = _icon(
    "...#...",
    ".#.#.#.",
    "#..#..#",
    "#..#..#",
    "#.....#",
    ".#...#.",
    "..###..",
)
WARNING = _icon(
    "...#...",
    "..###..",
    "..#.#..",
    ".##.##.",
    ".##.##.",
    "#######",
    "###.###",
)
CONNECTED = _icon(
    "......#",
    "......#",
    "....#.#",
    "....#.#",
    "..#.#.#",
    "..#.#.#",
    "#.#.#.#",
)
FALLBACK = _icon(
    "....#..",
    "....##.",
    "#######",
    ".......",
    "#######",
    ".##....",
    "..#....",
)
UNCONNECTED = _icon(
    ".#...#.",
    "..#.#..",
    "...#...",
    "..#.#..",
    ".#...#.",
    ".......",
    "#.#.#.#",
)

OF_MODE = {
    Mode.STARTING: HOURGLASS,
    Mode.READY: DISC,
    Mode.CONNECTING: WAVES,
    Mode.LISTENING: MICROPHONE,
    Mode.RECONNECTING: CIRCLING,
    Mode.FINISHING: STORING,
    Mode.SAVED: CHECK,
    Mode.STOPPING: POWER,
    Mode.OFF: POWER,
}
