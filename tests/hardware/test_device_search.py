from pathlib import Path

import pytest

from appliance.hardware.device_search import fitting_devices, is_camera
from appliance.hardware.portaudio import Device, MicrophoneError
from tests.hardware.fake_portaudio import HDMI, USB, FakeAudio, FakeSound

WEBCAM = Device(index=2, name="HD Webcam C270: USB Audio (hw:2,0)", rate=16_000, channels=2)


def audio_with(*devices: Device) -> FakeAudio:
    return FakeSound(devices)()


@pytest.mark.parametrize(
    ("wanted", "found"),
    [
        ("", USB),
        ("  ", USB),
        (" usb\t", USB),
        ("usb  pnp", USB),
        ("\uff35\uff33\uff22", USB),
        ("webcam", WEBCAM),
        ("USB PNP", USB),
        ("hw:2", WEBCAM),
        (2, WEBCAM),
    ],
)
def test_a_device_is_found_by_default_name_or_index(wanted: str | int, found: Device) -> None:
    assert fitting_devices(audio_with(HDMI, USB, WEBCAM), wanted)[0] == found


@pytest.mark.parametrize("wanted", ["", "jabra", "hdmi", 0, 7, -1, 10**14])
def test_a_device_that_is_missing_or_can_not_record_is_no_microphone(wanted: str | int) -> None:
    audio = audio_with(HDMI) if wanted == "" else audio_with(HDMI, USB)
    with pytest.raises(MicrophoneError) as missing:
        fitting_devices(audio, wanted)
    assert missing.value.fault.what == "No microphone"
    assert "plug" in missing.value.fault.remedy


WEBCAM_CALLED_USB = Device(index=0, name="USB 2.0 Camera: Audio (hw:0,0)", rate=48_000, channels=1)
MONITOR = Device(index=0, name="Monitor of USB speaker", rate=48_000, channels=2)


def test_a_webcam_is_taken_only_if_nothing_else_has_the_name() -> None:
    audio = audio_with(WEBCAM_CALLED_USB, USB)
    assert fitting_devices(audio, "usb") == [USB, WEBCAM_CALLED_USB]
    assert fitting_devices(audio, "camera")[0] == WEBCAM_CALLED_USB
    assert fitting_devices(audio_with(WEBCAM_CALLED_USB), "usb")[0] == WEBCAM_CALLED_USB


def test_a_card_with_a_video_part_is_a_camera(tmp_path: Path) -> None:
    for interface in ("1-1:1.0/video4linux", "1-1:1.2", "1-2:1.0"):
        (tmp_path / "usb" / interface[:3] / interface).mkdir(parents=True)
    for card, interface in enumerate(("1-1/1-1:1.2", "1-2/1-2:1.0")):
        (tmp_path / f"card{card}").mkdir()
        (tmp_path / f"card{card}" / "device").symlink_to(tmp_path / "usb" / interface)
    named = [Device(0, f"BRIO: USB Audio (hw:{card},0)", 48_000, 2) for card in range(3)]
    assert [is_camera(device, tmp_path) for device in named] == [True, False, False]


@pytest.mark.parametrize("wanted", ["", "usb"])
def test_the_monitor_of_an_output_is_no_microphone(wanted: str) -> None:
    with pytest.raises(MicrophoneError):
        fitting_devices(audio_with(MONITOR), wanted)
    audio = audio_with(MONITOR)
    assert fitting_devices(audio, "monitor")[0] == fitting_devices(audio, 0)[0] == MONITOR


@pytest.mark.parametrize("wanted", ["jabra", 7])
def test_what_is_there_is_named_where_the_wanted_one_is_not(wanted: str | int) -> None:
    with pytest.raises(MicrophoneError) as missing:
        fitting_devices(audio_with(HDMI, USB, MONITOR), wanted)
    remedy = missing.value.fault.remedy
    assert remedy == "plug it in, or set device to: USB PnP Sound Device: Audio"
