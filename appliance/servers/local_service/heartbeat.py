"""Heartbeats of a session: what has arrived, how fast, and whether anybody spoke."""

import time
from collections.abc import Callable

from appliance.servers.local_service.protocol import Heartbeat
from appliance.servers.local_service.turn_detector import BYTES_PER_MS, STEP_MS, voice_ms

HEARTBEAT_INTERVAL = 5.0
"""Seconds between two heartbeats of a session that wants them."""


class HeartbeatMeter:
    """Measures what arrives in a session, for a `Heartbeat` now and then.

    It has a voice detector of its own: audio that has arrived may wait long for the recognizer, and
    a heartbeat that acknowledges it must not say that nobody spoke.

    >>> now = [0.0]
    >>> meter = HeartbeatMeter(has_voice=any, clock=lambda: now[0])
    >>> meter.arrive(bytes(1600) + b"voice" * 320, audio_seconds=10.0)
    >>> now[0] = 5.0
    >>> meter.beat()
    Heartbeat(total_audio_received_ms=10000, total_duration_ms=5000, realtime_factor=2.0, \
max_speech_probability=0.6)

    Args:
        has_voice: returns whether 20 ms of audio contain a voice.
        clock: monotonic seconds.
    """

    def __init__(
        self, has_voice: Callable[[bytes], bool], clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._has_voice = has_voice
        self._clock = clock
        self._began = self._last = clock()
        self._audio = self._last_audio = 0.0
        self._rest = bytearray()
        self._loudest = 0.0

    def arrive(self, pcm: bytes, audio_seconds: float) -> None:
        """Take audio (mono s16le, 16000 Hz); `audio_seconds` have arrived with it."""
        self._audio = audio_seconds
        self._rest += pcm
        size = STEP_MS * BYTES_PER_MS
        while len(self._rest) >= size:
            voice = voice_ms(bytes(self._rest[:size]), self._has_voice)
            self._loudest = max(self._loudest, voice / STEP_MS)
            del self._rest[:size]

    def beat(self) -> Heartbeat:
        """Return the message; the next one tells what came after it."""
        now = self._clock()
        lasted = now - self._last
        factor = (self._audio - self._last_audio) / lasted if lasted > 0 else 0.0
        loudest, self._loudest = self._loudest, 0.0
        self._last, self._last_audio = now, self._audio
        return Heartbeat(
            total_audio_received_ms=round(self._audio * 1000),
            total_duration_ms=round((now - self._began) * 1000),
            realtime_factor=round(factor, 3),
            max_speech_probability=round(loudest, 3),
        )
