"""Fake PortAudio whose devices, refusals and breakdowns a test decides."""

import itertools
import threading
import time
from collections.abc import Iterable, Mapping

import msgspec
import pyaudio

from appliance.hardware.portaudio import Device, Format, Info, StreamCallback
from tests.rig.waiting import wait_until

USB = Device(index=1, name="USB PnP Sound Device: Audio (hw:1,0)", rate=48_000, channels=1)
HDMI = Device(index=0, name="vc4hdmi0: HDMI (hw:0,0)", rate=44_100, channels=0)

BLOCK_TIME = 0.002
"""Seconds of audio in a block of a RunningStream."""

OPENING_TIME = 0.005
"""Seconds that the device of a RunningSound takes to open."""


class FakeStream:
    """Stream that captures what the test passes to `hear`."""

    def __init__(self, captured: Format, callback: StreamCallback) -> None:
        self.format = captured
        self.active = True
        self.closed = False
        self.last_gasp = b""
        self._callback = callback

    def hear(self, audio: bytes, *, status: int = 0, age: float = 0.0) -> None:
        """Capture one block, as PortAudio's thread does."""
        assert self.active
        times = {"current_time": 1000.0, "input_buffer_adc_time": 1000.0 - age}
        frames = len(audio) // 2 // self.format.channels
        assert self._callback(audio, frames, times, status) == (None, pyaudio.paContinue)

    def run_away(self, audio: bytes) -> int:
        """Capture this without a pause until the callback wants no more; return how often."""
        times = {"current_time": 1000.0, "input_buffer_adc_time": 1000.0}
        frames = len(audio) // 2 // self.format.channels
        for count in itertools.count(1):
            if self._callback(audio, frames, times, 0)[1] != pyaudio.paContinue:
                self.active = False
                return count
        raise AssertionError

    def is_active(self) -> bool:
        return self.active

    def stop_stream(self) -> None:
        if self.last_gasp:
            self.hear(self.last_gasp)
        self.active = False

    def close(self) -> None:
        assert not self.active, "closing a running stream cancels PortAudio's thread"
        self.closed = True


class ThreadedStream(FakeStream):
    """Stream that captures on a thread of its own, from `begin` until it is stopped."""

    def begin(self) -> None:
        self.stopped = threading.Event()
        self._thread = threading.Thread(target=self.capture, daemon=True)
        self._thread.start()

    def stop_stream(self) -> None:
        self.stopped.set()
        self._thread.join()
        super().stop_stream()

    def capture(self) -> None:
        """Capture until `stopped` is set."""
        raise NotImplementedError


class RunningStream(ThreadedStream):
    """Stream that captures its number over and over, in real time; or nothing, if it is `mute`."""

    def __init__(
        self, captured: Format, callback: StreamCallback, number: int, *, mute: bool
    ) -> None:
        super().__init__(captured, callback)
        self._block = number.to_bytes(2, "little") * round(captured.rate * BLOCK_TIME)
        self._mute = mute
        self.begin()

    def capture(self) -> None:
        while not self.stopped.wait(BLOCK_TIME):
            if not self._mute:
                self.hear(self._block)


class FakeSound:
    """Sound system of the machine: it outlives each PortAudio, which sees the devices of its birth.

    Call it to get a new PortAudio.
    """

    def __init__(
        self,
        devices: Iterable[Device] = (HDMI, USB),
        formats: Iterable[Format] = (Format(16_000, 1),),
    ) -> None:
        self.devices = list(devices)
        self.formats = set(formats)
        self.error: OSError | None = None
        self.asked: list[Format] = []
        self.streams: list[FakeStream] = []
        self.instances: list[FakeAudio] = []
        self.callers: set[str] = set()

    def __call__(self) -> "FakeAudio":
        assert all(instance.terminated for instance in self.instances)
        self.instances.append(FakeAudio(self))
        return self.instances[-1]

    def stream(self, count: int = 1) -> FakeStream:
        """Return the stream number `count`, as soon as it is open."""
        wait_until(lambda: len(self.streams) >= count)
        return self.streams[count - 1]

    def new_stream(self, captured: Format, callback: StreamCallback) -> FakeStream:
        """Return the stream that a PortAudio is to open."""
        if self.error:
            raise self.error
        return FakeStream(captured, callback)


