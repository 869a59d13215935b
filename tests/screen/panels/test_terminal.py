import io
import os
import pty
import re
import sys
import termios

import pytest
from PIL import Image

from appliance.core.faults import Fault
from appliance.screen.burn_in import Brightness
from appliance.screen.panels.terminal import (
    DOTS,
    HIDE_CURSOR,
    LIT,
    SHOW_CURSOR,
    LinesPanel,
    TerminalPanel,
    standard_output,
)
from appliance.screen.render.renderer import Renderer
from appliance.screen.scene import Mode, Scene, ShownTurn, Summary

SMALL, LARGE = os.terminal_size((80, 24)), os.terminal_size((140, 40))


class Terminal(io.StringIO):
    """Fake terminal: records what each row shows, and what was written last."""

    def __init__(self, size: os.terminal_size) -> None:
        super().__init__()
        self.size = size
        self.rows: dict[int, str] = {}
        self.written = ""

    def write(self, text: str) -> int:
        self.written = text
        if "\x1b[2J" in text:
            self.rows.clear()
        for row, shown in re.findall(r"\x1b\[(\d+)H\x1b\[38;5;153m(.*?)\x1b\[0m", text):
            self.rows[int(row)] = shown
        return super().write(text)

    def pixels(self, width: int, height: int) -> Image.Image:
        """Return the picture that the rows inside the frame show."""
        picture = Image.new("1", (width, height))
        shown = [row[1:-1] for _, row in sorted(self.rows.items()) if row.startswith("│")]
        for y, row in enumerate(shown):
            for x, character in enumerate(row):
                for dx, dy in _lit(character):
                    step = (2, 4) if height // len(shown) == 4 else (1, 2)
                    picture.putpixel((x * step[0] + dx, y * step[1] + dy), 1)
        return picture


