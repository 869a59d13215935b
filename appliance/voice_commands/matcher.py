"""The matcher of phrases: finds the commands in the text of a finished turn."""

import re
from collections.abc import Sequence
from typing import NamedTuple

from appliance.settings.commands import Command, Note
from appliance.settings.phrases import HYPHEN, ways_to_say
from appliance.settings.spoken_words import Way, ways_to_speak
from appliance.voice_commands.pieces import (
    Piece,
    PieceSplitter,
    followed,
    meant_by,
    starts_of,
)
from appliance.voice_commands.slots import MAX_NAME_WORDS, filled

_LEAD = re.compile(r"[\s,.:;!?…，。：；！？、]*(?:[–—]\s*|-\s+)?")  # noqa: RUF001 - Chinese
"""What separates a note from the phrase before it, but not the sign of a number."""


class SpokenCommand(NamedTuple):
    """A command that was said; `rest` is the text after a note's phrase, as it is written.

    `filled` is what was said in place of the slots of its phrase, in their order.
    """

    command: Command
    rest: str = ""
    filled: tuple[str, ...] = ()


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

    Args:
        commands: the commands, of which an earlier one wins.
        prefix: what is said before every command; empty for nothing.
        decimal_comma: whether the language of the turns has a decimal comma; None if that is not
            known.
    """

    def __init__(
        self, commands: Sequence[Command], prefix: str = "", *, decimal_comma: bool | None = False
    ) -> None:
        prefixes = {prefix, re.sub(HYPHEN, "", prefix)}
        ways = (way for it in prefixes for way in ways_to_speak(it, decimal_comma))
        self._prefixes = {way for way in ways if way.words}
        self._whole: dict[Way, Command] = {}
        self._begun: dict[Way, Command] = {}
        self._slotted: dict[Way, Command] = {}
        for command in commands:
            book = self._begun if isinstance(command, Note) else self._whole
            book = self._slotted if command.slots else book
            for phrase in command.phrases:
                for way in ways_to_say(phrase, command.slots, decimal_comma=decimal_comma):
                    book.setdefault(way, command)
        # What is optional belongs to the phrase rather than to a slot.
        self._slotted = dict(sorted(self._slotted.items(), key=lambda it: -len(it[0].words)))
        self._longest_slotted = max(
            (len(it.words) + MAX_NAME_WORDS for it in self._slotted), default=0
        )
        self._starts_of_prefixes = starts_of(self._prefixes)
        self._starts = starts_of([*self._whole, *self._begun])
        known = [*self._prefixes, *self._whole, *self._begun, *self._slotted]
        self._splitter = PieceSplitter(known, decimal_comma)

    def is_call(self, text: str) -> bool:
        """Return whether a finished turn is the prefix and nothing else."""
        if not self._prefixes:
            return False
        return (0, len(pieces := self._splitter.pieces(text))) in self._calls(pieces)

    def commands_in(self, text: str, *, called: bool = False) -> list[SpokenCommand]:
        """Return the commands in a finished turn, in their order; mostly none.

        `called`: the prefix was said just before.
        """
        if not (self._starts or self._slotted):
            return []
        pieces = self._splitter.pieces(text)
        calls = self._calls(pieces)
        if called or not self._prefixes:
            calls = [(0, 0), *calls]
        stops = {begin for begin, _ in calls} | {len(pieces)}
        heard: list[SpokenCommand] = []
        end = len(pieces)
        for begin, after in reversed(calls):
            if command := self._command(text, pieces, after, end, stops):
                heard.append(command)
                end = begin
        return heard[::-1]

    def _calls(self, pieces: Sequence[Piece]) -> list[tuple[int, int]]:
        """Return the begin and end of each prefix, as indexes of the pieces."""
        return [
            (begin, end)
            for begin in range(len(pieces))
            for end, ways in followed(pieces, begin, len(pieces), self._starts_of_prefixes)
            if any(meant_by(way, self._prefixes) for way in ways)
        ]

    def _command(
        self, text: str, pieces: list[Piece], begin: int, end: int, stops: set[int]
    ) -> SpokenCommand | None:
        """Return the command that begins there; unless it is a note, it ends at a stop."""
        whole = note = None
        for after, ways in followed(pieces, begin, end, self._starts):
            for said in ways:
                if after in stops and (meant := meant_by(said, self._whole)):
                    whole = SpokenCommand(self._whole[meant])
                if meant := meant_by(said, self._begun):
                    until = pieces[end].start if end < len(pieces) else len(text)
                    rest = _LEAD.sub("", text[pieces[after - 1].end : until], count=1)
                    note = SpokenCommand(self._begun[meant], rest.strip())
        return whole or note or self._with_slots(text, pieces, begin, end, stops)

    def _with_slots(
        self, text: str, pieces: list[Piece], begin: int, end: int, stops: set[int]
    ) -> SpokenCommand | None:
        """Return the command that begins there and ends at a stop, with any words in its slots."""
        for stop in range(begin + 1, min(end, begin + self._longest_slotted) + 1):
            for way, command in self._slotted.items() if stop in stops else ():
                said = pieces[begin:stop]
                places = filled(way.words, [piece.ways[0].words for piece in said])
                if places is not None:
                    spans = [places[slot] for slot in command.slots]
                    words = (text[said[a].start : said[b - 1].end] for a, b in spans)
                    return SpokenCommand(command, filled=tuple(words))
        return None
