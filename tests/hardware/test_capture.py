"""Microphone over real PyAudio, ALSA and PulseAudio."""

import itertools
from pathlib import Path

import numpy as np
import pytest

from appliance.core.events import (
    LevelMeasured,
    MicrophoneClosed,
    MicrophoneFailed,
    MicrophoneOpened,
    OverflowCounted,
)
from appliance.hardware.microphone import Microphone
from appliance.settings.schema import MicrophoneSettings
from tests.rig.posted import Posted
from tests.rig.sound import HUM, PipeMicrophone


def noise(seconds: float) -> bytes:
    samples = np.random.default_rng(1).integers(-30_000, 30_000, int(16_000 * seconds))
    return samples.astype("<i2").tobytes()


ENDLESS = """
pcm.default { type null }
ctl.default { type hw }
"""


@pytest.mark.slow
def test_a_source_that_never_blocks_is_stopped_and_can_be_closed(
    posted: Posted, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "asound.conf").write_text(ENDLESS)
    monkeypatch.setenv("ALSA_CONFIG_PATH", str(tmp_path / "asound.conf"))
    session = Session(posted)
    assert posted.wait(MicrophoneFailed).fault.what == "Microphone unusable"
    heard = len(session.audio)
    session.close()
    assert len(session.audio) == heard
    assert heard <= 35 * 32_000


class Session:
    """Opened microphone, and what it heard."""

    def __init__(self, posted: Posted, device: str = "") -> None:
        self.posted = posted
        self.chunks: list[tuple[bytes, float]] = []
        self.microphone = Microphone(MicrophoneSettings(device=device), posted)
        self.microphone.start()
        self.microphone.open(lambda *chunk: self.chunks.append(chunk))

    @property
    def audio(self) -> bytes:
        return b"".join(chunk for chunk, _ in self.chunks)

    def close(self) -> None:
        self.microphone.close()
        self.posted.wait(MicrophoneClosed)
        self.microphone.end()


@pytest.mark.parametrize("seconds", [2, pytest.param(20, marks=pytest.mark.slow)])
def test_what_is_said_arrives_sample_for_sample(
    sound: PipeMicrophone, posted: Posted, seconds: int
) -> None:
    session = Session(posted)
    posted.wait(MicrophoneOpened)
    said = noise(seconds)
    sound.play(said)
    sound.wait_played()
    session.close()
    assert said in session.audio
    assert {len(chunk) for chunk, _ in session.chunks[:-1]} == {3200}
    assert posted.of(OverflowCounted) == []


def test_the_last_word_before_the_close_is_kept(sound: PipeMicrophone, posted: Posted) -> None:
    session = Session(posted)
    posted.wait(MicrophoneOpened)
    said = noise(0.73)
    sound.play(said)
    sound.wait_played()
    session.close()
    assert said in session.audio


def test_times_say_when_it_was_said(sound: PipeMicrophone, posted: Posted) -> None:
    session = Session(posted)
    posted.wait(MicrophoneOpened)
    said = noise(0.5)
    sound.play(said)
    sound.wait_played()
    session.close()
    offset, position = 0.0, session.audio.index(said)
    for chunk, captured_at in session.chunks:
        if position < len(chunk):
            offset = captured_at + position / 32_000 - sound.spoke_at
            break
        position -= len(chunk)
    assert offset == pytest.approx(0, abs=0.25)
    times = [captured_at for _, captured_at in session.chunks]
    assert all(earlier < later for earlier, later in itertools.pairwise(times))


def test_a_device_is_opened_by_its_name(sound: PipeMicrophone, posted: Posted) -> None:
    session = Session(posted, device="USB")
    assert posted.wait(MicrophoneOpened) == MicrophoneOpened("usb_microphone", 16_000)
    session.close()


def test_a_second_session_hears_nothing_of_the_first(sound: PipeMicrophone, posted: Posted) -> None:
    session = Session(posted)
    posted.wait(MicrophoneOpened)
    said = noise(0.5)
    sound.play(said)
    sound.wait_played()
    session.microphone.close()
    posted.wait(MicrophoneClosed)
    session.chunks.clear()
    session.microphone.open(lambda *chunk: session.chunks.append(chunk))
    levels = len(posted.of(LevelMeasured))
    posted.wait(LevelMeasured, count=levels + 3)
    session.microphone.close()
    posted.wait(MicrophoneClosed, count=2)
    session.microphone.end()
    assert set(session.audio) <= set(HUM)


@pytest.mark.slow
def test_a_microphone_pulled_out_is_reported_and_goes_on_when_it_is_back(posted: Posted) -> None:
    with PipeMicrophone() as sound:
        session = Session(posted)
        posted.wait(MicrophoneOpened)
        before, after = noise(0.4), noise(0.8)
        sound.play(before)
        sound.wait_played()
        levels = len(posted.of(LevelMeasured))
        posted.wait(LevelMeasured, count=levels + 2)
        sound.unplug()
        assert posted.wait(MicrophoneFailed).fault.what == "No microphone"
        sound.plug()
        posted.wait(MicrophoneOpened, count=2)
        sound.play(after)
        sound.wait_played()
        session.close()
    assert session.audio.index(before) < session.audio.index(after)
    assert len(posted.of(MicrophoneFailed)) == 1


@pytest.mark.slow
def test_a_microphone_that_comes_after_the_press_is_used(posted: Posted) -> None:
    with PipeMicrophone() as sound:
        sound.unplug()
        session = Session(posted)
        posted.wait(MicrophoneFailed)
        sound.plug()
        posted.wait(MicrophoneOpened)
        said = noise(0.5)
        sound.play(said)
        sound.wait_played()
        session.close()
    assert said in session.audio


@pytest.mark.slow
def test_a_frozen_microphone_is_reported_at_once_and_heard_again_afterwards(posted: Posted) -> None:
    with PipeMicrophone() as sound:
        session = Session(posted)
        posted.wait(MicrophoneOpened)
        sound.freeze()
        assert posted.wait(MicrophoneFailed).fault.what == "Microphone silent"
        sound.thaw()
        posted.wait(MicrophoneOpened, count=2)
        said = noise(0.5)
        sound.play(said)
        sound.wait_played()
        session.close()
    assert said in session.audio


QUADRO = ("front-left", "front-right", "rear-left", "rear-right")
SURROUND = (*QUADRO, "front-center", "lfe", "side-left", "side-right")
NAMELESS = tuple(f"aux{number}" for number in range(8))


@pytest.mark.slow
@pytest.mark.parametrize(
    ("places", "live"), [(QUADRO, 0), (QUADRO, 3), (SURROUND, 0), (SURROUND, 4), (NAMELESS, 5)]
)
def test_the_one_channel_of_a_sound_server_that_hears_is_taken_as_it_is(
    posted: Posted, places: tuple[str, ...], live: int
) -> None:
    with PipeMicrophone(places=places, live=live) as sound:
        session = Session(posted)
        posted.wait(MicrophoneOpened)
        said = noise(2)
        sound.play(said)
        sound.wait_played()
        session.close()
    assert loudness(session.audio) == pytest.approx(loudness(said), rel=0.02)


def loudness(audio: bytes) -> float:
    """Return the loudness of a second from the middle of what was said."""
    samples = np.frombuffer(audio, "<i2").astype(float)
    said = np.flatnonzero(np.abs(samples) > 1000)
    return float(np.std(samples[said[0] + 8000 :][:16_000]))
