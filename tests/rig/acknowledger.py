"""Acknowledgements of the scripted service: heartbeats, and silences with the Pro models."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np

from tests.rig.recognizer import Message

if TYPE_CHECKING:
    from tests.rig.connection import Connection

SILENCE_INTERVAL = 1.0
"""Seconds between two looks for silence."""

SHORTEST_SILENCE_MS = 500

OVERLAP_MS = 500
"""Milliseconds of speech that a silence reaches into."""

STEP_MS = 20

LOUD = 100
"""Amplitude from which on a sample is speech."""


class Acknowledger:
    """What a connection says about the audio that arrived.

    Args:
        query: the parameters that were asked for.
        interval: seconds between heartbeats.
        now: when the session began, in monotonic seconds, as all times here.
    """

    def __init__(self, query: Mapping[str, str], interval: float, now: float) -> None:
        self._beats = query.get("session_heartbeat", "").lower() == "true"
        is_pro = "pro" in query.get("speech_model", "universal-3-6-pro").split("-")
        self._tells_silence = is_pro and query.get("acknowledge_silence", "").lower() == "true"
        self._interval = interval
        self._began_at = self._beat_at = self._silence_at = now
        self._received_ms = self._acknowledged_ms = 0.0
        self._received_before = 0.0
        self._was_loud = False
        self._loud_until = 0.0
        self._silent_since = 0.0
        self._silences: list[tuple[float, float]] = []

    def take(self, audio: bytes) -> None:
        """Take audio that arrived."""
        samples = np.frombuffer(audio, dtype="<i2", count=len(audio) // 2)
        for start in range(0, len(samples), 16 * STEP_MS):
            piece = samples[start : start + 16 * STEP_MS]
            self._received_ms += len(piece) / 16
            if np.abs(piece.astype(np.int32)).max(initial=0) > LOUD:
                self._was_loud = True
                self._end_silence(self._received_ms - len(piece) / 16)
                self._silent_since = self._received_ms

    def due(self, now: float, connection: "Connection") -> list[Message]:
        """Return the messages due by now."""
        messages = []
        if self._beats and now - self._beat_at >= self._interval:
            self._beat_at = now
            stops = connection.is_deaf and connection.heartbeats == "stop"
            if not stops and not connection.is_mute:
                messages.append(self._heartbeat(now, stands=self._stands(connection)))
        if self._tells_silence and now - self._silence_at >= SILENCE_INTERVAL:
            self._silence_at = now
            self._end_silence(self._received_ms)
            if not connection.is_deaf:
                messages += [self._silence(*silence) for silence in self._silences]
            self._silences.clear()
        return messages

    def _stands(self, connection: "Connection") -> bool:
        return connection.is_deaf and connection.heartbeats == "stand still"

    def _heartbeat(self, now: float, *, stands: bool) -> Message:
        loud, self._was_loud = self._was_loud, False
        came = self._received_ms - self._received_before
        self._received_before = self._received_ms
        if not stands:
            self._acknowledged_ms = self._received_ms
        return {
            "type": "Heartbeat",
            "total_audio_received_ms": round(self._acknowledged_ms),
            "total_duration_ms": round((now - self._began_at) * 1000),
            "realtime_factor": round(came / 1000 / self._interval, 2),
            "max_speech_probability": 0.97 if loud else 0.02,
        }

    def _end_silence(self, end: float) -> None:
        if end - self._silent_since >= SHORTEST_SILENCE_MS:
            self._silences.append((self._silent_since, end))
            self._silent_since = end

    def _silence(self, start: float, end: float) -> Message:
        return {
            "type": "Silence",
            "start_ms": round(max(0.0, start - OVERLAP_MS)),
            "end_ms": round(min(end + OVERLAP_MS, self._received_ms)),
        }
