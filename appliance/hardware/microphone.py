"""The microphone: open it at a press, hear everything until it is closed.

PortAudio may block wherever it is called, so it is called on the microphone's own thread alone.
Its callback only hands over what was captured.
"""

import logging
import queue
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from appliance.core.audio_format import SAMPLE_RATE
from appliance.core.events import (
    Fault,
    LevelMeasured,
    MicrophoneClosed,
    MicrophoneFailed,
    MicrophoneOpened,
    OverflowCounted,
    Post,
)
from appliance.hardware.capture import Capture, CapturedBlock, CaptureRequest, Deliver
from appliance.hardware.conversion import Chunk, TimedConverter, preload
from appliance.hardware.level_meter import LevelMeter
from appliance.hardware.portaudio import (
    Audio,
    Device,
    Format,
    MicrophoneError,
    can_do,
    find_device,
    quiet_audio,
)
from appliance.settings.schema import MicrophoneSettings
from appliance.system.supervision import BusyTimer

log = logging.getLogger(__name__)

_LONGEST_END = 5.0  # seconds; a driver that is stuck must not keep the program from ending
_LOOK = 0.25  # seconds between two looks at a stream that delivers nothing
_RETRY = 0.5  # seconds between two tries to get the microphone back
_CARDS_CHECK = 1.0  # seconds between two looks at the sound cards
_MISSING_CHECK = 5.0  # seconds between two searches for a microphone that isn't there


