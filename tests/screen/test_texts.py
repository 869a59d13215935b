import pytest

from appliance.core.faults import Fault
from appliance.screen import texts
from appliance.screen.scene import Mode, Scene, ShownTurn, Summary

FAULT = Fault("Can't reach the service", "check the network")


@pytest.mark.parametrize(
    ("seconds", "expected"),
    [(0, "0 s"), (42.9, "42 s"), (60, "1 min"), (130, "2 min"), (3600, "1 h"), (3900, "1 h 5 min")],
)
def test_durations_are_words(seconds: float, expected: str) -> None:
    assert texts.duration(seconds) == expected


@pytest.mark.parametrize(
    ("seconds", "expected"), [(0, "0:00"), (7.9, "0:07"), (754, "12:34"), (3723, "1:02:03")]
)
def test_the_stopwatch_counts_seconds_minutes_and_hours(seconds: float, expected: str) -> None:
    assert texts.stopwatch(seconds) == expected


@pytest.mark.parametrize("mode", Mode)
def test_every_mode_says_something(mode: Mode) -> None:
    assert texts.STATE[mode]
    assert texts.message(Scene(mode)).headline


@pytest.mark.parametrize("mode", Mode)
def test_a_fault_is_shown_with_its_remedy_in_every_mode(mode: Mode) -> None:
    message = texts.message(Scene(mode, fault=FAULT))
    assert message.headline == "Can't reach the service"
    assert "check the network" in message.details


def test_ready_says_how_to_start_and_what_still_waits() -> None:
    scene = Scene(Mode.READY, hint="Press to start", waiting=130)
    assert texts.message(scene) == ("Press to start", ("2 min still to transcribe",), "")


def test_saved_says_how_long_and_how_many_words() -> None:
    scene = Scene(Mode.SAVED, summary=Summary(seconds=125, words=312))
    assert texts.message(scene) == ("312 words", ("in 2 min 5 s",), "")


@pytest.mark.parametrize(
    ("seconds", "expected"),
    [(4, "in 4 s"), (60, "in 1 min 0 s"), (125, "in 2 min 5 s"), (3725, "in 1 h 2 min")],
)
def test_the_length_of_a_session_is_words(seconds: float, expected: str) -> None:
    assert texts.length(Summary(seconds, 1)) == expected


@pytest.mark.parametrize("fault", [None, FAULT], ids=["well", "fault"])
@pytest.mark.parametrize("mode", Mode)
def test_a_hold_says_what_it_leads_to_and_how_to_stay_on(mode: Mode, fault: Fault | None) -> None:
    scene = Scene(mode, power_off_in=2, fault=fault, turns=(ShownTurn("a"),))
    assert texts.message(scene) == ("Switching off in 2", ("let go to stay on",), "")
    assert texts.notice(scene) == ("Switching off in 2", "let go to stay on")


def test_a_fault_leaves_room_for_the_result_of_the_session() -> None:
    message = texts.message(Scene(Mode.SAVED, fault=FAULT, summary=Summary(125, 312)))
    assert message.aside == "312 words in 2 min 5 s"


def test_what_comes_after_finishing_is_said_with_and_without_a_fault() -> None:
    hint = "Then it switches off"
    for fault in (None, FAULT):
        scene = Scene(Mode.FINISHING, fault=fault, hint=hint)
        assert hint in texts.message(scene).details
        assert hint in texts.notice(scene)


def test_a_fault_between_sessions_leaves_room_for_how_to_start() -> None:
    message = texts.message(Scene(Mode.READY, fault=FAULT, hint="Press to start"))
    assert message == ("Can't reach the service", ("check the network",), "Press to start")


@pytest.mark.parametrize(
    ("scene", "expected"),
    [
        (Scene(Mode.STARTING), "Starting"),
        (Scene(Mode.READY), "Ready: press to start"),
        (Scene(Mode.READY, waiting=130), "Ready: press to start, 2 min still to transcribe"),
        (
            Scene(Mode.READY, fault=Fault("No microphone", "plug one in")),
            "No microphone: plug one in",
        ),
        (Scene(Mode.CONNECTING), "Connecting"),
        (Scene(Mode.LISTENING, elapsed=130), "Listening for 2 min"),
        (
            Scene(Mode.RECONNECTING, waiting=42, fault=FAULT),
            "Can't reach the service: keeping what you say, 42 s",
        ),
        (Scene(Mode.FINISHING, hint="Then it switches off"), "Finishing: then it switches off"),
        (Scene(Mode.SAVED, summary=Summary(125, 312)), "Saved: 312 words in 2 min 5 s"),
        (Scene(Mode.READY, power_off_in=2), "Switching off in 2 s, unless the button is let go"),
        (Scene(Mode.STOPPING), "Switching off"),
        (Scene(Mode.OFF), "Off: safe to unplug"),
    ],
)
def test_every_state_has_a_sentence(scene: Scene, expected: str) -> None:
    assert texts.sentence(scene) == expected


def test_the_fallback_is_named_where_it_listens() -> None:
    scene = Scene(Mode.LISTENING, elapsed=65, on_fallback=True)
    assert texts.state(scene) == "Fallback"
    assert texts.sentence(scene) == "Listening for 1 min at the fallback service"
    assert texts.state(Scene(Mode.RECONNECTING, on_fallback=True)) == "Reconnecting"
    assert texts.state(Scene(Mode.LISTENING)) == "Listening"


def test_lines_for_which_there_is_no_room_take_turns() -> None:
    lines = ["one", "two", "three"]
    assert [texts.page(lines, 2, elapsed) for elapsed in (0, 2, 4)] == [
        ["one", "two"],
        ["three"],
        ["one", "two"],
    ]
    assert texts.page(lines, 3, elapsed=99) == lines
    assert texts.page([], 2, elapsed=99) == []


def test_the_first_lines_stay_and_the_others_take_turns_as_the_last() -> None:
    lines = ["what", "one", "two", "three"]
    assert [texts.cut_short(lines, 2, elapsed) for elapsed in (0, 2, 4, 6)] == [
        ["what", "one"],
        ["what", "two"],
        ["what", "three"],
        ["what", "one"],
    ]
    assert texts.cut_short(lines, 1, elapsed=2) == ["one"]
    assert texts.cut_short(lines, 4, elapsed=2) == lines


def test_a_lost_connection_says_that_nothing_is_lost() -> None:
    scene = Scene(Mode.RECONNECTING, turns=(ShownTurn("a"),), waiting=42)
    assert texts.notice(scene) == ("keeping what you say: 42 s",)


def test_remedy_and_backlog_take_turns_below_a_transcript() -> None:
    seen = {
        texts.notice(Scene(Mode.RECONNECTING, elapsed=second, waiting=42, fault=FAULT))
        for second in range(20)
    }
    assert seen == {
        ("Can't reach the service", "check the network"),
        ("Can't reach the service", "keeping what you say: 42 s"),
    }


def test_nothing_is_shown_below_the_transcript_when_all_is_well() -> None:
    assert texts.notice(Scene(Mode.LISTENING, waiting=12)) == ()
