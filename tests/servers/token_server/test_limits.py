from appliance.servers.token_server.limits import RateLimit
from tests.rig.clock import Clock


def test_no_more_than_the_limit_in_a_minute(clock: Clock) -> None:
    limit = RateLimit(3, clock)
    assert [limit.wait("kitchen") for _ in range(5)] == [0, 0, 0, 60, 60]


def test_after_the_returned_wait_a_request_is_allowed(clock: Clock) -> None:
    limit = RateLimit(2, clock)
    limit.wait("kitchen")
    clock.now += 10.5
    limit.wait("kitchen")
    clock.now += 1
    wait = limit.wait("kitchen")
    assert wait == 49
    clock.now += wait
    assert limit.wait("kitchen") == 0
    assert limit.wait("kitchen") > 0


def test_each_name_is_limited_by_itself(clock: Clock) -> None:
    limit = RateLimit(1, clock)
    assert [limit.wait("kitchen") for _ in range(3)] == [0, 60, 60]
    assert limit.wait("workshop") == 0
