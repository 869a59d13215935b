"""`appliance demo`: the whole appliance without hardware, account or network.

The program is the real one. gpiozero's mock pins stand for the button and a lamp, a WAV file or the
machine's microphone is heard, the local service transcribes, and the terminal stands for the OLED.
"""

import contextlib
import os
import shutil
import signal
import threading
from collections.abc import Callable, Iterable, Iterator
from importlib import resources
from pathlib import Path

from gpiozero.pins.mock import MockFactory, MockPin
from msgspec.structs import replace

from appliance.app.appliance import Appliance
from appliance.app.demo_stage import STEP_TIMEOUT, DemoError, Lamp, WatchedPanel
from appliance.core.events import Post, StopRequested
from appliance.hardware.portaudio import quiet_audio
from appliance.hardware.simulated import WavAudio, press
from appliance.history import reader
from appliance.history.location import path_in_use
from appliance.history.records import SessionRecord
from appliance.screen.panels.base import Panel
from appliance.screen.scene import Mode
from appliance.screen.screenshot import enlarged
from appliance.servers.local_service.server import LocalService
from appliance.settings import Settings
from appliance.settings.commands import Gpio
from appliance.system.state_lock import StateInUseError, StateLock
from appliance.system.stop_signals import stop_signals
from appliance.system.supervision import end_on_unhandled_errors

LAMPS = [Gpio(phrase="turn on [the] lamp", pin=pin, state="on") for pin in (22, 23, 27)]
"""The demo's only command, on the first free pin; used unless its settings list commands."""

PAUSE = 1.0
"""Seconds between the last word and the second press, as a person would wait."""


class Demo:
    """One run of the appliance against the local service.

    Args:
        settings: all settings; the service is replaced by the local one.
        wav: the file to speak; None to listen to the machine's microphone.
        panel: opens the panel for the person, given a function that returns its caption.
        screenshot: where to write a picture of the OLED at the last word.
        presses: with a microphone, yields at each press of the person, until they quit or the event
            that it is given is set.

    Raises:
        ValueError, OSError: the WAV file can't be played.
    """

    def __init__(
        self,
        settings: Settings,
        wav: Path | None,
        panel: Callable[[Callable[[], str]], Panel | None],
        *,
        screenshot: Path | None = None,
        presses: Callable[[threading.Event], Iterable[None]] = lambda _: (),
    ) -> None:
        self._settings = _with_commands(settings)
        self._wav = WavAudio(wav) if wav else None
        self._pins = MockFactory()
        self.lamp = Lamp.of(self._settings.commands, self._pins)
        self._panel = WatchedPanel(panel(lambda: str(self.lamp or "")))
        self._screenshot = screenshot
        self._presses = presses
        self._failure: DemoError | None = None
        self._stopped = False
        self._post: Post | None = None

    def run(self) -> SessionRecord:
        """Press, speak, press; return the session from the history.

        SIGINT, SIGTERM and SIGHUP stop it early.

        Raises:
            DemoError: the demo failed or was stopped, or another one runs.
        """
        with StateLock() as lock:
            try:
                lock.take(self._settings.spool.parent)
            except StateInUseError as error:
                raise DemoError(str(error)) from error
            return self._run()

    def _run(self) -> SessionRecord:
        _drop_left_over_audio(self._settings)
        history = path_in_use(Path(self._settings.history.path))
        earlier = reader.covered(history).keys()
        with _on_signals(self._stop):
            self._play()
        new = [record for record in reader.sessions(history) if record.id not in earlier]
        if not (new and new[-1].turns):
            raise DemoError("nothing was heard")
        return new[-1]

    def _play(self) -> None:
        pin = self._pins.pin(self._settings.button.pin, pin_class=MockPin)
        failed = threading.Event()
        with LocalService() as service:
            appliance = Appliance(
                _served_by(self._settings, service),
                audio=lambda: self._wav or quiet_audio(),
                pin_factory=self._pins,
                open_panel=lambda _: self._panel,
            )
            actor = threading.Thread(target=self._act, args=(appliance, pin), name="actor")
            end_on_unhandled_errors(appliance.post, failed)
            self._post = appliance.post
            if self._stopped:
                appliance.post(StopRequested())
            actor.start()
            try:
                appliance.run()
            finally:
                self._dismiss(actor)
        if failed.is_set():
            raise DemoError("an unhandled error ended it; see above")
        if self._stopped:
            raise DemoError("stopped before the end")
        if self._failure:
            raise self._failure

    def _stop(self) -> None:
        """Stop as `appliance run` does; what was said so far is kept."""
        self._stopped = True
        if self._post:
            self._post(StopRequested())

    def _act(self, appliance: Appliance, pin: MockPin) -> None:
        """Act as the person at the button."""
        try:
            self._panel.wait_for(Mode.READY)
            if self._wav:
                self._speak(self._wav, pin)
            else:
                for _ in self._presses(self._panel.left):
                    press(pin)
        except DemoError as error:
            self._failure = error
        finally:
            appliance.post(StopRequested())

    def _dismiss(self, actor: threading.Thread) -> None:
        """End the actor's thread, which may still be waiting for something after a signal."""
        self._panel.leave()
        if self._wav:
            self._wav.finished.set()
        actor.join()

    def _speak(self, wav: WavAudio, pin: MockPin) -> None:
        press(pin)
        self._panel.wait_for(Mode.LISTENING)
        if not wav.finished.wait(wav.recording.seconds + STEP_TIMEOUT):
            raise DemoError("the sample was not heard to its end")
        self._panel.left.wait(PAUSE)
        self._take_screenshot()
        press(pin)
        self._panel.wait_for(Mode.SAVED)
        self._panel.left.wait(PAUSE)

    def _take_screenshot(self) -> None:
        if not (self._screenshot and self._panel.picture):
            return
        try:
            enlarged(self._panel.picture).save(self._screenshot)
        except OSError as error:
            raise DemoError(f"{self._screenshot} can't be written: {error.strerror}") from error


