"""Built-in engine: pocketsphinx, whose package contains an English model."""

import itertools
import re
from collections.abc import Iterator, Sequence

from pocketsphinx import Decoder

from appliance.core.audio_format import SAMPLE_RATE
from appliance.servers.local_service.engines.base import Engine, HeardWord
from appliance.servers.local_service.engines.recognizer_pool import RecognizerPool
from appliance.servers.local_service.engines.subprocess_recognizer import SubprocessRecognizer

FRAME_MS = 10
"""Length of the decoder's frames, in ms."""

MAX_HYPOTHESES = 3000
"""Hypotheses per frame: a tenth of the default halves the work and adds hardly any errors."""

PARTIAL_CONFIDENCE = 0.5
"""Confidence of a word of an unfinished utterance: the decoder weighs words only at the end."""

MIN_FAVOUR = 1000
"""How many times likelier than an average word a favoured word is at least, in any context."""

_NO_WORD = re.compile(r"[<\[(+].*")
"""Segments that are no words: <s>, <sil>, [NOISE], ++UH++."""

_PRONUNCIATION = re.compile(r"\(\d+\)$")
"""The dictionary's number of a further pronunciation of a word: "the(2)"."""

_DICTIONARY_WORD = re.compile(r"[\w.'-]+")
_PLAIN_WORD = re.compile(r"\w+(?:'\w+)*")

_FAVOURED = "*"
"""Suffix of a favoured word, which is an additional word of the dictionary: "screen*"."""

_AVERAGE = "*"
"""An additional word of the language model, as likely as its average word."""


class PocketsphinxRecognizer:
    """A `Recognizer` of American English with a large vocabulary.

    It favours the words of a phrase one by one, in all their pronunciations, since it would hear a
    phrase favoured as a whole wherever anything sounds like it. It knows the words of its
    dictionary.
    """

    lag = 0

    def __init__(self) -> None:
        self._favoured: tuple[str, ...] = ()
        self._decoder = _decoder(self._favoured)
        self._in_utterance = False

    def hear(self, pcm: bytes) -> list[HeardWord]:
        """Add audio to the utterance; return its words so far."""
        if not self._in_utterance:
            self._decoder.start_utt()
            self._in_utterance = True
        self._decoder.process_raw(pcm)
        return list(self._words(PARTIAL_CONFIDENCE))

    def finish(self) -> list[HeardWord]:
        """End the utterance; return the words of the best path through all hypotheses."""
        if not self._in_utterance:
            return []
        self._decoder.end_utt()
        self._in_utterance = False
        return list(self._words(1.0))

    def favour(self, terms: Sequence[str]) -> None:
        """Favour the known words of these terms from the next utterance on."""
        plain = " ".join(terms).lower().replace("\N{RIGHT SINGLE QUOTATION MARK}", "'")
        favoured = tuple(sorted(set(plain.split())))
        if favoured != self._favoured:
            # Words can be added to a decoder's dictionary, but not removed. The new one takes over
            # what the old one has learnt of the microphone (cepstral mean normalisation).
            channel = self._decoder.get_cmn()
            self._decoder, self._favoured = _decoder(favoured), favoured
            self._decoder.set_cmn(channel)

    def close(self) -> None:
        """Do nothing: the recognizer holds only memory."""

    def _words(self, max_confidence: float) -> Iterator[HeardWord]:
        for segment in self._decoder.seg() or ():
            if not _NO_WORD.match(segment.word):
                confidence = round(min(segment.prob, max_confidence), 3)
                text = _PRONUNCIATION.sub("", segment.word).removesuffix(_FAVOURED)
                start, end = segment.start_frame * FRAME_MS, (segment.end_frame + 1) * FRAME_MS
                yield HeardWord(text, start, end, confidence)


def pocketsphinx_engine(_name: str) -> Engine:
    """Return the engine: a pool of recognizers, each in a process of its own."""
    return RecognizerPool(lambda: SubprocessRecognizer(PocketsphinxRecognizer))


def _decoder(favoured: Sequence[str]) -> Decoder:
    # Words can't be added to a language model that is mapped from its file.
    decoder = Decoder(
        samprate=SAMPLE_RATE, maxhmmpf=MAX_HYPOTHESES, mmap=not favoured, loglevel="FATAL"
    )
    words = [word for written in favoured for word in _split_words(decoder, written)]
    pronunciations = {word: said for word in words if (said := _pronunciations(decoder, word))}
    if pronunciations:
        decoder.get_lm().add_word(_AVERAGE, 1)
    for word in pronunciations:
        weight = max(MIN_FAVOUR, _usual_weight(decoder, word))
        decoder.get_lm().add_word(word + _FAVOURED, weight)
    entries = {
        _numbered(word + _FAVOURED, number): sound
        for word, sounds in pronunciations.items()
        for number, sound in enumerate(sounds, start=1)
    }
    for entry, sound in entries.items():
        is_last = entry == next(reversed(entries))
        decoder.add_word(entry, sound, is_last)  # the search is rebuilt once, after the last
    return decoder


def _split_words(decoder: Decoder, written: str) -> list[str]:
    """Return the words of what is written between two blanks.

    The dictionary has "a.m." and "air-force", but neither "lamp," nor "kitchen-lamp".
    """
    if _DICTIONARY_WORD.fullmatch(written) and decoder.lookup_word(written):
        return [written]
    return _PLAIN_WORD.findall(written)


def _pronunciations(decoder: Decoder, word: str) -> list[str]:
    """Return the pronunciations of a word; none if it is not in the dictionary."""
    names = (_numbered(word, number) for number in itertools.count(1))
    return list(itertools.takewhile(bool, map(decoder.lookup_word, names)))


def _numbered(word: str, pronunciation: int) -> str:
    return word if pronunciation == 1 else f"{word}({pronunciation})"


def _usual_weight(decoder: Decoder, word: str) -> float:
    """Return how many times likelier a word is than the average word, without any context."""
    model = decoder.get_lm()
    weight: float = decoder.get_logmath().exp(model.prob([word]) - model.prob([_AVERAGE]))
    return weight
