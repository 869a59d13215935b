import contextlib
import logging
import os
import re
import shutil
from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from appliance.core.audio_format import SAMPLE_RATE
from appliance.core.recording import Recording
from appliance.streaming.spool.inventory import (
    recordings_in,
    rejected_in,
    segments_in,
    spools,
)
from appliance.streaming.spool.manifest import MANIFEST, write_manifest
from appliance.streaming.spool.quarantine import set_aside_in
from appliance.streaming.spool.segment import Segment
from tests.streaming.doubles import recording
from tests.streaming.spool import trees


def test_recordings_are_found_oldest_first(tmp_path: Path) -> None:
    for name, started in [("b", 30.0), ("a", 20.0), ("c", 10.0)]:
        note = msgspec.structs.replace(recording(name), started=started)
        write_manifest(tmp_path / name, note)
    (tmp_path / "stray file").touch()
    assert [note.session for _, note in recordings_in(tmp_path)] == ["c", "a", "b"]


def test_without_a_spool_nothing_is_found(tmp_path: Path) -> None:
    assert recordings_in(tmp_path / "nowhere") == []


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


def seconds(folder: Path) -> float:
    return sum(segment.end - segment.start for segment in segments_in(folder)) / SAMPLE_RATE


def lengths_of(folder: Path) -> list[int]:
    return [segment.end - segment.start for segment in segments_in(folder)]


@pytest.mark.parametrize("damage", trees.DAMAGES)
def test_one_damage_costs_no_audio(
    tmp_path: Path, damage: Callable[[Path], None], caplog: pytest.LogCaptureFixture
) -> None:
    folder = trees.leave_session(tmp_path, "s1")
    damage(folder)
    for _ in range(2):
        with caplog.at_level(logging.WARNING):
            ((where, found),) = recordings_in(tmp_path)
        assert where == folder
        assert found.session == "s1"
        assert 0 <= found.started < 1e11
        assert lengths_of(folder) == [*trees.LENGTHS]
        reported = caplog.text.count("can't use")
    assert reported == len(set_aside_in_spool(tmp_path))  # once, not at each start


def set_aside_in_spool(spool: Path) -> list[Path]:
    state = spool.parent / f"state of {spool.name}"
    state.mkdir(exist_ok=True)
    with contextlib.suppress(FileExistsError):
        (state / "spool").symlink_to(spool)
    return [path for path in set_aside_in(state) if path.name != "spool"]