def _lit(character: str) -> list[tuple[int, int]]:
    halves = {" ": [], "▀": [(0, 0)], "▄": [(0, 1)], "█": [(0, 0), (0, 1)]}
    if character in halves:
        return halves[character]
    bits = ord(character) - 0x2800
    return [(number % 2, number // 2) for number, dot in enumerate(DOTS) if bits & dot]


def shown_on(terminal: Terminal, *scenes: Scene) -> TerminalPanel:
    panel = TerminalPanel(terminal, lambda: "space: press", measure=lambda: terminal.size)
    for scene in scenes:
        panel.show(scene, Renderer().draw(scene))
    return panel


SCENE = Scene(Mode.LISTENING, elapsed=1, level=0.5, turns=(ShownTurn("Grüße", "an alle"),))


def same(one: Image.Image, other: Image.Image) -> bool:
    return one.tobytes() == other.tobytes()


def test_a_small_terminal_shows_every_pixel_in_braille() -> None:
    terminal = Terminal(SMALL)
    shown_on(terminal, SCENE)
    assert same(terminal.pixels(128, 64), Renderer().draw(SCENE))
    assert max(terminal.rows) < 24
    assert max(len(row) for row in terminal.rows.values()) <= 80


def test_a_large_terminal_shows_every_pixel_in_half_blocks() -> None:
    terminal = Terminal(LARGE)
    shown_on(terminal, SCENE)
    assert same(terminal.pixels(128, 64), Renderer().draw(SCENE))
    assert "▀" in "".join(terminal.rows.values())


def test_only_rows_that_changed_are_written() -> None:
    terminal = Terminal(SMALL)
    later = Scene(Mode.LISTENING, elapsed=2, level=0.5, turns=SCENE.turns)
    panel = shown_on(terminal, SCENE)
    panel.show(later, Renderer().draw(later))
    assert terminal.written.count("│") <= 2 * 3
    assert same(terminal.pixels(128, 64), Renderer().draw(later))


def test_a_terminal_that_is_resized_is_painted_again() -> None:
    terminal = Terminal(LARGE)
    panel = shown_on(terminal, SCENE)
    terminal.size = SMALL
    panel.show(SCENE, Renderer().draw(SCENE))
    assert same(terminal.pixels(128, 64), Renderer().draw(SCENE))


@pytest.mark.parametrize("size", [(65, 24), (80, 18), (12, 5), (1, 1)])
def test_a_terminal_that_became_too_small_says_so_until_it_is_large(size: tuple[int, int]) -> None:
    terminal = Terminal(SMALL)
    panel = shown_on(terminal, Scene(mode=Mode.READY))
    whole = dict(terminal.rows)
    terminal.size = os.terminal_size(size)
    panel.check()
    assert all(len(row) <= size[0] for row in terminal.rows.values())
    assert max(terminal.rows, default=0) < size[1] or size[1] == 1
    if size[0] >= 65:
        assert list(terminal.rows.values()) == ["Enlarge this window to 66x19 characters"]
    terminal.size = SMALL
    panel.check()
    assert terminal.rows == whole


@pytest.mark.parametrize(
    ("environment", "size", "kind"),
    [
        ({"TERM": "xterm"}, (66, 19), TerminalPanel),
        ({"TERM": "xterm", "NO_COLOR": "1"}, (66, 19), TerminalPanel),
        ({"TERM": "xterm"}, (0, 0), TerminalPanel),
        ({"TERM": "xterm"}, (65, 24), LinesPanel),
        ({"TERM": "xterm"}, (80, 18), LinesPanel),
        ({"TERM": "dumb"}, (80, 24), LinesPanel),
        ({"TERM": "unknown"}, (80, 24), LinesPanel),
    ],
)
def test_only_a_terminal_that_can_show_pictures_gets_them(
    environment: dict[str, str],
    size: tuple[int, int],
    kind: type,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delenv("NO_COLOR", raising=False)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    ours, theirs = pty.openpty()
    termios.tcsetwinsize(theirs, size[::-1])
    with os.fdopen(ours, "rb", buffering=0) as seen, os.fdopen(theirs, "w") as stream:
        monkeypatch.setattr(sys, "stdout", stream)
        panel = standard_output()
        scene = Scene(mode=Mode.READY)
        panel.show(scene, Renderer().draw(scene))
        written = seen.read(100_000).decode()
    assert isinstance(panel, kind)
    assert ("\x1b" in written) == (kind is TerminalPanel)
    assert (LIT in written) == (kind is TerminalPanel and "NO_COLOR" not in environment)


def test_the_cursor_is_hidden_and_comes_back_below_the_picture() -> None:
    terminal = Terminal(SMALL)
    panel = shown_on(terminal, SCENE)
    assert terminal.getvalue().startswith("\x1b[?2026h" + HIDE_CURSOR)
    panel.close()
    assert terminal.written == f"\x1b[{max(terminal.rows) + 1}H{SHOW_CURSOR}"


def test_a_cleared_terminal_is_empty() -> None:
    terminal = Terminal(SMALL)
    shown_on(terminal, SCENE).clear()
    assert terminal.rows == {}


def test_a_caption_is_shown_below_the_picture() -> None:
    terminal = Terminal(SMALL)
    shown_on(terminal, SCENE)
    assert terminal.rows[max(terminal.rows)] == "space: press"


def test_a_terminal_that_is_asleep_says_how_to_wake_it() -> None:
    terminal = Terminal(SMALL)
    panel = shown_on(terminal, SCENE)
    panel.set_brightness(Brightness.ASLEEP)
    assert terminal.pixels(128, 64).getbbox() is None
    assert "press" in terminal.rows[max(terminal.rows)]
    panel.set_brightness(Brightness.AWAKE)
    assert same(terminal.pixels(128, 64), Renderer().draw(SCENE))
    assert terminal.rows[max(terminal.rows)] == "space: press"


def test_a_terminal_does_not_dim() -> None:
    terminal = Terminal(SMALL)
    shown_on(terminal, SCENE).set_brightness(Brightness.DIMMED)
    assert same(terminal.pixels(128, 64), Renderer().draw(SCENE))


def lines_for(*scenes: Scene) -> list[str]:
    stream = io.StringIO()
    panel = LinesPanel(stream)
    for scene in scenes:
        panel.show(scene, Renderer().draw(scene))
    return stream.getvalue().splitlines()


def session(*turns: str, tentative: str = "") -> Scene:
    settled = tuple(ShownTurn(text) for text in turns[:-1])
    return Scene(Mode.LISTENING, turns=(*settled, ShownTurn(turns[-1], tentative)))


def test_each_state_is_written_once() -> None:
    quiet = Scene(Mode.LISTENING, elapsed=1)
    loud = Scene(Mode.LISTENING, elapsed=2, level=1.0)
    assert lines_for(Scene(Mode.READY), quiet, loud, quiet) == ["Ready", "Listening"]


def test_each_turn_is_written_once_when_it_is_finished() -> None:
    assert lines_for(
        session("good"),
        session("good morning", tentative="every"),
        session("Good morning.", "the kitchen"),
        session("Good morning.", "The kitchen is closed."),
        Scene(Mode.SAVED, summary=Summary(seconds=5, words=6)),
    ) == [
        "Listening",
        "  Good morning.",
        "  The kitchen is closed.",
        "Saved - 6 words - in 5 s",
    ]


def test_turns_that_leave_the_scene_are_not_written_again() -> None:
    lines = lines_for(
        session("One.", "Two.", "three"),
        session("Two.", "Three.", "four"),
        session("Three.", "Four.", "five"),
        Scene(Mode.SAVED),
    )
    assert [line.strip() for line in lines if line.startswith(" ")] == [
        "One.",
        "Two.",
        "Three.",
        "Four.",
        "five",
    ]


def test_turns_that_were_missed_are_written_too() -> None:
    lines = lines_for(session("One.", "two"), session("One.", "Two.", "Three.", "four"))
    assert [line.strip() for line in lines if line.startswith(" ")] == ["One.", "Two.", "Three."]


def test_a_fault_is_written_with_its_remedy() -> None:
    fault = Fault("No microphone", "plug one in")
    assert lines_for(Scene(Mode.READY, fault=fault)) == ["Ready - No microphone - plug one in"]
