import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from appliance.core.json_decoder import MAX_SIZE
from appliance.core.turns import Revision, Turn, Word
from appliance.streaming.messages import (
    MAX_TEXT,
    Begin,
    Heartbeat,
    ServiceError,
    Silence,
    SpeakerRevision,
    Termination,
    decode,
)


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
        {"turn_order": 2**53},
        {"turn_order": 2**63 - 1},
        {"turn_order": 2**63},
        {"turn_order": str(2**63 - 1)},
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
    assert decode(turn(utterance="A", tomorrow={"deep": [1, None]})) == Turn(3, "hello")


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
        [word("hello") | {"end": 1e308}],
        [word("hello") | {"start": "-1e300"}],
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
    [b'["\xff"]', b'[{"text":"\xff","start":1}]', b"[" * 500 + b"]" * 500],
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


def test_a_begin_says_what_is_applied() -> None:
    begin = decode('{"type":"Begin","configuration":{"model":"whisper-rt","mode":null}}')
    assert begin == Begin({"model": "whisper-rt", "mode": None})


@pytest.mark.parametrize("configuration", [None, 5, "model", [{"model": 1}], {"model": [[]]}])
def test_a_nonsense_configuration_does_not_take_the_begin_with_it(configuration: object) -> None:
    message = {"type": "Begin", "configuration": configuration}
    assert decode(json.dumps(message)) == Begin(configuration)


def heartbeat(**fields: object) -> str:
    return json.dumps({"type": "Heartbeat", "total_audio_received_ms": 5000} | fields)


def test_a_heartbeat_says_what_was_received() -> None:
    said = heartbeat(total_duration_ms=5100, realtime_factor=1.02, max_speech_probability=0)
    assert decode(said) == Heartbeat(5000, 5100, 1.02, 0.0)


NO_NUMBERS: list[object] = [None, "x", True, -1, -0.5, [], {}, [1], float("nan"), 10**400]


@pytest.mark.parametrize("value", NO_NUMBERS)
def test_nonsense_does_not_take_the_rest_of_a_heartbeat_with_it(value: object) -> None:
    said = heartbeat(total_duration_ms=value, realtime_factor=value, max_speech_probability=value)
    assert decode(said) in (Heartbeat(5000), None)  # None: it is no JSON
    assert decode(heartbeat(total_audio_received_ms=value)) is None


def test_a_silence_has_a_beginning_and_an_end() -> None:
    assert decode('{"type":"Silence","start_ms":100,"end_ms":1100.5}') == Silence(100, 1100)


@pytest.mark.parametrize(
    ("start", "end"), [(5, 5), (9, 5), *((value, 10**9) for value in NO_NUMBERS)]
)
def test_a_silence_that_cannot_be_is_ignored(start: object, end: object) -> None:
    assert decode(json.dumps({"type": "Silence", "start_ms": start, "end_ms": end})) is None


def test_a_turn_and_its_words_say_who_speaks() -> None:
    heard = decode(turn(speaker_label="B", words=[word("hello") | {"speaker": "A"}]))
    assert heard == Turn(3, "hello", words=(Word("hello", 120, 480, speaker="A"),), speaker="B")


@pytest.mark.parametrize(
    "label", [None, "", "PENDING", "UNKNOWN", "Unknown", 1, ["A"], "A B", "A\n", "x" * 1000]
)
def test_a_label_that_names_nobody_is_empty(label: object) -> None:
    assert decode(turn(speaker_label=label)) == Turn(3, "hello")


def test_a_revision_names_the_speakers_of_turns() -> None:
    revisions = [
        {"turn_order": 0, "speaker_label": "A", "words": []},
        {"turn_order": -1, "speaker_label": "A"},
        {"speaker_label": "A"},
        None,
        {"turn_order": 2, "speaker_label": "PENDING"},
    ]
    message = {"type": "SpeakerRevision", "revisions": revisions}
    assert decode(json.dumps(message)) == SpeakerRevision((Revision(0, "A"), Revision(2, "")))


@pytest.mark.parametrize("revisions", [None, 5, "A", {"turn_order": 0, "speaker_label": "A"}])
def test_a_revision_of_nothing_is_empty(revisions: object) -> None:
    message = {"type": "SpeakerRevision", "revisions": revisions}
    assert decode(json.dumps(message)) == SpeakerRevision(())


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
        "\ud800",
        "[" * 100_000,
        '{"type":' * 100_000,
        "9" * 100_000,
        "1e999999",
    ],
)
def test_a_message_that_is_not_understood_is_ignored(frame: str | bytes) -> None:
    assert decode(frame) is None


def test_a_long_message_is_a_message_like_any_other() -> None:
    text = "x" * MAX_TEXT
    assert decode(turn(transcript=text)) == Turn(3, text)
    assert decode(turn(transcript=text + "x")) == Turn(3, text)
    assert decode(turn(more="x" * (MAX_SIZE - 1000))) == Turn(3, "hello")
    assert decode(turn(more="x" * MAX_SIZE)) is None


@pytest.mark.parametrize(
    ("said", "shown"),
    [
        (b"caf\xe9", "caf\ufffd"),
        (rb"so \ud83d", "so \ufffd"),
        (rb"\ude00 so", "\ufffd so"),
        (rb"\uD83D\uDE00", "\U0001f600"),
        (rb"C:\\ud83d", r"C:\ud83d"),
    ],
)
def test_half_a_character_does_not_take_the_turn_with_it(said: bytes, shown: str) -> None:
    assert decode(turn(transcript="HERE").encode().replace(b"HERE", said)) == Turn(3, shown)


def test_a_time_may_have_a_fraction() -> None:
    heard = decode(turn(words=[word("hello") | {"start": 100.5, "end": 200.25}]))
    assert isinstance(heard, Turn)
    assert (heard.words[0].start, heard.words[0].end) == (100, 200)
