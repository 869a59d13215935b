"""Figures of the local service from the streams to it."""

from collections.abc import Iterator, Sequence
from itertools import pairwise

from tests.benchmarks.local_stream import Answer, Message


def transcript(answers: Sequence[Answer]) -> str:
    """Return what was said, by the finished turns."""
    return " ".join(turn.message["transcript"] for turn in _finished(answers))


def first_word_delay(answers: Sequence[Answer], spoken_at: float) -> float:
    """Return the ms from the first sound of speech to the first message with a word in it."""
    return next(turn.at for turn in _turns(answers) if turn.message["words"]) - spoken_at


def gaps(answers: Sequence[Answer]) -> list[float]:
    """Return the ms between a turn's partials, from its first word to the end of its last one."""
    return [
        later.at - earlier.at
        for order in range(len(_finished(answers)))
        for earlier, later in _neighbours(answers, order)
    ]


def _neighbours(answers: Sequence[Answer], order: int) -> Iterator[tuple[Answer, Answer]]:
    turns = [turn for turn in _turns(answers) if turn.message["turn_order"] == order]
    last_word = turns[-1].message["words"][-1]["end"] if turns[-1].message["words"] else 0
    for earlier, later in pairwise(turns):
        if earlier.at < last_word:
            yield earlier, later


def end_delays(answers: Sequence[Answer], silences: Sequence[float]) -> list[float]:
    """Return the ms from the beginning of each silence to the end of the turn before it."""
    ends = [turn.at for turn in _finished(answers)]
    return [end - silence for end, silence in zip(ends, silences, strict=True)]


def share(values: Sequence[float], percent: int) -> float:
    """Return the value that so many percent of all don't exceed."""
    ordered = sorted(values)
    return ordered[min(len(ordered) * percent // 100, len(ordered) - 1)]


def _turns(answers: Sequence[Answer]) -> list[Answer]:
    return [line for line in answers if _type(line.message) == "Turn"]


def _finished(answers: Sequence[Answer]) -> list[Answer]:
    return [turn for turn in _turns(answers) if turn.message["end_of_turn"]]


def _type(message: Message) -> str:
    return str(message["type"])
