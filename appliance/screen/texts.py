"""Texts of the screen for every mode and fault: plain words that a person can act on."""

import math
from collections.abc import Sequence
from typing import NamedTuple, TypeVar

from msgspec.structs import replace

from appliance.core.faults import Fault
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
    Mode.OFF: "Off",
}

ON_FALLBACK = "Fallback"
"""Shown instead of "Listening" while the fallback service transcribes."""

Piece = TypeVar("Piece")

IN_SESSION = {Mode.CONNECTING, Mode.LISTENING, Mode.RECONNECTING, Mode.FINISHING}

LAG_SHOWN_FROM = 2.0
"""Seconds of audio that wait before the screen mentions it: less is the service thinking."""

REMARK_TIME = 4
"""Seconds for which each of two remarks is shown where there is room for one."""

PAGE_TIME = 2
"""Seconds for which each page is shown where there is no room for all lines."""


class ScreenMessage(NamedTuple):
    """Message that fills the screen while there is no transcript.

    Attributes:
        headline: in large type.
        details: below it.
        aside: shown only if there is room left.
    """

    headline: str
    details: tuple[str, ...] = ()
    aside: str = ""


HOW_TO_START = "Press to start"

OTHER_MODEL = "The service uses another model: see the doctor"
IGNORED_SETTING = "The service ignores a setting: see the doctor"

MODE_TEXTS = {
    Mode.STARTING: ("Starting", "one moment"),
    Mode.READY: (HOW_TO_START, ""),
    Mode.CONNECTING: ("Speak now", "it is kept while connecting"),
    Mode.LISTENING: ("Speak now", ""),
    Mode.RECONNECTING: ("Keep speaking", ""),
    Mode.FINISHING: ("One moment", "the last words are coming"),
    Mode.SAVED: ("Saved", ""),
    Mode.STOPPING: ("Switching off", ""),
    Mode.OFF: ("Safe to unplug", ""),
}

KEEP_ON = "let go to stay on"

SHOWS_WAITING = {Mode.READY, Mode.RECONNECTING, Mode.SAVED}


def message(scene: Scene) -> ScreenMessage:
    """Return the message for a scene without a transcript.

    >>> message(Scene(Mode.SAVED, summary=Summary(seconds=125, words=312))).headline
    '312 words'
    """
    if scene.power_off_in:
        return ScreenMessage(_switching_off(scene), (KEEP_ON,))
    if scene.fault:
        return _trouble(scene, scene.fault)
    headline, detail = MODE_TEXTS[scene.mode]
    hint = scene.hint
    if scene.mode is Mode.READY and hint:
        headline, hint = hint, ""
    if scene.mode is Mode.SAVED and scene.summary:
        headline, detail = words(scene.summary), length(scene.summary)
    waiting = kept(scene) if scene.mode in SHOWS_WAITING else ""
    return ScreenMessage(headline, _present(detail, waiting, hint, scene.remark))


def _trouble(scene: Scene, fault: Fault) -> ScreenMessage:
    if scene.mode in IN_SESSION:
        # What is about to happen matters more than what could be repaired.
        about = scene.remark or scene.hint or fault.remedy
        return ScreenMessage(fault.what, _present(about, kept(scene)))
    aside = scene.hint or _result(scene)
    return ScreenMessage(fault.what, _present(fault.remedy, kept(scene)), aside)


def notice(scene: Scene) -> tuple[str, ...]:
    """Return the remarks below a transcript: at most two, none when all is well."""
    if scene.power_off_in:
        return _switching_off(scene), KEEP_ON
    if scene.remark:
        return (scene.remark,)  # for some seconds it comes before what is shown all the time
    if not scene.fault:
        return _present(scene.hint or (kept(scene) if scene.mode is Mode.RECONNECTING else ""))
    remarks = _present(kept(scene), scene.hint or scene.fault.remedy)
    return (scene.fault.what, *in_turn(remarks, scene.elapsed))


def state(scene: Scene) -> str:
    """Return what the appliance is doing, in a word or two."""
    if scene.mode is Mode.LISTENING and scene.on_fallback:
        return ON_FALLBACK
    hindered = scene.mode is Mode.READY and scene.fault and not scene.hint
    return "Not ready" if hindered else STATE[scene.mode]


