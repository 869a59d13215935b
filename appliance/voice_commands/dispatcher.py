"""The dispatcher of spoken commands and alerts: each counts once, and commands are recorded."""

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
from appliance.voice_commands.alerts import AlertWatch, AlertWords
from appliance.voice_commands.heard_again import MOST_AGE, ActedTurns, age_of, key_of
from appliance.voice_commands.matcher import PhraseMatcher, SpokenCommand
from appliance.voice_commands.slots import letter_of

log = logging.getLogger(__name__)

CALL_TIME = 5.0
"""Seconds for which an attention word that was said by itself waits for its command."""


class Call(msgspec.Struct):
    """An attention word that was said by itself; the first turn after it may be a command."""

    session: str
    key: Key
    ended: float
    answer: Key | None = None

    def is_answered_by(self, event: TurnReceived) -> bool:
        """Return whether a turn is the first one after the call, or its formatted text."""
        key = key_of(event)
        if event.session != self.session or not 0 <= event.started - self.ended < CALL_TIME:
            return False
        self.answer = self.answer or key
        return self.answer == key


class Dispatcher:
    """Finds commands and alerts in turns, and acts on each once; runs on the controller's thread.

    `handle` returns what follows from an event: the controller handles that next. What has wires or
    goes over the network is performed elsewhere, and posts CommandEnded later.

    Args:
        settings: the commands, their prefix, and the words that call the reader.
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
        self._acted = ActedTurns(acted)
        self._alerts = AlertWatch(AlertWords(settings.alert.words), began_at, clock)
        self._call: Call | None = None
        self._under_way: set[tuple[str, float]] = set()

    def handle(self, event: Event) -> list[Event]:
        """Look for words in a turn, or record how a command ended; return what follows.

        Commands count once their turn is finished, alerts at once.
        """
        follows = self._alerts.handle(event)
        match event:
            case TurnReceived() if event.turn.finished:
                follows += self._handle_turn(event)
            case CommandEnded():
                self._conclude(event)
        return follows

    def _handle_turn(self, event: TurnReceived) -> list[Event]:
        text, key = event.turn.text, key_of(event)
        called = bool(text and self._call and self._call.is_answered_by(event))
        if heard := self._matcher.commands_in(text, called=called):
            return self._handle_commands(event, heard)
        if self._matcher.is_call(text) and not (self._call and self._call.key == key):
            self._call = Call(event.session, key, event.ended)
        return []

    def _handle_commands(self, event: TurnReceived, heard: list[SpokenCommand]) -> list[Event]:
        if before := self._acted.same(event):
            self._keep_notes(event.session, before.started, heard)  # now with its commas
            return _names(event, heard)  # now with their capitals
        if self._acted.has(event):
            return []
        self._acted.add(event)
        self._keep_notes(event.session, event.started, heard)
        return [
            follows
            for number, said in enumerate(heard)
            for follows in self._carry_out(event, _moment(event.started, number), said)
        ]

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
        age = age_of(event, self._began_at, self._clock())
        if age is None:
            return "too late, said before the restart"
        return f"too late, said {texts.duration(age)} ago" if age > MOST_AGE else ""

    def _conclude(self, event: CommandEnded) -> None:
        if event.failure:
            log.warning("command %s: %s", event.name, event.failure)
        if (event.session, event.at) in self._under_way:
            self._under_way.discard((event.session, event.at))
            self._mark(event.session, Mark("command", event.at, event.name, event.failure))


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
