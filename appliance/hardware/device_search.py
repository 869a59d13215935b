"""Search for the wanted microphone among the devices that record."""

import re
import unicodedata
from pathlib import Path

from appliance.core.faults import Fault
from appliance.hardware.portaudio import (
    Audio,
    Device,
    MicrophoneError,
    default_device,
    fault_of,
    recording_devices,
)

_MONITOR = re.compile(r"\bmonitor of\b|\.monitor\b")
"""Names that sound servers give to the recording of an output."""

_NAMES_SHOWN = 2
"""Names of other microphones that a fault mentions; the screen is small."""


def fitting_devices(audio: Audio, wanted: str | int) -> list[Device]:
    """Return the devices that `wanted` fits, the best first: cameras come last.

    A monitor, which records what a loudspeaker plays, is taken only by its index or if `wanted`
    names it as one.

    Args:
        audio: PortAudio.
        wanted: part of a name in any case, an index, or "" for PortAudio's default.

    Raises:
        MicrophoneError: there is no such device, or it can't record.
    """
    try:
        if isinstance(wanted, int):
            candidates = [device for device in recording_devices(audio) if device.index == wanted]
        elif name := _folded(wanted):
            found = [device for device in recording_devices(audio) if name in _folded(device.name)]
            candidates = found if "monitor" in name else _unless_monitor(found)
        else:
            candidates = _unless_monitor([default_device(audio)])
        others = _unless_monitor(recording_devices(audio)) if not candidates else []
    except OSError as error:
        raise MicrophoneError(fault_of(error)) from error
    if not candidates:
        raise MicrophoneError(_missing(wanted, others))
    return sorted(candidates, key=is_camera)


def is_camera(device: Device, cards: Path = Path("/sys/class/sound")) -> bool:
    """Return whether the device is the microphone of a camera.

    Args:
        device: as PortAudio knows it.
        cards: the sound cards of the system, whose devices may have a video part, too.
    """
    if re.search(r"cam(era)?\b|webcam|\buvc\b", _folded(device.name)):
        return True
    card = re.search(r"\(hw:(\d+),", device.name)
    if not card:
        return False
    usb_device = (cards / f"card{card[1]}" / "device").resolve().parent
    return any(usb_device.glob("*/video4linux"))


def _missing(wanted: str | int, others: list[Device]) -> Fault:
    if not others:
        return Fault("No microphone", "plug it in", f"none is called {wanted!r}")
    there = " or ".join(dict.fromkeys(short_name(device) for device in others[:_NAMES_SHOWN]))
    return Fault(
        "No microphone", f"plug it in, or set device to: {there}", f"none is called {wanted!r}"
    )


def short_name(device: Device) -> str:
    """Return the name of a device without the number of its card, which changes."""
    return re.sub(r"\s*\(hw:[\d,]+\)$", "", device.name)


def _unless_monitor(devices: list[Device]) -> list[Device]:
    return [device for device in devices if not _MONITOR.search(_folded(device.name))]


def _folded(name: str) -> str:
    """Return a name without what people do not see: case, and spaces around or in a row."""
    return " ".join(unicodedata.normalize("NFKC", name).casefold().split())
