"""PortAudio instance that is renewed when sound cards come or go."""

import logging
import time
from collections.abc import Callable
from pathlib import Path

from appliance.core.faults import Fault
from appliance.hardware.device_search import fitting_devices, short_name
from appliance.hardware.portaudio import Audio, Device, MicrophoneError, quiet_audio

log = logging.getLogger(__name__)

CARDS = Path("/proc/asound/cards")
"""A file that changes whenever a sound card comes or goes; `pcm` beside it lists what they can."""


class SoundSystem:
    """The devices that there are now. Used by the microphone's thread; any call may block.

    Args:
        wanted: part of a microphone's name, an index, or "" for PortAudio's default.
        make_audio: makes a new PortAudio; an instance only knows the devices of its creation.
        clock: monotonic seconds.
        cards: the file that changes with the sound cards.

    Attributes:
        renewed_at: when the instance was made, in seconds of the clock.
    """

    def __init__(
        self,
        wanted: str | int,
        make_audio: Callable[[], Audio] = quiet_audio,
        clock: Callable[[], float] = time.monotonic,
        cards: Path = CARDS,
    ) -> None:
        self._wanted = wanted
        self._make_audio = make_audio
        self._clock = clock
        self._cards = cards
        self._cards_seen = ""
        self._had_card = False
        self._others: list[str] = []  # microphones that fit, too
        self._audio: Audio | None = None
        self._refusal = ""  # what PortAudio said when it last did not start
        self.renewed_at = 0.0

    @property
    def has_changed(self) -> bool:
        """Whether a sound card came or went since the instance was made."""
        return _contents(self._cards) != self._cards_seen

    def renew(self) -> None:
        """Make a new PortAudio: the old one never sees new devices."""
        self.release()
        self.renewed_at = self._clock()
        self._cards_seen = _contents(self._cards)
        try:
            self._audio = self._make_audio()
            self._refusal = ""
        except OSError as error:
            if self._refusal != str(error):
                log.warning("PortAudio does not start: %s", error)
            self._refusal = str(error)

    def release(self) -> None:
        """Let go of PortAudio."""
        if self._audio is not None:
            self._audio.terminate()
            self._audio = None

    def find(self) -> tuple[Audio, Device]:
        """Return PortAudio and the wanted microphone.

        Raises:
            MicrophoneError: there is none, or no PortAudio.
        """
        if self._audio is None:
            raise MicrophoneError(Fault("No sound system", "restart the box"))
        device, *rest = fitting_devices(self._audio, self._wanted)
        if self._others != (others := [short_name(other) for other in rest]):
            self._others = others
            log.info("microphone: %s; not taken: %s", device.name, ", ".join(others) or "none")
        self.refuse_loudspeaker(device)
        return self._audio, device

    def refuse_loudspeaker(self, device: Device) -> None:
        """Refuse a sound server that has lost its microphone.

        PulseAudio moves a stream to what is left, and that may be what a loudspeaker plays.

        Raises:
            MicrophoneError: there was a sound card that records, and there is none now.
        """
        if not device.is_plugin:
            return
        records = "capture" in _contents(self._cards.with_name("pcm"))
        self._had_card |= records
        if self._had_card and not records:
            raise MicrophoneError(Fault("No microphone", "plug it in", "its sound card is gone"))


def _contents(file: Path) -> str:
    try:
        return file.read_text(errors="replace")
    except OSError:
        return ""  # there has been no sound card since boot
