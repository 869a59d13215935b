"""Manifest of a recording: the file `session.json` beside its audio."""

import logging
from pathlib import Path

import msgspec

from appliance.core.audio_format import SAMPLE_RATE
from appliance.core.recording import Recording
from appliance.streaming.spool.segment import Segment
from appliance.system import files

log = logging.getLogger(__name__)

MANIFEST = "session.json"

MAX_SIZE = 64 * 1024
"""Bytes read of a manifest; the usual one has 200."""


def write_manifest(folder: Path, recording: Recording) -> None:
    """Put the manifest beside the audio, whole or not at all.

    Raises:
        OSError: the disk refused it.
    """
    folder.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    folder.mkdir(mode=0o700, exist_ok=True)
    files.replace(folder / MANIFEST, msgspec.json.encode(recording), mode=0o600)


def read_manifest(folder: Path) -> Recording | None:
    """Return what the manifest says; None when it is missing or can't be read."""
    try:
        return msgspec.json.decode(files.read(folder / MANIFEST, MAX_SIZE), type=Recording)
    except (OSError, UnicodeError, msgspec.MsgspecError):
        return None


def recordings_in(spool: Path) -> list[tuple[Path, Recording]]:
    """Return the recordings in the spool with their folders, the oldest first."""
    try:
        folders = [folder for folder in spool.iterdir() if folder.is_dir()]
    except OSError:
        return []
    found = [(folder, read_manifest(folder) or _derived_from_audio(folder)) for folder in folders]
    return sorted(
        ((folder, recording) for folder, recording in found if recording is not None),
        key=lambda pair: pair[1].started,
    )


def _derived_from_audio(folder: Path) -> Recording | None:
    """Return what the audio files say where the manifest is lost; None when there are none."""
    segments = filter(None, map(Segment.found, sorted(folder.glob("*.pcm"))))
    first = next(segments, None)
    if first is None:
        return None
    log.warning("no readable manifest in %s; taking the times from its audio files", folder.name)
    return Recording(
        session=folder.name,
        started=first.path.stat().st_mtime - first.end / SAMPLE_RATE,
        monotonic=first.captured_at - first.start / SAMPLE_RATE,
        boot="",
        finished=True,
    )
