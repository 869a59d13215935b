import itertools
from collections.abc import Callable

import msgspec
import pytest

from appliance.core.faults import Fault
from appliance.screen.burn_in import (
    MARGIN,
    PLACES,
    STEP_TIME,
    Brightness,
    IdleTimer,
    drift,
    resting_brightness,
)
from appliance.screen.scene import Mode, Scene
from appliance.settings.schema import DisplaySettings

SETTINGS = DisplaySettings(dim_after=60, sleep_after=600)
READY = Scene(Mode.READY, clock="14:05")
DEAF = Scene(Mode.READY, fault=Fault("No microphone", "plug one in"))


@pytest.mark.parametrize(
    ("dim_after", "sleep_after", "expected"),
    [
        (
            60,
            600,
            {
                0: Brightness.AWAKE,
                59: Brightness.AWAKE,
                60: Brightness.DIMMED,
                600: Brightness.ASLEEP,
            },
        ),
        (0, 600, {599: Brightness.AWAKE, 600: Brightness.ASLEEP}),
        (60, 0, {60: Brightness.DIMMED, 10**9: Brightness.DIMMED}),
        (0, 0, {10**9: Brightness.AWAKE}),
        (60, 30, {29: Brightness.AWAKE, 30: Brightness.ASLEEP, 60: Brightness.ASLEEP}),
    ],
)
def test_a_panel_dims_and_sleeps_after_the_times_set(
    dim_after: float, sleep_after: float, expected: dict[float, Brightness]
) -> None:
    settings = DisplaySettings(dim_after=dim_after, sleep_after=sleep_after)
    assert {idle: resting_brightness(idle, settings) for idle in expected} == expected


def test_the_picture_stays_for_a_while_and_then_moves_by_one_pixel() -> None:
    assert drift(0) == drift(STEP_TIME - 0.1) == (0, 0)
    walk = [drift(number * STEP_TIME) for number in range(2 * len(PLACES))]
    for before, after in itertools.pairwise(walk):
        assert abs(after[0] - before[0]) + abs(after[1] - before[1]) == 1


def test_the_picture_never_leaves_its_margin_and_uses_all_of_it() -> None:
    places = {drift(minute * STEP_TIME) for minute in range(100)}
    assert places == set(itertools.product(range(MARGIN[0] + 1), range(MARGIN[1] + 1)))


@pytest.fixture
def brightness_after() -> Callable[..., list[Brightness]]:
    def brightness_after(*shown: tuple[float, Scene]) -> list[Brightness]:
        idle_timer = IdleTimer(SETTINGS)
        return [idle_timer.brightness(scene, now) for now, scene in shown]

    return brightness_after


@pytest.mark.parametrize(
    "change",
    [{"clock": "14:06"}, {"level": 0.5}, {"waiting": 130.0}, {"network": False}, {"elapsed": 3.0}],
    ids=lambda change: next(iter(change)),
)
def test_changes_of_little_interest_do_not_wake_the_panel(
    brightness_after: Callable[..., list[Brightness]], change: dict[str, object]
) -> None:
    changed = msgspec.structs.replace(READY, **change)
    assert brightness_after((0, READY), (601, changed)) == [Brightness.AWAKE, Brightness.ASLEEP]


@pytest.mark.parametrize(
    "change",
    [DEAF, Scene(Mode.READY, power_off_in=3), Scene(Mode.CONNECTING), Scene(Mode.STOPPING)],
    ids=["fault", "hold", "press", "end"],
)
def test_what_matters_wakes_the_panel_at_once(
    brightness_after: Callable[..., list[Brightness]], change: Scene
) -> None:
    assert brightness_after((0, READY), (601, READY), (602, change))[1:] == [
        Brightness.ASLEEP,
        Brightness.AWAKE,
    ]


def test_a_session_never_dims_and_the_rest_begins_again_after_it(
    brightness_after: Callable[..., list[Brightness]],
) -> None:
    talking = Scene(Mode.LISTENING)
    levels = brightness_after(
        (0, READY), (1, talking), (9000, talking), (9001, READY), (9062, READY)
    )
    assert levels == [Brightness.AWAKE] * 4 + [Brightness.DIMMED]


def test_a_hold_that_was_let_go_leaves_the_panel_awake(
    brightness_after: Callable[..., list[Brightness]],
) -> None:
    holding = Scene(Mode.READY, power_off_in=2)
    assert brightness_after((0, READY), (601, holding), (602, READY))[-1] is Brightness.AWAKE


def test_a_fault_that_stays_lets_the_panel_sleep_though_its_details_change(
    brightness_after: Callable[..., list[Brightness]],
) -> None:
    later = Scene(Mode.READY, fault=Fault("No microphone", "plug one in", "try 2"))
    assert brightness_after((0, DEAF), (601, later))[-1] is Brightness.ASLEEP