def sentence(scene: Scene) -> str:
    """Return what is going on as one sentence, for the status file, MQTT and the log."""
    if scene.power_off_in:
        return f"{_switching_off(scene)} s, unless the button is let go"
    if scene.fault:
        return _sentence(scene.fault.what, kept(scene) or scene.fault.remedy)
    if scene.mode is Mode.LISTENING:
        at_fallback = " at the fallback service" if scene.on_fallback else ""
        return f"Listening for {duration(scene.elapsed)}{at_fallback}"
    return _sentence(STATE[scene.mode], _continuation(scene), kept(scene))


def _continuation(scene: Scene) -> str:
    hint = scene.hint[:1].lower() + scene.hint[1:]
    match scene.mode:
        case Mode.READY:
            return hint or "press to start"
        case Mode.SAVED:
            return _result(scene)
        case Mode.OFF:
            return "safe to unplug"
        case _:
            return hint


def _result(scene: Scene) -> str:
    return f"{words(scene.summary)} {length(scene.summary)}" if scene.summary else ""


def _sentence(subject: str, *remarks: str) -> str:
    """Return "subject: remark, remark", without colons inside the remarks."""
    said = ", ".join(remark.replace(": ", ", ") for remark in remarks if remark)
    return f"{subject}: {said}" if said else subject


def _switching_off(scene: Scene) -> str:
    return f"Switching off in {scene.power_off_in}"


def in_turn(remarks: tuple[str, ...], elapsed: float) -> tuple[str, ...]:
    """Return the remark to show after `elapsed` seconds; none if there are none."""
    turn = int(elapsed) // REMARK_TIME % max(1, len(remarks))
    return remarks[turn : turn + 1]


def page(lines: Sequence[Piece], count: int, elapsed: float) -> Sequence[Piece]:
    """Return the page of `count` lines to show after `elapsed` seconds."""
    pages = max(1, math.ceil(len(lines) / count))
    first = int(elapsed / PAGE_TIME) % pages * count
    return lines[first : first + count]


def cut_short(lines: Sequence[Piece], count: int, elapsed: float) -> Sequence[Piece]:
    """Return at most `count` lines: the first ones stay, the others take turns as the last."""
    if len(lines) <= count:
        return lines
    return [*lines[: count - 1], *page(lines[count - 1 :], 1, elapsed)]


def kept(scene: Scene) -> str:
    """Return a remark about audio that waits for its transcription; empty if there is little."""
    if scene.waiting <= LAG_SHOWN_FROM:
        return ""
    if scene.mode in IN_SESSION - {Mode.FINISHING}:
        return f"keeping what you say: {duration(scene.waiting)}"
    return f"{duration(scene.waiting)} still to transcribe"


def duration(seconds: float) -> str:
    """Return a length of time in words.

    >>> duration(42), duration(130), duration(3900)
    ('42 s', '2 min', '1 h 5 min')
    """
    if seconds < 60:
        return f"{int(seconds)} s"
    hours, minutes = divmod(int(seconds) // 60, 60)
    if not hours:
        return f"{minutes} min"
    return f"{hours} h {minutes} min" if minutes else f"{hours} h"


def stopwatch(seconds: float) -> str:
    """Return elapsed time as on a stopwatch.

    >>> stopwatch(7), stopwatch(754), stopwatch(3723)
    ('0:07', '12:34', '1:02:03')
    """
    minutes, second = divmod(int(seconds), 60)
    hours, minute = divmod(minutes, 60)
    return f"{hours}:{minute:02}:{second:02}" if hours else f"{minutes}:{second:02}"


def words(summary: Summary) -> str:
    """Return the number of words as text: "312 words"."""
    if not summary.words:
        return "No words"
    return "1 word" if summary.words == 1 else f"{summary.words} words"


def length(summary: Summary) -> str:
    """Return the length of a session as text: "in 2 min 5 s", "in 1 h 2 min"."""
    minutes, seconds = divmod(int(summary.seconds), 60)
    if not 0 < minutes < 60:
        return f"in {duration(summary.seconds)}"
    return f"in {minutes} min {seconds} s"


def aside(fault: Fault | None) -> str:
    """Return a fault that hinders nobody as one remark with its remedy; empty for None."""
    return str(replace(fault, detail="")) if fault else ""


def command(name: str, outcome: str) -> str:
    """Return the outcome of a command: "Turn on the lamp: done"."""
    return f"{name[:1].upper()}{name[1:]}: {outcome}"


def _present(*remarks: str) -> tuple[str, ...]:
    return tuple(remark for remark in remarks if remark)
