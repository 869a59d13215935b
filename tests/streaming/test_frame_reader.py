import threading
from pathlib import Path

import pytest

from appliance.core.audio_format import SAMPLE_RATE
from appliance.streaming.frame_reader import (
    MAX_FRAME,
    MAX_LAG,
    MIN_FRAME,
    USUAL_FRAME,
    FrameReader,
    padded,
)
from appliance.streaming.retry_policy import Pace
from appliance.streaming.spool.backlog import Backlog
from tests.rig.clock import Clock
from tests.rig.posted import Posted
from tests.streaming.doubles import BEGAN, backlog_of, recording
from tests.streaming.spool.test_backlog import numbered

AT_ONCE = Pace(lead=1000.0, speed=1.0, max_lead=1000.0)
REAL_TIME = Pace(lead=0.0, speed=1.0, max_lead=0.0)


class Passing(threading.Event):
    """An event that is never set; waiting for it moves a clock."""

    def __init__(self, clock: Clock) -> None:
        super().__init__()
        self._clock = clock

    def wait(self, timeout: float | None = None) -> bool:
        self._clock.now += timeout or 0.0
        return False


class Arriving(Backlog):
    """A backlog to which audio comes as soon as somebody waits for it."""

    def wait_beyond(self, position: int, timeout: float) -> None:  # noqa: ARG002 - no time passes
        if self.captured <= position:
            first = self.captured
            self.append(numbered(MAX_FRAME // 2, first), BEGAN + first / SAMPLE_RATE)


def reader_of(backlog: Backlog, pace: Pace = AT_ONCE, clock: Clock | None = None) -> FrameReader:
    clock = clock or Clock()
    return FrameReader(backlog, backlog.start, pace, clock, Passing(clock))


def all_frames(reader: FrameReader) -> list[bytes]:
    frames = []
    while frame := reader.read():
        frames.append(frame)
        reader.advance(frame)
    return frames


@pytest.mark.parametrize("samples", [0, 1, 800, 1600, 16_000, 16_001, 170_001])
def test_frames_are_as_long_as_allowed_and_hold_everything(tmp_path: Path, samples: int) -> None:
    reader = reader_of(backlog_of(numbered(samples), tmp_path, Posted()))
    frames = all_frames(reader)
    assert b"".join(frames) == numbered(samples)
    assert all(len(frame) // 2 == MAX_FRAME for frame in frames[:-1])
    assert reader.is_at_end
    assert reader.position == samples


def test_one_reading_waits_for_audio_and_returns_it(tmp_path: Path) -> None:
    reader = reader_of(Arriving(tmp_path, recording(), Posted()))
    assert reader.read() == numbered(MAX_FRAME // 2)


def test_one_reading_waits_for_its_time_and_returns_a_frame(tmp_path: Path) -> None:
    clock = Clock()
    reader = reader_of(backlog_of(numbered(SAMPLE_RATE), tmp_path, Posted()), REAL_TIME, clock)
    assert len(reader.read()) // 2 == USUAL_FRAME
    assert clock.now == pytest.approx(0.1)


def test_too_little_audio_is_no_frame_until_no_more_will_come(tmp_path: Path) -> None:
    backlog = backlog_of(numbered(USUAL_FRAME - 1), tmp_path, Posted(), finished=False)
    reader = reader_of(backlog)
    assert reader.read() == b""
    assert not reader.is_at_end
    backlog.finish()
    assert reader.read() == numbered(USUAL_FRAME - 1)


def test_a_frame_that_was_not_sent_is_read_again(tmp_path: Path) -> None:
    reader = reader_of(backlog_of(numbered(40_000), tmp_path, Posted()))
    assert reader.read() == reader.read() == numbered(MAX_FRAME)


def test_dropped_audio_outruns_a_reader(tmp_path: Path) -> None:
    backlog = backlog_of(b"", tmp_path, Posted(), finished=False)
    for second in range(25):
        backlog.append(bytes(2 * SAMPLE_RATE), BEGAN + second)
    reader = reader_of(backlog)
    assert not reader.is_outrun
    backlog.release(10 * SAMPLE_RATE)
    assert reader.is_outrun


@pytest.mark.parametrize(("left", "expected"), [(MAX_LAG - 1, False), (MAX_LAG + 2, True)])
def test_a_reader_at_its_maximum_lead_lags_behind(
    tmp_path: Path, left: float, expected: bool
) -> None:
    pace = Pace(lead=70.0, speed=2.0, max_lead=70.0)
    backlog = backlog_of(bytes(2 * round((70 + left) * SAMPLE_RATE)), tmp_path, Posted())
    clock = Clock()
    reader = FrameReader(backlog, 0, pace, lambda: clock.now, threading.Event())
    reader.position = 70 * SAMPLE_RATE
    clock.now = 0.1
    assert reader.is_at_max_lead is expected


def test_a_short_frame_is_padded_with_silence() -> None:
    assert padded(b"\1\2") == b"\1\2" + bytes(2 * MIN_FRAME - 2)
    assert padded(bytes(2 * USUAL_FRAME)) == bytes(2 * USUAL_FRAME)
