"""Presenter: builds the scene to show, and gives it to all screens."""

from collections.abc import Callable, Sequence
from typing import Protocol

from msgspec.structs import replace

from appliance.controller.fault_list import FaultList
from appliance.controller.live_session import LiveSession
from appliance.controller.service_notice import ServiceNotice
from appliance.controller.states import MICROPHONE_OPEN, State
from appliance.core import command_events, events
from appliance.core.command_events import Request
from appliance.core.events import Event
from appliance.core.faults import Part
from appliance.core.scripts import joined
from appliance.screen import texts
from appliance.screen.appearance import WHY_NOT, appearance_after
from appliance.screen.scene import Appearance, Mode, Scene, ShownTurn, Summary
from appliance.settings import Settings
from appliance.system.network import has_network
from appliance.system.wall_clock import WallClock
from appliance.voice_commands.alerts import AlertWords, normal

MODE_OF: dict[State, Mode] = {
    State.IDLE: Mode.READY,
    State.CONNECTING: Mode.CONNECTING,
    State.LISTENING: Mode.LISTENING,
    State.RECONNECTING: Mode.RECONNECTING,
    State.FINISHING: Mode.FINISHING,
}
"""Mode in which each state is shown; without a session, STARTING and SAVED are possible, too."""

SUMMARY_TIME = 8.0
"""Seconds for which the summary of a session is shown."""

REMARK_TIME = 5.0
"""Seconds for which the outcome of a command is shown."""

FAILURE_TIME = 10.0
"""Seconds for which a failure is shown: the smallest panels show a line at a time."""

NETWORK_INTERVAL = 2.0
"""Seconds between two checks of the routes while there is no session."""

LEVEL_TIMEOUT = 0.5
"""Seconds after which a level no longer counts: it is measured more often."""

COUNTDOWN = 10.0
"""Seconds for which the end of a silent session is announced."""


ALERT_TIME = 2.0
"""Seconds for which the light shows that the reader is called."""

FLASH_TIME = 0.25
"""Seconds for which the picture is reversed, twice, and between the two."""

POWERS_OFF = "Then it switches off"
"""Hint of a session after which the box is switched off."""


class Screen(Protocol):
    """Output for scenes."""

    def show(self, scene: Scene) -> None:
        """Show the newest scene; returns at once."""


