from pathlib import Path

import pytest

from appliance.settings import Settings, load
from appliance.settings.load import DEFAULT_PATH, settings_path
from tests.settings.files import Write, problems_of


def test_without_a_file_every_key_has_its_default(tmp_path: Path) -> None:
    assert load(tmp_path / "none.toml") == Settings()


def test_an_empty_file_changes_nothing(write: Write) -> None:
    assert load(write("")) == Settings()


def test_a_key_that_is_set_changes_that_key_alone(write: Write) -> None:
    settings = load(write("[button]\npin = 27\n[microphone]\ndevice = 2\n"))
    assert settings.button.pin == 27
    assert settings.button.hold_time == 3.0
    assert settings.microphone.device == 2
    assert settings.service == Settings().service


def test_all_problems_are_reported_at_once(write: Write) -> None:
    text = "nam = 'x'\n[button]\npin = 99\npul_up = true\n[display]\nlines = 40\n"
    found = problems_of(write(text))
    assert [problem.split(" is ")[0].split(" (")[0] for problem in found] == [
        "unknown key nam",
        "button.pin = 99",
        "unknown key button.pul_up",
        "display.lines = 40",
    ]


def test_invalid_toml_is_reported_with_its_line(write: Write) -> None:
    [problem] = problems_of(write("[button]\npin = \n"))
    assert problem.startswith("is not valid TOML: ")
    assert "line 2" in problem


def test_endless_nesting_is_reported(write: Write) -> None:
    [problem] = problems_of(write("a = " + "[" * 100_000))
    assert problem.startswith("is not valid TOML: ")


def test_a_file_that_is_not_text_is_reported(tmp_path: Path) -> None:
    path = tmp_path / "appliance.toml"
    path.write_bytes(b"\xff\xfe")
    assert problems_of(path)[0].startswith("is not valid TOML: ")


def test_a_file_that_can_not_be_read_is_reported(tmp_path: Path) -> None:
    assert problems_of(tmp_path) == ["can't be read: Is a directory"]


def test_a_named_file_precedes_the_environment_and_the_default(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.delenv("APPLIANCE_CONFIG", raising=False)
    assert settings_path() == DEFAULT_PATH
    monkeypatch.setenv("APPLIANCE_CONFIG", "/somewhere/else.toml")
    assert settings_path() == Path("/somewhere/else.toml")
    assert settings_path("/named.toml") == Path("/named.toml")
    monkeypatch.chdir(tmp_path)
    assert settings_path("named.toml") == tmp_path / "named.toml"
