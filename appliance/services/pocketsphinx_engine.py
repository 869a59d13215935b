"""Speech to words with pocketsphinx: the English model comes in its wheel."""

import re
from collections.abc import Callable

from pocketsphinx import Decoder, Vad

from appliance.services.recognizer import HeardWord
from appliance.turns import SAMPLE_RATE

FRAME_MS = 10
"""The decoder counts in frames of 10 ms."""

_NO_WORD = re.compile(r"[<\[(+].*")
"""How the model writes what is no word: <s>, <sil>, [NOISE], ++UH++."""

_PRONUNCIATION = re.compile(r"\(\d+\)$")
"""The dictionary numbers a word's other pronunciations: "the(2)"."""


class PocketsphinxRecognizer:
    """A `Recognizer`: American English, large vocabulary."""

    def __init__(self) -> None:
        # A tenth of the default's 30000 hypotheses a frame: half the work, and hardly more errors.
        self._decoder = Decoder(samprate=SAMPLE_RATE, maxhmmpf=3000, loglevel="FATAL")
        self._in_utterance = False

    def hear(self, pcm: bytes) -> list[HeardWord]:
        """Return what the utterance seems to say so far."""
        if not self._in_utterance:
            self._decoder.start_utt()
            self._in_utterance = True
        self._decoder.process_raw(pcm)
        return self._words()

    def finish(self) -> list[HeardWord]:
        """End the utterance and return the best path through all that was considered for it."""
        if not self._in_utterance:
            return []
        self._decoder.end_utt()
        self._in_utterance = False
        return self._words()

    def _words(self) -> list[HeardWord]:
        return [
            HeardWord(
                text=_PRONUNCIATION.sub("", segment.word),
                start=segment.start_frame * FRAME_MS,
                end=(segment.end_frame + 1) * FRAME_MS,
                confidence=round(min(segment.prob, 1.0), 3),
            )
            for segment in self._decoder.seg() or ()
            if not _NO_WORD.match(segment.word)
        ]


def voice_detector(threshold: float) -> Callable[[bytes], bool]:
    """Return a detector that says of 20 ms of audio whether it holds a voice; one for each stream.

    It is WebRTC's, which adapts to the level of the noise. The higher the threshold (0 to 1), the
    surer it must be; it has four degrees of that.
    """
    strictness = (Vad.LOOSE, Vad.MEDIUM_LOOSE, Vad.MEDIUM_STRICT, Vad.STRICT)
    vad = Vad(strictness[min(int(threshold * 4), 3)], SAMPLE_RATE, 0.02)
    is_speech: Callable[[bytes], bool] = vad.is_speech
    return is_speech
