"""Simulated hardware for the demo and tests: a WAV file as PyAudio, a press of a mock pin."""

import io
import itertools
import threading
import time
import wave
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import pyaudio

from appliance.core.audio_format import SAMPLE_BYTES
from appliance.hardware.portaudio import Info, StreamCallback

if TYPE_CHECKING:
    from gpiozero.pins.mock import MockPin


class WavRecording:
    """Contents of a WAV file as 16-bit samples.

    Args:
        path: a WAV file with 8, 16, 24 or 32 bit PCM, of any rate and number of channels.

    Attributes:
        rate: in Hz.
        channels: interleaved in `samples`.
        samples: s16le.

    Raises:
        ValueError: it is no such file; the message says so.
        OSError: it can't be read.
    """

    def __init__(self, path: Path) -> None:
        try:
            with wave.open(io.BytesIO(_with_plain_header(path.read_bytes())), "rb") as file:
                self.rate = file.getframerate()
                self.channels = file.getnchannels()
                width = file.getsampwidth()
                samples = file.readframes(file.getnframes())
        except (wave.Error, EOFError) as error:
            reason = str(error) or "it is cut off"
            raise ValueError(
                f"{path} is no WAV file with 8, 16, 24 or 32 bit PCM: {reason}"
            ) from error
        whole = len(samples) - len(samples) % (width * self.channels)
        self.samples = _as_16_bit(samples[:whole], width)

    @property
    def seconds(self) -> float:
        """Its length."""
        return len(self.samples) / SAMPLE_BYTES / self.channels / self.rate


class WavAudio:
    """Replacement for `pyaudio.PyAudio` whose one microphone plays a WAV file in real time.

    Each stream plays the file from its start, then silence. As with a real microphone, the only
    rate and number of channels are its own.

        audio = WavAudio(Path("speech.wav"))
        microphone = Microphone(MicrophoneSettings(), post, audio=lambda: audio)

    Args:
        path: the WAV file.
        clock: monotonic seconds.

    Attributes:
        recording: what is played.
        finished: set when the whole file was played.

    Raises:
        ValueError: it is no WAV file that can be played.
        OSError: it can't be read.
    """

    def __init__(self, path: Path, *, clock: Callable[[], float] = time.monotonic) -> None:
        self.recording = WavRecording(path)
        self.finished = threading.Event()
        self._name = path.name
        self._clock = clock
        self._streams: list[WavStream] = []

    def get_device_count(self) -> int:
        """Return 1."""
        return 1

    def get_device_info_by_index(self, device_index: int) -> Info:
        """Return PortAudio's description of the microphone."""
        if device_index != 0:
            raise OSError(pyaudio.paInvalidDevice, "Invalid device")
        return {
            "index": 0,
            "name": self._name,
            "maxInputChannels": self.recording.channels,
            "maxOutputChannels": 0,
            "defaultSampleRate": float(self.recording.rate),
        }

    def get_default_input_device_info(self) -> Info:
        """Return PortAudio's description of the microphone."""
        return self.get_device_info_by_index(0)

    def is_format_supported(
        self,
        rate: int,
        input_device: int | None = None,  # noqa: ARG002 - PyAudio's
        input_channels: int | None = None,
        input_format: int | None = None,
    ) -> bool:
        """Return True for the file's own rate and channels, and 16 bits.

        Raises:
            ValueError: for any other format, as PyAudio does.
        """
        if refusal := self._refusal(rate, input_channels, input_format):
            raise ValueError(*reversed(refusal.args))
        return True

    def open(
        self,
        rate: int,
        channels: int,
        format: int,  # noqa: A002 - PyAudio's
        *,
        input: bool,  # noqa: A002, ARG002 - PyAudio's
        input_device_index: int = 0,  # noqa: ARG002 - PyAudio's
        frames_per_buffer: int = 1024,
        stream_callback: StreamCallback,
    ) -> "WavStream":
        """Return a running stream that plays the file from its start.

        Raises:
            OSError: for any format but the file's own with 16 bits.
        """
        if refusal := self._refusal(rate, channels, format):
            raise refusal
        self.finished.clear()
        stream = WavStream(
            self.recording, frames_per_buffer, stream_callback, self.finished, self._clock
        )
        self._streams.append(stream)
        return stream

    def terminate(self) -> None:
        """Close all streams."""
        for stream in self._streams:
            stream.close()
        self._streams.clear()

    def _refusal(self, rate: int, channels: int | None, format_: int | None) -> OSError | None:
        if rate != self.recording.rate:
            return OSError(pyaudio.paInvalidSampleRate, "Invalid sample rate")
        if channels != self.recording.channels:
            return OSError(pyaudio.paInvalidChannelCount, "Invalid number of channels")
        if format_ != pyaudio.paInt16:
            return OSError(pyaudio.paSampleFormatNotSupported, "Sample format not supported")
        return None


