"""Location of the database: its path, or one beside it where something there can't be used."""

import contextlib
import itertools
import logging
import os
import re
import stat
import time
from pathlib import Path
from typing import Literal

from appliance.system import files

log = logging.getLogger(__name__)

SIDE_FILES = ("-shm", "-wal", "-journal")
"""Suffixes of the files that SQLite keeps beside a database."""

MAX_SUCCESSORS = 8
"""Paths that a history may move to, one after the other."""

Reason = Literal["damaged", "newer", "unreadable", "unwritable"]
"""Why a database was set aside: a part of its new name."""


def path_in_use(path: Path) -> Path:
    """Return where the history is: where `make_way` has put it last.

    Args:
        path: `history.path` of the settings.
    """
    moved = [it for it in _places(path)[1:] if os.path.isfile(it)]  # noqa: PTH113 - raises nothing
    return moved[-1] if moved else path


def make_way(path: Path, now: float | None = None) -> Path:
    """Set aside what keeps the history from being opened; return where to open it.

    Where something can't even be renamed, such as a damaged inode, the history goes on beside it.
    Each thing is logged once, since it is renamed or the history has moved.

    Args:
        path: `history.path` of the settings.
        now: Unix time in seconds, for the new names.
    """
    if not _takes_names(path.parent):
        return path  # whoever writes reports it
    now = time.time() if now is None else now
    places = _places(path)
    stuck: list[Path] = []
    for place, following in itertools.pairwise(places[places.index(path_in_use(path)) :]):
        left = _left_after_clearing(place, now)
        if not left:
            return _moved(place, stuck) if stuck else place
        stuck += left
        if place not in left and not os.path.lexists(following):
            _rename(place, following)  # without its log, which is lost
    return path


def _moved(place: Path, stuck: list[Path]) -> Path:
    """Create the database at its new place, where readers look for it."""
    names = ", ".join(it.name for it in stuck)
    log.error("%s can't be used or renamed; the history goes on in %s", names, place)
    _create(place)
    return place


def set_aside(path: Path, why: Reason, now: float) -> Path:
    """Rename a database, so that a new one can begin; return its new path, which says why.

    Raises:
        OSError: the disk refused.
    """
    # The clock may be wrong and give a time for the second time.
    names = (f"{path.name}.{why}-{now + later:.0f}" for later in itertools.count())
    aside = next(it for it in map(path.with_name, names) if not os.path.lexists(it))
    # The database itself comes last: its log must never be taken for the new one's.
    with contextlib.ExitStack() as unless_all:
        for suffix in (*SIDE_FILES, ""):
            old, new = path.with_name(path.name + suffix), aside.with_name(aside.name + suffix)
            try:
                old.rename(new)
            except FileNotFoundError:
                continue
            unless_all.callback(_rename, new, old)
        unless_all.pop_all()
    return aside


def begin_another(path: Path, why: Reason, now: float) -> Path:
    """Set the database aside; where it can't be renamed, let the history go on beside it.

    Returns where the old one is kept.

    Args:
        path: `history.path` of the settings.
        why: a part of the new name.
        now: Unix time in seconds, another part of it.

    Raises:
        OSError: the disk refused both.
    """
    place = path_in_use(path)
    try:
        return set_aside(place, why, now)
    except OSError:
        following = [it for it in _places(path)[1:] if not os.path.lexists(it)][:1]
        _create(*following)
        if path_in_use(path) == place:
            raise
        return place


def files_set_aside(path: Path) -> list[Path]:
    """Return the databases that were set aside in favour of this one, by name."""
    places = "|".join(re.escape(it.name) for it in _places(path))
    names = re.compile(rf"({places})\.(damaged|newer|unreadable|unwritable)-\d+")
    found = (it for it in path.parent.glob("*") if names.fullmatch(it.name))
    return sorted(it for it in found if os.path.isfile(it) and not it.is_symlink())  # noqa: PTH113


def _places(path: Path) -> list[Path]:
    return [path, *files.successors(path, MAX_SUCCESSORS)]


def _left_after_clearing(place: Path, now: float) -> list[Path]:
    """Set aside what can't be used of a database and its side files; return what stays."""
    if why := _why_unusable(place):
        try:
            aside = set_aside(place, why, now)
        except OSError:
            return [place]
        log.error(
            "the history %s can't be used: it is %s. It is kept as %s", place, why, aside.name
        )
    left = []
    for side in (place.with_name(place.name + suffix) for suffix in SIDE_FILES):
        if not _why_unusable(side, follow=False):
            continue
        if renamed := files.set_aside(side, "unreadable"):
            log.error("%s can't be used: it is kept as %s", side, renamed.name)
        else:
            left.append(side)
    return left


def _why_unusable(path: Path, *, follow: bool = True) -> Literal["unreadable", "unwritable"] | None:
    """Return why a path can't be used; None if it can, or nothing is there.

    Only the database itself is opened, and no other part of the program may have it open for
    writing: to close a file releases SQLite's locks on it.
    """
    try:
        mode = os.stat(path, follow_symlinks=follow).st_mode  # noqa: PTH116 - takes the argument
    except FileNotFoundError:
        leads_nowhere = os.path.lexists(path) and not Path(os.path.realpath(path)).parent.is_dir()
        return "unreadable" if leads_nowhere else None
    except PermissionError:  # of the folder; whoever opens it reports that
        return None
    except OSError:
        return "unreadable"
    if not stat.S_ISREG(mode) or not os.access(path, os.R_OK):
        return "unreadable"
    if not os.access(path, os.W_OK) or (follow and not _can_be_opened(path)):
        return "unwritable"
    return None


def _can_be_opened(path: Path) -> bool:
    try:
        os.close(os.open(path, os.O_RDWR | os.O_NONBLOCK | os.O_CLOEXEC))
    except PermissionError:  # a file that can only be appended to
        return False
    except OSError:  # a full or failing disk, which whoever writes reports
        return True
    return True


def _takes_names(folder: Path) -> bool:
    """Return whether files in a folder can be created and renamed, as far as it can be known."""
    may = os.path.isdir(folder) and os.access(folder, os.R_OK | os.W_OK | os.X_OK)  # noqa: PTH112
    return may and not is_read_only(folder)


def is_read_only(folder: Path) -> bool:
    """Return whether a folder is on a disk that takes no writes."""
    try:
        return bool(os.statvfs(folder).f_flag & os.ST_RDONLY)
    except OSError:
        return False


def _create(path: Path) -> None:
    with contextlib.suppress(OSError):
        os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600))


def _rename(path: Path, new: Path) -> None:
    with contextlib.suppress(OSError):
        path.rename(new)
