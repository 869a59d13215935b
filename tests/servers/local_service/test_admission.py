import asyncio
import contextlib
from collections.abc import AsyncIterator

import pytest
from starlette.requests import HTTPConnection

from appliance.servers.local_service.admission import (
    EVICTION_SILENCE,
    Admission,
    SessionSlot,
    TemporaryTokens,
    default_limit,
)
from appliance.servers.local_service.parameters import MAX_SESSION_SECONDS
from appliance.servers.local_service.refusals import RefusedError
from tests.rig.clock import Clock


def handshake(authorization: str = "", query: str = "") -> HTTPConnection:
    headers = [(b"authorization", authorization.encode())] if authorization else []
    return HTTPConnection({"type": "websocket", "headers": headers, "query_string": query.encode()})


def lifetime(admission: Admission, handshake: HTTPConnection) -> float:
    with admission.slot(handshake) as slot:
        return slot.lifetime


# Keys and tokens


@pytest.mark.parametrize("shown", ["right", "Bearer right"])
def test_a_key_is_taken_with_and_without_its_scheme(shown: str) -> None:
    assert Admission(["right"]).has_key(handshake(shown))
    assert not Admission(["wrong"]).has_key(handshake(shown))


def test_without_keys_any_key_is_accepted_but_not_none() -> None:
    admission = Admission()
    assert admission.is_open
    assert admission.has_key(handshake("whatever"))
    assert not admission.has_key(handshake())


def test_a_token_is_taken_from_the_query_or_the_header() -> None:
    admission = Admission(["right"])
    token = admission.tokens.issue(60, 100)
    assert lifetime(admission, handshake(query=f"token={token}")) == 100
    token = admission.tokens.issue(60, 200)
    assert lifetime(admission, handshake(token)) == 200
    assert lifetime(admission, handshake("right")) == MAX_SESSION_SECONDS


@pytest.mark.parametrize("shown", ["", "wrong"])
def test_a_stranger_is_refused(shown: str) -> None:
    with pytest.raises(RefusedError) as caught:
        lifetime(Admission(["right"]), handshake(shown))
    assert caught.value.code == 1008


# The limit of sessions

ANYONE = handshake("any key")


def test_slots_are_limited_and_freed_at_the_end_of_a_session() -> None:
    admission = Admission(limit=2)
    with admission.slot(ANYONE):
        with admission.slot(ANYONE):
            token = admission.tokens.issue(60)
            with pytest.raises(RefusedError, match="there is room for 2") as caught:
                admission.slot(handshake(token)).__enter__()
            assert caught.value.code == 3009
            admission.tokens.check(token)  # is not used up
        with pytest.raises(ZeroDivisionError), admission.slot(ANYONE):
            _ = 1 / 0
        with admission.slot(ANYONE):
            pass


def test_the_smallest_machine_has_four_slots() -> None:
    assert default_limit() >= 4


# Silent clients


@contextlib.asynccontextmanager
async def waiting(slot: SessionSlot) -> AsyncIterator[asyncio.Task[bytes]]:
    """Let a slot's session wait for a client that sends nothing."""
    task = asyncio.create_task(slot.wait_for(asyncio.Queue[bytes]().get, 60.0))
    await asyncio.sleep(0)
    yield task
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


def test_the_client_that_was_silent_longest_loses_its_slot(clock: Clock) -> None:
    async def run() -> None:
        admission = Admission(limit=2, clock=clock)
        with admission.slot(ANYONE) as early, admission.slot(ANYONE) as late:
            async with waiting(early) as first:
                clock.now += 1
                async with waiting(late) as second:
                    clock.now += EVICTION_SILENCE
                    with admission.slot(ANYONE):
                        with pytest.raises(RefusedError, match="another needed its place") as lost:
                            await first
                        assert lost.value.code == 3006
                        assert not second.done()

    asyncio.run(run())


def test_a_client_that_was_silent_for_a_short_time_keeps_its_slot(clock: Clock) -> None:
    async def run() -> None:
        admission = Admission(limit=1, clock=clock)
        with admission.slot(ANYONE) as slot:
            async with waiting(slot) as session:
                clock.now += EVICTION_SILENCE - 0.1
                with pytest.raises(RefusedError) as refused:
                    admission.slot(ANYONE).__enter__()
                assert refused.value.code == 3009
                assert not session.done()

    asyncio.run(run())


