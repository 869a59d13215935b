"""The demo as a program: a whole run, an interrupted one, and the run after that."""

import contextlib
import os
import pty
import shlex
import signal
import subprocess
import sys
import termios
import threading
import wave
from pathlib import Path
from typing import Literal, Self

import pytest
from gpiozero.pins.mock import MockFactory
from PIL import Image

from appliance.app.demo_stage import Lamp
from appliance.hardware.output_pin import OutputPin
from appliance.history import reader
from appliance.history.database import open_database
from appliance.screen.panels.terminal import HIDE_CURSOR, SHOW_CURSOR
from appliance.settings.commands import Gpio, Stop
from tests.rig.waiting import wait_until

pytestmark = pytest.mark.slow

LAMP_STATES: tuple[Literal["on", "off"], ...] = ("off", "on", "off")
SAMPLES = Path(__file__).parents[2] / "appliance" / "app" / "samples"
STOPPED = "appliance: stopped before the end\n"


class Show:
    """A demo that runs as a process; `output` is its standard output."""

    def __init__(self, home: Path, *arguments: str | Path, terminal: int | None = None) -> None:
        self.output = ""
        plain = {"DISPLAY": "", "COLUMNS": "40", "TERM": "xterm"}
        self._process = subprocess.Popen(
            [sys.executable, "-m", "appliance", "demo", *arguments],
            env={**os.environ, **plain, "XDG_STATE_HOME": str(home)},
            stdin=terminal,
            stdout=terminal or subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        self._reader = threading.Thread(target=self._read)
        self._reader.start()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.end(signal.SIGKILL)
        for stream in (self._process.stdout, self._process.stderr):
            if stream:
                stream.close()

    def _read(self) -> None:
        if self._process.stdout:
            for line in iter(self._process.stdout.readline, ""):
                self.output += line

    def wait_for(self, text: str) -> None:
        wait_until(lambda: text in self.output or self._process.poll() is not None, 60)
        assert text in self.output

    def end(self, number: int) -> int:
        if self._process.poll() is None:
            self._process.send_signal(number)
        return self.status()

    def status(self) -> int:
        status = self._process.wait(timeout=100)
        self._reader.join()
        return status

    @property
    def complaint(self) -> str:
        """What it wrote to standard error; to be asked for once, after its end."""
        assert self._process.stderr
        return self._process.stderr.read()


def own(home: Path) -> Path:
    """Return the folder where the demo keeps what is its own."""
    return home / "voice-appliance-demo"


def left_over(home: Path) -> list[Path]:
    return list(own(home).rglob("*.pcm"))


def part_of_sample(path: Path, begin: float, end: float) -> Path:
    """Write what the sample has from `begin` to `end`, in seconds."""
    with wave.open(str(SAMPLES / "sample.wav")) as whole, wave.open(str(path), "wb") as file:
        file.setparams(whole.getparams())
        whole.setpos(round(begin * whole.getframerate()))
        file.writeframes(whole.readframes(round((end - begin) * whole.getframerate())))
    return path


@pytest.fixture(scope="module")
def short(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The sample's first sentence: "Press the button when you want to speak."."""
    return part_of_sample(tmp_path_factory.mktemp("wav") / "short.wav", 0.0, 3.0)


@pytest.fixture(scope="module")
def lamp(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The sample's "Turn on the lamp."."""
    return part_of_sample(tmp_path_factory.mktemp("wav") / "lamp.wav", 14.6, 17.6)


def settle(home: Path, settings: str) -> None:
    """Give a demo a settings file of its own."""
    own(home).mkdir()
    history = f'[history]\npath = "{own(home)}/history.db"\n'
    (own(home) / "appliance.toml").write_text(f"{settings}\n{history}", encoding="utf-8")


@pytest.fixture
def silent(tmp_path: Path) -> Path:
    path = tmp_path / "silent.wav"
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(16_000)
        file.writeframes(bytes(2 * 16_000))
    return path


class Terminal:
    """A terminal for a demo (`program` is its side), and all that a person `saw` there."""

    def __init__(self) -> None:
        self._person, self.program = pty.openpty()
        termios.tcsetwinsize(self.program, (40, 140))
        self.saw = ""
        self._watcher = threading.Thread(target=self._watch)
        self._watcher.start()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.hang_up()
        os.close(self._person)

    def hang_up(self) -> None:
        """Close the program's side, and see the last of it."""
        if self._watcher.is_alive():
            os.close(self.program)
            self._watcher.join()

    def _watch(self) -> None:
        with contextlib.suppress(OSError):  # as Linux tells that nobody is on the other side
            while read := os.read(self._person, 4096):
                self.saw += read.decode(errors="replace")


def test_it_hears_the_sample_and_says_where_to_read_it(tmp_path: Path) -> None:
    with Show(tmp_path) as show:
        assert show.status() == 0, show.complaint
        said = (SAMPLES / "sample.txt").read_text(encoding="utf-8").split()
        assert " ".join(show.output.partition("Heard: ")[2].split()[: len(said)]) == " ".join(said)
        assert "Word error rate: 0.000" in show.output
        assert "Turn on the lamp: done\n" in show.output
        assert "Switched on: Lamp (GPIO 22)\n" in show.output
        command = show.output.partition("Read it: ")[2]
        assert command.count("\n") == 1
    arguments = shlex.split(command)
    here = [sys.executable, "-m", "appliance", *arguments[arguments.index("history") :]]
    read = subprocess.run(here, check=True, capture_output=True, text=True).stdout
    lamp = "[command: turn on the lamp - done]"
    assert " ".join(said) in " ".join(read.replace(lamp, "").split())
    assert read.partition("Turn on the lamp.")[2].split("\n")[1] == lamp


def test_the_lamp_is_reported_whatever_prefix_and_pins_are_set(tmp_path: Path, lamp: Path) -> None:
    settle(tmp_path, 'commands_prefix = "computer"\nbutton.pin = 22\nlight.pin = 23')
    with Show(tmp_path, lamp) as show:
        assert show.status() == 0, show.complaint
        assert "Turn on the lamp: done\n" in show.output
        assert "Switched on: Lamp (GPIO 27)\n" in show.output


def test_the_button_is_not_taken_for_the_lamp(tmp_path: Path, short: Path) -> None:
    settle(tmp_path, "button.pin = 22")
    with Show(tmp_path, short) as show:
        assert show.status() == 0, show.complaint
        assert "Heard: " in show.output
        assert "Switched on" not in show.output


@pytest.mark.parametrize("active_high", ["true", "false"])
def test_a_command_of_ones_own_is_reported_with_its_pin(
    tmp_path: Path, short: Path, active_high: str
) -> None:
    said = 'phrase = "when you want to speak", action = "gpio", state = "pulse"'
    command = f"{{{said}, pin = 5, active_high = {active_high}}}"
    settle(tmp_path, f'commands_prefix = "press the button"\ncommands = [{command}]')
    with Show(tmp_path, short) as show:
        assert show.status() == 0, show.complaint
        assert "When you want to speak: done\n" in show.output
        assert "Switched on: Lamp (GPIO 5)\n" in show.output


def test_where_no_command_switches_a_pin_there_is_no_lamp(tmp_path: Path, lamp: Path) -> None:
    settle(tmp_path, 'commands = [{phrase = "mark this", action = "mark"}]')
    with Show(tmp_path, lamp) as show:
        assert show.status() == 0, show.complaint
        assert "Lamp (" not in show.output


@pytest.mark.parametrize("pin", [2, 5])
@pytest.mark.parametrize("active_high", [True, False])
def test_a_lamp_is_lit_while_its_output_is_on_and_not_before(pin: int, active_high: bool) -> None:
    pins = MockFactory()
    command = Gpio(phrase="lamp", pin=pin, state="on", active_high=active_high)
    [wired] = filter(None, [Lamp.of([Stop(phrase="stop"), command], pins)])
    output = OutputPin(pin, active_high=active_high, pin_factory=pins)
    seen = [(wired.is_lit, wired.was_lit)]
    for state in LAMP_STATES:
        output.switch(state)
        seen.append((wired.is_lit, wired.was_lit))
    output.close()
    seen.append((wired.is_lit, wired.was_lit))
    assert seen == [(False, False), (False, False), (True, True), (False, True), (False, True)]
    assert str(wired) == f"Lamp (GPIO {pin}): off"


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_finishes_the_session_and_is_status_1(
    tmp_path: Path, number: signal.Signals
) -> None:
    with Show(tmp_path) as show:
        show.wait_for("Listening")
        show.wait_for("Press the button")
        assert show.end(number) == 1
        complaint = show.complaint
    assert complaint.endswith(STOPPED)
    assert "Traceback" not in complaint
    [kept] = reader.sessions(own(tmp_path) / "history.db")
    assert kept.ended
    assert kept.turns


def test_a_signal_at_the_very_beginning_ends_it_too(tmp_path: Path) -> None:
    with Show(tmp_path) as show:
        show.wait_for("\n")
        assert show.end(signal.SIGTERM) == 1
        assert show.complaint.endswith(STOPPED)


def test_a_second_demo_leaves_the_first_alone(tmp_path: Path, short: Path) -> None:
    with Show(tmp_path) as show:
        show.wait_for("Listening")
        with Show(tmp_path, short) as second:
            assert second.status() == 1
            assert "another copy of the program is running" in second.complaint
        assert show.end(signal.SIGTERM) == 1
        assert show.complaint.endswith(STOPPED)


def test_after_a_demo_was_killed_the_next_one_works(tmp_path: Path, short: Path) -> None:
    with Show(tmp_path) as show:
        show.wait_for("Listening")
        wait_until(lambda: left_over(tmp_path))
        assert show.end(signal.SIGKILL) == -signal.SIGKILL
    killed = left_over(tmp_path)
    assert killed
    with Show(tmp_path, short) as show:
        assert show.status() == 0, show.complaint
        assert "Press the button" in show.output.partition("Heard: ")[2]
    assert not any(path.exists() for path in killed)


def test_audio_that_is_not_the_demos_own_is_left_alone(tmp_path: Path, short: Path) -> None:
    on_fallback = tmp_path / "elsewhere"
    own(tmp_path).mkdir()
    settings = own(tmp_path) / "appliance.toml"
    settings.write_text(f'[history]\npath = "{on_fallback}/history.db"\n', encoding="utf-8")
    note = on_fallback / "spool" / "5f3a" / "note"
    note.parent.mkdir(parents=True)
    note.touch()
    with Show(tmp_path, short) as show:
        assert show.status() == 0, show.complaint
    assert note.exists()


@pytest.mark.parametrize("arguments", [["--mic"], []], ids=["microphone", "sample"])
def test_a_signal_leaves_the_terminal_as_it_was(tmp_path: Path, arguments: list[str]) -> None:
    with Terminal() as terminal:
        before = termios.tcgetattr(terminal.program)
        with Show(tmp_path, *arguments, terminal=terminal.program) as show:
            wait_until(lambda: HIDE_CURSOR in terminal.saw)
            if arguments:
                wait_until(lambda: termios.tcgetattr(terminal.program) != before)
            assert show.end(signal.SIGTERM) == 1
            assert show.complaint.endswith(STOPPED)
        assert termios.tcgetattr(terminal.program) == before
        terminal.hang_up()
        assert terminal.saw.endswith(SHOW_CURSOR)


def test_when_nothing_is_heard_it_says_so_and_shows_no_earlier_session(
    tmp_path: Path, silent: Path
) -> None:
    own(tmp_path).mkdir()
    database = open_database(own(tmp_path) / "history.db")
    with database:
        database.execute(
            "INSERT INTO session (id, started, ended, boot, monotonic) VALUES ('5f3a', 1, 9, '', 0)"
        )
        database.execute("INSERT INTO turn VALUES ('5f3a', 0, 0, 'Long ago.', 1, 2, '')")
    database.close()
    with Show(tmp_path, silent) as show:
        assert show.status() == 1
        assert show.complaint.endswith("appliance: nothing was heard\n")
        assert "Long ago" not in show.output


def test_without_a_desktop_a_window_is_refused_at_once(tmp_path: Path) -> None:
    pytest.importorskip("luma.emulator", reason="luma.emulator is not installed")
    with Show(tmp_path, "--screen", "window") as show:
        assert show.status() == 1
        complaint = show.complaint
    assert "appliance: No desktop to open a window on: use the terminal screen" in complaint
    assert "Traceback" not in complaint


def test_a_screenshot_is_written(tmp_path: Path, short: Path) -> None:
    with Show(tmp_path, short, "--screen", "none", "--screenshot", tmp_path / "a.png") as show:
        assert show.status() == 0, show.complaint
    assert Image.open(tmp_path / "a.png").getbbox()
