"""Failover between two services: the primary one, and the one to fall back on.

Every session begins at the primary. The other one is tried when the current one was useless for
`FALLBACK_AFTER` seconds; while both are away they are tried in turns.
"""

import logging
import time
from collections.abc import Callable

import msgspec

from appliance.core.faults import Fault
from appliance.core.network_errors import Cause
from appliance.settings.schema import ServiceSettings
from appliance.streaming.outcomes import NOT_FOUND, Outcome, Reaction, Stage
from appliance.streaming.retry_policy import RetryPolicy

log = logging.getLogger(__name__)

FALLBACK_AFTER = 10.0
"""Seconds without a useful connection after which the other service is tried."""

AWAY = (Reaction.RECONNECT, Reaction.RETRY, Reaction.SIGN_IN, Reaction.WAIT)
"""Reactions to a service that can't be reached just now: the network is away, or the service or
its token server has a fault or no room.

A refused key, a bad setting or an empty account is no reason to fall back: the service was
reached, only its owner can fix that, and would not notice if everything worked all the same.
"""

BELIEVED_AFTER = 3
"""Connections without heartbeats after which a service does not send them any more."""

NEEDS_OWNER = (Reaction.OWNER, Reaction.NEW_TOKEN)


class Candidate:
    """One of the two services, and what the attempts at it have taught.

    Attributes:
        refusal: what its owner must fix there.
        unstable: whether its last connection began, and dropped before it was useful.
        has_heartbeats: whether it has acknowledged audio on a connection.
    """

    def __init__(
        self, settings: ServiceSettings, retry_policy: RetryPolicy, *, is_fallback: bool = False
    ) -> None:
        self.settings = settings
        self.retry_policy = retry_policy
        self.is_fallback = is_fallback
        self.refusal: Fault | None = None
        self.unstable = False
        self.has_heartbeats = False
        self._without_heartbeats = 0

    def note_heartbeats(self, *, came: bool, heard_turn: bool) -> None:
        """Note whether heartbeats came on a connection that was long enough for them.

        A service that hears, and does not send any more of them, is believed after some time.
        """
        self._without_heartbeats = self._without_heartbeats + heard_turn if not came else 0
        self.has_heartbeats = came or (
            self.has_heartbeats and self._without_heartbeats < BELIEVED_AFTER
        )

    def fault(self, outcome: Outcome) -> Fault | None:
        """Return the fault to show for an outcome here; None when the person need not notice.

        What the owner must fix at the fallback names the fallback: the primary may be fine.
        """
        fault = self.retry_policy.fault(outcome)
        needs_owner = self.retry_policy.rule(outcome).reaction in NEEDS_OWNER
        if fault and self.is_fallback and needs_owner:
            what = f"Fallback: {fault.what[:1].lower()}{fault.what[1:]}"
            return msgspec.structs.replace(fault, what=what, remedy=self._remedy(outcome, fault))
        return fault

    def _remedy(self, outcome: Outcome, fault: Fault) -> str:
        if not (outcome.code in NOT_FOUND or outcome.cause is Cause.UNUSABLE):
            return fault.remedy
        of_token = outcome.stage is Stage.TOKEN and self.settings.fallback_token_url
        return "check fallback_token_url" if of_token else "check fallback_url"


class Failover:
    """The services of one session; `current` is the one to try next.

    Args:
        settings: where both services are; without `fallback_url` there is only the primary.
        retry_policy: what earlier attempts at the primary have taught.
        fallback_after: seconds without a useful connection after which the other one is tried.
        clock: monotonic seconds.
        fallback_policy: what earlier attempts at the fallback have taught.
    """

    def __init__(
        self,
        settings: ServiceSettings,
        retry_policy: RetryPolicy,
        fallback_after: float = FALLBACK_AFTER,
        clock: Callable[[], float] = time.monotonic,
        fallback_policy: RetryPolicy | None = None,
    ) -> None:
        self.primary = self.current = Candidate(settings, retry_policy)
        self._other = _fallback(settings, fallback_policy or RetryPolicy(clock))
        self._fallback_after = fallback_after
        self._clock = clock
        self._useless_since: float | None = None
        self._has_switched = False
        self._fault: Fault | None = None
        self._announced: set[Candidate] = set()

    @property
    def time_left(self) -> float | None:
        """Seconds after which an attempt at the current service is given up; None for never.

        It may take longer while the other one must not be tried yet.
        """
        if self._other is None:
            return None
        now = self._clock()
        since = now if self._useless_since is None else self._useless_since
        return max(since + self._fallback_after - now, self._other.retry_policy.wait)

    def note_attempt(self) -> None:
        """Note that the current service is about to be tried."""
        if self._useless_since is None:
            self._useless_since = self._clock()

    def note_success(self, *, progress: bool = True) -> None:
        """Note that a connection was useful: the next failure is a new one.

        One that only lasted made no `progress`.
        """
        self.current.retry_policy.note_success(progress=progress)
        self._useless_since = None
        self._announced.clear()
        self._fault = None
        for candidate in (self.current, self._other):
            if candidate:
                candidate.refusal = None

    def fault(self, outcome: Outcome) -> Fault | None:
        """Return the fault to show for an outcome of the current service, before it is noted.

        While this service is merely away, what the owner must fix at the other one stays shown.
        An attempt that was given up before it began says nothing new.
        """
        is_away = self.current.retry_policy.rule(outcome).reaction in AWAY
        if self._other and self._other.refusal and is_away:
            return self._other.refusal
        if outcome.cause is Cause.NEVER_BEGAN and self._fault:
            return self._fault
        return self.current.fault(outcome)

    def note(self, outcome: Outcome, last_alive_at: float | None = None) -> float:
        """Note how an attempt ended; return the seconds until the next one, at either service.

        `last_alive_at` is when the connection last gave a sign of life, in monotonic seconds: from
        then on, one that was useful no longer is.
        """
        if self._useless_since is None:
            self._useless_since = self._clock() if last_alive_at is None else last_alive_at
        self._fault = self.fault(outcome) or self._fault
        if self.current.retry_policy.rule(outcome).reaction in NEEDS_OWNER:
            self.current.refusal = self.current.fault(outcome)
        reaction = self.current.retry_policy.note(outcome)
        wait = self.current.retry_policy.wait
        if not (reaction in AWAY or self._has_switched):
            self._useless_since = None
        elif self._other:
            is_refused = reaction is Reaction.OWNER
            left = self._other.retry_policy.wait if is_refused else self.time_left
            if left is not None and left <= wait:
                self._switch_to(self._other)
                return left
        return wait

    def _switch_to(self, other: Candidate) -> None:
        self.current, self._other = other, self.current
        self._useless_since = None
        self._has_switched = True
        # A night without either must not fill the log with warnings.
        level = logging.DEBUG if other in self._announced else logging.WARNING
        log.log(
            level, "switching to the %s service", "fallback" if other.is_fallback else "primary"
        )
        self._announced.add(other)


def _fallback(settings: ServiceSettings, retry_policy: RetryPolicy) -> Candidate | None:
    if not settings.fallback_url:
        return None
    there = msgspec.structs.replace(settings, url=settings.fallback_url)
    return Candidate(there, retry_policy, is_fallback=True)
