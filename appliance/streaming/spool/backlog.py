"""Backlog of a session: its audio from the first sample that is not covered to the newest.

It is the spool, too: everything goes to disk at once, in segments, and is deleted when it is
covered. Memory holds only what is not synced yet.
"""

import logging
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from pathlib import Path

import msgspec

from appliance.core.audio_format import SAMPLE_BYTES, SAMPLE_RATE
from appliance.core.events import AudioDropped, Post
from appliance.core.recording import Recording
from appliance.streaming.spool.inventory import segments_in
from appliance.streaming.spool.segment import LENGTH, Segment
from appliance.streaming.spool.writer import SpoolWriter, Work
from appliance.system.supervision import BusyTimer

log = logging.getLogger(__name__)

GAP = 0.5
"""Seconds off its expected time at which audio begins a new segment: there was a pause."""

LAST_WRITES_TIMEOUT = 8.0
"""Seconds for the disk to take what is in memory when the program ends: a slow card needs some."""

STALLED_TIMEOUT = 2.0
"""The same where a write has taken that long already."""

MEMORY_LIMIT = 600 * SAMPLE_RATE
"""Samples held in memory while the disk takes none: 19 MB."""


class Backlog:
    """The audio of one recording, in memory and on disk.

    The microphone appends, the sender reads, the controller releases; a thread of its own does all
    writing. Positions are samples from the session's start.

        backlog = Backlog(spool / recording.session, recording, post)
        backlog.open()
        backlog.append(audio, captured_at=time.monotonic())
        backlog.read(position=0, samples=1600)
        backlog.release(1600)  # transcribed, and its words are on record
        backlog.close()

    Args:
        folder: where its files are; segments found there that can be used are taken up.
        recording: the recording that this is the audio of.
        post: takes `AudioDropped`, `SpoolFailed` and `SpoolRecovered`.
        covered: audio before this position is transcribed and its words are on record.
        is_new: whether there is no such folder yet, so that none is looked for.
        limit: seconds of audio to hold; beyond it the oldest is dropped.
        clock: monotonic seconds.
    """

    def __init__(
        self,
        folder: Path,
        recording: Recording,
        post: Post,
        *,
        covered: int = 0,
        is_new: bool = False,
        limit: float = 3600.0,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._folder = folder
        self.recording = recording
        self._post = post
        self._limit = round(limit * SAMPLE_RATE)
        self._segments: deque[Segment] = deque()
        self._released: list[Segment] = []
        self._unreadable: set[Path] = set()
        self._reading = BusyTimer("spool", clock)
        self._anchors = [(0, recording.monotonic)]
        self._lock = threading.RLock()
        self._appended = threading.Condition(self._lock)
        self.finished = recording.finished
        self._writer = SpoolWriter(
            folder, recording.session, self._take_work, self._lock, post, clock
        )
        if not is_new:  # a card that stalls must not hold up a press
            self._take_up(covered)

    def _take_up(self, covered: int) -> None:
        """Continue from the segments that are in the folder already."""
        for segment in segments_in(self._folder):
            self._anchor(segment.start, segment.captured_at)
            self._segments.append(segment)
        self.release(covered)
        if covered > self.captured:
            # Words can outlive their audio: a power cut destroys what was not synced.
            self._anchors.append((covered, self._captured_at(covered)))

    @property
    def session(self) -> str:
        """The name of the session."""
        return self.recording.session

    @property
    def start(self) -> int:
        """The oldest position that is still held."""
        with self._lock:
            return self._segments[0].start if self._segments else self.captured

    @property
    def captured(self) -> int:
        """The position up to which there is audio."""
        with self._lock:
            return self._segments[-1].end if self._segments else self._anchors[-1][0]

    def open(self) -> None:
        """Start to write to disk."""
        self._writer.start()

    def append(self, audio: bytes, captured_at: float) -> None:
        """Add audio of any length whose first sample was captured at that time.

        Args:
            audio: whole samples, s16le, mono, 16 kHz.
            captured_at: monotonic seconds.
        """
        with self._lock:
            last = self._segments[-1] if self._segments else None
            end = last.end if last else self._anchors[-1][0]
            off = captured_at - self._captured_at(end)
            if last is None or end - last.start >= LENGTH or abs(off) > GAP:
                last = Segment(self._folder, end, captured_at)
                self._anchor(end, captured_at)
                self._segments.append(last)
            last.append(audio)
            dropped = self._drop_excess()
            self._appended.notify()
        self._writer.wake()
        self._report_dropped(dropped)

    def finish(self) -> None:
        """Note that no more audio will come."""
        with self._lock:
            self.finished = True
            self.recording = msgspec.structs.replace(self.recording, finished=True)
            self._appended.notify()
        self._writer.wake()

    def wait_beyond(self, position: int, timeout: float) -> None:
        """Wait until there is audio at `position` or none will come, at most `timeout` seconds."""
        with self._lock:
            self._appended.wait_for(
                lambda: self.finished or (self._segments and self._segments[-1].end > position),
                timeout,
            )

    def read(self, position: int, samples: int) -> bytes:
        """Return up to `samples` of audio from `position`; less at the end of a segment.

        Audio that is missing on disk or can't be read is returned as silence, so that the rest
        keeps its place.
        """
        with self._lock:
            segment = next(
                (item for item in reversed(self._segments) if item.start <= position), None
            )
            if segment is None or position >= self._segments[-1].end:
                return b""
            if position >= segment.end:
                return bytes(min(samples, self._next_start(position) - position) * SAMPLE_BYTES)
            samples = min(samples, segment.end - position)
            audio = segment.recall(position, samples)
        return self._load(segment, position, samples) if audio is None else audio

    def _load(self, segment: Segment, position: int, samples: int) -> bytes:
        try:
            with self._reading:
                audio = segment.load(position, samples)
        except OSError as error:
            if segment.path not in self._unreadable:  # it is read in a hundred pieces
                self._unreadable.add(segment.path)
                log.error("can't read audio of %s: %s; continuing after it", self.session, error)
            audio = b""
        return audio or bytes(samples * SAMPLE_BYTES)

    def _next_start(self, position: int) -> int:
        """Return where audio resumes after a gap, such as a power cut leaves."""
        return next(segment.start for segment in self._segments if segment.start > position)

    def time_of(self, position: int) -> float:
        """Return when a sample was captured, in seconds after the session's start."""
        with self._lock:
            return self._captured_at(position) - self.recording.monotonic

    def release(self, covered: int) -> None:
        """Drop all segments that end at or before this position: they are transcribed."""
        with self._lock:
            while self._segments and self._segments[0].end <= covered:
                self._drop_oldest()
        if self._released:
            self._writer.wake()

    def shed(self, samples: int) -> int:
        """Drop the oldest segments until so many samples are gone; return how many went."""
        dropped = 0
        with self._lock:
            while self._segments and dropped < samples:
                dropped += self._drop_oldest()
        if dropped:
            self._writer.wake()
        self._report_dropped(dropped)
        return dropped

    def remove(self) -> None:
        """Delete everything and end the thread: all of it is transcribed and on record."""
        self._writer.remove()

    def close(self, timeout: float | None = None) -> None:
        """Write what is in memory and end the thread; the audio stays on disk.

        Waits until the disk has taken it, at most `timeout` seconds.
        """
        self._writer.close(timeout)

    @property
    def busy_timer(self) -> BusyTimer:
        """How long the present write takes; a card may stall."""
        return self._writer.busy_timer

    def busy_for(self) -> float:
        """Return the seconds that the present write or reading takes."""
        return max(self.busy_timer.lasts(), self._reading.lasts())

    def _take_work(self) -> Work:
        with self._lock:
            released, self._released = self._released, []
            return Work(self.recording, list(self._segments), released)

    def _captured_at(self, position: int) -> float:
        start, captured_at = next(a for a in reversed(self._anchors) if a[0] <= max(position, 0))
        return captured_at + (position - start) / SAMPLE_RATE

    def _anchor(self, position: int, captured_at: float) -> None:
        """Remember when a position was captured, where counting samples gives another time."""
        if abs(captured_at - self._captured_at(position)) > GAP / 10:
            self._anchors.append((position, captured_at))

    def _drop_oldest(self) -> int:
        """Drop the oldest segment; return its samples."""
        segment = self._segments.popleft()
        if not self._segments:
            self._anchors.append((segment.end, self._captured_at(segment.end)))
        self._released.append(segment)
        return segment.end - segment.start

    def _drop_excess(self) -> int:
        """Drop the oldest segments until the rest is within the limits; return their samples."""
        dropped = 0
        while len(self._segments) > 1 and (
            self._segments[-1].end - self._segments[0].start > self._limit
            or sum(segment.in_memory for segment in self._segments) > MEMORY_LIMIT
        ):
            dropped += self._drop_oldest()
        return dropped

    def _report_dropped(self, samples: int) -> None:
        if samples:
            seconds = samples / SAMPLE_RATE
            log.warning("the backlog is full: dropped %.0f s of %s", seconds, self.session)
            self._post(AudioDropped(self.session, seconds))


def close_all(
    backlogs: Sequence[Backlog],
    timeout: float = LAST_WRITES_TIMEOUT,
    stalled_timeout: float = STALLED_TIMEOUT,
) -> None:
    """Close backlogs; wait for all their writes together, and less for a card that stalls."""
    for backlog in backlogs:
        backlog.close(0.0)
    began_at = time.monotonic()
    for backlog in backlogs:
        stalls = backlog.busy_timer.lasts() > stalled_timeout
        limit = stalled_timeout if stalls else timeout
        backlog.close(max(0.0, began_at + limit - time.monotonic()))