def test_a_stranger_takes_nobodys_slot(clock: Clock) -> None:
    async def run() -> None:
        admission = Admission(["right"], limit=1, clock=clock)
        with admission.slot(handshake("right")) as slot:
            async with waiting(slot) as session:
                clock.now += 2 * EVICTION_SILENCE
                with pytest.raises(RefusedError) as refused:
                    admission.slot(handshake("wrong")).__enter__()
                assert refused.value.code == 1008
                assert not session.done()

    asyncio.run(run())


def test_a_lost_slot_is_freed_once(clock: Clock) -> None:
    async def run() -> None:
        admission = Admission(limit=1, clock=clock)
        with admission.slot(ANYONE) as slot:
            async with waiting(slot):
                clock.now += EVICTION_SILENCE
                taken = admission.slot(ANYONE)
                taken.__enter__()
        with pytest.raises(RefusedError):
            admission.slot(ANYONE).__enter__()
        taken.__exit__(None, None, None)
        with admission.slot(ANYONE):
            pass

    asyncio.run(run())


# Session slots


async def at_once() -> bytes:
    return b"audio"


async def never() -> bytes:
    await asyncio.Event().wait()
    return b""


def test_a_slot_returns_the_clients_message(clock: Clock) -> None:
    assert asyncio.run(SessionSlot(60, clock).wait_for(at_once, 60)) == b"audio"


def test_no_message_in_time_is_a_timeout(clock: Clock) -> None:
    with pytest.raises(TimeoutError):
        asyncio.run(SessionSlot(60, clock).wait_for(never, 0.01))


def test_the_silence_is_how_long_the_session_has_waited(clock: Clock) -> None:
    async def run() -> None:
        slot = SessionSlot(60, clock)
        clock.now += 7
        assert slot.silence == 0, "its session does not wait for the client"
        waits = asyncio.create_task(slot.wait_for(never, 60))
        await asyncio.sleep(0)
        clock.now += 3
        assert slot.silence == 3
        waits.cancel()
        await asyncio.gather(waits, return_exceptions=True)
        assert slot.silence == 0

    asyncio.run(run())


def test_losing_the_slot_ends_the_wait(clock: Clock) -> None:
    async def run() -> None:
        slot = SessionSlot(60, clock)
        waits = asyncio.create_task(slot.wait_for(never, 60))
        await asyncio.sleep(0)
        slot.take_away()
        with pytest.raises(RefusedError, match="another needed its place"):
            await waits

    asyncio.run(run())


def test_a_message_that_has_arrived_is_the_last_of_a_lost_slot(clock: Clock) -> None:
    async def run() -> None:
        slot = SessionSlot(60, clock)
        said: asyncio.Queue[bytes] = asyncio.Queue()
        waits = asyncio.create_task(slot.wait_for(said.get, 60))
        await asyncio.sleep(0)
        said.put_nowait(b"audio")
        slot.take_away()
        assert await waits == b"audio"
        with pytest.raises(RefusedError) as refused:
            await slot.wait_for(at_once, 60)
        assert refused.value.code == 3006

    asyncio.run(run())


# Temporary tokens


def test_a_token_has_the_length_of_its_session(clock: Clock) -> None:
    tokens = TemporaryTokens(clock)
    assert tokens.redeem(tokens.issue(60, max_session=120)) == 120


def test_a_token_works_once(clock: Clock) -> None:
    tokens = TemporaryTokens(clock)
    token = tokens.issue(60)
    tokens.redeem(token)
    with pytest.raises(RefusedError, match="used"):
        tokens.redeem(token)


def test_a_check_does_not_use_a_token_up(clock: Clock) -> None:
    tokens = TemporaryTokens(clock)
    token = tokens.issue(60)
    tokens.check(token)
    tokens.redeem(token)
    with pytest.raises(RefusedError, match="used"):
        tokens.check(token)


def test_a_token_works_until_it_expires(clock: Clock) -> None:
    tokens = TemporaryTokens(clock)
    token, late = tokens.issue(60), tokens.issue(60)
    clock.now += 59
    tokens.redeem(token)
    clock.now += 1
    with pytest.raises(RefusedError, match="expired"):
        tokens.redeem(late)


def test_other_tokens_survive_when_expired_ones_are_forgotten(clock: Clock) -> None:
    tokens = TemporaryTokens(clock)
    tokens.issue(1)
    token = tokens.issue(60)
    clock.now += 2
    tokens.issue(60)
    assert tokens.redeem(token)
