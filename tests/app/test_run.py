import contextlib
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from appliance.app import run as running
from appliance.app.probation import Probation
from appliance.app.run import SettingsWatch, read_settings
from appliance.core.events import (
    Event,
    PartHung,
    Post,
    PowerOffFailed,
    PowerOffRequested,
    SettingsChanged,
    StopRequested,
)
from appliance.core.faults import Fault
from appliance.settings import Settings
from appliance.settings.last_good import GoodSettings
from appliance.system.state_lock import StateLock
from tests.rig.bus import MessageBus, needs_a_bus
from tests.rig.waiting import wait_until

GOOD = """
name = "{name}"
[display]
driver = "none"
[history]
path = "{folder}/history.db"
"""

READY = "button: GPIO"


class Program:
    """`appliance run` as a process, with mock pins, and what it logs."""

    def __init__(self, *command: str, **environment: str) -> None:
        self._process = subprocess.Popen(
            [sys.executable, *command],
            env={**os.environ, "GPIOZERO_PIN_FACTORY": "mock", **environment},
            stderr=subprocess.PIPE,
            text=True,
        )
        self._lines: list[str] = []
        self._reader = threading.Thread(target=self._read)
        self._reader.start()

    def _read(self) -> None:
        assert self._process.stderr
        self._lines.extend(iter(self._process.stderr.readline, ""))

    @property
    def log(self) -> str:
        return "".join(list(self._lines))

    def wait_for(self, text: str, times: int = 1) -> None:
        wait_until(lambda: self.log.count(text) >= times or self._process.poll() is not None)
        assert self.log.count(text) >= times, self.log

    def send(self, number: int) -> None:
        self._process.send_signal(number)

    def end(self, number: int = signal.SIGTERM) -> int:
        """Send a signal and return the exit status."""
        self.send(number)
        return self.status()

    def status(self) -> int:
        status = self._process.wait(timeout=30)
        self._reader.join()
        return status

    def kill(self) -> None:
        if self._process.poll() is None:
            self._process.kill()
            self._process.wait()
        self._reader.join()
        assert self._process.stderr
        self._process.stderr.close()


@contextlib.contextmanager
def program(*command: str, **environment: str) -> Iterator[Program]:
    running = Program(*command, **environment)
    try:
        yield running
    finally:
        running.kill()


@pytest.fixture
def settings(tmp_path: Path) -> Path:
    path = tmp_path / "appliance.toml"
    path.write_text(GOOD.format(name="box", folder=tmp_path))
    return path


def run(settings: Path) -> "contextlib.AbstractContextManager[Program]":
    return program("-m", "appliance", "run", "--config", str(settings))


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_a_signal_ends_it_with_status_0(settings: Path, number: signal.Signals) -> None:
    with run(settings) as running:
        running.wait_for(READY)
        assert running.end(number) == 0
        assert f"asked to stop by {number.name}" in running.log
        assert "Traceback" not in running.log


@pytest.mark.slow
def test_a_closed_terminal_does_not_end_it_under_nohup(settings: Path) -> None:
    nohup = "import os, signal, sys; signal.signal(signal.SIGHUP, signal.SIG_IGN)"
    command = f"{nohup}; os.execv(sys.executable, [sys.executable, *sys.argv[1:]])"
    arguments = ("-m", "appliance", "run", "--config", str(settings))
    with program("-c", command, *arguments) as running:
        running.wait_for(READY)
        running.send(signal.SIGHUP)
        assert running.end(signal.SIGTERM) == 0
        assert "SIGHUP" not in running.log


@pytest.mark.slow
def test_a_second_copy_on_the_same_state_says_so_and_ends(settings: Path, tmp_path: Path) -> None:
    with run(settings) as first:
        first.wait_for(READY)
        with run(settings) as second:
            assert second.status() == 1
            assert f"another copy of the program is running on {tmp_path}" in second.log
            assert "Traceback" not in second.log
            assert READY not in second.log
        first.kill()  # the kernel lets go of what it had
        with run(settings) as third:
            third.wait_for(READY)
            assert third.end() == 0


