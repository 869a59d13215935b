"""The heart: one thread, one queue; takes events, owns the state, tells the parts what to do."""

import enum
import logging
import queue
import time
from collections import deque
from collections.abc import Callable
from typing import Protocol

from appliance import events
from appliance.config import SessionSettings
from appliance.custody import Custody
from appliance.events import Event, Fault
from appliance.faults import Faults
from appliance.history import History
from appliance.integrations.systemd import clock_is_set
from appliance.live import Live
from appliance.screen.scene import Mode, Scene, Summary
from appliance.streaming.session import Session

log = logging.getLogger(__name__)

TICK = 0.5
"""Seconds without an event after which times are looked at all the same.

A microphone that hears is never quiet for so long.
"""

SAVED_TIME = 8.0
"""Seconds for which the screen says what the session came to."""

CLOSING_TIME = 3.0
"""Seconds for the microphone's last piece; one that hangs must not hold up the words before."""

DARK_TIME = 60.0
"""Seconds for a screen to come back before a session that nothing shows is ended."""

COUNTDOWN = 10.0
"""Seconds for which the screen announces that silence will end the session."""


class State(enum.Enum):
    """What the live session is doing."""

    IDLE = Mode.READY
    CONNECTING = Mode.CONNECTING
    LISTENING = Mode.LISTENING
    RECONNECTING = Mode.RECONNECTING
    FINISHING = Mode.FINISHING


class Microphone(Protocol):
    """What captures; both return at once."""

    def open(self, deliver: Callable[[bytes, float], None]) -> None:
        """Capture and deliver chunks."""

    def close(self) -> None:
        """Deliver what was said until now, post `MicrophoneClosed`, and stop."""


class Screen(Protocol):
    """What shows scenes; returns at once."""

    def show(self, scene: Scene) -> None:
        """Show the newest scene."""


