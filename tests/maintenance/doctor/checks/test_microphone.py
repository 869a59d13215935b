import array
import itertools
import math
import time
from pathlib import Path

import pytest

from appliance.hardware.portaudio import Device, Format, StreamCallback
from appliance.maintenance.doctor.checks import microphone
from appliance.maintenance.doctor.result import CheckResult, Result
from appliance.settings.schema import MicrophoneSettings
from tests.hardware.fake_portaudio import HDMI, USB, FakeSound, FakeStream, ThreadedStream
from tests.rig.clock import Clock
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


@pytest.mark.slow
def test_one_level_for_seconds_is_called_muted(sound: PipeMicrophone) -> None:
    sound.play(array.array("h", [700] * 16_000 * 12).tobytes())
    found = microphone.check_microphone(DEFAULT)
    sound.be_quiet()
    assert found.result is Result.FAILED
    assert found.found.startswith("Microphone is muted?")
    assert "mute" in found.remedy


def test_a_source_that_never_blocks_is_called_unusable(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "asound.conf").write_text("pcm.default { type null }\nctl.default { type hw }\n")
    monkeypatch.setenv("ALSA_CONFIG_PATH", str(tmp_path / "asound.conf"))
    found = microphone.check_microphone(DEFAULT)
    assert found.result is Result.FAILED
    assert found.found.startswith("Microphone unusable")


@pytest.mark.slow
def test_the_microphone_can_be_opened_again_afterwards(sound: PipeMicrophone) -> None:
    for _ in range(2):
        assert "default at 16000 Hz" in microphone.check_microphone(DEFAULT).found


def checked(sound: FakeSound, name: str = "") -> CheckResult:
    clock = sound.clock if isinstance(sound, TalkingSound) else time.monotonic
    return microphone.check_microphone(MicrophoneSettings(device=name), audio=sound, clock=clock)


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


class TalkingStream(ThreadedStream):
    """Stream that captures without a pause, on a clock that it moves."""

    def __init__(self, captured: Format, callback: StreamCallback, sound: "TalkingSound") -> None:
        super().__init__(captured, callback)
        self._sound = sound
        self.begin()

    def capture(self) -> None:
        audio = self._sound.by_channels[self.format.channels]
        size = 3200 * self.format.channels
        for number in itertools.count():
            if self.stopped.wait(0.0005):
                return
            self._sound.clock.now += 0.1 / self._sound.speed
            self.hear(audio[number * size % len(audio) :][:size])


class TalkingSound(FakeSound):
    """Sound system whose microphones capture the same second again and again.

    Args:
        devices: that there are.
        formats: that they have.
        audio: that second, on one channel.
        speed: seconds of audio in a second.
    """

    def __init__(
        self,
        devices: list[Device],
        formats: list[Format],
        audio: bytes = TONE,
        speed: float = 1.0,
    ) -> None:
        super().__init__(devices, formats)
        self.clock = Clock()
        self.by_channels = {1: audio}
        self.speed = speed

    def new_stream(self, captured: Format, callback: StreamCallback) -> FakeStream:
        return TalkingStream(captured, callback, self)


@pytest.mark.parametrize(
    ("audio", "speed", "expected"),
    [
        (TONE, 1.0, f"{USB.name} at 16000 Hz, level 0.9 of 1"),
        (bytes(32_000), 1.0, "Microphone is muted?"),
        (TONE, 0.7, "Microphone unusable (it delivers 11200 samples a second instead of 16000)"),
        (TONE, 1.4, "Microphone unusable (it delivers 22400 samples a second instead of 16000)"),
    ],
)
def test_the_doctor_says_what_a_session_would(audio: bytes, speed: float, expected: str) -> None:
    sound = TalkingSound([USB], [Format(16_000, 1)], audio, speed)
    assert checked(sound).found == expected


def test_a_microphone_whose_first_channel_is_dead_is_fine() -> None:
    quiet_then_loud = array.array("h")
    for sample in array.array("h", TONE):
        quiet_then_loud.extend((0, sample))
    device = Device(index=0, name="Pair", rate=16_000, channels=2)
    sound = TalkingSound([device], [Format(16_000, 1), Format(16_000, 2)], bytes(32_000))
    sound.by_channels[2] = quiet_then_loud.tobytes()
    assert checked(sound).found == "Pair at 16000 Hz, level 0.9 of 1"


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
