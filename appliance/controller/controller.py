"""Event loop of the appliance: takes events from one queue and calls the parts they concern."""

import contextlib
import logging
import queue
from collections import deque
from collections.abc import Callable, Sequence
from typing import Protocol

from appliance.controller.exit_reason import EXIT_EVENTS, ExitReason
from appliance.controller.fault_list import FaultList
from appliance.controller.live_session import LiveSession
from appliance.controller.open_sessions import OpenSessions
from appliance.controller.presenter import Presenter
from appliance.controller.press import Press
from appliance.controller.privacy import PrivacyGuard
from appliance.controller.request_handler import RequestHandler
from appliance.controller.resumption import Resumption
from appliance.controller.start_gate import StartGate
from appliance.controller.states import Input, Microphone, SessionMachine, State
from appliance.controller.time_limits import TimeLimits
from appliance.core import events
from appliance.core.command_events import NameGiven, Requested
from appliance.core.events import Event
from appliance.core.faults import Fault, Part
from appliance.history.writer import HistoryWriter
from appliance.settings import Settings
from appliance.streaming.session import Session
from appliance.system.supervision import BusyTimer
from appliance.system.wall_clock import WallClock
from appliance.voice_commands.dispatcher import Dispatcher

log = logging.getLogger(__name__)

TICK = 0.5
"""Seconds to wait for an event before time limits are checked.

While the microphone is open, events come more often.
"""

QUICK_TICK = 0.1
"""The same while the button is down, so that the countdown on the screen is even, and while the
picture flashes."""

HUNG_TIME = 30.0
"""Seconds of work on one thing after which a thread counts as hung: buses are slow."""


class Listener(Protocol):
    """Observer of all events."""

    def handle(self, event: Event) -> None:
        """Take note of an event; returns at once."""


