"""Case of the machine tests."""

from collections.abc import Callable
from typing import NamedTuple

from tests.machine.pi import VirtualPi


class Case(NamedTuple):
    """Case: something that a box in somebody's kitchen must survive.

    `put_on` returns what is worth telling, and raises an AssertionError where the box failed. It
    gets a box that was installed and is ready; where it `spoils` the box, the next case gets
    another one.
    """

    name: str
    put_on: Callable[[VirtualPi], str]
    spoils: bool = False
