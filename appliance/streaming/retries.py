"""When the next try comes: growing, jittered delays, and the answers that are given only once."""

import random
import time
from collections.abc import Callable

import msgspec

from appliance.streaming.endings import Answer, Ending, rule_for
from appliance.streaming.pace import PACES, Pace


class Delay(msgspec.Struct, frozen=True):
    """Seconds to wait before a try: twice as long after each one, up to `longest`, jittered."""

    first: float
    longest: float


DELAYS = {
    Answer.RECONNECT: Delay(0.25, 5.0),
    Answer.RETRY: Delay(0.25, 30.0),
    Answer.AT_ONCE: Delay(0.0, 0.0),
    Answer.SLOWER: Delay(0.0, 0.0),
    Answer.NEW_TOKEN: Delay(0.0, 0.0),
    Answer.WAIT: Delay(10.0, 60.0),
    Answer.OWNER: Delay(60.0, 600.0),
}


class Retries:
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
        self._tries: dict[Answer, int] = {}
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

    def note(self, ending: Ending) -> Answer:
        """Note how a try ended, and set the time of the next; return how that was answered."""
        answer = self._answer(ending)
        tries = self._tries.get(answer, 0)
        self._tries[answer] = tries + 1
        delay = DELAYS[answer]
        # A night without network is a thousand tries, and 2.0**1024 is no number.
        grown = min(delay.first * 2.0 ** min(tries, 16), delay.longest)
        self._next_at = self._clock() + grown * (0.5 + self._chance() / 2)
        # A person who waits for the last words may shorten a delay, but not hammer.
        self.hurried = answer in (Answer.RECONNECT, Answer.RETRY)
        return answer

    def _answer(self, ending: Ending) -> Answer:
        """Return the table's answer, unless it was given already and has gained nothing."""
        answer = rule_for(ending).answer
        if answer is Answer.SLOWER and self._pace + 1 < len(PACES):
            self._pace += 1
        elif answer is Answer.NEW_TOKEN and answer in self._tries:
            return Answer.OWNER
        elif answer in (Answer.AT_ONCE, Answer.SLOWER) and answer in self._tries:
            return Answer.RETRY
        return answer
