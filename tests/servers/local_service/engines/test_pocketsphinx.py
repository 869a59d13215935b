import subprocess
import wave
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from appliance.servers.local_service.engines.base import HeardWord
from appliance.servers.local_service.engines.pocketsphinx import PocketsphinxRecognizer
from tests.rig.programs import need

Speak = Callable[[str], bytes]


@pytest.fixture
def recognizer() -> PocketsphinxRecognizer:
    return PocketsphinxRecognizer()


@pytest.fixture
def speak(tmp_path: Path) -> Speak:
    """Return a function that returns a sentence spoken by flite."""
    need("flite")

    def speak(sentence: str) -> bytes:
        path = tmp_path / "sentence.wav"
        subprocess.run(["flite", "-voice", "rms", "-t", sentence, "-o", path], check=True)
        with wave.open(str(path)) as file:
            spoken: bytes = file.readframes(file.getnframes())
        return bytes(8000) + spoken + bytes(8000)

    return speak


def hear(recognizer: PocketsphinxRecognizer, pcm: bytes) -> list[HeardWord]:
    for start in range(0, len(pcm), 3200):
        recognizer.hear(pcm[start : start + 3200])
    return recognizer.finish()


def text(words: Sequence[HeardWord]) -> str:
    return " ".join(word.text for word in words)


@pytest.mark.parametrize(
    ("sentence", "terms"),
    [
        ("ask doctor feynman about the neutrino", ["Neutrino", "Feynman"]),
        pytest.param(
            "professor hawking lectured on thermodynamics",
            ["thermodynamics"],
            marks=pytest.mark.slow,
        ),
        pytest.param(
            "ask doctor feynman about the neutrino", ["doctor Feynman"], marks=pytest.mark.slow
        ),
        pytest.param(  # in the second of its pronunciations
            "ask her about the barbarity tomorrow", ["barbarity"], marks=pytest.mark.slow
        ),
    ],
)
def test_favoured_words_are_recognized_instead_of_similar_ones(
    recognizer: PocketsphinxRecognizer,
    sample: bytes,
    speak: Speak,
    sentence: str,
    terms: list[str],
) -> None:
    pcm = speak(sentence)
    wanted = " ".join(terms).lower().split()
    hear(recognizer, sample[: 3400 * 32])  # adapts the recognizer to the microphone
    assert not set(wanted) <= set(text(hear(recognizer, pcm)).split())
    recognizer.favour(terms)
    assert set(wanted) <= set(text(hear(recognizer, pcm)).split())


@pytest.mark.slow
def test_favoured_words_are_not_recognized_unless_spoken(
    recognizer: PocketsphinxRecognizer, sample: bytes
) -> None:
    recognizer.favour(["neutrino", "quay", "rheum", "buttons", "screams", "colder", "whirred"])
    heard = text(hear(recognizer, sample[: 7000 * 32]))
    assert heard.startswith("press the button when you want to speak the words will appear")


@pytest.mark.slow
def test_a_favoured_phrase_keeps_words_and_times(
    recognizer: PocketsphinxRecognizer, sample: bytes
) -> None:
    pcm = sample[3500 * 32 : 7500 * 32]
    plain = hear(recognizer, pcm)
    recognizer.favour(["little screen"])
    favoured = hear(recognizer, pcm)
    assert text(favoured) == text(plain)
    for word, before in zip(favoured, plain, strict=True):
        assert word.start == pytest.approx(before.start, abs=100)
        assert word.end == pytest.approx(before.end, abs=100)


@pytest.mark.slow
@pytest.mark.parametrize(
    "term",
    ["Feynman,", '"Feynman"', "doctor-Feynman!", "(Feynman)", "Feynman\N{HORIZONTAL ELLIPSIS}"],
)
def test_words_are_favoured_despite_punctuation(
    recognizer: PocketsphinxRecognizer, sample: bytes, speak: Speak, term: str
) -> None:
    hear(recognizer, sample[: 3400 * 32])
    recognizer.favour([term])
    assert "feynman" in text(hear(recognizer, speak("ask doctor feynman about the neutrino")))


@pytest.mark.slow
@pytest.mark.parametrize(
    ("sentence", "term", "word"),
    [
        ("they read einstein's letters", "Einstein\N{RIGHT SINGLE QUOTATION MARK}s", "einstein's"),
        ("this is the baby-sitter", "baby-sitter", "baby-sitter"),
    ],
)
def test_apostrophes_and_hyphens_can_be_part_of_favoured_words(
    recognizer: PocketsphinxRecognizer,
    sample: bytes,
    speak: Speak,
    sentence: str,
    term: str,
    word: str,
) -> None:
    pcm = speak(sentence)
    hear(recognizer, sample[: 3400 * 32])
    assert word not in text(hear(recognizer, pcm))
    recognizer.favour([term])
    assert word in text(hear(recognizer, pcm))


@pytest.mark.slow
def test_unknown_words_are_ignored(recognizer: PocketsphinxRecognizer, sample: bytes) -> None:
    recognizer.favour(
        ["xyzzy", "little xyzzy", "", "C3PO", "*", "two_words", "Größe", "(2)", "<s>"]
    )
    words = hear(recognizer, sample[: 3400 * 32])
    assert text(words) == "press the button when you want to speak"


def test_only_final_words_have_confidences_of_their_own(
    recognizer: PocketsphinxRecognizer, sample: bytes
) -> None:
    partial = recognizer.hear(sample[: 3400 * 32])
    assert {word.confidence for word in partial} == {0.5}
    final = recognizer.finish()
    assert len({word.confidence for word in final}) > 3
    assert all(0 <= word.confidence <= 1 for word in final)
