import pytest

from appliance.events import Fault
from appliance.screen import wording
from appliance.screen.scene import Mode, Scene, ShownTurn, Summary

FAULT = Fault("Can't reach the service", "check the network")


@pytest.mark.parametrize(
    ("seconds", "expected"),
    [(0, "0 s"), (42.9, "42 s"), (60, "1 min"), (130, "2 min"), (3600, "1 h"), (3900, "1 h 5 min")],
)
def test_durations_are_words(seconds: float, expected: str) -> None:
    assert wording.duration(seconds) == expected


@pytest.mark.parametrize(
    ("seconds", "expected"), [(0, "0:00"), (7.9, "0:07"), (754, "12:34"), (3723, "1:02:03")]
)
def test_the_stopwatch_counts_seconds_minutes_and_hours(seconds: float, expected: str) -> None:
    assert wording.stopwatch(seconds) == expected


@pytest.mark.parametrize("mode", Mode)
def test_every_mode_says_something(mode: Mode) -> None:
    assert wording.STATE[mode]
    assert wording.message(Scene(mode)).headline


@pytest.mark.parametrize("mode", Mode)
def test_a_fault_is_told_with_its_remedy_in_every_mode(mode: Mode) -> None:
    message = wording.message(Scene(mode, fault=FAULT))
    assert message.headline == "Can't reach the service"
    assert "check the network" in message.details


def test_ready_says_how_to_start_and_what_still_waits() -> None:
    scene = Scene(Mode.READY, hint="Press to start", waiting=130)
    assert wording.message(scene) == ("Press to start", ("2 min still to transcribe",))


def test_saved_says_how_long_and_how_many_words() -> None:
    scene = Scene(Mode.SAVED, summary=Summary(seconds=125, words=312))
    assert wording.message(scene) == ("312 words", ("in 2 min 5 s",))


def test_a_lost_connection_says_that_nothing_is_lost() -> None:
    scene = Scene(Mode.RECONNECTING, turns=(ShownTurn("a"),), waiting=42)
    assert wording.notice(scene) == ("keeping what you say: 42 s",)


def test_remedy_and_backlog_take_turns_below_a_transcript() -> None:
    told = {
        wording.notice(Scene(Mode.RECONNECTING, elapsed=second, waiting=42, fault=FAULT))
        for second in range(20)
    }
    assert told == {
        ("Can't reach the service", "check the network"),
        ("Can't reach the service", "keeping what you say: 42 s"),
    }


def test_nothing_stands_below_the_transcript_when_all_is_well() -> None:
    assert wording.notice(Scene(Mode.LISTENING, waiting=12)) == ()
