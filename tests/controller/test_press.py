import pytest

from appliance.controller.press import Press
from appliance.controller.states import Input
from appliance.settings.schema import ButtonSettings

SETTINGS = ButtonSettings(hold_time=3.0)


@pytest.fixture
def press() -> Press:
    return Press(SETTINGS)


def test_a_short_press_in_a_session_ends_it(press: Press) -> None:
    assert press.begin(100.0, in_session=True) is None
    assert press.down
    assert press.release(100.2) is Input.STOP
    assert not press.down


def test_a_long_press_in_a_session_does_not(press: Press) -> None:
    press.begin(100.0, in_session=True)
    assert not press.release(101.0)


def test_a_press_without_a_session_begins_one_and_does_not_end_it(press: Press) -> None:
    assert press.begin(100.0, in_session=False) is Input.START
    assert press.release(100.2) is None


@pytest.mark.parametrize(
    ("after", "left"), [(0.2, 0), (0.69, 0), (0.8, 3), (1.0, 2), (2.5, 1), (3.2, 1)]
)
def test_it_counts_down_from_the_first_second_on(press: Press, after: float, left: int) -> None:
    press.begin(100.0, in_session=False)
    assert press.left(100.0 + after) == left


def test_a_short_hold_time_leaves_room_for_clicks() -> None:
    press = Press(ButtonSettings(hold_time=0.5))
    press.begin(100.0, in_session=True)
    assert press.left(100.2) == 0
    assert press.left(100.3) == 1
    assert press.release(100.2) is Input.STOP


def test_a_dropped_press_is_no_hold(press: Press) -> None:
    press.begin(100.0, in_session=True)
    press.drop()
    assert press.left(102.0) == 0
    assert not press.release(100.1)


def test_where_a_hold_does_nothing_a_press_counts_at_once() -> None:
    press = Press(ButtonSettings(hold_action="none"))
    assert press.begin(100.0, in_session=True) is Input.STOP
    assert not press.powers_off
    assert press.left(102.0) == 0
