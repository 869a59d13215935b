import json
import threading
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Self

import pytest

from appliance.core.audio_format import SAMPLE_RATE
from appliance.core.events import Connected, ParametersUnapplied, SpeakersRevised, TurnReceived
from appliance.core.network_errors import Cause
from appliance.core.turns import Covered, Revision, Turn
from appliance.core.unapplied import Unapplied
from appliance.streaming import stream as module
from appliance.streaming.frame_reader import MAX_FRAME, MIN_FRAME
from appliance.streaming.messages import TERMINATE
from appliance.streaming.outcomes import Outcome, Stage
from appliance.streaming.retry_policy import PACES, Pace
from appliance.streaming.spool.backlog import Backlog
from appliance.streaming.stream import Stream
from appliance.streaming.transport import TransportListener
from tests.rig.clock import Clock
from tests.rig.posted import Posted
from tests.rig.waiting import wait_until
from tests.streaming.doubles import BEGAN, FakeTransport, backlog_of
from tests.streaming.spool.test_backlog import numbered

AT_ONCE = Pace(lead=10_000.0, speed=1.0, max_lead=20_000.0)


class RunningStream:
    """A stream that runs on a thread of its own until the `with` block ends."""

    def __init__(
        self,
        backlog: Backlog,
        earlier: Covered | None = None,
        *,
        pace: Pace = AT_ONCE,
        prepare: Callable[[FakeTransport], None] = lambda _: None,
        clock: Callable[[], float] | None = None,
        unstable: bool = False,
        asked: Mapping[str, object] | None = None,
    ) -> None:
        self.posted = Posted()
        self._prepare = prepare
        options: dict[str, Any] = {"clock": clock} if clock else {}
        self.stream = Stream(
            backlog,
            earlier or Covered(),
            pace,
            self._connect,
            self.posted,
            unstable=unstable,
            asked=asked,
            **options,
        )
        self.outcome: Outcome | None = None
        self._thread = threading.Thread(target=self._run)

    def _connect(self, listener: TransportListener) -> FakeTransport:
        self.transport = FakeTransport(listener)
        self._prepare(self.transport)
        return self.transport

    def _run(self) -> None:
        self.outcome = self.stream.run()

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.transport.abort()
        self._thread.join()

    def wait_for_end(self, clock: Clock | None = None) -> Outcome:
        """Wait for the end, with time passing on this clock."""

        def ended() -> bool:
            if clock:
                clock.now += 0.1
            return self.outcome is not None

        wait_until(ended)
        self._thread.join()
        assert self.outcome is not None
        return self.outcome

    def say(self, **fields: Any) -> None:  # noqa: ANN401 - the wire may hold anything
        self.stream.received(json.dumps(fields))

    def say_turn(self, order: int, start: int, end: int, *, finished: bool = True) -> None:
        words = [{"text": "word", "start": start, "end": end}]
        turn = {"turn_order": order, "transcript": "word", "end_of_turn": finished}
        self.say(type="Turn", words=words, **turn)

    def wait_for_terminate(self) -> None:
        wait_until(lambda: TERMINATE in self.transport.messages)


def test_parameters_that_are_not_applied_are_posted(tmp_path: Path) -> None:
    backlog = backlog_of(numbered(20_000), tmp_path, Posted())
    with RunningStream(backlog, asked={"speech_model": "a"}) as running:
        running.say(type="Begin", configuration={"model": "b"})
        found = running.posted.wait(ParametersUnapplied)
    assert found == ParametersUnapplied("s1", (Unapplied("speech_model", "a", "b"),))


def test_a_backlog_gets_no_further_ahead_of_a_service_that_calls_it_fast(tmp_path: Path) -> None:
    clock = Clock(100.0)
    audio = bytes(2 * 300 * SAMPLE_RATE)
    pace = Pace(lead=80.0, speed=1.0, max_lead=240.0)
    backlog = backlog_of(audio, tmp_path, Posted(), finished=False)
    with RunningStream(backlog, pace=pace, clock=clock) as running:
        running.say(type="Begin")
        wait_until(lambda: running.stream.sent == 80 * SAMPLE_RATE)
        running.say(type="Heartbeat", total_audio_received_ms=80_000, realtime_factor=16.0)
        clock.now += 1.0
        wait_until(lambda: running.stream.sent == 81 * SAMPLE_RATE)
        # Once all is covered that was sent, a new connection gets further ahead.
        running.say_turn(0, 80_000, 81_000)
        assert running.wait_for_end(clock).cause is Cause.LEAD_LIMIT


