"""USB microphone (USB Audio Class 1.0): one channel, 16 bits, in real time.

What is said to it waits until somebody records; then it is delivered as time passes, and silence
after it. So a test knows exactly which audio has left the microphone.
"""

import threading
import time
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from tests.machine.usb import Device, Setup, descriptor
from tests.machine.usbip import Request, Wire

RATE = 16_000
_STREAMING = 1
_CONTROL, _STREAM = 0x24, 0x25  # class-specific interface and endpoint descriptors
_MUTE, _VOLUME = 1, 2
_RANGE = {0x82: -32 * 256, 0x83: 0, 0x84: 256}  # GET_MIN, GET_MAX, GET_RES, in 1/256 dB

Samples = NDArray[np.int16]


class UsbMicrophone(Device):
    """Microphone that delivers the audio that a test plays to it.

    Args:
        rate: the only one it has, in Hz; a multiple of 16000.
        clock: monotonic seconds.
    """

    vendor, product = 0x0D8C, 0x013C
    strings = ("virtual Pi", "USB PnP Sound Device", "1")

    def __init__(self, rate: int = RATE, clock: Callable[[], float] = time.monotonic) -> None:
        super().__init__()
        self.rate = rate
        self._clock = clock
        self._changed = threading.Condition()
        self._waiting: list[tuple[Wire, Request]] = []
        self._speech: Samples = np.zeros(0, dtype=np.int16)
        self._delivered = 0
        self._frame_end: float | None = None
        self._volume = 0
        self._ended = False
        self._frames = threading.Thread(target=self._run, name="microphone frames")
        self._frames.start()

    def say(self, samples: Samples) -> None:
        """Let this (at 16 kHz) be heard after all that was said before."""
        with self._changed:
            rest = self._speech[self._delivered :]
            self._speech = np.concatenate([rest, np.repeat(samples, self.rate // RATE)])
            self._delivered = 0

    def be_quiet(self) -> None:
        """Drop what is still to be heard."""
        with self._changed:
            self._speech = self._speech[:0]
            self._delivered = 0

    @property
    def seconds_left(self) -> float:
        """How much of what was said is still to be heard."""
        with self._changed:
            return (len(self._speech) - self._delivered) / self.rate

    def pull(self) -> None:
        """Pull it out: nobody records any more."""
        super().pull()
        with self._changed:
            self._waiting.clear()
            self._frame_end = None

    def end(self) -> None:
        """Pull it out and end its thread."""
        self.pull()
        with self._changed:
            self._ended = True
            self._changed.notify()
        self._frames.join()

    def configuration(self) -> bytes:
        """One terminal with mute and volume, one stream (UAC 1.0, section 4)."""
        terminal = descriptor(_CONTROL, 2, 1, 0x01, 0x02, 0, 1, 0, 0, 0, 0)
        feature = descriptor(_CONTROL, 6, 2, 1, 1, _MUTE | _VOLUME, 0)
        output = descriptor(_CONTROL, 3, 3, 0x01, 0x01, 0, 2, 0)
        total = 9 + len(terminal) + len(feature) + len(output)
        header = descriptor(_CONTROL, 1, 0, 1, total, 0, 1, _STREAMING)
        control = descriptor(4, 0, 0, 0, 1, 1, 0, 0) + header + terminal + feature + output
        general = descriptor(_CONTROL, 1, 3, 1, 1, 0)
        form = descriptor(_CONTROL, 2, 1, 1, 2, 16, 1, *self.rate.to_bytes(3, "little"))
        room = 2 * (self.rate // 1000 + 1)
        endpoint = descriptor(5, 0x81, 0x05, *room.to_bytes(2, "little"), 1, 0, 0)
        silent = descriptor(4, _STREAMING, 0, 0, 1, 2, 0, 0)
        active = descriptor(4, _STREAMING, 1, 1, 1, 2, 0, 0)
        rates = descriptor(_STREAM, 1, 1, 0, 0, 0)
        return control + silent + active + general + form + endpoint + rates

    def read(self, setup: Setup) -> bytes | None:
        """Say its rate, whether it is muted, or how loud it is set."""
        if setup.to_endpoint:
            return self.rate.to_bytes(3, "little")
        if setup.value >> 8 == _VOLUME:
            volume = _RANGE.get(setup.request, self._volume)
            return volume.to_bytes(2, "little", signed=True)
        return b"\0"

    def write(self, setup: Setup, data: bytes) -> bool:
        """Take a volume, which changes nothing here."""
        if not setup.to_endpoint and setup.value >> 8 == _VOLUME:
            self._volume = int.from_bytes(data, "little", signed=True)
        return True

    def choose(self, setup: Setup) -> None:
        """Begin a stream, or end it."""
        if setup.interface == _STREAMING:
            with self._changed:
                self._frame_end = None

    def stream(self, wire: Wire, request: Request) -> None:
        """Queue frames to be filled when their time has come."""
        with self._changed:
            self._waiting.append((wire, request))
            self._changed.notify()

    def withdraw(self, number: int) -> bool:
        """Take frames out of the queue."""
        with self._changed:
            before = len(self._waiting)
            self._waiting = [entry for entry in self._waiting if entry[1].number != number]
            return len(self._waiting) < before

    def _run(self) -> None:
        with self._changed:
            while not self._ended:
                self._changed.wait(self._time_to_wait())
                while self._waiting and self._time_to_wait() == 0:
                    self._deliver(*self._waiting.pop(0))

    def _time_to_wait(self) -> float | None:
        """Return how long the next request's frames last yet; a frame is a millisecond."""
        if not self._waiting:
            return None
        now = self._clock()
        if self._frame_end is None:
            self._frame_end = now
        end = self._frame_end + len(self._waiting[0][1].packets) / 1000
        return max(0.0, end - now)

    def _deliver(self, wire: Wire, request: Request) -> None:
        assert self._frame_end is not None
        self._frame_end += len(request.packets) / 1000
        frame = self.rate // 1000
        filled = [self._next_samples(min(frame, packet.length // 2)) for packet in request.packets]
        try:
            wire.answer_packets(request, filled)
        except OSError:  # pulled out just now
            self._frame_end = None

    def _next_samples(self, count: int) -> bytes:
        piece = self._speech[self._delivered : self._delivered + count]
        self._delivered += len(piece)
        # Never zeros, which would call it muted.
        hum = np.resize(np.array([8, -8], dtype=np.int16), count - len(piece))
        return np.concatenate([piece, hum]).astype("<i2").tobytes()
