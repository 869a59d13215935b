"""Wait for a condition that a test expects."""

import time
from collections.abc import Callable


def wait_until(condition: Callable[[], object], within: float = 20.0) -> None:
    """Return as soon as the condition holds.

    Raises:
        AssertionError: it does not hold within so many seconds.
    """
    deadline = time.monotonic() + within
    while not condition():
        assert time.monotonic() < deadline, f"did not hold within {within:g} s"
        time.sleep(0.005)
