import logging
from pathlib import Path

import msgspec
import pytest

from appliance.streaming.spool.manifest import (
    MANIFEST,
    read_manifest,
    recordings_in,
    write_manifest,
)
from appliance.streaming.spool.segment import Segment
from tests.streaming.doubles import recording


def test_a_manifest_is_read_as_it_was_written(tmp_path: Path) -> None:
    write_manifest(tmp_path / "s1", recording())
    assert read_manifest(tmp_path / "s1") == recording()


def test_a_manifest_is_readable_only_by_its_owner(tmp_path: Path) -> None:
    write_manifest(tmp_path / "s1", recording())
    assert (tmp_path / "s1" / MANIFEST).stat().st_mode & 0o777 == 0o600
    assert [path.name for path in (tmp_path / "s1").iterdir()] == [MANIFEST]


def test_recordings_are_found_oldest_first(tmp_path: Path) -> None:
    for name, started in [("b", 30.0), ("a", 20.0), ("c", 10.0)]:
        note = msgspec.structs.replace(recording(name), started=started)
        write_manifest(tmp_path / name, note)
    (tmp_path / "stray file").touch()
    assert [note.session for _, note in recordings_in(tmp_path)] == ["c", "a", "b"]


def test_without_a_spool_nothing_is_found(tmp_path: Path) -> None:
    assert recordings_in(tmp_path / "nowhere") == []
    assert recordings_in(Path(__file__)) == []


@pytest.mark.parametrize(
    "damage", [b"", b"\xff\xfe\0", b"{}", b'{"session": 1}', b'{"session":"\xff"}', None]
)
def test_audio_is_found_although_its_manifest_is_damaged(
    tmp_path: Path, damage: bytes | None, caplog: pytest.LogCaptureFixture
) -> None:
    folder = tmp_path / "s1"
    segment = Segment(folder, 160_000, 1010.0)
    segment.append(bytes(64_000))
    segment.write()
    segment.close()
    if damage is not None:
        (folder / MANIFEST).write_bytes(damage)
    with caplog.at_level(logging.WARNING):
        ((where, found),) = recordings_in(tmp_path)
    assert where == folder
    assert found.session == "s1"
    assert found.finished
    assert found.boot == ""
    assert found.monotonic == 1000.0
    assert found.started == pytest.approx(segment.path.stat().st_mtime - 12.0)
    assert "s1" in caplog.text


def test_a_folder_without_audio_or_manifest_is_ignored(tmp_path: Path) -> None:
    (tmp_path / "s1").mkdir()
    (tmp_path / "s1" / (MANIFEST + ".new")).write_text("{")
    assert recordings_in(tmp_path) == []
