from collections.abc import Callable
from pathlib import Path

import pytest

from appliance.settings.secrets import (
    FALLBACK_TOKEN_SECRET,
    MAX_LENGTH,
    MQTT_PASSWORD,
    TOKEN_SECRET,
    api_key,
    fallback_token_secret,
    mqtt_password,
    token_secret,
)


@pytest.fixture(autouse=True)
def no_key_of_this_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("ASSEMBLYAI_API_KEY", raising=False)
    monkeypatch.delenv("CREDENTIALS_DIRECTORY", raising=False)


def test_the_api_key_is_in_a_file_a_credential_or_the_environment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
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
def test_the_other_secrets_are_in_a_file_or_a_credential(
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


def test_only_the_beginning_of_a_large_file_is_read(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x" * 100_000)
    assert len(mqtt_password(tmp_path / "file")) == MAX_LENGTH
    assert mqtt_password(tmp_path) == ""
