from pathlib import Path

import pytest

from appliance.credentials import api_key


@pytest.fixture(autouse=True)
def _no_key_of_this_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("ASSEMBLYAI_API_KEY", raising=False)
    monkeypatch.delenv("CREDENTIALS_DIRECTORY", raising=False)


def test_it_is_looked_for_in_three_places(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert api_key() == ""
    monkeypatch.setenv("ASSEMBLYAI_API_KEY", " from-the-environment\n")
    assert api_key(tmp_path / "nowhere") == "from-the-environment"
    (tmp_path / "assemblyai-api-key").write_text("from-the-credential\n")
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(tmp_path))
    assert api_key(tmp_path / "nowhere") == "from-the-credential"
    (tmp_path / "file").write_bytes(b"\xef\xbb\xbffrom-the-file\r\n")
    assert api_key(tmp_path / "file") == "from-the-file"
