"""`appliance run`: builds the appliance from the settings, and again when they change."""

import logging
import signal
import threading
from pathlib import Path
from types import FrameType

from appliance.assembly import Appliance
from appliance.config import Settings, SettingsError, load
from appliance.events import Fault, Post, SettingsChanged, StopRequested

log = logging.getLogger(__name__)

LOOK_INTERVAL = 2.0
"""Seconds between looks at the settings file."""


def run(path: Path) -> bool:
    """Run until SIGTERM or SIGINT; tell whether nothing unforeseen happened.

    Bad settings are shown on the screen while the last good ones, or the defaults, are in use.
    """
    crashed = threading.Event()
    stopping = threading.Event()
    settings = Settings()
    while not stopping.is_set():
        settings, fault = read(path, last_good=settings)
        appliance = Appliance(settings)
        _stop_on_signals(appliance.post, stopping)
        _stop_on_defects(appliance.post, stopping, crashed)
        watch = SettingsWatch(path, appliance.post)
        watch.start()
        if not stopping.is_set():
            appliance.run(fault)
        watch.end()
    return not crashed.is_set()


def read(path: Path, last_good: Settings) -> tuple[Settings, Fault | None]:
    """Return the settings to use, and what is wrong with the file if anything is."""
    try:
        return load(path), None
    except SettingsError as error:
        for problem in error.problems:
            log.error("settings: %s", problem)
        return last_good, Fault("Settings: mistake", error.problems[0], detail=str(path))


class SettingsWatch:
    """Posts `SettingsChanged` once when the file's contents are others than at the start."""

    def __init__(self, path: Path, post: Post) -> None:
        self._path = path
        self._post = post
        self._contents = self._look()
        self._ending = threading.Event()
        self._thread = threading.Thread(target=self._run, name="settings")

    def start(self) -> None:
        """Begin to look at the file now and then."""
        self._thread.start()

    def end(self) -> None:
        """Stop looking."""
        self._ending.set()
        self._thread.join()

    def _run(self) -> None:
        while not self._ending.wait(LOOK_INTERVAL):
            if self._look() != self._contents:
                log.info("the settings changed")
                self._post(SettingsChanged())
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


def _stop_on_defects(post: Post, stopping: threading.Event, crashed: threading.Event) -> None:
    """Let a defect in any thread end the program, so that it is started afresh."""

    def stop(args: threading.ExceptHookArgs) -> None:
        name = args.thread.name if args.thread else "a thread"
        error = args.exc_value
        log.critical("a defect in the thread %s; ending", name, exc_info=error)
        crashed.set()
        stopping.set()
        post(StopRequested())

    threading.excepthook = stop
