"""A session that transcribes a speech at a scripted service, and what it posts."""

import itertools
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from types import TracebackType
from typing import Self

from appliance.controller.transcript import Transcript
from appliance.core.events import Connected, SessionEnded, TurnReceived
from appliance.settings.schema import ServiceSettings
from appliance.streaming.failover import FALLBACK_AFTER
from appliance.streaming.liveness import STALL_TIMEOUT
from appliance.streaming.outcomes import Outcome, Reaction
from appliance.streaming.retry_policy import RetryPolicy
from appliance.streaming.session import Session
from appliance.streaming.spool.backlog import Backlog
from appliance.streaming.tokens import TokenError, TokenSource
from tests.rig.clock import Clock
from tests.rig.comparison import Comparison, compare
from tests.rig.connection import Behaviour, Connection
from tests.rig.numbered import Speech, speech
from tests.rig.posted import Posted
from tests.rig.service import ScriptedService
from tests.streaming.doubles import BEGAN, recording

SPEECH = speech(words=30)


class SkippedWaits(RetryPolicy):
    """Back-off that moves its clock by every wait instead of waiting, and notes the waits."""

    def __init__(self, clock: Clock | None = None) -> None:
        self.clock = clock or Clock()
        self.waits: list[float] = []
        super().__init__(self.clock, jitter=lambda: 1.0)

    def note(self, outcome: Outcome) -> Reaction:
        reaction = super().note(outcome)
        self.waits.append(round(self.wait, 2))
        self.clock.now += self.wait
        return reaction


class ScriptedTokens(TokenSource):
    """Gives these tokens and refusals one after the other, the last one again and again."""

    def __init__(self, *answers: str | Outcome) -> None:
        self._answers: Iterator[str | Outcome] = itertools.chain(
            answers, itertools.repeat(answers[-1])
        )
        self.fetched = 0
        self.within: list[float | None] = []

    def fetch(self, within: float | None = None) -> str:
        self.fetched += 1
        self.within.append(within)
        answer = next(self._answers)
        if isinstance(answer, Outcome):
            raise TokenError(answer)
        return answer


def settings_for(
    service: ScriptedService, fallback: ScriptedService | None = None
) -> ServiceSettings:
    """Return the settings of a session at a service, with or without a fallback."""
    return ServiceSettings(
        url=service.url,
        token_url=service.token_url,
        fallback_url=fallback.url if fallback else "",
        fallback_token_url=fallback.token_url if fallback else "",
    )


def hang_after(seconds_of_audio: float) -> Behaviour:
    """Read no more once so much audio arrived; the kernel goes on to acknowledge."""

    def hang(connection: Connection) -> None:
        if connection.record.audio_seconds >= seconds_of_audio:
            connection.stopping.wait()

    return Behaviour(ticked=hang)


class RunningSession:
    """A session over a speech, until the `with` block ends."""

    def __init__(
        self,
        service: ScriptedService,
        folder: Path,
        *,
        said: Speech = SPEECH,
        finished: bool = True,
        retry_policy: RetryPolicy | None = None,
        fallback_policy: RetryPolicy | None = None,
        tokens: TokenSource | None = None,
        fallback: ScriptedService | None = None,
        fallback_after: float = FALLBACK_AFTER,
        stall_timeout: float = STALL_TIMEOUT,
        settings: ServiceSettings | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.posted = Posted()
        self.backlog = Backlog(folder / "s1", recording(), self.posted)
        self.backlog.append(said.pcm, BEGAN)
        if finished:
            self.backlog.finish()
        self.retry_policy = retry_policy or SkippedWaits()
        self.session = Session(
            self.backlog,
            settings or settings_for(service, fallback),
            self.posted,
            retry_policy=self.retry_policy,
            fallback_policy=fallback_policy,
            tokens=tokens,
            fallback_after=fallback_after,
            stall_timeout=stall_timeout,
            clock=clock,
        )

    def __enter__(self) -> Self:
        self.session.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.session.abandon()
        self.session.join()

    def wait_for_end(self, within: float = 60.0) -> bool:
        """Wait for the end; return whether everything was transcribed."""
        return self.posted.wait(SessionEnded, within=within).complete

    @property
    def waits(self) -> list[float]:
        assert isinstance(self.retry_policy, SkippedWaits)
        return self.retry_policy.waits

    def heard(self) -> str:
        """Join the turns as the screen does."""
        transcript = Transcript()
        for event in self.posted.events:
            if isinstance(event, Connected):
                transcript.reconnected(event.covered)
            elif isinstance(event, TurnReceived):
                transcript.receive(event.origin, event.turn)
        return " ".join(turn.text for turn in transcript.latest(1000))


def assert_nothing_lost(running: RunningSession, said: Speech = SPEECH) -> None:
    assert compare(said.said, running.heard()) == Comparison(lost=0, doubled=0)
