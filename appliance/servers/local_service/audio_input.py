"""Audio input of a session: checks frames and converts them to the recognizer's format."""

import time
from collections.abc import Callable
from typing import Final

import numpy as np
import soxr
from numpy.typing import NDArray

from appliance.core.audio_format import SAMPLE_BYTES, SAMPLE_RATE
from appliance.servers.local_service.parameters import Encoding
from appliance.servers.local_service.refusals import AUDIO_VIOLATION, INVALID, RefusedError

MULAW_BIAS: Final = 0x84
"""A mu-law encoder adds this, so that every magnitude has a leading bit that names its segment."""


def mulaw_samples(codes: bytes) -> NDArray[np.int16]:
    """Return the signed 16-bit samples of mu-law audio (ITU-T G.711), one for each byte."""
    return _MULAW_SAMPLES[np.frombuffer(codes, dtype=np.uint8)]


def _mulaw_table() -> NDArray[np.int16]:
    codes = ~np.arange(256) & 0xFF  # every bit is inverted for transmission
    segments, steps = codes >> 4 & 7, codes & 15
    magnitudes = ((steps << 3) + MULAW_BIAS << segments) - MULAW_BIAS
    return np.where(codes & 0x80, -magnitudes, magnitudes).astype(np.int16)


_MULAW_SAMPLES = _mulaw_table()


class AudioInput:
    """Converter of mono audio at `rate` Hz to s16le at 16000 Hz, frame by frame.

    >>> audio = AudioInput(8000, look_ahead=5.0, encoding="pcm_mulaw")
    >>> len(audio.convert(bytes(800)) + audio.flush()) / 2  # 100 ms
    1600.0

    Args:
        rate: the client's sample rate in Hz.
        look_ahead: seconds by which audio may be ahead of real time.
        clock: monotonic seconds.
        encoding: the client's encoding.

    `seconds` is how much audio has arrived.
    """

    def __init__(
        self,
        rate: int,
        look_ahead: float,
        clock: Callable[[], float] = time.monotonic,
        *,
        encoding: Encoding = "pcm_s16le",
    ) -> None:
        self.seconds = 0.0
        self._rate = rate
        self._encoding = encoding
        self._look_ahead = look_ahead
        self._clock = clock
        self._began = clock()
        self._repeat = 1 if rate >= SAMPLE_RATE else 2
        repeated_rate = rate * self._repeat
        self._resampler = (
            None
            if repeated_rate == SAMPLE_RATE
            else soxr.ResampleStream(repeated_rate, SAMPLE_RATE, 1, "int16")
        )

    def convert(self, frame: bytes) -> bytes:
        """Return a frame's audio, of which a resampler may keep the end until the next one.

        Raises:
            RefusedError: the frame ends within a sample (3006), is shorter than 50 ms or longer
                than 1000 ms, or is too far ahead of real time (3007).
        """
        samples = self._samples(frame)
        seconds = len(samples) / self._rate
        if not 0.05 <= seconds <= 1.0:
            raise RefusedError(
                AUDIO_VIOLATION,
                f"Input Duration Violation: {seconds * 1000:g} ms. Expected between 50 and 1000 ms",
            )
        self.seconds += seconds
        self._check_rate()
        return self._resampled(samples)

    def flush(self) -> bytes:
        """Return what the resampler kept; the stream has ended."""
        return self._resampled(np.empty(0, np.int16), last=True)

    def _samples(self, frame: bytes) -> NDArray[np.int16]:
        if self._encoding == "pcm_mulaw":
            return mulaw_samples(frame)
        if len(frame) % SAMPLE_BYTES:
            raise RefusedError(INVALID, "Invalid audio: a frame ends within a sample of 16 bit")
        return np.frombuffer(frame, dtype="<i2")

    def _check_rate(self) -> None:
        elapsed = self._clock() - self._began
        if self.seconds - elapsed > self._look_ahead:
            raise RefusedError(
                AUDIO_VIOLATION,
                f"Audio Transmission Rate Exceeded: Received {self.seconds:.1f} sec. audio "
                f"in {elapsed:.1f} sec",
            )

    def _resampled(self, samples: NDArray[np.int16], *, last: bool = False) -> bytes:
        # A telephone's audio lacks the upper half of the recognizer's frequencies, and the
        # recognizer does not know speech without them. Repeating each sample leaves a faint mirror
        # image of the lower half there, which resembles what a voice has.
        repeated = np.repeat(samples, self._repeat) if self._repeat > 1 else samples
        if self._resampler is None:
            return repeated.tobytes()
        resampled: bytes = self._resampler.resample_chunk(repeated, last=last).tobytes()
        return resampled
