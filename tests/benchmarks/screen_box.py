"""Whole appliance that notes when a turn arrives, is handled, and has left over the bus."""

import contextlib
import threading
import time
import wave
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple, Self

import msgspec
from PIL import Image

from appliance.app.demo import sample
from appliance.controller.controller import Controller
from appliance.core.audio_format import SAMPLE_BYTES
from appliance.hardware.simulated import WavAudio, WavRecording
from appliance.screen.panels.oled import Oled
from appliance.screen.scene import Mode, Scene, ShownTurn
from appliance.settings.schema import DisplaySettings
from appliance.streaming.transport import Transport
from tests.benchmarks.screen_bus import TimedBus, in_place_of_smbus
from tests.benchmarks.screen_replay import let_luma_send
from tests.benchmarks.screen_talk import Step
from tests.rig.box import Box, settings_for
from tests.rig.service import ScriptedService
from tests.rig.waiting import wait_until

SHOWN_TIMEOUT = 20.0
"""Seconds until a turn is shown, on the most loaded machine."""


class Frame(NamedTuple):
    """A picture on the panel, and when its last byte had passed (monotonic seconds)."""

    scene: Scene
    picture: Image.Image
    at: float
    transfers: int
    """How many transfers had gone over the bus by then."""


class Delay(NamedTuple):
    """Milliseconds from `on_message` until the controller had the turn, and until it was shown."""

    handled: float
    shown: float


class TimedBox(Box):
    """Box that receives turns, and notes when they arrive, are handled and are shown.

    Args:
        service: the one that sends it turns.
        display: its OLED.
        folder: for its state.
        speech: a WAV file for its microphone.
        whole: whether luma is to send each picture whole, as it does for anybody.
    """

    def __init__(
        self,
        service: ScriptedService,
        display: DisplaySettings,
        folder: Path,
        speech: Path,
        *,
        whole: bool = False,
    ) -> None:
        settings = settings_for(service.url, service.token_url, folder)
        self.bus = TimedBus()
        self.arrived: list[float] = []
        """When websocket-client called `on_message`, in monotonic seconds."""
        self.handled: list[float] = []
        """When the controller took a turn."""
        self.frames: list[Frame] = []
        self.leapt = 0.0
        """Seconds by which the OLED's clock is ahead."""
        self._service = service
        self._whole = whole
        self._sent = 0
        self._greeted = 0
        self._shown = threading.Condition()
        self._taps = contextlib.ExitStack()
        settings = msgspec.structs.replace(settings, display=display)
        super().__init__(settings, audio=lambda: WavAudio(speech))

    def __enter__(self) -> Self:
        self._taps.enter_context(in_place_of_smbus(self.bus))
        self._taps.enter_context(stamping(Transport, "_on_message", self.arrived))
        self._taps.enter_context(stamping(Controller, "_turn_received", self.handled))
        super().__enter__()
        self.press()
        self.wait_for(Mode.LISTENING)
        wait_until(lambda: self.arrived)  # its `Begin`
        self._greeted = len(self.arrived)
        return self

    def stop(self) -> None:
        """Stop as SIGTERM does, and wait for the end."""
        super().stop()
        self._taps.close()

    def send(self, step: Step) -> int:
        """Let the service send a message; return which one it is, counted from 0."""
        self._service.connections[-1].sent.clear()  # megabytes, from someone who never pauses
        self._service.send_raw(step.message)
        self._sent += 1
        return self._sent - 1

    def arrived_at(self, number: int) -> float:
        """Return when the message with this number arrived."""
        return self.arrived[self._greeted + number]

    def delay(self, number: int, frame: Frame) -> Delay:
        """Return how long the message with this number took until it was shown by the frame."""
        since = self.arrived_at(number)
        return Delay((self.handled[number] - since) * 1000, (frame.at - since) * 1000)

    def wait_shown(self, turn: ShownTurn, within: float = SHOWN_TIMEOUT) -> Frame | None:
        """Wait for the frame that shows this as the newest turn; None if none does."""

        def is_shown() -> bool:
            return self.frames[-1].scene.turns[-1:] == (turn,)

        with self._shown:
            return self.frames[-1] if self._shown.wait_for(is_shown, within) else None

    def note(self, scene: Scene, picture: Image.Image) -> None:
        """Note what was just shown."""
        with self._shown:
            self.scenes.append(scene)
            self.frames.append(Frame(scene, picture, self.bus.quiet_since, len(self.bus.transfers)))
            self._shown.notify_all()

    def _open_panel(self, settings: DisplaySettings) -> Oled:
        return _WatchedOled(settings, self, whole=self._whole)


class _WatchedOled(Oled):
    """OLED of the appliance that reports to the box what it showed."""

    def __init__(self, settings: DisplaySettings, box: TimedBox, *, whole: bool) -> None:
        super().__init__(settings, clock=lambda: time.monotonic() + box.leapt)
        self._box = box
        if whole:
            let_luma_send(self)

    def show(self, scene: Scene, picture: Image.Image) -> None:
        super().show(scene, picture)
        self._box.note(scene, picture)


def write_speech(path: Path, seconds: float) -> None:
    """Write a WAV file in which somebody speaks for so long: the bundled sample over and over."""
    recording = WavRecording(sample()[0])
    wanted = round(seconds * recording.rate) * recording.channels * SAMPLE_BYTES
    with wave.open(str(path), "wb") as file:
        file.setnchannels(recording.channels)
        file.setsampwidth(SAMPLE_BYTES)
        file.setframerate(recording.rate)
        for start in range(0, wanted, len(recording.samples)):
            file.writeframes(recording.samples[: wanted - start])


@contextlib.contextmanager
def stamping(class_: type, method: str, moments: list[float]) -> Iterator[None]:
    """Note when a method of a class is called, which nothing else reports."""
    real = getattr(class_, method)

    def stamped(*arguments: object) -> None:
        moments.append(time.monotonic())
        real(*arguments)

    setattr(class_, method, stamped)
    try:
        yield
    finally:
        setattr(class_, method, real)
