import contextlib
import os
import pty
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from click import Command, Context, Group

from appliance.cli import main
from appliance.history.database import open_database
from appliance.servers.token_server.register import Register

SENTENCE = r"appliance: the output can't be written[:,]? [^\n]+\n"


def commands(command: Command, *names: str) -> Iterator[list[str]]:
    """Yield the name of each command, with its group's before it."""
    yield [*names]
    if isinstance(command, Group):
        for name in command.list_commands(Context(command)):
            yield from commands(command.commands[name], *names, name)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with settings, a history of one session, and a register of one appliance."""
    (tmp_path / "appliance.toml").write_text(f'[history]\npath = "{tmp_path}/history.db"\n')
    database = open_database(tmp_path / "history.db")
    with database:
        database.execute(
            "INSERT INTO session (id, started, ended, boot, monotonic) VALUES ('5f3a', 1, 9, '', 0)"
        )
        database.execute("INSERT INTO turn VALUES ('5f3a', 0, 0, '你好', 1, 2, 'A')")
    database.close()
    Register(tmp_path / "register").add("kitchen")
    return tmp_path


def ended(folder: Path, arguments: list[str], redirection: str, **environment: str) -> str:
    """Run a command with a redirection; return what it wrote to standard error: status 1."""
    done = subprocess.run(
        ["/bin/sh", "-c", f'"$@" {redirection}', "sh", sys.executable, "-m", "appliance"]
        + [argument.format(folder=folder) for argument in arguments],
        env={**os.environ, "APPLIANCE_CONFIG": str(folder / "appliance.toml"), **environment},
        stderr=subprocess.PIPE,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 1, done.stderr
    return done.stderr


@contextlib.contextmanager
def closed_pipe() -> Iterator[int]:
    """Yield the end of a pipe that nobody reads."""
    reading, writing = os.pipe()
    os.close(reading)
    yield writing
    os.close(writing)


COMMANDS = [
    ["history", "list"],
    ["history", "show", "last"],
    ["history", "export"],
    ["history", "name", "5f3a", "A", "Anna"],
    ["history", "delete", "5f3a"],
    ["doctor", "--json"],
    ["doctor"],
    ["token-server", "add", "desk", "--secrets", "{folder}/secrets"],
    ["--version"],
    ["--help"],
]


@pytest.mark.slow
@pytest.mark.parametrize("arguments", COMMANDS, ids=" ".join)
@pytest.mark.parametrize("redirection", [">/dev/full", ">&-"])
def test_output_that_can_not_be_written_is_status_1_and_a_sentence(
    folder: Path, arguments: list[str], redirection: str
) -> None:
    assert re.fullmatch(SENTENCE, ended(folder, arguments, redirection))


@pytest.mark.parametrize("names", list(commands(main)), ids=" ".join)
def test_the_help_of_each_command_reports_a_full_disk_too(
    names: list[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    with Path("/dev/full").open("w", encoding="utf-8") as full:
        monkeypatch.setattr(sys, "stdout", full)
        with pytest.raises(SystemExit) as end:
            main([*names, "--help"])
    assert end.value.code == 1
    assert re.fullmatch(SENTENCE, capsys.readouterr().err)


@pytest.mark.parametrize("names", list(commands(main)), ids=" ".join)
def test_the_help_of_each_command_ends_quietly_if_its_reader_has_gone(
    names: list[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    with closed_pipe() as pipe, os.fdopen(pipe, "w", closefd=False) as stream:
        monkeypatch.setattr(sys, "stdout", stream)
        with pytest.raises(SystemExit) as end:
            main([*names, "--help"])
    assert end.value.code == 1
    assert capsys.readouterr().err == ""


WRITING = [
    *COMMANDS[:-2],
    ["history", "recover", "{folder}/history.db"],
    ["token-server", "list", "--secrets", "{folder}/register"],
    ["token-server", "remove", "kitchen", "--secrets", "{folder}/register"],
    ["demo"],
]
"""All commands that write to standard output."""


def test_all_commands_that_write_are_tried() -> None:
    names = {" ".join(names) for names in commands(main)}
    single = {name for name in names if not any(it.startswith(f"{name} ") for it in names - {name})}
    silent = {"run", "farewell", "take-settings", "write-report"}
    servers = {"local-service", "token-server run"}
    tried = [" ".join(arguments) for arguments in WRITING]
    for name in single - silent - servers - {""}:
        assert any(it.startswith(name) for it in tried), name


@pytest.mark.slow
@pytest.mark.parametrize("arguments", WRITING, ids=" ".join)
@pytest.mark.parametrize("errors", ["apart", "too"])
def test_a_command_ends_quietly_if_its_reader_has_gone(
    folder: Path, arguments: list[str], errors: str
) -> None:
    with closed_pipe() as pipe:
        done = subprocess.run(
            [sys.executable, "-m", "appliance"]
            + [argument.format(folder=folder) for argument in arguments],
            env={
                **os.environ,
                "APPLIANCE_CONFIG": str(folder / "appliance.toml"),
                "XDG_STATE_HOME": str(folder),
            },
            stdout=pipe,
            stderr=subprocess.PIPE if errors == "apart" else pipe,
            text=True,
            timeout=100,
            check=False,
        )
    assert done.returncode == 1
    assert not done.stderr


def test_a_full_disk_is_reported_in_every_encoding(folder: Path) -> None:
    said = ended(folder, ["history", "show", "last"], ">/dev/full", PYTHONIOENCODING="ascii")
    assert re.fullmatch(SENTENCE, said)


def test_letters_that_the_encoding_has_not_are_named(folder: Path) -> None:
    said = ended(folder, ["history", "show", "last"], ">/dev/null", PYTHONIOENCODING="latin-1")
    assert re.fullmatch(SENTENCE, said)
    assert "'\\u4f60'; set PYTHONIOENCODING=utf-8" in said


@pytest.mark.parametrize("redirection", [">/dev/full 2>&1", ">/dev/full 2>&-", ">&- 2>&- <&-"])
def test_where_nothing_can_be_written_the_status_says_it(folder: Path, redirection: str) -> None:
    assert ended(folder, ["history", "list"], redirection) == ""


@pytest.mark.slow
@pytest.mark.parametrize(
    ("environment", "coloured"),
    [
        ({"TERM": "xterm", "NO_COLOR": ""}, True),
        ({"TERM": "xterm", "NO_COLOR": "1"}, False),
        ({"TERM": "dumb", "NO_COLOR": ""}, False),
    ],
)
def test_a_report_has_colours_only_where_they_are_wanted(
    folder: Path, environment: dict[str, str], coloured: bool
) -> None:
    ours, theirs = pty.openpty()
    with os.fdopen(ours, "rb", buffering=0) as seen, os.fdopen(theirs, "wb", buffering=0) as shown:
        subprocess.run(
            [sys.executable, "-m", "appliance", "doctor"],
            env={**os.environ, "APPLIANCE_CONFIG": str(folder / "appliance.toml"), **environment},
            stdin=subprocess.DEVNULL,
            stdout=shown,
            stderr=subprocess.DEVNULL,
            timeout=100,
            check=False,
        )
        report = seen.read(100_000).decode()
    assert "version" in report
    assert ("\x1b" in report) == coloured


def test_a_secret_that_could_not_be_shown_is_taken_back(folder: Path) -> None:
    add = ["token-server", "add", "desk", "--secrets", str(folder / "secrets")]
    ended(folder, add, ">/dev/full")
    assert "desk" not in (folder / "secrets").read_text()


@pytest.mark.slow
def test_the_demo_reports_a_terminal_that_has_gone(folder: Path) -> None:
    ours, theirs = pty.openpty()
    os.close(ours)
    done = subprocess.run(
        [sys.executable, "-m", "appliance", "demo"],
        env={**os.environ, "XDG_STATE_HOME": str(folder), "TERM": "xterm"},
        stdout=theirs,
        stderr=subprocess.PIPE,
        text=True,
        timeout=100,
        check=False,
    )
    os.close(theirs)
    assert done.returncode == 1
    assert "Traceback" not in done.stderr
    assert re.search(r"^appliance: [^\n]+\n\Z", done.stderr, re.MULTILINE)
