"""Commands in the middle of sessions: the whole program but the network and the screen."""

from pathlib import Path

from appliance.core.command_events import CommandEnded, Request, Requested
from appliance.core.events import Connected, TurnReceived
from appliance.core.turns import Covered, Turn
from appliance.history import reader
from appliance.history.records import MarkRecord
from appliance.screen.scene import Appearance, Mode
from appliance.settings import Settings
from appliance.settings.commands import (
    Bigger,
    Bookmark,
    Brighter,
    Clear,
    Command,
    Darker,
    Gpio,
    Name,
    Note,
    Smaller,
    Stop,
)
from appliance.streaming.session import Session
from appliance.voice_commands.actions.action import ActionRequest
from appliance.voice_commands.dispatcher import Dispatcher
from tests.doubles import Bench
from tests.rig.waiting import wait_until

LAMP = Gpio(phrase="turn on [the] lamp", pin=22, state="on")
COMMANDS: tuple[Command, ...] = (
    LAMP,
    Stop(phrase="stop listening"),
    Clear(phrase="clear the screen"),
    Bigger(phrase="bigger"),
    Smaller(phrase="smaller"),
    Brighter(phrase="brighter"),
    Darker(phrase="darker"),
    Bookmark(phrase="mark this"),
    Note(phrase="take a note"),
    Name(phrase="speaker {letter} is {name}"),
)


def bench_in(folder: Path) -> Bench:
    return Bench(folder, commands=COMMANDS, speakers="letter")


def say(
    bench: Bench,
    session: Session,
    text: str,
    order: int = 0,
    *,
    origin: int = 0,
    speaker: str = "",
) -> None:
    """Let the service hear a finished turn that was said just now."""
    now = bench.clock.now - session.backlog.recording.monotonic
    turn = Turn(order, text, finished=True, speaker=speaker)
    covered = Covered(0, origin, order + 1)
    bench.post(TurnReceived(session.name, origin, turn, now - 1.0, now, covered))


def marks(bench: Bench) -> list[MarkRecord]:
    return [mark for kept in reader.sessions(bench.path) for mark in kept.marks]


def test_a_command_is_carried_out_and_its_outcome_shown_and_kept(tmp_path: Path) -> None:
    with bench_in(tmp_path) as bench:
        session = bench.listen()
        say(bench, session, "Turn on the lamp!")
        [request] = bench.action_requests
        assert request.command == LAMP
        assert bench.scene().remark == "Turn on the lamp: …"
        assert bench.scene().turns[-1].text == "Turn on the lamp!"
        bench.post(CommandEnded(session.name, LAMP.name, request.words, request.at))
        assert bench.scene().remark == "Turn on the lamp: done"
        wait_until(lambda: [(it.kind, it.text, it.outcome) for it in marks(bench)]
                   == [("command", "turn on the lamp", "")])  # fmt: skip
        bench.advance(6.0)
        assert bench.scene().remark == ""


def test_why_a_command_failed_is_shown_and_kept_and_the_session_goes_on(tmp_path: Path) -> None:
    with bench_in(tmp_path) as bench:
        session = bench.listen()
        say(bench, session, "turn on lamp")
        [request] = bench.action_requests
        bench.post(
            CommandEnded(session.name, LAMP.name, request.words, request.at, "took too long")
        )
        assert bench.scene().remark == "Turn on the lamp: took too long"
        assert bench.scene().mode is Mode.LISTENING
        wait_until(lambda: [mark.outcome for mark in marks(bench)] == ["took too long"])


def test_what_is_no_command_does_nothing(tmp_path: Path) -> None:
    with bench_in(tmp_path) as bench:
        session = bench.listen()
        say(bench, session, "Turn off the lab.")
        say(bench, session, "I said turn on the lamp", 1)
        assert not bench.action_requests
        assert bench.scene().remark == ""


def test_a_partial_is_no_command_yet(tmp_path: Path) -> None:
    with bench_in(tmp_path) as bench:
        session = bench.listen()
        bench.hear(session, Turn(0, "turn on the lamp"))
        assert not bench.action_requests


def test_the_formatted_text_of_a_command_is_not_a_second_one(tmp_path: Path) -> None:
    with bench_in(tmp_path) as bench:
        session = bench.listen()
        say(bench, session, "turn on the lamp")
        say(bench, session, "Turn on the lamp.")
        assert len(bench.action_requests) == 1


