"""Manifest of a recording: the file `session.json` beside its audio."""

import logging
import os
from pathlib import Path

import msgspec

from appliance.core.json_decoder import InvalidJsonError, JsonDecoder
from appliance.core.recording import Recording
from appliance.system import files

log = logging.getLogger(__name__)

MANIFEST = "session.json"

_RECORDING = JsonDecoder(Recording)

MAX_SIZE = 64 * 1024
"""Bytes read of a manifest; the usual one has 200."""

LATEST = 100e9
"""Seconds by any clock that a recording began before: times beyond the year 5000 are damage."""


def write_manifest(folder: Path, recording: Recording) -> None:
    """Put the manifest beside the audio, whole or not at all; set aside what is in its place.

    Raises:
        OSError: the disk refused it.
    """
    folder.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    folder.mkdir(mode=0o700, exist_ok=True)
    data = msgspec.json.encode(recording)
    for path, aside in files.replace_anything(folder / MANIFEST, data, mode=0o600):
        log.error("can't use %r: it is kept as %r", os.fspath(path), aside.name)


def read_manifest(folder: Path) -> Recording | None:
    """Return what the manifest says; None when it is missing, can't be read or makes no sense."""
    try:
        said = _RECORDING.decode(files.read(folder / MANIFEST, MAX_SIZE))
    except (OSError, InvalidJsonError):
        return None
    return said if 0 <= said.started < LATEST and abs(said.monotonic) < LATEST else None
