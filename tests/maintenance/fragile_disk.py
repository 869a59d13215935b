"""Disk whose power can be cut between any two calls, and that may lose what was not synced."""

import os
from collections.abc import Callable
from pathlib import Path

from appliance.system.files import Disk
from appliance.system.processes import output


class PowerCutError(BaseException):
    """The power is gone: nothing cleans up after this."""


class FragileDisk(Disk):
    """Disk whose power is cut before the call number `cut`, counted from 0.

    `lose` is the worst that the kernel allows: contents that were not synced are gone, and names in
    a folder that was not synced are the former ones.
    """

    is_medium = False
    """Whether syncs must reach a medium, or only be counted."""

    def __init__(self, cut: int | None = None) -> None:
        self.calls = 0
        self._cut = cut
        self._unsynced: dict[int, Path] = {}
        self._undo: list[tuple[Path, Callable[[], object]]] = []

    def create(self, path: Path, mode: int) -> int:
        self._call()
        file = super().create(path, mode)
        self._undo.append((path.parent, lambda: path.unlink(missing_ok=True)))
        self._unsynced[file] = path
        return file

    def open(self, path: Path) -> int:
        self._call()
        return super().open(path)

    def write(self, file: int, data: bytes) -> None:
        self._call()
        half = len(data) // 2
        super().write(file, data[:half])
        self._call()
        super().write(file, data)

    def sync(self, file: int) -> None:
        self._call()
        if self.is_medium:
            super().sync(file)
        self._unsynced.pop(file, None)

    def rename(self, old: Path, new: Path) -> None:
        self._call()
        moved, replaced = old.read_bytes(), new.read_bytes() if new.exists() else None
        super().rename(old, new)

        def undo() -> None:
            old.write_bytes(moved)
            if replaced is None:
                new.unlink()
            else:
                new.write_bytes(replaced)

        self._undo.append((new.parent, undo))

    def remove(self, path: Path) -> None:
        self._call()
        if path.exists():
            held = path.read_bytes()
            self._undo.append((path.parent, lambda: path.write_bytes(held)))
        super().remove(path)

    def sync_folder(self, folder: Path) -> None:
        self._call()
        if self.is_medium:
            super().sync_folder(folder)
        self._undo = [(changed, undo) for changed, undo in self._undo if changed != folder]

    def lose(self) -> None:
        """Lose all that was not synced."""
        for path in self._unsynced.values():
            if path.exists():
                os.truncate(path, path.stat().st_size // 2)
        for _, undo in reversed(self._undo):
            undo()

    def _call(self) -> None:
        if self.calls == self._cut:
            raise PowerCutError
        self.calls += 1


class PhotographedDisk(FragileDisk):
    """Disk that keeps an image of its medium before each call, as a power cut would leave it."""

    is_medium = True

    def __init__(self, image: Path) -> None:
        super().__init__()
        self._image = image

    def photograph(self, number: int) -> Path:
        """Return the image as it was before a call."""
        return self._image.with_name(f"{self._image.name}-{number}")

    def _call(self) -> None:
        output(["cp", "--sparse=always", str(self._image), str(self.photograph(self.calls))])
        super()._call()
