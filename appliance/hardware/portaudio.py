"""PortAudio: device search, streams at a rate the device supports, silenced C libraries."""

import ctypes
import functools
from collections.abc import Callable, Iterator, Mapping
from typing import NamedTuple, Protocol

import msgspec
import pyaudio

from appliance.core.audio_format import SAMPLE_RATE
from appliance.core.faults import Fault
from appliance.hardware.signal_checks import unusable
from appliance.system import environment

StreamCallback = Callable[[bytes | None, int, Mapping[str, float], int], tuple[bytes | None, int]]
"""PortAudio's callback: takes samples, number of frames, their times and the status flags."""

Info = Mapping[str, str | int | float]
"""PortAudio's description of a device."""

_BLOCKS_PER_SECOND = 10

_MOST_CHANNELS = 8
"""Channels of a real device. Sound servers and ALSA's plug-ins claim more, and make them up."""

_CHANNELS_OF_PLUGIN = 16
"""Channels to ask a plug-in for: asked for fewer than its microphone has, it would mix them.

Eight have the places of loudspeakers, from front left to side right. The others have none, as the
channels of many microphones.
"""

_REFUSALS = {
    pyaudio.paInvalidSampleRate,
    pyaudio.paInvalidChannelCount,
    pyaudio.paSampleFormatNotSupported,
}


class AudioStream(Protocol):
    """The part of `pyaudio.PyAudio.Stream` that is used."""

    def is_active(self) -> bool: ...  # noqa: D102 - PyAudio's
    def stop_stream(self) -> None: ...  # noqa: D102 - PyAudio's
    def close(self) -> None: ...  # noqa: D102 - PyAudio's


class Audio(Protocol):
    """The part of `pyaudio.PyAudio` that is used."""

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
    ) -> AudioStream: ...


class Device(msgspec.Struct, frozen=True):
    """Device that can record; `rate` in Hz is its default, `channels` its maximum."""

    index: int
    name: str
    rate: int
    channels: int

    @property
    def is_plugin(self) -> bool:
        """Whether it is a sound server or plug-in, which decides itself what it records."""
        return self.channels > _MOST_CHANNELS


class Format(NamedTuple):
    """Rate in Hz and number of channels; samples are always s16le."""

    rate: int
    channels: int


class MicrophoneError(Exception):
    """A microphone that can't be used.

    Attributes:
        fault: says so in words for a person.
        rest: seconds for which it is left alone, at least.
    """

    def __init__(self, fault: Fault, rest: float = 0.0) -> None:
        super().__init__(str(fault))
        self.fault = fault
        self.rest = rest


def quiet_audio() -> pyaudio.PyAudio:
    """Return a new `PyAudio` whose C libraries print nothing.

    Raises:
        OSError: PortAudio can't be initialised.
    """
    silence_libraries()
    return pyaudio.PyAudio()


@functools.cache
def silence_libraries() -> None:
    """Point C's `stderr` at /dev/null, for good; may be called again.

    ALSA, JACK and PortAudio write to it whenever they open a device that is missing, refuses a rate
    or is pulled out. What matters in it also comes back as an error code.

    Python writes to the file descriptor, not to C's stream: its log, its tracebacks and
    faulthandler's stay where they are. Redirecting the descriptor, even for a moment, would lose
    other threads' lines; and PortAudio, unlike ALSA and JACK, has no switch for its messages.
    """
    environment.prepare()
    libc = ctypes.CDLL(None, use_errno=True)
    libc.fopen.restype = ctypes.c_void_p
    null = libc.fopen(b"/dev/null", b"w")
    if null:
        ctypes.c_void_p.in_dll(libc, "stderr").value = null


def default_device(audio: Audio) -> Device:
    """Return the device from which PortAudio records by default.

    Raises:
        OSError: there is none.
    """
    return _device(audio.get_default_input_device_info())


def recording_devices(audio: Audio) -> list[Device]:
    """Return all devices that can record, in PortAudio's order."""
    devices = (
        _device(audio.get_device_info_by_index(index)) for index in range(audio.get_device_count())
    )
    return [device for device in devices if device.channels]


def open_audio_stream(
    audio: Audio, device: Device, callback: StreamCallback, *, every_channel: bool = False
) -> tuple[AudioStream, Format]:
    """Start a stream from the device, at 16 kHz mono if it can.

    Blocks have a tenth of a second: shorter ones would only cost more and leave the sound system a
    smaller buffer.

    Args:
        audio: PortAudio.
        device: what to open.
        callback: called with each block, on PortAudio's thread.
        every_channel: open all channels of the device, not the first one alone; of a plug-in, the
            mix of all that it has.

    Raises:
        MicrophoneError: the device is busy, gone, or has no usable rate.
    """
    refusal: OSError | None = None
    for rate, channels in _formats(device, every_channel=every_channel):
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
    raise MicrophoneError(unusable(f"{device.name}: {refusal}"))


def expected_format(audio: Audio, device: Device) -> Format | None:
    """Return the format in which a stream will open, without opening one; None if it will not."""
    formats = _formats(device, every_channel=False)
    return next((format_ for format_ in formats if _supports(audio, device, format_)), None)


def fault_of(error: OSError) -> Fault:
    """Return PortAudio's error as a fault, in words for a person."""
    detail = f"PortAudio {error.errno}: {error.strerror}" if error.errno else str(error)
    if error.errno == pyaudio.paDeviceUnavailable:
        return Fault("Microphone busy", "end the other program that uses it", detail)
    # PyAudio's error has no number where there is no default device.
    if error.errno in (pyaudio.paInvalidDevice, None):
        return Fault("No microphone", "plug one in", detail)
    return Fault("Microphone fails", "unplug it and plug it in again", detail)


def _supports(audio: Audio, device: Device, wanted: Format) -> bool:
    """Return whether the device can record in this format, without recording."""
    try:
        return audio.is_format_supported(
            wanted.rate, device.index, wanted.channels, pyaudio.paInt16
        )
    except ValueError:  # how PyAudio says no
        return False


def _device(info: Info) -> Device:
    return Device(
        index=int(info["index"]),
        name=str(info["name"]),
        rate=int(info["defaultSampleRate"]),
        channels=int(info["maxInputChannels"]),
    )


def _formats(device: Device, *, every_channel: bool) -> Iterator[Format]:
    """Yield the formats to try, the best first."""
    rates = dict.fromkeys((SAMPLE_RATE, device.rate, 48_000, 44_100, 32_000, 96_000, 22_050))
    counts = dict.fromkeys((1, 2, device.channels))
    if device.is_plugin:
        most = min(_CHANNELS_OF_PLUGIN, device.channels)
        counts = dict.fromkeys((1, 2) if every_channel else (most, 2, 1, device.channels))
    elif every_channel:
        counts = dict.fromkeys((device.channels, 2, 1))
    for rate in rates:
        for channels in counts:
            if channels <= device.channels:
                yield Format(rate, channels)
