"""Slow-down of guesses at the local service's key."""

import time
from collections.abc import Callable

from appliance.servers.connections import network_of
from appliance.servers.sliding_window import SlidingWindow

MAX_GUESSES = 10
"""Wrong keys a minute that a network may send; an appliance with a wrong key sends fewer."""

MAX_NETWORKS = 1000
"""Networks whose guesses are remembered; then those that guessed longest ago are forgotten."""


class GuessLimit:
    """Limit of the wrong keys that the clients of one network may send in a minute.

    >>> guesses = GuessLimit(max_guesses=1, clock=lambda: 0.0)
    >>> guesses.count("192.0.2.7")
    >>> guesses.wait("192.0.2.7"), guesses.wait("192.0.2.8")
    (60, 0)
    """

    def __init__(
        self, max_guesses: int = MAX_GUESSES, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._guesses = SlidingWindow(max_guesses, clock, MAX_NETWORKS)

    def count(self, host: str) -> None:
        """Count a wrong key from this address."""
        self._guesses.count(network_of(host))

    def wait(self, host: str) -> int:
        """Return after how many seconds a key from this address is looked at again; 0 for now."""
        return self._guesses.wait(network_of(host))
