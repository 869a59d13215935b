"""Whole appliance on simulated hardware, for tests to press its button."""

import os
import threading
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from types import TracebackType
from typing import Self

import msgspec
from gpiozero.pins.mock import MockFactory, MockPin
from PIL import Image

from appliance.app.appliance import Appliance
from appliance.core.events import Event, StopRequested
from appliance.hardware.portaudio import Audio, quiet_audio
from appliance.hardware.simulated import press
from appliance.history import reader
from appliance.history.records import SessionRecord
from appliance.screen.burn_in import Brightness
from appliance.screen.panels.base import Panel
from appliance.screen.panels.factory import open_panel
from appliance.screen.scene import Mode, Scene
from appliance.settings import Settings
from appliance.settings.schema import DisplaySettings
from tests.rig.oled import Ssd1306
from tests.rig.waiting import wait_until


class WatchedPanel:
    """A panel on the simulated OLED that notes which scenes it showed."""

    def __init__(self, panel: Panel, scenes: list[Scene]) -> None:
        self._panel = panel
        self._scenes = scenes

    def show(self, scene: Scene, picture: Image.Image) -> None:
        self._panel.show(scene, picture)
        self._scenes.append(scene)

    def set_brightness(self, brightness: Brightness) -> None:
        self._panel.set_brightness(brightness)

    def check(self) -> None:
        self._panel.check()

    def clear(self) -> None:
        self._panel.clear()

    def close(self) -> None:
        self._panel.close()


class Box:
    """Runs the appliance until the `with` block ends; then it is stopped as by SIGTERM.

    with PipeMicrophone() as microphone, ScriptedService(...) as service:
        with Box(settings_for(service, tmp_path)) as box:
            box.press()
            ...
    """

    def __init__(self, settings: Settings, *, audio: Callable[[], Audio] = quiet_audio) -> None:
        self.settings = settings
        self.oled = Ssd1306()
        self.scenes: list[Scene] = []
        self.reason: Event | None = None
        self._pins = MockFactory()
        self._pin = self._pins.pin(settings.button.pin, pin_class=MockPin)
        self.appliance = Appliance(
            settings, audio=audio, pin_factory=self._pins, open_panel=self._open_panel
        )
        self._thread = threading.Thread(target=self._run, name="controller")

    def __enter__(self) -> Self:
        self._thread.start()
        self.wait_for(Mode.READY, Mode.CONNECTING, Mode.LISTENING)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.stop()

    def stop(self) -> None:
        """Stop as SIGTERM does, and wait for the end."""
        self.appliance.post(StopRequested())
        self._thread.join()

    def press(self) -> None:
        """Press and release the button."""
        press(self._pin, 0.06)
        time.sleep(0.1)  # an earlier press would count as the same one

    def pin(self, number: int) -> MockPin:
        """Return the mock pin of this number."""
        return self._pins.pin(number, pin_class=MockPin)

    def press_to_talk(self) -> None:
        """Press the button, and wait until the microphone hears: earlier speech is not recorded.

        On a busy machine it takes longer to open than the speech has silence before its first word.
        """
        known = set(self.spooled())
        self.press()
        wait_until(lambda: set(self.spooled()) - known)

    @property
    def scene(self) -> Scene:
        """What is shown now."""
        return self.scenes[-1] if self.scenes else Scene(Mode.STARTING)

    @property
    def modes(self) -> list[Mode]:
        """The modes shown so far, without repetitions."""
        modes = [scene.mode for scene in list(self.scenes)]
        return [mode for mode, before in zip(modes, [None, *modes], strict=False) if mode != before]

    def wait_for(self, *modes: Mode, within: float = 60.0) -> Scene:
        """Wait until one of these modes is shown; return its scene."""
        wait_until(lambda: self.scene.mode in modes, within)
        return self.scene

    def wait_for_words(self, *words: str, within: float = 60.0) -> None:
        """Wait until all these words are shown, settled or not."""
        wait_until(lambda: set(words) <= set(shown_words(self.scene)), within)

    def sessions(self) -> list[SessionRecord]:
        """What the history holds."""
        return list(reader.sessions(Path(self.settings.history.path)))

    def heard(self) -> str:
        """All that was said, as the history has it."""
        return " ".join(turn.text for session in self.sessions() for turn in session.turns)

    def spooled(self) -> list[Path]:
        """The audio that still lies on disk."""
        # Unlike `rglob`, os.walk passes over folders that go away meanwhile.
        found = os.walk(self.settings.spool)
        paths = (Path(folder, name) for folder, _, names in found for name in names)
        return sorted(path for path in paths if path.suffix == ".pcm")

    def _run(self) -> None:
        self.reason = self.appliance.run()

    def _open_panel(self, settings: DisplaySettings) -> Panel:
        panel = open_panel(settings, bus=self.oled)
        assert panel is not None
        return WatchedPanel(panel, self.scenes)


class UnawaitedBox(Box):
    """A box that need not be ready when the `with` block begins."""

    def __enter__(self) -> Self:
        self._thread.start()
        return self


def settings_for(url: str, token_url: str, folder: Path, **session: float) -> Settings:
    """Return settings with this service, and all state in a folder of the test's."""
    default = Settings()
    return msgspec.structs.replace(
        default,
        service=msgspec.structs.replace(default.service, url=url, token_url=token_url),
        session=msgspec.structs.replace(default.session, **session),
        history=msgspec.structs.replace(default.history, path=str(folder / "history.db")),
    )


def shown_words(scene: Scene) -> Iterable[str]:
    """Return the words of all turns in a scene, without capitals and full stops."""
    text = " ".join(f"{turn.text} {turn.tentative}" for turn in scene.turns)
    return text.lower().replace(".", "").split()
