"""Only what changed goes over the bus: pictures as pages, and the stretches in which they differ.

The SSD1306's and SH1106's memory is made of pages: rows of bytes, each of which is eight pixels
below each other, the lowest bit on top (SSD1306 data sheet, section 8.7).
"""

from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

from PIL import Image

Pages = list[bytes]

UNKNOWN = b""
"""Stands for a page of which nobody knows what it shows."""

WORTHWHILE = 8
"""Bytes that are alike between two changes, from which on it is cheaper to address both."""

COLUMN_ADDRESS, PAGE_ADDRESS = 0x21, 0x22
PAGE_START, COLUMN_LOW, COLUMN_HIGH = 0xB0, 0x00, 0x10

SH1106_FIRST_COLUMN = 2
"""The glass shows columns 2 to 129 of the controller's 132."""


class Stretch(NamedTuple):
    """Bytes for one page, from one column on."""

    page: int
    column: int
    data: bytes


def packed(picture: Image.Image) -> Pages:
    """Return a one-bit picture, whose height is a multiple of 8, as pages."""
    columns = picture.transpose(Image.Transpose.TRANSPOSE).tobytes("raw", "1;R")
    pages = picture.height // 8
    return [columns[page::pages] for page in range(pages)]


def changes(before: Pages | None, after: Pages) -> Iterator[Stretch]:
    """Return what must be sent to get from one picture to the other; all of it from None."""
    for page, (old, new) in enumerate(zip(before or [UNKNOWN] * len(after), after, strict=True)):
        if old == UNKNOWN:
            yield Stretch(page, 0, new)
        elif old != new:
            for first, last in _runs(old, new):
                yield Stretch(page, first, new[first : last + 1])


def _runs(old: bytes, new: bytes) -> Iterator[tuple[int, int]]:
    """Return the first and last columns of each run of changes, neighbouring runs as one."""
    changed = [column for column in range(len(new)) if old[column] != new[column]]
    first = last = changed[0]
    for column in changed[1:]:
        if column - last > WORTHWHILE:
            yield first, last
            first = column
        last = column
    yield first, last


def send_to_ssd1306(bus: Any, stretch: Stretch) -> None:  # noqa: ANN401 - luma ships no types
    """Send a stretch to an SSD1306 or SSD1309 in horizontal addressing mode."""
    page, first, data = stretch
    last = first + len(data) - 1
    bus.command(COLUMN_ADDRESS, first, last, PAGE_ADDRESS, page, page)
    bus.data(data)


def send_to_sh1106(bus: Any, stretch: Stretch) -> None:  # noqa: ANN401 - luma ships no types
    """Send a stretch to an SH1106, which knows page addressing alone."""
    page, first, data = stretch
    column = first + SH1106_FIRST_COLUMN
    bus.command(PAGE_START | page, COLUMN_LOW | column & 0x0F, COLUMN_HIGH | column >> 4)
    bus.data(data)


Sender = Callable[[Any, Stretch], None]

SENDERS: dict[tuple[str, int], Sender] = {
    ("ssd1306", 128): send_to_ssd1306,
    ("ssd1309", 128): send_to_ssd1306,
    ("sh1106", 128): send_to_sh1106,
}
"""How to send a stretch, by luma's driver and its width; others get whole pictures from luma."""
