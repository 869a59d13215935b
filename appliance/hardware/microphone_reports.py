"""Reports of a microphone to the other parts, each made once."""

import logging

from appliance.core.events import (
    LevelMeasured,
    MicrophoneClosed,
    MicrophoneDoubted,
    MicrophoneFailed,
    MicrophoneOpened,
    MicrophoneReady,
    MicrophoneTrusted,
    OverflowCounted,
    Post,
)
from appliance.core.faults import Fault
from appliance.hardware.level_meter import LevelMeter
from appliance.hardware.portaudio import Device

log = logging.getLogger(__name__)


class MicrophoneReports:
    """What was reported about one microphone. Used by the microphone's thread.

    Args:
        post: takes the events of a microphone.

    Attributes:
        fault: why there is no microphone; None if there is one.
    """

    def __init__(self, post: Post) -> None:
        self._post = post
        self.fault: Fault | None = None
        self._remedy = ""  # that was posted last
        self._doubt: Fault | None = None
        self._trusted = False
        self._overflows = 0
        self._meter = LevelMeter()

    def begin(self) -> None:
        """Begin a period of listening: whatever is wrong is reported again."""
        self._remedy = ""
        self._meter = LevelMeter()

    def searched(self) -> None:
        """Report the end of the first search, unless it failed."""
        if not self.fault:
            self._post(MicrophoneReady())

    def found(self, device: Device, rate: int) -> None:
        """Report a microphone that delivers at this rate, in Hz, or may be opened."""
        log.info("microphone: %s at %d Hz", device.name, rate)
        self.fault, self._remedy = None, ""
        self._doubt, self._trusted = None, False
        self._post(MicrophoneOpened(device.name, rate))

    def failed(self, fault: Fault) -> None:
        """Report why there is no microphone, once for as long as the remedy stays the same."""
        if fault.remedy != self._remedy:
            log.warning("%s", fault)
            self._post(MicrophoneFailed(fault))
        self.fault, self._remedy, self._doubt = fault, fault.remedy, None

    def judged(self, doubt: Fault | None, *, trusted: bool = False) -> None:
        """Report a doubt about what the microphone delivers, its end, or that it can be trusted."""
        if doubt and self._doubt is None:
            log.warning("%s", doubt)
            self._post(MicrophoneDoubted(doubt))
        elif doubt is None and (self._doubt or (trusted and not self._trusted)):
            self._trusted = True
            self._post(MicrophoneTrusted())
        self._doubt = doubt

    def heard(self, audio: bytes) -> None:
        """Report the level of 16 kHz mono s16le, about three times a second."""
        if (level := self._meter.measure(audio)) is not None:
            self._post(LevelMeasured(level))

    def overflowed(self, times: int) -> None:
        """Report audio that the sound system dropped; 0 times reports nothing."""
        if times:
            self._overflows += times
            log.warning("the sound system dropped audio (%d times so far)", self._overflows)
            self._post(OverflowCounted(self._overflows))

    def closed(self) -> None:
        """Report the end of a period of listening."""
        self.judged(None)
        log.info("microphone closed")
        self._post(MicrophoneClosed())
