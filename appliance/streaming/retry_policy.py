"""When the next try comes: growing, jittered delays, and the answers that are given only once."""

import random
import time
from collections.abc import Callable

import msgspec

from appliance.streaming.outcomes import Outcome, Reaction, rule_for
from appliance.streaming.pace import PACES, Pace


class Delay(msgspec.Struct, frozen=True):
    """Seconds to wait before a try: twice as long after each one, up to `longest`, jittered."""

    first: float
    longest: float


DELAYS = {
    Reaction.RECONNECT: Delay(0.25, 5.0),
    Reaction.RETRY: Delay(0.25, 30.0),
    Reaction.AT_ONCE: Delay(0.0, 0.0),
    Reaction.SLOWER: Delay(0.0, 0.0),
    Reaction.NEW_TOKEN: Delay(0.0, 0.0),
    Reaction.WAIT: Delay(10.0, 60.0),
    Reaction.OWNER: Delay(60.0, 600.0),
}


class RetryPolicy:
    """What the tries so far have taught; handed on when a session becomes a delivery.

    `chance` is a random number from 0 to 1, `clock` monotonic seconds.
    """

    def __init__(
        self,
        clock: Callable[[], float] = time.monotonic,
        chance: Callable[[], float] = random.random,
    ) -> None:
        self._clock = clock
        self._chance = chance
        self._pace = 0
        self._tries: dict[Reaction, int] = {}
        self._next_at = clock()
        self.hurried = True

    @property
    def pace(self) -> Pace:
        """How fast a backlog may be sent."""
        return PACES[self._pace]

    @property
    def wait(self) -> float:
        """Seconds until the next try may be made."""
        return max(0.0, self._next_at - self._clock())

    def note_success(self) -> None:
        """Note that a connection was of use: what comes now is a new trouble."""
        self._tries.clear()

    def note(self, outcome: Outcome) -> Reaction:
        """Note how a try ended, and set the time of the next; return how that was answered."""
        reaction = self._reaction(outcome)
        tries = self._tries.get(reaction, 0)
        self._tries[reaction] = tries + 1
        delay = DELAYS[reaction]
        # A night without network is a thousand tries, and 2.0**1024 is no number.
        grown = min(delay.first * 2.0 ** min(tries, 16), delay.longest)
        self._next_at = self._clock() + grown * (0.5 + self._chance() / 2)
        # A person who waits for the last words may shorten a delay, but not hammer.
        self.hurried = reaction in (Reaction.RECONNECT, Reaction.RETRY)
        return reaction

    def _reaction(self, outcome: Outcome) -> Reaction:
        """Return the table's reaction, unless it was given already and has gained nothing."""
        reaction = rule_for(outcome).reaction
        if reaction is Reaction.SLOWER and self._pace + 1 < len(PACES):
            self._pace += 1
        elif reaction is Reaction.NEW_TOKEN and reaction in self._tries:
            return Reaction.OWNER
        elif reaction in (Reaction.AT_ONCE, Reaction.SLOWER) and reaction in self._tries:
            return Reaction.RETRY
        return reaction
