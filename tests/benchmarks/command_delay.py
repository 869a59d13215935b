"""Delay from a finished turn to its command: whole appliance, scripted service, mock pin."""

import tempfile
import time
from pathlib import Path
from typing import Any

import msgspec
from gpiozero.pins.mock import MockPin

from appliance.app.demo import sample
from appliance.hardware.simulated import WavAudio
from appliance.screen.scene import Mode
from appliance.settings.commands import Gpio
from appliance.streaming.transport import Transport
from tests.benchmarks.screen_box import stamping
from tests.rig.box import Box, settings_for
from tests.rig.service import ScriptedService
from tests.rig.waiting import wait_until

LAMP = Gpio(phrase="turn on [the] lamp", pin=22, state="toggle")

CALM = 0.05
"""Seconds between two commands, as nobody could say them."""


def delays(count: int = 200) -> list[float]:
    """Return the milliseconds from `on_message` until the pin has changed, for each command."""
    arrived: list[float] = []
    with (
        tempfile.TemporaryDirectory() as folder,
        ScriptedService() as service,
        stamping(Transport, "_on_message", arrived),
    ):
        settings = msgspec.structs.replace(
            settings_for(service.url, service.token_url, Path(folder)), commands=(LAMP,)
        )
        with Box(settings, audio=lambda: WavAudio(sample()[0])) as box:
            box.press()
            box.wait_for(Mode.LISTENING)
            wait_until(lambda: arrived)  # its `Begin`
            return [_delay(service, box.pin(22), arrived, order) for order in range(count)]


def _delay(service: ScriptedService, pin: MockPin, arrived: list[float], order: int) -> float:
    time.sleep(CALM)
    before, switched = len(arrived), len(pin.states)
    service.send_raw(msgspec.json.encode(_turn(order)).decode())
    wait_until(lambda: len(pin.states) > switched)
    # The pin says how long after the state before it changed, from its first state on.
    changed_at: float = pin._last_change
    return (changed_at - arrived[before]) * 1000


def _turn(order: int) -> dict[str, Any]:
    return {
        "type": "Turn",
        "turn_order": order,
        "transcript": "turn on the lamp",
        "end_of_turn": True,
        "turn_is_formatted": False,
        "words": [],
    }
