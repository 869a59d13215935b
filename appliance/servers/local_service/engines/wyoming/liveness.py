"""Liveness of a Wyoming server that owes an answer: slow or hung.

The protocol has no ping, but a server describes itself to whoever asks, on another connection.
Current servers do so at once even while they transcribe; older ones do one thing at a time, and are
silent until the transcript is ready. A server counts as hung if it is silent for far longer than it
was before with about as much audio.
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable

import msgspec

from appliance.servers.local_service.engines.base import RecognizerError

PROBE_INTERVAL = 1.0
"""Seconds between two probes."""

MIN_SILENCE_LIMIT = 4.0
"""Seconds of silence that are always allowed, however fast the server was before."""

INITIAL_SILENCE_LIMIT = 6.0
"""Seconds of silence that are allowed before the server's first transcript."""

MAX_SILENCE_LIMIT = 60.0
"""Seconds of silence after which any server counts as hung."""

LIMIT_FACTOR = 3
"""A silence may last this many times as long as an earlier one: the server may have other work."""

HISTORY_LENGTH = 20
"""How many of the latest silences are remembered: a machine may be busy for a while."""


class UnresponsiveError(RecognizerError):
    """The server hangs, or its machine is not there: it was silent for too long."""


class _Silence(msgspec.Struct, frozen=True):
    """Seconds for which a server was silent while it had so many seconds of audio to transcribe."""

    audio: float
    lasted: float


class SilenceHistory:
    """The latest silences of a server, from which follows how long the next may last.

    All utterances share it, on whatever threads. The limits are in seconds.
    """

    def __init__(
        self,
        min_limit: float = MIN_SILENCE_LIMIT,
        initial_limit: float = INITIAL_SILENCE_LIMIT,
        max_limit: float = MAX_SILENCE_LIMIT,
    ) -> None:
        self._min_limit = min_limit
        self._initial_limit = initial_limit
        self._max_limit = max_limit
        self._silences: tuple[_Silence, ...] = ()  # replaced as a whole, for the other threads

    def record(self, audio: float, lasted: float) -> None:
        """Record the longest silence, in seconds, with so many seconds of audio."""
        latest = _Silence(max(audio, 0.1), lasted)
        self._silences = (latest, *self._silences)[:HISTORY_LENGTH]

    def limit(self, audio: float) -> float:
        """Return how many seconds a silence may last with so many seconds of audio."""
        if not self._silences:
            return self._initial_limit
        nearest = min(self._silences, key=lambda silence: abs(silence.audio - audio))
        expected = nearest.lasted * max(1.0, audio / nearest.audio)
        return min(max(LIMIT_FACTOR * expected, self._min_limit), self._max_limit)


class LivenessMonitor:
    """Probes a server while it owes an answer.

    Args:
        probe: asks the server for a sign of life, and returns only when that has come.
        history: the silences of the server.
        interval: seconds between two probes.
    """

    def __init__(
        self,
        probe: Callable[[], Awaitable[None]],
        history: SilenceHistory,
        interval: float = PROBE_INTERVAL,
    ) -> None:
        self._probe = probe
        self._history = history
        self._interval = interval

    @contextlib.asynccontextmanager
    async def watch(
        self, audio: Callable[[], float], min_limit: float = 0.0
    ) -> AsyncIterator[None]:
        """Interrupt the `async with` block if the server hangs.

        Args:
            audio: returns how many seconds of audio the server has received so far.
            min_limit: seconds of silence that are allowed whatever the history says.

        Raises:
            UnresponsiveError: the server hangs.
        """
        answer = _PendingAnswer(
            self._probe,
            self._interval,
            lambda: max(min_limit, self._history.limit(audio())),
        )
        try:
            async with asyncio.timeout(None) as timeout:
                probing = asyncio.create_task(answer.keep_probing(timeout))
                try:
                    yield
                finally:
                    probing.cancel()
                    with contextlib.suppress(asyncio.CancelledError):
                        await probing
        except TimeoutError as error:
            if not timeout.expired():
                raise
            # If it was only slow, the next attempt with the same audio gets more time.
            self._history.record(audio(), answer.longest_silence)
            raise UnresponsiveError from error
        self._history.record(audio(), answer.longest_silence)


class _PendingAnswer:
    """One answer that a server owes, and the probes until it comes."""

    def __init__(
        self,
        probe: Callable[[], Awaitable[None]],
        interval: float,
        silence_limit: Callable[[], float],
    ) -> None:
        self._probe = probe
        self._interval = interval
        self._silence_limit = silence_limit
        self._clock = asyncio.get_running_loop().time
        self._longest_silence = 0.0
        self._silent_since: float | None = self._clock()

    @property
    def longest_silence(self) -> float:
        """The longest silence so far, in seconds."""
        if self._silent_since is None:
            return self._longest_silence
        return max(self._longest_silence, self._clock() - self._silent_since)

    async def keep_probing(self, timeout: asyncio.Timeout) -> None:
        """Postpone the timeout with each sign of life."""
        while True:
            timeout.reschedule(self._clock() + self._interval + self._silence_limit())
            await asyncio.sleep(self._interval)
            self._silent_since = self._clock()
            await self._probe()
            self._longest_silence, self._silent_since = self.longest_silence, None