class Controller:
    """Event loop that turns presses into sessions, and their events into scenes and history.

    It never blocks: slow work runs in the thread of the part that does it.

    Args:
        settings: all settings.
        inbox: the queue that all parts post to.
        microphone: opened by a press.
        presenter: shows the state of the appliance.
        faults: the current faults.
        history: stores finished turns.
        open_sessions: holds the audio until its words are stored.
        dispatcher: finds spoken commands.
        listeners: further observers of all events.
        boot: the name of this boot.
        busy_timers: those of the parts' threads, to detect one that hangs.
        wall_clock: the wall clock beside the monotonic clock.
        give_sign_of_life: called at least every half second while the loop runs.
        check_card: called as often; reports a card that does not answer.
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
        check_card: Callable[[], None] = lambda: None,
    ) -> None:
        self._inbox = inbox
        self._presenter = presenter
        self._faults = faults
        self._history = history
        self._open_sessions = open_sessions
        self._dispatcher = dispatcher
        self._boot = boot
        self._busy_timers = busy_timers
        self._wall_clock = wall_clock
        self._clock = wall_clock.now
        self._give_sign_of_life = give_sign_of_life
        self._check_card = check_card
        self._press = Press(settings.button)
        self._privacy = PrivacyGuard(self._clock)
        self._exit = ExitReason()
        self._gate = StartGate(settings, self._privacy, self._exit)
        self._limits = TimeLimits(settings.session, self._privacy, self._exit)
        self._machine = SessionMachine(microphone, presenter, open_sessions, faults, self._clock)
        self._requests = RequestHandler(self._machine, presenter, history, self._apply)
        self._resumption = Resumption(self._machine, self._privacy, open_sessions, self._clock)
        watching = (faults, presenter, self._privacy, self._gate)
        self._listeners: tuple[Listener, ...] = (*watching, *listeners)

    def run(
        self,
        interrupted: Session | None = None,
        fault: Fault | None = None,
        *,
        held: bool = False,
    ) -> Event:
        """Handle events until one asks to exit; return that event.

        Args:
            interrupted: a session that a crash of the program cut off; it goes on.
            fault: a mistake in the settings.
            held: whether no session may begin before it is corrected.
        """
        if fault:
            self._faults.report(Part.SETTINGS, fault)
        if held:
            self._faults.hold()
            self._gate.hold()
        self._resumption.begin(interrupted)
        # The clock may have been set after an earlier run stored its last times.
        self._history.correct_clock(self._boot)
        while not (reason := self._exit.reason) or self._must_finish_first():
            self._resumption.advance()
            self._show()
            self._give_sign_of_life()
            with contextlib.suppress(queue.Empty):
                quick = self._press.down or self._presenter.alerting
                self._process(self._inbox.get(timeout=QUICK_TICK if quick else TICK))
            if self._gate.take_held_back():
                self._apply(Input.START)
            self._check_time_limits()
        return reason

    def _must_finish_first(self) -> bool:
        return self._machine.state is not State.IDLE and not self._exit.immediate

    # Events

    def _process(self, event: Event) -> None:
        """Handle an event and, right after it, what its words ask for."""
        pending = deque([event])
        while pending:
            event = pending.popleft()
            for listener in self._listeners:
                listener.handle(event)
            pending += self._dispatcher.handle(event)
            if isinstance(event, Requested | NameGiven):
                pending += self._requests.handle(event)
            else:
                self._take(event)

    def _take(self, event: Event) -> None:  # noqa: C901, PLR0912 - a table: one line an event
        match event:
            case events.Pressed():
                in_session = self._machine.in_session
                self._apply(self._press.begin(self._clock(), in_session=in_session))
            case events.Released():
                self._apply(self._press.release(self._clock()))
            case events.Held():
                self._held()
            case events.TurnReceived():
                self._turn_received(event)
            case events.Connected():
                self._connected(event)
            case events.Disconnected():
                self._disconnected(event)
            case events.SpeakersRevised():
                self._speakers_revised(event)
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
            case _ if isinstance(event, EXIT_EVENTS):
                self._exit_for(event)
            case _:
                log.debug("%s", event)

    def _held(self) -> None:
        if self._press.down and self._press.powers_off:
            log.info("button held: switching off")
            self._press.drop()
            self._exit_for(events.PowerOffRequested())

    def _connected(self, event: events.Connected) -> None:
        self._history.drop_uncovered(event.session, event.covered)
        if live := self._machine.named(event.session):
            live.note_connection(event.covered, self._clock())
            self._apply(Input.CONNECTED)

    def _disconnected(self, event: events.Disconnected) -> None:
        self._open_sessions.deliveries.disconnected(event.session)
        if (live := self._machine.named(event.session)) and event.fault:
            live.note_disconnection(event.fault)
            self._apply(Input.DROPPED)

    def _turn_received(self, event: events.TurnReceived) -> None:
        if live := self._machine.named(event.session):
            live.receive(event, self._clock())
        if event.turn.finished:
            self._history.save_turn(event)

    def _speakers_revised(self, event: events.SpeakersRevised) -> None:
        if live := self._machine.named(event.session):
            live.transcript.revise(event.origin, event.revisions)
        self._history.revise_speakers(event)

    def _session_ended(self, event: events.SessionEnded) -> None:
        if self._machine.named(event.session):
            self._apply(Input.ENDED)
        self._open_sessions.ended(event)

    def _exit_for(self, event: Event) -> None:
        self._exit.add(event)
        if self._exit.final:
            self._apply(Input.STOP)

    # Inputs of the state machine

    def _apply(self, given: Input | None) -> None:
        """Apply an input to the state machine, if there is one."""
        if given is None or (given is Input.START and not self._gate.admits()):
            return
        if given is Input.STOP:
            self._gate.cancel()
        was_live = self._machine.live
        self._machine.take(given)
        if was_live and not self._machine.live and not self._exit.reason:
            self._open_sessions.deliveries.resume()

    # Time limits

    def _check_time_limits(self) -> None:
        if live := self._machine.live:
            self._check_session(live, self._clock())
        self._machine.complete_overdue()
        self._check_card()
        if self._wall_clock.was_set():
            self._history.correct_clock(self._boot)
        for timer in self._busy_timers:
            if timer.lasts() > HUNG_TIME:
                log.critical("the %s hangs; restarting the program", timer.part)
                self._exit_for(events.PartHung(timer.part))

    def _check_session(self, live: LiveSession, now: float) -> None:
        live.follow(now, listening=self._machine.state is State.LISTENING)
        # A turn that belongs to what is covered may still wait in the inbox, and goes first.
        if self._inbox.empty() and (covered := live.to_commit()):
            self._history.cover(live.session.name, covered)
        self._apply(self._limits.due(self._machine.state, live, now))

    def _show(self) -> None:
        power_off_in = self._press.left(self._clock())
        if live := self._machine.live:
            self._presenter.show_session(
                live,
                self._machine.state,
                powers_off=self._exit.powers_off,
                power_off_in=power_off_in,
            )
        elif not self._gate.open:
            self._presenter.show_starting(power_off_in=power_off_in)
        else:
            waiting = self._open_sessions.deliveries.seconds
            self._presenter.show_idle(waiting=waiting, power_off_in=power_off_in)
