"""Which service is tried: the one of the settings, or the one to fall back on while that is away.

Every session begins at the first. The other one has its turn when the present one was of no use
for `PATIENCE` seconds; while both are away they are tried in turns.
"""

import logging
import time
from collections.abc import Callable

import msgspec

from appliance.core.events import Fault
from appliance.core.network_errors import Cause
from appliance.settings.schema import ServiceSettings
from appliance.streaming.outcomes import NOT_FOUND, Outcome, Reaction, Stage, fault_for, rule_for
from appliance.streaming.retry_policy import RetryPolicy

log = logging.getLogger(__name__)

PATIENCE = 10.0
"""Seconds without a useful connection after which a service is out of reach."""

AWAY = (Reaction.RECONNECT, Reaction.RETRY, Reaction.WAIT)
"""What is answered to a service that nobody can reach just now: the network is away, the service
or its token server has a fault, or no room.

A key that is refused, a bad setting or an empty account is no reason to go elsewhere: the service
was reached, only its owner can mend that, and would not be told if it worked all the same.
"""

OF_THE_OWNER = (Reaction.OWNER, Reaction.NEW_TOKEN)


class Endpoint:
    """One of the two services, and what the tries at it have taught.

    `refusal` is what its owner must mend there, `breaks_off` whether its last connection began
    and broke off before it was of use.
    """

    def __init__(
        self, settings: ServiceSettings, retry_policy: RetryPolicy, *, is_fallback: bool = False
    ) -> None:
        self.settings = settings
        self.retry_policy = retry_policy
        self.is_fallback = is_fallback
        self.refusal: Fault | None = None
        self.breaks_off = False

    def fault(self, outcome: Outcome) -> Fault | None:
        """Return what this outcome says of the service; None when it need not be noticed.

        What the owner must mend at the fallback says so: the first one may be as it should.
        """
        fault = fault_for(outcome)
        if fault and self.is_fallback and rule_for(outcome).reaction in OF_THE_OWNER:
            what = f"Fallback: {fault.what[:1].lower()}{fault.what[1:]}"
            return msgspec.structs.replace(fault, what=what, remedy=self._remedy(outcome, fault))
        return fault

    def _remedy(self, outcome: Outcome, fault: Fault) -> str:
        if not (outcome.code in NOT_FOUND or outcome.cause is Cause.UNUSABLE):
            return fault.remedy
        of_token = outcome.stage is Stage.TOKEN and self.settings.fallback_token_url
        return "check fallback_token_url" if of_token else "check fallback_url"


class Failover:
    """The services of one session; `current` is the one to be tried next.

    `retry_policy` is what earlier tries at the first one have taught.
    """

    def __init__(
        self,
        settings: ServiceSettings,
        retry_policy: RetryPolicy,
        patience: float = PATIENCE,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.first = self.current = Endpoint(settings, retry_policy)
        self._other = _fallback(settings, clock)
        self._patience = patience
        self._clock = clock
        self._useless_since: float | None = None
        self._turned = False
        self._fault: Fault | None = None
        self._told: set[Endpoint] = set()

    @property
    def left(self) -> float | None:
        """Seconds after which a try at the current one is to be given up; None: never.

        There is no hurry while the other one may not be tried yet.
        """
        if self._other is None:
            return None
        now = self._clock()
        since = now if self._useless_since is None else self._useless_since
        return max(since + self._patience - now, self._other.retry_policy.wait)

    def note_try(self) -> None:
        """Note that the current one is about to be tried."""
        if self._useless_since is None:
            self._useless_since = self._clock()

    def note_success(self) -> None:
        """Note that a connection was of use: what comes now is a new trouble."""
        self.current.retry_policy.note_success()
        self._useless_since = None
        self._told.clear()
        self._fault = None
        for service in (self.current, self._other):
            if service:
                service.refusal = None

    def fault(self, outcome: Outcome) -> Fault | None:
        """Return what the person is told about this outcome at the current one, before it is noted.

        While this one is merely away, what the owner must mend at the other one stays in sight.
        One that was given up before it began tells nothing new.
        """
        if self._other and self._other.refusal and rule_for(outcome).reaction in AWAY:
            return self._other.refusal
        if outcome.cause is Cause.NEVER_BEGAN and self._fault:
            return self._fault
        return self.current.fault(outcome)

    def note(self, outcome: Outcome, since: float | None = None) -> float:
        """Note how a try ended; return the seconds until the next, wherever that will be.

        `since` is when the connection last gave a sign of life: one that was of use is of none
        from then on.
        """
        if self._useless_since is None:
            self._useless_since = self._clock() if since is None else since
        self._fault = self.fault(outcome) or self._fault
        if rule_for(outcome).reaction in OF_THE_OWNER:
            self.current.refusal = self.current.fault(outcome)
        reaction = self.current.retry_policy.note(outcome)
        wait = self.current.retry_policy.wait
        if not (reaction in AWAY or self._turned):
            self._useless_since = None
        elif self._other:
            left = self._other.retry_policy.wait if reaction is Reaction.OWNER else self.left
            if left is not None and left <= wait:
                self._turn(self._other)
                return left
        return wait

    def _turn(self, other: Endpoint) -> None:
        self.current, self._other = other, self.current
        self._useless_since = None
        self._turned = True
        # A night without either is no thousand warnings.
        level = logging.DEBUG if other in self._told else logging.WARNING
        log.log(level, "going on at the %s service", "fallback" if other.is_fallback else "first")
        self._told.add(other)


def _fallback(settings: ServiceSettings, clock: Callable[[], float]) -> Endpoint | None:
    if not settings.fallback_url:
        return None
    there = msgspec.structs.replace(settings, url=settings.fallback_url)
    return Endpoint(there, RetryPolicy(clock), is_fallback=True)
