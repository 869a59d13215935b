import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from appliance.core.turns import Turn, Word
from appliance.streaming.messages import Begin, ServiceError, Termination, decode


def turn(**fields: Any) -> str:  # noqa: ANN401 - the wire may hold anything
    message = {"type": "Turn", "turn_order": 3, "transcript": "hello", "end_of_turn": False}
    return json.dumps(message | fields)


def word(text: str, *, final: bool = True) -> dict[str, Any]:
    return {"text": text, "start": 120, "end": 480, "confidence": 0.9, "word_is_final": final}


def test_a_turn_needs_three_fields_only() -> None:
    assert decode(turn()) == Turn(3, "hello")
    assert decode(turn(end_of_turn=True)) == Turn(3, "hello", finished=True)


def test_a_frame_may_be_text_or_bytes() -> None:
    assert decode(turn().encode()) == decode(turn())


@pytest.mark.parametrize("field", ["turn_order", "transcript", "end_of_turn"])
def test_a_turn_without_one_of_them_is_ignored(field: str) -> None:
    fields = json.loads(turn())
    del fields[field]
    assert decode(json.dumps(fields)) is None


@pytest.mark.parametrize(
    "fields",
    [
        {"turn_order": None},
        {"turn_order": 1.5},
        {"turn_order": -1},
        {"turn_order": 2**63},
        {"turn_order": 10**400},
        {"turn_order": "first"},
        {"turn_order": [1]},
        {"transcript": None},
        {"transcript": 5},
        {"end_of_turn": None},
        {"end_of_turn": "perhaps"},
    ],
)
def test_a_turn_with_a_nonsense_field_is_ignored(fields: dict[str, Any]) -> None:
    assert decode(turn(**fields)) is None


@pytest.mark.parametrize("order", [3, 3.0, "3"])
def test_a_whole_number_is_one_however_it_is_written(order: object) -> None:
    assert decode(turn(turn_order=order)) == Turn(3, "hello")


def test_unknown_fields_are_ignored() -> None:
    assert decode(turn(speaker_label="A", tomorrow={"deep": [1, None]})) == Turn(3, "hello")


def test_words_have_times() -> None:
    heard = decode(turn(words=[word("hello"), word("wor", final=False)]))
    assert isinstance(heard, Turn)
    assert heard.words == (Word("hello", 120, 480), Word("wor", 120, 480, final=False))


@pytest.mark.parametrize(
    "words",
    [
        None,
        "hello",
        {"text": "hello"},
        [None],
        ["hello"],
        [{"text": "hello"}],
        [word("hello") | {"start": None}],
        [word("hello") | {"end": "soon"}],
        [word("hello") | {"start": "inf"}],
        [word("hello") | {"end": "nan"}],
    ],
)
def test_nonsense_words_do_not_take_the_turn_with_them(words: object) -> None:
    assert decode(turn(words=words)) == Turn(3, "hello")


def test_a_nonsense_word_does_not_take_the_others_with_it() -> None:
    heard = decode(turn(words=[{"text": 5}, word("hello")]))
    assert isinstance(heard, Turn)
    assert [said.text for said in heard.words] == ["hello"]


@pytest.mark.parametrize(
    "words",
    [b'["\xff"]', b'[{"text":"\xff","start":1,"end":2}]', b"[" * 500 + b"]" * 500],
)
def test_unreadable_words_do_not_take_the_turn_with_them(words: bytes) -> None:
    frame = turn().encode().removesuffix(b"}") + b', "words": ' + words + b"}"
    assert decode(frame) == Turn(3, "hello")


def test_words_still_being_spoken_are_tentative() -> None:
    heard = decode(turn(words=[word("hello"), word("good", final=False), word("wor", final=False)]))
    assert isinstance(heard, Turn)
    assert heard.tentative == "good wor"


def test_what_the_transcript_holds_already_is_not_tentative() -> None:
    heard = decode(turn(transcript="hello wor", words=[word("hello"), word("wor", final=False)]))
    assert isinstance(heard, Turn)
    assert heard.tentative == ""


@pytest.mark.parametrize(
    ("transcript", "words"),
    [
        ("Yes, of course", "yes of course"),
        ("Yes, of course", "Yes, of course"),
        ("It\N{RIGHT SINGLE QUOTATION MARK}s 21% now.", "it's twenty one percent now"),
        ("The wi-fi", "the wifi"),
        ("No no, no", "no no no"),
        ("今天天气很好。", "今天 天气 很 好"),
        ("今日はいい天気", "今日 は いい 天気"),
        ("วันนี้อากาศดี", "วันนี้ อากาศ ดี"),
        ("Stra\N{LATIN SMALL LETTER SHARP S}e", "strasse"),
        ("Dr. Smith", "doctor smith"),
    ],
)
def test_a_partial_without_a_final_word_is_tentative_as_a_whole(
    transcript: str, words: str
) -> None:
    heard = decode(
        turn(transcript=transcript, words=[word(it, final=False) for it in words.split()])
    )
    assert isinstance(heard, Turn)
    assert (heard.text, heard.tentative) == ("", transcript)


