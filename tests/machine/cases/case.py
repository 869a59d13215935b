"""Case of the machine tests, for the runner."""

from collections.abc import Callable
from typing import NamedTuple

from tests.machine.pi import VirtualPi


class Case(NamedTuple):
    """Case: something that a box in somebody's kitchen must survive.

    `run` returns a remark for the table, and raises an AssertionError if the box failed. It gets a
    box that is installed and ready; if it `leaves_box_changed`, the next case gets another box.
    """

    name: str
    run: Callable[[VirtualPi], str]
    leaves_box_changed: bool = False
