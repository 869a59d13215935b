"""`appliance run`: builds the appliance from the settings, and again when they change."""

import contextlib
import logging
import signal
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from types import FrameType
from typing import Protocol

from appliance.app.appliance import Appliance
from appliance.core.events import (
    Event,
    Fault,
    PartHung,
    Post,
    PowerOffFailed,
    PowerOffRequested,
    SettingsChanged,
    StopRequested,
)
from appliance.settings import Settings, SettingsError, last_good, load
from appliance.system.supervision import end_on_unhandled_errors
from appliance.system.systemd import Watchdog

log = logging.getLogger(__name__)

LOOK_INTERVAL = 2.0
"""Seconds between looks at the settings file."""


LONGEST_SWITCHING_OFF = 20.0
"""Seconds from the wish to switch off to the signal to end: less than the watchdog's patience."""


class Runnable(Protocol):
    """The appliance, as far as it is needed here."""

    post: Post

    def run(self, fault: Fault | None = None) -> Event:
        """Work until an event asks to stop; return that event."""


def run(path: Path, build: Callable[[Settings, Path], Runnable] = Appliance) -> bool:
    """Run until SIGTERM or SIGINT; tell whether nothing unforeseen happened.

    Bad settings are shown on the screen while the last good ones, or the defaults, are in use;
    also where the last good ones were those of an earlier start. After a defect the program is to
    be started afresh; a session that it cut off goes on then.
    """
    defect = threading.Event()
    stopping = threading.Event()
    settings = fallback()
    trouble: Event | None = None
    while not (stopping.is_set() or defect.is_set()):
        watch = SettingsWatch(path)
        settings, fault = read(path, settings)
        if fault is None:
            last_good.keep(settings, last_good.kept_in())
        appliance = build(settings, path)
        _stop_on_signals(appliance.post, stopping)
        end_on_unhandled_errors(appliance.post, defect)
        if trouble:
            appliance.post(trouble)
        reason: Event | None = None
        with watch.telling(appliance.post):
            if not stopping.is_set():
                reason = appliance.run(fault)
        if isinstance(reason, PartHung):
            return False
        trouble = _switch_off(stopping) if isinstance(reason, PowerOffRequested) else None
    return not defect.is_set()


def _switch_off(stopping: threading.Event) -> Event | None:
    """Switch the box off, and wait for the signal to end; return what kept it from that."""
    from appliance.system import power  # noqa: PLC0415 - needed once, at the very end

    try:
        power.power_off()
    except power.PowerError as error:
        log.error("%s", error.fault)
        return PowerOffFailed(error.fault)
    deadline = time.monotonic() + LONGEST_SWITCHING_OFF
    watchdog = Watchdog()
    while time.monotonic() < deadline:
        watchdog.feed()
        # Asleep, not waiting for the event: the signal's handler runs on this very thread.
        time.sleep(0.2)
        if stopping.is_set():
            return None
    fault = power.PowerError("nothing happened").fault
    log.error("%s", fault)
    return PowerOffFailed(fault)


def fallback() -> Settings:
    """Return what is used instead of bad settings: the last good ones, else the defaults."""
    return last_good.settings(last_good.kept_in()) or Settings()


def read(path: Path, instead: Settings) -> tuple[Settings, Fault | None]:
    """Return the settings to use, and what is wrong with the file if anything is."""
    try:
        settings = load(path)
    except SettingsError as error:
        for problem in error.problems:
            log.error("settings: %s", problem)
        return instead, Fault("Settings: mistake", error.problems[0], detail=str(path))
    log.info("settings: %s", path if path.exists() else f"there is no {path}; using the defaults")
    return settings, None


class SettingsWatch:
    """Tells when the settings file has other contents than when the watch began."""

    def __init__(self, path: Path, interval: float = LOOK_INTERVAL) -> None:
        self._path = path
        self._interval = interval
        self._contents = self._look()

    @contextlib.contextmanager
    def telling(self, post: Post) -> Iterator[None]:
        """Look at the file now and then in a `with` block; post `SettingsChanged` once."""
        ending = threading.Event()
        thread = threading.Thread(target=self._run, args=(post, ending), name="settings")
        thread.start()
        try:
            yield
        finally:  # a thread left over would keep a program alive that has no heart any more
            ending.set()
            thread.join()

    def _run(self, post: Post, ending: threading.Event) -> None:
        while not ending.wait(self._interval):
            if self._look() != self._contents:
                log.info("the settings changed")
                post(SettingsChanged())
                return

    def _look(self) -> bytes | None:
        try:
            return self._path.read_bytes()
        except OSError:
            return None


def _stop_on_signals(post: Post, stopping: threading.Event) -> None:
    def stop(number: int, _frame: FrameType | None) -> None:
        stopping.set()
        post(StopRequested())
        log.info("asked to stop by %s", signal.Signals(number).name)

    signal.signal(signal.SIGTERM, stop)
    signal.signal(signal.SIGINT, stop)
