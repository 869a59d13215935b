import asyncio
from collections.abc import Awaitable, Callable

import pytest

from appliance.servers.local_service.engines.wyoming.liveness import Liveness, Silences, SilentError

# How long a silence is borne


def test_a_server_that_has_answered_nothing_yet_is_given_some_time() -> None:
    silences = Silences(least=5.0, unknown=9.0)
    assert silences.bearable(audio=1.0) == 9.0
    assert silences.bearable(audio=60.0) == 9.0


def test_a_fast_server_is_given_the_least() -> None:
    silences = Silences(least=5.0)
    silences.note(audio=3.0, lasted=0.1)
    assert silences.bearable(audio=3.0) == 5.0


def test_a_server_that_can_do_only_one_thing_is_given_three_times_as_long_as_it_took() -> None:
    silences = Silences(least=5.0)
    silences.note(audio=3.0, lasted=4.0)
    assert silences.bearable(audio=3.0) == 12.0
    assert silences.bearable(audio=2.0) == 12.0


def test_over_more_audio_a_silence_may_last_longer() -> None:
    silences = Silences(least=5.0)
    silences.note(audio=2.0, lasted=2.0)
    assert silences.bearable(audio=8.0) == pytest.approx(24.0)


def test_the_silence_over_about_as_much_audio_counts() -> None:
    silences = Silences(least=5.0)
    silences.note(audio=0.5, lasted=2.0)
    silences.note(audio=8.0, lasted=3.0)
    assert silences.bearable(audio=10.0) == pytest.approx(3 * 3.0 * 10 / 8)


def test_of_two_silences_the_later_counts() -> None:
    silences = Silences(least=5.0)
    silences.note(audio=4.0, lasted=8.0)
    silences.note(audio=4.0, lasted=0.1)
    assert silences.bearable(audio=4.0) == 5.0


def test_no_silence_is_borne_for_ever() -> None:
    silences = Silences(most=60.0)
    silences.note(audio=0.0, lasted=10.0)
    assert silences.bearable(audio=100.0) == 60.0


def test_silences_of_long_ago_are_forgotten() -> None:
    silences = Silences(least=5.0)
    silences.note(audio=4.0, lasted=8.0)
    for _ in range(30):
        silences.note(audio=1.0, lasted=0.1)
    assert silences.bearable(audio=1.0) == 5.0
    assert silences.bearable(audio=4.0) == 5.0


# Feeling the pulse


async def at_once() -> None:
    """Give a sign of life."""


async def never() -> None:
    await asyncio.Event().wait()


def pulse(
    sign_of_life: Callable[[], Awaitable[None]],
    silences: Silences | None = None,
    between: float = 0.01,
) -> Liveness:
    return Liveness(sign_of_life, silences or Silences(least=0.05, unknown=0.05), between=between)


def test_a_silent_server_is_interrupted() -> None:
    async def run() -> None:
        async with pulse(never).felt(lambda: 1.0):
            await never()

    with pytest.raises(SilentError):
        asyncio.run(run())


@pytest.mark.slow
def test_a_server_that_is_slow_but_there_is_not_interrupted() -> None:
    async def run() -> int:
        signs = 0
        enough = asyncio.Event()

        async def sign() -> None:
            nonlocal signs
            signs += 1
            if signs == 15:  # altogether far longer than one silence may last
                enough.set()

        patient = Silences(least=1.0, unknown=1.0)
        async with pulse(sign, patient, between=0.2).felt(lambda: 1.0):
            await enough.wait()
        return signs

    assert asyncio.run(run()) >= 15


def test_once_interrupted_the_same_question_is_given_longer() -> None:
    silences = Silences(least=0.05, unknown=0.05)

    async def run() -> None:
        async with pulse(never, silences).felt(lambda: 2.0):
            await never()

    with pytest.raises(SilentError):
        asyncio.run(run())
    assert silences.bearable(audio=2.0) > 2 * 0.05


@pytest.mark.slow
def test_with_patience_a_server_is_waited_for_of_which_nothing_is_known() -> None:
    silences = Silences(least=0.05, unknown=0.05)

    async def run() -> None:
        async with pulse(never, silences).felt(lambda: 2.0, patience=60.0):
            await asyncio.sleep(1)

    asyncio.run(run())
    assert silences.bearable(audio=2.0) >= 3 * 0.9


def test_a_time_out_of_somebody_else_is_passed_on() -> None:
    async def run() -> None:
        async with pulse(at_once).felt(lambda: 1.0):
            raise TimeoutError

    with pytest.raises(TimeoutError):
        asyncio.run(run())


def test_what_breaks_tells_nothing_of_silences() -> None:
    silences = Silences(unknown=9.0)

    async def run() -> None:
        async with pulse(at_once, silences).felt(lambda: 1.0):
            raise ConnectionResetError

    with pytest.raises(ConnectionResetError):
        asyncio.run(run())
    assert silences.bearable(audio=1.0) == 9.0


def test_no_question_outlives_the_answer() -> None:
    ended = []

    async def sign() -> None:
        try:
            await never()
        finally:
            ended.append("asked")

    async def run() -> None:
        async with pulse(sign, Silences()).felt(lambda: 1.0):
            await asyncio.sleep(0.1)
        assert ended == ["asked"]

    asyncio.run(run())
