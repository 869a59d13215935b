"""The OLED's bus in config.txt: switched on and fast, and as it was after uninstalling."""

import pytest

from tests.scripts.fresh_box import FreshBox

CONFIG = "boot/firmware/config.txt"
STOCK = """# For more options see the documentation
#dtparam=i2c_arm=on
dtparam=audio=on
dtoverlay=vc4-kms-v3d

[cm5]
dtoverlay=dwc2,dr_mode=host

[all]
"""


def settings_of(text: str) -> list[str]:
    return [line for line in text.splitlines() if line.startswith("dtparam=i2c")]


def test_the_bus_is_switched_on_for_every_model_and_before_any_overlay(box: FreshBox) -> None:
    box.write(CONFIG, STOCK)
    completed = box.shell("step Bus switch_on_the_bus")
    assert completed.returncode == 0, completed.stdout
    text = box.read(CONFIG)
    assert settings_of(text) == ["dtparam=i2c_arm=on", "dtparam=i2c_arm_baudrate=400000"]
    assert text.endswith(STOCK)
    assert text.index("baudrate") < text.index("dtoverlay")


def test_again_it_stays_as_it_is(box: FreshBox) -> None:
    box.write(CONFIG, STOCK)
    box.shell("step Bus switch_on_the_bus")
    text = box.read(CONFIG)
    completed = box.shell("step Bus switch_on_the_bus")
    assert "nothing to do" in completed.stdout
    assert box.read(CONFIG) == text


@pytest.mark.parametrize(
    "chosen",
    [
        "dtparam=i2c_arm=on,i2c_arm_baudrate=200000\n",
        "dtparam=i2c=on\ndtparam=i2c_baudrate=1000000\n",
    ],
)
def test_a_speed_that_the_owner_chose_stays(box: FreshBox, chosen: str) -> None:
    box.write(CONFIG, chosen)
    assert "nothing to do" in box.shell("step Bus switch_on_the_bus").stdout
    assert box.read(CONFIG) == chosen


@pytest.mark.parametrize("name", ["i2c_arm", "i2c"])
def test_a_bus_switched_off_is_switched_on_until_uninstalling(box: FreshBox, name: str) -> None:
    before = f"#dtparam={name}=off\ndtparam={name}=off # for the HAT\n\n[pi5]\ndtparam={name}=off\n"
    box.write(CONFIG, before)
    box.shell("step Bus switch_on_the_bus")
    once = box.read(CONFIG)
    assert settings_of(once) == ["dtparam=i2c_arm=on", "dtparam=i2c_arm_baudrate=400000"]
    box.write(CONFIG, once.replace("400000", "4"))  # as another version had it
    box.shell("step Bus 'set_up_bus $(firmware_config)'")
    completed = box.shell("step Bus restore_bus")
    assert "as it was, from the next start on" in completed.stdout
    assert box.read(CONFIG) == before


def test_what_fails_later_takes_it_back(box: FreshBox) -> None:
    box.write(CONFIG, STOCK)
    completed = box.shell("step Bus switch_on_the_bus; step Next false")
    assert completed.returncode == 1
    assert box.read(CONFIG) == STOCK


def test_uninstalling_takes_out_just_what_was_put_in(box: FreshBox) -> None:
    box.write(CONFIG, STOCK)
    box.shell("step Bus switch_on_the_bus")
    completed = box.shell("step Bus restore_bus")
    assert completed.returncode == 0, completed.stdout
    assert box.read(CONFIG) == STOCK


def test_elsewhere_than_on_a_raspberry_pi_nothing_is_done(box: FreshBox) -> None:
    completed = box.shell("step Bus switch_on_the_bus; step Bus restore_bus")
    assert completed.returncode == 0
    assert completed.stdout.count("nothing to do") == 2


@pytest.mark.parametrize(("speed", "reboots"), [(400_000, False), (100_000, True), (None, True)])
def test_a_restart_is_asked_for_until_the_bus_runs_as_set_up(
    box: FreshBox, speed: int | None, reboots: bool
) -> None:
    box.write(CONFIG, STOCK)
    if speed:
        tree = box.path("sys/class/i2c-adapter/i2c-1/of_node")
        tree.mkdir(parents=True)
        (tree / "clock-frequency").write_bytes(speed.to_bytes(4))
    completed = box.shell("step Bus switch_on_the_bus; say reboot=${reboot_needed-}")
    assert completed.returncode == 0, completed.stdout
    assert ("reboot=the OLED" in completed.stdout) == reboots
    assert bool(box.asked("dtparam")) == (speed is None)
