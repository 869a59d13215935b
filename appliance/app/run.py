"""`appliance run`: the appliance until a signal, rebuilt whenever the settings change."""

import contextlib
import logging
import signal
import threading
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from types import FrameType
from typing import Protocol, TypeVar

from appliance.app.appliance import Appliance
from appliance.app.card_wait import EndedError, stall_shown, wait_for_card
from appliance.app.probation import Probation
from appliance.core.events import (
    Event,
    PartHung,
    Post,
    PowerOffFailed,
    PowerOffRequested,
    SettingsChanged,
    StopRequested,
)
from appliance.core.faults import Fault
from appliance.core.late_imports import import_lock
from appliance.settings import Settings, SettingsError, last_good
from appliance.settings.last_good import GoodSettings
from appliance.settings.load import contents
from appliance.system.files import sync
from appliance.system.state_lock import StateInUseError, StateLock
from appliance.system.stop_signals import stop_signals
from appliance.system.supervision import end_on_unhandled_errors
from appliance.system.systemd import Watchdog

log = logging.getLogger(__name__)

Result = TypeVar("Result")

POLL_INTERVAL = 2.0
"""Seconds between two looks at the settings file."""

LAST_LOOK_TIMEOUT = 3.0
"""Seconds to wait for the thread that looks at the settings file, in case its disk hangs."""

POWER_OFF_TIMEOUT = 20.0
"""Seconds to wait for SIGTERM after asking logind to power off."""


class Runnable(Protocol):
    """Interface of `Appliance`."""

    post: Post
    probation: Probation

    def run(self, fault: Fault | None = None, *, held: bool = False) -> Event:
        """Run until an event asks to end; return that event."""


def run(path: Path, build: Callable[[Settings, Path], Runnable] = Appliance) -> bool:
    """Run until SIGTERM, SIGINT or SIGHUP; return whether no error ended it.

    Bad settings are shown on the screen while the last good ones are in use; without any, the box
    waits for good ones, and talks to nobody. The
    last good ones outlive the program; new ones replace them once they have served. After an
    unhandled error, or when a part hangs, the program must be restarted; the session that was cut
    off then goes on. A second copy on the same state folder does nothing.

    Args:
        path: the settings file.
        build: makes the appliance.
    """
    with StateLock() as lock:
        try:
            return _run(path, build, lock)
        except EndedError:
            return True


def _run(path: Path, build: Callable[[Settings, Path], Runnable], lock: StateLock) -> bool:
    failed = threading.Event()
    stopping = threading.Event()
    _stop_on_signals(lambda _: None, stopping)
    folder = last_good.folder()
    on_card = partial(_on_card, path, stopping)
    good = on_card(partial(last_good.load, folder))
    is_first, saving = good is None, None
    left_over: Event | None = None
    while not (stopping.is_set() or failed.is_set()):
        watch = on_card(partial(SettingsWatch, path))
        is_first = is_first and not (saving and saving.saved)
        before = good or GoodSettings(Settings())
        used, fault = on_card(partial(_read_settings, path, good, folder))
        try:
            on_card(partial(lock.take, used.settings.spool.parent))
        except StateInUseError as error:
            log.error("%s; end it first", error)
            if not lock.held:
                return False
            used, fault = before, Fault("Settings: mistake", f"history.path: {error}")
        appliance = build(used.settings, path)
        if fault is None:
            good = used
            saving = Saving(used, appliance.probation, path, is_first=is_first)
            watch.meanwhile = saving.advance
        _stop_on_signals(appliance.post, stopping)
        end_on_unhandled_errors(appliance.post, failed)
        if left_over:
            appliance.post(left_over)
        reason: Event | None = None
        with watch.posting(appliance.post):
            if not stopping.is_set():
                reason = appliance.run(fault, held=fault is not None and good is None)
        if isinstance(reason, PartHung):
            return False
        left_over = _power_off(stopping) if isinstance(reason, PowerOffRequested) else None
    return not failed.is_set()


def _on_card(path: Path, stopping: threading.Event, work: Callable[[], Result]) -> Result:
    """Return the result of work in the state folder, whose card may not answer."""
    return wait_for_card(work, lambda: stall_shown(path), stopping.is_set)


def _read_settings(
    path: Path, good: GoodSettings | None, folder: Path | None
) -> tuple[GoodSettings, Fault | None]:
    return read_settings(path, good, were_saved=last_good.were_saved(folder))


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


def read_settings(
    path: Path, good: GoodSettings | None, *, were_saved: bool = False
) -> tuple[GoodSettings, Fault | None]:
    """Return the settings of a file; if it is bad, the last good ones, and the mistake to show.

    Args:
        path: the settings file.
        good: the last good settings; None if there are none, and the defaults take their place.
        were_saved: whether there were any, though they may be lost.
    """
    try:
        found = last_good.load_whole(path, good, were_saved=were_saved)
    except SettingsError as error:
        for problem in error.problems:
            log.error("settings: %s", problem)
        fault = Fault("Settings: mistake", error.problems[0], detail=str(path))
        return good or GoodSettings(Settings()), fault
    there = found.text is not None
    log.info("settings: %s", path if there else f"there is no {path}; using the defaults")
    return found, None


class Saving:
    """Saving of settings in use: their file is synced at once, the copy made when they served.

    Where there are no last good settings yet, these are saved as soon as all parts have started.

    Args:
        used: the settings in use.
        probation: whether they have served.
        path: the settings file.
        is_first: whether no settings are saved yet.

    Attributes:
        saved: whether they are saved by now, as far as the disk takes them.
    """

    def __init__(
        self, used: GoodSettings, probation: Probation, path: Path, *, is_first: bool
    ) -> None:
        self._used = used
        self._probation = probation
        self._path = path
        self._is_first = is_first
        self._synced = self.saved = False

    def advance(self) -> None:
        """Do what is due."""
        if not self._synced:
            self._synced = True
            sync(self._path)
        served = self._probation.begun if self._is_first else self._probation.passed
        if served and not self.saved:
            self.saved = True
            last_good.save(self._used, last_good.folder())


class SettingsWatch:
    """Watch over the settings file, whose contents are compared with those at its construction.

        watch = SettingsWatch(path)
        settings = load(path)
        with watch.posting(post):
            ...  # `SettingsChanged` is posted once the file has other contents

    Args:
        path: the settings file.
        interval: seconds between two looks.

    Attributes:
        meanwhile: called at each look.
    """

    def __init__(self, path: Path, interval: float = POLL_INTERVAL) -> None:
        self._path = path
        self._interval = interval
        self._contents = self._look()
        self.meanwhile: Callable[[], None] = lambda: None

    @contextlib.contextmanager
    def posting(self, post: Post) -> Iterator[None]:
        """Watch the file in a `with` block; post `SettingsChanged` once if it changes."""
        ending = threading.Event()
        thread = threading.Thread(
            target=self._run, args=(post, ending), name="settings", daemon=True
        )
        thread.start()
        try:
            yield
        finally:  # a thread left over would keep a program alive that has crashed
            ending.set()
            thread.join(LAST_LOOK_TIMEOUT)
            if thread.is_alive():
                log.error("the disk hangs, so the last good settings are not saved")

    def _run(self, post: Post, ending: threading.Event) -> None:
        reported = False
        while not ending.wait(self._interval):
            self.meanwhile()
            if not reported and self._look() != self._contents:
                log.info("the settings file has changed")
                post(SettingsChanged())
                reported = True
        self.meanwhile()

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

    for number in stop_signals():
        signal.signal(number, stop)
