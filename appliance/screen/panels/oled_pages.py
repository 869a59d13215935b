"""Dirty regions of an OLED: pictures as pages, and the stretches in which they differ.

The memory of SSD1306 and SH1106 consists of pages: rows of bytes, each of which is a column of
eight pixels, the lowest bit on top (SSD1306 data sheet, section 8.7).
"""

from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

from PIL import Image

Pages = list[bytes]

UNKNOWN = b""
"""Page of unknown contents."""

MERGE_GAP = 8
"""Largest number of equal bytes between two changes that are sent as one stretch."""

COLUMN_ADDRESS, PAGE_ADDRESS = 0x21, 0x22
PAGE_START, COLUMN_LOW, COLUMN_HIGH = 0xB0, 0x00, 0x10

SH1106_FIRST_COLUMN = 2
"""The panel shows columns 2 to 129 of the controller's 132."""


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
    """Yield what to send to get from one picture to the other; everything if `before` is None."""
    for page, (old, new) in enumerate(zip(before or [UNKNOWN] * len(after), after, strict=True)):
        if old == UNKNOWN:
            yield Stretch(page, 0, new)
        elif old != new:
            for first, last in _runs(old, new):
                yield Stretch(page, first, new[first : last + 1])


def _runs(old: bytes, new: bytes) -> Iterator[tuple[int, int]]:
    """Yield the first and last column of each run of changes; close runs are merged."""
    changed = [column for column in range(len(new)) if old[column] != new[column]]
    first = last = changed[0]
    for column in changed[1:]:
        if column - last > MERGE_GAP:
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
    """Send a stretch to an SH1106, which only has page addressing."""
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
"""Functions that send a stretch, by luma's driver and width."""
