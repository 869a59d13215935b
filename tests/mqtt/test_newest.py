import math

from appliance.mqtt.newest import LatestValue

INTERVAL = 0.5


def begun(*, anew: bool = True) -> LatestValue[str]:
    newest = LatestValue[str](INTERVAL, "old")
    newest.begin(-INTERVAL, anew=anew)
    return newest


def test_only_another_value_is_news() -> None:
    newest = begun()
    assert newest.put("new")
    assert not newest.put("new")


def test_the_newest_is_published_and_those_before_are_not() -> None:
    newest = begun()
    newest.put("first")
    newest.put("second")
    assert newest.take(0.0) == "second"
    newest.answered()
    assert newest.due_in(10.0) == math.inf


def test_between_two_there_is_an_interval() -> None:
    newest = begun()
    assert newest.take(0.0) == "old"
    newest.answered()
    newest.put("new")
    assert newest.due_in(0.2) == INTERVAL - 0.2
    assert newest.take(0.2) is None
    assert newest.take(INTERVAL) == "new"


def test_one_is_under_way_at_a_time() -> None:
    newest = begun()
    newest.take(0.0)
    newest.put("new")
    assert newest.due_in(100.0) == math.inf
    assert newest.take(100.0) is None
    newest.answered()
    assert newest.take(100.0) == "new"


def test_what_came_back_to_what_it_was_is_not_published_twice() -> None:
    newest = begun()
    newest.take(0.0)
    newest.put("new")
    newest.put("old")
    newest.answered()
    assert newest.take(100.0) is None


def test_a_connection_begins_with_what_there_is_or_with_what_comes() -> None:
    assert begun(anew=True).take(0.0) == "old"
    afresh = begun(anew=False)
    assert afresh.take(0.0) is None
    afresh.put("new")
    assert afresh.take(0.0) == "new"


def test_a_new_connection_waits_for_no_old_acknowledgement() -> None:
    newest = begun()
    newest.take(0.0)
    newest.begin(0.0, anew=True)
    assert newest.take(0.1) is None, "not at once: the news that there is a connection comes first"
    assert newest.take(INTERVAL) == "old"
