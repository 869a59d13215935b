"""Composition root: constructs, starts and ends all parts but the display."""

import contextlib
import queue
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Protocol, Self

from appliance.app.card_wait import WAITING, wait_for_card
from appliance.app.probation import Probation
from appliance.controller.card_watch import STALLED, CardWatch
from appliance.controller.controller import Controller, Listener
from appliance.controller.fault_list import FaultList
from appliance.controller.open_sessions import OpenSessions
from appliance.controller.presenter import Presenter, Screen
from appliance.controller.session_factory import SessionFactory
from appliance.controller.status_report import StatusReport
from appliance.core.command_events import CommandEnded
from appliance.core.events import Event, Post
from appliance.core.faults import Fault, Part
from appliance.core.late_imports import import_lock
from appliance.core.turns import Covered
from appliance.hardware.button import Button
from appliance.hardware.microphone import Microphone
from appliance.hardware.portaudio import Audio, quiet_audio
from appliance.history import reader
from appliance.history.location import path_in_use
from appliance.history.writer import HistoryWriter
from appliance.screen.display import Display
from appliance.screen.scene import Mode, Scene
from appliance.screen.status_led import StatusLed
from appliance.settings import Settings
from appliance.streaming.parameters import asking_for_speakers
from appliance.streaming.spool.backlog import Backlog
from appliance.system import status_file
from appliance.system.systemd import Watchdog, notify
from appliance.system.wall_clock import WallClock
from appliance.voice_commands.actions.action import Surroundings
from appliance.voice_commands.actions.runner import ActionRunner
from appliance.voice_commands.alert_pin import AlertPin
from appliance.voice_commands.dispatcher import Dispatcher
from appliance.voice_commands.keyterms import favouring_words

if TYPE_CHECKING:
    from gpiozero.pins import Factory

    from appliance.mqtt.client import MqttClient


class Startable(Protocol):
    """Part with threads of its own."""

    def start(self) -> None:
        """Start the threads; returns at once."""

    def end(self) -> None:
        """End the threads and wait for them."""


