"""The runner of actions: one worker for each pin, each host and the broker."""

from functools import partial
from typing import Any

import msgspec

from appliance.core.command_events import CommandEnded
from appliance.core.events import Post
from appliance.settings.commands import Command, Gpio, Mqtt, Webhook
from appliance.voice_commands.actions.action import Action, ActionRequest, Surroundings, Target
from appliance.voice_commands.actions.gpio import GpioPin
from appliance.voice_commands.actions.mqtt import Broker
from appliance.voice_commands.actions.webhook import WebhookHost
from appliance.voice_commands.worker import TargetWorker

ACTIONS: dict[type[Command], Action[Any]] = {
    Gpio: GpioPin,
    Mqtt: Broker,
    Webhook: WebhookHost,
}
"""What carries out each kind of command; a new action takes a module of its own and a line here."""

WORKERS_END_TIMEOUT = 3.0
"""Seconds to wait for the workers at the end; one that hangs must not keep the program alive."""


class ActionRunner:
    """Carries out requests and reports how each ended.

    Requests to the same target are carried out in turn; one that hangs holds up no other target.

        runner = ActionRunner(settings.commands, post, Surroundings(settings.name))
        runner.start()
        runner.perform(ActionRequest(lamp, session="s1", words="Turn on the lamp.", at=12.5))
        ...
        runner.end()

    Args:
        commands: those of the settings; others are not carried out.
        post: gets a CommandEnded for each request; after the end, too, should one take that long.
        surroundings: everything outside.
    """

    def __init__(
        self, commands: tuple[Command, ...], post: Post, surroundings: Surroundings
    ) -> None:
        self._post = post
        self._clock = surroundings.clock
        self._targets: dict[str, Target[Any]] = {}
        for command in commands:
            action = ACTIONS.get(type(command))
            if action and (name := action.name_of(command)) not in self._targets:
                self._targets[name] = action(command, surroundings)
        self._workers = {
            name: TargetWorker(name, last=target.close, limit=target.limit, clock=self._clock)
            for name, target in self._targets.items()
        }

    def start(self) -> None:
        """Begin to carry out requests; returns at once. Without actions there is no thread."""
        for worker in self._workers.values():
            worker.start()

    def perform(self, request: ActionRequest) -> None:
        """Carry out a request in its turn; returns at once.

        Raises:
            KeyError: no command of the settings has this target.
        """
        command = request.command
        name = ACTIONS[type(command)].name_of(command)
        ended = CommandEnded(request.session, command.name, request.words, request.at)

        def report(failure: str) -> None:
            self._post(msgspec.structs.replace(ended, failure=failure))

        work = partial(self._targets[name].perform, command, request)
        self._workers[name].add(work, report)

    def end(self) -> None:
        """Drop what waits, let go of all targets, and wait for the workers that don't hang."""
        for worker in self._workers.values():
            worker.end()
        deadline = self._clock() + WORKERS_END_TIMEOUT
        for worker in self._workers.values():
            worker.join(max(0.0, deadline - self._clock()))
