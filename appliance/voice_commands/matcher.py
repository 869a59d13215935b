"""The matcher of phrases: finds the commands in the text of a finished turn."""

import re
from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

from appliance.settings.commands import Command, Note
from appliance.settings.phrases import HYPHEN, ways_to_say
from appliance.settings.spoken_words import (
    DOTLESS_I,
    INITIALS_POINT,
    MINUS_SIGN,
    Words,
    in_one_wording,
    spoken_words,
)
from appliance.voice_commands.slots import MAX_NAME_WORDS, filled

_PIECE = re.compile(
    rf"(?:{MINUS_SIGN}|[^\s\-–—,.:;!?…，。：；！？、]"  # noqa: RUF001 - Chinese
    rf"|(?<=\d)[.,:](?=\d)|{INITIALS_POINT}|{HYPHEN})+"
)
"""Text without a break: mostly a word, also with hyphens; a number keeps its points and sign."""

_LEAD = re.compile(r"[\s,.:;!?…，。：；！？、]*(?:[–—]\s*|-\s+)?")  # noqa: RUF001 - Chinese
"""What separates a note from the phrase before it, but not the sign of a number."""


class SpokenCommand(NamedTuple):
    """A command that was said; `rest` is the text after a note's phrase, as it is written.

    `filled` is what was said in place of the slots of its phrase, in their order.
    """

    command: Command
    rest: str = ""
    filled: tuple[str, ...] = ()


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
        prefixes = {tuple(spoken_words(it)) for it in (prefix, re.sub(HYPHEN, "", prefix))}
        self._prefixes = prefixes - {()}
        self._whole: dict[Words, Command] = {}
        self._begun: dict[Words, Command] = {}
        self._slotted: dict[Words, Command] = {}
        for command in commands:
            book = self._begun if isinstance(command, Note) else self._whole
            book = self._slotted if command.slots else book
            for phrase in command.phrases:
                for said in ways_to_say(phrase, command.slots):
                    book.setdefault(said, command)
        # What is optional belongs to the phrase rather than to a slot.
        self._slotted = dict(sorted(self._slotted.items(), key=lambda it: -len(it[0])))
        known = [*self._prefixes, *self._whole, *self._begun, *self._slotted]
        self._vocabulary = {word for said in known for word in said}
        self._letters = set().union(*self._vocabulary)
        self._longest = max(map(len, [*self._whole, *self._begun]), default=0)
        self._longest_slotted = max((len(it) + MAX_NAME_WORDS for it in self._slotted), default=0)

    def is_call(self, text: str) -> bool:
        """Return whether a finished turn is the prefix and nothing else."""
        said = tuple(word for piece in self._pieces(text) for word in piece.spoken)
        return said in self._prefixes

    def commands_in(self, text: str, *, called: bool = False) -> list[SpokenCommand]:
        """Return the commands in a finished turn, in their order; mostly none.

        `called`: the prefix was said just before.
        """
        if not (self._longest or self._slotted):
            return []
        pieces = self._pieces(text)
        calls = sorted(it for said in self._prefixes for it in _occurrences(said, pieces))
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

    def _pieces(self, text: str) -> list[_Piece]:
        spans = list(_spans(text, self._is_joined))
        worded = in_one_wording(self._spoken(text[begin:end]) for begin, end in spans)
        placed = (_Piece(said, *span) for said, span in zip(worded, spans, strict=True))
        return [piece for piece in placed if piece.spoken]

    def _is_joined(self, piece: str) -> bool:
        """Return whether a phrase has the piece as one word, without the hyphens in it."""
        return bool(re.search(HYPHEN, piece)) and set(self._spoken(piece)) <= self._vocabulary

    def _spoken(self, piece: str) -> Words:
        """Return the spoken words of a piece; "I" is the Turkish capital if a phrase has it so."""
        piece = re.sub(HYPHEN, "", piece)
        if "I" in piece and DOTLESS_I in self._letters:
            said = tuple(spoken_words(piece, turkish=True))
            if self._vocabulary.issuperset(said):
                return said
        return tuple(spoken_words(piece, turkish=False))

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
        return whole or note or self._with_slots(text, pieces, begin, end, stops)

    def _with_slots(
        self, text: str, pieces: list[_Piece], begin: int, end: int, stops: set[int]
    ) -> SpokenCommand | None:
        """Return the command that begins there and ends at a stop, with any words in its slots."""
        for stop in range(begin + 1, min(end, begin + self._longest_slotted) + 1):
            for way, command in self._slotted.items() if stop in stops else ():
                said = pieces[begin:stop]
                places = filled(way, [piece.spoken for piece in said])
                if places is not None:
                    spans = [places[slot] for slot in command.slots]
                    words = (text[said[a].start : said[b - 1].end] for a, b in spans)
                    return SpokenCommand(command, filled=tuple(words))
        return None


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


def _spans(text: str, joined: Callable[[str], bool]) -> Iterator[tuple[int, int]]:
    """Yield the begin and end of each piece; at a hyphen in it, another begins unless `joined`."""
    for piece in _PIECE.finditer(text):
        begin = piece.start()
        if not joined(piece.group()):
            for hyphen in re.finditer(HYPHEN, piece.group()):
                yield begin, piece.start() + hyphen.start()
                begin = piece.start() + hyphen.end()
        yield begin, piece.end()
