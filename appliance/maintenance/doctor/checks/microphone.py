"""Check of the microphone: some seconds of audio, judged by the part that sessions use."""

import queue
import time
from collections.abc import Callable, Iterator

from appliance.core.audio_format import SAMPLE_BYTES, SAMPLE_RATE
from appliance.core.events import (
    Event,
    MicrophoneDoubted,
    MicrophoneFailed,
    MicrophoneOpened,
    MicrophoneTrusted,
)
from appliance.core.faults import Part
from appliance.hardware.device_search import fitting_devices, short_name
from appliance.hardware.level_meter import level
from appliance.hardware.microphone import Microphone
from appliance.hardware.portaudio import (
    Audio,
    MicrophoneError,
    quiet_audio,
)
from appliance.maintenance.doctor.appliance_status import REPORTED, fault_of
from appliance.maintenance.doctor.context import Context, Prompt
from appliance.maintenance.doctor.result import CheckResult, Result, failed, faulty, fine
from appliance.maintenance.doctor.runner import Check
from appliance.settings.schema import MicrophoneSettings
from appliance.system.status_file import Condition

SECOND = SAMPLE_RATE * SAMPLE_BYTES
"""Bytes of a second of audio."""

JUDGEMENT_TIMEOUT = 12.0
"""Seconds for the microphone to be trusted or doubted; on a busy machine it may be neither."""


def checks(context: Context) -> Iterator[Check]:
    """Yield the check of the microphone."""
    settings = context.settings.microphone
    yield context.check_of_device(
        "microphone",
        lambda: check_microphone(settings, context.prompt, context.machine.audio),
        reported_microphone,
        time_limit=20,
    )


def check_microphone(
    settings: MicrophoneSettings,
    prompt: Prompt | None = None,
    audio: Callable[[], Audio] = quiet_audio,
    clock: Callable[[], float] = time.monotonic,
) -> CheckResult:
    """Check that a microphone delivers audio, and measure its level.

    Args:
        settings: which microphone.
        prompt: tells a person to speak; None if there is nobody.
        audio: makes a PortAudio.
        clock: monotonic seconds, by which the audio is judged.
    """
    # Bounded by the time in which the microphone is open.
    arrived: queue.SimpleQueue[Event | bytes] = queue.SimpleQueue()
    microphone = Microphone(settings, arrived.put, audio=audio, clock=clock)
    microphone.start()
    if prompt:
        prompt("Say something.")
    microphone.open(lambda chunk, _captured_at: arrived.put(chunk))
    try:
        found = _listen(arrived)
    finally:
        microphone.close()
        microphone.end()
    if found.result is Result.FINE and (others := _others(settings, audio)):
        return fine(f"{found.found}; not taken: {', '.join(others)}")
    return found


def _others(settings: MicrophoneSettings, make_audio: Callable[[], Audio]) -> list[str]:
    """Return the names of the microphones that the settings fit, apart from the one taken."""
    try:
        audio = make_audio()
    except OSError:
        return []
    try:
        return [short_name(device) for device in fitting_devices(audio, settings.device)[1:]]
    except MicrophoneError:
        return []  # it was pulled out a moment ago
    finally:
        audio.terminate()


def reported_microphone(status: Condition) -> CheckResult:
    """Return whether a running appliance has a microphone, and its level."""
    if fault := fault_of(status, Part.MICROPHONE):
        return fault
    microphone = status.microphone
    rate = f" at {microphone.rate} Hz" if microphone.rate else ""
    name = f"{microphone.name}{rate}" if microphone.name else "there, not opened yet"
    now = f"level {microphone.level:.1f} of 1 now, " if microphone.open else ""
    return fine(f"{name}; {now}loudest in the last session {microphone.loudest:.1f} ({REPORTED})")


def _listen(arrived: "queue.SimpleQueue[Event | bytes]") -> CheckResult:
    name = "a microphone"
    audio = b""
    deadline = time.monotonic() + JUDGEMENT_TIMEOUT
    while True:
        try:
            event = arrived.get(timeout=max(0.0, deadline - time.monotonic()))
        except queue.Empty:
            break
        match event:
            case bytes():
                audio += event
            case MicrophoneOpened():
                name = f"{event.device} at {event.rate} Hz"
            case MicrophoneFailed() | MicrophoneDoubted():
                return faulty(event.fault)
            case MicrophoneTrusted():
                break
    if len(audio) < SECOND:
        return failed("it delivers nothing", "unplug it, plug it in")
    return fine(f"{name}, level {level(audio):.1f} of 1")