def test_a_termination_does_not_cover_what_the_service_was_deaf_for(tmp_path: Path) -> None:
    backlog = backlog_of(numbered(10 * SAMPLE_RATE), tmp_path, Posted())
    with RunningStream(backlog) as running:
        running.say(type="Begin")
        running.wait_for_terminate()
        running.say_turn(0, 500, 1_000)
        heartbeat = {"total_audio_received_ms": 3_000, "max_speech_probability": 0.9}
        running.say(type="Heartbeat", **heartbeat)
        running.say(type="Heartbeat", **heartbeat | {"total_audio_received_ms": 8_000})
        running.say(type="Termination")
        assert running.wait_for_end().cause is Cause.DEAF
    assert not running.stream.complete
    assert running.stream.covered() == Covered(round(1.2 * SAMPLE_RATE), 0, 1)


def test_a_service_that_acknowledges_no_more_is_left(tmp_path: Path) -> None:
    clock = Clock(100.0)
    backlog = backlog_of(numbered(SAMPLE_RATE), tmp_path, Posted(), finished=False)
    with RunningStream(backlog, clock=clock) as running:
        running.say(type="Begin")
        wait_until(lambda: running.stream.sent == SAMPLE_RATE)
        running.say(type="Heartbeat", total_audio_received_ms=1_000)
        backlog.append(numbered(3 * SAMPLE_RATE), BEGAN + 1)
        assert running.wait_for_end(clock).cause is Cause.UNACKNOWLEDGED
    assert running.transport.messages == [TERMINATE]
    assert running.stream.unresponsive_for > 0


def test_a_revision_of_speakers_is_posted_with_its_connection(tmp_path: Path) -> None:
    backlog = backlog_of(numbered(20_000), tmp_path, Posted())
    with RunningStream(backlog, Covered(5_000, 0, 3)) as running:
        running.say(type="Begin")
        running.say(type="SpeakerRevision", revisions=[{"turn_order": 1, "speaker_label": "B"}])
        revised = running.posted.wait(SpeakersRevised)
    assert revised == SpeakersRevised("s1", 5_000, (Revision(1, "B"),))


def test_a_turn_that_comes_after_its_revision_has_the_revised_speaker(tmp_path: Path) -> None:
    backlog = backlog_of(numbered(20_000), tmp_path, Posted())
    with RunningStream(backlog) as running:
        turn = {"type": "Turn", "turn_order": 1, "transcript": "yes", "end_of_turn": True}
        running.say(**turn, speaker_label="A")
        assert running.posted.wait(TurnReceived).turn.speaker == "A"
        running.say(type="SpeakerRevision", revisions=[{"turn_order": 1, "speaker_label": "B"}])
        running.say(**turn, speaker_label="A", turn_is_formatted=True)
        assert running.posted.wait(TurnReceived, 2).turn.speaker == "B"


