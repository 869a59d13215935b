"""What streams to the local service tell about it."""

from collections.abc import Iterator, Sequence
from itertools import pairwise

from tests.benchmarks.local_stream import Message, Told


def transcript(told: Sequence[Told]) -> str:
    """Return what was said, by the finished turns."""
    return " ".join(turn.message["transcript"] for turn in _finished(told))


def first_word_delay(told: Sequence[Told], spoken_at: float) -> float:
    """Return the ms from the first sound of speech to the first message with a word in it."""
    return next(turn.at for turn in _turns(told) if turn.message["words"]) - spoken_at


def gaps(told: Sequence[Told]) -> list[float]:
    """Return the ms between a turn's partials, from its first word to the end of its last one."""
    return [
        later.at - earlier.at
        for order in range(len(_finished(told)))
        for earlier, later in _neighbours(told, order)
    ]


def _neighbours(told: Sequence[Told], order: int) -> Iterator[tuple[Told, Told]]:
    turns = [turn for turn in _turns(told) if turn.message["turn_order"] == order]
    last_word = turns[-1].message["words"][-1]["end"] if turns[-1].message["words"] else 0
    for earlier, later in pairwise(turns):
        if earlier.at < last_word:
            yield earlier, later


def end_delays(told: Sequence[Told], silences: Sequence[float]) -> list[float]:
    """Return the ms from the beginning of each silence to the end of the turn before it."""
    ends = [turn.at for turn in _finished(told)]
    return [end - silence for end, silence in zip(ends, silences, strict=True)]


def share(values: Sequence[float], percent: int) -> float:
    """Return the value that so many percent of all don't exceed."""
    ordered = sorted(values)
    return ordered[min(len(ordered) * percent // 100, len(ordered) - 1)]


def _turns(told: Sequence[Told]) -> list[Told]:
    return [line for line in told if _type(line.message) == "Turn"]


def _finished(told: Sequence[Told]) -> list[Told]:
    return [turn for turn in _turns(told) if turn.message["end_of_turn"]]


def _type(message: Message) -> str:
    return str(message["type"])
