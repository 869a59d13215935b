"""Retry policy: back-off per reaction, and how fast waiting audio may be sent."""

import random
import time
from collections.abc import Callable

import msgspec

from appliance.core.faults import Fault
from appliance.streaming.outcomes import Outcome, Reaction, Rule, fault_for, rule_for

MIN_GAIN = 60.0
"""Seconds of lead over real time that a new connection must bring to be worth its handshake."""


MANY_TIMES = 3
"""Ends without progress that are no accident, though each alone would be no fault."""

SIGN_IN_TIME = 120.0
"""Seconds after which more than a login page may be wrong."""


class Delay(msgspec.Struct, frozen=True):
    """Seconds to wait before a retry: `first`, doubled after each one up to `longest`, jittered."""

    first: float
    longest: float


DELAYS = {
    Reaction.RECONNECT: Delay(0.25, 5.0),
    Reaction.SIGN_IN: Delay(1.0, 5.0),
    Reaction.RETRY: Delay(0.25, 30.0),
    Reaction.AT_ONCE: Delay(0.0, 0.0),
    Reaction.SLOWER: Delay(0.0, 0.0),
    Reaction.NEW_TOKEN: Delay(0.0, 0.0),
    Reaction.WAIT: Delay(10.0, 60.0),
    Reaction.OWNER: Delay(60.0, 600.0),
}


class Pace(msgspec.Struct, frozen=True):
    """How far a connection's audio may run ahead of real time, which is as fast as it is spoken.

    It starts with `lead` seconds of audio at once, goes on at `speed` seconds of audio per second,
    and never gets more than `max_lead` seconds ahead.

        >>> pace = Pace(lead=20.0, speed=12.0, max_lead=240.0)
        >>> [pace.allowance(elapsed) for elapsed in (0.0, 10.0, 60.0)]
        [20.0, 140.0, 300.0]
    """

    lead: float
    speed: float
    max_lead: float

    def allowance(self, elapsed: float) -> float:
        """Return the seconds of audio that may have been sent after `elapsed` seconds."""
        return min(self.lead + self.speed * elapsed, elapsed + self.max_lead)

    def is_at_max_lead(self, elapsed: float) -> bool:
        """Return whether only a new connection could get further ahead, and by enough."""
        return self.lead + self.speed * elapsed > elapsed + self.max_lead >= elapsed + MIN_GAIN


PACES = (
    Pace(lead=20.0, speed=12.0, max_lead=240.0),
    Pace(lead=1.0, speed=1.2, max_lead=240.0),
    Pace(lead=0.5, speed=1.0, max_lead=0.5),
)
"""From the first attempt to the slowest, real time.

The service refuses audio that runs too far ahead of real time and does not say how far is too far
(the protocol's "Rate"): the first attempt is fast, and each refusal makes the next one slower.
"""


class RetryPolicy:
    """When to try again, and how fast to send then, after all outcomes so far.

    A session that becomes a delivery hands its policy on.

        >>> from appliance.streaming.outcomes import Stage
        >>> policy = RetryPolicy(clock=lambda: 0.0, jitter=lambda: 1.0)
        >>> policy.note(Outcome(Stage.SESSION, 3005, "Server error")).name, policy.wait
        ('RETRY', 0.25)
        >>> policy.note(Outcome(Stage.SESSION, 3005, "Server error")).name, policy.wait
        ('RETRY', 0.5)

    Args:
        clock: monotonic seconds.
        jitter: a random number from 0 to 1; at 0 a delay is halved.
    """

    def __init__(
        self,
        clock: Callable[[], float] = time.monotonic,
        jitter: Callable[[], float] = random.random,
    ) -> None:
        self._clock = clock
        self._jitter = jitter
        self._pace = 0
        self._attempts: dict[Reaction, int] = {}
        self._without_progress = 0
        self._behind_page_since: float | None = None
        self._next_at = clock()
        self.may_hurry = True
        """Whether a person who waits may cut the delay short."""

    @property
    def pace(self) -> Pace:
        """How fast a backlog may be sent."""
        return PACES[self._pace]

    @property
    def wait(self) -> float:
        """Seconds until the next attempt may be made."""
        return max(0.0, self._next_at - self._clock())

    def note_success(self, *, progress: bool = True) -> None:
        """Reset the delays: a connection was useful, so the next failure is a new one.

        One that only lasted made no `progress`.
        """
        self._attempts.clear()
        if progress:
            self._without_progress = 0
        self._behind_page_since = None

    def fault(self, outcome: Outcome) -> Fault | None:
        """Return the fault to show for an outcome that is not noted yet."""
        return fault_for(outcome, persists=self._persists(outcome))

    def rule(self, outcome: Outcome) -> Rule:
        """Return the rule for an outcome, after all earlier ones."""
        return rule_for(outcome, persists=self._persists(outcome))

    def _persists(self, outcome: Outcome) -> bool:
        """Return whether an outcome that is not noted yet came before, for long or many times."""
        if rule_for(outcome).may_become_fault:
            return self._without_progress + 1 >= MANY_TIMES
        since = self._behind_page_since
        return since is not None and self._clock() - since >= SIGN_IN_TIME

    def note(self, outcome: Outcome) -> Reaction:
        """Set the time of the next attempt after an outcome; return the reaction to it."""
        rule = self.rule(outcome)
        if not rule_for(outcome).at_first and outcome.code is not None:
            self._behind_page_since = None  # the service itself has answered
        elif rule_for(outcome).at_first and self._behind_page_since is None:
            self._behind_page_since = self._clock()
        reaction = self._reaction(rule.reaction)
        attempts = self._attempts.get(reaction, 0)
        self._attempts[reaction] = attempts + 1
        self._without_progress += rule.may_become_fault
        delay = DELAYS[reaction]
        # A night without network is a thousand attempts, and 2.0**1024 overflows.
        grown = min(delay.first * 2.0 ** min(attempts, 16), delay.longest)
        self._next_at = self._clock() + grown * (0.5 + self._jitter() / 2)
        # More often than this would be hammering: a refusal does not go away by asking again.
        self.may_hurry = reaction in (Reaction.RECONNECT, Reaction.RETRY, Reaction.SIGN_IN)
        return reaction

    def _reaction(self, reaction: Reaction) -> Reaction:
        """Return the table's reaction, or a slower one where that was tried without success."""
        if reaction is Reaction.SLOWER and self._pace + 1 < len(PACES):
            self._pace += 1
        elif reaction is Reaction.NEW_TOKEN and reaction in self._attempts:
            return Reaction.OWNER
        elif reaction in (Reaction.AT_ONCE, Reaction.SLOWER) and reaction in self._attempts:
            return Reaction.RETRY
        return reaction
