import functools
import json
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NoReturn

import pytest
from gpiozero.pins.mock import MockFactory

from appliance.hardware.simulated import press
from appliance.maintenance.doctor import main
from appliance.maintenance.doctor.context import Context, Machine
from appliance.maintenance.doctor.plan import plan
from appliance.maintenance.doctor.result import Result
from appliance.maintenance.doctor.runner import CheckRunner
from appliance.screen.panels.factory import open_panel
from appliance.screen.scene import Mode
from tests.hardware.fake_portaudio import HDMI, FakeSound
from tests.maintenance.doctor.checks.test_board import board, bus
from tests.maintenance.doctor.checks.test_microphone import TONE
from tests.maintenance.doctor.healthy import Systemd
from tests.maintenance.programs import no_program
from tests.rig.box import Box, settings_for
from tests.rig.certificates import self_signed
from tests.rig.oled import Ssd1306
from tests.rig.service import ScriptedService
from tests.rig.sound import PipeMicrophone
from tests.rig.waiting import wait_until

NETWORK = ("DNS", "TLS", "clock", "token", "session")


def touched(*_: object) -> NoReturn:
    raise AssertionError("it belongs to the running appliance")


def settings_file(folder: Path, service: ScriptedService, more: str = "") -> Path:
    path = folder / "appliance.toml"
    path.write_text(
        f'[service]\nurl = "{service.url}"\ntoken_url = "{service.token_url}"\n'
        f'{more}\n[history]\npath = "{folder}/history.db"\n'
    )
    return path


def mounted(folder: Path, root: str, command_line: str = "rootwait") -> None:
    """Write what proc(5) says of a box with one mount."""
    (folder / "proc/self").mkdir(parents=True, exist_ok=True)
    (folder / "proc/self/mountinfo").write_text(f"21 1 179:2 / / rw,noatime - {root}\n")
    (folder / "proc/cmdline").write_text(command_line)


@pytest.fixture
def machine(tmp_path: Path, factory: MockFactory) -> Machine:
    """A box on which all is well, but for what a test makes of it."""
    (tmp_path / "dev").mkdir()
    (tmp_path / "dev/gpiochip0").touch()
    mounted(tmp_path, "ext4 /dev/mmcblk0p2 rw")
    return Machine(
        pin_factory=factory,
        open_panel=functools.partial(open_panel, bus=Ssd1306()),
        run=Systemd(ActiveState="inactive", User="", SupplementaryGroups="", StateDirectory=""),
        dev=tmp_path / "dev",
        sys=bus(board(tmp_path / "sys"), 400_000),
        proc=tmp_path / "proc",
        stores=(),
        sleep=lambda _: None,
    )


@pytest.fixture
def secure(tmp_path: Path) -> Iterator[tuple[ScriptedService, Path]]:
    """A service over TLS, and settings that trust it."""
    certificate = self_signed(tmp_path)
    with ScriptedService(tls=certificate.context) as service:
        yield service, settings_file(tmp_path, service, f'ca_file = "{certificate.file}"')


def reported(
    capsys: pytest.CaptureFixture[str], path: Path, machine: Machine
) -> tuple[int, dict[str, Any], dict[str, dict[str, str]]]:
    """Return the exit status, the report, and its checks by name."""
    code = main.run(path, as_json=True, machine=machine)
    report = json.loads(capsys.readouterr().out)
    return code, report, {check["name"]: check for check in report["checks"]}


@pytest.mark.slow
def test_a_box_on_which_all_is_well(
    secure: tuple[ScriptedService, Path],
    machine: Machine,
    sound: PipeMicrophone,
    capsys: pytest.CaptureFixture[str],
) -> None:
    service, path = secure
    sound.play(TONE * 5)
    code, report, checks = reported(capsys, path, machine)
    assert [one for one in report["checks"] if one["result"] == "failed"] == []
    assert code == 0
    assert report["ok"] is True
    assert list(checks) == [
        *("version", "settings", "unit", "appliance", "permissions", "disk", "history", "state"),
        *("power", "I2C", "OLED", "microphone", "button", "DNS", "TLS", "token DNS", "token TLS"),
        *("clock", "token", "session"),
    ]
    not_fine = {name for name, check in checks.items() if check["result"] != "fine"}
    assert not_fine <= {"unit", "appliance", "clock"}, "none runs, and the service tells no time"
    assert service.violations == []
    assert [message["type"] for message in service.connections[0].messages] == ["Terminate"]


