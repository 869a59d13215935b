import os
import pty
import termios
import threading
from collections.abc import Iterator

import pytest

from appliance.app.keyboard import space_bar


@pytest.fixture
def terminal() -> Iterator[tuple[int, int]]:
    """The person's side of a terminal, and the program's."""
    person, program = pty.openpty()
    yield person, program
    os.close(person)
    os.close(program)


@pytest.mark.parametrize("key", [b"q", b"\x03", b"\x04"])
def test_each_space_is_a_press_until_a_key_ends_it(terminal: tuple[int, int], key: bytes) -> None:
    person, program = terminal
    presses = space_bar(program, threading.Event())
    os.write(person, b" ")
    next(presses)
    os.write(person, b"x \n " + key)
    assert len(list(presses)) == 2


def test_keys_are_heard_at_once_and_not_echoed(terminal: tuple[int, int]) -> None:
    person, program = terminal
    presses = space_bar(program, threading.Event())
    os.write(person, b" ")
    next(presses)
    flags = termios.tcgetattr(program)[3]
    assert not flags & (termios.ICANON | termios.ECHO)
    # Ctrl-C is a key that ends it, not a signal that would leave the terminal like this.
    assert not flags & termios.ISIG
    presses.close()


@pytest.mark.parametrize("how", ["key", "closed", "left"])
def test_the_terminal_is_left_as_it_was(terminal: tuple[int, int], how: str) -> None:
    person, program = terminal
    before = termios.tcgetattr(program)
    left = threading.Event()
    presses = space_bar(program, left)
    os.write(person, b" ")
    next(presses)
    assert termios.tcgetattr(program) != before
    if how == "key":
        os.write(person, b"q")
        assert list(presses) == []
    elif how == "left":
        left.set()
        assert list(presses) == []
    else:
        presses.close()
    assert termios.tcgetattr(program) == before


def test_a_terminal_that_is_gone_ends_it() -> None:
    person, program = pty.openpty()
    presses = space_bar(program, threading.Event())
    os.write(person, b" ")
    next(presses)
    os.close(person)
    assert list(presses) == []
    os.close(program)
