import pytest
from hypothesis import given
from hypothesis import strategies as st

from appliance.settings.spoken_words import spoken_words


@pytest.mark.parametrize(
    ("written", "spoken"),
    [
        ("Turn ON the lamp!", "turn on the lamp"),
        ("turn-on «the» lamp…", "turn on the lamp"),
        ("Don\N{RIGHT SINGLE QUOTATION MARK}t.", "don't"),
        ("'quoted' words'", "quoted words"),
        ("21", "twenty one"),
        ("channel 1,250", "channel one thousand two hundred fifty"),
        ("999999", "nine hundred ninety nine thousand nine hundred ninety nine"),
        ("1000000", "1000000"),
        ("10:30", "ten thirty"),
        ("1.5 to 2.05.", "one point five to two point zero five"),
        ("50%", "fifty percent"),
        ("20 °", "twenty degrees"),
        ("GRÜSSE, Grüße", "grüsse grüsse"),
        ("ΣΟΦΌΣ σοφός", "σοφόσ σοφόσ"),
        ("l\N{RIGHT SINGLE QUOTATION MARK}ampoule", "l'ampoule"),
        ("打开灯。", "打开灯"),
        ("बत्ती जलाओ।", "बत्ती जलाओ"),
        ("เปิดไฟ", "เปิดไฟ"),
        ("٢١", "twenty one"),
        ("7:00 7:05 07:30", "seven seven oh five seven thirty"),
        ("1st, 22nd, 80th", "first twenty second eightieth"),
        ("-5 21-5", "minus five twenty one five"),
        ("2½", "two one half"),
        ("$1,250.01", "one thousand two hundred fifty dollars one cent"),
        ("U.S.A. OK", "usa okay"),
        ("a hundred and five", "one hundred five"),
        ("IŞIĞI", "ışığı"),
        ("İyi", "iyi"),
        ("This I say", "this i say"),
    ],
)
def test_text_becomes_spoken_words(written: str, spoken: str) -> None:
    assert spoken_words(written) == spoken.split()


def test_encodings_of_an_accent_are_equal() -> None:
    assert spoken_words("e\N{COMBINING ACUTE ACCENT}te\N{COMBINING ACUTE ACCENT}") == ["été"]


def test_vowel_marks_distinguish_words() -> None:
    assert spoken_words("की") != spoken_words("को")


@given(st.text())
def test_spoken_words_stay_the_same(text: str) -> None:
    said = spoken_words(text)
    assert [word for word in spoken_words(" ".join(said)) if not word.isdecimal()] == [
        word for word in said if not word.isdecimal()
    ]


def test_endless_figures_are_left_as_they_are() -> None:
    assert spoken_words("7" * 10_000) == ["7" * 10_000]
