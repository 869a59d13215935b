import string
from collections.abc import Iterator
from pathlib import Path

import pytest
from PIL import Image, ImageFont

from appliance.screen.render import fonts
from appliance.screen.render.fonts import Typeface, typeface
from appliance.screen.render.glyphs import Font
from appliance.screen.render.letters import SKIN_TONES, letters

LATIN = (
    "ÀÁÂÃÄÅÆÇÈÉÊËÌÍÎÏÑÒÓÔÕÖØÙÚÛÜÝßàáâãäåæçèéêëìíîïñòóôõöøùúûüýÿĄąĆćČčĎďĘęĚěĞğİıŁłŃńŇň"
    "ŐőŒœŘřŚśŞşŠšŤťŮůŰűŹźŻżŽž€"
)
GREEK = "ΑΒΓΔΕΖΗΘΙΚΛΜΝΞΟΠΡΣΤΥΦΧΨΩαβγδεζηθικλμνξοπρστυφχψωςάέήίόύώ"
CYRILLIC = "АБВГДЕЖЗИЙКЛМНОПРСТУФХЦЧШЩЪЫЬЭЮЯабвгдежзийклмнопрстуфхцчшщъыьэюяіїєґЁё"


def image(type_: Typeface, text: str) -> bytes:
    picture = Image.new("1", (64, 64))
    type_.draw(picture, 8, 40, text)
    return picture.tobytes()


@pytest.mark.parametrize("height", [9, 13, 18, 27])
@pytest.mark.parametrize("letters", [string.ascii_letters, LATIN, GREEK, CYRILLIC])
def test_no_letter_is_missing(height: int, letters: str) -> None:
    type_ = typeface(height)
    missing = image(type_, "\U0010fffe")
    assert [letter for letter in letters if image(type_, letter) == missing] == []


@pytest.mark.parametrize("height", range(9, 40))
def test_lines_of_every_height_leave_each_other_room(height: int) -> None:
    type_ = typeface(height)
    assert 6 <= type_.ascent + type_.descent <= height
    assert type_.pitch <= height


def test_larger_lines_have_larger_letters() -> None:
    sizes = [typeface(height).ascent for height in range(9, 40)]
    assert sizes == sorted(sizes)
    assert sizes[-1] > 3 * sizes[0]


def test_a_line_holds_several_words() -> None:
    assert typeface(40, width=128).width("nnnnnnnnnn") <= 128


def test_a_named_font_is_preferred() -> None:
    serif = "/usr/share/fonts/truetype/dejavu/DejaVuSerif.ttf"
    assert image(typeface(18, serif), "g") != image(typeface(18), "g")


def test_a_named_font_that_is_missing_gives_way_to_the_usual_ones(tmp_path: Path) -> None:
    assert image(typeface(18, str(tmp_path / "none.ttf")), "g") == image(typeface(18), "g")


def test_letters_that_a_font_lacks_come_from_another() -> None:
    type_ = typeface(18)
    assert image(type_, "שלום") != image(type_, "\U0010fffe" * 4)


def test_a_font_is_loaded_when_a_letter_needs_it_and_not_before() -> None:
    loaded: list[Path] = []

    def others() -> Iterator[Font]:
        for path in fonts.EVERYTHING:
            loaded.append(path)
            yield ImageFont.truetype(str(path), 12)

    font = ImageFont.truetype(str(fonts.MEDIUM[0]), 12, layout_engine=ImageFont.Layout.BASIC)
    type_ = Typeface(font, others(), 18)
    type_.width("Grüße, Δημήτρη")
    assert loaded == []
    type_.width("שלום")
    assert loaded == [fonts.EVERYTHING[0]]


@pytest.mark.skipif(not fonts.EVERYTHING[1].exists(), reason="fonts-unifont is not installed")
@pytest.mark.parametrize("letter", "你好語カひ한")
def test_ideographs_come_from_unifont(letter: str) -> None:
    type_ = typeface(18)
    assert image(type_, letter) != image(type_, "\U0010fffe")
    assert type_.width(letter) == 16


def test_without_any_font_file_pillow_s_own_is_used(monkeypatch: pytest.MonkeyPatch) -> None:
    for usual in ("LARGE", "MEDIUM", "SMALL", "EVERYTHING"):
        monkeypatch.setattr(fonts, usual, ())
    fonts._first.cache_clear()
    try:
        assert typeface(18).width("Hello") > 20
    finally:
        fonts._first.cache_clear()


@pytest.mark.parametrize("word", ["שלום", "مرحبا"])
def test_a_named_font_is_preferred_for_shaped_scripts_too(word: str) -> None:
    bold = "/usr/share/fonts/truetype/dejavu/DejaVuSans-Bold.ttf"
    assert {font.path for font, _ in typeface(18, bold)._runs(word)} == {bold}
    assert image(typeface(18, bold), word) != image(typeface(18), word)


@pytest.mark.parametrize("word", ["שלום,", "(שלום)", "«שלום»?", "עולם!"])
def test_punctuation_of_hebrew_is_as_without_a_named_font_that_lacks_its_letters(word: str) -> None:
    mono = "/usr/share/fonts/truetype/dejavu/DejaVuSansMono-Bold.ttf"
    assert image(typeface(18, mono), word) == image(typeface(18), word)


@pytest.mark.skipif(not fonts.EVERYTHING[1].exists(), reason="fonts-unifont is not installed")
def test_an_emoji_behind_a_word_of_hebrew_stands_on_its_left() -> None:
    (_, first), (_, second) = typeface(18)._runs("שלום\N{PARTY POPPER}")
    assert (first, second) == ("\N{PARTY POPPER}", "שלום")


@pytest.mark.parametrize("tone", sorted(SKIN_TONES))
def test_a_skin_tone_is_no_box_of_its_own(tone: str) -> None:
    type_ = typeface(18)
    assert image(type_, f"\N{WAVING HAND SIGN}{tone}") == image(type_, "\N{WAVING HAND SIGN}")


@pytest.mark.parametrize(
    "whole",
    [
        "\U0001f44b\U0001f3fd",
        "\U0001f468\u200d\U0001f469\u200d\U0001f467",
        "\U0001f1e9\U0001f1ea",
        "ทำ",
        "เก็",
        "ว่า",
        "ละ",
        "กๆ",
        "ລາ",
        "é",
    ],
)
def test_what_belongs_together_is_one_letter(whole: str) -> None:
    assert letters(f"a{whole}{whole}b") == ["a", whole, whole, "b"]


SAMPLES = {
    "devanagari": "हिन्दी दुनिया",
    "bengali": "বাংলা ভাষা",
    "sinhala": "ආයුබෝවන්",
    "burmese": "မင်္ဂလာပါ",
    "thai": "สวัสดีครับ",
    "tibetan": "བཀྲ་ཤིས",
    "arabic": "مرحبا",
    "accents": "x\u0331 q\u0303 e\u032f",
    "unseen": "a\u200bb \u200eabc\u200f ©\ufe0f 1\ufe0f\u20e3",
}


@pytest.mark.skipif(not fonts.EVERYTHING[1].exists(), reason="fonts-unifont is not installed")
@pytest.mark.parametrize("script", SAMPLES)
def test_no_script_shows_as_boxes(script: str) -> None:
    for word in SAMPLES[script].split():
        for font, run in typeface(18)._runs(word):
            plain = font.font_variant(layout_engine=ImageFont.Layout.BASIC)
            blank = bytes(plain.getmask("\U0010fffe", mode="1"))
            boxes = [letter for letter in run if bytes(plain.getmask(letter, mode="1")) == blank]
            assert boxes == []
