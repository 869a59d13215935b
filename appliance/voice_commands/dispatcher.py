"""What is done about a command that was said: once, in time, and on record."""

import logging
import time
from collections.abc import Callable, Mapping
from types import MappingProxyType

import msgspec

from appliance.core import events
from appliance.core.events import CommandEnded, CommandHeard, Event, Post, Request, TurnReceived
from appliance.core.turns import Key
from appliance.history.records import Mark
from appliance.screen import texts
from appliance.settings import commands
from appliance.settings.schema import Settings
from appliance.voice_commands.actions.action import ActionRequest
from appliance.voice_commands.matcher import PhraseMatcher, SpokenCommand

log = logging.getLogger(__name__)

TIMELY = 30.0
"""Seconds after which a command is too old to be carried out: who said "turn on the lamp" while the
network was away does not want it on an hour later."""

CALL_TIME = 5.0
"""Seconds for which an attention word that was said by itself is waiting for its command."""

REMEMBERED = 32
"""Sessions whose last command is remembered: only the newest may be heard again."""

WISHES: dict[type[commands.Command], Request] = {
    commands.Stop: Request.STOP,
    commands.Clear: Request.CLEAR,
    commands.Bigger: Request.BIGGER,
    commands.Smaller: Request.SMALLER,
    commands.Brighter: Request.BRIGHTER,
    commands.Darker: Request.DARKER,
}


SLACK = 0.5
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
        """Tell whether a turn is the one after the call; its formatted text is, too."""
        key = _key_of(event)
        if event.session != self.session or not 0 <= event.started - self.ended < CALL_TIME:
            return False
        self.answer = self.answer or key
        return self.answer == key


class Dispatcher:
    """Looks for commands in what was said. Used by the controller's thread.

    Args:
        settings: what may be said, and what it does.
        post: told CommandHeard, CommandEnded and what is asked for.
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
        post: Post,
        *,
        mark: Callable[[str, Mark], None],
        perform: Callable[[ActionRequest], None],
        began_at: Callable[[str], float | None],
        acted: Mapping[str, float] = MappingProxyType({}),
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._matcher = PhraseMatcher(settings.commands, settings.commands_prefix)
        self._post = post
        self._mark = mark
        self._perform = perform
        self._began_at = began_at
        self._clock = clock
        self._acted = {session: Acted(None, started) for session, started in acted.items()}
        self._call: Call | None = None
        self._under_way: set[tuple[str, float]] = set()

    def handle(self, event: Event) -> None:
        """Look at what was said, and note how commands ended."""
        match event:
            case TurnReceived() if event.turn.finished:
                self._heed_turn(event)
            case CommandEnded():
                self._conclude(event)

    def _heed_turn(self, event: TurnReceived) -> None:
        text, key = event.turn.text, _key_of(event)
        called = bool(text and self._call and self._call.is_answered_by(event))
        if heard := self._matcher.commands_in(text, called=called):
            self._heed_commands(event, heard)
        elif self._matcher.is_call(text) and not (self._call and self._call.key == key):
            self._call = Call(event.session, key, event.ended)

    def _heed_commands(self, event: TurnReceived, heard: list[SpokenCommand]) -> None:
        key = _key_of(event)
        before = self._acted.get(event.session)
        if before and before.key == key:
            self._keep_notes(event.session, before.started, heard)  # now with its commas
        elif not (before and _is_heard_again(event, before)):
            self._remember(event.session, Acted(key, event.started))
            self._keep_notes(event.session, event.started, heard)
            for number, (command, rest) in enumerate(heard):
                self._carry_out(event, _moment(event.started, number), command, rest)

    def _remember(self, session: str, acted: Acted) -> None:
        self._acted.pop(session, None)
        self._acted[session] = acted
        if len(self._acted) > REMEMBERED:
            del self._acted[next(iter(self._acted))]

    def _keep_notes(self, session: str, started: float, heard: list[SpokenCommand]) -> None:
        for number, (command, rest) in enumerate(heard):
            if isinstance(command, commands.Note) and rest:
                self._mark(session, Mark("note", _moment(started, number), rest))

    def _carry_out(
        self, event: TurnReceived, at: float, command: commands.Command, rest: str
    ) -> None:
        log.info("command: %s", command.name)
        ended = CommandEnded(event.session, command.name, event.turn.text, at)
        if isinstance(command, commands.Note):
            self._post(ended if rest else _failed(ended, "nothing followed"))
        elif isinstance(command, commands.Mark):
            self._mark(event.session, Mark("mark", at, event.turn.text))
            self._post(ended)
        else:
            self._under_way.add((event.session, at))
            self._mark(event.session, Mark("command", at, command.name, "heard"))
            self._post(CommandHeard(event.session, command.name, event.turn.text, at))
            self._act(command, ended, self._lateness(event))

    def _act(self, command: commands.Command, ended: CommandEnded, late: str) -> None:
        if late:
            self._post(_failed(ended, late))
        elif isinstance(command, commands.Gpio | commands.Mqtt | commands.Webhook):
            self._perform(ActionRequest(command, ended.session, ended.words, ended.at))
        else:
            self._post(events.Requested(WISHES[type(command)], ended))

    def _lateness(self, event: TurnReceived) -> str:
        """Return why a command is not carried out; nothing when it was said just now."""
        began_at = self._began_at(event.session)
        if began_at is None:
            return "too late, said before the restart"
        age = self._clock() - (began_at + event.ended)
        return f"too late, said {texts.duration(age)} ago" if age > TIMELY else ""

    def _conclude(self, event: CommandEnded) -> None:
        if event.failure:
            log.warning("command %s: %s", event.name, event.failure)
        if (event.session, event.at) in self._under_way:
            self._under_way.discard((event.session, event.at))
            self._mark(event.session, Mark("command", event.at, event.name, event.failure))


def _is_heard_again(event: TurnReceived, before: Acted) -> bool:
    """Tell whether a turn was acted on already.

    A new connection hears some of the last one again, and after a crash a new run of the program
    does.
    """
    if before.key and event.origin == before.key[0]:
        return event.turn.order < before.key[1]
    return event.started < before.started + SLACK


def _key_of(event: TurnReceived) -> Key:
    return event.origin, event.turn.order


def _moment(started: float, number: int) -> float:
    """Return when a command was said: two in one turn are two marks."""
    return started + number / 1000


def _failed(ended: CommandEnded, failure: str) -> CommandEnded:
    return msgspec.structs.replace(ended, failure=failure)