class Presenter:
    """Builds scenes and gives them to the screens. Used by the controller's thread alone.

    Args:
        screens: the display, the status LED, the MQTT client, the status report.
        faults: the current faults.
        settings: all settings.
        wall_clock: the wall clock beside the monotonic clock.
        has_network: returns whether there is a route to a URL.
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
        self._level, self._level_at = 0.0, 0.0
        self._summary: Summary | None = None
        self._summary_since = 0.0
        self._remark, self._remark_until = "", 0.0
        self._service_notice = ServiceNotice()
        self._failed_until = 0.0
        self._appearance = Appearance()
        self._alert_words = AlertWords(settings.alert.words)
        self._alert_at = float("-inf")

    @property
    def alerting(self) -> bool:
        """Whether scenes change by themselves for a moment, as the reader is called."""
        return self._clock() - self._alert_at < ALERT_TIME

    def handle(self, event: Event) -> None:
        """Note what an event changes on the screen."""
        self._service_notice.handle(event)
        match event:
            case events.LevelMeasured():
                self._level, self._level_at = event.level, self._clock()
            case command_events.AlertHeard():
                self._alert_at = self._clock()
            case command_events.AlertFailed():
                self._remark_on("alert", event.failure, failed=True)
            case command_events.CommandHeard():
                self._remark_on(event.name, "…")
            case command_events.CommandEnded():
                self._remark_on(event.name, event.failure or "done", failed=bool(event.failure))

    def begin(self) -> None:
        """Note that a session begins: the last summary and remark go."""
        self._summary = None
        self._remark, self._failed_until = "", 0.0

    def change_appearance(self, request: Request) -> str:
        """Change the size or the brightness; return why not where it goes no further."""
        appearance = appearance_after(self._appearance, request, self._settings.display)
        self._appearance = appearance or self._appearance
        return "" if appearance else WHY_NOT[request]

    def end(self, summary: Summary) -> None:
        """Note that a session ended; its summary is shown for a while."""
        self._summary, self._summary_since = summary, self._clock()

    def show_session(
        self, live: LiveSession, state: State, *, powers_off: bool, power_off_in: int
    ) -> None:
        """Show the live session.

        Args:
            live: the session.
            state: its state.
            powers_off: whether the box is switched off after it.
            power_off_in: seconds that the button must still be held; 0 if it is not.
        """
        now = self._clock()
        measured_lately = now - self._level_at <= LEVEL_TIMEOUT
        scene = live.scene(
            MODE_OF[state],
            now,
            level=self._level if measured_lately else 0.0,
            fault=self._faults.worst,
            hint=POWERS_OFF if powers_off else self._countdown(live, state),
            power_off_in=power_off_in,
            speakers=self._settings.session.speakers,
        )
        flashes = (now - self._alert_at) / FLASH_TIME
        self._show(
            replace(
                scene,
                turns=self._with_alerts(scene.turns),
                remark=self._fresh_remark(),
                appearance=self._appearance,
                alert=self.alerting,
                reverse_video=0 <= flashes < 1 or 2 <= flashes < 3,
            )
        )

    def show_starting(self, *, power_off_in: int) -> None:
        """Show that not all parts have answered yet.

        Args:
            power_off_in: seconds that the button must still be held; 0 if it is not.
        """
        self._show(Scene(Mode.STARTING, power_off_in=power_off_in))

    def show_idle(self, *, waiting: float, power_off_in: int) -> None:
        """Show that there is no session, and whether a press would begin one.

        Args:
            waiting: seconds of audio still to be transcribed in the background.
            power_off_in: seconds that the button must still be held; 0 if it is not.
        """
        if self._clock() - self._summary_since > SUMMARY_TIME:
            self._summary = None
        saved = self._summary and Part.HISTORY not in self._faults
        self._show(
            Scene(
                mode=Mode.SAVED if saved else MODE_OF[State.IDLE],
                # A fault that is too long for the panel is shown in pages.
                elapsed=float(int(self._clock())) if self._faults.worst else 0.0,
                waiting=waiting,
                fault=self._faults.worst,
                summary=self._summary,
                clock=self._wall_clock.time_of_day(),
                hint="" if self._summary or self._faults.prevents_session else texts.HOW_TO_START,
                remark=self._idle_remark(),
                appearance=self._appearance,
                network=self._reaches_a_service(),
                power_off_in=power_off_in,
            )
        )

    def _with_alerts(self, turns: tuple[ShownTurn, ...]) -> tuple[ShownTurn, ...]:
        """Return turns with the places of the words in them that call the reader, if any do."""
        has_words = bool(self._settings.alert.words)  # each scene would search for nothing
        return tuple(map(self._with_places, turns)) if has_words else turns

    def _with_places(self, turn: ShownTurn) -> ShownTurn:
        text, tentative = normal(turn.text), normal(turn.tentative)
        places = self._alert_words.places_in(joined(text, tentative))
        if not places:
            return turn
        return replace(turn, text=text, tentative=tentative, alerts=tuple(it[:2] for it in places))

    def _countdown(self, live: LiveSession, state: State) -> str:
        """Return the announcement that silence will end the session; empty until it is due."""
        auto_stop = self._settings.session.auto_stop
        left = auto_stop - live.silence(self._clock())
        due = auto_stop and state in MICROPHONE_OPEN and left < COUNTDOWN
        return f"Silence: stopping in {max(0.0, left):.0f} s" if due else ""

    def _reaches_a_service(self) -> bool:
        if self._clock() - self._network_checked_at >= NETWORK_INTERVAL:
            self._network_checked_at = self._clock()
            urls = (self._settings.service.url, self._settings.service.fallback_url)
            self._network = any(self._has_network(url) for url in urls if url)
        return self._network

    def _remark_on(self, command: str, outcome: str, *, failed: bool = False) -> None:
        now = self._clock()
        if now < self._failed_until and not failed:
            return  # a success does not hide a failure
        self._remark = texts.command(command, outcome)
        self._remark_until = now + (FAILURE_TIME if failed else REMARK_TIME)
        if failed:
            self._failed_until = self._remark_until

    def _idle_remark(self) -> str:
        if remark := self._fresh_remark():
            return remark
        notice = "" if self._summary else self._service_notice.text(self._clock())
        return notice or texts.aside(self._faults.minor)

    def _fresh_remark(self) -> str:
        return self._remark if self._clock() < self._remark_until else ""

    def _show(self, scene: Scene) -> None:
        for screen in self._screens:
            screen.show(scene)
