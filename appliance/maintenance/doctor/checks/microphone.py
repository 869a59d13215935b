"""The microphone: a second of what it hears, through the same part that a session hears it with."""

import queue
import time
from collections.abc import Callable

from appliance.core.audio_format import SAMPLE_BYTES, SAMPLE_RATE
from appliance.core.events import Event, MicrophoneFailed, MicrophoneOpened
from appliance.hardware.level_meter import level
from appliance.hardware.microphone import Microphone
from appliance.hardware.portaudio import Audio, quiet_audio
from appliance.maintenance.doctor.result import CheckResult, failed, failing, fine
from appliance.settings.schema import MicrophoneSettings

SECOND = SAMPLE_RATE * SAMPLE_BYTES
"""Bytes of audio that are heard."""

PATIENCE = 8.0
"""Seconds for them to come."""


def examine(
    settings: MicrophoneSettings,
    ask: Callable[[str], None] | None = None,
    audio: Callable[[], Audio] = quiet_audio,
    clock: Callable[[], float] = time.monotonic,
) -> CheckResult:
    """Tell which microphone is heard, and how loud it is.

    Args:
        settings: which one.
        ask: tells a person what to do; None where nobody is there.
        audio: makes a PortAudio.
        clock: monotonic seconds.
    """
    # Bounded by the time it is listened to.
    came: queue.SimpleQueue[Event | bytes] = queue.SimpleQueue()
    microphone = Microphone(settings, came.put, audio=audio)
    microphone.start()
    if ask:
        ask("Say something.")
    microphone.open(lambda chunk, _captured_at: came.put(chunk))
    try:
        return _listen(came, clock)
    finally:
        microphone.close()
        microphone.end()


def _listen(came: "queue.SimpleQueue[Event | bytes]", clock: Callable[[], float]) -> CheckResult:
    opened: MicrophoneOpened | None = None
    audio = b""
    deadline = clock() + PATIENCE
    while len(audio) < SECOND:
        try:
            it = came.get(timeout=max(0.0, deadline - clock()))
        except queue.Empty:
            return failed("it delivers nothing", "unplug it, plug it in")
        match it:
            case bytes():
                audio += it
            case MicrophoneOpened():
                opened = it
            case MicrophoneFailed():
                return failing(it.fault)
    return _judged(opened, audio)


def _judged(opened: MicrophoneOpened | None, audio: bytes) -> CheckResult:
    found = f"{opened.device} at {opened.rate} Hz" if opened else "a microphone"
    if not any(audio):
        remedy = "switch it on, or its mute off; else unplug it, plug it in"
        return failed(f"{found} is silent: it delivers nothing but zeros", remedy)
    return fine(f"{found}, level {level(audio):.1f} of 1")
