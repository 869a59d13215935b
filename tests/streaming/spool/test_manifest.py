from pathlib import Path

import msgspec
import pytest

from appliance.streaming.spool.manifest import (
    MANIFEST,
    read_manifest,
    write_manifest,
)
from tests.streaming.doubles import recording


def test_a_manifest_is_read_as_it_was_written(tmp_path: Path) -> None:
    write_manifest(tmp_path / "s1", recording())
    assert read_manifest(tmp_path / "s1") == recording()


def test_a_manifest_is_readable_only_by_its_owner(tmp_path: Path) -> None:
    write_manifest(tmp_path / "s1", recording())
    assert (tmp_path / "s1" / MANIFEST).stat().st_mode & 0o777 == 0o600
    assert [path.name for path in (tmp_path / "s1").iterdir()] == [MANIFEST]


@pytest.mark.parametrize(
    ("started", "monotonic"), [(-1.0, 5.0), (1e300, 5.0), (5.0, 1e300), (5.0, -1e300)]
)
def test_times_that_make_no_sense_are_not_believed(
    tmp_path: Path, started: float, monotonic: float
) -> None:
    note = msgspec.structs.replace(recording(), started=started, monotonic=monotonic)
    write_manifest(tmp_path / "s1", note)
    assert read_manifest(tmp_path / "s1") is None


@pytest.mark.parametrize("time", ["NaN", "Infinity", "1e999", '"NaN"', "null"])
def test_a_time_that_is_no_number_is_not_believed(tmp_path: Path, time: str) -> None:
    write_manifest(tmp_path / "s1", recording())
    path = tmp_path / "s1" / MANIFEST
    path.write_text(path.read_text().replace("1700000000.0", time))
    assert time in path.read_text()
    assert read_manifest(tmp_path / "s1") is None
