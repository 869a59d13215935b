"""Which microphone is meant, and a stream from it at a rate that it has."""

import ctypes
import functools
from collections.abc import Callable, Iterator, Mapping
from typing import NamedTuple, Protocol

import msgspec
import pyaudio

from appliance.core.audio_format import SAMPLE_RATE
from appliance.core.events import Fault
from appliance.system import environment

StreamCallback = Callable[[bytes | None, int, Mapping[str, float], int], tuple[bytes | None, int]]
"""PortAudio's: takes the samples, the number of frames, their times and the status flags."""

Info = Mapping[str, str | int | float]
"""What PortAudio tells of a device."""

_BLOCKS_PER_SECOND = 10

_REFUSALS = {
    pyaudio.paInvalidSampleRate,
    pyaudio.paInvalidChannelCount,
    pyaudio.paSampleFormatNotSupported,
}


class Stream(Protocol):
    """What is used of `pyaudio.PyAudio.Stream`."""

    def is_active(self) -> bool: ...  # noqa: D102 - PyAudio's
    def stop_stream(self) -> None: ...  # noqa: D102 - PyAudio's
    def close(self) -> None: ...  # noqa: D102 - PyAudio's


class Audio(Protocol):
    """What is used of `pyaudio.PyAudio`."""

    def get_device_count(self) -> int: ...  # noqa: D102 - PyAudio's
    def get_device_info_by_index(self, device_index: int) -> Info: ...  # noqa: D102 - PyAudio's
    def get_default_input_device_info(self) -> Info: ...  # noqa: D102 - PyAudio's
    def terminate(self) -> None: ...  # noqa: D102 - PyAudio's

    def is_format_supported(  # noqa: D102 - PyAudio's
        self, rate: int, input_device: int, input_channels: int, input_format: int
    ) -> bool: ...

    def open(  # noqa: D102 - PyAudio's
        self,
        rate: int,
        channels: int,
        format: int,  # noqa: A002 - PyAudio's
        *,
        input: bool,  # noqa: A002 - PyAudio's
        input_device_index: int,
        frames_per_buffer: int,
        stream_callback: StreamCallback,
    ) -> Stream: ...


class Device(msgspec.Struct, frozen=True):
    """A device that can record."""

    index: int
    name: str
    rate: int
    channels: int


class Format(NamedTuple):
    """A rate in Hz and a number of channels; samples are always s16le."""

    rate: int
    channels: int


class MicrophoneError(Exception):
    """The microphone can't be used; `fault` says it to the person."""

    def __init__(self, fault: Fault) -> None:
        super().__init__(str(fault))
        self.fault = fault


def quiet_audio() -> pyaudio.PyAudio:
    """Return a new `PyAudio` whose libraries keep silent.

    Raises:
        OSError: PortAudio can't be initialised.
    """
    silence_libraries()
    return pyaudio.PyAudio()


@functools.cache
def silence_libraries() -> None:
    """Point C's `stderr` nowhere, for good; may be called again.

    Python writes to the file descriptor, not to C's stream: its log, its tracebacks and
    faulthandler's stay where they are. Redirecting the descriptor, even for a moment, would take
    other threads' lines with it; and PortAudio, unlike ALSA and JACK, can't be told to be silent.
    """
    environment.prepare()
    libc = ctypes.CDLL(None, use_errno=True)
    libc.fopen.restype = ctypes.c_void_p
    nowhere = libc.fopen(b"/dev/null", b"w")
    if nowhere:
        ctypes.c_void_p.in_dll(libc, "stderr").value = nowhere


def find_device(audio: Audio, wanted: str | int) -> Device:
    """Return the device that is wanted, as PortAudio knows it now.

    Args:
        audio: PortAudio.
        wanted: part of a name, whatever its case; an index; or "" for PortAudio's default.

    Raises:
        MicrophoneError: there is no such device, or it can't record.
    """
    try:
        if wanted == "":
            return _device(audio.get_default_input_device_info())
        if isinstance(wanted, int):
            device = _device(audio.get_device_info_by_index(wanted))
            candidates = [device] if device.channels else []
        else:
            candidates = [
                device
                for device in recording_devices(audio)
                if wanted.casefold() in device.name.casefold()
            ]
    except OSError as error:
        raise MicrophoneError(fault_of(error)) from error
    if not candidates:
        raise MicrophoneError(Fault("No microphone", "plug it in", f"none is called {wanted!r}"))
    return candidates[0]


def recording_devices(audio: Audio) -> list[Device]:
    """Return all devices that can record, in PortAudio's order."""
    devices = (
        _device(audio.get_device_info_by_index(index)) for index in range(audio.get_device_count())
    )
    return [device for device in devices if device.channels]


def open_stream(audio: Audio, device: Device, callback: StreamCallback) -> tuple[Stream, Format]:
    """Start a stream from the device, at 16 kHz mono if it can.

    Blocks have a tenth of a second: shorter ones would only cost more and leave the sound system a
    smaller buffer.

    Raises:
        MicrophoneError: the device is busy, gone, or has no rate that is of use.
    """
    refusal: OSError | None = None
    for rate, channels in _formats(device):
        try:
            stream = audio.open(
                rate=rate,
                channels=channels,
                format=pyaudio.paInt16,
                input=True,
                input_device_index=device.index,
                frames_per_buffer=rate // _BLOCKS_PER_SECOND,
                stream_callback=callback,
            )
        except OSError as error:
            if error.errno not in _REFUSALS:
                raise MicrophoneError(fault_of(error)) from error
            refusal = error
        else:
            return stream, Format(rate, channels)
    raise MicrophoneError(
        Fault("Microphone unusable", "use another one", f"{device.name}: {refusal}")
    )


def can_do(audio: Audio, device: Device, wanted: Format) -> bool:
    """Tell whether the device can record in this format, without recording."""
    try:
        return audio.is_format_supported(
            wanted.rate, device.index, wanted.channels, pyaudio.paInt16
        )
    except ValueError:  # PyAudio's way to say no
        return False


def fault_of(error: OSError) -> Fault:
    """Say PortAudio's error in words for the person."""
    detail = f"PortAudio {error.errno}: {error.strerror}" if error.errno else str(error)
    if error.errno == pyaudio.paDeviceUnavailable:
        return Fault("Microphone busy", "end the other program that uses it", detail)
    # Where there is no device at all, PyAudio looks in vain for the default and gives no number.
    if error.errno in (pyaudio.paInvalidDevice, None):
        return Fault("No microphone", "plug one in", detail)
    return Fault("Microphone fails", "unplug it and plug it in again", detail)


def _device(info: Info) -> Device:
    return Device(
        index=int(info["index"]),
        name=str(info["name"]),
        rate=int(info["defaultSampleRate"]),
        channels=int(info["maxInputChannels"]),
    )


def _formats(device: Device) -> Iterator[Format]:
    """Yield what to ask the device for, the best first."""
    rates = dict.fromkeys((SAMPLE_RATE, device.rate, 48_000, 44_100, 32_000, 96_000, 22_050))
    counts = dict.fromkeys((1, 2, device.channels))
    for rate in rates:
        for channels in counts:
            if channels <= device.channels:
                yield Format(rate, channels)