def test_a_command_that_is_heard_again_on_a_new_connection_is_done_once(tmp_path: Path) -> None:
    with bench_in(tmp_path) as bench:
        session = bench.listen()
        say(bench, session, "turn on the lamp", 5)
        bench.post(Connected(session.name, Covered()))
        say(bench, session, "turn on the lamp", 0, origin=16_000)
        assert len(bench.action_requests) == 1
        bench.advance(2.0)
        say(bench, session, "turn on the lamp", 1, origin=16_000)
        assert len(bench.action_requests) == 2


def test_a_command_that_was_said_long_ago_is_not_carried_out(tmp_path: Path) -> None:
    with bench_in(tmp_path) as bench:
        session = bench.listen()
        bench.advance(120.0)
        turn = Turn(0, "turn on the lamp", finished=True)
        bench.post(TurnReceived(session.name, 0, turn, 1.0, 2.0, Covered(0, 0, 1)))
        assert not bench.action_requests
        assert bench.scene().remark == "Turn on the lamp: too late, said 1 min ago"


def test_stop_ends_the_session(tmp_path: Path) -> None:
    with bench_in(tmp_path) as bench:
        session = bench.listen()
        say(bench, session, "Stop listening.")
        assert bench.scene().mode is Mode.FINISHING
        bench.end(session)
        assert bench.scene().mode is Mode.SAVED


def test_clear_takes_away_what_was_said_until_then(tmp_path: Path) -> None:
    with bench_in(tmp_path) as bench:
        session = bench.listen()
        say(bench, session, "one two")
        say(bench, session, "clear the screen", 1)
        assert bench.scene().turns == ()
        say(bench, session, "Clear the screen.", 1)
        assert bench.scene().turns == ()
        say(bench, session, "three", 2)
        assert [turn.text for turn in bench.scene().turns] == ["three"]
        bench.wait_for_text("one two", "Clear the screen.", "three")


def test_what_is_being_said_while_the_screen_is_cleared_stays(tmp_path: Path) -> None:
    with bench_in(tmp_path) as bench:
        session = bench.listen()
        say(bench, session, "one")
        bench.hear(session, Turn(1, "two"))
        bench.post(Requested(Request.CLEAR))
        assert [turn.text for turn in bench.scene().turns] == ["two"]
        say(bench, session, "two three", 1)
        assert [turn.text for turn in bench.scene().turns] == ["two three"]


def test_a_late_command_of_an_earlier_session_leaves_the_new_one_alone(tmp_path: Path) -> None:
    with bench_in(tmp_path) as bench:
        first = bench.listen()
        bench.press()
        second = bench.listen()
        say(bench, second, "hello")
        say(bench, first, "stop listening", 0)
        assert bench.scene().mode is Mode.LISTENING
        assert bench.scene().remark == "Stop listening: that session is over"
        say(bench, first, "clear the screen", 1)
        assert [turn.text for turn in bench.scene().turns] == ["hello"]


def test_a_command_of_before_a_restart_is_reported_as_too_late(tmp_path: Path) -> None:
    dispatcher = Dispatcher(
        Settings(commands=COMMANDS),
        mark=lambda _session, _mark: None,
        perform=lambda _request: None,
        began_at=lambda _session: None,
    )
    turn = Turn(0, "turn on the lamp", finished=True)
    *_, ended = dispatcher.handle(TurnReceived("s", 0, turn, 1.0, 2.0, Covered()))
    assert isinstance(ended, CommandEnded)
    assert ended.failure == "too late, said before the restart"


def test_what_an_earlier_run_has_done_is_not_done_when_heard_again(tmp_path: Path) -> None:
    requests: list[ActionRequest] = []
    marks: list[str] = []
    dispatcher = Dispatcher(
        Settings(commands=COMMANDS),
        mark=lambda _session, mark: marks.append(mark.text),
        perform=requests.append,
        began_at=lambda _session: 0.0,
        acted={"s": 10.0},
        clock=lambda: 20.0,
    )
    # Word times differ a little when the same is heard again.
    for text in ("turn on the lamp", "mark this", "take a note of all"):
        turn = Turn(0, text, finished=True)
        dispatcher.handle(TurnReceived("s", 800, turn, 10.1, 11.0, Covered()))
    assert not requests
    assert not marks
    dispatcher.handle(TurnReceived("s", 800, Turn(1, "lamp", finished=True), 13.0, 13.5, Covered()))
    again = Turn(2, "turn on the lamp", finished=True)
    dispatcher.handle(TurnReceived("s", 800, again, 14.0, 15.0, Covered()))
    assert len(requests) == 1


