import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from appliance.hardware.chunks import CHUNK_BYTES, Chunk, Cutter
from appliance.hardware.level_meter import Meter, level

START = 1000.0
sizes = st.lists(st.integers(min_value=0, max_value=5000), max_size=20)


def cut(sizes: list[int], rate: int = 16_000, channels: int = 1) -> tuple[bytes, list[Chunk]]:
    """Cut blocks of so many frames, which follow each other without a gap."""
    cutter = Cutter(rate, channels)
    audio = np.arange(sum(sizes) * channels).astype("<i2").tobytes()
    chunks: list[Chunk] = []
    done = 0
    for size in sizes:
        block = audio[done * 2 * channels : (done + size) * 2 * channels]
        chunks += cutter.cut(block, START + done / rate)
        done += size
    return audio, [*chunks, *cutter.finish()]


@given(sizes)
def test_nothing_is_lost_however_the_blocks_come(sizes: list[int]) -> None:
    audio, chunks = cut(sizes)
    assert b"".join(chunk.audio for chunk in chunks) == audio


@given(sizes)
def test_all_chunks_but_the_last_have_100_ms(sizes: list[int]) -> None:
    _, chunks = cut(sizes)
    assert {len(chunk.audio) for chunk in chunks[:-1]} <= {CHUNK_BYTES}
    assert all(0 < len(chunk.audio) <= CHUNK_BYTES for chunk in chunks)


@given(sizes)
def test_each_chunk_tells_when_it_was_captured(sizes: list[int]) -> None:
    _, chunks = cut(sizes)
    for number, chunk in enumerate(chunks):
        assert chunk.captured_at == pytest.approx(START + number * 0.1)


@given(sizes)
def test_times_hold_through_the_resampler(sizes: list[int]) -> None:
    _, chunks = cut(sizes, rate=44_100, channels=2)
    for number, chunk in enumerate(chunks):
        assert chunk.captured_at == pytest.approx(START + number * 0.1)


def test_a_chunk_is_given_as_soon_as_it_is_whole() -> None:
    cutter = Cutter(16_000, 1)
    assert list(cutter.cut(bytes(CHUNK_BYTES - 2), START)) == []
    (chunk,) = cutter.cut(bytes(2), START + 0.1)
    assert chunk.audio == bytes(CHUNK_BYTES)


def test_times_follow_the_clock_of_the_device() -> None:
    cutter = Cutter(16_000, 1)
    # A device that runs 1 % slow: a second of its samples takes 1.01 s.
    chunks = [
        chunk
        for number in range(100)
        for chunk in cutter.cut(bytes(CHUNK_BYTES), START + number * 0.101)
    ]
    assert chunks[-1].captured_at == pytest.approx(START + 99 * 0.101)


def square_wave(peak: int) -> bytes:
    """Return 100 ms of audio that is at its peak half of the time."""
    return np.tile(np.repeat([0, peak], 40), 20).astype("<i2").tobytes()


@pytest.mark.parametrize(
    ("peak", "expected"),
    [(0, 0.0), (1, 0.0), (32, 0.0), (328, 1 / 3), (3277, 2 / 3), (32_767, 1.0), (-32_768, 1.0)],
)
def test_level_is_the_peak_in_decibels(peak: int, expected: float) -> None:
    audio = square_wave(peak)
    assert level(audio) == pytest.approx(expected, abs=0.01)
    assert 0.0 <= level(audio) <= 1.0


@pytest.mark.parametrize("frequency", [100, 440, 1000, 2000, 4000])
def test_no_tone_of_a_voice_falls_between_the_samples_looked_at(frequency: int) -> None:
    phase = 2 * np.pi * frequency / 16_000 * np.arange(1600) + 0.3
    tone = (10_000 * np.sin(phase)).astype("<i2")
    assert level(tone.tobytes()) == pytest.approx(level(square_wave(10_000)), abs=0.02)


def test_a_meter_tells_the_first_level_at_once() -> None:
    assert Meter().measure(square_wave(32_767)) == 1.0


def test_a_meter_tells_the_loudest_of_every_three_chunks() -> None:
    meter = Meter()
    peaks = [0, 32_767, 328, 0, 328, 3277, 0, 0, 0, 0]
    levels = [meter.measure(square_wave(peak)) for peak in peaks]
    assert levels == [0.0, None, None, 1.0, None, None, 0.7, None, None, 0.0]
