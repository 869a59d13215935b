"""Terminal panel: pictures as characters; plain lines where the output is no terminal."""

import functools
import io
import os
import sys
import textwrap
from collections.abc import Callable
from typing import TextIO

from PIL import Image

from appliance.core.faults import Fault
from appliance.core.scripts import joined
from appliance.screen import texts
from appliance.screen.burn_in import Brightness
from appliance.screen.panels.base import Panel, PanelError
from appliance.screen.render.text_layout import unformatted_words
from appliance.screen.scene import Scene, ShownTurn
from appliance.settings.schema import DisplaySettings

HOME, CLEAR_ALL, CLEAR_LINE = "\x1b[H", "\x1b[2J", "\x1b[K"
HIDE_CURSOR, SHOW_CURSOR = "\x1b[?25l", "\x1b[?25h"
HOLD, RELEASE = "\x1b[?2026h", "\x1b[?2026l"
"""Between these a terminal paints all at once; terminals that do not know them ignore them."""

MIN_SIZE = os.terminal_size((66, 19))
"""Least size of a terminal that shows the picture: in braille, and a row for the cursor."""

LIT, PLAIN = "\x1b[38;5;153m", "\x1b[0m"

Turns = tuple[ShownTurn, ...]

DEFAULT_SIZE = os.terminal_size((80, 24))
"""Size of a terminal that does not know it."""

HALVES = " \u2580\u2584\u2588"
ASLEEP = "asleep: a press wakes it"
"""Caption below the empty picture of a panel that is asleep."""

TOO_SMALL = f"Enlarge this window to {MIN_SIZE.columns}x{MIN_SIZE.lines} characters"

BRAILLE = 0x2800
DOTS = (0x01, 0x08, 0x02, 0x10, 0x04, 0x20, 0x40, 0x80)
"""The bits of a braille character's dots, row by row, two in each."""


def open_terminal(_settings: DisplaySettings, _bus: object) -> Panel:
    """Open the panel of the driver "terminal"."""
    return standard_output()


def standard_output(caption: Callable[[], str] = str) -> Panel:
    """Return a panel on standard output: pictures in a terminal, plain lines elsewhere.

    A terminal that is dumb, or too small for the picture, has plain lines too.

    `caption` returns the line below the pictures.
    """
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="replace")  # not every locale knows every letter
    if _shows_pictures(sys.stdout):
        return TerminalPanel(sys.stdout, caption, colour=not os.environ.get("NO_COLOR"))
    return LinesPanel(sys.stdout)


class TerminalPanel:
    """Panel in a terminal: with half blocks where it is wide enough, else with braille.

    A picture of 128x64 pixels takes 130x34 or 66x18 characters, frame included; a terminal that has
    become smaller says so instead. Only rows that
    changed are written. The cursor is hidden until `close`, which leaves the picture standing.

    Args:
        stream: the terminal.
        caption: returns the line below the picture.
        measure: returns the terminal's size in characters.
        colour: whether the picture has a colour of its own.
    """

    def __init__(
        self,
        stream: TextIO,
        caption: Callable[[], str] = str,
        measure: Callable[[], os.terminal_size] | None = None,
        *,
        colour: bool = True,
    ) -> None:
        self._stream = stream
        self._caption = caption
        self._lit, self._plain = (LIT, PLAIN) if colour else ("", "")
        self._measure = measure or functools.partial(_size_of, stream.fileno())
        self._size: os.terminal_size | None = None
        self._rows: list[str] = []
        self._picture: Image.Image | None = None
        self._asleep = False

    def show(self, _: Scene, picture: Image.Image) -> None:
        """Write the rows that changed."""
        self._picture = picture
        self._paint(picture)

    def set_brightness(self, brightness: Brightness) -> None:
        """Show only how to wake it while asleep; a terminal does not dim."""
        self._asleep = brightness is Brightness.ASLEEP
        if self._picture:
            self._paint(self._picture)

    def check(self) -> None:
        """Show the picture again if the size of the terminal changed."""
        if self._picture and self._measure() != self._size:
            self._paint(self._picture)

    def clear(self) -> None:
        """Clear the terminal."""
        if self._rows:
            self._rows = []
            self._size = self._picture = None
            self._write(CLEAR_ALL, HOME)

    def close(self) -> None:
        """Show the cursor again, below the picture."""
        self._write(self._below() if self._rows else "", SHOW_CURSOR)

    def _paint(self, picture: Image.Image) -> None:
        size = self._measure()
        written = [] if size == self._size else [HIDE_CURSOR, CLEAR_ALL]
        shown = self._rows if size == self._size else []
        seen, caption = picture, self._caption()
        if self._asleep:
            seen, caption = Image.new("1", picture.size), ASLEEP
        if _is_enough(size):
            whole = [*_framed(_characters(seen, size)), caption]
        else:
            whole = textwrap.wrap(TOO_SMALL, size.columns)
        rows = [row[: size.columns] for row in whole[: size.lines - 1]]
        for number, row in enumerate(rows):
            if number >= len(shown) or shown[number] != row:
                written.append(f"\x1b[{number + 1}H{self._lit}{row}{self._plain}{CLEAR_LINE}")
        self._size, self._rows = size, rows
        self._write(HOLD, *written, self._below(), RELEASE)

    def _below(self) -> str:
        return f"\x1b[{len(self._rows) + 1}H"

    def _write(self, *pieces: str) -> None:
        _write(self._stream, "".join(pieces))


