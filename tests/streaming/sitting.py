"""A session over a speech, with what it posts, and what stands around it."""

import itertools
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from types import TracebackType
from typing import Self

from appliance.controller.transcript import Transcript
from appliance.core.events import Connected, SessionEnded, TurnReceived
from appliance.settings.schema import ServiceSettings
from appliance.streaming.failover import PATIENCE
from appliance.streaming.outcomes import Outcome, Reaction
from appliance.streaming.retry_policy import RetryPolicy
from appliance.streaming.session import Session
from appliance.streaming.spool.backlog import Backlog
from appliance.streaming.tokens import TokenError, TokenSource
from tests.rig.comparison import Comparison, compare
from tests.rig.connection import Behaviour, Connection
from tests.rig.numbered import Speech, speech
from tests.rig.service import ScriptedService
from tests.rig.waiting import wait_until
from tests.streaming.doubles import BEGAN, Inbox, recording

SPEECH = speech(words=30)


class Hurried(RetryPolicy):
    """Notes how long the waits would be, and waits for nothing."""

    def __init__(self) -> None:
        super().__init__(time.monotonic, lambda: 1.0)
        self.waits: list[float] = []

    @property
    def wait(self) -> float:
        return 0.0

    def note(self, outcome: Outcome) -> Reaction:
        reaction = super().note(outcome)
        self.waits.append(round(super().wait, 2))
        return reaction


class Told(TokenSource):
    """Gives the tokens and refusals that it was told to."""

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


def settings_between(
    service: ScriptedService, fallback: ScriptedService | None = None
) -> ServiceSettings:
    """Return the settings of a session that is held with a service, and may go on at another."""
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


class Sitting:
    """A session over a speech, until the `with` block ends."""

    def __init__(
        self,
        service: ScriptedService,
        folder: Path,
        *,
        said: Speech = SPEECH,
        finished: bool = True,
        retry_policy: RetryPolicy | None = None,
        tokens: TokenSource | None = None,
        fallback: ScriptedService | None = None,
        patience: float = PATIENCE,
        settings: ServiceSettings | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.inbox = Inbox()
        self.backlog = Backlog(folder / "s1", recording(), self.inbox.post)
        self.backlog.append(said.pcm, BEGAN)
        if finished:
            self.backlog.finish()
        self.retry_policy = retry_policy or Hurried()
        self.session = Session(
            self.backlog,
            settings or settings_between(service, fallback),
            self.inbox.post,
            retry_policy=self.retry_policy,
            tokens=tokens,
            patience=patience,
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
        wait_until(lambda: self.inbox.of(SessionEnded), within)
        return self.inbox.of(SessionEnded)[0].complete

    @property
    def waits(self) -> list[float]:
        assert isinstance(self.retry_policy, Hurried)
        return self.retry_policy.waits

    def heard(self) -> str:
        """Join the turns as the screen does."""
        transcript = Transcript()
        for event in self.inbox.events:
            if isinstance(event, Connected):
                transcript.reconnected(event.covered)
            elif isinstance(event, TurnReceived):
                transcript.receive(event.origin, event.turn)
        return " ".join(turn.text for turn in transcript.latest(1000))


def assert_nothing_lost(sitting: Sitting, said: Speech = SPEECH) -> None:
    assert compare(said.said, sitting.heard()) == Comparison(lost=0, doubled=0)
