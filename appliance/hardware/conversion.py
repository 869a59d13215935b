"""Conversion of a device's audio to 16 kHz mono, with the time of each block."""

from typing import TYPE_CHECKING, NamedTuple, Protocol

from appliance.core.audio_format import SAMPLE_BYTES, SAMPLE_RATE
from appliance.core.late_imports import import_lock

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


_MEMORY = 0.98  # of what was heard a block earlier, which lasts a tenth of a second
_FAR_LOUDER = 100.0  # times the power of a channel that hears nothing
_CLEARLY_LOUDER = 4.0  # times the power of the channel whose phase counts
_OPPOSITE = 0.5  # correlation, negative, from which on a channel is turned round
_COPY = 0.999  # correlation of a channel that a sound server made from another one
_QUIETER = 0.8  # times the power of that one


class Chunk(NamedTuple):
    """16 kHz mono s16le of any length, and when its first sample was captured."""

    audio: bytes
    captured_at: float


class TimedConverter:
    """Converter for the blocks of one stream that keeps their capture times.

    A resampler holds samples back, so a chunk does not begin where its block began. The time of a
    chunk is counted in samples from the start of the stream, which is estimated again with each
    block: the times follow the device's clock for as long as the stream runs.

        converter = TimedConverter(rate=48_000, channels=1)
        chunk = converter.convert(block, captured_at)
        ...
        rest = converter.finish()

    Args:
        rate: of the device, in Hz.
        channels: of the device, interleaved.
    """

    def __init__(self, rate: int, channels: int) -> None:
        self._rate = rate
        self._frame_bytes = channels * SAMPLE_BYTES
        self._converter = converter(rate, channels)
        self._taken = 0.0  # seconds of audio taken from the device
        self._given = 0.0  # seconds of audio given away in chunks
        self._began_at = 0.0

    def convert(self, block: bytes, captured_at: float) -> Chunk:
        """Return what is ready after this block of s16le; perhaps nothing, with a resampler.

        Args:
            block: interleaved s16le at the device's rate.
            captured_at: when its first sample was captured, in monotonic seconds.
        """
        self._began_at = captured_at - self._taken
        self._taken += len(block) / self._frame_bytes / self._rate
        return self._chunk(self._converter.convert(block))

    def finish(self) -> Chunk:
        """Return the rest; nothing may be converted after it."""
        return self._chunk(self._converter.finish())

    def _chunk(self, audio: bytes) -> Chunk:
        chunk = Chunk(audio, self._began_at + self._given)
        self._given += len(audio) / SAMPLE_BYTES / SAMPLE_RATE
        return chunk


class Converter(Protocol):
    """Converter of a device's s16le samples to 16 kHz mono s16le, block by block."""

    def convert(self, block: bytes) -> bytes:
        """Return what is ready by now; some of it may come with a later block."""

    def finish(self) -> bytes:
        """Return the rest; nothing may be converted after it."""


def preload(rate: int, channels: int) -> None:
    """Load what the conversion of audio of this rate (Hz) and number of channels needs.

    It takes a second on a slow machine, during which a running stream would overflow.
    """
    if rate != SAMPLE_RATE:
        with import_lock:
            import soxr  # noqa: F401, PLC0415 - loaded for later, and only where it is needed
    elif channels > 1:
        with import_lock:
            import numpy as np  # noqa: F401, PLC0415 - as above


def converter(rate: int, channels: int) -> Converter:
    """Return a converter for audio of this rate (Hz) and number of channels."""
    if rate != SAMPLE_RATE:
        return Resampler(rate, channels)
    return Downmixer(channels) if channels > 1 else Passthrough()


class Passthrough:
    """Converter of what is 16 kHz mono already."""

    def convert(self, block: bytes) -> bytes:
        """Return the block itself."""
        return block

    def finish(self) -> bytes:
        """Return nothing: nothing was held back."""
        return b""