class Microphone:
    """Listens from `open` to `close`, whatever happens to the device in between.

    What it delivers is always 16 kHz mono s16le, whichever rate the device has. While nothing is
    open it follows the sound cards, so that a press finds a microphone plugged in meanwhile, and
    tells when there is none (`MicrophoneFailed`) and when there is again (`MicrophoneOpened`).
    One thread opens, closes and ends it.

        microphone = Microphone(MicrophoneSettings(device="usb"), post)
        microphone.start()
        microphone.open(lambda chunk, captured_at: file.write(chunk))
        microphone.close()
        microphone.end()

    Args:
        settings: which device; looked for by its name whenever it is opened.
        post: told MicrophoneOpened, MicrophoneFailed, MicrophoneClosed, LevelMeasured and
            OverflowCounted.
        audio: makes a new PortAudio; the list of devices is as old as the instance.
        clock: monotonic seconds.
        cards: changes whenever a sound card comes or goes.

    Attributes:
        activity: what the thread is at; PortAudio may hang.
    """

    def __init__(
        self,
        settings: MicrophoneSettings,
        post: Post,
        *,
        audio: Callable[[], Audio] = quiet_audio,
        clock: Callable[[], float] = time.monotonic,
        cards: Path = Path("/proc/asound/cards"),
    ) -> None:
        self._wanted = settings.device
        self._post = post
        self._make_audio = audio
        self._clock = clock
        self._cards = cards
        self._cards_seen = ""
        self._searched_at = 0.0
        self._audio: Audio | None = None
        self._fault: Fault | None = None
        self._told = ""  # the remedy that was told last
        self._overflows = 0
        self._meter = LevelMeter()
        # Unbounded: presses are few, and what is over when its turn comes takes no time. None ends.
        self._requests: queue.SimpleQueue[CaptureRequest | None] = queue.SimpleQueue()
        self._latest: CaptureRequest | None = None
        self.activity = BusyTimer("microphone")
        self._thread = threading.Thread(target=self._run, name="microphone", daemon=True)

    def start(self) -> None:
        """Get ready to be opened."""
        self._thread.start()

    def open(self, deliver: Deliver) -> None:
        """Begin to listen; returns at once. `deliver` is called on the microphone's thread.

        What was still open is closed before. However fast it is opened and closed, each opening
        gets what was said in its time and one MicrophoneClosed, in their order; one that is
        closed before its turn comes never opens the device.
        """
        self.close()
        self._latest = CaptureRequest(deliver)
        self._requests.put(self._latest)

    def close(self) -> None:
        """Stop listening; returns at once.

        What was said until now is still delivered, then MicrophoneClosed is posted.
        """
        if self._latest:
            self._latest.close(self._clock())

    def end(self) -> None:
        """Close if need be, and end the thread. Nothing is delivered or posted afterwards."""
        self.close()
        self._requests.put(None)
        self._thread.join(timeout=_LONGEST_END)
        if self._thread.is_alive():
            log.error("the sound system is stuck, so the microphone can't be closed properly")

    def _run(self) -> None:
        with self.activity:
            self._renew()
            self._look()
        while request := self._rest():
            self._listen(request)
        self._release()

    def _rest(self) -> CaptureRequest | None:
        """Follow the sound cards until the next press; None at the end."""
        while True:
            try:
                return self._requests.get(timeout=_CARDS_CHECK)
            except queue.Empty:
                self._follow_cards()

    def _listen(self, request: CaptureRequest) -> None:
        """Deliver until closed, through every outage."""
        self._told = ""
        self._meter = LevelMeter()
        while not request.closed:
            try:
                self._capture(request)
            except MicrophoneError as outage:
                self._fail(outage.fault)
                request.pause(_RETRY)
                with self.activity:
                    self._renew()
        log.info("microphone closed")
        self._post(MicrophoneClosed())

    def _capture(self, request: CaptureRequest) -> None:
        """Deliver until closed.

        Raises:
            MicrophoneError: the microphone can't be opened, or nothing comes from it any more.
        """
        with self.activity:
            audio, device = self._find()
            capture = Capture(audio, device, self._clock)
        converter = TimedConverter(capture.format.rate, capture.format.channels)
        try:
            for number, block in enumerate(self._blocks(capture, request)):
                if number == 0:
                    self._tell_found(device, capture.format.rate)
                self._count(block.overflows)
                self._give(converter.convert(block.audio, capture.span(block)[0]), request.deliver)
        finally:
            with self.activity:
                capture.close()
            for block in self._late_blocks(capture, request):
                self._give(converter.convert(block.audio, capture.span(block)[0]), request.deliver)
            self._give(converter.finish(), request.deliver)

    def _blocks(self, capture: Capture, request: CaptureRequest) -> Iterator[CapturedBlock]:
        """Yield what is captured, up to the block that holds the moment of the closing.

        Raises:
            MicrophoneError: nothing comes any more.
        """
        if request.closed and not capture.waiting:
            return  # closed while it was being opened
        heard_at = self._clock()
        while True:
            try:
                block = capture.take(timeout=_LOOK)
            except queue.Empty:
                fault = capture.fault(silent_for=self._clock() - heard_at)
                if fault and not request.closed:
                    # Told at once: closing takes as long as the device is stuck.
                    self._fail(fault)
                    raise MicrophoneError(fault) from None
                if fault:
                    return
                continue
            heard_at = block.arrived_at
            yield block
            _, ended_at = capture.span(block)
            if ended_at >= request.closed_at:
                return

    def _late_blocks(self, capture: Capture, request: CaptureRequest) -> Iterator[CapturedBlock]:
        """Yield what came while a stream that seemed dead was being closed, and was not dead."""
        while capture.waiting:
            block = capture.take(timeout=0)
            if capture.span(block)[0] < request.closed_at:
                yield block

    def _give(self, chunk: Chunk, deliver: Deliver) -> None:
        if not chunk.audio:
            return  # the resampler holds it back
        deliver(*chunk)
        if (level := self._meter.measure(chunk.audio)) is not None:
            self._post(LevelMeasured(level))

    def _tell_found(self, device: Device, rate: int) -> None:
        log.info("microphone: %s at %d Hz", device.name, rate)
        self._fault, self._told = None, ""
        self._post(MicrophoneOpened(device.name, rate))

    def _count(self, overflows: int) -> None:
        if overflows:
            self._overflows += overflows
            log.warning("the sound system dropped audio, %d times by now", self._overflows)
            self._post(OverflowCounted(self._overflows))

    def _fail(self, fault: Fault) -> None:
        """Tell of an outage, once for as long as the person can do the same about it."""
        if fault.remedy != self._told:
            log.warning("%s", fault)
            self._post(MicrophoneFailed(fault))
        self._fault, self._told = fault, fault.remedy

    def _follow_cards(self) -> None:
        """Look for the microphone again if it may have come or gone."""
        overdue = self._clock() - self._searched_at > _MISSING_CHECK
        if self._read_cards() != self._cards_seen or (self._fault and overdue):
            with self.activity:
                self._renew()
                self._look()

    def _look(self) -> None:
        """Tell if there is no microphone, or one again, without opening it."""
        try:
            audio, device = self._find()
        except MicrophoneError as missing:
            self._fail(missing.fault)
        else:
            if not can_do(audio, device, Format(SAMPLE_RATE, 1)):
                preload(device.rate)
            if self._fault:
                self._tell_found(device, device.rate)

    def _find(self) -> tuple[Audio, Device]:
        if self._audio is None:
            raise MicrophoneError(Fault("No sound system", "restart the box"))
        return self._audio, find_device(self._audio, self._wanted)

    def _renew(self) -> None:
        """Make a new PortAudio: the old one never sees another device."""
        self._release()
        self._searched_at = self._clock()
        self._cards_seen = self._read_cards()
        try:
            self._audio = self._make_audio()
        except OSError as error:
            log.warning("PortAudio doesn't start: %s", error)

    def _release(self) -> None:
        if self._audio is not None:
            self._audio.terminate()
            self._audio = None

    def _read_cards(self) -> str:
        try:
            return self._cards.read_text(errors="replace")
        except OSError:
            return ""  # no sound card has been there since the boot
