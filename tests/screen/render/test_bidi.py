import pytest

from appliance.screen.render.bidi import is_right_to_left, pieces_of, visual_order


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
    pieces = list(pieces_of(line.split(), right_to_left=right_to_left))
    order = visual_order((it.right_to_left for it in pieces), right_to_left=right_to_left)
    return " ".join(pieces[number].text for number in order)


@pytest.mark.parametrize(
    ("said", "seen"),
    [
        ("one two three", "one two three"),
        ("they say אחת שתיים שלוש here", "they say שלוש שתיים אחת here"),
        ("room אחת 17 שתיים end", "room שתיים 17 אחת end"),
        ("אחת שתיים", "שתיים אחת"),
        ("hello שלום.", "hello שלום ."),
        ("the הבית-based one", "the הבית -based one"),
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
        ("אני ב-New York, נכון?", "נכון? , New York ב- אני"),
        ("עם Anna.", ". Anna עם"),
        ("שלום iPhone 15!", "! iPhone 15 שלום"),
        ("Paris, London, Rome.", ". Paris, London, Rome"),
        ("אמרה (hello).", ". (hello) אמרה"),
        ("רשת ב-5G.", ". 5G ב- רשת"),
        ("ב-5.5 Anna-ה ...", "... -ה Anna ב-5.5"),
    ],
)
def test_a_line_that_is_read_from_right_to_left_is_reversed(said: str, seen: str) -> None:
    assert order_of(said, right_to_left=True) == seen


def test_an_empty_line_has_no_order() -> None:
    assert visual_order([], right_to_left=True) == []
