"""The heart: one thread, one queue; takes events, owns the state, tells the parts what to do."""

import contextlib
import logging
import queue
from collections import deque
from collections.abc import Callable, Sequence
from typing import Protocol

import msgspec

from appliance.controller.exit_reason import URGENCY, ExitReason
from appliance.controller.fault_list import FaultList
from appliance.controller.live_session import LiveSession
from appliance.controller.open_sessions import OpenSessions
from appliance.controller.presenter import Presenter
from appliance.controller.press import Press, click
from appliance.controller.privacy import PrivacyGuard
from appliance.controller.states import Input, Microphone, SessionMachine, State
from appliance.core import events
from appliance.core.events import Event, Fault, Request
from appliance.core.parts import Part
from appliance.history.writer import HistoryWriter
from appliance.screen.appearance import APPEARANCE_REQUESTS
from appliance.settings import Settings
from appliance.streaming.session import Session
from appliance.system.supervision import BusyTimer
from appliance.system.wall_clock import WallClock
from appliance.voice_commands.dispatcher import Dispatcher

log = logging.getLogger(__name__)

TICK = 0.5
"""Seconds without an event after which times are looked at all the same.

A microphone that hears is never quiet for so long.
"""

HELD_TICK = 0.1
"""The same while somebody holds the button and watches the seconds count down."""

UNSEEN_TIME = 20.0
"""Seconds for something to show a session that a crash cut off, before it is but transcribed."""

UNHEARD_TIME = 2.0
"""Seconds to wait for words when the press that began a session is held to switch off."""

COUNTDOWN = 10.0
"""Seconds for which the screen announces that silence will end the session."""

HUNG_TIME = 30.0
"""Seconds for one piece of work, after which its thread is given up: cards and buses are slow."""


class Listener(Protocol):
    """Who notes of each event what it means elsewhere."""

    def handle(self, event: Event) -> None:
        """Take note of an event; returns at once."""


