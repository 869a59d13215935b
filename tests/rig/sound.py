"""Microphone without a sound card: a private PulseAudio whose only source hears a pipe.

Real PyAudio captures what is played into the pipe, sample for sample: the source runs at the
appliance's own rate and nothing resamples, mixes or scales on the way.
"""

import collections
import contextlib
import fcntl
import os
import select
import signal
import subprocess
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

from tests.rig.programs import need
from tests.rig.waiting import wait_until

RATE = 16_000
SLICE = 0.02
MAX_LATENESS = (
    1.0  # seconds by which a slice may be late before it is lost, as nobody took the others
)
SLICE_BYTES = int(RATE * SLICE) * 2

HUM = bytes([8, 0] * 4 + [0xF8, 0xFF] * 4) * (SLICE_BYTES // 16)
"""What a microphone hears when nobody speaks: never zeros, which would call it muted."""

# PortAudio lists the PCMs of this file as its devices; "default" is its default.
ALSA_CONFIGURATION = """
pcm.default { type pulse }
pcm.usb_microphone { type pulse }
ctl.default { type pulse }
"""


class PipeMicrophone:
    """A microphone that hears what is played to it, as long as the `with` block lasts.

    Entering starts a daemon of its own and points ALSA's and PulseAudio's environment variables
    at it. They hold for the whole process and are read when `PyAudio()` is constructed.

        with PipeMicrophone() as microphone:
            microphone.play(pcm)           # 16 kHz mono s16le
            microphone.wait_played()

    Args:
        directory: where socket, pipe and configuration lie; a temporary one when not given.
            A socket's path must stay under 108 bytes.
        places: PulseAudio's names of the places of its channels; 1, 2, 4 or 8, as PulseAudio aborts
            on pipes whose frames are cut.
        live: the channel that hears; the others hear nothing, not even a hum.
    """

    def __init__(
        self, directory: Path | None = None, places: Sequence[str] = ("mono",), live: int = 0
    ) -> None:
        self._places = places
        self._live = live
        self._temporary = None if directory else tempfile.TemporaryDirectory(prefix="sound-")
        self._directory = directory or Path(self._temporary.name if self._temporary else "")
        self._environment = {
            "ALSA_CONFIG_PATH": str(self._directory / "asound.conf"),
            "PULSE_SERVER": f"unix:{self._directory / 'socket'}",
            "PULSE_COOKIE": str(self._directory / "cookie"),
            "PULSE_RUNTIME_PATH": str(self._directory),
            "PULSE_LATENCY_MSEC": "20",
        }
        self._speech = _Speech()
        self._exit = contextlib.ExitStack()
        self._plugged = contextlib.ExitStack()
        self._module = ""
        self._daemon: subprocess.Popen[bytes]

    def __enter__(self) -> Self:
        need("pulseaudio", "pactl", "parec")
        with contextlib.ExitStack() as entered:
            if self._temporary:
                entered.callback(self._temporary.cleanup)
            (self._directory / "asound.conf").write_text(ALSA_CONFIGURATION)
            entered.enter_context(_environment(self._environment))
            self._daemon = entered.enter_context(_daemon(self._directory))
            entered.callback(self._plugged.close)
            self.plug()
            feeder = _Feeder(self._directory / "pipe", self._speech, len(self._places), self._live)
            feeder.start()
            entered.callback(feeder.end)
            self._exit = entered.pop_all()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._exit.close()

    def play(self, pcm: bytes) -> None:
        """Let the microphone hear this after what is still to be played; else it hears a hum."""
        self._speech.add(pcm)

    def wait_played(self, timeout: float = 60.0) -> None:
        """Wait until all was spoken into the pipe.

        Raises:
            TimeoutError: it wasn't in time.
        """
        if not self._speech.finished.wait(timeout):
            raise TimeoutError("the microphone is still being played to")

    def be_quiet(self) -> None:
        """Drop what is still to be played."""
        self._speech.clear()

    @property
    def spoke_at(self) -> float:
        """When the latest speech began, in seconds of the monotonic clock."""
        return self._speech.began_at

    def unplug(self) -> None:
        """Take the microphone away, as pulling its plug does; what is played now is lost."""
        _pactl("unload-module", self._module)
        self._plugged.close()

    def plug(self) -> None:
        """Give the microphone back."""
        self._module = _pactl(
            "load-module",
            "module-pipe-source",
            "source_name=microphone",
            f"file={self._directory / 'pipe'}",
            f"rate={RATE}",
            f"channels={len(self._places)}",
            f"channel_map={','.join(self._places)}",
            "format=s16le",
        ).strip()
        # Time passes for a microphone when nobody listens, too. A pipe waits, so somebody must.
        self._plugged.enter_context(_process("parec", "--raw", "--latency-msec=200"))
        wait_until(lambda: "RUNNING" in _pactl("list", "short", "sources"))

    def freeze(self) -> None:
        """Let no more audio come, though everything claims to run, until `thaw`."""
        self._daemon.send_signal(signal.SIGSTOP)

    def thaw(self) -> None:
        """End a `freeze`."""
        self._daemon.send_signal(signal.SIGCONT)


class _Speech:
    """What is still to be spoken: any thread adds, the feeder takes."""

    def __init__(self) -> None:
        self.finished = threading.Event()
        self.finished.set()
        self.began_at = 0.0
        self._guard = threading.Lock()
        # Unbounded: it holds what one test says.
        self._pieces: collections.deque[bytes] = collections.deque()

    def add(self, pcm: bytes) -> None:
        with self._guard:
            starts = range(0, len(pcm), SLICE_BYTES)
            self._pieces.extend(pcm[start : start + SLICE_BYTES] for start in starts)
            if self.finished.is_set():
                self.began_at = 0.0
            self.finished.clear()

    def clear(self) -> None:
        with self._guard:
            self._pieces.clear()
            self.finished.set()

    def take(self) -> bytes:
        """Return the next slice, padded with silence."""
        with self._guard:
            if not self._pieces:
                self.finished.set()
                return HUM
            self.began_at = self.began_at or time.monotonic()
            return self._pieces.popleft().ljust(SLICE_BYTES, b"\0")


class _Feeder(threading.Thread):
    """Speaks into the pipe as time goes by, whether or not somebody listens."""

    def __init__(self, pipe: Path, speech: _Speech, channels: int, live: int) -> None:
        super().__init__(name="feeder", daemon=True)
        self._channels = channels
        self._live = live
        self._pipe = pipe
        self._speech = speech
        self._ended = threading.Event()
        self._writing: int | None = None

    def run(self) -> None:
        due = time.monotonic()
        while not self._ended.wait(max(0.0, due - time.monotonic())):
            piece = self._interleaved(self._speech.take())
            if time.monotonic() - due < MAX_LATENESS:
                self._write(piece)
            due += SLICE
        self._close()

    def _interleaved(self, piece: bytes) -> bytes:
        frames = memoryview(bytearray(len(piece) * self._channels)).cast("h")
        frames[self._live :: self._channels] = memoryview(piece).cast("h")
        return frames.tobytes()

    def end(self) -> None:
        """Stop speaking."""
        self._ended.set()
        self.join()

    def _write(self, piece: bytes) -> None:
        try:
            if self._writing is None:
                self._writing = os.open(self._pipe, os.O_WRONLY | os.O_NONBLOCK)
                # The usual 64 kB would hide two seconds of audio.
                fcntl.fcntl(self._writing, fcntl.F_SETPIPE_SZ, 4096)
            # A full pipe means a daemon that is late, unless it stays full.
            select.select([], [self._writing], [], MAX_LATENESS)
            os.write(self._writing, piece)
        except BlockingIOError:
            pass  # frozen, so nobody hears it
        except OSError:
            self._close()  # unplugged, so nobody hears it

    def _close(self) -> None:
        if self._writing is not None:
            os.close(self._writing)
            self._writing = None


@contextlib.contextmanager
def _environment(variables: dict[str, str]) -> Iterator[None]:
    before = {name: os.environ.get(name) for name in variables}
    os.environ.update(variables)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value


@contextlib.contextmanager
def _daemon(directory: Path) -> Iterator["subprocess.Popen[bytes]"]:
    socket = directory / "socket"
    log = directory / "pulseaudio.log"
    home = {name: str(directory) for name in ("HOME", "XDG_RUNTIME_DIR", "PULSE_STATE_PATH")}
    command = [
        "pulseaudio",
        "-n",
        "--daemonize=no",
        "--use-pid-file=no",
        "--exit-idle-time=-1",
        "--realtime=no",
        "--high-priority=no",
        f"--log-target=file:{log}",
        f"--load=module-native-protocol-unix auth-anonymous=1 socket={socket}",
    ]
    with _process(*command, **home) as process:
        # The socket's file is there a moment before anybody answers at it.
        wait_until(lambda: (socket.exists() and _answers()) or process.poll() is not None)
        if process.poll() is not None:
            raise RuntimeError(f"pulseaudio ended: {log.read_text()}")
        yield process


@contextlib.contextmanager
def _process(*command: str, **environment: str) -> Iterator["subprocess.Popen[bytes]"]:
    """Run a process; end it afterwards, even if it is stopped."""
    process = subprocess.Popen(
        command,
        env=os.environ | environment,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        yield process
    finally:
        process.terminate()
        process.send_signal(signal.SIGCONT)
        process.wait()


def _pactl(*arguments: str) -> str:
    ran = subprocess.run(["pactl", *arguments], check=False, capture_output=True, text=True)
    if ran.returncode:
        raise RuntimeError(f"pactl {' '.join(arguments)}: {ran.stderr}")
    return ran.stdout


def _answers() -> bool:
    return subprocess.run(["pactl", "info"], check=False, capture_output=True).returncode == 0
