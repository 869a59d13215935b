"""The dispatcher of spoken commands: acts on each once, in time, and records the outcome."""

import logging
import time
from collections.abc import Callable, Mapping
from types import MappingProxyType

import msgspec

from appliance.core.command_events import CommandEnded, CommandHeard, NameGiven, Requested
from appliance.core.events import Event, TurnReceived
from appliance.core.speakers import clean_name
from appliance.core.turns import Key
from appliance.history.records import Mark
from appliance.screen import texts
from appliance.settings import Settings, commands
from appliance.settings.service_parameters import decimal_comma
from appliance.voice_commands.actions.action import ActionRequest
from appliance.voice_commands.matcher import PhraseMatcher, SpokenCommand
from appliance.voice_commands.slots import letter_of

log = logging.getLogger(__name__)

MOST_AGE = 30.0
"""Seconds after which a command is too old: who said "turn on the lamp" while the network was away
does not want it on an hour later."""

CALL_TIME = 5.0
"""Seconds for which an attention word that was said by itself waits for its command."""

REMEMBERED = 32
"""Sessions whose last command is remembered: only the newest may be heard again."""

WORD_TIME_ERROR = 0.5
"""Seconds by which a turn may seem to begin later when it is heard again: word times are not exact,
and nobody says two commands within so little."""


class Acted(msgspec.Struct, frozen=True):
    """The last turn of a session that held commands, and when it began."""

    key: Key | None
    started: float


class Call(msgspec.Struct):
    """An attention word that was said by itself; the first turn after it may be a command."""

    session: str
    key: Key
    ended: float
    answer: Key | None = None

    def is_answered_by(self, event: TurnReceived) -> bool:
        """Return whether a turn is the first one after the call, or its formatted text."""
        key = _key_of(event)
        if event.session != self.session or not 0 <= event.started - self.ended < CALL_TIME:
            return False
        self.answer = self.answer or key
        return self.answer == key