class Controller:
    """Turns presses into sessions, and what happens in them into scenes and history.

    Never blocks: whatever may take long runs in the thread of the part that does it.

    Args:
        settings: all of them.
        inbox: where the parts post.
        microphone: opened by a press.
        presenter: shows what is going on.
        faults: those of the parts.
        history: keeps what was said.
        open_sessions: keeps the audio until then.
        dispatcher: finds spoken commands.
        listeners: who else is told of everything that happens; each returns at once.
        boot: the name of this boot.
        busy_timers: what the parts' threads are at, to notice one that hangs.
        wall_clock: the clocks.
        give_sign_of_life: called at least each half second for as long as all is well here.
    """

    def __init__(
        self,
        settings: Settings,
        inbox: "queue.SimpleQueue[Event]",
        *,
        microphone: Microphone,
        presenter: Presenter,
        faults: FaultList,
        history: HistoryWriter,
        open_sessions: OpenSessions,
        dispatcher: Dispatcher,
        listeners: Sequence[Listener] = (),
        boot: str,
        busy_timers: Sequence[BusyTimer] = (),
        wall_clock: WallClock,
        give_sign_of_life: Callable[[], None] = lambda: None,
    ) -> None:
        self._settings = settings
        self._inbox = inbox
        self._presenter = presenter
        self._dispatcher = dispatcher
        self._history = history
        self._open_sessions = open_sessions
        self._boot = boot
        self._busy_timers = busy_timers
        self._wall_clock = wall_clock
        self._clock = wall_clock.now
        self._give_sign_of_life = give_sign_of_life
        self._faults = faults
        self._press = Press(settings.button)
        self._privacy = PrivacyGuard(self._clock)
        self._exit = ExitReason()
        self._machine = SessionMachine(
            microphone, presenter, open_sessions, self._faults, self._clock
        )
        self._listeners: tuple[Listener, ...] = (
            self._faults,
            presenter,
            self._privacy,
            *listeners,
        )
        self._began_at = self._clock()

    def run(self, interrupted: Session | None = None, fault: Fault | None = None) -> Event:
        """Take events until it is time to leave; return the event that asked for it.

        A session that was `interrupted` by a crash goes on; `fault` is one of the settings.
        """
        if fault:
            self._faults.report(Part.SETTINGS, fault)
        self._machine.interrupted, self._began_at = interrupted, self._clock()
        # The clock may have been set since an earlier run kept its last times.
        self._history.correct_clock(self._boot)
        while not (reason := self._exit.reason) or self._may_not_leave_yet():
            self._go_on()
            self._show()
            self._give_sign_of_life()
            with contextlib.suppress(queue.Empty):
                self._process(self._inbox.get(timeout=HELD_TICK if self._press.down else TICK))
            self._watch_times()
        return reason

    def _may_not_leave_yet(self) -> bool:
        return self._machine.state is not State.IDLE and not self._exit.immediate

    # What each event does

    def _process(self, event: Event) -> None:
        """Handle an event and, right after it, what its words ask for."""
        pending = deque([event])
        while pending:
            event = pending.popleft()
            for listener in self._listeners:
                listener.handle(event)
            pending += self._dispatcher.handle(event)
            if isinstance(event, events.Requested):
                pending += self._requested(event)
            else:
                self._take(event)

    def _take(self, event: Event) -> None:  # noqa: C901, PLR0912 - a table: one line an event
        match event:
            case events.Pressed():
                in_session = self._machine.in_session
                self._give(self._press.begin(self._clock(), in_session=in_session))
            case events.Released():
                self._give(self._press.release(self._clock()))
            case events.Held():
                self._held()
            case events.TurnReceived():
                self._turn_received(event)
            case events.Connected():
                self._connected(event)
            case events.Disconnected():
                self._disconnected(event)
            case events.SessionEnded():
                self._session_ended(event)
            case events.Committed():
                self._open_sessions.committed(event)
            case events.MicrophoneOpened() | events.MicrophoneFailed():
                self._machine.note_microphone()
            case events.MicrophoneClosed():
                self._machine.microphone_closed()
            case events.ButtonReady() | events.ButtonFailed():
                self._press.drop()
            case _ if isinstance(event, URGENCY):
                self._leave(event)
            case _:
                log.debug("%s", event)

    def _held(self) -> None:
        if self._press.down and self._press.powers_off:
            log.info("held: switching off")
            self._press.drop()
            self._leave(events.PowerOffRequested())

    def _requested(self, event: events.Requested) -> list[Event]:
        """Do what is requested; return how the command ended that requested it."""
        request, failure = event.request, ""
        if event.command and not self._machine.named(event.command.session):
            failure = "that session is over"
        elif request is Request.CLEAR:
            self._clear()
        elif request in APPEARANCE_REQUESTS:
            failure = self._presenter.change_appearance(request)
        elif request is Request.START:
            self._give(Input.START)
        elif request is Request.STOP:
            self._give(Input.STOP)
        elif request is Request.PRESS:
            self._give(click(in_session=self._machine.in_session))
        return [msgspec.structs.replace(event.command, failure=failure)] if event.command else []

    def _clear(self) -> None:
        if self._machine.live:
            self._machine.live.transcript.clear()

    def _connected(self, event: events.Connected) -> None:
        self._history.drop_uncovered(event.session, event.covered)
        if live := self._machine.named(event.session):
            live.reconnect(event.covered, self._clock())
            self._give(Input.CONNECTED)

    def _disconnected(self, event: events.Disconnected) -> None:
        self._open_sessions.deliveries.disconnected(event.session)
        if (live := self._machine.named(event.session)) and event.fault:
            live.disconnect(event.fault)
            self._give(Input.DROPPED)

    def _turn_received(self, event: events.TurnReceived) -> None:
        if live := self._machine.named(event.session):
            live.receive(event, self._clock())
        if event.turn.finished:
            self._history.save_turn(event)

    def _session_ended(self, event: events.SessionEnded) -> None:
        if self._machine.named(event.session):
            self._end_live(Input.ENDED)
        self._open_sessions.ended(event)

    def _leave(self, event: Event) -> None:
        self._exit.add(event)
        if self._exit.final:
            self._give(Input.STOP)

    # When a session begins and ends

    def _give(self, given: Input | None) -> None:
        """Give the state machine an input, if there is one."""
        if given and (given is not Input.START or self._may_begin()):
            self._machine.take(given)

    def _may_begin(self) -> bool:
        """Return whether a session may begin: nobody is heard without knowing."""
        if self._exit.final:
            log.info("no session begins: the program is about to end")
        elif not self._privacy.shown:
            log.warning("no session begins: nothing could show that the microphone is open")
        return self._privacy.shown and not self._exit.final

    def _go_on(self) -> None:
        """Go on with the session that a crash cut off, as soon as that can be seen."""
        if (session := self._machine.interrupted) is None:
            return
        if self._privacy.shown and not self._machine.live:
            self._machine.take(Input.START)
        elif self._machine.live or self._clock() - self._began_at > UNSEEN_TIME:
            self._machine.interrupted = None
            session.finish()
            self._open_sessions.deliveries.adopt(session)
            if not self._machine.live:
                self._open_sessions.deliveries.resume()

    def _end_live(self, given: Input) -> None:
        self._give(given)
        if not self._exit.reason:
            self._open_sessions.deliveries.resume()

    # What time does

    def _watch_times(self) -> None:
        if live := self._machine.live:
            self._watch_session(live, self._clock())
        self._machine.complete_overdue()
        if self._wall_clock.was_set():
            self._history.correct_clock(self._boot)
        for timer in self._busy_timers:
            if timer.lasts() > HUNG_TIME:
                log.critical("the %s hangs; the program is to start afresh", timer.part)
                self._leave(events.PartHung(timer.part))

    def _watch_session(self, live: LiveSession, now: float) -> None:
        live.follow(now, connected=self._machine.state is State.LISTENING)
        # Not while a turn that belongs to what is covered may still wait in the inbox.
        if self._inbox.empty() and live.silence_to_commit():
            self._history.cover(live.session.name, live.progress.covered)
        if self._machine.in_session and 0 < self._settings.session.auto_stop < live.silence(now):
            log.info("nothing was said for %.0f s", live.silence(now))
            self._give(Input.STOP)
        if self._machine.in_session and self._privacy.dark_too_long:
            log.warning("nothing shows that the microphone is open; ending the session")
            self._give(Input.STOP)
        if self._machine.state is State.FINISHING and self._is_past_waiting(live, now):
            self._end_live(Input.FINISH_TIMEOUT)

    def _is_past_waiting(self, live: LiveSession, now: float) -> bool:
        patience = self._settings.session.finish_timeout
        if self._exit.powers_off and not live.transcript.words:
            patience = min(patience, UNHEARD_TIME)
        return live.unresponsive_for(now) > patience

    # What is shown

    def _show(self) -> None:
        now = self._clock()
        left = self._press.left(now)
        if live := self._machine.live:
            hint = self._hint(live, now)
            state = self._machine.state
            self._presenter.show_session(live, state, hint=hint, power_off_in=left)
        else:
            waiting = self._open_sessions.deliveries.seconds
            self._presenter.show_idle(waiting=waiting, power_off_in=left)

    def _hint(self, live: LiveSession, now: float) -> str:
        if self._exit.powers_off:
            return "Then it switches off"
        left = self._settings.session.auto_stop - live.silence(now)
        due = self._settings.session.auto_stop and self._machine.in_session and left < COUNTDOWN
        return f"Silence: stopping in {max(0.0, left):.0f} s" if due else ""