class Downmixer:
    """Converter of interleaved channels at 16 kHz.

    Sound servers give several channels of a microphone that has one. As long as no two of them hear
    different things, nothing is mixed, and numpy is not loaded, which takes megabytes.
    """

    def __init__(self, channels: int) -> None:
        self._channels = channels
        self._mixer: Mixer | None = None

    def convert(self, block: bytes) -> bytes:
        """Return as many samples as the block has frames."""
        if self._mixer is None:
            samples = memoryview(block).cast("h")
            silence = bytes(len(block) // self._channels)
            heard = {
                samples[channel :: self._channels].tobytes() for channel in range(self._channels)
            }
            heard.discard(silence)
            if len(heard) <= 1:
                return heard.pop() if heard else silence
            self._mixer = Mixer(self._channels)
        return self._mixer.samples(block).tobytes()

    def finish(self) -> bytes:
        """Return nothing: nothing was held back."""
        return b""


class Mixer:
    """Mean of the interleaved channels that hear something.

    A channel that is far quieter than the loudest one does not count, nor does a quieter copy of
    it, and one of opposite phase is turned round: the mean of all would be quiet, or silence. The
    last seconds decide.
    """

    def __init__(self, channels: int) -> None:
        # Loaded only where it is needed: many microphones never do, and it takes megabytes.
        with import_lock:
            import numpy as np  # noqa: PLC0415 - see above

        self._np = np
        self._channels = channels
        self._covariance = np.zeros((channels, channels))
        self._reference = 0  # the channel whose phase counts

    def samples(self, block: bytes) -> "NDArray[np.int16]":
        """Return the mixed samples as an array of shape (frames,)."""
        samples: NDArray[np.int16] = self._np.frombuffer(block, dtype="<i2")
        if self._channels == 1:
            return samples
        frames = samples.reshape(-1, self._channels)
        mixed = self._np.floor(frames @ self._weights(frames))
        return mixed.clip(-32_768, 32_767).astype("<i2")

    def _weights(self, frames: "NDArray[np.int16]") -> "NDArray[np.float64]":
        """Return the weight of each channel in the mean, from this block and those before."""
        if len(frames):
            moving = frames - frames.mean(axis=0)
            self._covariance = _MEMORY * self._covariance + moving.T @ moving
        power = self._covariance.diagonal()
        loudest = int(power.argmax())
        # Two channels that are equally loud must not take turns.
        if power[loudest] > _CLEARLY_LOUDER * power[self._reference]:
            self._reference = loudest
        hearing = power >= power[loudest] / _FAR_LOUDER
        same = self._covariance[loudest] ** 2 >= _COPY**2 * power * power[loudest]
        hearing &= ~(same & (power < _QUIETER * power[loudest]))
        alike = self._covariance[self._reference]
        opposite = alike < -_OPPOSITE * self._np.sqrt(power * power[self._reference])
        weights: NDArray[np.float64] = self._np.where(opposite, -1.0, 1.0) * hearing / hearing.sum()
        return weights


class Resampler:
    """Mixer followed by soxr's streaming resampler to 16 kHz."""

    def __init__(self, rate: int, channels: int) -> None:
        # Loaded only where it is needed: many microphones never do, and it takes megabytes.
        with import_lock:
            import soxr  # noqa: PLC0415 - see above

        self._mixer = Mixer(channels)
        # "MQ" is transparent for speech at 16 bits and costs half of the default.
        self._stream = soxr.ResampleStream(rate, SAMPLE_RATE, 1, dtype="int16", quality="MQ")

    def convert(self, block: bytes) -> bytes:
        """Return what has left the resampler's filter."""
        return self._resample(block, last=False)

    def finish(self) -> bytes:
        """Return what was still in the resampler's filter."""
        return self._resample(b"", last=True)

    def _resample(self, block: bytes, *, last: bool) -> bytes:
        resampled = self._stream.resample_chunk(self._mixer.samples(block), last=last)
        samples: bytes = resampled.tobytes()
        return samples
