import os
from pathlib import Path

import pytest

from appliance.system import environment


@pytest.fixture(autouse=True)
def _nothing_set(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("JACK_NO_START_SERVER", "LG_WD", "RUNTIME_DIRECTORY"):
        monkeypatch.setenv(name, "")  # so that it is as before after the test
        monkeypatch.delenv(name)


def test_lgpio_gets_the_runtime_directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RUNTIME_DIRECTORY", f"{tmp_path / 'run'}:{tmp_path}")
    environment.prepare()
    assert os.environ["LG_WD"] == str(tmp_path / "run")
    assert (tmp_path / "run").is_dir()


def test_without_one_lgpio_gets_a_directory_that_is_nobody_elses() -> None:
    environment.prepare()
    directory = Path(os.environ["LG_WD"])
    assert directory.stat().st_uid == os.getuid()
    assert directory != Path.cwd()


def test_a_directory_that_can_not_be_made_ends_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setenv("RUNTIME_DIRECTORY", str(tmp_path / "file" / "run"))
    environment.prepare()
    assert "can't make the folder" in caplog.text


def test_what_is_set_stays(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LG_WD", "/run/appliance")
    monkeypatch.setenv("JACK_NO_START_SERVER", "0")
    environment.prepare()
    assert (os.environ["LG_WD"], os.environ["JACK_NO_START_SERVER"]) == ("/run/appliance", "0")


def test_no_sound_server_is_started() -> None:
    environment.prepare()
    assert os.environ["JACK_NO_START_SERVER"] == "1"
