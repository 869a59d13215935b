"""Trial of the words benchmark: microphone, service, network, appliance, and the words heard."""

import contextlib
import os
import time
from pathlib import Path
from types import TracebackType
from typing import Self
from urllib.parse import urlsplit

from appliance.history import reader
from appliance.screen.scene import Mode
from tests.benchmarks.captions import seconds_until_live, shown_at
from tests.benchmarks.outcome import Outcome
from tests.benchmarks.program import Program
from tests.benchmarks.reports import Report
from tests.benchmarks.tapped import SILENT_ADDRESS, TWO_ADDRESSES
from tests.benchmarks.taps import delivered
from tests.rig.card import Card
from tests.rig.comparison import compare
from tests.rig.faults import refuse_handshake
from tests.rig.numbered import BLOCK_MS, Speech, numbered
from tests.rig.proxy import Proxy
from tests.rig.service import ScriptedService
from tests.rig.silent import SilentPort
from tests.rig.sound import PipeMicrophone
from tests.rig.waiting import wait_until

DELIVERY_TIMEOUT = 120.0
"""Seconds until all waiting audio is transcribed, once the network works again."""

LOGIN_PAGE = "<!DOCTYPE html><title>Welcome to the hotel</title>"

SETTINGS = """
[service]
url = "{url}"
token_url = "{token_url}"
fallback_url = "{fallback_url}"
[service.parameters]
speech_model = "{model}"
[history]
path = "{state}/history.db"
"""


