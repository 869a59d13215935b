"""Simulated talk, as the service reports it: a message for each change of a turn."""

import enum
import itertools
import json
import random
from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

from appliance.screen.scene import ShownTurn


class Change(enum.Enum):
    """Change of the screen by a message, as long as no line moves."""

    APPENDED = "a word appended"
    REVISED = "a word revised"
    BEGUN = "a turn begun"
    FINISHED = "a turn finished"
    FORMATTED = "a turn formatted"


LATER = {Change.REVISED: 0.5, Change.FINISHED: 1.0, Change.FORMATTED: 1.3}
"""Words that might be spoken from the beginning of a turn's latest word until this happens."""


class Step(NamedTuple):
    """One message of the service, and the turn that it leaves on the screen."""

    change: Change
    message: str
    shown: ShownTurn


COMMON = """
a about after again all and answer at away because been before bring but by can carry chair children
come could country day did different do does door each early enough even every far few find first
for found garden get give go good great had hand hard has have he help her here house how hundred
important in interesting into it just keep kitchen know last leave letter life light like little
live long look made make many mean microphone might morning most mother move much must my name near
never new next night no not nothing number of off often on one only or other our out over own paper
part people perhaps place question read really remember right room said same say school see sentence
she should show side small so some something sound speak still stop story such table take talk tell
than that the their them then there these they thing think this those though three through time to
together tomorrow too tree two under understand until up us use very wait want was watch water way
we week well were what when where which while who why will window with without word work world would
write yes yesterday you young your
"""
VOCABULARY = tuple(COMMON.split())

TURN = range(4, 15)
"""How many words a turn may have."""

REVISED_SHARE = 0.5
"""The share of words that were first heard as another."""


def conversation(chance: random.Random, first: int = 0) -> Iterator[Step]:
    """Yield turn after turn, for ever, as the universal-streaming models do.

    The word being spoken is tentative, and often another one at first; a finished turn comes
    unformatted, then formatted. `first` is the order of the first turn.
    """
    for order in itertools.count(first):
        words = some_words(chance, chance.choice(TURN))
        yield from _growing(order, [], words, chance, Change.BEGUN)
        text = " ".join(words)
        yield Step(Change.FINISHED, _message(order, words, ends=True), ShownTurn(text))
        written = [*formatted(words)]
        shown = ShownTurn(" ".join(written))
        yield Step(Change.FORMATTED, _message(order, written, ends=True), shown)


def paced(steps: Iterable[Step], words_a_second: float) -> Iterator[tuple[float, Step]]:
    """Return the steps, each with the second at which it comes from somebody who talks so fast.

    Between two turns is a pause of a word. A word is corrected while it is being spoken.
    """
    words = 0
    for step in steps:
        words += {Change.APPENDED: 1, Change.BEGUN: 2}.get(step.change, 0)
        yield (words + LATER.get(step.change, 0.0)) / words_a_second, step


def monologue(chance: random.Random, order: int, said: Sequence[str]) -> Iterator[Step]:
    """Yield a turn that goes on and on, `said` already being settled."""
    words = list(said)
    while True:
        more = some_words(chance, 10, after=words[-1])
        yield from _growing(order, words, more, chance, Change.APPENDED)
        words += more


def finished_turns(chance: random.Random, words: int, length: int) -> Iterator[Step]:
    """Yield so many words in formatted turns of up to `length` words each."""
    for order, start in enumerate(range(0, words, length)):
        written = [*formatted(some_words(chance, min(length, words - start)))]
        shown = ShownTurn(" ".join(written))
        yield Step(Change.FORMATTED, _message(order, written, ends=True), shown)


def some_words(chance: random.Random, count: int, after: str = "") -> list[str]:
    """Return words of all lengths, no two alike in a row."""
    words = [after]
    while len(words) <= count:
        words.append(_other_than({words[-1]}, chance))
    return words[1:]


def formatted(words: Sequence[str]) -> Iterator[str]:
    """Return the words as a sentence, with a comma if it is long."""
    for number, word in enumerate(words):
        written = word.capitalize() if number == 0 else word
        if number == len(words) - 1:
            written += "."
        elif len(words) > 6 and number == len(words) // 2:
            written += ","
        yield written


def _growing(
    order: int, before: list[str], words: list[str], chance: random.Random, first: Change
) -> Iterator[Step]:
    """Yield the words one by one, each tentative until the next one comes."""
    for number, word in enumerate(words):
        settled = before + words[:number]
        change = Change.APPENDED if number else first
        if chance.random() < REVISED_SHARE:
            yield _tentative(change, order, settled, _other_than({word, *settled[-1:]}, chance))
            change = Change.REVISED
        yield _tentative(change, order, settled, word)


def _tentative(change: Change, order: int, settled: list[str], word: str) -> Step:
    shown = ShownTurn(" ".join(settled), word)
    return Step(change, _message(order, settled, word), shown)


def _other_than(words: set[str], chance: random.Random) -> str:
    return chance.choice([word for word in VOCABULARY if word not in words])


def _message(order: int, settled: list[str], tentative: str = "", *, ends: bool = False) -> str:
    """Return a `Turn` (the protocol's "Service to client"); its words' times are of no account."""
    words = [*settled, tentative] if tentative else settled
    timed = [
        {
            "text": word,
            "start": 10 * number,
            "end": 10 * number + 10,
            "confidence": 0.987654,
            "word_is_final": number < len(settled),
        }
        for number, word in enumerate(words)
    ]
    is_formatted = ends and settled[0] != settled[0].lower()
    turn = {
        "type": "Turn",
        "turn_order": order,
        "turn_is_formatted": is_formatted,
        "end_of_turn": ends,
        "transcript": " ".join(settled),
        "end_of_turn_confidence": 0.123456,
        "words": timed,
    }
    return json.dumps(turn)
