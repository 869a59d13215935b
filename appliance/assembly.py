"""Puts the parts together: who posts to whom, what is started first, what is ended last."""

import contextlib
import queue
from collections.abc import Callable
from typing import Protocol

from gpiozero.pins import Factory

from appliance.config import DisplaySettings, Settings
from appliance.controller import Controller
from appliance.custody import Custody
from appliance.events import Event, Fault, Post, StopRequested
from appliance.hardware.button import Button
from appliance.hardware.devices import Audio
from appliance.hardware.microphone import Microphone
from appliance.hardware.quiet import quiet_audio
from appliance.history import History
from appliance.integrations import systemd
from appliance.screen.display import Display, open_panel
from appliance.screen.panel import Panel
from appliance.screen.scene import Mode, Scene
from appliance.streaming.sessions import Sessions


class Part(Protocol):
    """What has threads of its own."""

    def start(self) -> None:
        """Begin to work; returns at once."""

    def end(self) -> None:
        """Stop working and wait for the threads."""


class Appliance:
    """The whole appliance, as the settings want it.

    `audio`, `pin_factory` and `open_panel` stand where hardware may be simulated.
    """

    def __init__(
        self,
        settings: Settings,
        *,
        audio: Callable[[], Audio] = quiet_audio,
        pin_factory: Factory | None = None,
        open_panel: Callable[[DisplaySettings], Panel | None] = open_panel,
    ) -> None:
        # Unbounded: nothing may be dropped, and the controller outruns all who post. Chunks come
        # ten times a second, and the service's messages as fast as the network brings them.
        self._inbox: queue.SimpleQueue[Event] = queue.SimpleQueue()
        self.post: Post = self._inbox.put
        self._settings = settings
        self._display = Display(settings.display, self.post, open_panel=open_panel)
        self._button = Button(settings.button, self.post, pin_factory=pin_factory)
        self._microphone = Microphone(settings.microphone, self.post, audio=audio)
        self._history = History(settings.history, self.post)
        self._sessions = Sessions(settings, self.post)

    def run(self, fault: Fault | None = None) -> Event:
        """Work until an event asks to stop; return that event.

        `fault` is what is wrong with the settings, if anything is.
        """
        with contextlib.ExitStack() as ending:
            self._start(self._display, ending)
            self._display.show(Scene(Mode.STARTING))
            self._start(self._history, ending)
            custody = Custody(self._sessions, self._history)
            ending.callback(custody.close)
            self._start(self._microphone, ending)
            self._start(self._button, ending)
            controller = Controller(
                self._settings.session,
                self._inbox,
                microphone=self._microphone,
                screen=self._display,
                history=self._history,
                custody=custody,
                boot=self._sessions.boot,
                visible=self._settings.display.driver != "none",
            )
            interrupted = custody.take_up(self._sessions.left_over())
            systemd.notify("READY=1", "STATUS=Ready: press to talk")
            reason = controller.run(interrupted, fault)
            if isinstance(reason, StopRequested):
                systemd.notify("STOPPING=1")
                self._display.show(Scene(Mode.STOPPING))
        return reason

    def _start(self, part: Part, ending: contextlib.ExitStack) -> None:
        part.start()
        ending.callback(part.end)