def test_letters_grow_until_they_are_at_their_largest(tmp_path: Path) -> None:
    with bench_in(tmp_path) as bench:
        session = bench.listen()
        say(bench, session, "bigger")
        assert bench.scene().appearance == Appearance(lines=2)
        assert bench.scene().remark == "Bigger: done"
        say(bench, session, "bigger", 1)
        assert bench.scene().appearance == Appearance(lines=2)
        assert bench.scene().remark == "Bigger: letters are at their largest"
        say(bench, session, "smaller", 2)
        assert bench.scene().appearance == Appearance(lines=3)


def test_the_look_stays_after_the_session(tmp_path: Path) -> None:
    with bench_in(tmp_path) as bench:
        session = bench.listen()
        say(bench, session, "darker")
        appearance = bench.scene().appearance
        assert appearance.contrast is not None
        assert appearance.contrast < 255
        bench.press()
        bench.end(session)
        assert bench.scene().appearance == appearance


def test_a_bookmark_is_kept_in_the_history(tmp_path: Path) -> None:
    with bench_in(tmp_path) as bench:
        session = bench.listen()
        say(bench, session, "mark this")
        say(bench, session, "Mark this.")
        wait_until(lambda: [(it.kind, it.text) for it in marks(bench)] == [("mark", "mark this")])
        assert bench.scene().remark == "Mark this: done"


def test_a_note_is_kept_as_it_is_written_in_the_end(tmp_path: Path) -> None:
    with bench_in(tmp_path) as bench:
        session = bench.listen()
        say(bench, session, "take a note buy two lamps")
        say(bench, session, "Take a note: buy 2 lamps.")
        wait_until(lambda: [(it.kind, it.text) for it in marks(bench)]
                   == [("note", "buy 2 lamps.")])  # fmt: skip
        assert bench.scene().remark == "Take a note: done"


def test_a_note_of_nothing_says_so(tmp_path: Path) -> None:
    with bench_in(tmp_path) as bench:
        say(bench, bench.listen(), "Take a note.")
        assert bench.scene().remark == "Take a note: nothing followed"
        assert not marks(bench)


def test_a_late_note_is_kept_all_the_same(tmp_path: Path) -> None:
    with bench_in(tmp_path) as bench:
        session = bench.listen()
        bench.advance(600.0)
        turn = Turn(0, "take a note water the plants", finished=True)
        bench.post(TurnReceived(session.name, 0, turn, 1.0, 2.0, Covered(0, 0, 1)))
        wait_until(lambda: [mark.text for mark in marks(bench)] == ["water the plants"])


def test_after_the_attention_word_and_a_pause_the_command_counts(tmp_path: Path) -> None:
    with Bench(tmp_path, commands=COMMANDS, commands_prefix="computer") as bench:
        session = bench.listen()
        say(bench, session, "turn on the lamp", 0)
        assert not bench.action_requests
        bench.advance(10.0)
        say(bench, session, "Computer.", 1)
        bench.advance(3.0)
        say(bench, session, "Turn on the lamp.", 2)
        assert len(bench.action_requests) == 1
        say(bench, session, "Turn on the lamp!", 2)
        say(bench, session, "Turn on the lamp.", 3)  # the word was for the one before
        assert len(bench.action_requests) == 1


def test_the_attention_word_does_not_reach_back(tmp_path: Path) -> None:
    with Bench(tmp_path, commands=COMMANDS, commands_prefix="computer") as bench:
        session = bench.listen()
        talk, call = Turn(0, "turn on the lamp", finished=True), Turn(1, "computer", finished=True)
        bench.post(TurnReceived(session.name, 0, talk, -4.0, -3.0, Covered(0, 0, 1)))
        bench.post(TurnReceived(session.name, 0, call, -2.0, -1.0, Covered(0, 0, 2)))
        bench.post(TurnReceived(session.name, 0, talk, -4.0, -3.0, Covered(0, 0, 1)))
        assert not bench.action_requests


