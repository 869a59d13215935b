"""Status of the appliance for systemd and for `status.json`, which the doctor reads."""

import json
import logging
import os
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import msgspec
from msgspec.structs import replace

from appliance import __version__
from appliance.controller.fault_list import FaultList
from appliance.core import events
from appliance.core.events import Event
from appliance.screen import texts
from appliance.screen.scene import MICROPHONE_OPEN, Scene
from appliance.settings import Settings
from appliance.system import files
from appliance.system.status_file import (
    ButtonStatus,
    Condition,
    MicrophoneStatus,
    PartFault,
    ScreenStatus,
    SessionStatus,
)
from appliance.system.systemd import notify

log = logging.getLogger(__name__)

WRITE_INTERVAL = 1.0
"""Seconds between two versions of the file."""

LONGEST_INTERVAL = 10.0
"""Seconds after which even an unchanged file is written: readers take an old one for a hang."""


class StatusReport:
    """Screen and listener that keeps `status.json` and systemd's STATUS= up to date.

    The file is replaced as a whole, so that it can be read at any time. It lies in memory, so the
    controller's thread may write it.

    Args:
        settings: the settings in use.
        faults: the current faults.
        path: where to write the file; None to write none.
        source: the settings file.
        frames: returns how many pictures the screen has shown.
        clock: monotonic seconds.
        wall_clock: Unix seconds.
    """

    def __init__(
        self,
        settings: Settings,
        faults: FaultList,
        path: Path | None = None,
        *,
        source: Path | None = None,
        frames: Callable[[], int] = lambda: 0,
        clock: Callable[[], float] = time.monotonic,
        wall_clock: Callable[[], float] = time.time,
    ) -> None:
        self._faults = faults
        self._path = path
        self._source = source
        self._frames = frames
        self._clock = clock
        self._wall_clock = wall_clock
        self._built_at = self._written_at = float("-inf")
        self._written: Condition | None = None
        self._sentence = ""
        self._started = self._time()
        self._button = ButtonStatus(ready=False)
        self._screen = ScreenStatus(settings.display.driver, shows=False, frames=0)
        self._microphone = MicrophoneStatus(
            open=False, name=None, rate=None, level=0.0, loudest=0.0
        )

    def handle(self, event: Event) -> None:
        """Note what an event says about a part."""
        match event:
            case events.Pressed():
                self._button = ButtonStatus(ready=True, pressed=self._time())
            case events.ButtonReady() | events.ButtonFailed():
                ready = isinstance(event, events.ButtonReady)
                self._button = replace(self._button, ready=ready)
            case events.ScreenRecovered() | events.ScreenFailed():
                shows = isinstance(event, events.ScreenRecovered)
                self._screen = replace(self._screen, shows=shows)
            case events.MicrophoneOpened():
                self._microphone = replace(self._microphone, name=event.device, rate=event.rate)
            case events.MicrophoneFailed():
                self._microphone = replace(self._microphone, level=0.0)
            case events.LevelMeasured():
                loudest = max(event.level, self._microphone.loudest)
                self._microphone = replace(self._microphone, level=event.level, loudest=loudest)

    def show(self, scene: Scene) -> None:
        """Send systemd the scene as a sentence if that is new; write the file if it is due."""
        sentence = texts.sentence(scene)
        if sentence != self._sentence:
            self._sentence = sentence
            notify(f"STATUS={sentence}")
        self._note_microphone(is_open=scene.mode in MICROPHONE_OPEN)
        now = self._clock()
        if self._path and now - self._built_at >= WRITE_INTERVAL:
            self._built_at = now
            self._write(self._path, self._condition(scene), now)

    def _note_microphone(self, *, is_open: bool) -> None:
        microphone = self._microphone
        begins = is_open and not microphone.open
        self._microphone = replace(
            microphone,
            open=is_open,
            level=microphone.level if is_open else 0.0,
            loudest=0.0 if begins else microphone.loudest,
        )

    def _write(self, path: Path, condition: Condition, now: float) -> None:
        known = self._written
        same = known and replace(condition, written=known.written) == known
        if same and now - self._written_at < LONGEST_INTERVAL:
            return
        plain = msgspec.to_builtins(condition, builtin_types=(datetime,))
        text = json.dumps(plain, indent=1, default=datetime.isoformat) + "\n"
        try:
            files.replace(path, text.encode())
        except OSError as error:
            log.debug("%s can't be written: %s", path, error.strerror)
        else:
            self._written, self._written_at = condition, now

    def _condition(self, scene: Scene) -> Condition:
        in_session = scene.mode in texts.IN_SESSION
        session = SessionStatus(scene.elapsed, scene.waiting, scene.network, scene.on_fallback)
        return Condition(
            version=__version__,
            pid=os.getpid(),
            started=self._started,
            written=self._time(),
            mode=scene.mode.value,
            status=self._sentence,
            settings=str(self._source) if self._source else None,
            faults=[PartFault(part, fault.what, fault.remedy) for part, fault in self._faults],
            button=self._button,
            screen=replace(self._screen, frames=self._frames()),
            microphone=self._microphone,
            session=session if in_session else None,
            waiting=0.0 if in_session else scene.waiting,
        )

    def _time(self) -> datetime:
        moment = datetime.fromtimestamp(self._wall_clock(), UTC)
        return moment.astimezone().replace(microsecond=0)
