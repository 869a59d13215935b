"""`appliance run`: the appliance until a signal, rebuilt whenever the settings change."""

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
from appliance.core.late_imports import import_lock
from appliance.settings import Settings, SettingsError, last_good, load
from appliance.settings.load import contents
from appliance.system.state_lock import StateInUseError, StateLock
from appliance.system.supervision import end_on_unhandled_errors
from appliance.system.systemd import Watchdog

log = logging.getLogger(__name__)

POLL_INTERVAL = 2.0
"""Seconds between two looks at the settings file."""

POWER_OFF_TIMEOUT = 20.0
"""Seconds to wait for SIGTERM after asking logind to power off."""


class Runnable(Protocol):
    """Interface of `Appliance`."""

    post: Post

    def run(self, fault: Fault | None = None) -> Event:
        """Run until an event asks to end; return that event."""


def run(path: Path, build: Callable[[Settings, Path], Runnable] = Appliance) -> bool:
    """Run until SIGTERM or SIGINT; return whether no error ended it.

    Bad settings are shown on the screen while the last good ones, or the defaults, are in use. The
    last good ones outlive the program. After an unhandled error, or when a part hangs, the program
    must be restarted; the session that was cut off then goes on. A second copy on the same state
    folder does nothing.

    Args:
        path: the settings file.
        build: makes the appliance.
    """
    with StateLock() as lock:
        return _run(path, build, lock)


def _run(path: Path, build: Callable[[Settings, Path], Runnable], lock: StateLock) -> bool:
    failed = threading.Event()
    stopping = threading.Event()
    settings = fallback_settings()
    left_over: Event | None = None
    while not (stopping.is_set() or failed.is_set()):
        watch = SettingsWatch(path)
        before = settings
        settings, fault = read_settings(path, before)
        try:
            lock.take(settings.spool.parent)
        except StateInUseError as error:
            log.error("%s; end it first", error)
            if not lock.held:
                return False
            settings, fault = before, Fault("Settings: mistake", f"history.path: {error}")
        if fault is None:
            last_good.save(settings, last_good.folder())
        appliance = build(settings, path)
        _stop_on_signals(appliance.post, stopping)
        end_on_unhandled_errors(appliance.post, failed)
        if left_over:
            appliance.post(left_over)
        reason: Event | None = None
        with watch.posting(appliance.post):
            if not stopping.is_set():
                reason = appliance.run(fault)
        if isinstance(reason, PartHung):
            return False
        left_over = _power_off(stopping) if isinstance(reason, PowerOffRequested) else None
    return not failed.is_set()


def _power_off(stopping: threading.Event) -> Event | None:
    """Power the box off and wait for SIGTERM; return the failure if it does not come."""
    with import_lock:
        from appliance.system import power  # noqa: PLC0415 - needed once, at the very end

    try:
        power.power_off()
    except power.PowerError as error:
        log.error("%s", error.fault)
        return PowerOffFailed(error.fault)
    deadline = time.monotonic() + POWER_OFF_TIMEOUT
    watchdog = Watchdog()
    while time.monotonic() < deadline:
        watchdog.feed()
        # Not `stopping.wait`: the signal's handler runs on this thread.
        time.sleep(0.2)
        if stopping.is_set():
            return None
    fault = power.PowerError("nothing happened").fault
    log.error("%s", fault)
    return PowerOffFailed(fault)


def fallback_settings() -> Settings:
    """Return the settings to use in place of bad ones: the last good ones, else the defaults."""
    return last_good.load(last_good.folder()) or Settings()


def read_settings(path: Path, instead: Settings) -> tuple[Settings, Fault | None]:
    """Return the settings of a file; if it is bad, return `instead`, and the mistake to show."""
    try:
        settings = load(path)
    except SettingsError as error:
        for problem in error.problems:
            log.error("settings: %s", problem)
        return instead, Fault("Settings: mistake", error.problems[0], detail=str(path))
    log.info("settings: %s", path if path.exists() else f"there is no {path}; using the defaults")
    return settings, None


class SettingsWatch:
    """Watch over the settings file, whose contents are compared with those at its construction.

        watch = SettingsWatch(path)
        settings = load(path)
        with watch.posting(post):
            ...  # `SettingsChanged` is posted once the file has other contents

    Args:
        path: the settings file.
        interval: seconds between two looks.
    """

    def __init__(self, path: Path, interval: float = POLL_INTERVAL) -> None:
        self._path = path
        self._interval = interval
        self._contents = self._look()

    @contextlib.contextmanager
    def posting(self, post: Post) -> Iterator[None]:
        """Watch the file in a `with` block; post `SettingsChanged` once if it changes."""
        ending = threading.Event()
        thread = threading.Thread(target=self._run, args=(post, ending), name="settings")
        thread.start()
        try:
            yield
        finally:  # a thread left over would keep a program alive that has crashed
            ending.set()
            thread.join()

    def _run(self, post: Post, ending: threading.Event) -> None:
        while not ending.wait(self._interval):
            if self._look() != self._contents:
                log.info("the settings file has changed")
                post(SettingsChanged())
                return

    def _look(self) -> bytes | str:
        """Return what the file holds, or why that can't be read."""
        try:
            return contents(self._path)
        except OSError as error:
            return str(error)


def _stop_on_signals(post: Post, stopping: threading.Event) -> None:
    def stop(number: int, _frame: FrameType | None) -> None:
        stopping.set()
        post(StopRequested())
        log.info("asked to stop by %s", signal.Signals(number).name)

    signal.signal(signal.SIGTERM, stop)
    signal.signal(signal.SIGINT, stop)
