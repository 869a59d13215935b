"""SD card that stalls or is damaged: a real file system on a loop device."""

import contextlib
import os
import signal
import subprocess
from pathlib import Path
from types import TracebackType
from typing import Self

from tests.rig.programs import PATH
from tests.rig.waiting import wait_until

SIZE = 64 * 1024 * 1024
"""Bytes."""


class NoCardError(Exception):
    """This machine can't mount a card: that needs root, a loop device and e2fsprogs."""


class Card:
    """An ext4 file system in a file, mounted for as long as the `with` block lasts.

    with Card(tmp_path) as card:
        (card.folder / "file").touch()
        card.freeze()  # each write hangs, reading goes on
        card.thaw()

    Raises:
        NoCardError: it can't be mounted here.
    """

    def __init__(self, parent: Path) -> None:
        self.folder = parent / "card"
        self._image = parent / "card.img"

    def __enter__(self) -> Self:
        self.folder.mkdir()
        with self._image.open("wb") as image:
            image.truncate(SIZE)
        try:
            _run("mkfs.ext4", "-q", self._image)
            self._mount()
        except (OSError, subprocess.CalledProcessError) as error:
            raise NoCardError(str(error)) from error
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        with contextlib.suppress(subprocess.CalledProcessError):
            self.thaw()
        _run("umount", "--lazy", self.folder)

    def damage(self, *paths: Path) -> None:
        """Clear the inodes of these paths: each use of one fails (EUCLEAN)."""
        inodes = [path.lstat().st_ino for path in paths]
        _run("umount", self.folder)
        for inode in inodes:
            _run("debugfs", "-w", "-R", f"clri <{inode}>", self._image)
        self._mount()

    def protect(self) -> None:
        """Refuse each write from now on; no file may be open for writing."""
        _run("mount", "-o", "remount,ro", self.folder)

    def _mount(self) -> None:
        _run("mount", "-o", "loop", self._image, self.folder)

    def freeze(self) -> None:
        """Let each write hang from now on."""
        _run("fsfreeze", "--freeze", self.folder)

    def thaw(self) -> None:
        """Let all writes go on."""
        _run("fsfreeze", "--unfreeze", self.folder)


class HangingCard:
    """An ext4 file system whose program can be stopped, so that reading hangs, too.

    with HangingCard(tmp_path) as card:
        card.freeze()  # each use of it hangs
        card.thaw()

    Raises:
        NoCardError: it can't be mounted here: that needs root and fuse2fs.
    """

    def __init__(self, parent: Path) -> None:
        self.folder = parent / "card"
        self._image = parent / "card.img"
        self._program: subprocess.Popen[bytes]

    def __enter__(self) -> Self:
        self.folder.mkdir()
        with self._image.open("wb") as image:
            image.truncate(SIZE)
        try:
            _run("mkfs.ext4", "-q", self._image)
            command = ("fuse2fs", "-f", "-o", "fakeroot", self._image, self.folder)
            environment = {**os.environ, "PATH": PATH}
            self._program = subprocess.Popen(command, env=environment, stderr=subprocess.DEVNULL)
        except (OSError, subprocess.CalledProcessError) as error:
            raise NoCardError(str(error)) from error
        wait_until(lambda: self.folder.is_mount() or self._program.poll() is not None)
        if not self.folder.is_mount():
            raise NoCardError("fuse2fs can't mount it")
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.thaw()
        _run("umount", "--lazy", self.folder)
        self._program.wait(20)

    def freeze(self) -> None:
        """Let each use of the card hang from now on."""
        self._program.send_signal(signal.SIGSTOP)

    def thaw(self) -> None:
        """Let all of them go on."""
        self._program.send_signal(signal.SIGCONT)


def _run(*command: str | Path) -> None:
    subprocess.run(command, check=True, capture_output=True, env={**os.environ, "PATH": PATH})
