"""Inventory of the spool: the recordings on disk, of which each piece is examined alone.

A power cut, a failing card or a person may leave anything in the spool. What can't be used is put
under quarantine, and the rest is transcribed.
"""

import hashlib
import itertools
import logging
import os
import re
import stat
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

from msgspec.structs import replace

from appliance.core.audio_format import SAMPLE_RATE
from appliance.core.recording import Recording
from appliance.streaming.spool.manifest import MANIFEST, read_manifest
from appliance.streaming.spool.quarantine import (
    COPY,
    FOREIGN,
    IMPLAUSIBLE,
    UNREADABLE,
    Rejected,
    is_set_aside,
    set_aside,
)
from appliance.streaming.spool.segment import LENGTH, SUFFIX, Segment, is_segment_name
from appliance.system import files

log = logging.getLogger(__name__)

MAX_GAP = 600 * SAMPLE_RATE
"""Samples that may be missing between two segments; a power cut leaves a gap of a second."""

MAX_LENGTH = 600 * SAMPLE_RATE
"""Samples that a segment may have; the usual one has `LENGTH`, and a block more."""

MAX_SUCCESSORS = 9
"""Folders that the spool may move to, one after the other."""

_SESSION = re.compile(r"[0-9A-Za-z][0-9A-Za-z_-]{0,63}")
"""Names that a session may have: they stand in paths, topics and the history."""

_COMPARED = 4096  # bytes at the end of two files of the same name and size


def spools(spool: Path) -> list[Path]:
    """Return the folders that hold audio, the one for new audio first.

    That is one beside the spool's own if what lies there can't be used or even renamed.
    """
    places = [spool, *files.successors(spool, MAX_SUCCESSORS)]
    first = next((it for it in places if _can_be_used(it)), spool)
    if first != spool:
        log.error("new audio is kept in %r", os.fspath(first))
    return [first, *(it for it in places if it != first and os.path.isdir(it))]  # noqa: PTH112


def _can_be_used(spool: Path) -> bool:
    try:
        _names_in(spool)
    except OSError as error:
        return set_aside(Rejected(spool, UNREADABLE, files.reason(error)))
    return True


def recordings_in(spool: Path) -> list[tuple[Path, Recording]]:
    """Return the recordings in the spool with their folders, the oldest first.

    Each has a session of its own. What can't be used is set aside, or passed over where even that
    fails.
    """
    try:
        names = _names_in(spool)
    except OSError as error:
        set_aside(Rejected(spool, UNREADABLE, files.reason(error)))
        return []
    folders = [spool / name for name in names if not is_set_aside(name)]
    pairs = [pair for folder in folders for pair in _examined(folder, set_aside)]
    known: dict[str, Path] = {}
    found = []
    # The folders that are named after their session come first: others may be copies of them.
    for folder, recording in sorted(pairs, key=lambda pair: pair[0].name != pair[1].session):
        original = known.get(recording.session)
        if original and _is_copy(folder, original):
            set_aside(Rejected(folder, COPY, f"its audio is in {original.name!r}, too"))
            continue
        session = next(name for name in _names_for(folder, recording) if name not in known)
        if session != recording.session:
            log.warning("the audio in %r becomes the session %s", folder.name, session)
        known[session] = folder
        found.append((folder, replace(recording, session=session)))
    return sorted(found, key=lambda pair: pair[1].started)


def segments_in(folder: Path) -> list[Segment]:
    """Return the segments in a folder that can be used, in order."""
    try:
        names = [path.name for path in folder.iterdir()]
    except OSError:
        return []
    return _sorted_out(folder, names)[0]


def rejected_in(spool: Path) -> list[Rejected]:
    """Return what the next start will set aside or pass over; change nothing."""
    rejected: list[Rejected] = []
    try:
        folders = [spool / name for name in _names_in(spool) if not is_set_aside(name)]
    except OSError as error:
        return [Rejected(spool, UNREADABLE, files.reason(error))]
    for folder in folders:
        list(_examined(folder, rejected.append))
    return rejected


def without_session_in(spool: Path) -> list[Path]:
    """Return the folders in the spool with audio that is taken for no session's, by path.

    That is audio deeper than the folders of sessions, or not in one, or of another name. What was
    set aside is left out.
    """
    found = []
    for path, folders, names in os.walk(spool):
        folder = Path(path)
        is_session = folder.parent == spool
        if any(it.endswith(SUFFIX) and not (is_session and is_segment_name(it)) for it in names):
            found.append(folder)
        folders[:] = [name for name in folders if not is_set_aside(name)]
    return sorted(found)


def _names_in(spool: Path) -> list[str]:
    """Return the names in the spool, sorted; none if there is no spool yet.

    Raises:
        OSError: it can't be read, or is a link that leads nowhere.
    """
    try:
        return sorted(path.name for path in spool.iterdir())
    except FileNotFoundError:
        if spool.is_symlink():
            raise
        return []


