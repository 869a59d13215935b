"""Speech to words with pocketsphinx: the English model comes in its wheel."""

import re
from collections.abc import Callable, Iterator, Sequence

from pocketsphinx import Decoder, Vad

from appliance.services.recognizer import HeardWord
from appliance.turns import SAMPLE_RATE

FRAME_MS = 10
"""The decoder counts in frames of 10 ms."""

UNWEIGHED = 0.5
"""The confidence of a word of an unfinished utterance: only its end weighs words against others."""

FAVOUR = 100
"""How many times likelier than the average word a favoured term is, whatever was said before."""

_NO_WORD = re.compile(r"[<\[(+].*")
"""How the model writes what is no word: <s>, <sil>, [NOISE], ++UH++."""

_PRONUNCIATION = re.compile(r"\(\d+\)$")
"""The dictionary numbers a word's other pronunciations: "the(2)"."""

_JOINT, _FAVOURED = "_", "*"
"""A favoured term is a word of its own in the dictionary: "little_screen*"."""


class PocketsphinxRecognizer:
    """A `Recognizer`: American English, large vocabulary.

    It knows a term whose every word is in its dictionary; a phrase is favoured as a whole.
    """

    lag = 0

    def __init__(self) -> None:
        self._terms: tuple[str, ...] = ()
        self._decoder = _decoder(self._terms)
        self._in_utterance = False

    def hear(self, pcm: bytes) -> list[HeardWord]:
        """Return what the utterance seems to say so far."""
        if not self._in_utterance:
            self._decoder.start_utt()
            self._in_utterance = True
        self._decoder.process_raw(pcm)
        return list(self._words(UNWEIGHED))

    def finish(self) -> list[HeardWord]:
        """End the utterance and return the best path through all that was considered for it."""
        if not self._in_utterance:
            return []
        self._decoder.end_utt()
        self._in_utterance = False
        return list(self._words(1.0))

    def favour(self, terms: Sequence[str]) -> None:
        """Favour the known ones of these words and phrases from the next utterance on."""
        wanted = tuple(sorted({" ".join(term.lower().split()) for term in terms} - {""}))
        if wanted != self._terms:
            # Its dictionary can be added to, and nothing be taken out of it. What it learnt of the
            # microphone goes on.
            channel = self._decoder.get_cmn()
            self._decoder, self._terms = _decoder(wanted), wanted
            self._decoder.set_cmn(channel)

    def close(self) -> None:
        """Nothing is held but memory."""

    def _words(self, ceiling: float) -> Iterator[HeardWord]:
        for segment in self._decoder.seg() or ():
            if not _NO_WORD.match(segment.word):
                confidence = round(min(segment.prob, ceiling), 3)
                start, end = segment.start_frame * FRAME_MS, (segment.end_frame + 1) * FRAME_MS
                yield from _spread(segment.word, start, end, confidence)


def _decoder(terms: Sequence[str]) -> Decoder:
    # A tenth of the default's 30000 hypotheses a frame: half the work, and hardly more errors.
    # The language model can be added to only where it isn't mapped from its file.
    decoder = Decoder(samprate=SAMPLE_RATE, maxhmmpf=3000, mmap=not terms, loglevel="FATAL")
    known = {term: sound for term in terms if (sound := _sound(decoder, term))}
    for term, sound in known.items():
        entry = term.replace(" ", _JOINT) + _FAVOURED
        decoder.get_lm().add_word(entry, FAVOUR)
        last = term == next(reversed(known))
        decoder.add_word(entry, sound, last)  # the search is rebuilt once, for all of them
    return decoder


def _sound(decoder: Decoder, term: str) -> str:
    """Return a term's phones, or "" if one of its words is unknown."""
    sounds = [decoder.lookup_word(word) for word in term.split(" ")]
    return " ".join(sounds) if all(sounds) else ""


def _spread(entry: str, start: int, end: int, confidence: float) -> Iterator[HeardWord]:
    """Yield the words of a dictionary's entry; those of a phrase get time by their length."""
    texts = _PRONUNCIATION.sub("", entry).removesuffix(_FAVOURED).split(_JOINT)
    letters = sum(map(len, texts))
    said = 0
    for text in texts:
        begun, said = said, said + len(text)
        yield HeardWord(
            text,
            start + (end - start) * begun // letters,
            start + (end - start) * said // letters,
            confidence,
        )


def voice_detector(threshold: float) -> Callable[[bytes], bool]:
    """Return a detector that says of 20 ms of audio whether it holds a voice; one for each stream.

    It is WebRTC's, which adapts to the level of the noise. The higher the threshold (0 to 1), the
    surer it must be; it has four degrees of that.
    """
    strictness = (Vad.LOOSE, Vad.MEDIUM_LOOSE, Vad.MEDIUM_STRICT, Vad.STRICT)
    vad = Vad(strictness[min(int(threshold * 4), 3)], SAMPLE_RATE, 0.02)
    is_speech: Callable[[bytes], bool] = vad.is_speech
    return is_speech