def sample() -> tuple[Path, str]:
    """Return the bundled WAV file, and the text that is spoken in it."""
    folder = Path(str(resources.files("appliance.app") / "samples"))
    return folder / "sample.wav", (folder / "sample.txt").read_text(encoding="utf-8")


def settings_file() -> Path:
    """Return the demo's settings file; write it first if it does not exist.

    It names the demo's history, so that `appliance history` finds it.
    """
    home = Path(os.environ.get("XDG_STATE_HOME") or Path.home() / ".local" / "state")
    folder = home / "voice-appliance-demo"
    path = folder / "appliance.toml"
    if not path.exists():
        folder.mkdir(parents=True, exist_ok=True)
        path.write_text(f'[history]\npath = "{folder / "history.db"}"\n', encoding="utf-8")
    return path


def _drop_left_over_audio(settings: Settings) -> None:
    """Delete the audio of an earlier demo that was killed.

    Only the demo's own spool is deleted: its settings file may name another.
    """
    own = settings_file().parent / "spool"
    if settings.spool == own and own.exists():
        shutil.rmtree(own)


@contextlib.contextmanager
def _on_signals(stop: Callable[[], None]) -> Iterator[None]:
    """Call `stop` at each signal that asks to stop in a `with` block."""
    before = {number: signal.signal(number, lambda *_: stop()) for number in stop_signals()}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _served_by(settings: Settings, service: LocalService) -> Settings:
    """Return the settings with the local service in place of theirs."""
    at = {"url": service.url, "token_url": service.token_url, "fallback_url": ""}
    return replace(settings, service=replace(settings.service, **at))


def _with_commands(settings: Settings) -> Settings:
    """Return the settings; where they list no commands, with the lamp's and without a prefix."""
    if settings.commands:
        return settings
    lamp = next(it for it in LAMPS if it.pin not in {settings.button.pin, settings.light.pin})
    return replace(settings, commands=(lamp,), commands_prefix="")
