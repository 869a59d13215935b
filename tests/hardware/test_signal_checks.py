import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from appliance.hardware.signal_checks import DeadSignal, RateCheck, is_dead

TENTH = 1600


def s16(samples: "np.ndarray[tuple[int], np.dtype[np.float64]]") -> bytes:
    return samples.round().astype("<i2").tobytes()


@given(level=st.integers(-32_766, 32_765), noise=st.integers(0, 2), seed=st.integers(0, 99))
def test_a_level_with_less_than_noise_is_dead(level: int, noise: int, seed: int) -> None:
    random = np.random.default_rng(seed)
    audio = np.clip(level + random.integers(-noise, noise + 1, TENTH), -32_768, 32_767)
    assert is_dead(s16(audio.astype(float)))


@given(level=st.integers(-30_000, 30_000), noise=st.integers(6, 2000), seed=st.integers(0, 99))
def test_the_noise_of_a_microphone_is_alive(level: int, noise: int, seed: int) -> None:
    random = np.random.default_rng(seed)
    assert not is_dead(s16(level + random.integers(-noise, noise + 1, TENTH).astype(float)))


def test_a_dead_signal_is_timed_until_there_is_sound() -> None:
    signal = DeadSignal()
    assert [signal.measure(bytes(3200)) for _ in range(3)] == pytest.approx([0.1, 0.2, 0.3])
    assert signal.measure(s16(900 * np.sin(np.arange(TENTH) / 3))) == 0
    assert signal.measure(bytes(3200)) == pytest.approx(0.1)


def blamed(rate: int, delivered: float, seconds: float, delays: list[float]) -> bool:
    """Return whether blocks of a tenth of a second of `rate` are blamed at last."""
    check, fault = RateCheck(rate), None
    for number in range(int(seconds * delivered / (rate // 10))):
        late = delays[number % len(delays)]
        fault = check.measure(rate // 10, number * (rate // 10) / delivered + late)
    return fault is not None


@pytest.mark.parametrize("rate", [16_000, 44_100, 48_000])
@pytest.mark.parametrize("share", [0.5, 32_000 / 44_100, 44_100 / 48_000, 48_000 / 44_100, 2.0])
def test_a_wrong_rate_is_noticed_within_seconds(rate: int, share: float) -> None:
    assert blamed(rate, rate * share, 15, [0.0])


@given(
    share=st.floats(0.97, 1.03),
    delays=st.lists(st.floats(0, 0.05), min_size=1, max_size=7),
)
def test_clocks_and_delays_of_usb_are_no_wrong_rate(share: float, delays: list[float]) -> None:
    assert not blamed(16_000, 16_000 * share, 40, delays)


@pytest.mark.parametrize("gap", [-1.9, -0.5, 0.5, 1.9])
@pytest.mark.parametrize("at", range(0, 100, 7))
def test_one_gap_or_burst_is_no_wrong_rate(gap: float, at: int) -> None:
    check, faults = RateCheck(16_000), []
    for number in range(300):
        missing = max(0.0, gap) if number >= at else 0.0
        # A burst: what came late arrives at once.
        late = max(0.0, -gap - 0.1 * (number - at)) if number >= at else 0.0
        faults.append(check.measure(1600, number * 0.1 + missing + late))
    assert not any(faults)


def test_a_rate_that_becomes_right_is_trusted_again() -> None:
    check, now = RateCheck(16_000), 0.0
    for _ in range(150):
        now += 0.2
        fault = check.measure(1600, now)
    assert fault
    assert "8000 samples a second instead of 16000" in fault.detail
    for _ in range(60):
        now += 0.1
        fault = check.measure(1600, now)
    assert fault is None
