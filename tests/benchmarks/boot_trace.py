"""Trace of a program that starts: transfers on the bus, and the times of its imports."""

import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from typing import NamedTuple

from PIL import Image

from tests.rig.oled import Ssd1306

UPDATE_TIME = 0.05
"""Seconds within which the transfers of one picture follow each other."""

IMPORT = re.compile(r"import time:\s+(\d+) \|\s+\d+ \|\s*(\S+)")


class Moment(NamedTuple):
    """Moment of an action: monotonic seconds, and the CPU seconds of the program until then."""

    at: float
    cpu: float


class Transfer(NamedTuple):
    """A message on the bus, at the moment of its end; the bytes are what smbus2's i2c_msg holds."""

    moment: Moment
    content: bytes


class Picture(NamedTuple):
    """Picture that was shown from a moment on."""

    moment: Moment
    image: Image.Image


class _Message:
    """A message as the simulated OLED takes it."""

    def __init__(self, address: int, content: bytes) -> None:
        self.addr = address
        self._content = content

    def __iter__(self) -> Iterator[int]:
        return iter(self._content)


def transfers(lines: Iterable[str]) -> Iterator[Transfer]:
    """Read what the traced bus wrote."""
    for line in lines:
        at, cpu, content = line.split()
        yield Transfer(Moment(float(at), float(cpu)), bytes.fromhex(content))


def pictures(sent: Iterable[Transfer]) -> Iterator[Picture]:
    """Yield what an SSD1306 shows: a new picture for each transfer that changed something."""
    oled = Ssd1306()
    seen = oled.image
    for transfer in sent:
        oled.i2c_rdwr(_Message(oled.address, transfer.content))
        image = oled.image
        if image != seen:
            seen = image
            yield Picture(transfer.moment, image)


def shown(
    seen: Iterable[Picture], words: set[str], words_on: Callable[[Image.Image], set[str]]
) -> Moment | None:
    """Return when the first picture with one of these words on it was complete; None if none was.

    A picture comes in pieces, page by page; it is complete when no other piece follows.
    """
    complete: Moment | None = None
    for picture in seen:
        if complete is None:
            if words & words_on(picture.image):
                complete = picture.moment
        elif picture.moment.at - complete.at < UPDATE_TIME:
            complete = picture.moment
        else:
            break
    return complete


def import_times(lines: Iterable[str]) -> dict[str, float]:
    """Return the seconds that each package took to import, without what it imports itself.

    Source: `python -X importtime`, whose lines are "import time: self [us] | cumulative | name".
    """
    seconds: dict[str, float] = defaultdict(float)
    for line in lines:
        if found := IMPORT.match(line):
            seconds[found[2].partition(".")[0]] += int(found[1]) / 1e6
    return seconds
