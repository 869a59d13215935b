from collections.abc import Iterator

import numpy as np
import pytest
from hypothesis import example, given
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


class Reader:
    """Process that takes audio from a buffer, when the machine lets it run.

    Args:
        rate: of the device, in blocks of a tenth of a second of the asked rate, a second.
        holds: blocks in the buffer.
        reports_loss: the buffer is a sound card's: when it is full all is lost, which is reported.
            Otherwise it is a sound server's, which drops the oldest without a word.
        knows_age: the sound system says how old the audio is.
    """

    def __init__(self, rate: float, holds: int, *, reports_loss: bool, knows_age: bool) -> None:
        self._interval = 1 / rate
        self._holds = holds
        self._reports_loss = reports_loss
        self._knows_age = knows_age

    def read(self, pauses: list[tuple[float, float]]) -> Iterator[tuple[float, bool]]:
        """Yield when each block ended, for all that is known, and whether some are missing.

        Args:
            pauses: how long it runs and then does not, in seconds, one after the other.
        """
        captured, now, until = 0, 0.0, 0.0
        for runs, rests in pauses:
            while now < until + runs:
                captured += 1
                now = captured * self._interval
                yield now, False
            until += runs + rests
            now = max(now, until)
            waiting = int(now / self._interval) - captured
            lost = waiting > self._holds
            first = captured + 1
            captured += waiting
            if lost:
                first = captured + 1 if self._reports_loss else captured - self._holds + 1
            gap = lost and self._reports_loss
            for number in range(first, captured + 1):
                yield number * self._interval if self._knows_age else now, False
            if gap:
                captured += 1
                now = captured * self._interval
                yield now, True


def blamed_when_starved(reader: Reader, pauses: list[tuple[float, float]]) -> bool:
    """Return whether a device that was asked for ten blocks a second was ever blamed."""
    check = RateCheck(16_000)
    faults = [
        check.measure(1600, ended_at, follows_gap=gap) for ended_at, gap in reader.read(pauses)
    ]
    return any(faults)


seconds = st.floats(0.0, 4.0) | st.floats(0.0, 0.5)
pauses = st.lists(st.tuples(seconds, seconds), min_size=1, max_size=40)


@pytest.mark.parametrize("knows_age", [True, False])
@pytest.mark.parametrize(("holds", "reports_loss"), [(2, True), (4, True), (10, False)])
@given(pauses=pauses.map(lambda once: once * 3))
@example(pauses=[(0.3, 0.7)] * 60)
@example(pauses=[(2.9, 1.2)] * 20)
@example(pauses=[(1.203125, 0.265625), (2.0625, 0.859375), (1.65625, 3.0625)] * 3)
def test_a_starved_process_is_no_wrong_rate(
    holds: int, *, reports_loss: bool, knows_age: bool, pauses: list[tuple[float, float]]
) -> None:
    reader = Reader(10, holds, reports_loss=reports_loss, knows_age=knows_age)
    assert not blamed_when_starved(reader, pauses)


@pytest.mark.parametrize("rate", [5, 320 / 44.1, 15, 20])
@given(pauses=pauses)
def test_a_wrong_rate_is_noticed_as_soon_as_the_machine_is_quiet(
    rate: float, pauses: list[tuple[float, float]]
) -> None:
    reader = Reader(rate, 4, reports_loss=True, knows_age=False)
    assert blamed_when_starved(reader, [*pauses, (20.0, 0.0)])
