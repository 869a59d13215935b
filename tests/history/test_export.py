import json
import re
import time
from collections.abc import Iterator
from datetime import datetime

import msgspec
import pytest

from appliance.core.speakers import Speaker
from appliance.history import export
from appliance.history.records import MarkRecord, SessionRecord, TurnRecord

SESSION = SessionRecord(
    "5f3a",
    1_700_000_000.0,
    1_700_003_725.5,
    (
        TurnRecord(0, "Good morning.", 1_700_000_001.25, 1_700_000_002.5),
        TurnRecord(1, "It's <b>late</b> & cold.", 1_700_003_723.0, 1_700_003_723.1),
    ),
)
MARKED = msgspec.structs.replace(
    SESSION,
    marks=(
        MarkRecord("note", 1_700_000_000.5, "buy\nmilk", ""),
        MarkRecord("mark", 1_700_000_001.25, "Good morning.", ""),
        MarkRecord("command", 1_700_000_100.0, "lamp on", ""),
        MarkRecord("command", 1_700_003_723.0, "lamp off", "no answer from lamp.local"),
        MarkRecord("command", 1_700_003_724.0, "bell", "heard"),
        MarkRecord("applause", 1_700_003_725.0, "of a newer version", ""),
    ),
)
SPOKEN = SessionRecord(
    "9c1e",
    1_700_000_000.0,
    1_700_000_020.0,
    tuple(
        TurnRecord(order, text, 1_700_000_000.0 + order, 1_700_000_000.5 + order, speaker)
        for order, (text, speaker) in enumerate(
            [
                ("Good morning.", Speaker("A", 1, "Anna & <Ben>")),
                ("Hm.", None),
                ("Morning!", Speaker("B")),
                ("Again?", None),
                ("Who is that?", Speaker("A", 2)),
                ("It's me.", Speaker("B", 2, "Anna")),
            ]
        )
    ),
    marks=(MarkRecord("mark", 1_700_000_003.9, "Again?", ""),),
)
OPEN = SessionRecord("77c0", 1_700_010_000.0, None, ())


