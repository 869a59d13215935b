"""A sound system whose microphone captures by itself, in real time, from when it is opened."""
# ruff: noqa: ARG002 - what PortAudio is asked for matters elsewhere

import threading
import time
from collections.abc import Mapping

import pyaudio

from appliance.hardware.portaudio import Info, StreamCallback

BLOCK = 0.002  # seconds
OPENING = 0.005  # seconds that a device takes to open


class RunningStream:
    """Captures its own number, over and over, until it is stopped; or nothing, if it is `mute`."""

    def __init__(self, number: int, callback: StreamCallback, *, mute: bool) -> None:
        self.closed = False
        self._block = number.to_bytes(2, "little") * round(16_000 * BLOCK)
        self._callback = callback
        self._mute = mute
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def is_active(self) -> bool:
        return self._thread.is_alive()

    def stop_stream(self) -> None:
        self._stopped.set()
        self._thread.join()

    def close(self) -> None:
        self.closed = True

    def _run(self) -> None:
        times: Mapping[str, float] = {"current_time": 0.0, "input_buffer_adc_time": 0.0}
        while not self._stopped.wait(BLOCK):
            if not self._mute:
                self._callback(self._block, len(self._block) // 2, times, 0)


class RunningSound:
    """A sound system with one microphone, which comes and goes as `there` says.

    It opens when `may_open` is set.
    """

    def __init__(self) -> None:
        self.there = True
        self.mute = False
        self.opening = threading.Event()
        self.may_open = threading.Event()
        self.may_open.set()
        self.streams: list[RunningStream] = []

    def __call__(self) -> "RunningSound":
        return self

    def get_device_count(self) -> int:
        return 1

    def get_device_info_by_index(self, device_index: int) -> Info:
        return {
            "index": 0,
            "name": "microphone",
            "defaultSampleRate": 16_000.0,
            "maxInputChannels": int(self.there),
        }

    def get_default_input_device_info(self) -> Info:
        return self.get_device_info_by_index(0)

    def is_format_supported(
        self, rate: int, input_device: int, input_channels: int, input_format: int
    ) -> bool:
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
    ) -> RunningStream:
        self.opening.set()
        time.sleep(OPENING)
        self.may_open.wait(30)
        if not self.there:
            raise OSError(pyaudio.paDeviceUnavailable, "Device unavailable")
        number = len(self.streams) + 1
        self.streams.append(RunningStream(number, stream_callback, mute=self.mute))
        return self.streams[-1]

    def terminate(self) -> None:
        assert all(stream.closed for stream in self.streams)

    @property
    def running(self) -> int:
        """How many streams capture."""
        return sum(not stream.closed for stream in self.streams)
