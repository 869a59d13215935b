"""Test bench of a soak: the appliance in a process, its surroundings, and a count of words."""

import contextlib
import os
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import Self
from urllib.parse import urlsplit

from appliance.history import reader
from appliance.screen.scene import Mode
from tests.benchmarks.program import Program
from tests.benchmarks.soak_growth import ResourceUsage, usage_of
from tests.benchmarks.soak_totals import AT_REST, IN_SESSION, Totals, surely_said, totals_of
from tests.benchmarks.taps import delivered
from tests.rig.comparison import Comparison, compare
from tests.rig.numbered import NumberedRecognizer, SpokenWord, speech
from tests.rig.proxy import Proxy
from tests.rig.service import ScriptedService
from tests.rig.sound import PipeMicrophone
from tests.rig.waiting import wait_until

DISK_SIZE = 64
"""MB of the disk for all state, where this user may mount one."""

SLEEP_AFTER = 4.0
"""Seconds without a change after which the screen sleeps."""

SETTINGS = """
[service]
url = "{url}"
token_url = "{token_url}"
[session]
finish_timeout = 3
[button]
hold_action = "none"
[display]
contrast = {contrast}
dim_after = 2
sleep_after = {sleep_after}
[history]
path = "{state}/history.db"
"""


class SoakBench:
    """Microphone, service, the network between, a disk, and the appliance among them.

    A context manager that starts and ends it all; what it writes lies in `folder`.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.log = folder / "log"
        self.said: list[str] = []
        self._taps = folder / "taps"
        self._state = folder / "state"
        self._settings = folder / "appliance.toml"
        self._ballast = self._state / "ballast"
        self._words: list[SpokenWord] = []
        self._word_at: dict[int, SpokenWord] = {}
        self._blocks_spoken = 0
        self._running = contextlib.ExitStack()

    def __enter__(self) -> Self:
        for folder in (self._taps, self._state, self.folder / "run"):
            folder.mkdir()
        with contextlib.ExitStack() as entered:
            self.has_own_disk = entered.enter_context(_disk(self._state))
            self.microphone = entered.enter_context(PipeMicrophone())
            self.service = entered.enter_context(ScriptedService())
            self.service.new_recognizer = lambda: NumberedRecognizer(self._word_at)
            token_port = urlsplit(self.service.token_url).port or 0
            self.networks = (
                entered.enter_context(Proxy(self.service.port)),
                entered.enter_context(Proxy(token_port)),
            )
            self.set_up(contrast=255)
            self.program = entered.enter_context(
                Program(
                    "tests.benchmarks.soak_device",
                    self._settings,
                    self._taps,
                    log=self.log,
                    RUNTIME_DIRECTORY=str(self.folder / "run"),
                )
            )
            self._running = entered.pop_all()
        wait_until(lambda: self.mode in AT_REST, within=30)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._running.close()

    # What it shows

    @property
    def mode(self) -> str:
        """What the appliance says that it is doing."""
        modes = [report.mode for report in self.program.reports if report.what == "mode"]
        return modes[-1] if modes else ""

    @property
    def totals(self) -> Totals:
        """The sessions so far."""
        return totals_of(self.program.reports)

    @property
    def lines(self) -> list[str]:
        """The log so far."""
        return self.log.read_text(errors="replace").splitlines()

    @property
    def spooled(self) -> int:
        """How many pieces of audio still wait to be transcribed."""
        # os.walk passes over folders that go away meanwhile.
        return sum(len(files) for _, _, files in os.walk(self._state / "spool"))

    def usage(self) -> ResourceUsage:
        """Return the resources that the appliance holds now."""
        seen = usage_of(self.program.pid)  # first: measuring collects garbage
        blocks, in_use = map(int, self._ask("measure"))
        return seen._replace(blocks=blocks, in_use=in_use / 1e6)

    def fill_caches(self) -> None:
        """Let the screen draw more words than it caches."""
        self._ask("fill caches")

    def count_objects(self) -> dict[str, int]:
        """Return how many objects there are of the most frequent types."""
        pairs = [entry.rpartition(":") for entry in self._ask("census")]
        return {name: int(count) for name, _, count in pairs}

    def compared(self) -> Comparison:
        """Compare what was said with what the history holds."""
        kept = reader.sessions(self._state / "history.db")
        heard = " ".join(turn.text for session in kept for turn in session.turns)
        spoken = [word.text for word in self._words]
        return Comparison(compare(self.said, heard).lost, compare(spoken, heard).doubled)

    def missing(self) -> tuple[list[str], list[str]]:
        """Return the words that are lost and those that came more than once."""
        kept = reader.sessions(self._state / "history.db")
        heard = " ".join(turn.text for session in kept for turn in session.turns)
        words = heard.lower().replace(".", "").split()
        lost = sorted(set(self.said) - set(words), key=self.said.index)
        return lost, sorted({word for word in words if words.count(word) > 1})

    # What people do

    def press(self, seconds: float = 0.06) -> None:
        """Press the button for so long, and let go."""
        count = self._count("pressed")
        self.program.send(f"press {seconds:.2f}")
        wait_until(lambda: self._count("pressed") > count)
        time.sleep(seconds + 0.1)  # an earlier press would count as the same one

    def begin(self, seconds: float = 0.06) -> None:
        """Press until a session begins: the press in a restart is nobody's."""
        for _ in range(3):
            self.press(seconds)
            with contextlib.suppress(AssertionError):
                wait_until(lambda: self.mode in IN_SESSION, within=3)
                return
        raise AssertionError("no session began after three presses")

    def say(self, words: int) -> None:
        """Begin to say so many words that were never said before; returns at once."""
        audio = speech(words, first_word=len(self._words), first_block=self._blocks_spoken)
        self._words += audio.words
        self._word_at |= {n: word for word in audio.words for n in range(word.first, word.last + 1)}
        self._blocks_spoken += round(audio.seconds * 100) + 100
        self.microphone.play(audio.pcm)

    def come_to_rest(self) -> None:
        """Hear the speech to its end, stop what listens, and count what was said."""
        self.microphone.wait_played(120)
        time.sleep(0.3)
        if self.mode in IN_SESSION:
            self.press()
        wait_until(lambda: self.mode in AT_REST, within=40)
        spans = delivered(self._taps, self._words[-200:], self.totals.stops)
        self.said += surely_said(spans, self.totals.stops)
        for tap in self._taps.glob("*.tap"):
            tap.unlink()

    def wait_until_delivered(self, within: float) -> bool:
        """Wait until no audio waits for the service; return whether it came to that."""
        with contextlib.suppress(AssertionError):
            wait_until(lambda: not self.spooled, within)
            time.sleep(0.5)  # for what the history still writes
            return True
        return False

    # What happens to the appliance

    def set_up(self, contrast: int, line: str = "") -> None:
        """Write the settings file, with a line of whatever in front."""
        token_network = self.networks[1].route(self.service.token_url)
        text = SETTINGS.format(
            url=self.networks[0].route(self.service.url),
            token_url=token_network,
            contrast=contrast,
            sleep_after=SLEEP_AFTER,
            state=self._state,
        )
        fresh = self._settings.with_suffix(".new")
        fresh.write_text(f"{line}\n{text}")
        fresh.rename(self._settings)

    @contextlib.contextmanager
    def restarting(self) -> Iterator[None]:
        """Expect the appliance to restart, in the `with` block or soon after it."""
        count = self._count("mode", Mode.STARTING.value)
        yield
        wait_until(lambda: self._count("mode", Mode.STARTING.value) > count, within=30)
        wait_until(lambda: self.mode in AT_REST, within=30)

    @contextlib.contextmanager
    def full_disk(self) -> Iterator[None]:
        """Let nothing more be written in the `with` block."""
        with self._ballast.open("wb", buffering=0) as ballast, contextlib.suppress(OSError):
            while True:
                ballast.write(bytes(4096))
        try:
            yield
        finally:
            self._ballast.unlink()

    def pull_out_oled(self) -> None:
        """Pull out the OLED, and return once that was noticed."""
        count = self._said_dark()
        self.program.send("oled out")
        wait_until(lambda: self._said_dark() > count, within=20)
        time.sleep(0.3)

    def dump(self) -> None:
        """Let the appliance write to its log what its threads are doing."""
        if self.program.runs:
            os.kill(self.program.pid, signal.SIGUSR1)
            time.sleep(1)

    def _said_dark(self) -> int:
        return sum("The OLED does not answer" in line for line in self.lines)

    def _ask(self, command: str) -> tuple[str, ...]:
        what = {"measure": "measured", "census": "census", "fill caches": "caches filled"}[command]
        count = self._count(what)
        self.program.send(command)
        wait_until(lambda: self._count(what) > count)
        return [report.words for report in self.program.reports if report.what == what][-1]

    def _count(self, what: str, mode: str = "") -> int:
        reports = list(self.program.reports)
        return sum(report.what == what and mode in ("", report.mode) for report in reports)


@contextlib.contextmanager
def _disk(folder: Path) -> Iterator[bool]:
    """Give the folder a small disk of its own, where this user may; return whether it has one."""
    mount = ["mount", "-t", "tmpfs", "-o", f"size={DISK_SIZE}m", "soak", str(folder)]
    mounted = subprocess.run(mount, capture_output=True, check=False).returncode == 0
    try:
        yield mounted
    finally:
        if mounted:
            subprocess.run(["umount", "--lazy", str(folder)], check=False)
