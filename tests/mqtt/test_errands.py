import threading

import pytest

from appliance.core.errors import ActionError
from appliance.mqtt.errands import AwaitedMessage, Errands


def errand() -> AwaitedMessage:
    return AwaitedMessage("lamp/set", b"ON", due=4.0)


def test_an_errand_ends_well() -> None:
    sent = errand()
    threading.Timer(0.01, sent.end).start()
    sent.wait(20)
    assert not sent.is_wanted()


def test_nobody_waits_for_ever_and_nothing_is_sent_late() -> None:
    errands, late = Errands(), errand()
    errands.add(late)
    with pytest.raises(ActionError, match="no answer from the broker"):
        late.wait(0.01)
    assert list(errands.take()) == []


def test_its_first_end_counts() -> None:
    sent = errand()
    sent.end("no broker")
    sent.end()
    with pytest.raises(ActionError, match="no broker"):
        sent.wait(0)


def test_each_is_taken_once_and_in_order() -> None:
    errands, (first, second) = Errands(), (errand(), errand())
    errands.add(first)
    errands.add(second)
    assert list(errands.take()) == [first, second]
    assert list(errands.take()) == []


def test_when_the_broker_goes_all_that_it_does_not_have_has_failed() -> None:
    errands, (had, sent, new) = Errands(), (errand(), errand(), errand())
    errands.add(had)
    errands.add(sent)
    list(errands.take())
    had.end()
    errands.add(new)
    errands.drop(3.9)
    had.wait(0)
    for lost in (sent, new):
        with pytest.raises(ActionError, match="no broker"):
            lost.wait(0)


def test_a_broker_that_was_given_up_has_not_answered() -> None:
    errands, sent = Errands(), errand()
    errands.add(sent)
    list(errands.take())
    errands.drop(4.0)
    with pytest.raises(ActionError, match="no answer from the broker"):
        sent.wait(0)
