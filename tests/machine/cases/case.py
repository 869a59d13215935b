"""What a case is."""

from collections.abc import Callable
from typing import NamedTuple

from tests.machine.pi import VirtualPi


class Case(NamedTuple):
    """Something that a box in somebody's kitchen must live through.

    `put_on` returns what is worth telling, and raises an AssertionError where the box failed. It
    gets a box that was installed and is ready; where it `spoils` the box, the next case gets
    another one.
    """

    name: str
    put_on: Callable[[VirtualPi], str]
    spoils: bool = False
