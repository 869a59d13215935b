import contextlib
import json
import os
import re
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

import appliance.history.export  # noqa: F401 - loaded before the right to is given up
from appliance import __version__
from appliance.cli import main
from appliance.history import reader
from appliance.history.database import open_database
from appliance.history.location import files_set_aside, set_aside
from appliance.system.state_lock import StateLock
from tests.history import schemas
from tests.rig.privileges import unprivileged

NOW = 1_700_000_000.0


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with settings that keep the history there; $APPLIANCE_CONFIG names them."""
    settings = tmp_path / "appliance.toml"
    settings.write_text(f'[history]\npath = "{tmp_path}/history.db"\n')
    monkeypatch.setenv("APPLIANCE_CONFIG", str(settings))
    return tmp_path


@pytest.fixture
def said(folder: Path) -> Path:
    """A history with two sessions, the later of which goes on."""
    database = open_database(folder / "history.db")
    with database:
        database.executemany(
            "INSERT INTO session (id, started, ended, boot, monotonic) VALUES (?, ?, ?, '', 0)",
            [("5f3a", NOW, NOW + 125.0), ("77c0", NOW + 3600.0, None)],
        )
        database.executemany(
            "INSERT INTO turn VALUES (?, 0, ?, ?, ?, ?, '')",
            [
                ("5f3a", 0, "Good morning.", 1.0, 2.0),
                ("5f3a", 1, "How are you? " * 10, 3.0, 9.0),
                ("77c0", 0, "你好" * 50, 1.0, 2.0),
            ],
        )
    database.close()
    return folder


def run(*arguments: str) -> Result:
    return CliRunner().invoke(main, arguments)


# Usage


def test_help_names_every_command() -> None:
    result = run("--help")
    assert result.exit_code == 0
    for command in ("run", "demo", "doctor", "history", "local-service", "token-server"):
        assert re.search(rf"^  {command} ", result.stdout, re.MULTILINE)


@pytest.mark.parametrize(
    "command",
    [
        [],
        ["run"],
        ["demo"],
        ["doctor"],
        ["history"],
        ["history", "list"],
        ["local-service"],
        ["token-server"],
    ],
)
def test_each_command_says_what_it_does(command: list[str]) -> None:
    result = run(*command, "-h")
    assert result.exit_code == 0
    description = result.stdout.split("\n\n")[1].strip()
    assert description.endswith((".", '").'))


def test_the_version() -> None:
    assert run("--version").stdout == f"appliance, version {__version__}\n"


@pytest.mark.parametrize(
    "arguments",
    [
        ["dance"],
        ["run", "--confg", "x"],
        ["doctor", "--config", "/no/such"],
        ["write-report", "--stick", "/dev/sda1"],
        ["token-server", "run", "--certificate", "x"],
        ["local-service", "--key", "x"],
        ["token-server", "run", "--per-minute", "0"],
        ["token-server", "add"],
        ["token-server", "add", "a b"],
        ["history", "show"],
        ["history", "delete"],
        ["history", "export", "--format", "pdf"],
        ["demo", "--screen", "cinema"],
        ["demo", "/no/such/file.wav"],
        ["demo", "--screenshot", "picture.jpg"],
        ["demo", "--screenshot", "/no/such/folder/picture.png"],
        ["demo", "--mic"],  # there is no terminal here
        ["local-service", "--port", "70000"],
        ["local-service", "--engine", "oracle"],
        ["local-service", "--max-sessions", "0"],
    ],
)
def test_wrong_usage_is_status_2_and_says_what_would_be_right(arguments: list[str]) -> None:
    result = run(*arguments)
    assert result.exit_code == 2
    assert "Error: " in result.stderr
    assert "Traceback" not in result.output


def test_an_unknown_engine_is_reported_with_those_there_are() -> None:
    result = run("local-service", "--engine", "oracle")
    assert 'There is no engine "oracle": choose pocketsphinx or wyoming://' in result.stderr


def test_a_port_that_is_taken_is_status_1_and_a_sentence(folder: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        result = run("local-service", "--port", str(other.getsockname()[1]))
    assert result.exit_code == 1
    assert "Can't listen on 127.0.0.1" in result.stderr


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        (None, "the key can't be read from"),
        (b"", "holds no key"),
        (b"two words\n", "holds no key"),
        (b"one\ntwo\n", "holds no key"),
        ("clé".encode(), "holds no key"),
        (b"\xff\xfe", "holds no key"),
    ],
)
def test_a_key_that_can_not_be_used_lets_nobody_in(
    tmp_path: Path, content: bytes | None, complaint: str
) -> None:
    file = tmp_path / "key"
    if content is not None:
        file.write_bytes(content)
    result = run("local-service", "--port", "0", "--api-key-file", str(file))
    assert result.exit_code == 1
    assert complaint in result.stderr
    assert "Traceback" not in result.output


def test_the_local_service_takes_its_key_and_limit_from_the_command_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    given: dict[str, object] = {}
    monkeypatch.setattr(
        "appliance.servers.local_service.server.serve", lambda *_, **options: given.update(options)
    )
    (tmp_path / "key").write_text("\ufeffsecret\r\n", encoding="utf-8")
    options = ("--api-key-file", str(tmp_path / "key"), "--max-sessions", "3")
    assert run("local-service", *options).exit_code == 0
    assert given["keys"] == ["secret"]
    assert given["max_sessions"] == 3
    assert run("local-service").exit_code == 0
    assert given["keys"] == []
    assert given["max_sessions"] is None


# Settings


@pytest.mark.parametrize("command", [["list"], ["show", "last"], ["export"], ["delete", "last"]])
def test_bad_settings_are_status_2_and_all_mistakes_are_named(
    folder: Path, command: list[str]
) -> None:
    (folder / "appliance.toml").write_text("[button]\npin = 99\npul_up = true\n")
    result = run("history", *command)
    assert result.exit_code == 2
    assert "button.pin = 99 is not allowed: expected a GPIO number from 0 to 27" in result.stderr
    assert "unknown key button.pul_up (did you mean pull_up?)" in result.stderr
    assert str(folder / "appliance.toml") in result.stderr


def test_an_unknown_driver_is_status_2_and_names_key_and_value(folder: Path) -> None:
    (folder / "appliance.toml").write_text('[display]\ndriver = "sdd1306"\n')
    result = run("history", "list")
    assert result.exit_code == 2
    assert 'display.driver = "sdd1306" is not allowed: expected "ssd1306", ' in result.stderr


def test_a_settings_file_that_was_named_must_be_there(folder: Path) -> None:
    result = run("history", "list", "--config", str(folder / "typo.toml"))
    assert result.exit_code == 2
    assert f"there is no settings file {folder / 'typo.toml'}" in result.stderr


def test_the_named_settings_file_is_used(said: Path, tmp_path: Path) -> None:
    other = tmp_path / "other.toml"
    other.write_text(f'[history]\npath = "{tmp_path}/other.db"\n')
    assert "5f3a" in run("history", "list").stdout
    assert run("history", "list", "--config", str(other)).stdout == ""


# The history


@pytest.fixture
def utc(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("TZ", "UTC")
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


@pytest.mark.usefixtures("utc")
def test_the_list_has_a_line_a_session(said: Path) -> None:
    result = run("history", "list")
    assert result.exit_code == 0
    assert result.stdout.splitlines() == [
        "5f3a  2023-11-14 22:13     2:05  "
        "Good morning. How are you? How are you? How are you? How ar…",
        f"77c0  2023-11-14 23:13     open  {'你好' * 29}你…",
    ]


@pytest.mark.usefixtures("utc")
def test_bookmarks_and_notes_are_counted_in_the_list_and_stand_in_the_text(said: Path) -> None:
    database = open_database(said / "history.db")
    with database:
        database.executemany(
            "INSERT INTO mark VALUES (?, ?, ?, ?, '')",
            [
                ("5f3a", "mark", 2.5, "mark this"),
                ("5f3a", "mark", 9.5, "mark this"),
                ("77c0", "note", 1.0, "buy milk"),
                ("77c0", "command", 1.0, "lamp on"),
            ],
        )
    database.close()
    [first, second] = run("history", "list").stdout.splitlines()
    assert first.endswith("How ar…  (2 bookmarks)")
    assert second.endswith("你…  (1 note)")
    assert run("history", "show", "5f3a").stdout.splitlines()[2] == "[bookmark]"
    assert "[note: buy milk]" in run("history", "show", "last").stdout


def test_an_empty_history_is_said_to_be_empty(folder: Path) -> None:
    result = run("history", "list")
    assert result.exit_code == 0
    assert result.stdout == ""
    assert result.stderr == f"no sessions yet in {folder}/history.db\n"


def test_the_list_names_the_histories_that_were_set_aside(said: Path) -> None:
    aside = set_aside(said / "history.db", "newer", 1234.0)
    result = run("history", "list")
    assert result.exit_code == 0
    assert result.stdout == ""
    assert result.stderr.splitlines() == [
        f"not listed here: what lies in {aside}, which was set aside",
        f"no sessions yet in {said}/history.db",
    ]


@pytest.fixture
def damaged(said: Path) -> Path:
    """A history of many sessions, of which the second half of the file is zeroed."""
    path = said / "history.db"
    with contextlib.closing(open_database(path)) as database, database:
        for number in range(200):
            database.execute(
                "INSERT INTO session (id, started, ended, boot, monotonic) VALUES (?, ?, ?, '', 0)",
                (f"s{number}", NOW + 100.0 * number, NOW + 100.0 * number + 50.0),
            )
            database.execute(
                "INSERT INTO turn VALUES (?, 0, 0, ?, 1.0, 2.0, '')", (f"s{number}", "words " * 40)
            )
    data = path.read_bytes()
    path.write_bytes(data[: len(data) // 2] + bytes(len(data) - len(data) // 2))
    return path


def test_of_a_damaged_history_the_rest_is_read_and_the_loss_is_said(damaged: Path) -> None:
    listed = run("history", "list")
    assert listed.exit_code == 0
    assert len(listed.stdout.splitlines()) > 50
    assert f"the history {damaged} is damaged" in listed.stderr
    assert f"appliance history recover {damaged}" in listed.stderr
    exported = run("history", "export")
    assert exported.exit_code == 0
    assert "is damaged" in exported.stderr
    sessions = json.loads(exported.stdout)
    assert len(sessions) == len(listed.stdout.splitlines())
    shown = run("history", "show", "last")
    assert shown.exit_code == 0
    assert "words words" in shown.stdout


def test_a_history_of_which_nothing_can_be_read_is_an_error(folder: Path) -> None:
    (folder / "history.db").write_bytes(b"nothing of a database" * 1000)
    for command in (["list"], ["show", "last"], ["export"]):
        result = run("history", *command)
        assert result.exit_code == 1
        assert "can't be read: file is not a database" in result.stderr
        assert result.stdout == ""


def test_a_damaged_history_is_recovered_into_a_new_one(damaged: Path) -> None:
    before = json.loads(run("history", "export").stdout)
    result = run("history", "recover", str(damaged))
    assert result.exit_code == 0
    assert "not all of" in result.stderr
    [aside] = files_set_aside(damaged)
    assert f"{aside} has {len(before)} sessions" in result.stdout
    exported = run("history", "export")
    assert exported.stderr == ""
    assert {it["id"]: it["turns"] for it in json.loads(exported.stdout)} == {
        it["id"]: it["turns"] for it in before
    }


def test_a_history_that_was_set_aside_is_added_to_the_present_one(damaged: Path) -> None:
    aside = set_aside(damaged, "damaged", 1234.0)
    schemas.make(damaged, schemas.OLDER["0.3.0"])
    assert run("history", "recover", str(aside)).exit_code == 0
    kept = {session.id for session in reader.sessions(damaged)}
    assert "old" in kept
    assert len(kept) > 50
    again = run("history", "recover", str(aside))
    assert again.stdout.endswith(f"added to {damaged}: 0 sessions and 0 turns\n")


def test_the_history_of_a_running_appliance_is_not_set_aside(damaged: Path) -> None:
    with StateLock() as lock:
        lock.take(damaged.parent)
        result = run("history", "recover", str(damaged))
    assert result.exit_code == 1
    assert "end it first" in result.stderr
    assert files_set_aside(damaged) == []


@pytest.mark.parametrize("text", [None, "", "no database"])
def test_where_nothing_can_be_recovered_it_says_so(said: Path, text: str | None) -> None:
    file = said / "other.db"
    if text is not None:
        file.write_text(text)
    before = (said / "history.db").read_bytes()
    result = run("history", "recover", str(file))
    assert result.exit_code == 1
    assert str(file) in result.stderr
    assert (said / "history.db").read_bytes() == before


def test_what_can_not_be_recovered_since_it_is_no_file_is_named(said: Path) -> None:
    os.mkfifo(said / "pipe")
    for file, kind in [("/dev/null", "device"), (said / "pipe", "FIFO"), (said, "directory")]:
        result = run("history", "recover", str(file))
        assert result.exit_code == 1
        assert str(file) in result.stderr
        assert kind in result.stderr
        assert "None" not in result.stderr


def test_a_history_of_a_newer_version_says_what_to_do(folder: Path) -> None:
    schemas.make(folder / "history.db", *schemas.RENAMED["turns"])
    for command in (["list"], ["show", "last"], ["export"]):
        result = run("history", *command)
        assert result.exit_code == 1
        assert "newer version of the program wrote it; update the program" in result.stderr


@pytest.mark.usefixtures("utc")
@pytest.mark.parametrize("session", ["5f3a", "last"])
def test_a_session_is_shown_as_text(said: Path, session: str) -> None:
    result = run("history", "show", session)
    assert result.exit_code == 0
    wanted = "77c0" if session == "last" else session
    assert re.fullmatch(rf"2023-11-14 2\d:13  {wanted}\n(.+\n)+", result.stdout)


def test_all_sessions_are_exported_as_json(said: Path) -> None:
    result = run("history", "export")
    assert result.exit_code == 0
    sessions = json.loads(result.stdout)
    assert [session["id"] for session in sessions] == ["5f3a", "77c0"]
    assert list(sessions[0]) == ["id", "started", "ended", "turns"]
    assert list(sessions[0]["turns"][0]) == ["order", "text", "started", "ended"]


@pytest.mark.parametrize(
    ("format_", "start"),
    [("json", "["), ("txt", "20"), ("srt", "1\n00:00:01,000"), ("vtt", "WEBVTT\n")],
)
def test_one_session_is_exported_in_each_format(said: Path, format_: str, start: str) -> None:
    result = run("history", "export", "5f3a", "--format", format_)
    assert result.exit_code == 0
    assert result.stdout.startswith(start)
    assert "Good morning." in result.stdout
    assert "你好" not in result.stdout


def test_an_empty_history_is_exported_as_an_empty_list(folder: Path) -> None:
    assert json.loads(run("history", "export").stdout) == []


# Speakers


@pytest.fixture
def spoken(said: Path) -> Path:
    """A session in which speakers are known, over two connections."""
    with open_database(said / "history.db") as database:
        database.executemany(
            "INSERT INTO turn VALUES ('77c0', ?, ?, ?, ?, ?, ?)",
            [
                (16_000, 0, "Good morning.", 1.0, 2.0, "A"),
                (16_000, 1, "Morning!", 3.0, 4.0, "B"),
                (32_000, 0, "Who is that?", 5.0, 6.0, "A"),
            ],
        )
    database.close()
    return said


def lines() -> list[str]:
    return run("history", "show", "last").stdout.splitlines()[2:]


def test_speakers_are_named_afterwards(spoken: Path) -> None:
    result = run("history", "name", "77c0", "A", " Aunt  Anna")
    assert (result.exit_code, result.stdout) == (0, "A is Aunt Anna in session 77c0\n")
    assert run("history", "name", "last", "a2", "Ben").exit_code == 0
    shown = [line for line in lines() if not line.startswith("[")]
    assert shown == ["Aunt Anna: Good morning.", "B: Morning!", "Ben: Who is that?"]
    assert run("history", "name", "last", "A", "").exit_code == 0
    assert lines()[0] == "A: Good morning."


@pytest.mark.parametrize(
    ("arguments", "said_why"),
    [
        (("77c0", "C", "Anna"), "nobody is C in session 77c0; there are: A, A2, B"),
        (("5f3a", "A", "Anna"), "session 5f3a has no speakers"),
        (("none", "A", "Anna"), "there is no session none"),
        (("77c0", "A", "\u202e."), "has no letter in it"),
    ],
)
def test_a_name_that_can_not_be_given_is_status_1_and_says_why(
    spoken: Path, arguments: tuple[str, ...], said_why: str
) -> None:
    result = run("history", "name", *arguments)
    assert result.exit_code == 1
    assert said_why in result.stderr
    assert "Anna" not in run("history", "export").stdout


def test_a_session_is_deleted(said: Path) -> None:
    result = run("history", "delete", "5f3a")
    assert result.exit_code == 0
    assert result.stdout == "deleted 5f3a\n"
    assert [session.id for session in reader.sessions(said / "history.db")] == ["77c0"]


@pytest.mark.parametrize("command", ["show", "export", "delete"])
def test_a_session_that_is_not_there_is_status_1(said: Path, command: str) -> None:
    result = run("history", command, "none")
    assert result.exit_code == 1
    assert result.stdout == ""
    assert "there is no session none; see: appliance history list" in result.stderr


@pytest.mark.parametrize("command", [["list"], ["export"], ["delete", "5f3a"]])
def test_a_damaged_history_is_status_1_and_a_sentence(folder: Path, command: list[str]) -> None:
    (folder / "history.db").write_bytes(b"no database" * 1000)
    result = run("history", *command)
    assert result.exit_code == 1
    assert f"the history {folder}/history.db can't be" in result.stderr
    assert "file is not a database" in result.stderr


@pytest.fixture
def forbidden(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A history in a folder that we may not look into, as it is the appliance's own."""
    with unprivileged() as folder:
        (folder / "state").mkdir(mode=0o700)
        open_database(folder / "state" / "history.db").close()
        settings = folder / "appliance.toml"
        settings.write_text(f'[history]\npath = "{folder}/state/history.db"\n')
        monkeypatch.setenv("APPLIANCE_CONFIG", str(settings))
        (folder / "state").chmod(0)
        yield
        (folder / "state").chmod(0o700)


