"""Quarantine of the spool: what can't be used is renamed, and its new name says why.

So it is in nobody's way at the next start, and nothing of it is lost.
"""

import itertools
import logging
import os
import re
from pathlib import Path
from typing import NamedTuple

from appliance.system import files

log = logging.getLogger(__name__)

UNREADABLE = "unreadable"
"""Suffix of what can't be read."""

IMPLAUSIBLE = "implausible"
"""Suffix of a segment that contradicts the others: its position, or its length."""

COPY = "copy"
"""Suffix of a folder whose audio is in another folder, too."""

FOREIGN = "foreign"
"""Suffix of what is no folder."""

UNDELETABLE = "undeletable"
"""Suffix of a folder that is transcribed, but that the disk does not let go."""

_SUFFIXES = "|".join((UNREADABLE, IMPLAUSIBLE, COPY, FOREIGN, UNDELETABLE))

_SET_ASIDE = re.compile(rf".+\.({_SUFFIXES})(-\d+)?")


class Rejected(NamedTuple):
    """Something that can't be used: the suffix that says why, and the reason in words."""

    path: Path
    suffix: str
    reason: str


def set_aside(piece: Rejected) -> bool:
    """Rename what can't be used; where that fails, it is passed over at every start.

    Returns whether it was renamed.
    """
    aside = files.set_aside(piece.path, piece.suffix)
    where = f"it is kept as {aside.name!r}" if aside else "it can't be renamed, and is passed over"
    log.error("can't use %r: %s; %s", os.fspath(piece.path), piece.reason, where)
    return aside is not None


def is_set_aside(name: str) -> bool:
    """Return whether the name of a file or folder says that it was set aside.

    >>> is_set_aside("5f3a9c01.unreadable"), is_set_aside("5f3a9c01")
    (True, False)
    """
    return bool(_SET_ASIDE.fullmatch(name))


def set_aside_in(state: Path) -> list[Path]:
    """Return what was set aside in a state folder, by path.

    Raises:
        OSError: the state folder can't be read; folders below it that can't be read are left out.
    """
    found = [path for path in state.iterdir() if is_set_aside(path.name)]
    # A second spool lies beside the first where that can't be used.
    spools = [path for path in state.glob("spool*") if not is_set_aside(path.name)]
    for folder, folders, names in itertools.chain.from_iterable(map(os.walk, spools)):
        found += [Path(folder, name) for name in (*folders, *names) if is_set_aside(name)]
        folders[:] = [name for name in folders if not is_set_aside(name)]
    return sorted(found)