class Parts:
    """All parts but the display; a `with` statement starts them, and ends them after its block.

    Args:
        settings: all settings.
        inbox: the queue that the parts post to and the controller reads.
        display: the display; the caller starts and ends it.
        audio: returns a simulation of PortAudio; None for the machine's.
        pin_factory: a simulation of the GPIO pins; None for the machine's.
        source: the file that the settings come from.
        probation: notes when the settings have served.
    """

    def __init__(
        self,
        settings: Settings,
        inbox: "queue.SimpleQueue[Event]",
        display: Display,
        *,
        audio: Callable[[], Audio] | None = None,
        pin_factory: "Factory | None" = None,
        source: Path | None = None,
        probation: Probation | None = None,
    ) -> None:
        self._settings = settings
        self._source = source
        self._probation = probation or Probation()
        self._inbox = inbox
        self._display = display
        post = inbox.put
        self._history = HistoryWriter(settings.history, post, outgoing=bool(settings.mqtt.host))
        self._microphone = Microphone(settings.microphone, post, audio=audio or quiet_audio)
        self._status_led = StatusLed(settings.light, post, pin_factory=pin_factory)
        self._button = Button(settings.button, post, pin_factory=pin_factory)
        self._sessions = SessionFactory(asking_for_speakers(favouring_words(settings)), post)
        self._open_sessions = OpenSessions(self._sessions, self._history)
        self._mqtt = _mqtt(settings, post, self._history)
        publish = self._mqtt[0].publish if self._mqtt else None
        surroundings = Surroundings(settings.name, pin_factory=pin_factory, publish=publish)
        self._actions = ActionRunner(settings.commands, post, surroundings)
        self._alert_pin = AlertPin(settings.alert, post, surroundings)
        self._dispatcher: Dispatcher | None = None
        self._ending = contextlib.ExitStack()

    def __enter__(self) -> Self:
        with contextlib.ExitStack() as ending:
            self._start(self._history, ending)
            ending.callback(self._open_sessions.close)
            self._start(self._microphone, ending)
            self._start(self._status_led, ending)
            self._start(self._button, ending)
            self._start(self._sessions, ending)
            for client in self._mqtt:
                self._start(client, ending)
            ending.callback(self._record_late_outcomes)
            self._start(self._actions, ending)
            self._start(self._alert_pin, ending)
            self._ending = ending.pop_all()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._ending.close()

    def run_controller(
        self,
        fault: Fault | None,
        *,
        held: bool = False,
        ends: Callable[[], object] = lambda: False,
    ) -> Event:
        """Run the controller until an event asks to end; return that event.

        A session that a crash interrupted goes on.

        Args:
            fault: a mistake in the settings, to be shown.
            held: whether the owner's settings are not known: then the box talks to nobody.
            ends: returns whether the program is to end, while the card does not answer.

        Raises:
            EndedError: the program is to end before the card has answered.
        """
        wall_clock, faults = WallClock(), FaultList()
        status = StatusReport(
            self._settings,
            faults,
            status_file.to_write(),
            source=self._source,
            frames=lambda: self._display.frames,
        )
        screens: list[Screen] = [self._display, self._status_led, *self._mqtt, status]
        left_over, acted = ([], {}) if held else self._on_card(screens, faults, ends)
        self._dispatcher = self._new_dispatcher(acted)
        presenter = Presenter(screens, faults, self._settings, wall_clock)
        listeners: list[Listener] = [status, self._probation, self._alert_pin, *self._mqtt]
        controller = self._new_controller(
            self._dispatcher, presenter, faults, listeners, wall_clock
        )
        interrupted = self._open_sessions.resume(left_over)
        notify("READY=1")
        self._probation.begin()
        return controller.run(interrupted, fault, held=held)

    def _new_controller(
        self,
        dispatcher: Dispatcher,
        presenter: Presenter,
        faults: FaultList,
        listeners: Sequence[Listener],
        wall_clock: WallClock,
    ) -> Controller:
        return Controller(
            self._settings,
            self._inbox,
            microphone=self._microphone,
            presenter=presenter,
            faults=faults,
            history=self._history,
            open_sessions=self._open_sessions,
            dispatcher=dispatcher,
            listeners=listeners,
            boot=self._sessions.boot,
            wall_clock=wall_clock,
            busy_timers=(
                self._display.busy_timer,
                self._microphone.busy_timer,
                self._button.busy_timer,
                self._status_led.busy_timer,
            ),
            give_sign_of_life=Watchdog().feed,
            check_card=self._card_watch(faults).check,
        )

    def _card_watch(self, faults: FaultList) -> CardWatch:
        busy_for = {
            Part.SPOOL: self._open_sessions.spool_busy_for,
            Part.HISTORY: self._history.busy_timer.lasts,
        }
        return CardWatch(faults, busy_for)

    def _on_card(
        self, screens: Sequence[Screen], faults: FaultList, ends: Callable[[], object]
    ) -> tuple[list[tuple[Backlog, Covered]], dict[str, float]]:
        """Return what an earlier run left over, and when each session's last command was heard."""

        @contextlib.contextmanager
        def showing() -> Iterator[Callable[[], None]]:
            faults.report(Part.HISTORY, STALLED)
            yield lambda: show(WAITING)
            faults.clear(Part.HISTORY)
            show(Scene(Mode.STARTING))

        def show(scene: Scene) -> None:
            for screen in screens:
                screen.show(scene)

        def read() -> tuple[list[tuple[Backlog, Covered]], dict[str, float]]:
            left_over = self._sessions.left_over()
            sessions = [backlog.session for backlog, _ in left_over]
            history = path_in_use(Path(self._settings.history.path))
            return left_over, reader.last_marks(history, sessions)

        return wait_for_card(read, showing, ends)

    def _new_dispatcher(self, acted: Mapping[str, float]) -> Dispatcher:
        """Return the dispatcher, with the commands that an earlier run carried out already."""
        return Dispatcher(
            self._settings,
            mark=self._history.save_mark,
            perform=self._actions.perform,
            began_at=self._open_sessions.began_at,
            acted=acted,
        )

    def _record_late_outcomes(self) -> None:
        """Record the outcomes of commands that ended after the controller."""
        while self._dispatcher and not self._inbox.empty():
            event = self._inbox.get()
            if isinstance(event, CommandEnded):
                self._dispatcher.handle(event)

    def _start(self, part: Startable, ending: contextlib.ExitStack) -> None:
        part.start()
        ending.callback(part.end)


def _mqtt(settings: Settings, post: Post, history: HistoryWriter) -> "tuple[MqttClient, ...]":
    """Return the MQTT client, or nothing where the settings name no broker."""
    if not settings.mqtt.host:
        return ()
    with import_lock:
        from appliance.mqtt.client import MqttClient  # noqa: PLC0415 - most boxes have no broker

    return (MqttClient(settings, post, history.delivered),)
