import pytest

from appliance.app.word_error_rate import word_error_rate
from appliance.settings.spoken_words import spoken_words


@pytest.mark.parametrize(
    ("heard", "rate"),
    [
        ("one two three four", 0.0),
        ("one two three", 0.25),
        ("one two too three four", 0.25),
        ("one to three four", 0.25),
        ("two three four five", 0.5),
        ("", 1.0),
        ("a b c d e f g h", 2.0),
    ],
)
def test_words_left_out_put_in_and_misheard_count_alike(heard: str, rate: float) -> None:
    assert word_error_rate("one two three four", heard) == rate


def test_case_and_punctuation_do_not_count() -> None:
    assert (
        word_error_rate(
            "Well, it's ready - isn't it?", "well it\N{RIGHT SINGLE QUOTATION MARK}s READY isn't it"
        )
        == 0
    )


@pytest.mark.parametrize(
    ("figures", "words"),
    [
        ("0", "zero"),
        ("7", "seven"),
        ("13", "thirteen"),
        ("40", "forty"),
        ("99", "ninety nine"),
        ("100", "one hundred"),
        ("1,205", "one thousand two hundred five"),
        ("21000", "twenty one thousand"),
    ],
)
def test_numbers_are_compared_as_they_are_spoken(figures: str, words: str) -> None:
    assert spoken_words(figures) == words.split()


def test_where_nothing_was_said_each_word_is_an_error() -> None:
    assert word_error_rate("", "") == 0
    assert word_error_rate("...", "two words") == 2