class Controller:
    """Turns presses into sessions, and what happens in them into scenes and history.

    Never blocks: whatever may take long runs in the thread of the part that does it.
    """

    def __init__(
        self,
        settings: SessionSettings,
        inbox: "queue.SimpleQueue[Event]",
        *,
        microphone: Microphone,
        screen: Screen,
        history: History,
        custody: Custody,
        boot: str,
        visible: bool = True,
        clock: Callable[[], float] = time.monotonic,
        wall_clock: Callable[[], float] = time.time,
        clock_is_set: Callable[[], bool] = clock_is_set,
    ) -> None:
        self._settings = settings
        self._inbox = inbox
        self._microphone = microphone
        self._screen = screen
        self._history = history
        self._custody = custody
        self._boot = boot
        self._visible = visible
        self._dark_since = clock()
        self._clock = clock
        self._wall_clock = wall_clock
        self._clock_is_set = clock_is_set
        self._state = State.IDLE
        self._live: Live | None = None
        self._ready = False
        self._level = 0.0
        self._faults = Faults()
        self._summary: tuple[float, Summary] | None = None
        self._closing: deque[tuple[float, Session]] = deque()
        self._leaving: Event | None = None
        self._broken = False
        self._clock_offset = wall_clock() - clock()

    def run(self, interrupted: Session | None = None, fault: Fault | None = None) -> Event:
        """Take events until it is time to leave; return the event that asked for it.

        A session that was `interrupted` by a crash goes on; `fault` is one of the settings.
        """
        if fault:
            self._faults.tell("settings", fault)
        if interrupted:
            self._go_live(interrupted)
        # The clock may have been set since an earlier run kept its last times.
        self._history.correct_clock(self._boot)
        while not (self._leaving and (self._state is State.IDLE or self._broken)):
            self._screen.show(self._scene())
            try:
                self._take(self._inbox.get(timeout=TICK))
            except queue.Empty:
                self._level = 0.0
            self._watch_times()
        return self._leaving

    # What each event does

    def _take(self, event: Event) -> None:  # noqa: C901, PLR0912 - a table: one line an event
        self._faults.heed(event)
        match event:
            case events.Pressed():
                self._pressed()
            case events.LevelMeasured():
                self._level = event.level
            case events.TurnReceived():
                self._turn_received(event)
            case events.Connected():
                self._connected(event)
            case events.Disconnected():
                self._disconnected(event)
            case events.SessionEnded():
                self._session_ended(event)
            case events.Kept():
                self._custody.kept(event)
            case events.MicrophoneOpened() | events.MicrophoneFailed():
                self._note_microphone()
            case events.MicrophoneClosed():
                if self._closing:
                    self._closing.popleft()[1].finish()
            case events.ButtonReady() | events.ButtonFailed():
                self._ready = True
            case events.ScreenFailed():
                self._visible, self._dark_since = False, self._clock()
            case events.ScreenHealed():
                self._visible = True
            case events.StopRequested() | events.SettingsChanged() | events.DefectFound():
                self._leave(event)
            case _:
                log.debug("%s", event)

    def _pressed(self) -> None:
        if isinstance(self._leaving, events.StopRequested):
            log.info("pressed, but the program is about to end")
        elif self._in_session():
            self._finish()
        elif not self._visible:
            log.warning("pressed, but nothing could show that the microphone is open")
        else:
            if self._live:
                # The one that is finishing goes on in the background.
                self._custody.deliveries.adopt(self._live.session)
            self._go_live(self._custody.begin())

    def _connected(self, event: events.Connected) -> None:
        self._history.restart(event.session, event.covered)
        if live := self._live_named(event.session):
            live.transcript.reconnected(event.covered)
            live.note_news(self._clock())
            self._faults.clear("session", "loss")
            if self._state is not State.FINISHING:
                self._enter(State.LISTENING)

    def _turn_received(self, event: events.TurnReceived) -> None:
        if live := self._live_named(event.session):
            live.receive(event, self._clock())
        if event.turn.finished:
            self._history.keep(event)

    def _disconnected(self, event: events.Disconnected) -> None:
        self._custody.deliveries.disconnected(event.session)
        if self._live_named(event.session) and event.fault:
            self._faults.tell("session", event.fault)
            if self._state is State.LISTENING:
                self._enter(State.RECONNECTING)

    def _session_ended(self, event: events.SessionEnded) -> None:
        if self._live_named(event.session):
            self._end_live()
        self._custody.ended(event)

    def _note_microphone(self) -> None:
        if self._live:
            self._live.note_microphone(self._clock(), present="microphone" not in self._faults)

    def _leave(self, event: Event) -> None:
        # New settings wait for the end of the session, SIGTERM finishes it, a defect cuts it off.
        self._broken = isinstance(event, events.DefectFound)
        if isinstance(event, events.StopRequested) and self._in_session():
            self._finish()
        if not isinstance(self._leaving, events.StopRequested):
            self._leaving = event

    # From state to state

    def _go_live(self, session: Session) -> None:
        log.info("session %s begins", session.name)
        self._microphone.open(session.backlog.append)
        self._live = Live(session, self._clock())
        self._note_microphone()
        self._summary = None
        self._faults.clear("session", "spool", "loss")
        self._enter(State.CONNECTING)

    def _finish(self) -> None:
        if self._live:
            self._live.finished_at = self._clock()
            self._closing.append((self._clock(), self._live.session))
            self._microphone.close()
            self._enter(State.FINISHING)

    def _end_live(self) -> None:
        if self._live:
            now = self._clock()
            summary = self._live.summary(now)
            log.info("session ends after %.0f s, %d words", summary.seconds, summary.words)
            self._summary = (now, summary)
            self._live = None
            self._faults.clear("session")
            self._enter(State.IDLE)
            if not self._leaving:
                self._custody.deliveries.resume()

    def _enter(self, state: State) -> None:
        log.debug("%s", state.name.lower())
        self._state = state

    # What time does

    def _watch_times(self) -> None:
        now = self._clock()
        if live := self._live:
            live.follow(now, connected=self._state is State.LISTENING)
            # Not while a turn that belongs to what is covered may still wait in the inbox.
            if self._inbox.empty() and live.uncommitted_silence():
                self._history.cover(live.session.name, live.progress.covered)
            if self._in_session() and 0 < self._settings.auto_stop < live.silence(now):
                log.info("nothing was said for %.0f s", live.silence(now))
                self._finish()
            if self._in_session() and not self._visible and now - self._dark_since > DARK_TIME:
                log.warning("nothing shows that the microphone is open; ending the session")
                self._finish()
            if self._state is State.FINISHING:
                self._watch_finishing(live, now)
        for closed_at, session in self._closing:
            if now - closed_at > CLOSING_TIME and not session.backlog.finished:
                log.warning("the microphone does not close; going on without its last piece")
                session.finish()
        if self._summary and now - self._summary[0] > SAVED_TIME:
            self._summary = None
        self._watch_clock()

    def _watch_finishing(self, live: Live, now: float) -> None:
        if live.out_of_reach(now) > self._settings.finish_timeout:
            live.session.abandon()
            self._custody.deliveries.adopt(live.session)
            self._end_live()

    def _watch_clock(self) -> None:
        offset = self._wall_clock() - self._clock()
        if abs(offset - self._clock_offset) > 1.0:
            log.info("the clock was set by %+.0f s", offset - self._clock_offset)
            self._clock_offset = offset
            self._history.correct_clock(self._boot)

    # What the screen says

    def _scene(self) -> Scene:
        now = self._clock()
        if live := self._live:
            hint = self._countdown(live, now)
            return live.scene(self._state.value, self._level, self._faults.worst, hint, now)
        if not self._ready:
            return Scene(Mode.STARTING)
        return Scene(
            mode=Mode.SAVED if self._summary else Mode.READY,
            waiting=self._custody.deliveries.seconds,
            fault=self._faults.worst,
            summary=self._summary[1] if self._summary else None,
            clock=self._time_of_day(),
        )

    def _time_of_day(self) -> str:
        now = time.localtime(self._wall_clock())
        return time.strftime("%H:%M", now) if self._clock_is_set() else ""

    def _countdown(self, live: Live, now: float) -> str:
        left = self._settings.auto_stop - live.silence(now)
        due = self._settings.auto_stop and self._in_session() and left < COUNTDOWN
        return f"Silence: stopping in {max(0.0, left):.0f} s" if due else ""

    def _in_session(self) -> bool:
        return self._state in (State.CONNECTING, State.LISTENING, State.RECONNECTING)

    def _live_named(self, name: str) -> Live | None:
        return self._live if self._live and self._live.session.name == name else None
