"""What the screen says in each mode: plain words that a person can act on."""

from typing import NamedTuple

from appliance.screen.scene import Mode, Scene, Summary

STATE = {
    Mode.STARTING: "Starting",
    Mode.READY: "Ready",
    Mode.CONNECTING: "Connecting",
    Mode.LISTENING: "Listening",
    Mode.RECONNECTING: "Reconnecting",
    Mode.FINISHING: "Finishing",
    Mode.SAVED: "Saved",
    Mode.STOPPING: "Switching off",
}

IN_SESSION = {Mode.CONNECTING, Mode.LISTENING, Mode.RECONNECTING, Mode.FINISHING}

LAGGING = 2.0
"""Seconds of audio that may wait before the screen mentions it: less is the service thinking."""

ALTERNATE_AFTER = 4
"""Seconds that each of two remarks stands where there is room for one."""


class Message(NamedTuple):
    """What fills the screen while there is no transcript: a headline and what belongs to it."""

    headline: str
    details: tuple[str, ...] = ()


SAYING = {
    Mode.STARTING: ("Starting", "one moment"),
    Mode.READY: ("Press to start", ""),
    Mode.CONNECTING: ("Speak now", "it is kept while connecting"),
    Mode.LISTENING: ("Speak now", ""),
    Mode.RECONNECTING: ("Keep speaking", ""),
    Mode.FINISHING: ("One moment", "the last words are coming"),
    Mode.SAVED: ("Saved", ""),
    Mode.STOPPING: ("Switching off", ""),
}

TELLS_WHAT_WAITS = {Mode.READY, Mode.RECONNECTING, Mode.SAVED}


def message(scene: Scene) -> Message:
    """Return what to say where there is no transcript to show."""
    if scene.fault:
        return Message(scene.fault.what, _present(scene.fault.remedy, kept(scene)))
    headline, detail = SAYING[scene.mode]
    hint = scene.hint
    if scene.mode is Mode.READY and hint:
        headline, hint = hint, ""
    if scene.mode is Mode.SAVED and scene.summary:
        headline, detail = words(scene.summary), length(scene.summary)
    waiting = kept(scene) if scene.mode in TELLS_WHAT_WAITS else ""
    return Message(headline, _present(detail, waiting, hint))


def notice(scene: Scene) -> tuple[str, ...]:
    """Return what to say below a transcript: at most two remarks, none when all is well."""
    if not scene.fault:
        return _present(scene.hint or (kept(scene) if scene.mode is Mode.RECONNECTING else ""))
    remarks = _present(kept(scene), scene.fault.remedy)
    return (scene.fault.what, *in_turn(remarks, scene.elapsed))


def in_turn(remarks: tuple[str, ...], elapsed: float) -> tuple[str, ...]:
    """Return the remark whose turn it is, none of none."""
    turn = int(elapsed) // ALTERNATE_AFTER % max(1, len(remarks))
    return remarks[turn : turn + 1]


def kept(scene: Scene) -> str:
    """Return what becomes of audio that waits for its transcription."""
    if scene.waiting <= LAGGING:
        return ""
    if scene.mode in IN_SESSION - {Mode.FINISHING}:
        return f"keeping what you say: {duration(scene.waiting)}"
    return f"{duration(scene.waiting)} still to transcribe"


def duration(seconds: float) -> str:
    """Return a length of time in words: "42 s", "2 min", "1 h 5 min"."""
    if seconds < 60:
        return f"{int(seconds)} s"
    hours, minutes = divmod(int(seconds) // 60, 60)
    if not hours:
        return f"{minutes} min"
    return f"{hours} h {minutes} min" if minutes else f"{hours} h"


def stopwatch(seconds: float) -> str:
    """Return elapsed time as "0:07", "12:34", "1:02:03"."""
    minutes, second = divmod(int(seconds), 60)
    hours, minute = divmod(minutes, 60)
    return f"{hours}:{minute:02}:{second:02}" if hours else f"{minutes}:{second:02}"


def words(summary: Summary) -> str:
    """Return how many words there were: "312 words"."""
    if not summary.words:
        return "No words"
    return "1 word" if summary.words == 1 else f"{summary.words} words"


def length(summary: Summary) -> str:
    """Return how long it took: "in 2 min 5 s"."""
    minutes, seconds = divmod(int(summary.seconds), 60)
    return f"in {minutes} min {seconds} s" if minutes else f"in {seconds} s"


def _present(*remarks: str) -> tuple[str, ...]:
    return tuple(remark for remark in remarks if remark)
