import math

from appliance.mqtt.outbox import LatestValue

INTERVAL = 0.5


def begun(*, republish: bool = True) -> LatestValue[str]:
    latest = LatestValue[str](INTERVAL, "old")
    latest.begin(-INTERVAL, republish=republish)
    return latest


def test_only_another_value_differs() -> None:
    latest = begun()
    assert latest.put("new")
    assert not latest.put("new")


def test_the_latest_is_published_and_those_before_are_not() -> None:
    latest = begun()
    latest.put("first")
    latest.put("second")
    assert latest.take(0.0) == "second"
    latest.answered("")
    assert latest.due_in(10.0) == math.inf


def test_between_two_there_is_an_interval() -> None:
    latest = begun()
    assert latest.take(0.0) == "old"
    latest.answered("")
    latest.put("new")
    assert latest.due_in(0.2) == INTERVAL - 0.2
    assert latest.take(0.2) is None
    assert latest.take(INTERVAL) == "new"


def test_one_is_under_way_at_a_time() -> None:
    latest = begun()
    latest.take(0.0)
    latest.put("new")
    assert latest.due_in(100.0) == math.inf
    assert latest.take(100.0) is None
    latest.answered("")
    assert latest.take(100.0) == "new"


def test_what_came_back_to_what_it_was_is_not_published_twice() -> None:
    latest = begun()
    latest.take(0.0)
    latest.put("new")
    latest.put("old")
    latest.answered("")
    assert latest.take(100.0) is None


def test_a_connection_begins_with_what_there_is_or_with_what_comes() -> None:
    assert begun(republish=True).take(0.0) == "old"
    later = begun(republish=False)
    assert later.take(0.0) is None
    later.put("new")
    assert later.take(0.0) == "new"


def test_a_new_connection_waits_for_no_old_acknowledgement() -> None:
    latest = begun()
    latest.take(0.0)
    latest.begin(0.0, republish=True)
    assert latest.take(0.1) is None, "not at once: the news that there is a connection comes first"
    assert latest.take(INTERVAL) == "old"
