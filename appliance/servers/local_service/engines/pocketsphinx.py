"""Speech to words with pocketsphinx: the English model comes in its wheel."""

import itertools
import re
from collections.abc import Iterator, Sequence

from pocketsphinx import Decoder

from appliance.core.audio_format import SAMPLE_RATE
from appliance.servers.local_service.engines.base import Engine, HeardWord
from appliance.servers.local_service.engines.recognizer_pool import RecognizerPool
from appliance.servers.local_service.engines.subprocess_recognizer import RecognizerProcess

FRAME_MS = 10
"""The decoder counts in frames of 10 ms."""

UNWEIGHED = 0.5
"""The confidence of a word of an unfinished utterance: only its end weighs words against others."""

FAVOUR = 1000
"""How many times likelier than the average word a favoured one is at least, whatever was said
before."""

_NO_WORD = re.compile(r"[<\[(+].*")
"""How the model writes what is no word: <s>, <sil>, [NOISE], ++UH++."""

_PRONUNCIATION = re.compile(r"\(\d+\)$")
"""The dictionary numbers a word's other pronunciations: "the(2)"."""

_LIKE_A_WORD = re.compile(r"[\w.'-]+")
_WORD = re.compile(r"\w+(?:'\w+)*")

_FAVOURED = "*"
"""A favoured word is one more in the dictionary: "screen*"."""

_AVERAGE = "*"
"""A word of the language model alone, as likely as its average word."""


class PocketsphinxRecognizer:
    """A `Recognizer`: American English, large vocabulary.

    Of a phrase it favours each word by itself, however it is pronounced: a phrase favoured as a
    whole is heard wherever anything sounds like it. It knows the words that are in its dictionary.
    """

    lag = 0

    def __init__(self) -> None:
        self._favoured: tuple[str, ...] = ()
        self._decoder = _decoder(self._favoured)
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
        """Favour the known words of these terms from the next utterance on."""
        plain = " ".join(terms).lower().replace("\N{RIGHT SINGLE QUOTATION MARK}", "'")
        wanted = tuple(sorted(set(plain.split())))
        if wanted != self._favoured:
            # Its dictionary can be added to, and nothing be taken out of it. What it learnt of the
            # microphone goes on.
            channel = self._decoder.get_cmn()
            self._decoder, self._favoured = _decoder(wanted), wanted
            self._decoder.set_cmn(channel)

    def close(self) -> None:
        """Nothing is held but memory."""

    def _words(self, ceiling: float) -> Iterator[HeardWord]:
        for segment in self._decoder.seg() or ():
            if not _NO_WORD.match(segment.word):
                confidence = round(min(segment.prob, ceiling), 3)
                text = _PRONUNCIATION.sub("", segment.word).removesuffix(_FAVOURED)
                start, end = segment.start_frame * FRAME_MS, (segment.end_frame + 1) * FRAME_MS
                yield HeardWord(text, start, end, confidence)


def pocketsphinx_engine(_name: str) -> Engine:
    """Return the engine: a pool of recognizers, each in a process of its own."""
    return RecognizerPool(lambda: RecognizerProcess(PocketsphinxRecognizer))


def _decoder(favoured: Sequence[str]) -> Decoder:
    # A tenth of the default's 30000 hypotheses a frame: half the work, and hardly more errors.
    # The language model can be added to only where it isn't mapped from its file.
    decoder = Decoder(samprate=SAMPLE_RATE, maxhmmpf=3000, mmap=not favoured, loglevel="FATAL")
    words = [word for written in favoured for word in _words(decoder, written)]
    sounds = {word: said for word in words if (said := _pronunciations(decoder, word))}
    if sounds:
        decoder.get_lm().add_word(_AVERAGE, 1)
    for word in sounds:
        decoder.get_lm().add_word(word + _FAVOURED, max(FAVOUR, _usual_weight(decoder, word)))
    entries = {
        _numbered(word + _FAVOURED, number): sound
        for word, said in sounds.items()
        for number, sound in enumerate(said, start=1)
    }
    for entry, sound in entries.items():
        last = entry == next(reversed(entries))
        decoder.add_word(entry, sound, last)  # the search is rebuilt once, for all
    return decoder


def _words(decoder: Decoder, written: str) -> list[str]:
    """Return the words in what is written between two spaces.

    The dictionary has "a.m." and "air-force", but neither "lamp," nor "kitchen-lamp".
    """
    if _LIKE_A_WORD.fullmatch(written) and decoder.lookup_word(written):
        return [written]
    return _WORD.findall(written)


def _pronunciations(decoder: Decoder, word: str) -> list[str]:
    """Return how a word is said; nothing for one that is not in the dictionary."""
    names = (_numbered(word, number) for number in itertools.count(1))
    return list(itertools.takewhile(bool, map(decoder.lookup_word, names)))


def _numbered(word: str, pronunciation: int) -> str:
    return word if pronunciation == 1 else f"{word}({pronunciation})"


def _usual_weight(decoder: Decoder, word: str) -> float:
    """Return how many times likelier than the average word it is, whatever was said before."""
    model = decoder.get_lm()
    weight: float = decoder.get_logmath().exp(model.prob([word]) - model.prob([_AVERAGE]))
    return weight
