"""Waiting for what another thread does."""

import time
from collections.abc import Callable


def until(condition: Callable[[], object], limit: float = 30.0) -> None:
    """Wait until the condition holds; fail after `limit` seconds."""
    end = time.monotonic() + limit
    while not condition():
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.005)
