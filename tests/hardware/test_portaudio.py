import subprocess
import sys
from pathlib import Path

import pyaudio
import pytest

from appliance.hardware.portaudio import (
    Device,
    Format,
    MicrophoneError,
    open_audio_stream,
    recording_devices,
)
from tests.hardware.fake_portaudio import HDMI, USB, FakeAudio, FakeSound

WEBCAM = Device(index=2, name="HD Webcam C270: USB Audio (hw:2,0)", rate=16_000, channels=2)


def ignore(*_: object) -> tuple[None, int]:
    return None, pyaudio.paContinue


def audio_with(*devices: Device) -> FakeAudio:
    return FakeSound(devices)()


def test_only_devices_that_record_are_listed() -> None:
    assert recording_devices(audio_with(HDMI, USB, WEBCAM)) == [USB, WEBCAM]


def test_16_khz_mono_is_asked_for_first() -> None:
    sound = FakeSound(formats=[Format(16_000, 1), Format(48_000, 1)])
    assert open_audio_stream(sound(), USB, ignore)[1] == (16_000, 1)
    assert sound.asked == [(16_000, 1)]


@pytest.mark.parametrize("only", [(48_000, 1), (44_100, 2), (32_000, 1), (16_000, 2)])
def test_what_refuses_16_khz_mono_is_opened_at_what_it_has(only: tuple[int, int]) -> None:
    sound = FakeSound(formats=[Format(*only)])
    assert open_audio_stream(sound(), WEBCAM_IN_STEREO, ignore)[1] == only


WEBCAM_IN_STEREO = Device(index=1, name="stereo", rate=48_000, channels=2)


def test_a_device_without_any_useful_rate_is_unusable() -> None:
    with pytest.raises(MicrophoneError) as unusable:
        open_audio_stream(FakeSound(formats=[])(), USB, ignore)
    assert unusable.value.fault.what == "Microphone unusable"
    assert "use another one" in str(unusable.value)


@pytest.mark.parametrize(
    ("code", "what"),
    [
        (pyaudio.paDeviceUnavailable, "Microphone busy"),
        (pyaudio.paInvalidDevice, "No microphone"),
        (pyaudio.paUnanticipatedHostError, "Microphone fails"),
    ],
)
def test_an_error_of_portaudio_is_reported_in_plain_words(code: int, what: str) -> None:
    sound = FakeSound()
    sound.error = OSError(code, "what PortAudio calls it")
    with pytest.raises(MicrophoneError) as failed:
        open_audio_stream(sound(), USB, ignore)
    fault = failed.value.fault
    assert fault.what == what
    assert fault.remedy
    assert "what PortAudio calls it" in fault.detail
    assert len(sound.asked) == 1


PROGRAM = """
import logging, sys
from appliance.hardware.portaudio import quiet_audio

for _ in range(2):
    audio = quiet_audio()
    try:
        audio.open(rate=12345, channels=7, format=8, input=True)
    except OSError:
        pass
    audio.terminate()
{ending}
"""


def stderr_of(ending: str, directory: Path) -> str:
    """Run a program for which no sound card, JACK or PulseAudio can be found."""
    result = subprocess.run(
        [sys.executable, "-c", PROGRAM.format(ending=ending)],
        env={"HOME": str(directory), "PYTHONPATH": str(Path(__file__).parents[2])},
        capture_output=True,
        text=True,
        check=False,
    )
    return result.stderr


def test_the_sound_libraries_write_nothing(tmp_path: Path) -> None:
    assert stderr_of("", tmp_path) == ""


def test_without_silencing_they_would_write(tmp_path: Path) -> None:
    assert "ALSA" in stderr_of(
        "import os, pyaudio\nos.execv(sys.executable, [sys.executable, '-c', "
        "'import pyaudio; pyaudio.PyAudio().terminate()'])",
        tmp_path,
    )


def test_the_log_and_tracebacks_stay(tmp_path: Path) -> None:
    stderr = stderr_of("logging.warning('a word')\nraise SystemError('a trace')", tmp_path)
    assert "a word" in stderr
    assert "a trace" in stderr


def test_faulthandler_and_child_processes_stay(tmp_path: Path) -> None:
    ending = (
        "import faulthandler, subprocess\n"
        "subprocess.run(['sh', '-c', 'echo a child >&2'])\n"
        "faulthandler.dump_traceback()"
    )
    stderr = stderr_of(ending, tmp_path)
    assert "a child" in stderr
    assert "most recent call first" in stderr


@pytest.mark.parametrize(
    ("channels", "every_channel", "asked"),
    [
        (1, False, 1),
        (2, False, 1),
        (6, False, 1),
        (6, True, 6),
        (8, True, 8),
        (10, False, 10),
        (32, False, 16),
        (32, True, 1),
        (128, False, 16),
    ],
)
def test_channels_are_asked_for_by_what_the_device_is(
    channels: int, every_channel: bool, asked: int
) -> None:
    sound = FakeSound(formats=[Format(16_000, count) for count in range(1, 129)])
    device = Device(index=1, name="any", rate=48_000, channels=channels)
    opened = open_audio_stream(sound(), device, ignore, every_channel=every_channel)[1]
    assert opened == (16_000, asked)


@pytest.mark.parametrize("channels", range(1, 33))
def test_a_device_that_only_has_all_its_channels_is_opened(channels: int) -> None:
    sound = FakeSound(formats=[Format(48_000, channels)])
    device = Device(index=1, name="any", rate=48_000, channels=channels)
    assert open_audio_stream(sound(), device, ignore)[1] == (48_000, channels)
