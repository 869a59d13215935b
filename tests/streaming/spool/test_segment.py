import os
from pathlib import Path

import pytest

from appliance.streaming.spool.segment import Segment

AUDIO = bytes(range(200)) * 16


def written(folder: Path, audio: bytes = AUDIO, start: int = 160) -> Segment:
    segment = Segment(folder, start, 12.5)
    segment.append(audio)
    segment.write()
    return segment


def test_audio_is_recalled_from_memory_until_it_is_synced(tmp_path: Path) -> None:
    segment = written(tmp_path)
    assert segment.recall(160 + 10, 5) == AUDIO[20:30]
    segment.forget(segment.sync())
    assert segment.in_memory == 0
    assert segment.recall(160 + 10, 5) is None
    assert segment.load(160 + 10, 5) == AUDIO[20:30]


def test_what_came_after_a_sync_stays_in_memory(tmp_path: Path) -> None:
    segment = written(tmp_path)
    count = segment.sync()
    segment.append(b"\1\2" * 7)
    segment.forget(count)
    assert segment.in_memory == 7
    segment.write()
    segment.forget(segment.sync())
    assert segment.load(160, 10_000) == AUDIO + b"\1\2" * 7


def test_a_file_is_readable_only_by_its_owner(tmp_path: Path) -> None:
    folder = tmp_path / "spool" / "s1"
    assert written(folder).path.stat().st_mode & 0o777 == 0o600
    assert folder.stat().st_mode & 0o777 == 0o700


def test_a_segment_is_found_by_its_name(tmp_path: Path) -> None:
    written(tmp_path).close()
    (path,) = tmp_path.iterdir()
    found = Segment.found(path)
    assert found is not None
    assert (found.start, found.end, found.captured_at) == (160, 160 + len(AUDIO) // 2, 12.5)
    assert found.path == path
    assert found.in_memory == 0


@pytest.mark.parametrize("name", ["session.json", "1-2.pcm", "000000000000-0000000000000.pcm.new"])
def test_other_files_are_no_segments(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    path.write_bytes(AUDIO)
    assert Segment.found(path) is None


def test_half_a_sample_at_the_end_is_left_out_and_overwritten(tmp_path: Path) -> None:
    path = written(tmp_path).path
    path.write_bytes(AUDIO + b"\x7f")
    found = Segment.found(path)
    assert found is not None
    assert found.end == 160 + len(AUDIO) // 2
    assert found.load(160, 10_000) == AUDIO
    found.append(b"\1\2")
    found.write()
    assert path.read_bytes() == AUDIO + b"\1\2"


def test_after_a_failed_sync_all_of_it_is_written_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    segment = written(tmp_path)

    def fail(_: int) -> None:
        # As the kernel does after an error: the data is gone, and the next sync succeeds.
        segment.path.write_bytes(bytes(len(AUDIO)))
        raise OSError(5, "Input/output error")

    with monkeypatch.context() as failing:
        failing.setattr(os, "fdatasync", fail)
        with pytest.raises(OSError, match="Input/output"):
            segment.sync()
    segment.write()
    segment.forget(segment.sync())
    assert segment.in_memory == 0
    assert segment.load(160, 10_000) == AUDIO


def test_removing_a_missing_file_is_fine(tmp_path: Path) -> None:
    segment = written(tmp_path)
    segment.path.unlink()
    segment.remove()
    Segment(tmp_path, 0, 0.0).remove()


def test_what_the_disk_refuses_stays_in_memory(tmp_path: Path) -> None:
    blocked = tmp_path / "file"
    blocked.touch()
    segment = Segment(blocked, 0, 0.0)
    segment.append(AUDIO)
    with pytest.raises(OSError, match="file"):
        segment.write()
    assert segment.recall(0, len(AUDIO)) == AUDIO
    blocked.unlink()
    segment.write()
    assert segment.load(0, len(AUDIO)) == AUDIO
