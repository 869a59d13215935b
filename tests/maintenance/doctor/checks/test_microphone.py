import array
import math

import pytest

from appliance.hardware.portaudio import Device, Format, StreamCallback
from appliance.maintenance.doctor.checks import microphone
from appliance.maintenance.doctor.result import CheckResult, Result
from appliance.settings.schema import MicrophoneSettings
from tests.hardware.fake_portaudio import HDMI, USB, FakeSound, FakeStream
from tests.rig.sound import PipeMicrophone

DEFAULT = MicrophoneSettings()

TONE = array.array("h", (round(16_000 * math.sin(i / 5)) for i in range(16_000))).tobytes()


@pytest.mark.slow
def test_a_second_is_heard_with_name_rate_and_level(sound: PipeMicrophone) -> None:
    asked: list[str] = []

    def speak(sentence: str) -> None:
        asked.append(sentence)
        sound.play(TONE * 3)

    found = microphone.check_microphone(DEFAULT, speak)
    sound.wait_played()
    assert found.result is Result.FINE
    assert found.found == "default at 16000 Hz, level 0.9 of 1"
    assert asked == ["Say something."]


@pytest.mark.parametrize("level", [0, 1, 700, -3])
def test_one_level_for_a_second_is_called_silent(sound: PipeMicrophone, level: int) -> None:
    sound.play(array.array("h", [level] * 16_000 * 10).tobytes())
    found = microphone.check_microphone(DEFAULT)
    sound.be_quiet()
    assert found.result is Result.FAILED
    assert "default at 16000 Hz is silent" in found.found
    assert "mute" in found.remedy


@pytest.mark.slow
def test_the_microphone_can_be_opened_again_afterwards(sound: PipeMicrophone) -> None:
    for _ in range(2):
        assert "default at 16000 Hz" in microphone.check_microphone(DEFAULT).found


def checked(sound: FakeSound, name: str = "") -> CheckResult:
    return microphone.check_microphone(MicrophoneSettings(device=name), audio=sound)


def test_without_a_microphone_the_remedy_is_to_plug_one_in() -> None:
    found = checked(FakeSound([HDMI]))
    assert found.result is Result.FAILED
    assert found.found.startswith("No microphone")
    assert found.remedy == "plug one in"


def test_a_microphone_of_another_name_does_not_count() -> None:
    found = checked(FakeSound([USB]), name="Jabra")
    assert found.found == "No microphone (none is called 'Jabra')"


def test_a_name_that_fits_two_says_which_was_taken() -> None:
    webcam = Device(index=1, name="USB Webcam: Audio (hw:2,0)", rate=48_000, channels=1)
    sound = TalkingSound([webcam, USB], [Format(16_000, 1)])
    found = checked(sound, name="usb")
    assert found.found.startswith(f"{USB.name} at 16000 Hz, level")
    assert found.found.endswith("; not taken: USB Webcam: Audio")


class TalkingSound(FakeSound):
    """Sound system whose microphones deliver a tone for a second, at once."""

    def new_stream(self, captured: Format, callback: StreamCallback) -> FakeStream:
        stream = super().new_stream(captured, callback)
        for start in range(0, len(TONE), 3200):
            stream.hear(TONE[start : start + 3200])
        return stream


@pytest.mark.parametrize("number", [-9985])
def test_one_that_is_busy_is_reported(number: int) -> None:
    sound = FakeSound([USB])
    sound.error = OSError(number, "Device unavailable")
    found = checked(sound)
    assert found.found.startswith("Microphone busy")
    assert found.remedy == "end the other program that uses it"


def test_one_without_a_rate_that_is_of_use_is_reported() -> None:
    assert checked(FakeSound([USB], [Format(8000, 1)])).found.startswith("Microphone unusable")


@pytest.mark.slow
def test_one_that_delivers_nothing_is_reported(sound: PipeMicrophone) -> None:
    found = checked(FakeSound([USB]))
    assert found.result is Result.FAILED
    assert found.found.startswith("Microphone silent")
