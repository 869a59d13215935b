"""Handler of requests: what the appliance does to itself, spoken or over MQTT."""

from collections.abc import Callable

import msgspec

from appliance.controller.presenter import Presenter
from appliance.controller.press import click
from appliance.controller.states import Input, SessionMachine
from appliance.core.command_events import NameGiven, Request, Requested
from appliance.core.events import Event
from appliance.history.writer import HistoryWriter
from appliance.screen.appearance import APPEARANCE_REQUESTS


class RequestHandler:
    """Handler of requests, and of names that speakers are given.

    Args:
        machine: has the live session.
        presenter: changes size and brightness.
        history: keeps the names.
        apply: applies an input to the state machine.
    """

    def __init__(
        self,
        machine: SessionMachine,
        presenter: Presenter,
        history: HistoryWriter,
        apply: Callable[[Input], None],
    ) -> None:
        self._machine = machine
        self._presenter = presenter
        self._history = history
        self._apply = apply

    def handle(self, event: Requested | NameGiven) -> list[Event]:
        """Carry out a request; return the outcome of the command that made it, if one did."""
        if isinstance(event, NameGiven):
            failure = self._name_given(event)
        else:
            failure = self._requested(event)
        return [msgspec.structs.replace(event.command, failure=failure)] if event.command else []

    def _requested(self, event: Requested) -> str:
        """Carry out a request; return why that was not possible, or nothing."""
        request = event.request
        if event.command and not self._machine.named(event.command.session):
            return "that session is over"
        if request in APPEARANCE_REQUESTS:
            return self._presenter.change_appearance(request)
        match request:
            case Request.CLEAR if self._machine.live:
                self._machine.live.transcript.clear()
            case Request.START:
                self._apply(Input.START)
            case Request.STOP:
                self._apply(Input.STOP)
            case Request.PRESS:
                self._apply(click(in_session=self._machine.in_session))
        return ""

    def _name_given(self, event: NameGiven) -> str:
        """Name a speaker; return why that was not possible, or nothing."""
        live = self._machine.named(event.session)
        if live is None:
            return "that session is over"
        if not live.name_speaker(event.origin, event.label, event.name):
            return f"nobody is {event.label} yet"
        self._history.name_speaker(event.session, event.origin, event.label, event.name)
        return ""
