"""A spool that an earlier run of the appliance left behind when it crashed."""

import time
from pathlib import Path

from appliance.core.audio_format import SAMPLE_BYTES, SAMPLE_RATE
from appliance.core.recording import Recording, boot_id
from appliance.streaming.spool.backlog import Backlog
from appliance.system.listening_note import ListeningNote

CHUNK = SAMPLE_RATE // 10


def leave_behind(state_directory: Path, pcm: bytes) -> None:
    """Write this audio (s16le, mono, 16 kHz) as a session that ended a moment ago, unfinished."""
    seconds = len(pcm) / SAMPLE_BYTES / SAMPLE_RATE
    began_at = time.monotonic() - seconds
    recording = Recording("5e551011", time.time() - seconds, began_at, boot_id())
    folder = state_directory / "spool" / recording.session
    backlog = Backlog(folder, recording, post=lambda _: None)
    backlog.open()
    for start in range(0, len(pcm) // SAMPLE_BYTES, CHUNK):
        chunk = pcm[start * SAMPLE_BYTES : (start + CHUNK) * SAMPLE_BYTES]
        backlog.append(chunk, began_at + start / SAMPLE_RATE)
    backlog.close()
    ListeningNote(state_directory).write(recording.session)
