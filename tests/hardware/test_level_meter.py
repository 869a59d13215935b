import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from appliance.hardware.level_meter import LevelMeter, level


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


def test_the_first_level_is_reported_at_once() -> None:
    assert LevelMeter().measure(square_wave(32_767)) == 1.0


def test_the_loudest_of_each_three_tenths_of_a_second_is_reported() -> None:
    meter = LevelMeter()
    peaks = [0, 32_767, 328, 0, 328, 3277, 0, 0, 0, 0]
    levels = [meter.measure(square_wave(peak)) for peak in peaks]
    assert levels == [0.0, None, None, 1.0, None, None, 0.7, None, None, 0.0]


@given(st.lists(st.integers(min_value=1, max_value=40_000), min_size=1, max_size=60))
def test_levels_come_three_times_a_second_at_most_whatever_the_length_of_the_blocks(
    lengths: list[int],
) -> None:
    meter = LevelMeter()
    loud = np.full(max(lengths), 32_767, "<i2").tobytes()
    levels = [meter.measure(loud[: 2 * length]) for length in lengths]
    reported = [number for number, level in enumerate(levels) if level is not None]
    assert reported[0] == 0
    assert len(reported) <= 1 + sum(lengths) / 4800
    for before, after in itertools.pairwise(reported):
        assert sum(lengths[before : after - 1]) < 4800


def test_blocks_of_2_ms_are_reported_three_times_a_second() -> None:
    meter = LevelMeter()
    levels = [meter.measure(bytes(64)) for _ in range(1500)]
    assert levels.count(0.0) == 10
