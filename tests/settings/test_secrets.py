from collections.abc import Callable
from pathlib import Path

import pytest

from appliance.settings.secrets import (
    FALLBACK_TOKEN_SECRET,
    LONGEST,
    MQTT_PASSWORD,
    TOKEN_SECRET,
    api_key,
    fallback_token_secret,
    mqtt_password,
    token_secret,
)


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


@pytest.mark.parametrize(
    ("read", "name"),
    [
        (token_secret, TOKEN_SECRET),
        (fallback_token_secret, FALLBACK_TOKEN_SECRET),
        (mqtt_password, MQTT_PASSWORD),
    ],
)
def test_the_others_are_looked_for_in_two_places(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, read: Callable[..., str], name: str
) -> None:
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(tmp_path))
    for other in {TOKEN_SECRET, FALLBACK_TOKEN_SECRET, MQTT_PASSWORD} - {name}:
        (tmp_path / other).write_text("for-another")
    assert read() == ""
    (tmp_path / name).write_text("from-the-credential\n")
    assert read(tmp_path / "nowhere") == "from-the-credential"
    (tmp_path / "file").write_text("from-the-file\n")
    assert read(tmp_path / "file") == "from-the-file"


def test_of_a_file_that_is_no_secret_little_is_read(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x" * 100_000)
    assert len(mqtt_password(tmp_path / "file")) == LONGEST
    assert mqtt_password(tmp_path) == ""
