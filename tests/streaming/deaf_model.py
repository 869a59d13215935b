"""Model of a service that acknowledges audio, and is deaf at times: no network, no threads.

Everything is in milliseconds and whole audio samples, as in the model of speech.
"""

import random
from dataclasses import dataclass
from typing import Literal

from appliance.core.turns import Turn
from appliance.streaming.messages import Heartbeat, Silence
from tests.streaming.speech_model import MS, Said, Service

HEARTBEAT = 5000
"""Milliseconds between heartbeats."""

SILENCE = 1000
"""Milliseconds between two messages of silence."""

OVERLAP = 500
"""Milliseconds of speech that a silence may reach into."""

Heartbeats = Literal["go on", "stand still", "stop"]


@dataclass(frozen=True)
class Deafness:
    """When no audio is heard, and what becomes of the heartbeats meanwhile."""

    start: int
    end: int
    heartbeats: Heartbeats

    def holds(self, now: int) -> bool:
        return self.start <= now < self.end


class AcknowledgingService(Service):
    """A service's side of one connection, with heartbeats, silences and deafness.

    Audio that comes during its deafness is acknowledged, as speech where it is, and never heard.
    """

    def __init__(
        self,
        origin: int,
        words: list[Said],
        chance: random.Random,
        *,
        opened_at: int,
        deafness: Deafness,
        tells_silence: bool,
    ) -> None:
        super().__init__(origin, words, chance)
        self._all = words
        self._deafness = deafness
        self._tells_silence = tells_silence
        self._position = self._silent_until = origin
        self._acknowledged = self._standing = origin
        self._beat_at = self._silence_at = opened_at

    def take(self, position: int, now: int) -> None:
        if self._deafness.holds(now):
            # What it was about to hear is forgotten, as when its recognizer starts again.
            self._words = []
            self._upcoming = [word for word in self._upcoming if word.start * MS >= position]
            self._silent_until = position
        else:
            self._standing = position
        self._position = position
        super().take(position, now)

    def hear(self, now: int) -> list[Turn]:
        return [] if self._deafness.holds(now) else super().hear(now)

    def acknowledge(self, now: int) -> list[Heartbeat | Silence]:
        """Return the acknowledgements due by now."""
        messages: list[Heartbeat | Silence] = []
        deaf = self._deafness.holds(now)
        if now - self._beat_at >= HEARTBEAT:
            self._beat_at = now
            if not deaf or self._deafness.heartbeats == "go on":
                messages.append(self._heartbeat(self._position))
            elif self._deafness.heartbeats == "stand still":
                messages.append(self._heartbeat(self._acknowledged))
        if self._tells_silence and not deaf and now - self._silence_at >= SILENCE:
            self._silence_at = now
            messages += self._silences()
        return messages

    def _heartbeat(self, position: int) -> Heartbeat:
        speech = self._speaks(self._acknowledged, position)
        self._acknowledged = position
        received = (position - self._origin) // MS
        return Heartbeat(received, speech=0.9 if speech else 0.05)

    def _silences(self) -> list[Silence]:
        """Return what was silent since the last ones, and some of the speech around."""
        start, self._silent_until = self._silent_until, self._position
        edges = [start]
        for word in self._all:
            if word.end * MS > start and word.start * MS < self._position:
                edges += [word.start * MS, word.end * MS]
        edges.append(self._position)
        pairs = zip(edges[::2], edges[1::2], strict=True)
        return [
            Silence(
                self._time(first) - OVERLAP,
                min(self._time(last) + OVERLAP, self._time(self._position)),
            )
            for first, last in pairs
            if last - first >= 300 * MS
        ]

    def _time(self, position: int) -> int:
        return max(0, (position - self._origin) // MS)

    def _speaks(self, start: int, end: int) -> bool:
        return any(word.end * MS > start and word.start * MS < end for word in self._all)
