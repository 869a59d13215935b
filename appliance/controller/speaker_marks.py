"""Marks on the screen where another speaker begins: a dash, or a letter or name."""

from collections.abc import Mapping, Sequence
from typing import Literal

from appliance.core.speakers import LabelKey, Speaker
from appliance.core.turns import Turn
from appliance.screen.scene import DASH, ShownTurn

Style = Literal["none", "dash", "letter"]


def marked(
    turns: Sequence[tuple[int, Turn]], speakers: Mapping[LabelKey, Speaker], style: Style
) -> tuple[ShownTurn, ...]:
    """Return turns as they are shown, each with a mark if somebody else begins to speak.

    Of a turn whose speaker is not known nothing is shown, and the next one is compared with the one
    before it. Labels of two connections cannot be compared: the first one of a connection is never
    marked with a dash, and always with its letter.

    >>> turns = [(0, Turn(0, "Tea?", speaker="A")), (0, Turn(1, "Please.", speaker="B"))]
    >>> known = {(0, "A"): Speaker("A"), (0, "B"): Speaker("B", name="Anna")}
    >>> [turn.marks for turn in marked(turns, known, "letter")]
    [('A',), ('Anna', 'B')]
    >>> [turn.marks == (DASH,) for turn in marked(turns, known, "dash")]
    [False, True]

    Args:
        turns: the turns, each with the origin of its connection.
        speakers: the speakers of these turns.
        style: how they are marked.
    """
    shown = []
    before: LabelKey | None = None
    for origin, turn in turns:
        key = (origin, turn.speaker)
        marks: tuple[str, ...] = ()
        if turn.speaker and style != "none":
            marks = _marks(before, key, speakers[key], style)
            before = key
        shown.append(ShownTurn(turn.text, turn.tentative, marks))
    return tuple(shown)


def _marks(
    before: LabelKey | None, now: LabelKey, speaker: Speaker, style: Style
) -> tuple[str, ...]:
    if before == now:
        return ()
    if style == "letter":
        return (speaker.name, speaker.tag) if speaker.name else (speaker.tag,)
    return (DASH,) if before and before[0] == now[0] else ()
