"""Microphone that is opened at a press and survives being unplugged.

Any call of PortAudio may block, so all are made on the microphone's own thread. PortAudio's
callback only queues what was captured.
"""

import logging
import queue
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from appliance.core.events import Post
from appliance.core.faults import Fault
from appliance.hardware.capture import Capture, CapturedBlock, CaptureRequest, Deliver
from appliance.hardware.conversion import Chunk, TimedConverter, preload
from appliance.hardware.microphone_reports import MicrophoneReports
from appliance.hardware.portaudio import (
    Audio,
    Device,
    MicrophoneError,
    expected_format,
    quiet_audio,
)
from appliance.hardware.signal_checks import MUTED, DeadSignal, RateCheck
from appliance.hardware.sound_system import CARDS, SoundSystem
from appliance.settings.schema import MicrophoneSettings
from appliance.system.supervision import BusyTimer

log = logging.getLogger(__name__)

_END_TIMEOUT = 5.0  # seconds; a driver that hangs must not keep the program from ending
_STREAM_CHECK_INTERVAL = 0.25  # seconds between two checks of a stream that delivers nothing
_LOOKS = 3  # in a row that must find nothing before a stream counts as silent
_RUNAWAY_REST = 5.0  # seconds; what a stream delivers that is faster than time would fill the card
_TRUST_TIME = 1.0  # seconds after which a stream does not run away as the last one did
_SEARCH_INTERVAL = 5.0  # seconds between two searches for a missing microphone


