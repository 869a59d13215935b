"""Microphone under presses that come faster than it opens, in real time."""

import collections
import contextlib
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Literal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from appliance.core.events import MicrophoneClosed, MicrophoneFailed, MicrophoneOpened
from appliance.hardware.microphone import Microphone
from appliance.settings.schema import MicrophoneSettings
from tests.hardware.fake_portaudio import RunningSound
from tests.rig.clock import Clock
from tests.rig.posted import Posted
from tests.rig.sound import PipeMicrophone
from tests.rig.waiting import wait_until

Step = Literal["open", "close", "pause"]

PAUSE = 0.01  # seconds, about as long as the microphone takes to open


class Person:
    """Person who presses; records by session, from 0, what was heard."""

    def __init__(self, cards: Path, clock: Callable[[], float]) -> None:
        self.sound = RunningSound()
        self.posted = Posted()
        self.microphone = Microphone(
            MicrophoneSettings(),
            self.posted,
            audio=self.sound,
            clock=clock,
            cards=cards,
            cards_check_interval=0.01,
        )
        self.begun = 0
        self.heard: list[tuple[int, int, set[int]]] = []
        """The session, how many were closed before, and the numbers of the streams."""

    @property
    def closed(self) -> int:
        return len(self.posted.of(MicrophoneClosed))

    def do(self, step: Step) -> None:
        match step:
            case "open":
                self.open()
            case "close":
                self.microphone.close()
            case "pause":
                time.sleep(PAUSE)

    def open(self) -> None:
        session = self.begun
        self.begun += 1

        def deliver(chunk: bytes, _captured_at: float) -> None:
            self.heard.append((session, self.closed, set(memoryview(chunk).cast("H"))))

        self.microphone.open(deliver)

    def wait_heard(self) -> None:
        """Wait until the latest session hears."""
        wait_until(lambda: any(session == self.begun - 1 for session, *_ in self.heard))

    def check_all_is_closed(self) -> None:
        wait_until(lambda: self.closed == self.begun)
        assert self.sound.running == 0

    def check_nothing_is_mixed(self) -> None:
        streams: collections.defaultdict[int, set[int]] = collections.defaultdict(set)
        for session, closed, numbers in self.heard:
            assert closed == session
            streams[session] |= numbers
        assert sum(map(len, streams.values())) == len(set().union(*streams.values()))


@contextlib.contextmanager
def a_person(
    cards: Path = Path("no cards"), clock: Callable[[], float] = time.monotonic
) -> Iterator[Person]:
    person = Person(cards, clock)
    try:
        yield person
    finally:
        person.microphone.end()


BURST: tuple[Step, ...] = ("open", "close", "open", "close")


@pytest.mark.parametrize("number", range(len(BURST) + 1))
def test_each_press_of_a_burst_counts_wherever_the_thread_is_by_then(number: int) -> None:
    with a_person() as person:
        for step in BURST[:number]:
            person.do(step)
        person.microphone.start()
        for step in BURST[number:]:
            person.do(step)
        person.check_all_is_closed()
        person.open()
        person.wait_heard()
        assert person.sound.running == 1
        person.microphone.close()
        person.check_all_is_closed()
        person.check_nothing_is_mixed()


def test_a_burst_while_it_listens_closes_as_often_as_it_opens() -> None:
    with a_person() as person:
        person.microphone.start()
        person.open()
        person.wait_heard()
        for step in ("close", *BURST, *BURST):
            person.do(step)
        person.check_all_is_closed()


def test_a_burst_while_the_microphone_is_missing_still_lets_its_return_be_reported(
    tmp_path: Path,
) -> None:
    cards = tmp_path / "cards"
    with a_person(cards) as person:
        person.microphone.start()
        person.sound.unplug()
        person.open()
        person.posted.wait(MicrophoneFailed)
        for step in ("close", *BURST):
            person.do(step)
        person.check_all_is_closed()
        person.sound.plug()
        cards.write_text("1 [Device]\n")
        person.posted.wait(MicrophoneOpened)
        assert person.sound.streams == []


def test_a_session_that_is_closed_before_its_turn_never_opens_the_microphone() -> None:
    with a_person() as person:
        for step in BURST:
            person.do(step)
        person.microphone.start()
        person.check_all_is_closed()
        assert person.sound.streams == []


def test_a_session_that_is_closed_while_the_microphone_opens_does_not_wait_for_audio() -> None:
    with a_person(clock=Clock(100.0)) as person:
        person.sound.mute = True
        person.sound.may_open.clear()
        person.microphone.start()
        person.open()
        person.sound.opening.wait(30)
        person.microphone.close()
        person.sound.may_open.set()
        person.check_all_is_closed()
        assert len(person.sound.streams) == 1


def test_ending_after_a_burst_opens_nothing_and_reports_each_session_closed() -> None:
    with a_person() as person:
        person.microphone.start()
        person.open()
        person.wait_heard()
        for step in ("close", *BURST * 10, "open"):
            person.do(step)
        person.microphone.end()
        assert person.closed == person.begun
        assert len(person.sound.streams) == 1
        assert person.sound.running == 0


def test_a_second_opening_closes_the_first() -> None:
    with a_person() as person:
        person.microphone.start()
        for _ in range(2):
            person.open()
            person.wait_heard()
        assert person.closed == 1
        person.microphone.close()
        person.check_all_is_closed()
        person.check_nothing_is_mixed()


@settings(max_examples=40)
@given(
    steps=st.lists(st.sampled_from(["open", "close", "pause"]), max_size=30),
    started=st.integers(min_value=0, max_value=30),
)
def test_each_session_is_closed_once_and_hears_its_own_audio_whatever_is_pressed(
    steps: list[Step], started: int
) -> None:
    with a_person() as person:
        for step in steps[:started]:
            person.do(step)
        person.microphone.start()
        for step in steps[started:]:
            person.do(step)
        person.microphone.close()
        person.check_all_is_closed()
        person.open()
        person.wait_heard()
        person.microphone.close()
        person.check_all_is_closed()
        person.check_nothing_is_mixed()


def test_a_burst_leaves_a_real_microphone_closed_and_able_to_hear(
    sound: PipeMicrophone, posted: Posted
) -> None:
    microphone = Microphone(MicrophoneSettings(), posted)
    microphone.start()
    for _ in range(3):
        microphone.open(lambda *_: None)
        microphone.close()
    posted.wait(MicrophoneClosed, count=3)
    chunks: list[bytes] = []
    microphone.open(lambda chunk, _: chunks.append(chunk))
    wait_until(lambda: chunks)
    microphone.close()
    posted.wait(MicrophoneClosed, count=4)
    microphone.end()