def lengths(transport: FakeTransport) -> list[int]:
    return [len(frame) // 2 for frame in transport.frames]


@pytest.mark.parametrize(
    "samples", [0, 1, 799, 800, 1600, 15_999, 16_000, 16_001, 16_100, 40_000, 170_001]
)
def test_all_audio_is_sent_in_frames_that_are_allowed(tmp_path: Path, samples: int) -> None:
    audio = numbered(samples)
    with RunningStream(backlog_of(audio, tmp_path, Posted())) as running:
        running.wait_for_terminate()
        assert running.stream.sent == samples
    sent = running.transport.audio
    assert sent[: len(audio)] == audio
    assert sent[len(audio) :] == bytes(len(sent) - len(audio))
    assert len(sent) - len(audio) < 2 * MIN_FRAME
    assert all(MIN_FRAME <= length <= MAX_FRAME for length in lengths(running.transport))
    assert running.transport.messages == [TERMINATE]


def test_audio_is_sent_while_it_is_captured(tmp_path: Path) -> None:
    backlog = backlog_of(b"", tmp_path, Posted(), finished=False)
    with RunningStream(backlog) as running:
        for number in range(10):
            backlog.append(numbered(1600, number * 1600), BEGAN + number / 10)
        wait_until(lambda: running.stream.sent == SAMPLE_RATE)
        assert TERMINATE not in running.transport.messages
        backlog.append(numbered(300, SAMPLE_RATE), BEGAN + 1)
        backlog.finish()
        running.wait_for_terminate()
    assert running.transport.audio[: 2 * 16_300] == numbered(16_300)


@pytest.mark.parametrize("block", [1, 333, 441, 799, 1024, 4801, 40_001])
def test_blocks_may_be_of_any_length(tmp_path: Path, block: int) -> None:
    total = min(200 * block, 90_007)
    backlog = backlog_of(b"", tmp_path, Posted(), finished=False)
    with RunningStream(backlog) as running:
        for start in range(0, total, block):
            samples = min(block, total - start)
            backlog.append(numbered(samples, start), BEGAN + start / SAMPLE_RATE)
        backlog.finish()
        running.wait_for_terminate()
    audio = running.transport.audio
    assert audio[: 2 * total] == numbered(total)
    assert all(MIN_FRAME <= length <= MAX_FRAME for length in lengths(running.transport))


def test_only_what_is_not_covered_is_sent(tmp_path: Path) -> None:
    backlog = backlog_of(numbered(20_000), tmp_path, Posted())
    earlier = Covered(5_000, 0, 3)
    with RunningStream(backlog, earlier) as running:
        running.wait_for_terminate()
        running.say(type="Begin")
        assert running.posted.of(Connected) == [Connected("s1", earlier)]
    assert running.transport.audio == numbered(15_000, 5_000)


def test_audio_is_sent_before_the_service_begins_but_connected_comes_after(
    tmp_path: Path,
) -> None:
    with RunningStream(backlog_of(numbered(20_000), tmp_path, Posted())) as running:
        running.wait_for_terminate()
        assert running.transport.audio[: 2 * 20_000] == numbered(20_000)
        assert running.posted.of(Connected) == []
        running.say(type="Begin")
        running.say(type="Begin")
        assert running.posted.of(Connected) == [Connected("s1", Covered())]


def test_a_service_without_begin_is_connected_with_its_first_turn(
    tmp_path: Path,
) -> None:
    with RunningStream(backlog_of(numbered(20_000), tmp_path, Posted())) as running:
        running.wait_for_terminate()
        running.say_turn(0, 100, 200)
        running.say_turn(1, 300, 400)
        running.say(type="Begin")
        kinds = [type(event) for event in running.posted.events]
    assert kinds == [Connected, TurnReceived, TurnReceived]


def test_an_unstable_service_is_connected_once_it_finishes_a_turn(
    tmp_path: Path,
) -> None:
    with RunningStream(backlog_of(numbered(20_000), tmp_path, Posted()), unstable=True) as running:
        running.wait_for_terminate()
        running.say(type="Begin")
        running.say_turn(0, 100, 200, finished=False)
        assert running.stream.began
        assert running.posted.events == []
        running.say_turn(0, 100, 200)
        running.say_turn(1, 300, 400)
        kinds = [type(event) for event in running.posted.events]
    assert kinds == [Connected, TurnReceived, TurnReceived]


def test_an_unstable_service_is_connected_once_it_has_lasted(tmp_path: Path) -> None:
    clock = Clock(50.0)
    backlog = backlog_of(b"", tmp_path, Posted(), finished=False)
    checks = threading.Semaphore(0)
    with RunningStream(backlog, clock=clock, unstable=True) as running:
        running.transport.check = checks.release  # type: ignore[method-assign]
        running.say(type="Begin")
        for _ in range(3):
            assert checks.acquire(timeout=20)
        assert running.posted.of(Connected) == []
        clock.now += module.CONNECTED_AFTER + 0.1
        wait_until(lambda: running.posted.of(Connected))
        running.say_turn(0, 0, 0, finished=False)
        kinds = [type(event) for event in running.posted.events]
    assert kinds == [Connected, TurnReceived]


def test_a_backlog_is_sent_at_its_pace(tmp_path: Path) -> None:
    clock = Clock(50.0)
    backlog = backlog_of(bytes(2 * 60 * SAMPLE_RATE), tmp_path, Posted())
    with RunningStream(backlog, pace=PACES[0], clock=clock) as running:
        wait_until(lambda: running.stream.sent == 20 * SAMPLE_RATE)
        clock.now += 1
        wait_until(lambda: running.stream.sent == 32 * SAMPLE_RATE)
        assert TERMINATE not in running.transport.messages


def test_it_is_complete_after_the_termination_that_was_asked_for(tmp_path: Path) -> None:
    with RunningStream(backlog_of(numbered(20_000), tmp_path, Posted())) as running:
        running.wait_for_terminate()
        assert not running.stream.complete
        running.say(type="Termination")
        assert running.stream.complete
        assert not running.stream.termination_is_overdue
        assert running.stream.covered() == Covered(20_000, 0, 0)


def test_a_termination_that_was_not_asked_for_covers_nothing(tmp_path: Path) -> None:
    clock = Clock(50.0)
    backlog = backlog_of(numbered(20_000), tmp_path, Posted(), finished=False)
    with RunningStream(backlog, clock=clock) as running:
        wait_until(lambda: running.stream.sent > 0)
        running.say(type="Termination")
        assert not running.stream.complete
        running.wait_for_end(clock)  # although the service does not close
    assert not running.stream.complete
    assert running.stream.covered() == Covered()


def test_a_service_that_does_not_close_is_left(tmp_path: Path) -> None:
    clock = Clock(50.0)
    with RunningStream(backlog_of(numbered(20_000), tmp_path, Posted()), clock=clock) as running:
        running.wait_for_terminate()
        running.say(type="Termination")
        running.wait_for_end(clock)
    assert running.stream.complete


def test_a_service_that_never_answers_terminate_is_left(tmp_path: Path) -> None:
    clock = Clock(50.0)
    with RunningStream(backlog_of(numbered(20_000), tmp_path, Posted()), clock=clock) as running:
        running.wait_for_terminate()
        clock.now += module.TERMINATION_TIMEOUT + 20_000 / SAMPLE_RATE + 1
        running.wait_for_end()
    assert not running.stream.complete
    assert running.stream.termination_is_overdue
    assert running.transport.messages == [TERMINATE]


def test_a_missing_answer_to_terminate_is_not_silence(tmp_path: Path) -> None:
    clock = Clock(50.0)
    backlog = backlog_of(b"", tmp_path, Posted(), finished=False)
    with RunningStream(backlog, clock=clock) as running:
        running.say(type="Begin")
        for second in range(5):
            backlog.append(numbered(SAMPLE_RATE, second * SAMPLE_RATE), BEGAN + second)
            wait_until(lambda: running.stream.sent == backlog.captured)
            clock.now += 1
        backlog.finish()
        running.wait_for_terminate()
        clock.now += module.TERMINATION_TIMEOUT - 1
        assert running.stream.covered() == Covered()
        running.say_turn(0, 500, 1000)
        assert running.stream.covered().position == round(1.2 * SAMPLE_RATE)
        assert not running.stream.termination_is_overdue


def test_a_service_may_take_as_long_as_the_audio_to_answer(tmp_path: Path) -> None:
    clock = Clock(50.0)
    backlog = backlog_of(bytes(2 * 200 * SAMPLE_RATE), tmp_path, Posted())
    checks = threading.Semaphore(0)
    with RunningStream(backlog, clock=clock) as running:
        running.transport.check = checks.release  # type: ignore[method-assign]
        running.say(type="Begin")
        running.wait_for_terminate()
        clock.now += 200 + module.TERMINATION_TIMEOUT - 1
        while checks.acquire(blocking=False):
            pass
        for _ in range(3):
            assert checks.acquire(timeout=20)
        assert not running.transport.aborted.is_set()


def test_abandoning_terminates_once_and_ends(tmp_path: Path) -> None:
    backlog = backlog_of(numbered(20_000), tmp_path, Posted(), finished=False)
    with RunningStream(backlog) as running:
        wait_until(lambda: running.stream.sent > 0)
        running.stream.abandon()
        running.wait_for_end()
    assert running.transport.messages == [TERMINATE]
    assert not running.stream.complete


def test_abandoning_while_terminating_does_not_terminate_twice(tmp_path: Path) -> None:
    with RunningStream(backlog_of(numbered(20_000), tmp_path, Posted())) as running:
        running.wait_for_terminate()
        running.stream.abandon()
        running.wait_for_end()
    assert running.transport.messages == [TERMINATE]


def test_a_connection_that_never_opened_can_be_abandoned(tmp_path: Path) -> None:
    def never_open(transport: FakeTransport) -> None:
        transport.opens = False

    with RunningStream(backlog_of(b"", tmp_path, Posted()), prepare=never_open) as running:
        running.stream.abandon()
        running.wait_for_end()
    assert running.transport.messages == []
    assert running.posted.of(Connected) == []


def test_giving_up_ends_a_connection_that_never_opened(tmp_path: Path) -> None:
    def never_open(transport: FakeTransport) -> None:
        transport.opens = False

    with RunningStream(backlog_of(b"", tmp_path, Posted()), prepare=never_open) as running:
        running.stream.give_up()
        assert running.wait_for_end().cause is Cause.NEVER_BEGAN
    assert running.transport.messages == []


def test_giving_up_terminates_a_connection_that_opened_but_did_not_begin(tmp_path: Path) -> None:
    backlog = backlog_of(numbered(20_000), tmp_path, Posted(), finished=False)
    with RunningStream(backlog) as running:
        wait_until(lambda: running.stream.sent > 0)
        running.stream.give_up()
        assert running.wait_for_end().cause is Cause.NEVER_BEGAN
    assert running.transport.messages == [TERMINATE]


def test_a_service_that_listens_is_not_given_up(tmp_path: Path) -> None:
    with RunningStream(backlog_of(numbered(20_000), tmp_path, Posted())) as running:
        running.say(type="Begin")
        running.stream.give_up()
        running.wait_for_terminate()
        running.say(type="Termination")
    assert running.stream.complete


def test_a_socket_that_takes_no_more_loses_nothing(tmp_path: Path) -> None:
    backlog = backlog_of(numbered(100_000), tmp_path, Posted(), finished=False)
    with RunningStream(backlog) as running:
        wait_until(lambda: running.stream.sent == 100_000)
        running.transport.accepts = False
        backlog.append(numbered(16_000, 100_000), BEGAN + 6.25)
        running.wait_for_end()
    assert running.stream.sent == 100_000
    assert running.stream.covered().position == 0


def test_audio_dropped_before_it_was_sent_is_skipped(tmp_path: Path) -> None:
    backlog = Backlog(tmp_path, backlog_of(b"", tmp_path, Posted()).recording, Posted())
    backlog.append(bytes(2 * 10 * SAMPLE_RATE), BEGAN)
    with RunningStream(backlog, pace=Pace(0.5, 0.0, 0.5)) as running:
        wait_until(lambda: running.stream.sent > 0)
        backlog.append(bytes(2 * 10 * SAMPLE_RATE), BEGAN + 10)
        backlog.release(10 * SAMPLE_RATE)
        running.wait_for_end()
    again = RunningStream(backlog, running.stream.covered())
    assert again.stream.origin == 10 * SAMPLE_RATE


def test_a_turn_is_posted_with_its_time_and_what_it_covers(tmp_path: Path) -> None:
    backlog = backlog_of(bytes(2 * 5 * SAMPLE_RATE), tmp_path, Posted())
    with RunningStream(backlog, Covered(SAMPLE_RATE, 0, 2)) as running:
        running.wait_for_terminate()
        running.say_turn(0, 500, 1500)
        (event,) = running.posted.of(TurnReceived)
    assert (event.session, event.origin) == ("s1", SAMPLE_RATE)
    assert (event.started, event.ended) == (1.5, 2.5)
    assert event.covered == Covered(round(2.7 * SAMPLE_RATE), SAMPLE_RATE, 1)
    assert isinstance(event.turn, Turn)


@pytest.mark.parametrize(("start", "end"), [(-(10**9), 10**9), (10**300, 10**300), (4_999, -1)])
def test_a_time_is_limited_to_what_was_sent(tmp_path: Path, start: int, end: int) -> None:
    backlog = backlog_of(bytes(2 * 5 * SAMPLE_RATE), tmp_path, Posted())
    with RunningStream(backlog) as running:
        running.wait_for_terminate()
        running.say_turn(0, start, end)
        (event,) = running.posted.of(TurnReceived)
    assert 0 <= event.started <= 5
    assert 0 <= event.ended <= 5
    assert event.covered.position <= 5 * SAMPLE_RATE


def test_whoever_sees_what_is_covered_finds_the_turn_posted(tmp_path: Path) -> None:
    backlog = backlog_of(bytes(2 * 5 * SAMPLE_RATE), tmp_path, Posted())
    seen: list[bool] = []
    with RunningStream(backlog) as running:
        running.wait_for_terminate()
        done = threading.Event()

        def watch() -> None:
            while not done.is_set():
                order = running.stream.covered().order
                turns = running.posted.of(TurnReceived)
                seen.append(order == 0 or any(event.turn.order == order - 1 for event in turns))

        watcher = threading.Thread(target=watch)
        watcher.start()
        for order in range(300):
            running.say_turn(order, order * 10, order * 10 + 5)
        done.set()
        watcher.join()
    assert all(seen)


@pytest.mark.parametrize(
    ("by_close", "error", "expected"),
    [
        (Outcome(Stage.SESSION, 3005, "said at close"), (3005, "x"), (3005, "x")),
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
    with RunningStream(backlog_of(b"", tmp_path, Posted())) as running:
        running.transport.outcome = by_close
        running.wait_for_terminate()
        running.say(type="Error", error_code=error[0], error=error[1])
        running.transport.abort()
        outcome = running.wait_for_end()
    assert (outcome.code, outcome.text) == expected


def test_how_long_the_service_was_unresponsive_is_known_at_the_end(tmp_path: Path) -> None:
    with RunningStream(backlog_of(b"", tmp_path, Posted())) as running:
        running.transport.quiet_for = 8.5
        running.say(type="Begin")
    assert running.stream.unresponsive_for == 8.5
    assert running.outcome == Outcome(Stage.SESSION, cause=Cause.NETWORK)


def test_no_thread_is_left(tmp_path: Path) -> None:
    with RunningStream(backlog_of(numbered(20_000), tmp_path, Posted())) as running:
        running.wait_for_terminate()
    assert not running.stream._sender.is_alive()


def test_a_connection_at_its_maximum_lead_is_left_once_it_was_heard(
    tmp_path: Path,
) -> None:
    pace = Pace(lead=70.0, speed=2.0, max_lead=70.0)
    with RunningStream(
        backlog_of(bytes(2 * 100 * SAMPLE_RATE), tmp_path, Posted()), pace=pace
    ) as running:
        wait_until(lambda: running.stream.sent >= 69 * SAMPLE_RATE)
        assert running.outcome is None
        running.say_turn(0, 0, 65_000)
        outcome = running.wait_for_end()
        # The service may cut off a word in the turn that it finishes at the end.
        running.say_turn(1, 66_000, 69_000)
    assert outcome.cause is Cause.LEAD_LIMIT
    assert running.transport.messages[-1] == TERMINATE
    assert not running.stream.complete
    assert len(running.posted.of(TurnReceived)) == 1
    assert running.stream.covered().position == round(65.2 * SAMPLE_RATE)
