from appliance.servers.token_server.limits import PerMinute
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