class Dispatcher:
    """Finds commands in finished turns and acts on each once; runs on the controller's thread.

    `handle` returns what follows from an event: the controller handles that next. What has wires or
    goes over the network is performed elsewhere, and posts CommandEnded later.

    Args:
        settings: the commands and their prefix.
        mark: puts a mark into a session's history.
        perform: carries out what has wires or goes over the network; returns at once.
        began_at: when a session began, on this boot's monotonic clock; None for earlier boots.
        acted: when the last command of a session was said that an earlier run acted on, in seconds
            after its start.
        clock: monotonic seconds.
    """

    def __init__(
        self,
        settings: Settings,
        *,
        mark: Callable[[str, Mark], None],
        perform: Callable[[ActionRequest], None],
        began_at: Callable[[str], float | None],
        acted: Mapping[str, float] = MappingProxyType({}),
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._matcher = PhraseMatcher(
            settings.commands,
            settings.commands_prefix,
            decimal_comma=decimal_comma(settings.service.parameters),
        )
        self._mark = mark
        self._perform = perform
        self._began_at = began_at
        self._clock = clock
        self._acted = {session: Acted(None, started) for session, started in acted.items()}
        self._call: Call | None = None
        self._under_way: set[tuple[str, float]] = set()

    def handle(self, event: Event) -> list[Event]:
        """Look for commands in a finished turn, or record how one ended; return what follows."""
        match event:
            case TurnReceived() if event.turn.finished:
                return self._handle_turn(event)
            case CommandEnded():
                self._conclude(event)
        return []

    def _handle_turn(self, event: TurnReceived) -> list[Event]:
        text, key = event.turn.text, _key_of(event)
        called = bool(text and self._call and self._call.is_answered_by(event))
        if heard := self._matcher.commands_in(text, called=called):
            return self._handle_commands(event, heard)
        if self._matcher.is_call(text) and not (self._call and self._call.key == key):
            self._call = Call(event.session, key, event.ended)
        return []

    def _handle_commands(self, event: TurnReceived, heard: list[SpokenCommand]) -> list[Event]:
        key = _key_of(event)
        before = self._acted.get(event.session)
        if before and before.key == key:
            self._keep_notes(event.session, before.started, heard)  # now with its commas
            return _names(event, heard)  # now with their capitals
        if before and _is_heard_again(event, before):
            return []
        self._remember(event.session, Acted(key, event.started))
        self._keep_notes(event.session, event.started, heard)
        return [
            follows
            for number, said in enumerate(heard)
            for follows in self._carry_out(event, _moment(event.started, number), said)
        ]

    def _remember(self, session: str, acted: Acted) -> None:
        self._acted.pop(session, None)
        self._acted[session] = acted
        if len(self._acted) > REMEMBERED:
            del self._acted[next(iter(self._acted))]

    def _keep_notes(self, session: str, started: float, heard: list[SpokenCommand]) -> None:
        for number, said in enumerate(heard):
            if isinstance(said.command, commands.Note) and said.rest:
                self._mark(session, Mark("note", _moment(started, number), said.rest))

    def _carry_out(self, event: TurnReceived, at: float, said: SpokenCommand) -> list[Event]:
        command, rest = said.command, said.rest
        log.info("command: %s", command.name)
        ended = CommandEnded(event.session, command.name, event.turn.text, at)
        if isinstance(command, commands.Note):
            return [ended if rest else _failed(ended, "nothing followed")]
        if isinstance(command, commands.Bookmark):
            self._mark(event.session, Mark("mark", at, event.turn.text))
            return [ended]
        self._under_way.add((event.session, at))
        self._mark(event.session, Mark("command", at, command.name, "heard"))
        command_heard = CommandHeard(event.session, command.name, event.turn.text, at)
        if late := self._lateness(event):
            return [command_heard, _failed(ended, late)]
        if isinstance(command, commands.RequestCommand):
            return [command_heard, Requested(command.request, ended)]
        if isinstance(command, commands.Name):
            return [command_heard, _name(event, said, ended)]
        self._perform(ActionRequest(command, ended.session, ended.words, ended.at))
        return [command_heard]

    def _lateness(self, event: TurnReceived) -> str:
        """Return why a command is not carried out; nothing when it was said just now."""
        began_at = self._began_at(event.session)
        if began_at is None:
            return "too late, said before the restart"
        age = self._clock() - (began_at + event.ended)
        return f"too late, said {texts.duration(age)} ago" if age > MOST_AGE else ""

    def _conclude(self, event: CommandEnded) -> None:
        if event.failure:
            log.warning("command %s: %s", event.name, event.failure)
        if (event.session, event.at) in self._under_way:
            self._under_way.discard((event.session, event.at))
            self._mark(event.session, Mark("command", event.at, event.name, event.failure))


def _is_heard_again(event: TurnReceived, before: Acted) -> bool:
    """Return whether a turn was acted on already.

    A new connection hears some of the last one again, and after a crash a new run of the program
    does.
    """
    if before.key and event.origin == before.key[0]:
        return event.turn.order < before.key[1]
    return event.started < before.started + WORD_TIME_ERROR


def _key_of(event: TurnReceived) -> Key:
    return event.origin, event.turn.order


def _moment(started: float, number: int) -> float:
    """Return when a command was said: two in one turn are two marks."""
    return started + number / 1000


def _names(event: TurnReceived, heard: list[SpokenCommand]) -> list[Event]:
    """Return the names that a turn gives, as it spells them now."""
    return [_name(event, said) for said in heard if isinstance(said.command, commands.Name)]


def _name(event: TurnReceived, said: SpokenCommand, ended: CommandEnded | None = None) -> NameGiven:
    letter, name = said.filled
    name = clean_name(name)
    name = name[:1].upper() + name[1:]
    return NameGiven(event.session, event.origin, letter_of(letter), name, ended)


def _failed(ended: CommandEnded, failure: str) -> CommandEnded:
    return msgspec.structs.replace(ended, failure=failure)