@pytest.mark.parametrize("command", [["list"], ["show", "last"], ["export"], ["delete", "5f3a"]])
@pytest.mark.usefixtures("forbidden")
def test_an_unreadable_history_has_the_remedy_sudo(command: list[str]) -> None:
    result = run("history", *command)
    assert result.exit_code == 1
    assert "try again with sudo" in result.stderr
    assert result.stdout == ""


# As a process


@pytest.mark.slow
def test_python_m_appliance_is_the_same_program(said: Path) -> None:
    result = subprocess.run(
        [sys.executable, "-m", "appliance", "history", "export", "--format", "txt"],
        capture_output=True,
        text=True,
        check=True,
    )
    assert result.stdout == run("history", "export", "--format", "txt").stdout
    assert result.stderr == ""


# The token server


def test_an_appliance_is_added_listed_and_removed(tmp_path: Path) -> None:
    file = str(tmp_path / "appliances.json")
    added = run("token-server", "add", "kitchen", "--secrets", file)
    assert re.fullmatch(r"[\w-]{43}\n", added.stdout)
    assert "will not be shown again" in added.stderr
    assert run("token-server", "add", "kitchen", "--secrets", file).exit_code == 1
    listed = run("token-server", "list", "--secrets", file)
    assert re.fullmatch(r"\d{4}-\d\d-\d\d \d\d:\d\d  kitchen\n", listed.stdout)
    assert run("token-server", "remove", "kitchen", "--secrets", file).exit_code == 0
    missing = run("token-server", "remove", "kitchen", "--secrets", file)
    assert missing.exit_code == 1
    assert "There is no appliance kitchen" in missing.stderr
    assert "no appliances yet" in run("token-server", "list", "--secrets", file).stderr


def test_a_token_server_that_can_not_start_is_status_1_and_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "appliances.json").write_text("{")
    result = run("token-server", "run", "--secrets", str(tmp_path / "appliances.json"))
    assert result.exit_code == 1
    assert "is damaged" in result.stderr