@pytest.mark.parametrize(
    ("transcript", "final", "rest", "tentative"),
    [
        ("Yes, of", "yes of", "course", "course"),
        ("Yes, of course", "yes of", "course", ""),
        ("Yes, of", "yes", "of course", "course"),
        ("No", "no", "no", "no"),
        ("No, no", "no", "no", ""),
        ("今天天气", "今天 天气", "很好", "很好"),
        ("今天天气很好", "今天 天气", "很好", ""),
        ("Dr. Smith is", "doctor smith is", "here", "here"),
        ("Dr. Smith is here", "doctor smith is", "here", ""),
        ("Someone", "someone", "one", "one"),
        ("...", "...", "yes", "yes"),
    ],
)
def test_a_word_is_tentative_unless_the_transcript_holds_it(
    transcript: str, final: str, rest: str, tentative: str
) -> None:
    words = [word(it) for it in final.split()] + [word(it, final=False) for it in rest.split()]
    heard = decode(turn(transcript=transcript, words=words))
    assert isinstance(heard, Turn)
    assert (heard.text, heard.tentative) == (transcript, tentative)


SAID = st.lists(
    st.sampled_from(["no", "yes", "of", "course", "21", "twenty", "one", "don't", "a", "今", "天"]),
    max_size=8,
)


@given(SAID, st.integers(0, 8), st.booleans(), st.sampled_from([" ", ", "]), st.booleans())
def test_every_word_is_shown_once(
    said: list[str], final: int, holds_all: bool, gap: str, capitals: bool
) -> None:
    words = [word(it, final=number < final) for number, it in enumerate(said)]
    held = said if holds_all else said[:final]
    transcript = gap.join(held).upper() if capitals else gap.join(held)
    heard = decode(turn(transcript=transcript, words=words))
    assert isinstance(heard, Turn)
    shown = f"{heard.text} {heard.tentative}".lower().replace(",", "").split()
    assert shown == said


def test_nothing_is_tentative_in_a_finished_turn() -> None:
    heard = decode(turn(end_of_turn=True, words=[word("wor", final=False)]))
    assert isinstance(heard, Turn)
    assert heard.tentative == ""


def test_the_other_messages_are_known() -> None:
    assert decode('{"type":"Begin","id":"x","expires_at":1}') == Begin()
    assert decode('{"type":"Termination","audio_duration_seconds":3}') == Termination()
    assert decode('{"type":"Error","error_code":3005,"error":"e"}') == ServiceError(3005, "e")


@pytest.mark.parametrize("code", [None, "3005", 3.5, True, [3005]])
def test_a_code_that_is_not_a_number_is_none(code: object) -> None:
    error = decode(json.dumps({"type": "Error", "error_code": code, "error": "e"}))
    assert isinstance(error, ServiceError)
    assert error.code is None


@pytest.mark.parametrize(
    "frame",
    [
        "",
        "{",
        "null",
        "[]",
        '"Turn"',
        "17",
        "{}",
        '{"type":null}',
        '{"type":["Turn"]}',
        '{"type":{"Turn":1}}',
        '{"type":"SpeechStarted","timestamp":1}',
        '{"type":"Heartbeat"}',
        '{"type":"Turn"}',
        '{"type":"Error","error":null}',
        b"\x00\xff\xfe",
        b'{"type":"\xff"}',
        b'{"type":"Turn","turn_order":1,"transcript":"\xff","end_of_turn":true}',
        '{"type":"Turn","turn_order":1,"transcript":"\\ud800","end_of_turn":true}',
        "\ud800",
        "[" * 100_000,
        '{"type":' * 100_000,
        "9" * 100_000,
        "1e999999",
    ],
)
def test_a_message_that_is_not_understood_is_ignored(frame: str | bytes) -> None:
    assert decode(frame) is None


def test_ten_megabytes_are_a_message_like_any_other() -> None:
    text = "x" * 10_000_000
    assert decode(turn(transcript=text)) == Turn(3, text)


def test_a_time_may_have_a_fraction() -> None:
    heard = decode(turn(words=[word("hello") | {"start": 100.5, "end": 200.25}]))
    assert isinstance(heard, Turn)
    assert (heard.words[0].start, heard.words[0].end) == (100, 200)
