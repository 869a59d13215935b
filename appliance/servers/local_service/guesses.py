"""Slow-down of guesses at the local service's key."""

import math
import time
from collections import OrderedDict, deque
from collections.abc import Callable

from appliance.servers.connections import network_of

MAX_GUESSES = 10
"""Wrong keys a minute that a network may send; an appliance with a wrong key sends fewer."""

MINUTE = 60.0

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
        self._max_guesses = max_guesses
        self._clock = clock
        self._guesses: OrderedDict[str, deque[float]] = OrderedDict()

    def count(self, host: str) -> None:
        """Count a wrong key from this address."""
        network = network_of(host)
        guesses = self._guesses.setdefault(network, deque(maxlen=self._max_guesses))
        guesses.append(self._clock())
        self._guesses.move_to_end(network)
        if len(self._guesses) > MAX_NETWORKS:
            self._guesses.popitem(last=False)

    def wait(self, host: str) -> int:
        """Return after how many seconds a key from this address is looked at again; 0 for now."""
        guesses = self._guesses.get(network_of(host))
        if guesses is None or len(guesses) < self._max_guesses:
            return 0
        return max(0, math.ceil(guesses[0] + MINUTE - self._clock()))
