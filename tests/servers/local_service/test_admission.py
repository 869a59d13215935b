import asyncio
import contextlib
from collections.abc import AsyncIterator

import pytest
from starlette.requests import HTTPConnection

from appliance.servers.local_service.admission import SILENCE, Admission, usual_limit
from appliance.servers.local_service.place import SessionSlot
from appliance.servers.local_service.protocol import LONGEST_SESSION, RefusedError
from tests.rig.clock import Clock


def handshake(authorization: str = "", query: str = "") -> HTTPConnection:
    headers = [(b"authorization", authorization.encode())] if authorization else []
    return HTTPConnection({"type": "websocket", "headers": headers, "query_string": query.encode()})


def lifetime(admission: Admission, handshake: HTTPConnection) -> float:
    with admission.place(handshake) as place:
        return place.lifetime


# By key and by token


@pytest.mark.parametrize("shown", ["right", "Bearer right"])
def test_a_key_is_taken_with_and_without_its_scheme(shown: str) -> None:
    assert Admission(["right"]).has_key(handshake(shown))
    assert not Admission(["wrong"]).has_key(handshake(shown))


def test_without_keys_any_will_do_but_one_there_must_be() -> None:
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
    assert lifetime(admission, handshake("right")) == LONGEST_SESSION


@pytest.mark.parametrize("shown", ["", "wrong"])
def test_a_stranger_is_refused(shown: str) -> None:
    with pytest.raises(RefusedError) as caught:
        lifetime(Admission(["right"]), handshake(shown))
    assert caught.value.code == 1008


# So many at a time

ANYONE = handshake("any key")


def test_there_are_so_many_places_and_each_is_free_again_at_the_end() -> None:
    admission = Admission(limit=2)
    with admission.place(ANYONE):
        with admission.place(ANYONE):
            token = admission.tokens.issue(60)
            with pytest.raises(RefusedError, match="there is room for 2") as caught:
                admission.place(handshake(token)).__enter__()
            assert caught.value.code == 3009
            admission.tokens.check(token)  # is not used up
        with pytest.raises(ZeroDivisionError), admission.place(ANYONE):
            _ = 1 / 0
        with admission.place(ANYONE):
            pass


def test_the_smallest_machine_has_four_places() -> None:
    assert usual_limit() >= 4


# A place that another needs


@contextlib.asynccontextmanager
async def waiting(place: SessionSlot) -> AsyncIterator[asyncio.Task[bytes]]:
    """Let a place's session wait for its client, of whom nothing comes."""
    task = asyncio.create_task(place.wait_for(asyncio.Queue[bytes]().get, 60.0))
    await asyncio.sleep(0)
    yield task
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


def test_of_two_silent_clients_the_one_that_was_silent_for_longer_gives_way(clock: Clock) -> None:
    async def run() -> None:
        admission = Admission(limit=2, clock=clock)
        with admission.place(ANYONE) as early, admission.place(ANYONE) as late:
            async with waiting(early) as first:
                clock.now += 1
                async with waiting(late) as second:
                    clock.now += SILENCE
                    with admission.place(ANYONE):
                        with pytest.raises(RefusedError, match="another needed its place") as lost:
                            await first
                        assert lost.value.code == 4031
                        assert not second.done()

    asyncio.run(run())


def test_until_it_was_silent_for_long_enough_no_session_gives_way(clock: Clock) -> None:
    async def run() -> None:
        admission = Admission(limit=1, clock=clock)
        with admission.place(ANYONE) as place:
            async with waiting(place) as session:
                clock.now += SILENCE - 0.1
                with pytest.raises(RefusedError) as refused:
                    admission.place(ANYONE).__enter__()
                assert refused.value.code == 3009
                assert not session.done()

    asyncio.run(run())


def test_a_stranger_takes_nobodys_place(clock: Clock) -> None:
    async def run() -> None:
        admission = Admission(["right"], limit=1, clock=clock)
        with admission.place(handshake("right")) as place:
            async with waiting(place) as session:
                clock.now += 2 * SILENCE
                with pytest.raises(RefusedError) as refused:
                    admission.place(handshake("wrong")).__enter__()
                assert refused.value.code == 1008
                assert not session.done()

    asyncio.run(run())


def test_a_place_that_was_lost_is_counted_once(clock: Clock) -> None:
    async def run() -> None:
        admission = Admission(limit=1, clock=clock)
        with admission.place(ANYONE) as place:
            async with waiting(place):
                clock.now += SILENCE
                taken = admission.place(ANYONE)
                taken.__enter__()
        with pytest.raises(RefusedError):
            admission.place(ANYONE).__enter__()
        taken.__exit__(None, None, None)
        with admission.place(ANYONE):
            pass

    asyncio.run(run())
