import asyncio

from appliance.servers.token_server.limits import HELD, LONGEST, PerMinute, WrongSecrets
from tests.rig.clock import Clock


def test_so_many_a_minute_and_no_more(clock: Clock) -> None:
    limit = PerMinute(3, clock)
    assert [limit.wait("kitchen") for _ in range(5)] == [0, 0, 0, 60, 60]


def test_the_wait_that_is_told_is_enough(clock: Clock) -> None:
    limit = PerMinute(2, clock)
    limit.wait("kitchen")
    clock.now += 10.5
    limit.wait("kitchen")
    clock.now += 1
    wait = limit.wait("kitchen")
    assert wait == 49
    clock.now += wait
    assert limit.wait("kitchen") == 0
    assert limit.wait("kitchen") > 0


def test_one_who_asks_too_often_takes_nothing_from_another(clock: Clock) -> None:
    limit = PerMinute(1, clock)
    assert [limit.wait("kitchen") for _ in range(3)] == [0, 60, 60]
    assert limit.wait("workshop") == 0


def test_each_wrong_secret_waits_longer_up_to_a_limit(clock: Clock) -> None:
    waits: list[float] = []

    async def sleep(seconds: float) -> None:
        waits.append(seconds)

    async def guess() -> None:
        for _ in range(30):
            await wrong.hold()

    wrong = WrongSecrets(clock, sleep)
    asyncio.run(guess())
    assert waits[:3] == [0.25, 0.5, 0.75]
    assert waits == sorted(waits)
    assert max(waits) == LONGEST
    assert wrong.total == 30
    clock.now += 61
    asyncio.run(guess())
    assert waits[30] == 0.25


def test_of_too_many_wrong_ones_the_rest_is_not_held_but_counted(clock: Clock) -> None:
    async def flood() -> None:
        enough = asyncio.Event()
        waits: list[float] = []

        async def sleep(seconds: float) -> None:
            waits.append(seconds)
            await enough.wait()

        wrong = WrongSecrets(clock, sleep)
        held = [asyncio.create_task(wrong.hold()) for _ in range(HELD)]
        await asyncio.sleep(0)
        for _ in range(5):
            await wrong.hold()
        assert len(waits) == HELD
        assert wrong.total == HELD + 5
        enough.set()
        await asyncio.gather(*held)
        await wrong.hold()
        assert len(waits) == HELD + 1

    asyncio.run(flood())