def test_settings_that_name_the_state_of_another_copy_are_a_mistake(
    settings: Path, tmp_path: Path
) -> None:
    built: list[tuple[str, Fault | None]] = []
    other = tmp_path / "other"

    class Once:
        def __init__(self, used: Settings, _: Path) -> None:
            self.used = used
            self.post: Post = lambda _: None
            self.probation = Probation()

        def run(self, fault: Fault | None = None, *, held: bool = False) -> Event:
            assert not held
            built.append((self.used.history.path, fault))
            if len(built) > 1:
                return PartHung("nothing, to end it")
            settings.write_text(GOOD.format(name="box", folder=other))
            return SettingsChanged()

    with StateLock() as lock:
        lock.take(other)
        running.run(settings, build=Once)
    history = f"{tmp_path}/history.db"
    assert [path for path, _ in built] == [history, history]
    assert built[1][1]
    assert built[1][1].what == "Settings: mistake"
    assert str(other) in built[1][1].remedy


@pytest.mark.slow
def test_the_driver_terminal_shows_on_standard_output_and_the_log_stays_apart(
    settings: Path,
) -> None:
    settings.write_text(settings.read_text().replace('"none"', '"terminal"'))
    with subprocess.Popen(
        [sys.executable, "-m", "appliance", "run", "--config", str(settings)],
        env={**os.environ, "GPIOZERO_PIN_FACTORY": "mock"},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as running:
        assert running.stdout
        shown = iter(running.stdout.readline, "")
        assert any(line.startswith("Ready") for line in shown)
        running.terminate()
        assert not any("asked to stop" in line for line in shown)
        assert running.stderr
        assert "asked to stop by SIGTERM" in running.stderr.read()
    assert running.returncode == 0


@pytest.mark.slow
def test_new_settings_are_used_and_bad_ones_only_reported(settings: Path, tmp_path: Path) -> None:
    with run(settings) as running:
        running.wait_for("button: GPIO 17")
        settings.write_text(settings.read_text() + "[button]\npin = 27\n")
        running.wait_for("button: GPIO 27")
        settings.write_text("[button]\npin = 99\n[display]\nlins = 2\n")
        running.wait_for("settings: button.pin = 99 is not allowed")
        running.wait_for("settings: unknown key display.lins (did you mean lines?)")
        running.wait_for("button: GPIO 27", times=2)  # the last good ones
        settings.write_text(GOOD.format(name="mended", folder=tmp_path))
        running.wait_for("button: GPIO 17", times=2)
        assert running.end() == 0


@pytest.mark.slow
def test_settings_that_are_bad_from_the_start_do_not_keep_it_from_running(tmp_path: Path) -> None:
    settings = tmp_path / "appliance.toml"
    settings.write_text("[button]\npin = 99\n")
    command = ("-m", "appliance", "run")
    with program(
        *command, APPLIANCE_CONFIG=str(settings), STATE_DIRECTORY=str(tmp_path)
    ) as running:
        running.wait_for("settings: button.pin = 99 is not allowed")
        running.wait_for("button: GPIO 17")
        assert running.end() == 0


CRASH = """
import sys, threading
from pathlib import Path
from appliance.app import run as running
from appliance.app.probation import Probation
from appliance.system import log_setup

class Broken:
    def __init__(self, settings, source):
        self.posted = threading.Event()
        self.probation = Probation()
    def post(self, event):
        self.posted.set()
    def run(self, fault=None, *, held=False):
        {body}

log_setup.set_up()
sys.exit(not running.run(Path({path!r}), build=Broken))
"""


@pytest.mark.slow
def test_an_error_in_the_controller_ends_the_program_with_status_1(settings: Path) -> None:
    code = CRASH.format(body="raise ValueError('an error')", path=str(settings))
    with program("-c", code) as running:
        assert running.status() == 1
        assert "ValueError: an error" in running.log


@pytest.mark.slow
def test_an_unhandled_error_in_any_thread_ends_the_program_with_status_1(settings: Path) -> None:
    body = (
        "threading.Thread(target=lambda: 1 / 0, name='part').start()\n"
        "        assert self.posted.wait(20)"
    )
    with program("-c", CRASH.format(body=body, path=str(settings))) as running:
        assert running.status() == 1
        assert "unhandled error in the thread part; ending" in running.log
        assert "ZeroDivisionError" in running.log


# The settings file


def test_good_settings_are_used_and_nothing_is_wrong(settings: Path) -> None:
    used, fault = read_settings(settings, None)
    assert used.settings.name == "box"
    assert used.text == settings.read_bytes()
    assert fault is None


def test_bad_settings_are_reported_and_the_last_good_ones_used(
    settings: Path, caplog: pytest.LogCaptureFixture
) -> None:
    last_good = GoodSettings(Settings(name="last"))
    settings.write_text("[button]\npin = 99\npul_up = true\n")
    used, fault = read_settings(settings, last_good)
    assert used is last_good
    assert fault
    assert fault.what == "Settings: mistake"
    assert fault.remedy == "button.pin = 99 is not allowed: expected a GPIO number from 0 to 27"
    assert len(caplog.records) == 2


def test_a_missing_file_means_the_defaults_and_is_logged(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level("INFO"):
        used, fault = read_settings(tmp_path / "none.toml", None)
    assert (used.settings, fault) == (Settings(), None)
    assert "there is no" in caplog.text
    assert "none.toml" in caplog.text


class Posted:
    def __init__(self) -> None:
        self.events: list[Event] = []

    def __call__(self, event: Event) -> None:
        self.events.append(event)


@pytest.mark.parametrize("change", ["written", "removed", "replaced"])
def test_a_change_of_the_file_is_reported_once(settings: Path, tmp_path: Path, change: str) -> None:
    posted = Posted()
    with SettingsWatch(settings, interval=0.01).posting(posted):
        if change == "written":
            settings.write_text("name = 'other'")
        elif change == "removed":
            settings.unlink()
        else:
            (tmp_path / "new").write_text("name = 'other'")
            (tmp_path / "new").rename(settings)
        wait_until(lambda: posted.events)
        settings.write_text("name = 'third'")
    assert posted.events == [SettingsChanged()]


def test_a_file_that_appears_is_a_change(tmp_path: Path) -> None:
    posted = Posted()
    path = tmp_path / "appliance.toml"
    with SettingsWatch(path, interval=0.01).posting(posted):
        path.write_text("name = 'new'")
        wait_until(lambda: posted.events)


def test_a_change_before_the_first_look_is_reported_too(settings: Path) -> None:
    posted = Posted()
    watch = SettingsWatch(settings, interval=0.01)
    settings.write_text("name = 'other'")
    with watch.posting(posted):
        wait_until(lambda: posted.events)


def test_a_file_that_is_only_touched_is_no_change(settings: Path) -> None:
    looks = 0

    class Counted(SettingsWatch):
        def _look(self) -> bytes | str:
            nonlocal looks
            looks += 1
            return super()._look()

    posted = Posted()
    with Counted(settings, interval=0.001).posting(posted):
        settings.touch()
        before = looks
        wait_until(lambda: looks > before + 3 or posted.events)
    assert posted.events == []


def test_the_watch_ends_when_the_block_raises(settings: Path) -> None:
    with pytest.raises(ZeroDivisionError), SettingsWatch(settings).posting(Posted()):
        raise ZeroDivisionError
    assert "settings" not in {thread.name for thread in threading.enumerate()}


class Scripted:
    """An appliance that ends with a reason, and notes what is posted to it."""

    def __init__(self, reason: Event) -> None:
        self._reason = reason
        self.posted: list[Event] = []
        self.post: Post = self.posted.append
        self.probation = Probation()
        self.fault: Fault | None = None
        self.held = False

    def run(self, fault: Fault | None = None, *, held: bool = False) -> Event:
        self.fault, self.held = fault, held
        return self._reason


def run_until(settings: Path, *reasons: Event) -> tuple[bool, list[Scripted]]:
    """Run with an appliance for each reason, then stop; return the result and the appliances."""
    planned = iter(reasons)
    built: list[Scripted] = []

    def build(_settings: Settings, _path: Path) -> Scripted:
        reason = next(planned, None)
        if reason is None:
            os.kill(os.getpid(), signal.SIGTERM)
        built.append(Scripted(reason or StopRequested()))
        return built[-1]

    signals = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)
    before = {number: signal.signal(number, lambda *_: None) for number in signals}
    hook = threading.excepthook
    try:
        return running.run(settings, build), built
    finally:
        threading.excepthook = hook
        for number, handler in before.items():
            signal.signal(number, handler)


def test_a_part_that_hangs_makes_the_program_restart(settings: Path) -> None:
    well, built = run_until(settings, PartHung("display"))
    assert not well
    assert len(built) == 1


class Serving(Scripted):
    """An appliance that started all parts, and served if `seconds` is 0."""

    def __init__(self, settings: Settings, seconds: float) -> None:
        super().__init__(PartHung("nothing, to end it"))
        self.settings = settings
        self.probation = Probation(seconds)

    def run(self, fault: Fault | None = None, *, held: bool = False) -> Event:
        self.probation.begin()
        return super().run(fault, held=held)


def serve(settings: Path, seconds: float = 0.0) -> Serving:
    """Run once; return the appliance that ran."""
    built: list[Serving] = []

    def build(used: Settings, _path: Path) -> Serving:
        built.append(Serving(used, seconds))
        return built[-1]

    running.run(settings, build)
    return built[0]


@pytest.mark.parametrize("lines", [0, 1, 2])
def test_a_file_that_was_cut_off_leaves_the_last_good_settings(
    settings: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, lines: int
) -> None:
    monkeypatch.setenv("STATE_DIRECTORY", str(tmp_path))
    served = serve(settings)
    assert served.fault is None
    settings.write_text("\n".join(settings.read_text().splitlines()[:lines]))
    for _ in range(2):  # neither is it good at the second time
        cut = serve(settings)
        assert cut.settings == served.settings
        assert cut.fault
        assert cut.fault.what == "Settings: mistake"
        assert "write it again" in cut.fault.remedy


def test_new_settings_replace_the_last_good_ones_once_they_have_served(
    settings: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("STATE_DIRECTORY", str(tmp_path))
    first = serve(settings, seconds=3600)  # there are none before it
    settings.write_text(settings.read_text().replace("box", "new"))
    new = serve(settings, seconds=3600)
    assert new.settings.name == "new"
    settings.write_text("no settings")
    assert serve(settings).settings == first.settings
    settings.write_text(GOOD.format(name="served", folder=tmp_path))
    serve(settings)
    settings.write_text("no settings")
    assert serve(settings).settings.name == "served"
    assert b"served" in (tmp_path / "last-good-settings.toml").read_bytes()


@needs_a_bus
def test_a_box_that_can_not_be_switched_off_goes_on_and_says_so(
    settings: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    refusal = "org.freedesktop.DBus.Error.AccessDenied"
    with MessageBus(tmp_path, refusal=refusal) as bus:
        monkeypatch.setenv("DBUS_SYSTEM_BUS_ADDRESS", bus.address)
        _, built = run_until(settings, PowerOffRequested(), SettingsChanged())
    event = built[1].posted[0]
    assert isinstance(event, PowerOffFailed)
    assert event.fault.what == "Can't switch off"
    assert built[2].posted[:1] != [event]


HUNG = """
import functools, sys, threading
from pathlib import Path
from gpiozero.pins.mock import MockFactory
from appliance.app import run as running
from appliance.app.appliance import Appliance
from appliance.controller import controller
from appliance.screen.panels.factory import open_panel
from appliance.system import log_setup
from tests.rig.oled import Ssd1306

class HangingBus(Ssd1306):
    hangs = False
    def write_i2c_block_data(self, *block):
        if self.hangs:
            threading.Event().wait()
        super().write_i2c_block_data(*block)

bus, pins = HangingBus(), MockFactory()
controller.HUNG_TIME = 1.0
log_setup.set_up()
threading.Timer(3.0, vars(bus).update, kwargs={{"hangs": True}}).start()
opened = functools.partial(open_panel, bus=bus)
build = functools.partial(Appliance, pin_factory=pins, open_panel=opened)
sys.exit(not running.run(Path({path!r}), build))
"""


@pytest.mark.slow
def test_a_bus_that_hangs_makes_the_program_restart(settings: Path) -> None:
    settings.write_text(settings.read_text().replace('"none"', '"ssd1306"'))
    with program("-c", HUNG.format(path=str(settings))) as hanging:
        assert hanging.status() == 1
        assert "the display hangs" in hanging.log
        assert "the panel's bus hangs" in hanging.log


HELD = """
import threading, time
from gpiozero import Device
from appliance.cli import main

def hold():
    while not (Device.pin_factory and Device.pin_factory.pins):
        time.sleep(0.1)
    time.sleep(1.0)
    Device.pin_factory.pin(17).drive_low()

threading.Thread(target=hold, daemon=True).start()
main(["run", "--config", {path!r}])
"""


@pytest.mark.slow
@needs_a_bus
def test_holding_the_button_finishes_what_is_going_on_and_switches_off(
    settings: Path, tmp_path: Path
) -> None:
    with MessageBus(tmp_path) as bus:
        code = HELD.format(path=str(settings))
        with program("-c", code, DBUS_SYSTEM_BUS_ADDRESS=bus.address) as held:
            wait_until(lambda: ("PowerOff", (False,)) in bus.calls, within=60)
            assert held.end() == 0
            assert "held: switching off" in held.log
            assert "Traceback" not in held.log
