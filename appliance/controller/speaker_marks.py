"""Marks on the screen where another speaker begins: a dash, or a letter or name."""

from collections.abc import Mapping, Sequence
from typing import Literal

from appliance.core.speakers import LabelKey, Speaker
from appliance.core.turns import Turn
from appliance.screen.scene import DASH, Marks, ShownTurn

WIDEST = "G"
"""A label that is about as wide as any of the first ten letters."""

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
        marks: Marks = ()
        if turn.speaker and style != "none":
            marks = _marks(before, key, speakers[key], style)
            before = key
        others = _other_marks(origin, speakers, style)
        shown.append(ShownTurn(turn.text, turn.tentative, marks, others))
    return tuple(shown)


def _marks(before: LabelKey | None, now: LabelKey, speaker: Speaker, style: Style) -> Marks:
    if before == now:
        return ()
    if style == "letter":
        return _letter(speaker)
    return (DASH,) if before and before[0] == now[0] else ()


def _letter(speaker: Speaker) -> Marks:
    return (speaker.name, speaker.tag) if speaker.name else (speaker.tag,)


def _other_marks(
    origin: int, speakers: Mapping[LabelKey, Speaker], style: Style
) -> tuple[Marks, ...]:
    """Return the marks that a turn of this connection may get once its speaker is known."""
    if style != "letter":
        return ((DASH,),) if style == "dash" else ()
    known = [speaker for key, speaker in speakers.items() if key[0] == origin]
    connection = known[0].connection if known else len({key[0] for key in speakers}) + 1
    return tuple(sorted({_letter(it) for it in (Speaker(WIDEST, connection), *known)}))
