"""Reader of a backlog in frames that the service accepts, no faster than a pace allows."""

import threading
from collections.abc import Callable

import msgspec

from appliance.core.audio_format import SAMPLE_BYTES, SAMPLE_RATE
from appliance.streaming.retry_policy import MIN_GAIN, Pace
from appliance.streaming.spool.backlog import Backlog

MIN_FRAME = SAMPLE_RATE // 20
"""Samples; the service ends the session over a frame shorter than 50 ms."""

USUAL_FRAME = SAMPLE_RATE // 10
"""Samples that a frame holds at least, except the last one."""

MAX_FRAME = SAMPLE_RATE
"""Samples; the service ends the session over a frame longer than a second."""

FRAME_TIME = USUAL_FRAME / SAMPLE_RATE
"""Seconds to wait at most for a usual frame."""

MAX_LAG = 10.0
"""Seconds that captions may lag behind before a connection at its maximum lead is left."""


class FrameReader:
    """The audio of a backlog from `origin` on, one frame after the other.

    `position` is where the next frame starts. The blocks that the backlog gets may be of any
    length: frames are cut here. Only `position` may be read from another thread.

    Args:
        backlog: holds the audio.
        origin: the position of the first frame, in samples.
        pace: how far the frames may run ahead of real time.
        elapsed: returns the seconds since the connection opened.
        over: is set when no frame is wanted any more, and ends every wait.
    """

    def __init__(
        self,
        backlog: Backlog,
        origin: int,
        pace: Pace,
        elapsed: Callable[[], float],
        over: threading.Event,
    ) -> None:
        self._backlog = backlog
        self._origin = origin
        self._pace = pace
        self._elapsed = elapsed
        self._over = over
        self.position = origin

    def read(self) -> bytes:
        """Return the next frame, after waits of a frame's time at most; nothing if none is due.

        The last frame of a recording may be shorter than the service accepts: see `padded`.
        """
        if (allowed := self._allowed()) < USUAL_FRAME:
            self._over.wait((USUAL_FRAME - allowed) / SAMPLE_RATE)
        self._backlog.wait_beyond(self.position + USUAL_FRAME - 1, timeout=FRAME_TIME)
        finished = self._backlog.finished  # before `captured`, which then can't grow any more
        available = self._backlog.captured - self.position
        allowed = self._allowed()
        if allowed < USUAL_FRAME or (available < USUAL_FRAME and not finished):
            return b""
        return self._gather(min(available, MAX_FRAME, allowed))

    def advance(self, frame: bytes) -> None:
        """Note that a frame was sent."""
        self.position += len(frame) // SAMPLE_BYTES

    @property
    def is_at_end(self) -> bool:
        """Whether everything was sent, and no more audio will come."""
        return self._backlog.finished and self.position >= self._backlog.captured

    @property
    def is_outrun(self) -> bool:
        """Whether the backlog was full and dropped audio that was not sent yet."""
        return self.position < self._backlog.start

    @property
    def is_at_max_lead(self) -> bool:
        """Whether only a new connection can catch up with a backlog that captions lag behind."""
        if self._allowed() >= SAMPLE_RATE or not self._pace.is_at_max_lead(self._elapsed()):
            return False
        return self._backlog.captured - self.position > MAX_LAG * SAMPLE_RATE

    def keep_lead(self) -> None:
        """Get no further ahead of real time, once that is far enough for a new connection."""
        lead = (self.position - self._origin) / SAMPLE_RATE - self._elapsed()
        self._pace = msgspec.structs.replace(
            self._pace, max_lead=min(self._pace.max_lead, max(lead, MIN_GAIN))
        )

    def _allowed(self) -> int:
        """Return how many samples may be sent now."""
        sent = self.position - self._origin
        return round(self._pace.allowance(self._elapsed()) * SAMPLE_RATE) - sent

    def _gather(self, samples: int) -> bytes:
        """Return that many samples from the backlog, across the ends of its segments."""
        frame = b""
        while piece := self._backlog.read(
            self.position + len(frame) // SAMPLE_BYTES, samples - len(frame) // SAMPLE_BYTES
        ):
            frame += piece
        return frame


def padded(frame: bytes) -> bytes:
    """Return a frame with silence up to the shortest length that the service accepts."""
    return frame.ljust(MIN_FRAME * SAMPLE_BYTES, b"\0")
