"""Export of sessions as JSON, plain text, SubRip and WebVTT."""

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, datetime
from typing import NamedTuple

import msgspec

from appliance.history.records import MarkRecord, SessionRecord, TurnRecord

UNKNOWN_OUTCOME = "perhaps not done"
"""Outcome of a command that has not ended yet, or whose end a power cut kept from being saved."""

NEW_LETTERS = "from here on, letters start again: A may be somebody else"
"""Remark where a new connection begins, of which the service labels the speakers for itself."""

SHORTEST_CUE = 0.5
"""Least seconds for which a subtitle is shown."""


def as_json(sessions: Iterable[SessionRecord]) -> str:
    """Return a JSON list of sessions with their turns; times are ISO 8601 with offset.

    The key "marks" is left out of a session without marks, "speaker" of a turn of which nobody
    knows who spoke it. "speaker" is the name, or the letter, which holds for one connection:
    "connection" counts them from the second one on.
    """
    table = [_table(session) for session in sessions]
    return msgspec.json.format(msgspec.json.encode(table), indent=2).decode() + "\n"


def as_text(sessions: Iterable[SessionRecord]) -> str:
    """Return plain text: a heading for each session, a line for each turn, marks in brackets.

    A line begins with the name or letter of who speaks, as far as that is known.
    """
    blocks = (
        "\n".join([f"{local(session.started)}  {session.id}", *_lines(session)])
        for session in sessions
    )
    return "\n".join(f"{block}\n" for block in blocks)


def as_srt(sessions: Iterable[SessionRecord]) -> str:
    """Return SubRip subtitles, timed from the start of the first session."""
    blocks = []
    for number, cue in enumerate(_cues(sessions), start=1):
        remark = [f"[{NEW_LETTERS}]"] if cue.new_letters else []
        lines = [str(number), _times(cue, ","), *remark, _line(cue.turn)]
        blocks.append("\n".join(lines))
    return "\n\n".join(blocks) + "\n" * bool(blocks)


def as_vtt(sessions: Iterable[SessionRecord]) -> str:
    """Return WebVTT subtitles, timed from the start of the first session."""
    blocks = ["WEBVTT"]
    for cue in _cues(sessions):
        if cue.new_letters:
            blocks.append(f"NOTE {NEW_LETTERS}")
        blocks.append(f"{_times(cue, '.')}\n{_voice(cue.turn)}{_escaped(_said(cue.turn))}")
    return "\n\n".join(blocks) + "\n"


FORMATS: dict[str, Callable[[Iterable[SessionRecord]], str]] = {
    "json": as_json,
    "txt": as_text,
    "srt": as_srt,
    "vtt": as_vtt,
}


def iso(moment: float) -> str:
    """Return Unix time as local time in ISO 8601 with milliseconds and offset."""
    return _local(moment).isoformat(timespec="milliseconds")


def local(moment: float) -> str:
    """Return Unix time as local time to the minute, such as "2026-01-31 14:05"."""
    return f"{_local(moment):%Y-%m-%d %H:%M}"


def _table(session: SessionRecord) -> dict[str, object]:
    table: dict[str, object] = {
        "id": session.id,
        "started": iso(session.started),
        "ended": None if session.ended is None else iso(session.ended),
        "turns": [_turn_table(turn) for turn in session.turns],
    }
    if session.marks:
        table["marks"] = [
            {"kind": mark.kind, "time": iso(mark.at), "text": mark.text, "outcome": _outcome(mark)}
            for mark in session.marks
        ]
    return table


def _turn_table(turn: TurnRecord) -> dict[str, object]:
    table: dict[str, object] = {
        "order": turn.order,
        "text": turn.text,
        "started": iso(turn.started),
        "ended": iso(turn.ended),
    }
    if turn.speaker:
        table["speaker"] = turn.speaker.name or turn.speaker.label
        if turn.speaker.connection > 1:
            table["connection"] = turn.speaker.connection
    return table


def _lines(session: SessionRecord) -> Iterator[str]:
    """Yield a line for each turn, followed by the marks made before the next turn."""
    marks = deque(session.marks)
    for turn, new_letters in _with_new_letters(session):
        while marks and marks[0].at < turn.started:
            yield _remark(marks.popleft())
        if new_letters:
            yield f"[{NEW_LETTERS}]"
        yield _line(turn)
    yield from map(_remark, marks)


def _remark(mark: MarkRecord) -> str:
    """Return a mark in brackets, so that it is not taken for speech."""
    text = " ".join(mark.text.split())
    match mark.kind:
        case "mark":
            return "[bookmark]"
        case "command":
            outcome = _outcome(mark)
            return f"[command: {text} - {UNKNOWN_OUTCOME if outcome == 'heard' else outcome}]"
        case kind:
            return f"[{kind}: {text}]"


def _outcome(mark: MarkRecord) -> str:
    """Return how a command ended: "done", the reason why not, or "heard"; empty for other marks."""
    return "done" if mark.kind == "command" and not mark.outcome else mark.outcome


def _local(moment: float) -> datetime:
    return datetime.fromtimestamp(moment, tz=UTC).astimezone()


def _with_new_letters(session: SessionRecord) -> Iterator[tuple[TurnRecord, bool]]:
    """Yield each turn, and whether it is the first one of a new connection with a speaker."""
    connection = 1
    for turn in session.turns:
        latest = turn.speaker.connection if turn.speaker else connection
        yield turn, latest > connection
        connection = max(connection, latest)


class _Cue(NamedTuple):
    """When a turn is shown, in seconds; `new_letters`: letters start again with it."""

    begin: float
    end: float
    turn: TurnRecord
    new_letters: bool


def _cues(sessions: Iterable[SessionRecord]) -> Iterator[_Cue]:
    origin = None
    for session in sessions:
        origin = session.started if origin is None else origin
        for turn, new_letters in _with_new_letters(session):
            begin = max(0.0, turn.started - origin)
            yield _Cue(begin, max(turn.ended - origin, begin + SHORTEST_CUE), turn, new_letters)


def _times(cue: _Cue, point: str) -> str:
    return f"{_stamp(cue.begin, point)} --> {_stamp(cue.end, point)}"


def _stamp(seconds: float, point: str) -> str:
    milliseconds = round(seconds * 1000)
    minutes, rest = divmod(milliseconds, 60_000)
    return f"{minutes // 60:02}:{minutes % 60:02}:{rest // 1000:02}{point}{rest % 1000:03}"


def _line(turn: TurnRecord) -> str:
    """Return who speaks, and what was said, on one line."""
    return f"{turn.speaker.shown}: {_said(turn)}" if turn.speaker else _said(turn)


def _voice(turn: TurnRecord) -> str:
    """Return WebVTT's voice tag of who speaks; the cue's end ends it."""
    return f"<v {_escaped(turn.speaker.shown)}>" if turn.speaker else ""


def _said(turn: TurnRecord) -> str:
    return " ".join(turn.text.split())


def _escaped(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