class LinesPanel:
    """Panel of plain lines: each state, fault, remark and finished turn once.

    Args:
        stream: where the lines go.
    """

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._state = ""
        self._turns: Turns = ()
        self._remark = ""

    def show(self, scene: Scene, _: Image.Image) -> None:
        """Write a line for each thing that is new."""
        in_session = scene.mode in texts.IN_SESSION
        turns = scene.turns if in_session else ()
        for turn in _finished(self._turns, turns):
            self._write(f"  {joined(turn.text, turn.tentative)}".rstrip())
        self._turns = turns
        state = _state(scene)
        if state != self._state:
            self._write(state)
            self._state = state
        if scene.remark not in ("", self._remark):
            self._write(scene.remark)
        self._remark = scene.remark

    def set_brightness(self, _: Brightness) -> None:
        """Do nothing: lines have no brightness."""

    def check(self) -> None:
        """Do nothing: lines are written as they come."""

    def clear(self) -> None:
        """Do nothing: lines stay."""

    def close(self) -> None:
        """Do nothing: the stream is not this panel's."""

    def _write(self, line: str) -> None:
        _write(self._stream, f"{line}\n")


def _state(scene: Scene) -> str:
    parts = [texts.STATE[scene.mode], "at the fallback service" if scene.on_fallback else ""]
    if scene.fault:
        parts += [scene.fault.what, scene.fault.remedy]
    elif scene.summary:
        parts += [texts.words(scene.summary), texts.length(scene.summary)]
    return " - ".join(part for part in parts if part)


def _finished(before: Turns, now: Turns) -> Turns:
    """Return the turns that are no longer the newest, or came and went between two scenes."""
    if not now:
        return before[-1:]
    new = next(new for new in range(len(now) + 1) if _continues(before, now[: len(now) - new]))
    if new == len(now):
        return before[-1:] + now[:-1]
    return now[len(now) - new - 1 : -1]


def _continues(before: Turns, now: Turns) -> bool:
    """Return whether `now` ends with the turn that `before` ended with, which may have grown."""
    pairs = zip(before[-len(now) : -1], now[:-1], strict=False)
    return len(now) <= len(before) and all(
        unformatted_words(a.text) == unformatted_words(b.text) for a, b in pairs
    )


def _framed(rows: list[str]) -> list[str]:
    rule = "\u2500" * len(rows[0])
    return [f"\u256d{rule}\u256e", *(f"\u2502{row}\u2502" for row in rows), f"\u2570{rule}\u256f"]


def _shows_pictures(stream: TextIO) -> bool:
    is_able = stream.isatty() and os.environ.get("TERM") not in {"dumb", "unknown"}
    return is_able and _is_enough(_size_of(stream.fileno()))


def _is_enough(size: os.terminal_size) -> bool:
    """Return whether a terminal of this size shows the whole picture."""
    return size.columns >= MIN_SIZE.columns and size.lines >= MIN_SIZE.lines


def _characters(picture: Image.Image, size: os.terminal_size) -> list[str]:
    """Return the picture as rows of characters, with the largest pixels that fit."""
    fits = size.columns >= picture.width + 2 and size.lines >= picture.height // 2 + 4
    return _halves(picture) if fits else _braille(picture)


def _halves(picture: Image.Image) -> list[str]:
    width, height = picture.size
    lit = picture.convert("L").tobytes()
    rows = [lit[y * width : (y + 1) * width] for y in range(height)]
    return [
        "".join(HALVES[bool(upper) + 2 * bool(lower)] for upper, lower in zip(*pair, strict=True))
        for pair in zip(rows[::2], rows[1::2], strict=True)
    ]


def _braille(picture: Image.Image) -> list[str]:
    return [
        "".join(_cell(picture.crop((x, y, x + 2, y + 4))) for x in range(0, picture.width, 2))
        for y in range(0, picture.height, 4)
    ]


def _cell(pixels: Image.Image) -> str:
    rows = pixels.tobytes()
    lit = (rows[y] >> (7 - x) & 1 for y in range(4) for x in range(2))
    dots = sum(dot for dot, on in zip(DOTS, lit, strict=True) if on)
    return chr(BRAILLE + dots) if dots else " "


def _write(stream: TextIO, text: str) -> None:
    try:
        stream.write(text)
        stream.flush()
    except OSError as error:
        gone = Fault("Nobody reads the output", "start it again", str(error))
        raise PanelError(gone) from error


def _size_of(descriptor: int) -> os.terminal_size:
    """Return a terminal's size; a serial line does not know it and reports 0."""
    size = os.get_terminal_size(descriptor)
    return size if size.columns and size.lines else DEFAULT_SIZE
