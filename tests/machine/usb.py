"""USB device: the requests that all devices answer (USB 2.0, chapter 9), and their thread."""

import struct
import threading
from pathlib import Path
from typing import NamedTuple

from tests.machine.usbip import STALL, Request, Wire, Withdrawal

_DEVICE, _CONFIGURATION, _STRING = 1, 2, 3
_LANGUAGES = b"\x04\x03\x09\x04"  # English alone


class Setup(NamedTuple):
    """The eight bytes that begin every control transfer (table 9-2)."""

    kind: int
    request: int
    value: int
    interface: int
    length: int

    @property
    def inward(self) -> bool:
        """Whether the device is to send something."""
        return bool(self.kind & 0x80)

    @property
    def standard(self) -> bool:
        """Whether every device knows this request."""
        return not self.kind & 0x60

    @property
    def to_endpoint(self) -> bool:
        """Whether it is meant for an endpoint, not for the device or an interface."""
        return self.kind & 0x1F == 2


class Device:
    """A full-speed device with one configuration. Its kinds say what they are and what they do."""

    vendor: int
    product: int
    usb_class = 0
    strings: tuple[str, ...] = ()

    def __init__(self) -> None:
        self.wire: Wire | None = None
        self._thread: threading.Thread | None = None

    def plug(self, socket: Path) -> None:
        """Plug it in."""
        wire = self.wire = Wire(socket)
        self._thread = threading.Thread(target=self._serve, args=(wire,), name=f"{self}")
        self._thread.start()

    def pull(self) -> None:
        """Pull it out. Does nothing when it is out."""
        if self.wire and self._thread:
            self.wire.pull()
            self._thread.join()
            self.wire.close()
            self.wire = None

    def configuration(self) -> bytes:
        """Return all interfaces and endpoints, without the configuration's own descriptor."""
        raise NotImplementedError

    def read(self, setup: Setup) -> bytes | None:
        """Return what a request of its class or vendor asks for; nothing: stall."""
        raise NotImplementedError

    def write(self, setup: Setup, data: bytes) -> bool:
        """Take what a request of its class or vendor brings; False: stall."""
        raise NotImplementedError

    def choose(self, setup: Setup) -> None:
        """Switch an interface to one of its alternate settings."""

    def stream(self, wire: Wire, request: Request) -> None:
        """Answer a request to another endpoint than 0."""
        wire.answer(request, STALL)

    def withdraw(self, number: int) -> bool:  # noqa: ARG002 - for devices that take their time
        """Forget a request; False: it is answered already."""
        return False

    def __str__(self) -> str:
        """Return the name that the device gives itself."""
        return self.strings[1]

    def _serve(self, wire: Wire) -> None:
        while message := wire.receive():
            try:
                self._take(wire, message)
            except OSError:  # pulled in the middle of an answer
                return

    def _take(self, wire: Wire, message: Request | Withdrawal) -> None:
        if isinstance(message, Withdrawal):
            wire.confirm(message, in_time=self.withdraw(message.request))
        elif message.endpoint == 0:
            self._control(wire, message)
        else:
            self.stream(wire, message)

    def _control(self, wire: Wire, request: Request) -> None:
        setup = Setup(*struct.unpack("<BBHHH", request.setup))
        if setup.inward:
            content = self._standard(setup) if setup.standard else self.read(setup)
            if content is None:
                wire.answer(request, STALL)
            else:
                wire.answer(request, data=content[: setup.length])
        elif setup.standard:
            if setup.request == 11:  # SET_INTERFACE
                self.choose(setup)
            wire.answer(request)
        else:
            wire.answer(request, 0 if self.write(setup, request.data) else STALL)

    def _standard(self, setup: Setup) -> bytes | None:
        match setup.request:
            case 0:  # GET_STATUS
                return b"\0\0"
            case 6:  # GET_DESCRIPTOR
                return self._descriptor(*divmod(setup.value, 256))
            case 8:  # GET_CONFIGURATION
                return b"\1"
            case 10:  # GET_INTERFACE
                return b"\0"
            case _:
                return None

    def _descriptor(self, kind: int, number: int) -> bytes | None:
        if kind == _DEVICE:
            of_class = (self.usb_class, 0, 0, 64)
            names = (self.vendor, self.product, 0x0100, 1, 2, 0, 1)
            return struct.pack("<BBHBBBBHHHBBBB", 18, kind, 0x0110, *of_class, *names)
        if kind == _CONFIGURATION:
            parts = self.configuration()
            interfaces = len({part[2] for part in descriptors(parts) if part[1] == 4})
            total = 9 + len(parts)
            return struct.pack("<BBHBBBBB", 9, kind, total, interfaces, 1, 0, 0x80, 50) + parts
        if kind == _STRING and number == 0:
            return _LANGUAGES
        if kind == _STRING and number <= len(self.strings):
            text = self.strings[number - 1].encode("utf-16-le")
            return bytes([2 + len(text), kind]) + text
        return None


def descriptors(parts: bytes) -> list[bytes]:
    """Take apart what lies one behind the other, each with its length first."""
    found = []
    while parts:
        found.append(parts[: parts[0]])
        parts = parts[parts[0] :]
    return found


def descriptor(*content: int) -> bytes:
    """Put a length before bytes."""
    return bytes([1 + len(content), *content])