class Microphone:
    """Microphone that listens from `open` to `close`, whatever happens to the device in between.

    It delivers 16 kHz mono s16le, whatever the rate of the device. While it is closed it follows
    the list of sound cards, so that a press finds a microphone plugged in meanwhile. It posts
    MicrophoneReady once if there is one at the start, MicrophoneFailed when there is none, and
    MicrophoneOpened when there is one again. `open`, `close` and `end` are called from one thread.

        microphone = Microphone(MicrophoneSettings(device="usb"), post)
        microphone.start()
        microphone.open(lambda audio, captured_at: file.write(audio))
        microphone.close()
        microphone.end()

    Args:
        settings: which device; searched for by its name whenever it is opened.
        post: takes MicrophoneReady, MicrophoneOpened, MicrophoneFailed, MicrophoneDoubted,
            MicrophoneTrusted, MicrophoneClosed, LevelMeasured and OverflowCounted.
        audio: makes a new PortAudio; an instance only knows the devices of its creation.
        clock: monotonic seconds.
        cards: a file that changes whenever a sound card comes or goes; `pcm` beside it lists what
            they can do.
        cards_check_interval: seconds between two looks at that file.
        reopen_interval: seconds between two attempts to get a lost microphone back.
        muted_after: seconds without any sound, not even noise, after which it is doubted. After
            half of them, all channels of the device are opened.

    Attributes:
        busy_timer: times the calls of the thread into PortAudio, which may hang.
    """

    def __init__(
        self,
        settings: MicrophoneSettings,
        post: Post,
        *,
        audio: Callable[[], Audio] = quiet_audio,
        clock: Callable[[], float] = time.monotonic,
        cards: Path = CARDS,
        cards_check_interval: float = 1.0,
        reopen_interval: float = 0.5,
        muted_after: float = 5.0,
    ) -> None:
        self._reports = MicrophoneReports(post)
        self._clock = clock
        self._sound = SoundSystem(settings.device, audio, clock, cards)
        self._cards_check_interval = cards_check_interval
        self._reopen_interval = reopen_interval
        self._muted_after = muted_after
        self._every_channel = False
        self._signal = DeadSignal()
        self._dead_for = 0.0  # seconds
        self._trusted_after = 0.0  # seconds for which a stream must have run well
        # Unbounded: presses are few, and a request that is closed by its turn takes no time. None
        # ends the thread.
        self._requests: queue.SimpleQueue[CaptureRequest | None] = queue.SimpleQueue()
        self._latest: CaptureRequest | None = None
        self.busy_timer = BusyTimer("microphone")
        self._thread = threading.Thread(target=self._run, name="microphone", daemon=True)

    def start(self) -> None:
        """Start the thread."""
        self._thread.start()

    def open(self, deliver: Deliver) -> None:
        """Begin to listen; return at once. `deliver` is called on the microphone's thread.

        An earlier opening is closed first. However fast they follow each other, each opening gets
        what was said in its time and then one MicrophoneClosed; one that is closed before its turn
        never opens the device.
        """
        self.close()
        self._latest = CaptureRequest(deliver)
        self._requests.put(self._latest)

    def close(self) -> None:
        """Stop listening; return at once.

        What was said until now is still delivered, then MicrophoneClosed is posted.
        """
        if self._latest:
            self._latest.close(self._clock())

    def end(self) -> None:
        """Close and end the thread. Nothing is delivered or posted afterwards."""
        self.close()
        self._requests.put(None)
        self._thread.join(timeout=_END_TIMEOUT)
        if self._thread.is_alive():
            log.error("PortAudio hangs; the microphone is left open")

    def _run(self) -> None:
        with self.busy_timer:
            self._sound.renew()
            self._search()
        self._reports.searched()
        while request := self._next_request():
            self._listen(request)
        self._sound.release()

    def _next_request(self) -> CaptureRequest | None:
        """Return the next request, None at the end; follow the sound cards until it comes."""
        while True:
            try:
                return self._requests.get(timeout=self._cards_check_interval)
            except queue.Empty:
                self._follow_cards()

    def _listen(self, request: CaptureRequest) -> None:
        """Deliver until the request is closed, over every outage."""
        self._reports.begin()
        self._trusted_after = 0.0
        self._signal, self._dead_for = DeadSignal(), 0.0
        self._every_channel = False
        while not request.closed:
            try:
                self._capture(request)
            except MicrophoneError as outage:
                self._reports.failed(outage.fault)
                self._signal, self._dead_for = DeadSignal(), 0.0
                self._trusted_after = _TRUST_TIME if outage.rest else 0.0
                request.pause(max(self._reopen_interval, outage.rest))
                with self.busy_timer:
                    self._sound.renew()
        self._reports.closed()

    def _capture(self, request: CaptureRequest) -> None:
        """Deliver until the request is closed, or other channels must be tried.

        Raises:
            MicrophoneError: the microphone can't be opened, its stream ended or froze, or its card
                is gone.
        """
        with self.busy_timer:
            audio, device = self._sound.find()
            capture = Capture(audio, device, self._clock, every_channel=self._every_channel)
        opened_at = looked_at = self._clock()
        found = False
        rate_check = RateCheck(capture.format.rate)
        converter = TimedConverter(capture.format.rate, capture.format.channels)
        try:
            for block in self._blocks(capture, request):
                if not found and self._clock() - opened_at >= self._trusted_after:
                    found = True
                    self._reports.found(device, capture.format.rate)
                self._reports.overflowed(block.overflows)
                began_at, ended_at = capture.span(block)
                self._deliver(converter.convert(block.audio, began_at), request)
                wrong_rate = rate_check.measure(
                    capture.frames(block), ended_at, follows_gap=bool(block.overflows)
                )
                trusted = rate_check.is_right and not self._dead_for
                self._reports.judged(self._fault_of_signal() or wrong_rate, trusted=trusted)
                if self._clock() - looked_at >= self._cards_check_interval:
                    looked_at = self._clock()
                    self._sound.refuse_loudspeaker(device)
                if self._should_open_every_channel(capture, device):
                    return
        finally:
            with self.busy_timer:
                capture.close()
            for block in self._late_blocks(capture, request):
                self._deliver(converter.convert(block.audio, capture.span(block)[0]), request)
            self._deliver(converter.finish(), request)

    def _fault_of_signal(self) -> Fault | None:
        return MUTED if self._dead_for >= self._muted_after else None

    def _should_open_every_channel(self, capture: Capture, device: Device) -> bool:
        """Note that all channels are to be opened, and return True, if the open ones are dead."""
        more = capture.format.channels < device.channels and not self._every_channel
        self._every_channel |= more and self._dead_for >= self._muted_after / 2
        return more and self._every_channel

    def _blocks(self, capture: Capture, request: CaptureRequest) -> Iterator[CapturedBlock]:
        """Yield what is captured, up to the block that holds the moment of closing.

        Raises:
            MicrophoneError: the stream ended or froze.
        """
        if request.closed and not capture.waiting:
            return  # closed while it was being opened
        heard_at, looks = self._clock(), 0
        while True:
            try:
                block = capture.take(timeout=_STREAM_CHECK_INTERVAL)
            except queue.Empty:
                looks += 1
                # A busy machine may have kept this thread, and PortAudio's, from running.
                silent_for = self._clock() - heard_at if looks >= _LOOKS else 0.0
                fault = capture.fault(silent_for)
                if fault and not request.closed:
                    # Reported at once: closing may take as long as the device hangs.
                    self._reports.failed(fault)
                    raise MicrophoneError(fault, _RUNAWAY_REST * capture.ran_away) from None
                if fault:
                    return
                continue
            heard_at, looks = block.arrived_at, 0
            yield block
            _, ended_at = capture.span(block)
            if ended_at >= request.closed_at:
                return

    def _late_blocks(self, capture: Capture, request: CaptureRequest) -> Iterator[CapturedBlock]:
        """Yield what still arrived while a stream that seemed dead was closed."""
        while capture.waiting:
            block = capture.take(timeout=0)
            if capture.span(block)[0] < request.closed_at:
                yield block

    def _deliver(self, chunk: Chunk, request: CaptureRequest) -> None:
        if not chunk.audio:
            return  # the resampler holds it back
        request.deliver(*chunk)
        self._dead_for = self._signal.measure(chunk.audio)
        self._reports.heard(chunk.audio)

    def _follow_cards(self) -> None:
        """Search for the microphone again if it may have come or gone."""
        overdue = self._clock() - self._sound.renewed_at > _SEARCH_INTERVAL
        if self._sound.has_changed or (self._reports.fault and overdue):
            with self.busy_timer:
                self._sound.renew()
                self._search()

    def _search(self) -> None:
        """Report if the microphone is missing, or back, without opening it."""
        try:
            audio, device = self._sound.find()
        except MicrophoneError as missing:
            self._reports.failed(missing.fault)
            return
        if self._reports.fault:
            self._reports.found(device, device.rate)
        if expected := expected_format(audio, device):
            # What a sound server's channels need is not known before they are heard.
            preload(expected.rate, 1 if device.is_plugin else expected.channels)
