"""The matcher of phrases: finds the commands in the text of a finished turn."""

import re
from collections.abc import Sequence
from typing import NamedTuple

from appliance.settings.commands import Command, Note
from appliance.settings.phrases import Words, ways_to_say
from appliance.settings.spoken_words import spoken_words

_PIECE = re.compile(r"(?:[^\s\-–—,.:;!?…，。：；！？、]|(?<=\d)[.,](?=\d))+")  # noqa: RUF001 - Chinese
"""Text without a break: mostly a word; a number keeps its points and commas."""

_LEAD = re.compile(r"[\s,.:;!?…，。：；！？、]*(?:[–—]\s*|-\s+)?")  # noqa: RUF001 - Chinese
"""What separates a note from the phrase before it, but not the sign of a number."""


class SpokenCommand(NamedTuple):
    """A command that was said; `rest` is the text after a note's phrase, as it is written."""

    command: Command
    rest: str = ""


class _Piece(NamedTuple):
    """A piece of the text: its spoken words, and where it begins and ends.

    One piece may be several spoken words, as "21" is.
    """

    spoken: Words
    start: int
    end: int


class PhraseMatcher:
    """All commands by their phrases, whatever their case and punctuation.

    Without a `prefix`, a turn is a command only if it is nothing else: what people say to each
    other must not switch anything. A command after the prefix may stand anywhere in a turn, and
    reaches to its end or to the next prefix. A note may go on in any words, until a prefix with a
    command behind it.

    >>> from appliance.settings.commands import Stop
    >>> matcher = PhraseMatcher([Stop(phrase="stop [listening]")])
    >>> [said.command.name for said in matcher.commands_in("Stop!")]
    ['stop listening']
    >>> matcher.commands_in("Don't stop.")
    []
    """

    def __init__(self, commands: Sequence[Command], prefix: str = "") -> None:
        self._prefix = tuple(spoken_words(prefix))
        self._whole: dict[Words, Command] = {}
        self._begun: dict[Words, Command] = {}
        for command in commands:
            book = self._begun if isinstance(command, Note) else self._whole
            for phrase in command.phrases:
                for said in ways_to_say(phrase):
                    book.setdefault(said, command)
        self._longest = max(map(len, [*self._whole, *self._begun]), default=0)

    def is_call(self, text: str) -> bool:
        """Return whether a finished turn is the prefix and nothing else."""
        return bool(self._prefix) and tuple(spoken_words(text)) == self._prefix

    def commands_in(self, text: str, *, called: bool = False) -> list[SpokenCommand]:
        """Return the commands in a finished turn, in their order; mostly none.

        `called`: the prefix was said just before.
        """
        if not self._longest:
            return []
        pieces = _pieces(text)
        calls = _occurrences(self._prefix, pieces) if self._prefix else []
        if called or not self._prefix:
            calls = [(0, 0), *calls]
        stops = {begin for begin, _ in calls} | {len(pieces)}
        heard: list[SpokenCommand] = []
        end = len(pieces)
        for begin, after in reversed(calls):
            if command := self._command(text, pieces, after, end, stops):
                heard.append(command)
                end = begin
        return heard[::-1]

    def _command(
        self, text: str, pieces: list[_Piece], begin: int, end: int, stops: set[int]
    ) -> SpokenCommand | None:
        """Return the command that begins there; unless it is a note, it ends at a stop."""
        said: Words = ()
        whole = note = None
        for number in range(begin, min(end, begin + self._longest)):
            said += pieces[number].spoken
            if number + 1 in stops and said in self._whole:
                whole = SpokenCommand(self._whole[said])
            if said in self._begun:
                until = pieces[end].start if end < len(pieces) else len(text)
                rest = _LEAD.sub("", text[pieces[number].end : until], count=1)
                note = SpokenCommand(self._begun[said], rest.strip())
        return whole or note


def _pieces(text: str) -> list[_Piece]:
    placed = (
        _Piece(tuple(spoken_words(piece.group())), *piece.span()) for piece in _PIECE.finditer(text)
    )
    return [piece for piece in placed if piece.spoken]


def _occurrences(said: Words, pieces: Sequence[_Piece]) -> list[tuple[int, int]]:
    """Return the begin and end of each occurrence, as indexes of the pieces."""
    places = ((begin, _end_of(said, pieces, begin)) for begin in range(len(pieces)))
    return [(begin, end) for begin, end in places if end]


def _end_of(said: Words, pieces: Sequence[_Piece], begin: int) -> int | None:
    """Return where the words end that begin at `begin`; None if they are not said there."""
    spoken: Words = ()
    for end in range(begin, len(pieces)):
        spoken += pieces[end].spoken
        if spoken == said:
            return end + 1
        if spoken != said[: len(spoken)]:
            break
    return None
