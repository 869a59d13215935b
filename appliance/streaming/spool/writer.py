"""Writer thread of the spool: brings one recording to disk and deletes what is released."""

import errno
import logging
import threading
import time
from collections.abc import Callable, Iterable
from functools import partial
from pathlib import Path
from typing import NamedTuple

from appliance.core.events import Post, SpoolFailed, SpoolRecovered
from appliance.core.faults import Fault
from appliance.core.recording import Recording
from appliance.streaming.spool.manifest import MANIFEST, write_manifest
from appliance.streaming.spool.quarantine import UNDELETABLE
from appliance.streaming.spool.segment import Segment
from appliance.system import files
from appliance.system.files import temporary
from appliance.system.supervision import BusyTimer

log = logging.getLogger(__name__)

SYNC_INTERVAL = 0.5
"""Seconds between syncs: about as much audio as a power cut can destroy."""


MANIFEST_RETRY_INTERVAL = 10.0
"""Seconds between two tries to write a manifest that the disk refuses."""


class Work(NamedTuple):
    """What belongs on disk by now: the manifest and the segments, but not the `released` ones."""

    recording: Recording
    segments: list[Segment]
    released: list[Segment]


class SpoolWriter:
    """Writes new audio at once, syncs it every `SYNC_INTERVAL`, deletes released segments.

    Audio that the disk refuses stays in memory and is tried again; the first refusal is posted as
    `SpoolFailed`, the end of the trouble as `SpoolRecovered`. Where only the manifest can't be
    written, or something can't be deleted, no word is in danger, and the log says it once.

    Args:
        folder: where the recording's files are.
        session: the recording's name.
        take_work: returns what belongs on disk, each released segment once.
        lock: is held while a segment drops what is safe from its memory.
        post: takes events.
        clock: monotonic seconds.

    Attributes:
        busy_timer: how long the present write takes; a card may stall.
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
        self._manifest_tried_at = float("-inf")
        self._undeleted: list[Segment] = []
        self._logged: set[str] = set()
        self._synced_at = clock()
        self.busy_timer = BusyTimer("spool", clock)
        # A daemon: a card that stalls must not keep the program from ending.
        self._thread = threading.Thread(target=self._run, name=f"spool-{session}", daemon=True)

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

    def close(self, timeout: float | None = None) -> None:
        """Write what is in memory and end; the files stay.

        Waits for the end, at most `timeout` seconds.
        """
        self._closing = True
        self._wake.set()
        if self._thread.is_alive():
            self._thread.join(timeout)
            if timeout and self._thread.is_alive():
                log.error("the card does not take the last audio of %s", self._session)

    def _run(self) -> None:
        unsafe = False
        while True:
            self._wake.wait(SYNC_INTERVAL if unsafe else None)
            self._wake.clear()
            removing = self._removing
            closing = self._closing or removing  # before the work is taken: that is all there is
            work = self._take_work()
            self._undeleted += work.released
            try:
                if removing:
                    self._delete_all(work.segments)
                else:
                    self._store_manifest(work.recording, at_once=closing)
                    self._store(work, sync=closing or self._sync_is_due())
                    self._delete(self._undeleted)
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
        stores = [
            partial(self._store_segment, segment, sync=sync, is_last=segment is work.segments[-1])
            for segment in work.segments
        ]
        if sync:
            self._synced_at = self._clock()
        self._attempt_all(stores)

    def _store_manifest(self, recording: Recording, *, at_once: bool) -> None:
        """Write the manifest, if it is due; without it, times come from the audio's files."""
        since = self._clock() - self._manifest_tried_at
        if self._manifest == recording or not (at_once or since >= MANIFEST_RETRY_INTERVAL):
            return
        self._manifest_tried_at = self._clock()
        try:
            with self.busy_timer:
                write_manifest(self._folder, recording)
        except OSError as error:
            self._log_once("can't write the manifest of %s: %s", self._session, error)
        else:
            self._manifest = recording
            self._manifest_tried_at = float("-inf")

    def _store_segment(self, segment: Segment, *, sync: bool, is_last: bool) -> None:
        if segment.in_memory:
            segment.write()
        if segment.in_memory and sync:
            count = segment.sync()
            with self._lock:
                segment.forget(count)
        if not (segment.in_memory or is_last):
            segment.close()

    def _delete(self, segments: list[Segment]) -> None:
        """Delete segments; those that the disk does not let go stay for the next time."""
        self._undeleted = [segment for segment in segments if not self._is_deleted(segment)]

    def _is_deleted(self, segment: Segment) -> bool:
        try:
            with self.busy_timer:
                segment.remove()
        except OSError as error:
            self._log_once("can't delete audio of %s: %s; it is transcribed", self._session, error)
            return False
        return True

    def _delete_all(self, segments: list[Segment]) -> None:
        """Delete what is transcribed; a folder that can't be deleted is set aside."""
        self._delete([*self._undeleted, *segments])
        manifest = self._folder / MANIFEST
        unlinks = [partial(it.unlink, missing_ok=True) for it in (manifest, temporary(manifest))]
        try:
            self._attempt_all([*unlinks, self._folder.rmdir])
        except FileNotFoundError:
            return
        except OSError as error:
            if error.errno in (errno.ENOTEMPTY, errno.EEXIST) and not self._undeleted:
                log.warning("%r is transcribed; other files are left in it", self._folder.name)
                return
            aside = files.set_aside(self._folder, UNDELETABLE)
            where = f"it is kept as {aside.name!r}" if aside else "it can't be renamed"
            text = "can't delete all of %r, which is transcribed: %s; %s"
            log.error(text, self._folder.name, files.reason(error), where)

    def _attempt_all(self, steps: Iterable[Callable[[], None]]) -> None:
        """Carry out all steps: none waits for another that the disk refuses.

        Raises:
            OSError: the disk refused at least one; this is the first.
        """
        failures = []
        for step in steps:
            try:
                with self.busy_timer:
                    step()
            except OSError as error:
                failures.append(error)
        if failures:
            raise failures[0]

    def _log_once(self, text: str, *values: object) -> None:
        if text not in self._logged:
            self._logged.add(text)
            log.error(text, *values)

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