# What is asked for from elsewhere in the house


def test_a_session_can_be_started_and_stopped_from_elsewhere(tmp_path: Path) -> None:
    with bench_in(tmp_path) as bench:
        bench.post(Requested(Request.START))
        assert bench.scene().mode is Mode.CONNECTING
        bench.post(Requested(Request.START))
        assert len(bench.sessions.made) == 1
        bench.post(Requested(Request.STOP))
        assert bench.scene().mode is Mode.FINISHING
        bench.end(bench.live)
        bench.post(Requested(Request.STOP))
        assert bench.scene().mode is Mode.SAVED


def test_a_press_from_elsewhere_begins_and_ends_a_session(tmp_path: Path) -> None:
    with bench_in(tmp_path) as bench:
        bench.post(Requested(Request.PRESS))
        assert bench.scene().mode is Mode.CONNECTING
        bench.post(Requested(Request.PRESS))
        assert bench.scene().mode is Mode.FINISHING


def test_nobody_is_heard_unseen_on_a_request_from_elsewhere(tmp_path: Path) -> None:
    with Bench(tmp_path, visible=False, commands=COMMANDS) as bench:
        bench.post(Requested(Request.START))
        assert not bench.sessions.made
        assert not bench.microphone.is_open


# Names


def named(bench: Bench) -> list[str]:
    turns = (turn for kept in reader.sessions(bench.path) for turn in kept.turns)
    return [turn.speaker.shown if turn.speaker else "" for turn in turns]


def test_a_speaker_is_named_on_the_screen_and_in_the_history(tmp_path: Path) -> None:
    with bench_in(tmp_path) as bench:
        session = bench.listen()
        say(bench, session, "Good morning.", 0, speaker="A")
        say(bench, session, "speaker a is aunt anna", 1, speaker="B")
        assert bench.scene().turns[0].marks == ("Aunt anna", "A")
        assert bench.scene().remark == "Speaker … is …: done"
        say(bench, session, "Speaker A is Aunt Anna.", 1, speaker="B")
        assert bench.scene().turns[0].marks == ("Aunt Anna", "A")
        bench.advance(5.0)
        say(bench, session, "Speaker B is Ben.", 2, speaker="B")
        wait_until(lambda: named(bench) == ["Aunt Anna", "Ben", "Ben"])
        wait_until(lambda: [it.outcome for it in marks(bench)] == ["", ""])


def test_who_has_not_spoken_yet_can_not_be_named(tmp_path: Path) -> None:
    with bench_in(tmp_path) as bench:
        session = bench.listen()
        say(bench, session, "Speaker C is Chris.", 0, speaker="A")
        assert bench.scene().remark == "Speaker … is …: nobody is C yet"
        wait_until(lambda: named(bench) == ["A"])


def test_a_name_belongs_to_the_connection_on_which_it_was_given(tmp_path: Path) -> None:
    with bench_in(tmp_path) as bench:
        session = bench.listen()
        say(bench, session, "Good morning.", 0, speaker="A")
        say(bench, session, "Speaker A is Anna.", 1, speaker="A")
        bench.connect(session, Covered(32_000, 0, 2))
        say(bench, session, "Who is that?", 0, origin=32_000, speaker="A")
        assert [turn.marks for turn in bench.scene().turns] == [("Anna", "A"), (), ("A2",)]
        bench.advance(5.0)
        say(bench, session, "Speaker A is Ben.", 1, origin=32_000, speaker="A")
        wait_until(lambda: named(bench) == ["Anna", "Anna", "Ben", "Ben"])


def test_a_speaker_of_a_session_that_is_over_is_not_named(tmp_path: Path) -> None:
    with bench_in(tmp_path) as bench:
        session = bench.listen()
        say(bench, session, "Good morning.", 0, speaker="A")
        bench.press()
        bench.advance(11.0)
        say(bench, session, "Speaker A is Anna.", 1, speaker="A")
        assert bench.scene().remark == "Speaker … is …: that session is over"
        wait_until(lambda: named(bench) == ["A", "A"])
