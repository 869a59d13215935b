"""Lock on the state folder: one program at a time may own the sessions in it."""

import fcntl
import logging
import os
from pathlib import Path
from types import TracebackType
from typing import Self

from appliance.system.files import reason

log = logging.getLogger(__name__)


class StateInUseError(Exception):
    """Another program runs on the same state folder; the message names the folder."""

    def __init__(self, folder: Path) -> None:
        super().__init__(f"another copy of the program is running on {folder}")


class StateLock:
    """Lock on one folder, which the kernel releases when the program ends, however it ends.

        with StateLock() as lock:
            lock.take(Path("/var/lib/appliance"))

    The folder itself is locked, so the lock leaves no file behind, and works on a disk that takes
    no writes.
    """

    def __init__(self) -> None:
        self._file: int | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.release()

    @property
    def held(self) -> bool:
        """Whether a folder is locked."""
        return self._file is not None

    def take(self, folder: Path) -> None:
        """Lock a folder instead of the one that is locked; create it if it does not exist.

        A folder that can't be created or locked is used without a lock: a bad disk must not keep
        the box from starting.

        Raises:
            StateInUseError: another program has it; what is locked stays locked.
        """
        try:
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            file = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        except OSError as error:
            log.warning("can't lock %s: %s; running without", folder, reason(error))
            self.release()
            return
        if self._file is not None and os.path.sameopenfile(self._file, file):
            os.close(file)
            return
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(file)
            raise StateInUseError(folder) from None
        except OSError as error:
            os.close(file)
            log.warning("can't lock %s: %s; running without", folder, reason(error))
            self.release()
            return
        self.release()
        self._file = file

    def release(self) -> None:
        """Unlock the folder, if one is locked."""
        if self._file is not None:
            os.close(self._file)
            self._file = None
