"""The backlog: a session's audio from the first sample not yet covered to the newest.

It is the spool, too: everything goes to disk at once, in segments, and leaves it when it is
covered. Only what is not yet synced is held in memory.
"""

import logging
import threading
import time
from collections import deque
from collections.abc import Callable
from pathlib import Path

import msgspec

from appliance.core.audio_format import SAMPLE_BYTES, SAMPLE_RATE
from appliance.core.events import AudioDropped, Fault, Post, SpoolFailed, SpoolRecovered
from appliance.core.recording import Recording
from appliance.streaming.spool.manifest import write_note
from appliance.streaming.spool.segment import LENGTH, Segment

log = logging.getLogger(__name__)

SYNC_INTERVAL = 0.5
"""Seconds between syncs: about what a power cut can take."""

GAP = 0.5
"""Seconds by which audio must come later than it would without a pause to be a new segment."""

MEMORY_LIMIT = 600 * SAMPLE_RATE
"""Samples held in memory while the disk takes none: 19 MB."""


class Backlog:
    """The audio of the session that `recording` describes, in `folder`.

    The microphone appends, the sender reads, the controller releases; a thread of its own does all
    writing. Positions are samples from the session's start; audio before `covered` is known to be
    transcribed and kept. `limit` is the seconds of audio held; beyond it the oldest goes.
    """

    def __init__(
        self,
        folder: Path,
        recording: Recording,
        post: Post,
        *,
        covered: int = 0,
        limit: float = 3600.0,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._folder = folder
        self.recording = recording
        self._post = post
        self._limit = round(limit * SAMPLE_RATE)
        self._clock = clock
        self._segments: deque[Segment] = deque()
        self._doomed: list[Segment] = []
        self._anchors = [(0, recording.monotonic)]
        self._lock = threading.RLock()
        self._grown = threading.Condition(self._lock)  # what the sender waits for
        self._stirred = threading.Condition(self._lock)  # what the spool waits for
        self._work = False
        self._closing = False
        self._removing = False
        self._failed = False
        self.finished = recording.finished
        self._spooler = threading.Thread(target=self._spool, name=f"spool-{recording.session}")
        self._take_up(covered)

    def _take_up(self, covered: int) -> None:
        """Go on from the segments that lie in the folder already."""
        paths = sorted(self._folder.glob("*.pcm")) if self._folder.is_dir() else []
        for segment in filter(None, map(Segment.found, paths)):
            self._anchor(segment.start, segment.captured_at)
            self._segments.append(segment)
        self.release(covered)
        if covered > self.captured:
            # Words can outlive their audio: a power cut takes what was not synced.
            self._anchors.append((covered, self._moment(covered)))

    @property
    def session(self) -> str:
        """The name of the session."""
        return self.recording.session

    @property
    def start(self) -> int:
        """The oldest position that is still kept."""
        with self._lock:
            return self._segments[0].start if self._segments else self.captured

    @property
    def captured(self) -> int:
        """The position up to which there is audio."""
        with self._lock:
            return self._segments[-1].end if self._segments else self._anchors[-1][0]

    def open(self) -> None:
        """Begin to write to disk."""
        self._spooler.start()

    def append(self, audio: bytes, captured_at: float) -> None:
        """Add audio (s16le, mono, 16 kHz) whose first sample was captured at that time."""
        with self._lock:
            last = self._segments[-1] if self._segments else None
            end = last.end if last else self._anchors[-1][0]
            late = captured_at - self._moment(end)
            if last is None or end - last.start >= LENGTH or abs(late) > GAP:
                last = Segment(self._folder, end, captured_at)
                self._anchor(end, captured_at)
                self._segments.append(last)
            last.append(audio)
            dropped = self._drop_excess()
            self._grown.notify()
            self._stir()
        self._tell_dropped(dropped)

    def finish(self) -> None:
        """Say that nothing more will come."""
        with self._lock:
            self.finished = True
            self.recording = msgspec.structs.replace(self.recording, finished=True)
            self._grown.notify()
            self._stir()

    def wait_beyond(self, position: int, timeout: float) -> None:
        """Wait until there is audio at `position` or none will come, for `timeout` s at most."""
        with self._lock:
            self._grown.wait_for(
                lambda: self.finished or (self._segments and self._segments[-1].end > position),
                timeout,
            )

    def read(self, position: int, samples: int) -> bytes:
        """Return up to `samples` of audio from `position`; less at the end of a segment.

        What is missing on the disk, or can't be read any more, is returned as silence, so that the
        rest can follow in its place.
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
            audio = segment.load(position, samples)
        except OSError as error:
            log.error("audio of %s can't be read: %s; going on behind it", self.session, error)
            audio = b""
        return audio or bytes(samples * SAMPLE_BYTES)

    def _next_start(self, position: int) -> int:
        """Return where the audio goes on behind a gap, such as a power cut leaves."""
        return next(segment.start for segment in self._segments if segment.start > position)

    def moment(self, position: int) -> float:
        """Return when a sample was captured, in seconds after the session's start."""
        with self._lock:
            return self._moment(position) - self.recording.monotonic

    def release(self, covered: int) -> None:
        """Let go of all segments that end at or before this position; the spool deletes them."""
        with self._lock:
            while self._segments and self._segments[0].end <= covered:
                self._let_go()
            if self._doomed:
                self._stir()

    def shed(self, samples: int) -> int:
        """Let go of the oldest segments until so many samples are gone; return how many went."""
        dropped = 0
        with self._lock:
            while self._segments and dropped < samples:
                dropped += self._let_go()
            if dropped:
                self._stir()
        self._tell_dropped(dropped)
        return dropped

    def remove(self) -> None:
        """Delete what is left, since all of it was transcribed and kept, and end the thread."""
        with self._lock:
            self._removing = self._closing = True
            self._stir()

    def close(self) -> None:
        """Write what is in memory and end the thread; the audio stays on disk."""
        with self._lock:
            self._closing = True
            self._stir()
        if self._spooler.is_alive():
            self._spooler.join()

    def _stir(self) -> None:
        self._work = True
        self._stirred.notify()

    def _moment(self, position: int) -> float:
        start, captured_at = next(a for a in reversed(self._anchors) if a[0] <= max(position, 0))
        return captured_at + (position - start) / SAMPLE_RATE

    def _anchor(self, position: int, captured_at: float) -> None:
        """Remember when a position was captured, where counting samples would not tell."""
        if abs(captured_at - self._moment(position)) > GAP / 10:
            self._anchors.append((position, captured_at))

    def _let_go(self) -> int:
        """Let go of the oldest segment; return its samples."""
        segment = self._segments.popleft()
        if not self._segments:
            self._anchors.append((segment.end, self._moment(segment.end)))
        self._doomed.append(segment)
        return segment.end - segment.start

    def _drop_excess(self) -> int:
        """Let go of the oldest segments until the rest is within the limits; return samples."""
        dropped = 0
        while len(self._segments) > 1 and (
            self._segments[-1].end - self._segments[0].start > self._limit
            or sum(segment.in_memory for segment in self._segments) > MEMORY_LIMIT
        ):
            dropped += self._let_go()
        return dropped

    def _tell_dropped(self, samples: int) -> None:
        if samples:
            seconds = samples / SAMPLE_RATE
            log.warning("the backlog is full: %.0f s of %s had to go", seconds, self.session)
            self._post(AudioDropped(self.session, seconds))

    def _spool(self) -> None:
        """Write what is new at once, sync it now and then, delete what was let go."""
        noted: Recording | None = None
        synced_at = self._clock()
        while True:
            with self._lock:
                unsafe = self._failed or any(segment.in_memory for segment in self._segments)
                self._stirred.wait_for(lambda: self._work, SYNC_INTERVAL if unsafe else None)
                self._work = False
                closing, recording = self._closing, self.recording
                segments = list(self._segments)
                doomed, self._doomed = self._doomed, []
            try:
                if self._removing:
                    self._delete([*doomed, *segments])
                    return
                if noted != recording:
                    write_note(self._folder, recording)
                    noted = recording
                sync = closing or self._clock() - synced_at >= SYNC_INTERVAL
                self._store(segments, sync=sync)
                if sync:
                    synced_at = self._clock()
                for segment in doomed:
                    segment.remove()
            except OSError as error:
                self._doomed += doomed
                self._tell_failure(error)
            else:
                self._tell_healed()
            if closing:
                for segment in segments:
                    segment.close()
                return

    def _store(self, segments: list[Segment], *, sync: bool) -> None:
        for segment in segments:
            if segment.in_memory:
                segment.write()
            if segment.in_memory and sync:
                count = segment.sync()
                with self._lock:
                    segment.forget(count)
            if not segment.in_memory and segment is not segments[-1]:
                segment.close()

    def _delete(self, segments: list[Segment]) -> None:
        for segment in segments:
            segment.remove()
        for path in self._folder.glob("session.json*"):
            path.unlink()
        if self._folder.is_dir():
            self._folder.rmdir()

    def _tell_failure(self, error: OSError) -> None:
        if not self._failed:
            self._failed = True
            log.error("audio of %s can't be written: %s; holding it", self.session, error)
            fault = Fault("Disk fault", "check the SD card", detail=str(error))
            self._post(SpoolFailed(self.session, fault))

    def _tell_healed(self) -> None:
        if self._failed:
            self._failed = False
            log.info("audio of %s is written again", self.session)
            self._post(SpoolRecovered(self.session))
