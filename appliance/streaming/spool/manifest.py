"""What is known of a session's audio apart from the audio: the note that lies beside it."""

import logging
from pathlib import Path

import msgspec

from appliance.core.audio_format import SAMPLE_RATE
from appliance.core.recording import Recording
from appliance.streaming.spool.segment import Segment
from appliance.system.files import read, replace

log = logging.getLogger(__name__)

NOTE = "session.json"

LARGEST = 64 * 1024
"""Bytes of a note; the usual one has 200."""


def write_note(folder: Path, recording: Recording) -> None:
    """Put the note beside the audio, whole or not at all.

    Raises:
        OSError: the disk refused it.
    """
    folder.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    folder.mkdir(mode=0o700, exist_ok=True)
    replace(folder / NOTE, msgspec.json.encode(recording), mode=0o600)


def read_note(folder: Path) -> Recording | None:
    """Return the note beside the audio; None when there is none that can be read."""
    try:
        return msgspec.json.decode(read(folder / NOTE, LARGEST), type=Recording)
    except (OSError, UnicodeError, msgspec.MsgspecError):
        return None


def _pieced_together(folder: Path) -> Recording | None:
    """Return what the audio itself tells, where its note is lost; None when there is no audio."""
    segments = filter(None, map(Segment.found, sorted(folder.glob("*.pcm"))))
    first = next(segments, None)
    if first is None:
        return None
    log.warning("the note of %s can't be read; its audio tells when it was recorded", folder.name)
    return Recording(
        session=folder.name,
        started=first.path.stat().st_mtime - first.end / SAMPLE_RATE,
        monotonic=first.captured_at - first.start / SAMPLE_RATE,
        boot="",
        finished=True,
    )


def found_in(spool: Path) -> list[tuple[Path, Recording]]:
    """Return the recordings that lie in the spool, the oldest first."""
    try:
        folders = [folder for folder in spool.iterdir() if folder.is_dir()]
    except OSError:
        return []
    notes = [(folder, read_note(folder) or _pieced_together(folder)) for folder in folders]
    return sorted(
        ((folder, note) for folder, note in notes if note is not None),
        key=lambda pair: pair[1].started,
    )
