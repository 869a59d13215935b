"""How sure it is that someone has said what they wanted to say."""

import re
from collections.abc import Sequence

COMPLETE = 0.9
"""After a silence, when the last word may well be the last: a pause for breath sounds alike."""

OPEN = 0.3
"""After a silence, when the last word wants another."""

_WANTS_ANOTHER = re.compile(
    "an?|the|my|your|our|their|every|very|and|n?or|but|because|al?though|unless|whereas|if|than"
    "|of|from|into|upon|with(out)?|between|among|during"
)


def end_of_turn_confidence(words: Sequence[str], silence: float) -> float:
    """Return it from 0 to 1, given the words of a turn in lower case.

    `silence` is how much there was of the silence that may end a turn, from 0 to 1: the confidence
    grows with it, and the last word says how far.
    """
    complete = bool(words) and not _WANTS_ANOTHER.fullmatch(words[-1])
    return round((COMPLETE if complete else OPEN) * silence, 3)