def test_an_overlay_root_is_a_warning_that_says_what_is_lost(
    tmp_path: Path, machine: Machine, capsys: pytest.CaptureFixture[str]
) -> None:
    mounted(tmp_path, "overlay overlay rw,lowerdir=/lower,upperdir=/upper/data", "boot=overlay")
    with ScriptedService() as service:
        path = settings_file(tmp_path, service)
        main.run(path, machine=machine._replace(audio=FakeSound([HDMI])))
    found = " ".join(capsys.readouterr().out.split())
    assert f"warning disk {tmp_path} lies in memory: what is said is gone at power-off" in found


def test_nobody_learns_a_secret_from_it(
    tmp_path: Path, machine: Machine, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "secret").write_text("hunter2")
    with ScriptedService() as service:
        more = f'token_secret_file = "{tmp_path}/secret"\n'
        path = settings_file(tmp_path, service, more)
        main.run(path, machine=machine._replace(audio=FakeSound([HDMI])))
        printed = capsys.readouterr()
        (token,) = service.tokens
    for secret in ("hunter2", token.value):
        assert secret not in printed.out + printed.err


def test_lines_for_a_person_have_a_mark_and_no_colour_where_nobody_sees_it(
    tmp_path: Path, machine: Machine, capsys: pytest.CaptureFixture[str]
) -> None:
    with ScriptedService() as service:
        path = settings_file(tmp_path, service)
        code = main.run(path, machine=machine._replace(audio=FakeSound([HDMI])))
    lines = capsys.readouterr().out.splitlines()
    assert code == 1
    (microphone,) = [line for line in lines if line.startswith("✗")]
    assert microphone.split(maxsplit=3)[1:3] == ["failed", "microphone"]
    assert lines[lines.index(microphone) + 1].strip() == "-> plug one in"
    assert "1 failed" in lines[-1]
    assert not any("\x1b" in line for line in lines)


def test_a_dead_box_has_one_alarm_for_each_thing(
    tmp_path: Path, machine: Machine, capsys: pytest.CaptureFixture[str]
) -> None:
    oled = Ssd1306()
    oled.unplug()
    path = tmp_path / "appliance.toml"
    path.write_text(
        f'[service]\nurl = "wss://no-such-host.invalid/v3/ws"\n'
        f'[history]\npath = "{tmp_path}/history.db"\n'
    )
    dead = machine._replace(
        audio=FakeSound([HDMI]),
        open_panel=functools.partial(open_panel, bus=oled),
        run=no_program,
        sys=tmp_path,
    )
    code, report, checks = reported(capsys, path, dead)
    assert code == 1
    assert report["ok"] is False
    failed = [name for name, check in checks.items() if check["result"] == "failed"]
    assert failed == ["OLED", "microphone", "DNS"]
    assert [checks[name]["result"] for name in NETWORK[1:]] == ["not tried"] * 4
    assert all(checks[name]["remedy"] for name in failed)


def test_a_token_server_that_is_away_is_no_fault_of_the_service(
    tmp_path: Path, machine: Machine, capsys: pytest.CaptureFixture[str]
) -> None:
    with ScriptedService() as service:
        service.token_down_for()
        path = settings_file(tmp_path, service)
        dead = machine._replace(audio=FakeSound([HDMI]))
        _, _, checks = reported(capsys, path, dead)
    assert checks["TLS"]["result"] == "fine"
    assert checks["token TLS"]["result"] == "failed"
    assert checks["token"]["result"] == "not tried"
    assert checks["session"]["found"] == "no token"