class RunningSound(FakeSound):
    """Sound system whose one microphone captures by itself, as soon as `may_open` is set."""

    def __init__(self) -> None:
        super().__init__([USB])
        self.mute = False
        self.opening = threading.Event()
        self.may_open = threading.Event()
        self.may_open.set()

    @property
    def running(self) -> int:
        """How many streams capture."""
        return sum(not stream.closed for stream in self.streams)

    def unplug(self) -> None:
        """Take the microphone away."""
        self.devices = []
        self.error = OSError(pyaudio.paDeviceUnavailable, "Device unavailable")

    def plug(self) -> None:
        """Put the microphone back."""
        self.devices = [USB]
        self.error = None

    def new_stream(self, captured: Format, callback: StreamCallback) -> FakeStream:
        """Return a stream that runs; it takes as long to open as a real one."""
        self.opening.set()
        time.sleep(OPENING_TIME)
        self.may_open.wait(30)
        super().new_stream(captured, callback)
        return RunningStream(captured, callback, len(self.streams) + 1, mute=self.mute)


class FakeAudio:
    """One PortAudio, in the place of `pyaudio.PyAudio`."""

    def __init__(self, sound: FakeSound) -> None:
        self._sound = sound
        # PortAudio numbers devices without gaps, each time from 0.
        self._devices = {
            index: msgspec.structs.replace(device, index=index)
            for index, device in enumerate(sound.devices)
        }
        self.terminated = False

    def get_device_count(self) -> int:
        return len(self._devices)

    def get_device_info_by_index(self, device_index: int) -> Info:
        if device_index not in self._devices:
            raise OSError(pyaudio.paInvalidDevice, "Invalid device")
        return _info(self._devices[device_index])

    def get_default_input_device_info(self) -> Info:
        for device in self._devices.values():
            if device.channels:
                return _info(device)
        raise OSError(pyaudio.paInvalidDevice, "No Default Input Device Available")

    def is_format_supported(
        self, rate: int, input_device: int, input_channels: int, input_format: int
    ) -> bool:
        assert input_device in self._devices
        assert input_format == pyaudio.paInt16
        if (rate, input_channels) not in self._sound.formats:
            raise ValueError("Invalid sample rate", pyaudio.paInvalidSampleRate)
        return True

    def open(
        self,
        rate: int,
        channels: int,
        format: int,  # noqa: A002 - PyAudio's
        *,
        input: bool,  # noqa: A002 - PyAudio's
        input_device_index: int,
        frames_per_buffer: int,
        stream_callback: StreamCallback,
    ) -> FakeStream:
        assert not self.terminated
        assert input_device_index in self._devices
        assert (format, input) == (pyaudio.paInt16, True)
        assert frames_per_buffer == rate // 10
        captured = Format(rate, channels)
        self._sound.callers.add(threading.current_thread().name)
        self._sound.asked.append(captured)
        if not any(rate == known.rate for known in self._sound.formats):
            raise OSError(pyaudio.paInvalidSampleRate, "Invalid sample rate")
        if captured not in self._sound.formats:
            raise OSError(pyaudio.paInvalidChannelCount, "Invalid number of channels")
        stream = self._sound.new_stream(captured, stream_callback)
        self._sound.streams.append(stream)
        return stream

    def terminate(self) -> None:
        self.terminated = True


def _info(device: Device) -> Mapping[str, str | int | float]:
    return {
        "index": device.index,
        "name": device.name,
        "defaultSampleRate": float(device.rate),
        "maxInputChannels": device.channels,
    }
