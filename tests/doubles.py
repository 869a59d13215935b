"""Test bench of the controller.

The history, the open sessions and their backlogs are real; network, microphone and screen are not.
"""

import contextlib
import queue
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from types import TracebackType
from typing import Self

import msgspec

from appliance.controller.controller import Controller
from appliance.controller.fault_list import FaultList
from appliance.controller.open_sessions import OpenSessions
from appliance.controller.presenter import Presenter
from appliance.controller.session_factory import SessionFactory
from appliance.controller.status_report import StatusReport
from appliance.core.audio_format import SAMPLE_RATE
from appliance.core.events import (
    ButtonReady,
    Committed,
    Connected,
    Event,
    MicrophoneClosed,
    MicrophoneReady,
    Post,
    Pressed,
    Released,
    ScreenRecovered,
    SessionEnded,
    StopRequested,
    TurnReceived,
)
from appliance.core.faults import Fault
from appliance.core.turns import Covered, Turn
from appliance.history import reader
from appliance.history.records import SessionRecord
from appliance.history.writer import HistoryWriter
from appliance.screen.scene import Mode, Scene
from appliance.settings import Settings
from appliance.settings.commands import Command
from appliance.settings.schema import (
    AlertSettings,
    ButtonSettings,
    DisplaySettings,
    HistorySettings,
    ServiceSettings,
    StatusLedSettings,
)
from appliance.streaming.retry_policy import RetryPolicy
from appliance.streaming.session import Progress, Session
from appliance.streaming.spool.backlog import Backlog
from appliance.system.supervision import BusyTimer
from appliance.system.wall_clock import WallClock
from appliance.voice_commands.actions.action import ActionRequest
from appliance.voice_commands.dispatcher import Dispatcher
from tests.rig.clock import Clock
from tests.rig.waiting import wait_until


class ScriptedMicrophone:
    """A microphone that captures nothing; it closes at once unless it `hangs`."""

    def __init__(self, post: Post) -> None:
        self._post = post
        self.deliver: Callable[[bytes, float], None] | None = None
        self.hangs = False

    @property
    def is_open(self) -> bool:
        return self.deliver is not None

    def open(self, deliver: Callable[[bytes, float], None]) -> None:
        self.deliver = deliver

    def close(self) -> None:
        self.deliver = None
        if not self.hangs:
            self._post(MicrophoneClosed())


class ScriptedSession(Session):
    """A session without a network; a test sets how far it has got, and posts its end."""

    reached = Progress(captured=0, sent=0, heard=0, covered=Covered(), last_word=0)
    abandoned = False

    def start(self) -> None:
        pass

    def join(self, timeout: float | None = None) -> None:
        pass

    def abandon(self) -> None:
        self.abandoned = True

    def progress(self) -> Progress:
        return self.reached

    def reach(self, **seconds: float) -> None:
        """Set how far it has got, in seconds: captured, sent, heard, covered, last_word.

        What was sent was also heard, unless `heard` is given.
        """
        if "sent" in seconds:
            seconds.setdefault("heard", seconds["sent"])
        samples = {name: round(value * SAMPLE_RATE) for name, value in seconds.items()}
        covered = msgspec.structs.replace(
            self.reached.covered,
            position=samples.pop("covered", self.reached.covered.position),
        )
        self.reached = msgspec.structs.replace(self.reached, covered=covered, **samples)


class ScriptedSessions(SessionFactory):
    """A factory of sessions without a network, which it lists."""

    def __init__(self, settings: Settings, post: Post, clock: Clock, wall_clock: Clock) -> None:
        super().__init__(settings, post, clock=clock, wall_clock=wall_clock)
        self._post_to = post
        self.made: list[ScriptedSession] = []

    def resume(
        self,
        backlog: Backlog,
        covered: Covered,
        retry_policy: RetryPolicy | None = None,  # noqa: ARG002 - there is nothing to retry
    ) -> ScriptedSession:
        session = ScriptedSession(backlog, ServiceSettings(), self._post_to)
        at = covered.position
        session.reached = Progress(backlog.captured, at, at, covered, at)
        self.made.append(session)
        return session


