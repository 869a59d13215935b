"""From scene to picture: the same scene is always the same picture."""

from typing import NamedTuple, Self

from PIL import Image

from appliance.config import DisplaySettings
from appliance.screen import wording
from appliance.screen.fonts import Typeface, typeface
from appliance.screen.scene import Mode, Scene
from appliance.screen.status import draw_status
from appliance.screen.typesetting import (
    Line,
    draw_line,
    has_ideographs,
    is_cut,
    latest_lines,
    line_width,
    lines_of,
)

STATUS_HEIGHT = 10
SMALL = 11
SMALLEST = 9
"""Pixels from line to line; below 9, letters can't be told apart."""

HEADLINES = (18, 16, SMALL, SMALLEST)
"""Pixels from line to line of a headline: the first that leaves room for the rest is taken."""

HUGE_UP_TO = 2
"""With so few lines of transcript, headlines are as large as they are."""

IDEOGRAPHS = 17
"""Pixels from line to line that ideographs need."""

WITHOUT_STATUS = {Mode.STARTING, Mode.STOPPING}
"""Modes whose message says it all."""


class Block(NamedTuple):
    """Lines of one type, `pitch` pixels from one to the next."""

    lines: list[Line]
    type_: Typeface
    pitch: int

    @property
    def height(self) -> int:
        """Pixels from the top of the first line to the bottom of the last."""
        return len(self.lines) * self.pitch


class View:
    """Draws scenes for a panel of `width` by `height` pixels.

    Args:
        width: pixels across.
        height: pixels down.
        lines: lines of transcript that fill the panel below the status line; more or fewer where
            they would hold but a word, or be too small to read.
        font: path of a TrueType font to prefer; empty for the usual ones.
    """

    def __init__(self, width: int = 128, height: int = 64, lines: int = 3, font: str = "") -> None:
        self.size = (width, height)
        body = height - STATUS_HEIGHT
        self._text = typeface(body // min(lines, body // SMALLEST), font, width)
        self._tall_text = typeface(max(IDEOGRAPHS, self._text.pitch), font, width)
        self._small, self._smallest = typeface(SMALL, font), typeface(SMALLEST, font)
        self._headlines = [typeface(pitch, font) for pitch in HEADLINES]
        if lines <= HUGE_UP_TO:
            self._headlines.insert(0, self._text)

    @classmethod
    def of(cls, settings: DisplaySettings) -> Self:
        """Return the view for these settings; a panel on its side is as high as it was wide."""
        width, height = settings.width, settings.height
        if settings.rotate % 2:
            width, height = height, width
        return cls(width, height, settings.lines, settings.font)

    def draw(self, scene: Scene) -> Image.Image:
        """Return the scene as a one-bit picture (mode "1", lit pixels are not 0)."""
        picture = Image.new("1", self.size)
        if scene.mode not in WITHOUT_STATUS:
            draw_status(picture, scene, self._small)
        if scene.mode in wording.IN_SESSION and scene.turns:
            self._draw_transcript(picture, scene)
        else:
            self._draw_message(picture, scene)
        return picture

    def _draw_transcript(self, picture: Image.Image, scene: Scene) -> None:
        type_, pitch = self._text, self._text.pitch
        if has_ideographs(scene.turns):
            type_, pitch = self._tall_text, max(IDEOGRAPHS, self._tall_text.pitch)
        # Above a notice, lines may move a little closer so that one more fits.
        closest = min(pitch, max(type_.height + 2, pitch - 1))
        notice = self._draw_notice(picture, wording.notice(scene), closest)
        room = self.size[1] - STATUS_HEIGHT - notice
        count = max(1, room // closest)
        lines = latest_lines(scene.turns, type_, self.size[0], count)
        self._draw_block(picture, Block(lines, type_, min(pitch, room // count)))

    def _draw_notice(self, picture: Image.Image, remarks: tuple[str, ...], line: int) -> int:
        """Draw remarks, dark on light, along the bottom; return the height that they take.

        A line of transcript, `line` pixels high, stays free above them.
        """
        width, height = self.size
        type_ = self._smallest
        set_ = [line_ for remark in remarks for line_ in lines_of(remark, type_, width - 2)]
        shown = set_[: max(1, (height - STATUS_HEIGHT - line) // SMALLEST)]
        band = len(shown) * SMALLEST + 1 if shown else 0
        picture.paste(1, (0, height - band, width, height))
        self._draw_block(picture, Block(shown, type_, SMALLEST), height - band + 1, ink=0)
        return band

    def _draw_message(self, picture: Image.Image, scene: Scene) -> None:
        """Draw a message, its headline in the largest type that leaves room for the rest."""
        top = 0 if scene.mode in WITHOUT_STATUS else STATUS_HEIGHT
        room = self.size[1] - top
        message = wording.message(scene)
        blocks = self._fitting_blocks(message, room)
        if not blocks:
            # Too much for a small panel: the details take turns.
            detail = wording.in_turn(message.details, scene.elapsed)
            blocks = self._fitting_blocks(wording.Message(message.headline, detail), room)
            # One that is too long even so, such as all that a setting may be, is cut.
            blocks = blocks or self._cut_blocks(message.headline, detail, room)
        spare = max(0, room - sum(block.height for block in blocks)) // (len(blocks) + 1)
        for block in blocks:
            top += spare
            self._draw_block(picture, block, top, centred=True)
            top += block.height

    def _fitting_blocks(self, message: wording.Message, room: int) -> list[Block]:
        """Return the message's blocks, none where they take more than `room` pixels."""
        details = [self._block(detail, self._small) for detail in message.details]
        for type_ in self._headlines:
            blocks = [self._block(message.headline, type_), *details]
            whole = not is_cut(message.headline, type_, self.size[0])
            if whole and sum(block.height for block in blocks) <= room:
                return blocks
        return []

    def _cut_blocks(self, headline: str, details: tuple[str, ...], room: int) -> list[Block]:
        """Return the headline, and of the details as many lines as there is room for."""
        top = self._block(headline, self._headlines[-1])
        lines = [line for detail in details for line in lines_of(detail, self._small, self.size[0])]
        kept = lines[: max(0, room - top.height) // self._small.pitch]
        return [top, Block(kept, self._small, self._small.pitch)]

    def _block(self, text: str, type_: Typeface) -> Block:
        return Block(lines_of(text, type_, self.size[0]), type_, type_.pitch)

    def _draw_block(
        self,
        picture: Image.Image,
        block: Block,
        top: int = STATUS_HEIGHT,
        *,
        centred: bool = False,
        ink: int = 1,
    ) -> None:
        width = self.size[0]
        lines, type_, pitch = block
        # The first line keeps its place when the others move closer.
        first = top + type_.pitch - type_.descent - (type_.pitch - type_.height) // 2
        margin = 0 if ink else 1
        for number, line in enumerate(lines):
            x = (width - line_width(line, type_, width)) // 2 if centred else margin
            draw_line(picture, line, type_, x, first + number * pitch, width - 2 * margin, ink)
