import asyncio
from collections.abc import Awaitable, Callable

import pytest

from appliance.servers.local_service.engines.wyoming.liveness import (
    LivenessMonitor,
    SilenceHistory,
    UnresponsiveError,
)
from tests.rig import simulated_time

# Limits of a silence


def test_before_the_first_answer_the_initial_limit_holds() -> None:
    history = SilenceHistory(min_limit=5.0, initial_limit=9.0)
    assert history.limit(audio=1.0) == 9.0
    assert history.limit(audio=60.0) == 9.0


def test_a_fast_server_has_the_minimal_limit() -> None:
    history = SilenceHistory(min_limit=5.0)
    history.record(audio=3.0, lasted=0.1)
    assert history.limit(audio=3.0) == 5.0


def test_the_limit_is_three_times_an_earlier_silence() -> None:
    history = SilenceHistory(min_limit=5.0)
    history.record(audio=3.0, lasted=4.0)
    assert history.limit(audio=3.0) == 12.0
    assert history.limit(audio=2.0) == 12.0


def test_the_limit_grows_with_the_audio() -> None:
    history = SilenceHistory(min_limit=5.0)
    history.record(audio=2.0, lasted=2.0)
    assert history.limit(audio=8.0) == pytest.approx(24.0)


def test_the_silence_with_the_most_similar_audio_counts() -> None:
    history = SilenceHistory(min_limit=5.0)
    history.record(audio=0.5, lasted=2.0)
    history.record(audio=8.0, lasted=3.0)
    assert history.limit(audio=10.0) == pytest.approx(3 * 3.0 * 10 / 8)


def test_of_two_equal_lengths_the_later_silence_counts() -> None:
    history = SilenceHistory(min_limit=5.0)
    history.record(audio=4.0, lasted=8.0)
    history.record(audio=4.0, lasted=0.1)
    assert history.limit(audio=4.0) == 5.0


def test_the_limit_has_a_maximum() -> None:
    history = SilenceHistory(max_limit=60.0)
    history.record(audio=0.0, lasted=10.0)
    assert history.limit(audio=100.0) == 60.0


def test_old_silences_are_forgotten() -> None:
    history = SilenceHistory(min_limit=5.0)
    history.record(audio=4.0, lasted=8.0)
    for _ in range(30):
        history.record(audio=1.0, lasted=0.1)
    assert history.limit(audio=1.0) == 5.0
    assert history.limit(audio=4.0) == 5.0


# Probes


async def at_once() -> None:
    """Give a sign of life."""


async def never() -> None:
    await asyncio.Event().wait()


def monitor(
    probe: Callable[[], Awaitable[None]],
    history: SilenceHistory | None = None,
    interval: float = 0.01,
) -> LivenessMonitor:
    short = SilenceHistory(min_limit=0.05, initial_limit=0.05)
    return LivenessMonitor(probe, history or short, interval)


def test_a_hung_server_is_interrupted() -> None:
    async def run() -> None:
        async with monitor(never).watch(lambda: 1.0):
            await never()

    with pytest.raises(UnresponsiveError):
        simulated_time.run(run())


def test_a_slow_server_that_answers_probes_is_not_interrupted() -> None:
    async def run() -> int:
        probes = 0
        enough = asyncio.Event()

        async def probe() -> None:
            nonlocal probes
            probes += 1
            if probes == 15:  # altogether far longer than one silence may last
                enough.set()

        history = SilenceHistory(min_limit=1.0, initial_limit=1.0)
        async with monitor(probe, history, interval=0.2).watch(lambda: 1.0):
            await enough.wait()
        return probes

    assert simulated_time.run(run()) >= 15


def test_after_an_interruption_the_limit_is_longer() -> None:
    history = SilenceHistory(min_limit=0.05, initial_limit=0.05)

    async def run() -> None:
        async with monitor(never, history).watch(lambda: 2.0):
            await never()

    with pytest.raises(UnresponsiveError):
        simulated_time.run(run())
    assert history.limit(audio=2.0) > 2 * 0.05


def test_a_minimal_limit_overrides_the_history() -> None:
    history = SilenceHistory(min_limit=0.05, initial_limit=0.05)

    async def run() -> None:
        probed = asyncio.Event()

        async def probe() -> None:
            probed.set()
            await never()

        async with monitor(probe, history).watch(lambda: 2.0, min_limit=60.0):
            await probed.wait()
            await asyncio.sleep(0.2)  # longer than the history allows

    simulated_time.run(run())
    assert history.limit(audio=2.0) >= 3 * 0.19


def test_another_timeout_passes_through() -> None:
    async def run() -> None:
        async with monitor(at_once).watch(lambda: 1.0):
            raise TimeoutError

    with pytest.raises(TimeoutError):
        simulated_time.run(run())


def test_a_failed_answer_is_not_recorded() -> None:
    history = SilenceHistory(initial_limit=9.0)

    async def run() -> None:
        async with monitor(at_once, history).watch(lambda: 1.0):
            raise ConnectionResetError

    with pytest.raises(ConnectionResetError):
        simulated_time.run(run())
    assert history.limit(audio=1.0) == 9.0


def test_no_probe_outlives_the_answer() -> None:
    async def run() -> None:
        probed, ended = asyncio.Event(), asyncio.Event()

        async def probe() -> None:
            probed.set()
            try:
                await never()
            finally:
                ended.set()

        async with monitor(probe, SilenceHistory()).watch(lambda: 1.0):
            await probed.wait()
        assert ended.is_set()

    simulated_time.run(run())
