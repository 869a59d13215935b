from pathlib import Path

import pytest

from appliance.system import status_file


def test_it_lies_where_systemd_says(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RUNTIME_DIRECTORY", "/run/appliance")
    assert status_file.to_write() == Path("/run/appliance/status.json")
    monkeypatch.delenv("RUNTIME_DIRECTORY")
    assert status_file.to_write() is None


def test_it_is_read_where_it_is_written_else_where_the_unit_writes_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RUNTIME_DIRECTORY", str(tmp_path))
    assert status_file.to_read() == status_file.to_write() == tmp_path / "status.json"
    monkeypatch.delenv("RUNTIME_DIRECTORY")
    assert status_file.to_read() == Path("/run/appliance/status.json")
