import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from appliance.hardware.conversion import Chunk, TimedConverter, converter

SECONDS = 3
START = 1000.0
TENTH = bytes(3200)
lengths = st.lists(st.integers(min_value=0, max_value=5000), max_size=20)


def tone(frequency: float, rate: int) -> NDArray[np.float64]:
    return 12_000 * np.sin(2 * np.pi * frequency * np.arange(rate * SECONDS) / rate)


def as_bytes(samples: NDArray[np.float64]) -> bytes:
    return samples.round().astype("<i2").tobytes()


def converted(audio: bytes, rate: int, channels: int, block: int) -> NDArray[np.int16]:
    conversion = converter(rate, channels)
    size = block * 2 * channels
    pieces = [conversion.convert(audio[i : i + size]) for i in range(0, len(audio), size)]
    return np.frombuffer(b"".join(pieces) + conversion.finish(), dtype="<i2")


def loudest_frequency(samples: NDArray[np.int16]) -> float:
    spectrum = np.abs(np.fft.rfft(samples * np.hanning(len(samples))))
    return float(spectrum.argmax()) * 16_000 / len(samples)


@pytest.mark.parametrize("rate", [22_050, 32_000, 44_100, 48_000, 96_000])
@pytest.mark.parametrize("channels", [1, 2])
def test_pitch_length_and_loudness_are_kept(rate: int, channels: int) -> None:
    stereo = np.repeat(tone(1000, rate), channels)
    heard = converted(as_bytes(stereo), rate, channels, block=rate // 10)
    assert len(heard) == pytest.approx(16_000 * SECONDS, abs=2)
    assert loudest_frequency(heard) == pytest.approx(1000, abs=1)
    assert np.abs(heard[1000:-1000]).max() == pytest.approx(12_000, rel=0.02)


def test_the_size_of_the_blocks_changes_nothing() -> None:
    audio = as_bytes(tone(700, 48_000))
    whole = converted(audio, 48_000, 1, block=48_000 * SECONDS)
    pieces = converted(audio, 48_000, 1, block=777)
    assert len(whole) == len(pieces)
    assert np.abs(whole.astype(int) - pieces).max() <= 2  # the last bit is dithered


def test_the_time_of_a_sound_is_kept() -> None:
    click = np.zeros(44_100 * SECONDS)
    click[44_100:44_110] = 20_000
    heard = converted(as_bytes(click), 44_100, 1, block=4_410)
    assert int(np.abs(heard.astype(int)).argmax()) == pytest.approx(16_000, abs=4)


def test_frequencies_above_8_khz_are_removed_without_aliasing() -> None:
    heard = converted(as_bytes(tone(11_000, 48_000)), 48_000, 1, block=4_800)
    assert np.abs(heard[1000:-1000]).max() < 60  # over 46 dB down


def test_speech_frequencies_pass() -> None:
    heard = converted(as_bytes(tone(6_500, 48_000)), 48_000, 1, block=4_800)
    assert np.abs(heard[1000:-1000]).max() > 11_000


def test_stereo_is_the_mean_of_both_sides() -> None:
    frames = np.array([[100, 300], [-32_768, -32_768], [32_767, 32_767], [1000, -1000]], "<i2")
    assert converted(frames.tobytes(), 16_000, 2, block=2).tolist() == [200, -32_768, 32_767, 0]


def test_16_khz_mono_is_left_alone() -> None:
    audio = as_bytes(tone(440, 16_000))
    assert converted(audio, 16_000, 1, block=1600).tobytes() == audio


@pytest.mark.parametrize(("rate", "loaded"), [(16_000, False), (48_000, True)])
def test_the_resampler_is_loaded_early_where_it_will_be_needed(rate: int, loaded: bool) -> None:
    program = (
        "import sys; from appliance.hardware.conversion import preload; "
        f"preload({rate}, 1); sys.exit('soxr' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == loaded


def chunks_of(
    lengths: list[int], rate: int = 16_000, channels: int = 1
) -> tuple[bytes, list[Chunk]]:
    """Convert blocks of so many frames, which follow each other without a gap."""
    conversion = TimedConverter(rate, channels)
    audio = np.arange(sum(lengths) * channels).astype("<i2").tobytes()
    chunks: list[Chunk] = []
    done = 0
    for length in lengths:
        block = audio[done * 2 * channels : (done + length) * 2 * channels]
        chunks.append(conversion.convert(block, START + done / rate))
        done += length
    return audio, [*chunks, conversion.finish()]


@given(lengths)
def test_nothing_is_lost_however_the_blocks_come(lengths: list[int]) -> None:
    audio, chunks = chunks_of(lengths)
    assert b"".join(chunk.audio for chunk in chunks) == audio
    assert [len(chunk.audio) for chunk in chunks] == [2 * length for length in [*lengths, 0]]


@pytest.mark.parametrize(("rate", "channels"), [(16_000, 1), (44_100, 2), (48_000, 1)])
@given(lengths=lengths)
def test_each_chunk_has_the_time_of_its_first_sample(
    rate: int, channels: int, lengths: list[int]
) -> None:
    _, chunks = chunks_of(lengths, rate, channels)
    given = 0
    for chunk in chunks:
        if chunk.audio:
            assert chunk.captured_at == pytest.approx(START + given / 16_000)
        given += len(chunk.audio) // 2


def test_times_follow_the_clock_of_the_device() -> None:
    conversion = TimedConverter(16_000, 1)
    # A device that runs 1 % slow: a second of its samples takes 1.01 s.
    chunks = [conversion.convert(TENTH, START + number * 0.101) for number in range(100)]
    assert chunks[-1].captured_at == pytest.approx(START + 99 * 0.101)


def mixed(frames: NDArray[np.float64], rate: int = 16_000) -> NDArray[np.int16]:
    frames = frames.round().astype("<i2")
    return converted(frames.tobytes(), rate, frames.shape[1], block=rate // 10)


@pytest.mark.parametrize("rate", [16_000, 48_000])
def test_channels_of_opposite_phase_do_not_cancel_each_other(rate: int) -> None:
    voice = tone(400, rate)
    heard = mixed(np.stack([voice, -voice], axis=1), rate)
    assert np.abs(heard[1000:-1000]).max() == pytest.approx(12_000, rel=0.02)


@given(
    channels=st.integers(2, 8),
    live=st.integers(0, 7),
    level=st.sampled_from([0, 5000, -32_768]),
    noise=st.integers(0, 20),
)
@settings(max_examples=20, deadline=None)
def test_the_one_channel_that_hears_is_taken_as_it_is(
    channels: int, live: int, level: int, noise: int
) -> None:
    random = np.random.default_rng(1)
    frames = np.clip(
        level + random.integers(-noise, noise + 1, (16_000 * SECONDS, channels)).astype(float),
        -32_768,
        32_767,
    )
    voice = tone(400, 16_000)
    frames[:, live % channels] = voice
    assert np.abs(mixed(frames) - voice).max() < 2


def test_channels_that_are_equally_loud_do_not_take_turns() -> None:
    voice = tone(400, 16_000)
    louder = 1 + 0.2 * np.sign(np.sin(2 * np.pi * np.arange(len(voice)) / 16_000))
    heard = mixed(np.stack([voice * louder, -voice], axis=1)).astype(float)
    assert np.corrcoef(heard, voice)[0, 1] > 0.95


def test_quiet_noise_of_all_channels_is_kept() -> None:
    noise = np.random.default_rng(1).integers(-60, 60, (16_000, 4)).astype(float)
    assert mixed(noise).any()


MIXING = """
import sys
from appliance.hardware.conversion import converter
conversion = converter(16_000, {channels})
heard = conversion.convert(bytes.fromhex("{frames}"))
sys.exit(("numpy" in sys.modules) + 2 * (heard != bytes.fromhex("{expected}")))
"""


@pytest.mark.parametrize(
    ("frames", "loaded"),
    [
        ([(7, 7, 7, 7), (-9, -9, -9, -9)], False),
        ([(7, 7, 0, 7), (-9, -9, 0, -9)], False),
        ([(0, 0, 7, 0), (0, 0, -9, 0)], False),
        ([(7, 7, 7, 7), (-9, -8, -9, -8)], True),
    ],
)
def test_numpy_is_loaded_only_where_channels_hear_different_things(
    frames: list[tuple[int, ...]], *, loaded: bool
) -> None:
    program = MIXING.format(
        channels=4,
        frames=np.array(frames, "<i2").tobytes().hex(),
        expected=np.array([7, -9], "<i2").tobytes().hex(),
    )
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == loaded


@pytest.mark.parametrize("share", [1.0, 0.5, -0.5, 0.25])
def test_copies_that_a_sound_server_made_are_no_quieter(share: float) -> None:
    voice = tone(400, 16_000)
    noise = np.random.default_rng(1).integers(-2, 3, (3, len(voice)))
    frames = np.stack([voice, share * voice, 0.5 * voice, 0 * voice], axis=1)
    frames[:, 1:] += noise.T
    assert np.abs(mixed(frames)[1600:]).max() == pytest.approx(12_000, rel=0.01)