def _examined(
    folder: Path, reject: Callable[[Rejected], object]
) -> Iterator[tuple[Path, Recording]]:
    """Yield the folder with its recording, if it holds one; reject what can't be used."""
    try:
        mode = os.lstat(folder).st_mode
        if stat.S_ISREG(mode):
            return  # in nobody's way
        if not stat.S_ISDIR(mode):
            reject(Rejected(folder, FOREIGN, "no folder"))
            return
        names = [path.name for path in folder.iterdir()]
    except FileNotFoundError:
        return
    except OSError as error:
        reject(Rejected(folder, UNREADABLE, files.reason(error)))
        return
    segments, rejected = _sorted_out(folder, names)
    recording = _manifest_of(folder, reject) if MANIFEST in names else None
    for piece in rejected:
        reject(piece)
    recording = recording or _derived_from(folder, segments)
    if recording:
        yield folder, recording


def _manifest_of(folder: Path, reject: Callable[[Rejected], object]) -> Recording | None:
    """Return what the manifest says; reject it if it is no readable file."""
    path = folder / MANIFEST
    try:
        if not stat.S_ISREG(os.lstat(path).st_mode):
            reject(Rejected(path, UNREADABLE, "no file"))
            return None
        os.close(os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC))
    except OSError as error:
        reject(Rejected(path, UNREADABLE, files.reason(error)))
        return None
    return read_manifest(folder)


def _derived_from(folder: Path, segments: list[Segment]) -> Recording | None:
    """Return what the audio says where the manifest says nothing; None without audio."""
    if not segments:
        return None
    log.warning("no readable manifest in %r; taking the times from its audio files", folder.name)
    first = segments[0]
    return Recording(
        session=folder.name,
        started=first.modified_at - first.end / SAMPLE_RATE,
        monotonic=first.captured_at - first.start / SAMPLE_RATE,
        boot="",
        finished=True,
    )


def _sorted_out(folder: Path, names: Iterable[str]) -> tuple[list[Segment], list[Rejected]]:
    """Return the segments of a folder that can be used, in order, and what can't be used."""
    found, rejected = [], []
    for name in names:
        try:
            if segment := Segment.found(folder / name):
                found.append(segment)
        except FileNotFoundError as error:
            # A link to nowhere, or a file that has just gone.
            if os.path.lexists(folder / name):
                rejected.append(Rejected(folder / name, UNREADABLE, files.reason(error)))
        except OSError as error:
            rejected.append(Rejected(folder / name, UNREADABLE, files.reason(error)))
    kept = _largest_group(_without_overlaps(found))
    rejected += [
        Rejected(segment.path, IMPLAUSIBLE, "it does not fit to the rest of the audio")
        for segment in found
        if segment not in kept
    ]
    return kept, rejected


def _without_overlaps(segments: Iterable[Segment]) -> list[Segment]:
    """Return segments of plausible length in order, of which none covers what another does."""
    kept: list[Segment] = []
    for segment in sorted(segments, key=lambda it: (it.start, it.end, it.captured_at)):
        if segment.end - segment.start > MAX_LENGTH:
            continue
        if kept and kept[-1].end > segment.start:
            if kept[-1].end - kept[-1].start <= LENGTH + SAMPLE_RATE:
                continue
            kept.pop()  # longer than any that the program writes
        kept.append(segment)
    return kept


def _largest_group(segments: list[Segment]) -> list[Segment]:
    """Return the segments that belong together by their positions."""
    groups: list[list[Segment]] = []
    for segment in segments:
        if not groups or segment.start - groups[-1][-1].end > MAX_GAP:
            groups.append([])
        groups[-1].append(segment)
    return max(groups, key=lambda group: sum(it.end - it.start for it in group), default=[])


def _is_copy(folder: Path, other: Path) -> bool:
    """Return whether all audio in a folder is in another one, too."""
    return all(_is_same(it.path, other / it.path.name) for it in segments_in(folder))


def _is_same(one: Path, other: Path) -> bool:
    # The name holds the position and the millisecond: the size and the end are enough.
    try:
        with one.open("rb") as first, other.open("rb") as second:
            sizes = {os.fstat(file.fileno()).st_size for file in (first, second)}
            for file in (first, second):
                file.seek(max(0, min(sizes) - _COMPARED))
            return len(sizes) == 1 and first.read(_COMPARED) == second.read(_COMPARED)
    except OSError:
        return False


def _names_for(folder: Path, recording: Recording) -> Iterator[str]:
    """Yield names for the session of a recording, the best first.

    The folder's own name is believed more than the manifest, which may be another session's.
    """
    yield from filter(_SESSION.fullmatch, (folder.name, recording.session))
    for number in itertools.count():
        yield hashlib.sha256(os.fsencode(folder.name) + b"/%d" % number).hexdigest()[:8]
