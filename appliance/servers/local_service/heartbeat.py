"""Heartbeats of a session: what has arrived, how fast, and whether anybody spoke."""

import time
from collections.abc import Callable

from appliance.servers.local_service.protocol import Heartbeat

HEARTBEAT_INTERVAL = 5.0
"""Seconds between two heartbeats of a session that wants them."""


class HeartbeatMeter:
    """Measures a session from its beginning, for a `Heartbeat` now and then.

    >>> now = [0.0]
    >>> meter = HeartbeatMeter(clock=lambda: now[0])
    >>> now[0] = 5.0
    >>> meter.beat(audio_seconds=10.0, loudest=0.8)
    Heartbeat(total_audio_received_ms=10000, total_duration_ms=5000, realtime_factor=2.0, \
max_speech_probability=0.8)
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._began = self._last = clock()
        self._last_audio = 0.0

    def beat(self, audio_seconds: float, loudest: float) -> Heartbeat:
        """Return the message, given the audio that arrived so far and the likeliest speech."""
        now = self._clock()
        lasted = now - self._last
        factor = (audio_seconds - self._last_audio) / lasted if lasted > 0 else 0.0
        self._last, self._last_audio = now, audio_seconds
        return Heartbeat(
            total_audio_received_ms=round(audio_seconds * 1000),
            total_duration_ms=round((now - self._began) * 1000),
            realtime_factor=round(factor, 3),
            max_speech_probability=round(loudest, 3),
        )
