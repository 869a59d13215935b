"""Voice activity detection: WebRTC's detector, which comes with pocketsphinx."""

from collections.abc import Callable

from pocketsphinx import Vad

from appliance.core.audio_format import SAMPLE_RATE


def voice_detector(threshold: float) -> Callable[[bytes], bool]:
    """Return a function that tells whether 20 ms of audio contain a voice.

    It adapts to the level of the noise, so each stream needs one of its own. The higher the
    threshold (0 to 1), the more certain it must be; the detector has four degrees of that.
    """
    strictness = (Vad.LOOSE, Vad.MEDIUM_LOOSE, Vad.MEDIUM_STRICT, Vad.STRICT)
    vad = Vad(strictness[min(int(threshold * 4), 3)], SAMPLE_RATE, 0.02)
    is_speech: Callable[[bytes], bool] = vad.is_speech
    return is_speech
