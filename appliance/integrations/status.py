"""How the appliance is, for whoever asks: `systemctl status`, and a file that the doctor reads."""

import json
import logging
import os
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from appliance import __version__, events
from appliance.config import Settings
from appliance.events import Event
from appliance.faults import Faults
from appliance.integrations.systemd import notify
from appliance.screen import wording
from appliance.screen.scene import MICROPHONE_OPEN, Scene

log = logging.getLogger(__name__)

INTERVAL = 1.0
"""Seconds between two versions of the file: it lies in memory, but nobody reads it more often."""


def status_file() -> Path | None:
    """Return where a running appliance says how it is; None where systemd named no directory."""
    directory = os.environ.get("RUNTIME_DIRECTORY")
    return Path(directory) / "status.json" if directory else None


class Status:
    """Keeps a file and systemd up to date on what happens. Used by the controller's thread.

    The file is replaced as a whole, so that it can be read at any time. As it lies in memory, it
    is written at once.

    Args:
        settings: those in use.
        path: where the file goes; None to write none.
        source: the settings file.
        frames: tells how many pictures the screen has shown.
        clock: monotonic seconds.
        wall_clock: seconds since 1970.
    """

    def __init__(
        self,
        settings: Settings,
        path: Path | None = None,
        *,
        source: Path | None = None,
        frames: Callable[[], int] = lambda: 0,
        clock: Callable[[], float] = time.monotonic,
        wall_clock: Callable[[], float] = time.time,
    ) -> None:
        self._path = path
        self._source = source
        self._frames = frames
        self._clock = clock
        self._wall_clock = wall_clock
        self._written_at = float("-inf")
        self._sentence = ""
        self._started = self._time()
        self._button: dict[str, Any] = {"ready": False, "pressed": None}
        self._screen: dict[str, Any] = {"driver": settings.display.driver, "shows": False}
        self._microphone: dict[str, Any] = {
            "open": False, "name": None, "rate": None, "level": 0.0, "loudest": 0.0
        }  # fmt: skip

    def heed(self, event: Event) -> None:
        """Note what an event says of a part."""
        match event:
            case events.Pressed():
                self._button = {"ready": True, "pressed": self._time()}
            case events.ButtonReady():
                self._button["ready"] = True
            case events.ButtonFailed():
                self._button["ready"] = False
            case events.ScreenHealed():
                self._screen["shows"] = True
            case events.ScreenFailed():
                self._screen["shows"] = False
            case events.MicrophoneOpened():
                self._microphone |= {"name": event.device, "rate": event.rate}
            case events.MicrophoneFailed():
                self._microphone |= {"level": 0.0}
            case events.LevelMeasured():
                loudest = max(event.level, self._microphone["loudest"])
                self._microphone |= {"level": event.level, "loudest": loudest}

    def tell(self, scene: Scene, faults: Faults) -> None:
        """Tell systemd what the screen says, if that is new, and write the file if it is time."""
        sentence = wording.sentence(scene)
        if sentence != self._sentence:
            self._sentence = sentence
            notify(f"STATUS={sentence}")
        self._note_microphone(listening=scene.mode in MICROPHONE_OPEN)
        now = self._clock()
        if self._path and now - self._written_at >= INTERVAL:
            self._written_at = now
            self._write(self._path, scene, faults)

    def _note_microphone(self, *, listening: bool) -> None:
        if listening and not self._microphone["open"]:
            self._microphone["loudest"] = 0.0
        if not listening:
            self._microphone["level"] = 0.0
        self._microphone["open"] = listening

    def _write(self, path: Path, scene: Scene, faults: Faults) -> None:
        in_session = scene.mode in wording.IN_SESSION
        session = {
            "elapsed": scene.elapsed, "waiting": scene.waiting,
            "connected": scene.network, "fallback": scene.elsewhere,
        }  # fmt: skip
        status = {
            "version": __version__,
            "pid": os.getpid(),
            "started": self._started,
            "written": self._time(),
            "mode": scene.mode.value,
            "status": self._sentence,
            "settings": str(self._source) if self._source else None,
            "faults": [
                {"part": part, "what": fault.what, "remedy": fault.remedy} for part, fault in faults
            ],
            "button": self._button,
            "screen": self._screen | {"frames": self._frames()},
            "microphone": self._microphone,
            "session": session if in_session else None,
            "waiting": 0.0 if in_session else scene.waiting,
        }
        new = path.with_suffix(".new")
        try:
            new.write_text(json.dumps(status, indent=1) + "\n", encoding="utf-8")
            new.replace(path)
        except OSError as error:
            log.debug("%s can't be written: %s", path, error.strerror)

    def _time(self) -> str:
        moment = datetime.fromtimestamp(self._wall_clock(), UTC)
        return moment.astimezone().isoformat(timespec="seconds")
