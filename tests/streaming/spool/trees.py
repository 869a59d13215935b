"""Spools as a power cut, a failing card or a person may leave them, and a disk that refuses."""

import contextlib
import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from unittest import mock

from appliance.core.audio_format import SAMPLE_RATE
from appliance.core.recording import Recording
from appliance.streaming.spool.manifest import MANIFEST, write_manifest
from appliance.streaming.spool.segment import LENGTH, Segment

LENGTHS = (LENGTH, LENGTH, LENGTH // 2)
"""Samples of a session's three segments."""


def leave_session(spool: Path, name: str, started: float = 1.7e9) -> Path:
    """Leave 25 s of audio and its manifest; return the folder."""
    folder = spool / name
    write_manifest(folder, Recording(name, started, 1000.0, "another boot", finished=True))
    start = 0
    for number, length in enumerate(LENGTHS):
        segment = Segment(folder, start, 1000.0 + start / SAMPLE_RATE)
        segment.append(bytes([number + 1, 0]) * length)
        segment.write()
        segment.close()
        start += length
    return folder


def audio_of(folder: Path) -> list[Path]:
    """Return the files that hold the audio of a session."""
    return sorted(path for path in folder.iterdir() if path.suffix == ".pcm")


ERROR = 117  # EUCLEAN: "Structure needs cleaning"

_CALLS = ("lstat", "stat", "open", "rename", "unlink", "listdir", "scandir", "rmdir")


@contextlib.contextmanager
def damaged(*paths: Path) -> Iterator[None]:
    """Let each system call on some paths fail, as on a disk whose inodes are damaged."""
    names = {os.fspath(path) for path in paths}

    def failing(call: Callable[..., Any]) -> Callable[..., Any]:
        def refuse(path: Any = ".", *args: Any, **kwargs: Any) -> Any:  # noqa: ANN401
            given = {os.fspath(it) for it in (path, *args) if isinstance(it, str | os.PathLike)}
            if given & names:
                raise OSError(ERROR, os.strerror(ERROR), os.fspath(path))
            return call(path, *args, **kwargs)

        return refuse

    with contextlib.ExitStack() as patches:
        for name in _CALLS:
            patches.enter_context(mock.patch.object(os, name, failing(getattr(os, name))))
        yield


# Damages: each takes the folder of a session


def dangling_link(folder: Path) -> None:
    (folder / "000000000100-0000001000000.pcm").symlink_to("nowhere")


def looping_link(folder: Path) -> None:
    (folder / "000000000100-0000001000000.pcm").symlink_to("000000000100-0000001000000.pcm")


def link_to_a_device(folder: Path) -> None:
    (folder / "000000000100-0000001000000.pcm").symlink_to("/dev/zero")


def folder_with_the_name_of_audio(folder: Path) -> None:
    (folder / "000000000100-0000001000000.pcm").mkdir()


def pipe_with_the_name_of_audio(folder: Path) -> None:
    os.mkfifo(folder / "000000000100-0000001000000.pcm")


def foreign_files(folder: Path) -> None:
    (folder / "notes.txt").write_text("bread, milk")
    (folder / ".DS_Store").touch()
    (folder / "sub").mkdir()
    Path(os.fsdecode(os.fsencode(folder) + b"/\xff\xfe.pcm")).touch()


def far_position(folder: Path) -> None:
    (folder / "999999999999-9999999999999.pcm").write_bytes(bytes(64_000))


def overlap(folder: Path) -> None:
    (folder / f"{LENGTH // 2:012}-0000001005000.pcm").write_bytes(bytes(2 * LENGTH))


def overlong(folder: Path) -> None:
    path = folder / "000000000000-0000000999000.pcm"
    path.touch()
    os.truncate(path, 10_000_000_000)


def overlong_by_little(folder: Path) -> None:
    path = folder / "000000000000-0000000999000.pcm"
    path.touch()
    os.truncate(path, 2 * 30 * SAMPLE_RATE)


def manifest_of_another(folder: Path) -> None:
    write_manifest(folder, Recording("another", 1.7e9, 1000.0, "another boot", finished=True))


def manifest_of_nonsense(folder: Path) -> None:
    (folder / MANIFEST).write_bytes(b'{"session": "\xff"')


def manifest_of_a_megabyte(folder: Path) -> None:
    (folder / MANIFEST).write_bytes(b'{"session": "' + b"x" * 1_000_000 + b'"}')


def manifest_without_times(folder: Path) -> None:
    path = folder / MANIFEST
    path.write_bytes(path.read_bytes().replace(b"1700000000.0", b"NaN"))


def manifest_of_another_age(folder: Path) -> None:
    path = folder / MANIFEST
    path.write_bytes(path.read_bytes().replace(b"1700000000.0", b"1e300"))


def manifest_with_a_bad_name(folder: Path) -> None:
    path = folder / MANIFEST
    path.write_bytes(path.read_bytes().replace(folder.name.encode(), b"../../etc"))


def manifest_is_a_folder(folder: Path) -> None:
    (folder / MANIFEST).unlink()
    (folder / MANIFEST / "sub").mkdir(parents=True)


def manifest_is_a_link(folder: Path) -> None:
    (folder / MANIFEST).unlink()
    (folder / MANIFEST).symlink_to(MANIFEST)


def no_manifest(folder: Path) -> None:
    (folder / MANIFEST).unlink()


def old_times(folder: Path) -> None:
    for path in folder.iterdir():
        os.utime(path, (0, 2**33), follow_symlinks=False)


DAMAGES = (
    dangling_link,
    looping_link,
    link_to_a_device,
    folder_with_the_name_of_audio,
    pipe_with_the_name_of_audio,
    foreign_files,
    far_position,
    overlap,
    overlong,
    overlong_by_little,
    manifest_of_another,
    manifest_of_nonsense,
    manifest_of_a_megabyte,
    manifest_without_times,
    manifest_of_another_age,
    manifest_with_a_bad_name,
    manifest_is_a_folder,
    manifest_is_a_link,
    no_manifest,
    old_times,
)
"""Damages that leave all audio of the session readable."""


# Strangers: each takes the spool, which holds the session "s0"


def copied_folder(spool: Path) -> None:
    shutil.copytree(spool / "s0", spool / "s0 (copy)", symlinks=True)


def copied_folder_with_a_plain_name(spool: Path) -> None:
    shutil.copytree(spool / "s0", spool / "s0-copy", symlinks=True)


def stray_files(spool: Path) -> None:
    (spool / "stray").write_text("!")
    (spool / "link").symlink_to("nowhere")
    (spool / "loop").symlink_to("loop")
    (spool / "above").symlink_to("..")
    os.mkfifo(spool / "pipe")


def empty_folders(spool: Path) -> None:
    (spool / "empty" / "empty").mkdir(parents=True)
    Path(os.fsdecode(os.fsencode(spool) + b"/\xff\xfe")).mkdir()


def audio_without_a_name(spool: Path) -> None:
    folder = leave_session(spool, "s9")
    folder.rename(os.fsdecode(os.fsencode(spool) + b"/\xff\xfe!"))


STRANGERS = (copied_folder, copied_folder_with_a_plain_name, stray_files, empty_folders)
