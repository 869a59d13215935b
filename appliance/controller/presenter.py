"""What the appliance shows of itself: one scene at a time, on all that can show one."""

from collections.abc import Callable, Sequence
from typing import Protocol

from msgspec.structs import replace

from appliance.controller.fault_list import FaultList
from appliance.controller.live_session import LiveSession
from appliance.controller.states import State
from appliance.core import events
from appliance.core.events import Event, Request
from appliance.core.parts import Part
from appliance.screen import texts
from appliance.screen.appearance import WHY_NOT, appearance_after
from appliance.screen.scene import Appearance, Mode, Scene, Summary
from appliance.settings import Settings
from appliance.system.network import has_network
from appliance.system.wall_clock import WallClock

MODE_OF: dict[State, Mode] = {
    State.IDLE: Mode.READY,
    State.CONNECTING: Mode.CONNECTING,
    State.LISTENING: Mode.LISTENING,
    State.RECONNECTING: Mode.RECONNECTING,
    State.FINISHING: Mode.FINISHING,
}
"""How each state is shown; between sessions there is also STARTING and SAVED."""

SAVED_TIME = 8.0
"""Seconds for which it says what the session came to."""

REMARK_TIME = 5.0
"""Seconds for which it says what became of a command."""

FAILURE_TIME = 10.0
"""Seconds for which it says why one failed: on the smallest panels a line at a time."""

NETWORK_INTERVAL = 2.0
"""Seconds between two looks at the routes while there is no session."""

QUIET = 0.5
"""Seconds without a level after which the microphone is dead: it is measured more often."""


class Screen(Protocol):
    """What shows scenes; returns at once."""

    def show(self, scene: Scene) -> None:
        """Show the newest scene."""


class Presenter:
    """Puts together what is to be seen. Used by the controller's thread.

    Args:
        screens: what shows scenes: the display, the light.
        faults: those of the parts, at any time.
        settings: all of them.
        wall_clock: the clocks.
        has_network: tells whether an address can be reached at all.
    """

    def __init__(
        self,
        screens: Sequence[Screen],
        faults: FaultList,
        settings: Settings,
        wall_clock: WallClock,
        has_network: Callable[[str], bool] = has_network,
    ) -> None:
        self._screens = screens
        self._faults = faults
        self._settings = settings
        self._wall_clock = wall_clock
        self._clock = wall_clock.now
        self._has_network = has_network
        self._network, self._network_checked_at = False, float("-inf")
        self._ready = False
        self._level, self._level_at = 0.0, 0.0
        self._summary: Summary | None = None
        self._saved_at = 0.0
        self._remark, self._remarked_until = "", 0.0
        self._failed_until = 0.0
        self._appearance = Appearance()

    def handle(self, event: Event) -> None:
        """Note what an event says that is to be seen."""
        match event:
            case events.LevelMeasured():
                self._level, self._level_at = event.level, self._clock()
            case events.CommandHeard():
                self._remark_on(event.name, "…")
            case events.CommandEnded():
                self._remark_on(event.name, event.failure or "done", failed=bool(event.failure))
            case events.ButtonReady() | events.ButtonFailed():
                self._ready = True

    def begin(self) -> None:
        """A session begins: what the one before came to is no news any more."""
        self._summary = None
        self._remark, self._failed_until = "", 0.0

    def change_appearance(self, request: Request) -> str:
        """Change how the panel looks; return why not, if it goes no further."""
        appearance = appearance_after(self._appearance, request, self._settings.display)
        self._appearance = appearance or self._appearance
        return "" if appearance else WHY_NOT[request]

    def end(self, summary: Summary) -> None:
        """A session has ended; say for a while what it came to."""
        self._summary, self._saved_at = summary, self._clock()

    def show_session(
        self, live: LiveSession, state: State, *, hint: str, power_off_in: int
    ) -> None:
        """Show the live session."""
        now = self._clock()
        heard_lately = now - self._level_at <= QUIET
        scene = live.scene(
            MODE_OF[state],
            now,
            level=self._level if heard_lately else 0.0,
            fault=self._faults.worst,
            hint=hint,
            power_off_in=power_off_in,
        )
        self._show(replace(scene, remark=self._fresh_remark(), appearance=self._appearance))

    def show_idle(self, *, waiting: float, power_off_in: int) -> None:
        """Show that there is no session, and whether a press would begin one."""
        if not self._ready:
            self._show(Scene(Mode.STARTING))
            return
        if self._clock() - self._saved_at > SAVED_TIME:
            self._summary = None
        self._show(
            Scene(
                mode=Mode.SAVED
                if self._summary and Part.HISTORY not in self._faults
                else MODE_OF[State.IDLE],
                # A fault that is too long for the panel turns its pages.
                elapsed=float(int(self._clock())) if self._faults.worst else 0.0,
                waiting=waiting,
                fault=self._faults.worst,
                summary=self._summary,
                clock=self._wall_clock.time_of_day(),
                hint="" if self._summary or self._faults.prevents_session else texts.HOW_TO_START,
                remark=self._fresh_remark() or texts.aside(self._faults.aside),
                appearance=self._appearance,
                network=self._reaches_a_service(),
                power_off_in=power_off_in,
            )
        )

    def _reaches_a_service(self) -> bool:
        if self._clock() - self._network_checked_at >= NETWORK_INTERVAL:
            self._network_checked_at = self._clock()
            urls = (self._settings.service.url, self._settings.service.fallback_url)
            self._network = any(self._has_network(url) for url in urls if url)
        return self._network

    def _remark_on(self, command: str, outcome: str, *, failed: bool = False) -> None:
        now = self._clock()
        if now < self._failed_until and not failed:
            return  # why one failed is not hidden by the next that did not
        self._remark = texts.command(command, outcome)
        self._remarked_until = now + (FAILURE_TIME if failed else REMARK_TIME)
        if failed:
            self._failed_until = self._remarked_until

    def _fresh_remark(self) -> str:
        return self._remark if self._clock() < self._remarked_until else ""

    def _show(self, scene: Scene) -> None:
        for screen in self._screens:
            screen.show(scene)
