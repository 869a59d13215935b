import json
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any, Self

import pytest

from appliance.core.audio_format import SAMPLE_RATE
from appliance.core.events import Connected, TurnReceived
from appliance.core.network_errors import Cause
from appliance.core.turns import Covered, Turn
from appliance.streaming import stream as module
from appliance.streaming.messages import TERMINATE
from appliance.streaming.outcomes import Outcome, Stage
from appliance.streaming.retry_policy import PACES, Pace
from appliance.streaming.spool.backlog import Backlog
from appliance.streaming.stream import LONGEST, SHORTEST, Stream
from appliance.streaming.transport import Listener
from tests.rig.clock import Clock
from tests.rig.waiting import wait_until
from tests.streaming.doubles import BEGAN, FakeTransport, Inbox, backlog_of
from tests.streaming.spool.test_backlog import numbered

AT_ONCE = Pace(lead=10_000.0, speed=1.0, max_lead=20_000.0)


class Talk:
    """A conversation that runs on a thread of its own until the `with` block ends."""

    def __init__(
        self,
        backlog: Backlog,
        earlier: Covered | None = None,
        *,
        pace: Pace = AT_ONCE,
        prepare: Callable[[FakeTransport], None] = lambda _: None,
        clock: Callable[[], float] | None = None,
        wary: bool = False,
    ) -> None:
        self.inbox = Inbox()
        self._prepare = prepare
        options: dict[str, Any] = {"clock": clock} if clock else {}
        self.conversation = Stream(
            backlog,
            earlier or Covered(),
            pace,
            self._connect,
            self.inbox.post,
            wary=wary,
            **options,
        )
        self.outcome: Outcome | None = None
        self._thread = threading.Thread(target=self._run)

    def _connect(self, listener: Listener) -> FakeTransport:
        self.connection = FakeTransport(listener)
        self._prepare(self.connection)
        return self.connection

    def _run(self) -> None:
        self.outcome = self.conversation.run()

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.connection.abort()
        self._thread.join()

    def wait_for_end(self) -> Outcome:
        self._thread.join()
        assert self.outcome is not None
        return self.outcome

    def say(self, **fields: Any) -> None:  # noqa: ANN401 - the wire may hold anything
        self.conversation.received(json.dumps(fields))

    def say_turn(self, order: int, start: int, end: int, *, finished: bool = True) -> None:
        words = [{"text": "word", "start": start, "end": end}]
        turn = {"turn_order": order, "transcript": "word", "end_of_turn": finished}
        self.say(type="Turn", words=words, **turn)

    def wait_for_terminate(self) -> None:
        wait_until(lambda: TERMINATE in self.connection.messages)


