"""Carries out the commands that have wires or go over the network: pins, the broker, webhooks.

What is done, and to what, is in the settings alone. The words that were said are posted to a
webhook in the body, and go nowhere else.
"""

import logging
import time
from collections.abc import Callable
from datetime import UTC, datetime
from functools import partial
from typing import TYPE_CHECKING, Literal

import msgspec

from appliance.core.errors import ActionError
from appliance.core.events import CommandEnded, Post
from appliance.hardware.gpio import PinError
from appliance.hardware.output_pin import Output
from appliance.settings.commands import Gpio, Mqtt, Webhook
from appliance.settings.schema import Settings
from appliance.voice_commands import webhook
from appliance.voice_commands.worker import LIMIT, Later, TargetWorker, Work

if TYPE_CHECKING:
    import gpiozero
    import requests

log = logging.getLogger(__name__)

LONGEST_END = 3.0
"""Seconds for what is being done at the end; what hangs must not keep the program from ending."""


class ActionRequest(msgspec.Struct, frozen=True):
    """A command to carry out: it was said in `session`, `at` seconds after its start."""

    command: Gpio | Mqtt | Webhook
    session: str
    words: str
    at: float


def local_time() -> datetime:
    """Return the time, with its offset."""
    return datetime.now(UTC).astimezone()


class Actions:
    """Carries out orders, and tells how each ended.

    Each pin, each host and the broker has a lane of its own, on a thread of its own: orders to the
    same one are carried out in turn, and one that hangs holds up no other.

        actions = Actions(settings, post, publish=house.publish)
        actions.start()
        actions.perform(Order(lamp, session="s1", words="Turn on the lamp.", at=12.5))
        ...
        actions.end()

    Args:
        settings: the commands that there are.
        post: told CommandEnded for each order; also after the end, should one take that long.
        pin_factory: gpiozero's way to the pins; its default one when not given.
        publish: sends a message of the given topic and payload to the broker within 5 seconds, or
            raises ActionError.
        http: in place of `requests.post`.
        now: the time, with its offset.
        clock: monotonic seconds.
        limit: seconds that an order may take.
    """

    def __init__(
        self,
        settings: Settings,
        post: Post,
        *,
        pin_factory: "gpiozero.Factory | None" = None,
        publish: Callable[[str, str], None] | None = None,
        http: "Callable[..., requests.Response] | None" = None,
        now: Callable[[], datetime] = local_time,
        clock: Callable[[], float] = time.monotonic,
        limit: float = LIMIT,
    ) -> None:
        self._appliance = settings.name
        self._post = post
        self._publish = publish
        self._http = http
        self._now = now
        self._clock = clock
        self._outputs: dict[int, Output] = {}
        self._lanes: dict[str, TargetWorker] = {}
        for command in settings.commands:
            match command:
                case Gpio(pin=pin, active_high=active_high) if pin not in self._outputs:
                    # Whatever is not reported as given up must have come about, and is not undone.
                    patience = 0.9 * limit
                    self._outputs[pin] = output = Output(
                        pin,
                        active_high=active_high,
                        pin_factory=pin_factory,
                        patience=patience,
                        clock=clock,
                    )
                    self._add_lane(command, limit, last=output.close)
                case Mqtt():
                    # One second more, for what `publish` itself says of a broker that is silent.
                    self._add_lane(command, limit + 1)
                case Webhook():
                    self._add_lane(command, limit)

    def start(self) -> None:
        """Begin to carry out orders; returns at once. Without such commands there is no thread."""
        for lane in self._lanes.values():
            lane.start()

    def perform(self, order: ActionRequest) -> None:
        """Carry out an order in its turn; returns at once."""
        ended = CommandEnded(order.session, order.command.name, order.words, order.at)

        def tell(failure: str) -> None:
            self._post(msgspec.structs.replace(ended, failure=failure))

        self._lanes[_target_of(order.command)].add(self._work_for(order), tell)

    def end(self) -> None:
        """Drop what waits, let go of all pins, and wait for the threads that don't hang."""
        for lane in self._lanes.values():
            lane.end()
        deadline = self._clock() + LONGEST_END
        for lane in self._lanes.values():
            lane.join(max(0.0, deadline - self._clock()))

    def _add_lane(
        self, command: Gpio | Mqtt | Webhook, limit: float, last: Work | None = None
    ) -> None:
        target = _target_of(command)
        if target not in self._lanes:
            self._lanes[target] = TargetWorker(target, last=last, limit=limit, clock=self._clock)

    def _work_for(self, order: ActionRequest) -> Work:
        match order.command:
            case Gpio() as gpio:
                return partial(self._switch, gpio)
            case Mqtt(topic=topic, payload=payload):
                return partial(self._send, topic, payload)
            case Webhook(url=url):
                return partial(self._call, url, order)

    def _switch(self, command: Gpio) -> Later | None:
        self._set(command.pin, "on" if command.state == "pulse" else command.state)
        off = partial(self._set, command.pin, "off")
        return Later(command.seconds, off) if command.state == "pulse" else None

    def _set(self, pin: int, state: Literal["on", "off", "toggle"]) -> None:
        try:
            self._outputs[pin].switch(state)
        except PinError as error:
            log.info("%s", error)
            why = "is in use" if error.in_use else "can't be used"
            raise ActionError(f"GPIO {pin} {why}") from error

    def _send(self, topic: str, payload: str) -> None:
        if self._publish is None:
            raise ActionError("no broker")
        self._publish(topic, payload)

    def _call(self, url: str, order: ActionRequest) -> None:
        time_of_day = self._now().isoformat(timespec="seconds")
        message = webhook.Message(self._appliance, order.command.name, order.words, time_of_day)
        webhook.call(url, message, self._http)


def _target_of(command: Gpio | Mqtt | Webhook) -> str:
    """Return what a command is done to, in words for the screen."""
    match command:
        case Gpio(pin=pin):
            return f"GPIO {pin}"
        case Mqtt():
            return "the broker"
        case Webhook(url=url):
            return webhook.host_of(url)
