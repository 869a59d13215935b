"""Wait for the card at the start, which the screen shows where the card does not answer."""

import contextlib
import logging
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TypeVar

from appliance.controller.card_watch import STALLED
from appliance.core.events import Event
from appliance.core.faults import Part
from appliance.core.late_imports import import_lock
from appliance.screen.display import Display
from appliance.screen.scene import Mode, Scene
from appliance.settings import Settings, SettingsError
from appliance.settings.load import contents, parse
from appliance.system import status_file
from appliance.system.supervision import OverdueError, run_within
from appliance.system.systemd import Watchdog, notify

log = logging.getLogger(__name__)

Result = TypeVar("Result")

Show = Callable[[], None]

STALL_TIME = 4.0
"""Seconds of work after which a card that is only slow would have answered."""

LOOK_INTERVAL = 0.5
"""Seconds between two looks whether the card answers, or the program is to end."""

QUICK_READ_TIMEOUT = 1.0
"""Seconds to read which panel there is, where the card does not answer."""

MORE_TIME = "EXTEND_TIMEOUT_USEC=20000000"
"""Asks systemd for 20 s more to start in: no restart makes a card answer."""

WAITING = Scene(Mode.STARTING, fault=STALLED)
"""Scene while the card does not answer."""


class EndedError(Exception):
    """The program is to end before the card has answered."""


def wait_for_card(
    work: Callable[[], Result],
    showing: Callable[[], contextlib.AbstractContextManager[Show]],
    ends: Callable[[], object],
    stall_time: float = STALL_TIME,
) -> Result:
    """Return the result of work on the card; show that the card does not answer while it does not.

    The work has a thread of its own, which nothing can end while the card keeps it.

        >>> showing = lambda: contextlib.nullcontext(lambda: print("the card does not answer"))
        >>> wait_for_card(lambda: 6 * 7, showing, ends=lambda: False)
        42

    Args:
        work: the work; what it raises is raised here.
        showing: gives what shows the fault, again and again, until its `with` block ends.
        ends: returns whether the program is to end.
        stall_time: seconds after which the card counts as stalled.

    Raises:
        EndedError: the program is to end.
    """
    try:
        return run_within(stall_time, work, "card")
    except OverdueError as overdue:
        log.error("%s: waiting for it", STALLED.what)
        with showing() as show:
            _wait_for(overdue.thread, show, ends)
        log.info("the card answers again")
        result: Result = overdue.result()
        return result


def _wait_for(thread: threading.Thread, show: Show, ends: Callable[[], object]) -> None:
    watchdog = Watchdog()
    while thread.is_alive():
        show()
        if ends():
            raise EndedError
        watchdog.feed()
        notify(MORE_TIME)
        thread.join(LOOK_INTERVAL)


@contextlib.contextmanager
def stall_shown(source: Path) -> Iterator[Show]:
    """Show that the card does not answer before there is an appliance, in a `with` block.

    Args:
        source: the settings file, which names the panel.
    """
    with import_lock:
        from appliance.controller.fault_list import FaultList  # noqa: PLC0415 - rarely needed
        from appliance.controller.status_report import StatusReport  # noqa: PLC0415

    settings, faults = _readable(source), FaultList()
    faults.report(Part.HISTORY, STALLED)
    posted: list[Event] = []
    display = Display(settings.display, posted.append)
    status = StatusReport(settings, faults, status_file.to_write(), source=source)
    display.start()
    display.show(WAITING)
    try:
        yield lambda: status.show(WAITING)
    finally:
        display.end()


def _readable(path: Path) -> Settings:
    """Return the settings of a file for their display; the defaults if they can't be read now."""
    try:
        return run_within(
            QUICK_READ_TIMEOUT, lambda: parse(contents(path), path, alone=True), "card"
        )
    except (OSError, SettingsError, OverdueError):
        return Settings()
