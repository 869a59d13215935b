"""Waiting for what a test expects, without saying when it has to come."""

import time
from collections.abc import Callable


def wait_until(condition: Callable[[], object], within: float = 20.0) -> None:
    """Return as soon as the condition holds.

    Raises:
        AssertionError: it doesn't hold after `within` seconds.
    """
    deadline = time.monotonic() + within
    while not condition():
        assert time.monotonic() < deadline, f"waited {within:g} s in vain"
        time.sleep(0.005)
