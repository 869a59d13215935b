"""Whether a Wyoming server that owes an answer is still at it, or hangs.

The protocol has no ping, but a server says what it is to whoever asks, on a connection of its own.
While one of today's thinks about an utterance, it answers that at once; older ones can do only one
thing at a time, and are silent until they have thought. So it matters for how long a server was
silent before, over about as much audio: one that is silent for far longer hangs.
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable

import msgspec

from appliance.servers.local_service.engines.base import RecognizerError

BETWEEN = 1.0
"""Seconds between two questions whether the server is there."""

LEAST = 4.0
"""Seconds of silence that prove nothing, however fast a server was before."""

UNKNOWN = 6.0
"""Seconds for which a server may be silent that has not transcribed anything yet."""

MOST = 60.0
"""Seconds of silence after which any server hangs."""

FACTOR = 3
"""A silence may last so many times as long as the one that is known; at times others ask, too."""

KEPT = 20
"""How many of the last silences are known: a machine may be busy with something else for a time."""


class _Silence(msgspec.Struct, frozen=True):
    """For how long a server was silent over so much audio; both in seconds."""

    audio: float
    lasted: float


class Silences:
    """What is known of a server's silences; all its utterances, on whatever threads, share it."""

    def __init__(self, least: float = LEAST, unknown: float = UNKNOWN, most: float = MOST) -> None:
        self._least = least
        self._unknown = unknown
        self._most = most
        self._known: tuple[_Silence, ...] = ()  # replaced as a whole, so no thread sees half of it

    def note(self, audio: float, lasted: float) -> None:
        """Note the longest silence over so many seconds of audio."""
        self._known = (_Silence(max(audio, 0.1), lasted), *self._known)[:KEPT]

    def bearable(self, audio: float) -> float:
        """Return for how many seconds the server may be silent over so many seconds of audio."""
        if not self._known:
            return self._unknown
        nearest = min(self._known, key=lambda known: abs(known.audio - audio))
        expected = nearest.lasted * max(1.0, audio / nearest.audio)
        return min(max(FACTOR * expected, self._least), self._most)


class SilentError(RecognizerError):
    """A server gave no sign of life for so long that it hangs, or is not there."""


class Liveness:
    """Feels a server's pulse while it owes an answer.

    `sign_of_life` asks whether the server is there; it returns when that answers or refuses to,
    and not before.
    """

    def __init__(
        self,
        sign_of_life: Callable[[], Awaitable[None]],
        silences: Silences,
        between: float = BETWEEN,
    ) -> None:
        self._sign_of_life = sign_of_life
        self._silences = silences
        self._between = between

    @contextlib.asynccontextmanager
    async def felt(self, audio: Callable[[], float], patience: float = 0.0) -> AsyncIterator[None]:
        """Interrupt what is done in this context when the server hangs.

        `audio` returns how many seconds of audio the server was asked about until now. It may be
        silent for `patience` seconds, however little is known of it.

        Raises:
            SilentError: it hangs.
        """
        watch = _Watch(
            self._sign_of_life,
            self._between,
            lambda: max(patience, self._silences.bearable(audio())),
        )
        try:
            async with asyncio.timeout(None) as limit:
                watching = asyncio.create_task(watch.keep(limit))
                try:
                    yield
                finally:
                    watching.cancel()
                    with contextlib.suppress(asyncio.CancelledError):
                        await watching
        except TimeoutError as error:
            if not limit.expired():
                raise
            # should it only have been slow, it is given longer when it is asked the same again
            self._silences.note(audio(), watch.longest)
            raise SilentError from error
        self._silences.note(audio(), watch.longest)


class _Watch:
    """Asks for signs of life, over one answer."""

    def __init__(
        self,
        sign_of_life: Callable[[], Awaitable[None]],
        between: float,
        bearable: Callable[[], float],
    ) -> None:
        self._sign_of_life = sign_of_life
        self._between = between
        self._bearable = bearable
        self._clock = asyncio.get_running_loop().time
        self._longest = 0.0
        self._silent_since: float | None = self._clock()

    @property
    def longest(self) -> float:
        """The longest silence until now, in seconds."""
        if self._silent_since is None:
            return self._longest
        return max(self._longest, self._clock() - self._silent_since)

    async def keep(self, limit: asyncio.Timeout) -> None:
        """Let the time-out begin anew with each sign of life."""
        while True:
            limit.reschedule(self._clock() + self._between + self._bearable())
            await asyncio.sleep(self._between)
            self._silent_since = self._clock()
            await self._sign_of_life()
            self._longest, self._silent_since = self.longest, None