def lengths(connection: FakeTransport) -> list[int]:
    return [len(frame) // 2 for frame in connection.frames]


@pytest.mark.parametrize(
    "samples", [0, 1, 799, 800, 1600, 15_999, 16_000, 16_001, 16_100, 40_000, 170_001]
)
def test_all_audio_goes_out_in_frames_that_are_allowed(tmp_path: Path, samples: int) -> None:
    audio = numbered(samples)
    with Talk(backlog_of(audio, tmp_path, Inbox().post)) as talk:
        talk.wait_for_terminate()
        assert talk.conversation.sent == samples
    sent = talk.connection.audio
    assert sent[: len(audio)] == audio
    assert sent[len(audio) :] == bytes(len(sent) - len(audio))
    assert len(sent) - len(audio) < 2 * SHORTEST
    assert all(SHORTEST <= length <= LONGEST for length in lengths(talk.connection))
    assert talk.connection.messages == [TERMINATE]


def test_audio_goes_out_while_it_is_captured(tmp_path: Path) -> None:
    backlog = backlog_of(b"", tmp_path, Inbox().post, finished=False)
    with Talk(backlog) as talk:
        for number in range(10):
            backlog.append(numbered(1600, number * 1600), BEGAN + number / 10)
        wait_until(lambda: talk.conversation.sent == SAMPLE_RATE)
        assert TERMINATE not in talk.connection.messages
        backlog.append(numbered(300, SAMPLE_RATE), BEGAN + 1)
        backlog.finish()
        talk.wait_for_terminate()
    assert talk.connection.audio[: 2 * 16_300] == numbered(16_300)


def test_only_what_is_not_covered_is_sent(tmp_path: Path) -> None:
    backlog = backlog_of(numbered(20_000), tmp_path, Inbox().post)
    earlier = Covered(5_000, 0, 3)
    with Talk(backlog, earlier) as talk:
        talk.wait_for_terminate()
        talk.say(type="Begin")
        assert talk.inbox.of(Connected) == [Connected("s1", earlier)]
    assert talk.connection.audio == numbered(15_000, 5_000)


def test_audio_need_not_wait_for_the_service_to_begin_but_the_person_must(tmp_path: Path) -> None:
    with Talk(backlog_of(numbered(20_000), tmp_path, Inbox().post)) as talk:
        talk.wait_for_terminate()
        assert talk.connection.audio[: 2 * 20_000] == numbered(20_000)
        assert talk.inbox.of(Connected) == []
        talk.say(type="Begin")
        talk.say(type="Begin")
        assert talk.inbox.of(Connected) == [Connected("s1", Covered())]


def test_a_service_that_does_not_say_that_it_begins_is_connected_with_its_first_turn(
    tmp_path: Path,
) -> None:
    with Talk(backlog_of(numbered(20_000), tmp_path, Inbox().post)) as talk:
        talk.wait_for_terminate()
        talk.say_turn(0, 100, 200)
        talk.say_turn(1, 300, 400)
        talk.say(type="Begin")
        told = [type(event) for event in talk.inbox.events]
    assert told == [Connected, TurnReceived, TurnReceived]


def test_one_that_broke_off_before_is_connected_once_it_finishes_a_turn(
    tmp_path: Path,
) -> None:
    with Talk(backlog_of(numbered(20_000), tmp_path, Inbox().post), wary=True) as talk:
        talk.wait_for_terminate()
        talk.say(type="Begin")
        talk.say_turn(0, 100, 200, finished=False)
        assert talk.conversation.began
        assert talk.inbox.events == []
        talk.say_turn(0, 100, 200)
        talk.say_turn(1, 300, 400)
        told = [type(event) for event in talk.inbox.events]
    assert told == [Connected, TurnReceived, TurnReceived]


def test_one_that_broke_off_before_is_connected_once_it_has_lasted(tmp_path: Path) -> None:
    clock = Clock(50.0)
    backlog = backlog_of(b"", tmp_path, Inbox().post, finished=False)
    checks = threading.Semaphore(0)
    with Talk(backlog, clock=clock, wary=True) as talk:
        talk.connection.check = checks.release  # type: ignore[method-assign]
        talk.say(type="Begin")
        for _ in range(3):
            assert checks.acquire(timeout=20)
        assert talk.inbox.of(Connected) == []
        clock.now += module.PROVEN + 0.1
        wait_until(lambda: talk.inbox.of(Connected))
        talk.say_turn(0, 0, 0, finished=False)
        told = [type(event) for event in talk.inbox.events]
    assert told == [Connected, TurnReceived]


def test_a_backlog_goes_out_at_its_pace(tmp_path: Path) -> None:
    clock = Clock(50.0)
    backlog = backlog_of(bytes(2 * 60 * SAMPLE_RATE), tmp_path, Inbox().post)
    with Talk(backlog, pace=PACES[0], clock=clock) as talk:
        wait_until(lambda: talk.conversation.sent == 20 * SAMPLE_RATE)
        clock.now += 1
        wait_until(lambda: talk.conversation.sent == 32 * SAMPLE_RATE)
        assert TERMINATE not in talk.connection.messages


def test_it_is_complete_after_the_termination_that_was_asked_for(tmp_path: Path) -> None:
    with Talk(backlog_of(numbered(20_000), tmp_path, Inbox().post)) as talk:
        talk.wait_for_terminate()
        assert not talk.conversation.complete
        talk.say(type="Termination")
        assert talk.conversation.complete
        assert not talk.conversation.unanswered
        assert talk.conversation.covered() == Covered(20_000, 0, 0)


def test_a_termination_that_was_not_asked_for_covers_nothing(tmp_path: Path) -> None:
    backlog = backlog_of(numbered(20_000), tmp_path, Inbox().post, finished=False)
    with Talk(backlog) as talk:
        wait_until(lambda: talk.conversation.sent > 0)
        talk.say(type="Termination")
        talk.wait_for_end()  # although the service does not close
    assert not talk.conversation.complete
    assert talk.conversation.covered() == Covered()


def test_a_service_that_does_not_close_is_left(tmp_path: Path) -> None:
    with Talk(backlog_of(numbered(20_000), tmp_path, Inbox().post)) as talk:
        talk.wait_for_terminate()
        talk.say(type="Termination")
        talk.wait_for_end()
    assert talk.conversation.complete


def test_a_service_that_never_answers_terminate_is_left(tmp_path: Path) -> None:
    clock = Clock(50.0)
    with Talk(backlog_of(numbered(20_000), tmp_path, Inbox().post), clock=clock) as talk:
        talk.wait_for_terminate()
        clock.now += module.ANSWER_TIME + 20_000 / SAMPLE_RATE + 1
        talk.wait_for_end()
    assert not talk.conversation.complete
    assert talk.conversation.unanswered
    assert talk.connection.messages == [TERMINATE]


def test_no_answer_to_terminate_is_not_taken_for_silence(tmp_path: Path) -> None:
    clock = Clock(50.0)
    backlog = backlog_of(b"", tmp_path, Inbox().post, finished=False)
    with Talk(backlog, clock=clock) as talk:
        talk.say(type="Begin")
        for second in range(5):
            backlog.append(numbered(SAMPLE_RATE, second * SAMPLE_RATE), BEGAN + second)
            wait_until(lambda: talk.conversation.sent == backlog.captured)
            clock.now += 1
        backlog.finish()
        talk.wait_for_terminate()
        clock.now += module.ANSWER_TIME - 1
        assert talk.conversation.covered() == Covered()
        talk.say_turn(0, 500, 1000)
        assert talk.conversation.covered().position == round(1.2 * SAMPLE_RATE)
        assert not talk.conversation.unanswered


def test_a_service_may_take_as_long_as_the_audio_to_answer(tmp_path: Path) -> None:
    clock = Clock(50.0)
    backlog = backlog_of(bytes(2 * 200 * SAMPLE_RATE), tmp_path, Inbox().post)
    checks = threading.Semaphore(0)
    with Talk(backlog, clock=clock) as talk:
        talk.connection.check = checks.release  # type: ignore[method-assign]
        talk.say(type="Begin")
        talk.wait_for_terminate()
        clock.now += 200 + module.ANSWER_TIME - 1
        while checks.acquire(blocking=False):
            pass
        for _ in range(3):
            assert checks.acquire(timeout=20)
        assert not talk.connection.aborted.is_set()


def test_abandoning_terminates_once_and_ends(tmp_path: Path) -> None:
    backlog = backlog_of(numbered(20_000), tmp_path, Inbox().post, finished=False)
    with Talk(backlog) as talk:
        wait_until(lambda: talk.conversation.sent > 0)
        talk.conversation.abandon()
        talk.wait_for_end()
    assert talk.connection.messages == [TERMINATE]
    assert not talk.conversation.complete


def test_abandoning_while_terminating_does_not_terminate_twice(tmp_path: Path) -> None:
    with Talk(backlog_of(numbered(20_000), tmp_path, Inbox().post)) as talk:
        talk.wait_for_terminate()
        talk.conversation.abandon()
        talk.wait_for_end()
    assert talk.connection.messages == [TERMINATE]


def test_what_was_never_opened_can_be_abandoned(tmp_path: Path) -> None:
    def never_open(connection: FakeTransport) -> None:
        connection.opens = False

    with Talk(backlog_of(b"", tmp_path, Inbox().post), prepare=never_open) as talk:
        talk.conversation.abandon()
        talk.wait_for_end()
    assert talk.connection.messages == []
    assert talk.inbox.of(Connected) == []


def test_giving_up_ends_what_was_never_opened(tmp_path: Path) -> None:
    def never_open(connection: FakeTransport) -> None:
        connection.opens = False

    with Talk(backlog_of(b"", tmp_path, Inbox().post), prepare=never_open) as talk:
        talk.conversation.give_up()
        assert talk.wait_for_end().cause is Cause.NEVER_BEGAN
    assert talk.connection.messages == []


def test_giving_up_terminates_what_was_opened_but_did_not_begin(tmp_path: Path) -> None:
    backlog = backlog_of(numbered(20_000), tmp_path, Inbox().post, finished=False)
    with Talk(backlog) as talk:
        wait_until(lambda: talk.conversation.sent > 0)
        talk.conversation.give_up()
        assert talk.wait_for_end().cause is Cause.NEVER_BEGAN
    assert talk.connection.messages == [TERMINATE]


def test_a_service_that_listens_is_not_given_up(tmp_path: Path) -> None:
    with Talk(backlog_of(numbered(20_000), tmp_path, Inbox().post)) as talk:
        talk.say(type="Begin")
        talk.conversation.give_up()
        talk.wait_for_terminate()
        talk.say(type="Termination")
        talk.wait_for_end()
    assert talk.conversation.complete


def test_a_socket_that_takes_no_more_loses_nothing(tmp_path: Path) -> None:
    backlog = backlog_of(numbered(100_000), tmp_path, Inbox().post, finished=False)
    with Talk(backlog) as talk:
        wait_until(lambda: talk.conversation.sent == 100_000)
        talk.connection.takes = False
        backlog.append(numbered(16_000, 100_000), BEGAN + 6.25)
        talk.wait_for_end()
    assert talk.conversation.sent == 100_000
    assert talk.conversation.covered().position == 0


def test_audio_that_had_to_go_before_it_was_sent_is_passed_over(tmp_path: Path) -> None:
    backlog = Backlog(tmp_path, backlog_of(b"", tmp_path, Inbox().post).recording, Inbox().post)
    backlog.append(bytes(2 * 10 * SAMPLE_RATE), BEGAN)
    with Talk(backlog, pace=Pace(0.5, 0.0, 0.5)) as talk:
        wait_until(lambda: talk.conversation.sent > 0)
        backlog.append(bytes(2 * 10 * SAMPLE_RATE), BEGAN + 10)
        backlog.release(10 * SAMPLE_RATE)
        talk.wait_for_end()
    again = Talk(backlog, talk.conversation.covered())
    assert again.conversation.origin == 10 * SAMPLE_RATE


def test_a_turn_is_told_with_its_time_and_what_it_covers(tmp_path: Path) -> None:
    backlog = backlog_of(bytes(2 * 5 * SAMPLE_RATE), tmp_path, Inbox().post)
    with Talk(backlog, Covered(SAMPLE_RATE, 0, 2)) as talk:
        talk.wait_for_terminate()
        talk.say_turn(0, 500, 1500)
        (event,) = talk.inbox.of(TurnReceived)
    assert (event.session, event.origin) == ("s1", SAMPLE_RATE)
    assert (event.started, event.ended) == (1.5, 2.5)
    assert event.covered == Covered(round(2.7 * SAMPLE_RATE), SAMPLE_RATE, 1)
    assert isinstance(event.turn, Turn)


@pytest.mark.parametrize(("start", "end"), [(-(10**9), 10**9), (10**300, 10**300), (4_999, -1)])
def test_a_time_lies_within_what_was_sent(tmp_path: Path, start: int, end: int) -> None:
    backlog = backlog_of(bytes(2 * 5 * SAMPLE_RATE), tmp_path, Inbox().post)
    with Talk(backlog) as talk:
        talk.wait_for_terminate()
        talk.say_turn(0, start, end)
        (event,) = talk.inbox.of(TurnReceived)
    assert 0 <= event.started <= 5
    assert 0 <= event.ended <= 5
    assert event.covered.position <= 5 * SAMPLE_RATE


def test_whoever_sees_what_is_covered_finds_the_turn_posted(tmp_path: Path) -> None:
    backlog = backlog_of(bytes(2 * 5 * SAMPLE_RATE), tmp_path, Inbox().post)
    seen: list[bool] = []
    with Talk(backlog) as talk:
        talk.wait_for_terminate()
        done = threading.Event()

        def watch() -> None:
            while not done.is_set():
                order = talk.conversation.covered().order
                told = talk.inbox.of(TurnReceived)
                seen.append(order == 0 or any(event.turn.order == order - 1 for event in told))

        watcher = threading.Thread(target=watch)
        watcher.start()
        for order in range(300):
            talk.say_turn(order, order * 10, order * 10 + 5)
        done.set()
        watcher.join()
    assert all(seen)


@pytest.mark.parametrize(
    ("by_close", "error", "expected"),
    [
        (Outcome(Stage.SESSION, 3005, "said at close"), (3005, "x"), (3005, "said at close")),
        (Outcome(Stage.SESSION, 1008), (1008, "Too many sessions"), (1008, "Too many sessions")),
        (
            Outcome(Stage.SESSION, cause=Cause.NETWORK),
            (3009, "Too many sessions"),
            (3009, "Too many sessions"),
        ),
        (Outcome(Stage.SESSION, 3005), (3005, "is the-token right?"), (3005, "is … right?")),
        (Outcome(Stage.SESSION, cause=Cause.NETWORK), ("3009", "x"), (None, "x")),
    ],
)
def test_the_outcome_says_what_the_service_said(
    tmp_path: Path, by_close: Outcome, error: tuple[object, str], expected: tuple[int | None, str]
) -> None:
    with Talk(backlog_of(b"", tmp_path, Inbox().post)) as talk:
        talk.connection.outcome = by_close
        talk.wait_for_terminate()
        talk.say(type="Error", error_code=error[0], error=error[1])
        talk.connection.abort()
        outcome = talk.wait_for_end()
    assert (outcome.code, outcome.text) == expected


def test_how_long_the_service_was_silent_is_known_at_the_end(tmp_path: Path) -> None:
    with Talk(backlog_of(b"", tmp_path, Inbox().post)) as talk:
        talk.connection.quiet_for = 8.5
        talk.say(type="Begin")
    assert talk.conversation.silence == 8.5
    assert talk.outcome == Outcome(Stage.SESSION, cause=Cause.NETWORK)


def test_no_thread_is_left(tmp_path: Path) -> None:
    with Talk(backlog_of(numbered(20_000), tmp_path, Inbox().post)) as talk:
        talk.wait_for_terminate()
    assert not talk.conversation._sender.is_alive()


def test_a_connection_that_gets_no_further_ahead_makes_way_once_it_was_heard(
    tmp_path: Path,
) -> None:
    pace = Pace(lead=70.0, speed=2.0, max_lead=70.0)
    with Talk(backlog_of(numbered(100 * SAMPLE_RATE), tmp_path, Inbox().post), pace=pace) as talk:
        wait_until(lambda: talk.conversation.sent >= 69 * SAMPLE_RATE)
        assert talk.outcome is None
        talk.say_turn(0, 0, 65_000)
        outcome = talk.wait_for_end()
        # What the service flushes at the end may be cut off amid a word.
        talk.say_turn(1, 66_000, 69_000)
    assert outcome.cause is Cause.LEAD_LIMIT
    assert talk.connection.messages[-1] == TERMINATE
    assert not talk.conversation.complete
    assert len(talk.inbox.of(TurnReceived)) == 1
    assert talk.conversation.covered().position == round(65.2 * SAMPLE_RATE)
