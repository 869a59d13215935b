from collections.abc import Mapping
from pathlib import Path

import pyaudio
import pytest

from appliance.hardware.device_search import fitting_devices
from tests.benchmarks.taps import TappedAudio, delivered
from tests.rig.numbered import speech
from tests.rig.sound import PipeMicrophone
from tests.rig.waiting import wait_until

CHANNELS = 4
"""As the appliance opens a sound server."""


@pytest.mark.slow
def test_what_the_microphone_delivered_can_be_heard_in_the_taps(tmp_path: Path) -> None:
    audio = speech(words=12)
    heard = bytearray()

    def listen(
        block: bytes | None, frames: int, times: Mapping[str, float], status: int
    ) -> tuple[None, int]:
        heard.extend(block or b"")
        return None, pyaudio.paContinue

    with PipeMicrophone() as microphone:
        tapped = TappedAudio(tmp_path)
        stream = tapped.open(
            16_000,
            CHANNELS,
            pyaudio.paInt16,
            input=True,
            input_device_index=fitting_devices(tapped, "")[0].index,
            frames_per_buffer=1600,
            stream_callback=listen,
        )
        wait_until(lambda: heard)
        microphone.play(audio.pcm)
        wait_until(lambda: len(heard) > CHANNELS * (len(audio.pcm) + 32_000))
        stream.stop_stream()
        stream.close()
        tapped.terminate()
        spoke_at = microphone.spoke_at
    spans = delivered(tmp_path, audio.words)
    assert list(spans) == audio.said
    middle = spans["w6"].began_at
    assert middle > spoke_at
    before = delivered(tmp_path, audio.words, stops=[middle])
    assert list(before) == audio.said[:6]
    # A stop before the stream began is none of its own.
    assert list(delivered(tmp_path, audio.words, stops=[spoke_at - 60])) == audio.said
