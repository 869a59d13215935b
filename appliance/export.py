"""What was said, written for other programs: JSON, plain text, subtitles."""

from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, datetime

import msgspec

from appliance.archive import KeptSession, KeptTurn

SHORTEST_CUE = 0.5
"""Seconds for which a subtitle stands at least."""


def as_json(sessions: Iterable[KeptSession]) -> str:
    """Return a list of sessions with their turns, all times in ISO 8601 with offset."""
    table = [
        {
            "id": session.id,
            "started": iso(session.started),
            "ended": None if session.ended is None else iso(session.ended),
            "turns": [
                {
                    "order": turn.order,
                    "text": turn.text,
                    "started": iso(turn.started),
                    "ended": iso(turn.ended),
                }
                for turn in session.turns
            ],
        }
        for session in sessions
    ]
    return msgspec.json.format(msgspec.json.encode(table), indent=2).decode() + "\n"


def as_text(sessions: Iterable[KeptSession]) -> str:
    """Return each session as a heading and a line a turn."""
    blocks = (
        "\n".join([f"{local(session.started)}  {session.id}", *map(_line, session.turns)])
        for session in sessions
    )
    return "\n".join(f"{block}\n" for block in blocks)


def as_srt(sessions: Iterable[KeptSession]) -> str:
    """Return SubRip subtitles, counted from the start of the first session."""
    cues = (
        f"{number}\n{_stamp(begin, ',')} --> {_stamp(end, ',')}\n{_line(turn)}\n"
        for number, (begin, end, turn) in enumerate(_cues(sessions), start=1)
    )
    return "\n".join(cues)


def as_vtt(sessions: Iterable[KeptSession]) -> str:
    """Return WebVTT subtitles, counted from the start of the first session."""
    cues = (
        f"\n{_stamp(begin, '.')} --> {_stamp(end, '.')}\n{_escaped(_line(turn))}\n"
        for begin, end, turn in _cues(sessions)
    )
    return "WEBVTT\n" + "".join(cues)


FORMATS: dict[str, Callable[[Iterable[KeptSession]], str]] = {
    "json": as_json,
    "txt": as_text,
    "srt": as_srt,
    "vtt": as_vtt,
}


def iso(moment: float) -> str:
    """Return Unix time as local time in ISO 8601, with its offset."""
    return _local(moment).isoformat(timespec="milliseconds")


def local(moment: float) -> str:
    """Return Unix time as local time for people: "2026-01-31 14:05"."""
    return f"{_local(moment):%Y-%m-%d %H:%M}"


def _local(moment: float) -> datetime:
    return datetime.fromtimestamp(moment, tz=UTC).astimezone()


def _cues(sessions: Iterable[KeptSession]) -> Iterator[tuple[float, float, KeptTurn]]:
    origin = None
    for session in sessions:
        origin = session.started if origin is None else origin
        for turn in session.turns:
            begin = max(0.0, turn.started - origin)
            yield begin, max(turn.ended - origin, begin + SHORTEST_CUE), turn


def _stamp(seconds: float, point: str) -> str:
    milliseconds = round(seconds * 1000)
    minutes, rest = divmod(milliseconds, 60_000)
    return f"{minutes // 60:02}:{minutes % 60:02}:{rest // 1000:02}{point}{rest % 1000:03}"


def _line(turn: KeptTurn) -> str:
    return " ".join(turn.text.split())


def _escaped(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