def test_bad_settings_are_status_2_and_what_needs_none_is_checked_all_the_same(
    tmp_path: Path, machine: Machine, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "appliance.toml"
    path.write_text("[button]\npin = 99\n")
    code, report, checks = reported(capsys, path, machine)
    assert code == 2
    assert report["ok"] is False
    assert "button.pin = 99 is not allowed" in checks["settings"]["found"]
    for name in ("version", "permissions", "power"):
        assert checks[name]["result"] == "fine"
    for name in ("button", "OLED", "microphone", "disk", "DNS"):
        assert checks[name]["result"] == "not tried"
        assert checks[name]["found"] == "the settings can't be used"


def test_a_person_is_asked_one_thing_after_the_other(
    tmp_path: Path, machine: Machine, sound: PipeMicrophone, factory: MockFactory
) -> None:
    prompts: list[str] = []
    finger = threading.Thread(target=press, args=(factory.pin(17),))

    def prompt(sentence: str) -> None:
        prompts.append(sentence.split(maxsplit=1)[0])
        if sentence.startswith("Say"):
            sound.play(TONE * 3)
        if sentence.startswith("Press"):
            finger.start()

    with ScriptedService() as service:
        context = Context(settings_file(tmp_path, service), machine, prompt)
        found = dict(CheckRunner(plan(context)).results())
    finger.join()
    assert prompts == ["Look", "Say", "Press"]
    assert found["button"].found == "GPIO 17: the press was noticed"
    assert found["microphone"].result is Result.FINE


# Beside an appliance that runs


@pytest.fixture
def beside(machine: Machine) -> Machine:
    """A box whose parts must not be touched."""
    return machine._replace(audio=touched, open_panel=touched, pin_factory=None)


def test_beside_a_running_appliance_its_parts_are_asked_for_not_touched(
    tmp_path: Path,
    runtime: Path,
    beside: Machine,
    sound: PipeMicrophone,
    capsys: pytest.CaptureFixture[str],
) -> None:
    with ScriptedService() as service:
        path = settings_file(tmp_path, service)
        with Box(settings_for(service.url, service.token_url, tmp_path)) as box:
            wait_until(lambda: '"shows": true' in (runtime / "status.json").read_text())
            _, _, checks = reported(capsys, path, beside)
            assert checks["session"]["result"] == "fine"
            assert box.scene.mode is Mode.READY
    for name in ("OLED", "microphone", "button"):
        assert checks[name]["result"] == "fine"
        assert checks[name]["found"].endswith("(reported by the running appliance)")
    assert checks["appliance"]["found"].startswith("Ready")
    assert service.violations == []


@pytest.mark.parametrize("state", ["activating", "active", "reloading"])
def test_one_that_systemd_has_just_started_is_left_alone(
    tmp_path: Path, beside: Machine, capsys: pytest.CaptureFixture[str], state: str
) -> None:
    starting = beside._replace(run=Systemd(ActiveState=state))
    with ScriptedService() as service:
        _, _, checks = reported(capsys, settings_file(tmp_path, service), starting)
    for name in ("appliance", "OLED", "microphone", "button"):
        assert checks[name]["result"] == "not tried"
        assert checks[name]["found"] == "it is starting"
        assert checks[name]["remedy"] == "try again in a moment"
    assert checks["session"]["result"] == "not tried"
    assert service.connections == []


def test_a_running_session_is_left_alone(
    tmp_path: Path,
    runtime: Path,
    beside: Machine,
    sound: PipeMicrophone,
    capsys: pytest.CaptureFixture[str],
) -> None:
    with ScriptedService() as service:
        path = settings_file(tmp_path, service)
        with Box(settings_for(service.url, service.token_url, tmp_path)) as box:
            box.press()
            box.wait_for(Mode.LISTENING)
            sound.play(TONE * 3)
            wait_until(lambda: '"mode": "listening"' in (runtime / "status.json").read_text())
            _, _, checks = reported(capsys, path, beside)
            assert checks["session"]["result"] == "not tried"
            assert checks["token"]["result"] == "fine"
            assert "16000 Hz" in checks["microphone"]["found"]
            assert "last pressed" in checks["button"]["found"]
            assert box.scene.mode is Mode.LISTENING
            assert len(service.connections) == 1
