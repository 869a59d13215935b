"""The panel in a terminal, pixel for pixel; and as plain lines where there is no terminal."""

import functools
import io
import os
import sys
from collections.abc import Callable
from typing import TextIO

from PIL import Image

from appliance.core.events import Fault
from appliance.screen import texts
from appliance.screen.burn_in import Brightness
from appliance.screen.panels.base import Panel, PanelError
from appliance.screen.render.text_layout import heard
from appliance.screen.scene import Scene, ShownTurn
from appliance.settings.schema import DisplaySettings

HOME, CLEAR_ALL, CLEAR_LINE = "\x1b[H", "\x1b[2J", "\x1b[K"
HIDE_CURSOR, SHOW_CURSOR = "\x1b[?25l", "\x1b[?25h"
HOLD, RELEASE = "\x1b[?2026h", "\x1b[?2026l"
"""Between these a terminal that knows them paints at once; others pass over them."""

LIGHT, PLAIN = "\x1b[38;5;153m", "\x1b[0m"

Turns = tuple[ShownTurn, ...]

USUAL = os.terminal_size((80, 24))
"""Of a terminal that does not know its size."""

HALVES = " \u2580\u2584\u2588"
ASLEEP = "asleep: a press wakes it"
"""Stands below an empty picture."""

BRAILLE = 0x2800
DOTS = (0x01, 0x08, 0x02, 0x10, 0x04, 0x20, 0x40, 0x80)
"""The bits of a braille character's dots, row by row, two in each."""


def open_terminal(_settings: DisplaySettings, _bus: object) -> Panel:
    """Open the panel of the driver "terminal"."""
    return standard_output()


def standard_output(caption: Callable[[], str] = str) -> Panel:
    """Return a panel on standard output: pictures in a terminal, plain lines elsewhere.

    `caption` returns a line to stand below the pictures.
    """
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="replace")  # not every locale knows every letter
    if sys.stdout.isatty():
        return TerminalPanel(sys.stdout, caption)
    return LinesPanel(sys.stdout)


class TerminalPanel:
    """Shows pictures in a terminal: with half blocks where it is wide enough, else with braille.

    A picture of 128x64 pixels takes 130x34 or 66x18 characters, frame included. Only rows that
    changed are written. The cursor is hidden until `close`, which leaves the picture standing.

    Args:
        stream: the terminal.
        caption: returns a line to stand below the picture.
        measure: returns the terminal's size in characters.
    """

    def __init__(
        self,
        stream: TextIO,
        caption: Callable[[], str] = str,
        measure: Callable[[], os.terminal_size] | None = None,
    ) -> None:
        self._stream = stream
        self._caption = caption
        self._measure = measure or functools.partial(_size_of, stream.fileno())
        self._size: os.terminal_size | None = None
        self._rows: list[str] = []
        self._picture: Image.Image | None = None
        self._asleep = False

    def show(self, _: Scene, picture: Image.Image) -> None:
        """Write the rows that differ from what stands there."""
        self._picture = picture
        self._paint(picture)

    def set_brightness(self, brightness: Brightness) -> None:
        """Show nothing but how to wake it while asleep; a terminal knows no dimming."""
        self._asleep = brightness is Brightness.ASLEEP
        if self._picture:
            self._paint(self._picture)

    def check(self) -> None:
        """Show the picture anew where the terminal has another size by now."""
        if self._picture and self._measure() != self._size:
            self._paint(self._picture)

    def clear(self) -> None:
        """Wipe the picture away."""
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
        glass, caption = picture, self._caption()
        if self._asleep:
            glass, caption = Image.new("1", picture.size), ASLEEP
        whole = [*_framed(_characters(glass, size)), caption]
        rows = [row[: size.columns] for row in whole[: size.lines - 1]]
        for number, row in enumerate(rows):
            if number >= len(shown) or shown[number] != row:
                written.append(f"\x1b[{number + 1}H{LIGHT}{row}{PLAIN}{CLEAR_LINE}")
        self._size, self._rows = size, rows
        self._write(HOLD, *written, self._below(), RELEASE)

    def _below(self) -> str:
        return f"\x1b[{len(self._rows) + 1}H"

    def _write(self, *pieces: str) -> None:
        _write(self._stream, "".join(pieces))


class LinesPanel:
    """Tells in plain lines what the panel shows: each state, fault, remark and finished turn once.

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
            self._write(f"  {turn.text} {turn.tentative}".rstrip())
        self._turns = turns
        state = _state(scene)
        if state != self._state:
            self._write(state)
            self._state = state
        if scene.remark not in ("", self._remark):
            self._write(scene.remark)
        self._remark = scene.remark

    def set_brightness(self, _: Brightness) -> None:
        """Lines shine by themselves."""

    def check(self) -> None:
        """Lines are written as they come; there is nothing to check."""

    def clear(self) -> None:
        """Lines stay."""

    def close(self) -> None:
        """The stream is not this panel's to close."""

    def _write(self, line: str) -> None:
        _write(self._stream, f"{line}\n")


def _state(scene: Scene) -> str:
    told = [texts.STATE[scene.mode], "at the fallback service" if scene.on_fallback else ""]
    if scene.fault:
        told += [scene.fault.what, scene.fault.remedy]
    elif scene.summary:
        told += [texts.words(scene.summary), texts.length(scene.summary)]
    return " - ".join(part for part in told if part)


def _finished(before: Turns, now: Turns) -> Turns:
    """Return the turns that were the newest until now, or came and went unseen."""
    if not now:
        return before[-1:]
    new = next(new for new in range(len(now) + 1) if _goes_on(before, now[: len(now) - new]))
    if new == len(now):
        return before[-1:] + now[:-1]
    return now[len(now) - new - 1 : -1]


def _goes_on(before: Turns, now: Turns) -> bool:
    """Tell whether `now` ends with the turn that `before` ended with, which may have grown."""
    pairs = zip(before[-len(now) : -1], now[:-1], strict=False)
    return len(now) <= len(before) and all(heard(a.text) == heard(b.text) for a, b in pairs)


def _framed(rows: list[str]) -> list[str]:
    rule = "\u2500" * len(rows[0])
    return [f"\u256d{rule}\u256e", *(f"\u2502{row}\u2502" for row in rows), f"\u2570{rule}\u256f"]


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
    """Return a terminal's size; a serial line does not know it and says 0."""
    size = os.get_terminal_size(descriptor)
    return size if size.columns and size.lines else USUAL