class WavStream:
    """Replacement for `pyaudio.PyAudio.Stream` that calls back on a thread of its own."""

    def __init__(
        self,
        recording: WavRecording,
        frames: int,
        callback: StreamCallback,
        finished: threading.Event,
        clock: Callable[[], float],
    ) -> None:
        self._recording = recording
        self._frames = frames
        self._callback = callback
        self._finished = finished
        self._clock = clock
        self._stopped = threading.Event()
        self._thread: threading.Thread | None = None
        self.start_stream()

    def start_stream(self) -> None:
        """Play the file from its start."""
        if self._thread is None:
            self._stopped.clear()
            self._thread = threading.Thread(target=self._run, name="wav", daemon=True)
            self._thread.start()

    def stop_stream(self) -> None:
        """Stop, and wait for the last callback to return."""
        if self._thread is not None:
            self._stopped.set()
            self._thread.join()
            self._thread = None

    def close(self) -> None:
        """Stop for good."""
        self.stop_stream()

    def is_active(self) -> bool:
        """Return whether the callback is being called."""
        return self._thread is not None and self._thread.is_alive()

    def get_input_latency(self) -> float:
        """Return the age of a block's first sample at the callback, in seconds."""
        return self._frames / self._recording.rate

    def _run(self) -> None:
        size = self._frames * self._recording.channels * SAMPLE_BYTES
        samples = self._recording.samples
        began_at = self._clock()
        for number in itertools.count(1):
            now = began_at + number * self._frames / self._recording.rate
            if self._stopped.wait(max(0.0, now - self._clock())):
                return
            block = samples[(number - 1) * size : number * size].ljust(size, b"\0")
            times = {"current_time": now, "input_buffer_adc_time": now - self.get_input_latency()}
            _, request = self._callback(block, self._frames, times, 0)
            if number * size >= len(samples):
                self._finished.set()
            if request != pyaudio.paContinue:
                return


def press(pin: "MockPin", seconds: float = 0.2, *, pull_up: bool = True) -> None:
    """Press and release the button that is wired to a pin of gpiozero's `MockFactory`.

    A press under 50 ms would count as a bounce.
    """
    down, up = (pin.drive_low, pin.drive_high) if pull_up else (pin.drive_high, pin.drive_low)
    down()
    time.sleep(seconds)
    up()


def _as_16_bit(samples: bytes, width: int) -> bytes:
    """Return PCM of `width` bytes a sample, as WAV files hold it, as s16le."""
    if width == SAMPLE_BYTES:
        return samples
    converted = bytearray(len(samples) // width * SAMPLE_BYTES)
    if width == 1:
        # 8 bits are unsigned: silence is 128.
        converted[1::2] = bytes(sample ^ 0x80 for sample in samples)
    else:
        converted[0::2] = samples[width - 2 :: width]
        converted[1::2] = samples[width - 1 :: width]
    return bytes(converted)


def _with_plain_header(file: bytes) -> bytes:
    """Return a WAV file that calls its PCM plain PCM.

    Files with 24 bits or many channels call it "extensible", which `wave` only reads from Python
    3.12 on; the true format then is 24 bytes further on.
    """
    tag = file.find(b"fmt ", 12, 4096) + 8
    if file[tag : tag + 2] == b"\xfe\xff" and file[tag + 24 : tag + 26] == b"\x01\x00":
        return file[:tag] + b"\x01\x00" + file[tag + 2 :]
    return file
