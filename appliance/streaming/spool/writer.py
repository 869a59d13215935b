"""Writer thread of the spool: brings one recording to disk and deletes what is released."""

import logging
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from appliance.core.events import Fault, Post, SpoolFailed, SpoolRecovered
from appliance.core.recording import Recording
from appliance.streaming.spool.manifest import MANIFEST, write_manifest
from appliance.streaming.spool.segment import Segment

log = logging.getLogger(__name__)

SYNC_INTERVAL = 0.5
"""Seconds between syncs: about as much audio as a power cut can destroy."""


class Work(NamedTuple):
    """What belongs on disk by now: the manifest and the segments, but not the `released` ones."""

    recording: Recording
    segments: list[Segment]
    released: list[Segment]


class SpoolWriter:
    """Writes new audio at once, syncs it every `SYNC_INTERVAL`, deletes released segments.

    What the disk refuses stays in memory and is tried again; the first refusal is posted as
    `SpoolFailed`, the end of the trouble as `SpoolRecovered`.

    Args:
        folder: where the recording's files are.
        session: the recording's name.
        take_work: returns what belongs on disk, each released segment once.
        lock: is held while a segment drops what is safe from its memory.
        post: takes events.
        clock: monotonic seconds.
    """

    def __init__(
        self,
        folder: Path,
        session: str,
        take_work: Callable[[], Work],
        lock: threading.RLock,
        post: Post,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._folder = folder
        self._session = session
        self._take_work = take_work
        self._lock = lock
        self._post = post
        self._clock = clock
        self._wake = threading.Event()
        self._closing = False
        self._removing = False
        self._failing = False
        self._manifest: Recording | None = None
        self._undeleted: list[Segment] = []
        self._synced_at = clock()
        self._thread = threading.Thread(target=self._run, name=f"spool-{session}")

    def start(self) -> None:
        """Start to write."""
        self._thread.start()

    def wake(self) -> None:
        """Note that there is work; returns at once."""
        self._wake.set()

    def remove(self) -> None:
        """Delete all files of the recording and end; returns at once."""
        self._removing = self._closing = True
        self._wake.set()

    def close(self) -> None:
        """Write what is in memory, end, and wait for the end; the files stay."""
        self._closing = True
        self._wake.set()
        if self._thread.is_alive():
            self._thread.join()

    def _run(self) -> None:
        unsafe = False
        while True:
            self._wake.wait(SYNC_INTERVAL if unsafe else None)
            self._wake.clear()
            closing = self._closing  # before the work is taken, which then is all there will be
            work = self._take_work()
            self._undeleted += work.released
            try:
                if self._removing:
                    self._delete_all(work.segments)
                    return
                self._store(work, sync=closing or self._sync_is_due())
            except OSError as error:
                self._report_failure(error)
            else:
                self._report_recovery()
            if closing:
                for segment in work.segments:
                    segment.close()
                return
            unsafe = self._failing or any(segment.in_memory for segment in work.segments)

    def _sync_is_due(self) -> bool:
        return self._clock() - self._synced_at >= SYNC_INTERVAL

    def _store(self, work: Work, *, sync: bool) -> None:
        if self._manifest != work.recording:
            write_manifest(self._folder, work.recording)
            self._manifest = work.recording
        for segment in work.segments:
            if segment.in_memory:
                segment.write()
            if segment.in_memory and sync:
                count = segment.sync()
                with self._lock:
                    segment.forget(count)
            if not segment.in_memory and segment is not work.segments[-1]:
                segment.close()
        if sync:
            self._synced_at = self._clock()
        while self._undeleted:
            self._undeleted[0].remove()
            del self._undeleted[0]

    def _delete_all(self, segments: list[Segment]) -> None:
        for segment in [*self._undeleted, *segments]:
            segment.remove()
        for path in self._folder.glob(f"{MANIFEST}*"):
            path.unlink()
        if self._folder.is_dir():
            self._folder.rmdir()

    def _report_failure(self, error: OSError) -> None:
        if not self._failing:
            self._failing = True
            log.error("can't write audio of %s: %s; keeping it in memory", self._session, error)
            fault = Fault("Disk fault", "check the SD card", detail=str(error))
            self._post(SpoolFailed(self._session, fault))

    def _report_recovery(self) -> None:
        if self._failing:
            self._failing = False
            log.info("audio of %s is written again", self._session)
            self._post(SpoolRecovered(self._session))
