"""From the device's rate and channels to the appliance's: 16 kHz, mono."""

from typing import TYPE_CHECKING, Protocol

from appliance.core.audio_format import SAMPLE_RATE

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


class Converter(Protocol):
    """Turns s16le samples of a device into 16 kHz mono s16le, block by block."""

    def convert(self, block: bytes) -> bytes:
        """Return what is ready by now; some of it may come with a later block."""

    def finish(self) -> bytes:
        """Return the rest; nothing may be converted after it."""


def make_ready(rate: int) -> None:
    """Load what audio of this rate (Hz) will need.

    It takes a second on a slow machine, during which a stream that runs already would overflow.
    """
    if rate != SAMPLE_RATE:
        import soxr  # noqa: F401, PLC0415 - loaded for later, and only where it is needed


def converter(rate: int, channels: int) -> Converter:
    """Return what turns audio of this rate (Hz) and number of channels into 16 kHz mono."""
    if rate != SAMPLE_RATE:
        return Resampled(rate, channels)
    return MixedDown(channels) if channels > 1 else Unchanged()


class Unchanged:
    """16 kHz mono already."""

    def convert(self, block: bytes) -> bytes:
        """Return the block itself."""
        return block

    def finish(self) -> bytes:
        """Return nothing: nothing was held back."""
        return b""


class MixedDown:
    """The mean of all channels, which are interleaved."""

    def __init__(self, channels: int) -> None:
        # Loaded only where it is needed: many microphones never do, and it takes megabytes.
        import numpy as np  # noqa: PLC0415 - see above

        self._np = np
        self._channels = channels

    def convert(self, block: bytes) -> bytes:
        """Return as many samples as the block has frames."""
        return self.samples(block).tobytes()

    def samples(self, block: bytes) -> "NDArray[np.int16]":
        """Return the mixed samples as an array of shape (frames,)."""
        samples: NDArray[np.int16] = self._np.frombuffer(block, dtype="<i2")
        if self._channels == 1:
            return samples
        frames = samples.reshape(-1, self._channels)
        mixed: NDArray[np.int16] = frames.sum(axis=1, dtype="i4") // self._channels
        return mixed.astype("<i2")

    def finish(self) -> bytes:
        """Return nothing: nothing was held back."""
        return b""


class Resampled:
    """Mixed down, then brought to 16 kHz by soxr's streaming resampler."""

    def __init__(self, rate: int, channels: int) -> None:
        # Loaded only where it is needed: many microphones never do, and it takes megabytes.
        import soxr  # noqa: PLC0415 - see above

        self._mixed = MixedDown(channels)
        # "MQ" is transparent for speech at 16 bits and costs half of the default.
        self._resampler = soxr.ResampleStream(rate, SAMPLE_RATE, 1, dtype="int16", quality="MQ")

    def convert(self, block: bytes) -> bytes:
        """Return what has left the resampler's filter."""
        return self._through(block, last=False)

    def finish(self) -> bytes:
        """Return what was still in the resampler's filter."""
        return self._through(b"", last=True)

    def _through(self, block: bytes, *, last: bool) -> bytes:
        resampled = self._resampler.resample_chunk(self._mixed.samples(block), last=last)
        samples: bytes = resampled.tobytes()
        return samples
