import asyncio

import pytest

from appliance.servers.local_service.place import SessionSlot
from appliance.servers.local_service.protocol import RefusedError
from tests.rig.clock import Clock


async def at_once() -> bytes:
    return b"audio"


async def never() -> bytes:
    await asyncio.Event().wait()
    return b""


def test_what_the_client_says_is_passed_on(clock: Clock) -> None:
    assert asyncio.run(SessionSlot(60, clock).wait_for(at_once, 60)) == b"audio"


def test_nothing_in_time_is_a_time_out(clock: Clock) -> None:
    with pytest.raises(TimeoutError):
        asyncio.run(SessionSlot(60, clock).wait_for(never, 0.01))


def test_it_is_silent_for_as_long_as_its_session_has_waited(clock: Clock) -> None:
    async def run() -> None:
        place = SessionSlot(60, clock)
        clock.now += 7
        assert place.silence == 0, "its session does something else"
        waits = asyncio.create_task(place.wait_for(never, 60))
        await asyncio.sleep(0)
        clock.now += 3
        assert place.silence == 3
        waits.cancel()
        await asyncio.gather(waits, return_exceptions=True)
        assert place.silence == 0

    asyncio.run(run())


def test_who_loses_it_waits_no_more(clock: Clock) -> None:
    async def run() -> None:
        place = SessionSlot(60, clock)
        waits = asyncio.create_task(place.wait_for(never, 60))
        await asyncio.sleep(0)
        place.lose()
        with pytest.raises(RefusedError, match="another needed its place"):
            await waits

    asyncio.run(run())


def test_a_last_word_as_it_is_lost_is_heard_and_no_other(clock: Clock) -> None:
    async def run() -> None:
        place = SessionSlot(60, clock)
        said: asyncio.Queue[bytes] = asyncio.Queue()
        waits = asyncio.create_task(place.wait_for(said.get, 60))
        await asyncio.sleep(0)
        said.put_nowait(b"audio")
        place.lose()
        assert await waits == b"audio"
        with pytest.raises(RefusedError) as refused:
            await place.wait_for(at_once, 60)
        assert refused.value.code == 4031

    asyncio.run(run())