class Bench:
    """A real controller in a thread; `post` returns when it has handled the events.

    Its button and microphone work, and its screen if it is `visible`, unless a test `starts` them.

    with Bench(tmp_path) as bench:
        bench.press()
        assert bench.scene().mode is Mode.CONNECTING
    """

    def __init__(
        self,
        folder: Path,
        *,
        visible: bool = True,
        light: StatusLedSettings | None = None,
        starts: bool = True,
        button: ButtonSettings | None = None,
        commands: tuple[Command, ...] = (),
        commands_prefix: str = "",
        alert: AlertSettings | None = None,
        **session: float | str,
    ) -> None:
        defaults = Settings()
        self._visible = visible
        self._starts = starts
        self.path = folder / "history.db"
        self.settings = msgspec.structs.replace(
            defaults,
            session=msgspec.structs.replace(defaults.session, **session),
            button=button or defaults.button,
            display=DisplaySettings(driver="ssd1306" if visible else "none"),
            light=light or defaults.light,
            history=HistorySettings(path=str(self.path)),
            commands=commands,
            commands_prefix=commands_prefix,
            alert=alert or defaults.alert,
        )
        self.action_requests: list[ActionRequest] = []
        self.clock_is_set = False
        self.clock = Clock(1000.0)
        self.wall_clock = Clock(1_700_000_000.0)
        self.inbox: queue.SimpleQueue[Event] = queue.SimpleQueue()
        self.microphone = ScriptedMicrophone(self.inbox.put)
        self.history = HistoryWriter(
            self.settings.history, self._note_commit, wall_clock=self.wall_clock, clock=self.clock
        )
        self.commits: list[Committed] = []
        self.sessions = ScriptedSessions(self.settings, self.inbox.put, self.clock, self.wall_clock)
        self.open_sessions = OpenSessions(self.sessions, self.history)
        self.scenes: list[Scene] = []
        self.reason: Event | None = None
        self._idle = 0
        self._ended = False
        self._shown = threading.Condition()
        self.network = True
        self.signs_of_life = 0
        self.busy_timer = BusyTimer("display", self.clock)
        wall_clock = WallClock(self.clock, self.wall_clock, lambda: self.clock_is_set)
        faults = FaultList()
        status = StatusReport(
            self.settings,
            faults,
            folder / "status.json",
            clock=self.clock,
            wall_clock=self.wall_clock,
        )
        self._controller = Controller(
            self.settings,
            self.inbox,
            microphone=self.microphone,
            presenter=Presenter(
                [status, self], faults, self.settings, wall_clock, lambda _: self.network
            ),
            faults=faults,
            history=self.history,
            open_sessions=self.open_sessions,
            dispatcher=Dispatcher(
                self.settings,
                mark=self.history.save_mark,
                perform=self.action_requests.append,
                began_at=self.open_sessions.began_at,
                clock=self.clock,
            ),
            listeners=[status],
            boot=self.sessions.boot,
            wall_clock=wall_clock,
            busy_timers=[self.busy_timer],
            give_sign_of_life=self._note_life,
        )
        self._thread = threading.Thread(target=self._run, name="controller")
        self.fault: Fault | None = None

    def __enter__(self) -> Self:
        self.history.start()
        self._thread.start()
        if self._starts:
            shown = [ScreenRecovered()] if self._visible else []
            self.post(ButtonReady(), MicrophoneReady(), *shown)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.post(StopRequested())
        self.advance(1000.0)  # longer than every timeout
        self.join()
        self.open_sessions.close()
        self.history.end()

    def join(self) -> None:
        """Wait until the controller has ended."""
        self._thread.join(20)
        assert not self._thread.is_alive(), "the controller does not end"

    def scene(self) -> Scene:
        return self.scenes[-1]

    @property
    def live(self) -> ScriptedSession:
        """The latest session."""
        return self.sessions.made[-1]

    def show(self, scene: Scene) -> None:
        """Act as the screen."""
        with self._shown:
            self.scenes.append(scene)
            if self.inbox.empty():
                self._idle += 1
                self._shown.notify_all()

    def post(self, *events: Event) -> None:
        """Post events at once; return when a scene was shown after all of them."""
        with self._shown:
            before = self._idle
            for event in events:
                self.inbox.put(event)
            assert self._shown.wait_for(lambda: self._idle > before or self._ended, timeout=20)

    @contextlib.contextmanager
    def busy(self) -> Iterator[None]:
        """Keep the controller from handling events during a `with` block."""
        with self._shown:
            self.inbox.put(Event())
            wait_until(self.inbox.empty)
            yield
        self.post(Event())

    def press(self) -> None:
        """Press and release at once."""
        self.post(Pressed(), Released())

    def advance(self, seconds: float) -> None:
        """Let time pass."""
        self.clock.now += seconds
        self.wall_clock.now += seconds
        self.post(Event())  # which has no effect

    def listen(self) -> ScriptedSession:
        """Press, and let the service connect."""
        self.press()
        self.connect(self.live)
        return self.live

    def connect(self, session: Session, covered: Covered | None = None) -> None:
        self.post(Connected(session.name, covered or Covered()))

    def hear(self, session: Session, turn: Turn, *, covered: float = 0.0) -> None:
        """Receive a turn, after which so many seconds are covered."""
        position = Covered(round(covered * SAMPLE_RATE), 0, turn.order + 1 if covered else 0)
        self.post(
            TurnReceived(
                session.name, 0, turn, started=0.5 + turn.order, ended=1.0, covered=position
            )
        )

    def end(self, session: Session, *, complete: bool = True) -> None:
        self.post(SessionEnded(session.name, complete))

    def stored(self) -> list[SessionRecord]:
        return list(reader.sessions(self.path))

    def wait_for_text(self, *texts: str) -> None:
        """Wait until the history holds exactly these turns."""
        wait_until(
            lambda: [turn.text for record in self.stored() for turn in record.turns] == [*texts]
        )

    def wait_for(self, mode: Mode) -> None:
        wait_until(lambda: self.scene().mode is mode)

    def _note_life(self) -> None:
        self.signs_of_life += 1

    def _note_commit(self, event: Event) -> None:
        self.inbox.put(event)
        if isinstance(event, Committed):
            self.commits.append(event)

    def _run(self) -> None:
        interrupted = self.open_sessions.resume(self.sessions.left_over())
        self.reason = self._controller.run(interrupted, self.fault)
        with self._shown:
            self._ended = True
            self._shown.notify_all()
