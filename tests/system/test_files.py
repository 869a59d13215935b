import os
from pathlib import Path

import pytest

from appliance.system.files import read, replace, set_aside, temporary, wiped


def test_a_new_file_has_the_mode_and_group_asked_for(tmp_path: Path) -> None:
    path = tmp_path / "file"
    replace(path, b"new", mode=0o640, group=os.getgid())
    assert path.read_bytes() == b"new"
    assert path.stat().st_mode & 0o777 == 0o640
    assert path.stat().st_gid == os.getgid()


def test_a_file_is_replaced_whole_and_nothing_else_is_left(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"a longer one")
    temporary(path).write_bytes(b"left over")
    replace(path, b"new")
    assert path.read_bytes() == b"new"
    assert list(tmp_path.iterdir()) == [path]


def test_a_folder_in_the_way_is_reported_and_stays(tmp_path: Path) -> None:
    path = tmp_path / "file"
    (path / "within").mkdir(parents=True)
    with pytest.raises(OSError, match="directory"):
        replace(path, b"new")
    assert list(tmp_path.iterdir()) == [path]


def test_what_a_removed_file_held_is_overwritten(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"secret")
    os.link(path, tmp_path / "other")
    with wiped(path):
        path.unlink()
    assert (tmp_path / "other").read_bytes() == bytes(6)


def test_nothing_is_wiped_when_replacing_it_failed(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"secret")
    with pytest.raises(ZeroDivisionError), wiped(path):
        raise ZeroDivisionError
    assert path.read_bytes() == b"secret"


def test_reading_has_a_limit_and_follows_no_link(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(bytes(1024))
    assert read(path, 1024) == bytes(1024)
    with pytest.raises(OSError, match="is larger than 0 KiB"):
        read(path, 1023)
    link = tmp_path / "link"
    link.symlink_to(path)
    with pytest.raises(OSError, match="symbolic link"):
        read(link, 1024)
    with pytest.raises(FileNotFoundError):
        read(tmp_path / "none", 1024)


def test_what_has_the_longest_name_is_set_aside_too(tmp_path: Path) -> None:
    path = tmp_path / ("ü" * 127)
    path.mkdir()
    aside = set_aside(path, "unreadable")
    assert aside
    assert aside.name.endswith(".unreadable")
    assert [*tmp_path.iterdir()] == [aside]
