import pytest

from appliance.core.scripts import joined


@pytest.mark.parametrize(
    ("text", "more", "whole"),
    [
        ("", "one", "one"),
        ("one", "", "one"),
        ("one", "two", "one two"),
        ("one", " two", "one two"),
        ("one ", "two", "one two"),
        ("one", ", two", "one, two"),
        ("one", "?", "one?"),
        ("one", '"two"', 'one "two"'),
        ("uno", "¿dos", "uno ¿dos"),
        ("今日は", "いい", "今日はいい"),
        ("今日は", "、いい", "今日は、いい"),
        ("我用", "Python", "我用Python"),
        ("我用", " Python", "我用 Python"),
        ("สวัส", "ดี", "สวัสดี"),
        ("ที่", "นี่", "ที่นี่"),
        ("မင်္ဂ", "လာ", "မင်္ဂလာ"),
        ("한국어", "테스트", "한국어 테스트"),
        ("שלום", "עולם", "שלום עולם"),
        ("नमस्ते", "दुनिया", "नमस्ते दुनिया"),
        ("yes", "😀", "yes 😀"),
    ],
)
def test_two_texts_join_with_a_space_where_their_script_has_one(
    text: str, more: str, whole: str
) -> None:
    assert joined(text, more) == whole