@pytest.fixture(autouse=True)
def berlin(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("TZ", "Europe/Berlin")
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


def test_json_has_exactly_these_fields_with_times_that_have_an_offset() -> None:
    assert json.loads(export.as_json([SESSION, OPEN])) == [
        {
            "id": "5f3a",
            "started": "2023-11-14T23:13:20.000+01:00",
            "ended": "2023-11-15T00:15:25.500+01:00",
            "turns": [
                {
                    "order": 0,
                    "text": "Good morning.",
                    "started": "2023-11-14T23:13:21.250+01:00",
                    "ended": "2023-11-14T23:13:22.500+01:00",
                },
                {
                    "order": 1,
                    "text": "It's <b>late</b> & cold.",
                    "started": "2023-11-15T00:15:23.000+01:00",
                    "ended": "2023-11-15T00:15:23.100+01:00",
                },
            ],
        },
        {"id": "77c0", "started": "2023-11-15T02:00:00.000+01:00", "ended": None, "turns": []},
    ]


def test_json_has_marks_only_in_a_session_that_has_some() -> None:
    plain, marked = json.loads(export.as_json([SESSION, MARKED]))
    marks = marked.pop("marks")
    assert marked == plain
    assert marks[0] == {
        "kind": "note",
        "time": "2023-11-14T23:13:20.500+01:00",
        "text": "buy\nmilk",
        "outcome": "",
    }
    assert [mark["outcome"] for mark in marks[1:]] == [
        "",
        "done",
        "no answer from lamp.local",
        "heard",
        "",
    ]


def test_json_times_are_exact() -> None:
    [session] = json.loads(export.as_json([SESSION]))
    assert datetime.fromisoformat(session["ended"]).timestamp() == SESSION.ended


def test_json_of_nothing_is_an_empty_list() -> None:
    assert json.loads(export.as_json([])) == []


def test_text_is_a_heading_and_a_line_a_turn() -> None:
    assert export.as_text([SESSION, OPEN]) == (
        "2023-11-14 23:13  5f3a\n"
        "Good morning.\n"
        "It's <b>late</b> & cold.\n"
        "\n"
        "2023-11-15 02:00  77c0\n"
    )


def test_text_has_each_mark_after_the_turn_in_which_it_was_made() -> None:
    assert export.as_text([MARKED]) == (
        "2023-11-14 23:13  5f3a\n"
        "[note: buy milk]\n"
        "Good morning.\n"
        "[bookmark]\n"
        "[command: lamp on - done]\n"
        "It's <b>late</b> & cold.\n"
        "[command: lamp off - no answer from lamp.local]\n"
        "[command: bell - perhaps not done]\n"
        "[applause: of a newer version]\n"
    )


@pytest.mark.parametrize("format_", ["srt", "vtt"])
def test_captions_hold_only_what_was_said(format_: str) -> None:
    assert export.FORMATS[format_]([MARKED]) == export.FORMATS[format_]([SESSION])


def test_srt_counts_cues_from_one_and_time_from_the_start() -> None:
    assert export.as_srt([SESSION]) == (
        "1\n"
        "00:00:01,250 --> 00:00:02,500\n"
        "Good morning.\n"
        "\n"
        "2\n"
        "01:02:03,000 --> 01:02:03,500\n"
        "It's <b>late</b> & cold.\n"
    )


def test_vtt_has_its_heading_and_no_markup() -> None:
    assert export.as_vtt([SESSION]) == (
        "WEBVTT\n"
        "\n"
        "00:00:01.250 --> 00:00:02.500\n"
        "Good morning.\n"
        "\n"
        "01:02:03.000 --> 01:02:03.500\n"
        "It's &lt;b&gt;late&lt;/b&gt; &amp; cold.\n"
    )


def test_json_has_a_speaker_where_one_is_known_and_the_connection_from_the_second_on() -> None:
    (session,) = json.loads(export.as_json([SPOKEN]))
    turns = session["turns"]
    assert [(it.get("speaker"), it.get("connection")) for it in turns] == [
        ("Anna & <Ben>", None),
        (None, None),
        ("B", None),
        (None, None),
        ("A", 2),
        ("Anna", 2),
    ]
    assert list(turns[4]) == ["order", "text", "started", "ended", "speaker", "connection"]
    assert list(turns[3]) == ["order", "text", "started", "ended"]


def test_text_has_the_speaker_before_each_turn_and_says_where_letters_start_again() -> None:
    assert export.as_text([SPOKEN]).splitlines()[1:] == [
        "Anna & <Ben>: Good morning.",
        "Hm.",
        "B: Morning!",
        "Again?",
        "[bookmark]",
        f"[{export.NEW_LETTERS}]",
        "A2: Who is that?",
        "Anna: It's me.",
    ]


def test_srt_has_the_speaker_before_each_turn_and_says_where_letters_start_again() -> None:
    cues = [cue.splitlines()[2:] for cue in export.as_srt([SPOKEN]).split("\n\n")]
    assert cues == [
        ["Anna & <Ben>: Good morning."],
        ["Hm."],
        ["B: Morning!"],
        ["Again?"],
        [f"[{export.NEW_LETTERS}]", "A2: Who is that?"],
        ["Anna: It's me."],
    ]


def test_vtt_has_a_voice_and_a_note_where_letters_start_again() -> None:
    _, *blocks = export.as_vtt([SPOKEN]).split("\n\n")
    assert [block.splitlines()[-1] for block in blocks] == [
        "<v Anna &amp; &lt;Ben&gt;>Good morning.",
        "Hm.",
        "<v B>Morning!",
        "Again?",
        f"NOTE {export.NEW_LETTERS}",
        "<v A2>Who is that?",
        "<v Anna>It's me.",
    ]


@pytest.mark.parametrize("format_", ["srt", "vtt"])
def test_a_turn_of_several_lines_stays_one_cue(format_: str) -> None:
    turn = TurnRecord(0, "one\n\ntwo --> three", 0.0, 1.0)
    subtitles = export.FORMATS[format_]([SessionRecord("a", 0.0, 1.0, (turn,))])
    assert len(re.findall(r"^\d\d:\d\d", subtitles, re.MULTILINE)) == 1
    assert "one two" in subtitles


@pytest.mark.parametrize(("format_", "nothing"), [("txt", ""), ("srt", ""), ("vtt", "WEBVTT\n")])
def test_nothing_said_is_nothing_written(format_: str, nothing: str) -> None:
    assert export.FORMATS[format_]([]) == nothing


def test_several_sessions_share_one_timeline() -> None:
    later = SessionRecord("b", 100.0, 110.0, (TurnRecord(0, "later", 101.0, 102.0),))
    first = SessionRecord("a", 10.0, 20.0, (TurnRecord(0, "first", 11.0, 12.0),))
    stamps = re.findall(r"\S+ --> \S+", export.as_vtt([first, later]))
    assert stamps == ["00:00:01.000 --> 00:00:02.000", "00:01:31.000 --> 00:01:32.000"]


@pytest.mark.parametrize("format_", export.FORMATS)
def test_every_script_is_written_as_it_was_said(format_: str) -> None:
    turn = TurnRecord(0, "Grüße, 你好, שלום", 0.0, 1.0)
    assert turn.text in export.FORMATS[format_]([SessionRecord("a", 0.0, 1.0, (turn,))])
