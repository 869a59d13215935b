"""Segment of the spool: about ten seconds of audio in a file of its own."""

import os
import re
import stat
from pathlib import Path

from appliance.core.audio_format import SAMPLE_BYTES, SAMPLE_RATE

LENGTH = 10 * SAMPLE_RATE
"""Samples after which the next segment begins."""

_NAME = re.compile(r"([0-9]{12})-([0-9]{13})\.pcm")

SUFFIX = ".pcm"
"""End of the names of files with audio."""

_LATEST_TIME = 100e9  # Unix seconds; a damaged inode may name any time


def is_segment_name(name: str) -> bool:
    """Return whether a file of this name holds a part of a session.

    >>> is_segment_name("000000160000-0000001010000.pcm"), is_segment_name("take-1.pcm")
    (True, False)
    """
    return _NAME.fullmatch(name) is not None


class Segment:
    """Audio from position `start` on, captured from `captured_at` on (monotonic seconds).

    Appended audio stays in memory until it is synced to the file, for longer if the disk refuses
    it. `append`, `recall` and `forget` are called under the owner's lock. `write`, `sync` and
    `load` reach the disk and need no lock, on one thread at a time.
    """

    def __init__(self, folder: Path, start: int, captured_at: float) -> None:
        self.start = start
        self.captured_at = captured_at
        self.path = folder / f"{start:012d}-{round(captured_at * 1000):013d}.pcm"
        self.end = start
        self._memory = bytearray()
        self._synced = 0
        self._written = 0
        self._file: int | None = None
        self.modified_at = 0.0

    @classmethod
    def found(cls, path: Path) -> "Segment | None":
        """Return the segment in an existing file; None when its name is not a segment's.

        Raises:
            OSError: it can't be read, or is no file.
        """
        match = _NAME.fullmatch(path.name)
        if match is None:
            return None
        found = os.lstat(path)
        if not stat.S_ISREG(found.st_mode):
            raise OSError(f"{path} is no file")
        os.close(os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC))
        segment = cls(path.parent, int(match[1]), int(match[2]) / 1000)
        segment.path = path
        segment.modified_at = min(max(found.st_mtime, 0.0), _LATEST_TIME)
        # A power cut may leave half a sample.
        samples = found.st_size // SAMPLE_BYTES
        segment._synced = segment._written = samples * SAMPLE_BYTES
        segment.end = segment.start + samples
        return segment

    @property
    def in_memory(self) -> int:
        """Samples that are not safe on disk yet."""
        return len(self._memory) // SAMPLE_BYTES

    def append(self, audio: bytes) -> None:
        """Add audio, whole samples, at the end."""
        self._memory += audio
        self.end += len(audio) // SAMPLE_BYTES

    def recall(self, position: int, samples: int) -> bytes | None:
        """Return audio from memory; None when it begins in the file."""
        offset = (position - self.start) * SAMPLE_BYTES - self._synced
        if offset < 0:
            return None
        return bytes(self._memory[offset : offset + samples * SAMPLE_BYTES])

    def load(self, position: int, samples: int) -> bytes:
        """Return audio from the file, in whole samples; less where the file ends.

        Raises:
            OSError: the disk failed, or the file is gone.
        """
        with self.path.open("rb") as file:
            file.seek((position - self.start) * SAMPLE_BYTES)
            audio = file.read(samples * SAMPLE_BYTES)
        return audio[: len(audio) // SAMPLE_BYTES * SAMPLE_BYTES]

    def write(self) -> None:
        """Hand new audio to the kernel: from here on only a power cut can destroy it.

        Raises:
            OSError: the disk refused; what it did not take stays in memory.
        """
        if self._file is None:
            self.path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            flags = os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC
            self._file = os.open(self.path, flags, mode=0o600)
            _sync_folder(self.path.parent)
        pending = bytes(self._memory[self._written - self._synced :])
        while pending:
            count = os.pwrite(self._file, pending, self._written)
            self._written += count
            pending = pending[count:]

    def sync(self) -> int:
        """Make written audio safe from a power cut; return the bytes of memory to `forget`.

        Raises:
            OSError: the disk failed; everything since the last sync is written again.
        """
        written = self._written
        if self._file is not None and written > self._synced:
            try:
                os.fdatasync(self._file)
            except OSError:
                # The kernel may have dropped what it could not store, and reports that only once.
                self._written = self._synced
                raise
        return written - self._synced

    def forget(self, count: int) -> None:
        """Drop `count` bytes from memory: they are safe on disk."""
        del self._memory[:count]
        self._synced += count

    def close(self) -> None:
        """Close the file, if it is open."""
        if self._file is not None:
            os.close(self._file)
            self._file = None

    def remove(self) -> None:
        """Delete the file.

        Raises:
            OSError: the disk failed.
        """
        self.close()
        self.path.unlink(missing_ok=True)


def _sync_folder(folder: Path) -> None:
    """Make a new file's name safe from a power cut."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