def test_a_file_that_can_not_even_be_renamed_is_passed_over(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    folder = trees.leave_session(tmp_path, "s1")
    first, *rest = trees.audio_of(folder)
    with trees.damaged(first):
        [(_, found)] = recordings_in(tmp_path)
        assert found.session == "s1"
        assert [segment.path for segment in segments_in(folder)] == rest
    assert "can't be renamed" in caplog.text
    assert str(first) in caplog.text
    assert lengths_of(folder) == [*trees.LENGTHS]


def test_one_folder_that_can_not_be_read_hides_no_other(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    for name in ("s1", "s2", "s3"):
        trees.leave_session(tmp_path, name)
    with trees.damaged(tmp_path / "s2"):
        assert [found.session for _, found in recordings_in(tmp_path)] == ["s1", "s3"]
    assert "s2" in caplog.text


def test_a_manifest_that_can_not_be_read_costs_no_audio(tmp_path: Path) -> None:
    folder = trees.leave_session(tmp_path, "s1")
    with trees.damaged(folder / MANIFEST):
        [(_, found)] = recordings_in(tmp_path)
    assert found.finished
    assert seconds(folder) == 25


@pytest.mark.parametrize("how", [trees.copied_folder, trees.copied_folder_with_a_plain_name])
def test_a_copy_of_a_folder_is_set_aside(tmp_path: Path, how: Callable[[Path], None]) -> None:
    trees.leave_session(tmp_path, "s0")
    how(tmp_path)
    [(folder, found)] = recordings_in(tmp_path)
    assert (folder.name, found.session) == ("s0", "s0")
    [aside] = set_aside_in_spool(tmp_path)
    assert aside.suffix == ".copy"
    assert len(trees.audio_of(aside)) == 3


def test_a_manifest_of_another_session_hides_no_audio(tmp_path: Path) -> None:
    trees.leave_session(tmp_path, "s0")
    other = trees.leave_session(tmp_path, "s1")
    for path in trees.audio_of(other):
        path.write_bytes(path.read_bytes()[:-2])
    shutil.copy(tmp_path / "s0" / MANIFEST, other / MANIFEST)
    assert {found.session: folder.name for folder, found in recordings_in(tmp_path)} == {
        "s0": "s0",
        "s1": "s1",
    }


def test_a_renamed_folder_keeps_its_session(tmp_path: Path) -> None:
    trees.leave_session(tmp_path, "s1").rename(tmp_path / "s1 (old)")
    [(folder, found)] = recordings_in(tmp_path)
    assert (folder.name, found.session) == ("s1 (old)", "s1")


def test_audio_in_a_folder_without_a_usable_name_becomes_a_session(tmp_path: Path) -> None:
    trees.audio_without_a_name(tmp_path)
    [folder] = tmp_path.iterdir()
    (folder / MANIFEST).unlink()
    for _ in range(2):
        [(where, found)] = recordings_in(tmp_path)
        assert where == folder
        assert re.fullmatch("[0-9a-f]{8}", found.session)


@pytest.mark.parametrize("kind", ["file", "link", "loop", "pipe"])
def test_a_spool_that_is_no_folder_makes_way_for_one(
    tmp_path: Path, kind: str, caplog: pytest.LogCaptureFixture
) -> None:
    spool = tmp_path / "spool"
    match kind:
        case "file":
            spool.write_text("!")
        case "link":
            spool.symlink_to("nowhere")
        case "loop":
            spool.symlink_to("spool")
        case "pipe":
            os.mkfifo(spool)
    assert [rejected.path for rejected in rejected_in(spool)] == [spool]
    assert recordings_in(spool) == []
    assert [path.name for path in set_aside_in(tmp_path)] == ["spool.unreadable"]
    assert "spool.unreadable" in caplog.text
    trees.leave_session(spool, "s1")
    assert len(recordings_in(spool)) == 1


def test_each_thing_that_is_set_aside_gets_a_name_of_its_own(tmp_path: Path) -> None:
    folder = trees.leave_session(tmp_path, "s1")
    for _ in range(3):
        trees.dangling_link(folder)
        recordings_in(tmp_path)
    names = {path.name for path in set_aside_in_spool(tmp_path)}
    link = "000000000100-0000001000000.pcm.unreadable"
    assert names == {link, f"{link}-2", f"{link}-3"}


@settings(deadline=None, max_examples=60, suppress_health_check=list(HealthCheck))
@given(
    st.lists(st.lists(st.sampled_from(trees.DAMAGES), max_size=3), min_size=1, max_size=3),
    st.sets(st.sampled_from(trees.STRANGERS)),
    st.booleans(),
)
def test_whatever_lies_in_the_spool_all_audio_is_found_once(
    tmp_path_factory: pytest.TempPathFactory,
    damages: list[list[Callable[[Path], None]]],
    strangers: set[Callable[[Path], None]],
    unreadable: bool,
) -> None:
    spool = tmp_path_factory.mktemp("spool")
    folders = [trees.leave_session(spool, f"s{number}") for number in range(len(damages))]
    lost = trees.leave_session(spool, "unreadable")
    for stranger in sorted(strangers, key=lambda it: it.__name__):
        stranger(spool)
    for folder, damage in zip(folders, damages, strict=True):
        for hurt in damage:
            with contextlib.suppress(OSError):  # another damage was there before
                hurt(folder)
    for _ in range(2):
        with trees.damaged(*([lost] if unreadable else [])):
            found = recordings_in(spool)
        known = dict(found)
        assert len({note.session for note in known.values()}) == len(known)
        for folder in folders:
            assert known[folder].session == folder.name
            assert lengths_of(folder) == [*trees.LENGTHS]
        assert (lost in known) is not unreadable
        for note in known.values():
            assert msgspec.json.decode(msgspec.json.encode(note), type=Recording) == note


def test_a_spool_that_can_not_even_be_renamed_gets_another_beside_it(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    spool, beside = tmp_path / "spool", tmp_path / "spool.continued-1"
    trees.leave_session(spool, "s1")
    assert spools(spool) == [spool]
    assert caplog.text == ""
    with trees.damaged(spool):
        assert spools(spool) == [beside]
    trees.leave_session(beside, "s2")
    assert spools(spool) == [spool, beside]  # a repaired one is used again, and both are read


def test_what_is_no_folder_makes_way_for_the_spool(tmp_path: Path) -> None:
    spool = tmp_path / "spool"
    spool.touch()
    assert spools(spool) == [spool]
    assert (tmp_path / "spool.unreadable").exists()


def test_what_was_set_aside_in_a_second_spool_is_found_too(tmp_path: Path) -> None:
    names = ["spool/a.copy", "spool.continued-1/b/1.pcm.unreadable", "spool.unreadable/c.copy"]
    for name in names:
        (tmp_path / name).mkdir(parents=True)
    found = {path.relative_to(tmp_path).as_posix() for path in set_aside_in(tmp_path)}
    assert found == {*names[:2], "spool.unreadable"}