class Trial:
    """Running case; a context manager that starts and ends everything around the appliance.

    `network` and `token_network` lie between the appliance and the service for whoever calls
    `go_through_network`; the appliance knows of `fallback` once `have_fallback` was called. All
    state lies in `folder`, unless it has a `card`.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.state = folder
        self.taps = folder / "taps"
        self.taps.mkdir()
        self.reports: list[Report] = []
        self.notes: list[str] = []
        self._speech: Speech | None = None
        self._spoken_before = 0
        self._recovering_since: float | None = None
        self._program: Program | None = None
        self._running = contextlib.ExitStack()

    def __enter__(self) -> Self:
        with contextlib.ExitStack() as entered:
            self.microphone = entered.enter_context(PipeMicrophone())
            self.service = entered.enter_context(ScriptedService())
            self.fallback = entered.enter_context(ScriptedService())
            self.network = entered.enter_context(Proxy(self.service.port))
            token_port = urlsplit(self.service.token_url).port or 0
            self.token_network = entered.enter_context(Proxy(token_port))
            entered.callback(self.switch_off)
            self._running = entered.pop_all()
        self._addresses = {
            "url": self.service.url,
            "token_url": self.service.token_url,
            "fallback_url": "",
            "model": "universal-streaming-english",
        }
        self._write_settings()
        self._began_at = time.monotonic()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._running.close()

    @property
    def program(self) -> Program:
        """The appliance that runs now."""
        assert self._program, "it is switched on first"
        return self._program

    # What a case does

    def go_through_network(self) -> None:
        """Let the appliance reach the service over `network` and `token_network` alone."""
        self._write_settings(
            url=self.network.route(self.service.url),
            token_url=self.token_network.route(self.service.token_url),
        )

    def show_login_page(self) -> None:
        """Let a login page answer for the service and the token server, behind the network."""
        page = self._running.enter_context(ScriptedService())
        page.token_answer = (403, LOGIN_PAGE)
        page.on_every_connection(refuse_handshake(403, LOGIN_PAGE))
        for network in (self.network, self.token_network):
            network.lead_to(page.port)

    def end_login_page(self) -> None:
        """Let the service and the token server answer again."""
        for network, url in (
            (self.network, self.service.url),
            (self.token_network, self.service.token_url),
        ):
            network.lead_to(urlsplit(url).port or 0)

    def have_dead_first_address(self) -> None:
        """Give both servers a name with two addresses, the first of which is silent."""
        addresses = {"url": self.service.url, "token_url": self.service.token_url}
        for url in addresses.values():
            port = urlsplit(url).port or 0
            self._running.enter_context(SilentPort(SILENT_ADDRESS, port))
        named = {key: url.replace("127.0.0.1", TWO_ADDRESSES) for key, url in addresses.items()}
        self._write_settings(**named)

    def have_fallback(self) -> None:
        """Let the appliance go on at `fallback` when it can't reach the service."""
        self._write_settings(fallback_url=self.fallback.url)

    def ask_for_model(self, model: str) -> None:
        """Let the appliance ask for this model."""
        self._write_settings(model=model)

    def have_card(self) -> Card:
        """Let the appliance keep its state on a card that can stall."""
        card = self._running.enter_context(Card(self.folder))
        self.state = card.folder
        self._write_settings()
        return card

    def hear(self, speech: Speech, spoken_before: float = 0.0) -> None:
        """Say what will be spoken, and how many seconds of it were before the trial."""
        self._speech = speech
        self._spoken_before = round(spoken_before * 1000) // BLOCK_MS
        self.service.new_recognizer = self.fallback.new_recognizer = numbered(speech.words)

    def switch_on(self) -> None:
        """Start the appliance."""
        program = Program(
            "tests.benchmarks.tapped",
            self.folder / "appliance.toml",
            self.taps,
            log=self.folder / "log",
        )
        self._program = program.__enter__()
        self._program.wait_for(lambda report: report.what == "shown")

    def switch_off(self) -> None:
        """End the appliance as SIGTERM does."""
        if self._program:
            self._program.end()
            self._forget()

    def kill(self) -> None:
        """End the appliance with SIGKILL."""
        self.program.kill()
        self._forget()

    def press(self) -> float:
        """Press the button; return when."""
        count = self._presses()
        self.program.press()
        wait_until(lambda: self._presses() > count)
        return [r.at for r in self.program.reports if r.what == "pressed"][-1]

    def speak(self) -> None:
        """Begin to speak into the microphone; returns at once."""
        assert self._speech, "somebody said what"
        self.microphone.play(self._speech.pcm[self._spoken_before * BLOCK_MS * 32 :])
        wait_until(lambda: self.microphone.spoke_at)

    def listen(self, speech: Speech) -> float:
        """Switch on, press and begin to speak in the same moment; return when."""
        self.hear(speech)
        self.switch_on()
        self.program.wait_for(lambda report: report.mode == Mode.READY.value)
        pressed_at = self.press()
        self.speak()
        return pressed_at

    def wait_until_said(self, seconds: float) -> None:
        """Wait until so many seconds were spoken."""
        time.sleep(max(0.0, self.microphone.spoke_at + seconds - time.monotonic()))

    def recovers(self, since: float) -> None:
        """Note when the fault was over: from then on it is measured until captions are live."""
        self._recovering_since = since

    def finish(self) -> None:
        """Hear to the end of the speech, press, and wait until everything is transcribed."""
        self.microphone.wait_played(600)
        self.press()
        self.wait_until_delivered()
        self.switch_off()

    def wait_until_delivered(self) -> None:
        """Wait until no session runs and no audio waits for the service."""
        try:
            wait_until(lambda: self._is_at_rest() and not self._spooled(), DELIVERY_TIMEOUT)
        except AssertionError:
            self.notes.append(f"{self._spooled()} files of audio still wait")

    # What it came to

    def outcome(self, case: str) -> Outcome:
        """Count the words; called before the `with` block ends, and the card with it."""
        assert self._speech, "something was said"
        stops = [report.at for report in self.reports if report.what == "pressed"][1::2]
        spans = delivered(self.taps, self._speech.words, stops)
        spooled = {word.text for word in self._speech.words if word.last < self._spoken_before}
        said = [word for word in self._speech.said if word in spans or word in spooled]
        heard = self._heard().lower()
        live_after = None
        if self._recovering_since is not None:
            live_after = seconds_until_live(spans, shown_at(self.reports), self._recovering_since)
        return Outcome(
            case,
            len(said),
            len(self._speech.words) - len(said),
            *compare(said, heard),
            live_after=live_after,
            lasted=time.monotonic() - self._began_at,
            notes=(
                *self.notes,
                *self.service.violations,
                *self.fallback.violations,
                *_differences(said, heard),
            ),
        )

    def _heard(self) -> str:
        sessions = reader.sessions(self.state / "history.db")
        return " ".join(turn.text for session in sessions for turn in session.turns)

    def _write_settings(self, **addresses: str) -> None:
        self._addresses |= addresses
        text = SETTINGS.format(**self._addresses, state=self.state)
        (self.folder / "appliance.toml").write_text(text)

    def _forget(self) -> None:
        self.reports += self.program.reports
        self._program = None

    def _presses(self) -> int:
        return sum(report.what == "pressed" for report in self.program.reports)

    def _is_at_rest(self) -> bool:
        shown = [report.mode for report in self.program.reports if report.what == "shown"]
        return bool(shown) and shown[-1] in {Mode.READY.value, Mode.SAVED.value}

    def _spooled(self) -> int:
        # os.walk passes over folders that go away meanwhile.
        return sum(len(files) for _, _, files in os.walk(self.state / "spool"))


def _differences(said: list[str], heard: str) -> list[str]:
    """Say which words are missing or came twice."""
    words = heard.replace(".", "").split()
    missing = [word for word in said if word not in words]
    doubled = [word for word in said if words.count(word) > 1]
    return [
        f"{name}: {' '.join(found)}"
        for name, found in (("missing", missing), ("doubled", doubled))
        if found
    ]
