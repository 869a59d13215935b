import pytest

from appliance.screen.render.bidi import is_right_to_left, visual_order


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("word", False),
        ("שלום", True),
        ("«مرحبا»", True),
        ("3 שלום", True),
        ("17", None),
        ("", None),
    ],
)
def test_the_first_letter_decides_the_direction_of_a_text(text: str, expected: bool | None) -> None:
    assert is_right_to_left(text) is expected


def order_of(line: str, *, right_to_left: bool) -> str:
    words = line.split()
    return " ".join(words[number] for number in visual_order(words, right_to_left=right_to_left))


@pytest.mark.parametrize(
    ("said", "seen"),
    [
        ("one two three", "one two three"),
        ("they say אחת שתיים שלוש here", "they say שלוש שתיים אחת here"),
        ("room אחת 17 שתיים end", "room שתיים 17 אחת end"),
        ("אחת שתיים", "שתיים אחת"),
    ],
)
def test_words_that_run_against_their_line_are_reversed(said: str, seen: str) -> None:
    assert order_of(said, right_to_left=False) == seen


@pytest.mark.parametrize(
    ("said", "seen"),
    [
        ("אחת שתיים שלוש", "שלוש שתיים אחת"),
        ("אחת Raspberry Pi שתיים", "שתיים Raspberry Pi אחת"),
        ("אחת Pi 4 שתיים", "שתיים Pi 4 אחת"),
        ("Raspberry Pi", "Raspberry Pi"),
        ("17 אחת", "אחת 17"),
    ],
)
def test_a_line_that_is_read_from_right_to_left_is_reversed(said: str, seen: str) -> None:
    assert order_of(said, right_to_left=True) == seen


def test_an_empty_line_has_no_order() -> None:
    assert visual_order([], right_to_left=True) == []
