"""`appliance history`: list, show, export and delete what was said, and name who said it."""
# ruff: noqa: PLC0415

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

import click

from appliance.cli.options import CONFIG, fail, settings_of

if TYPE_CHECKING:
    from appliance.core.speakers import LabelKey
    from appliance.history.records import SessionRecord
    from appliance.settings import Settings


@click.group()
def history() -> None:
    """Read, export and delete what was said, and name who said it."""


@history.command("list")
@CONFIG
def list_sessions(config: str | None) -> None:
    """List the sessions, a line each: name, start, length, first words, bookmarks and notes.

    A session is "open" until all of it is transcribed.
    """
    from appliance.history import export
    from appliance.history.location import files_set_aside, path_in_use

    named = Path(settings_of(config).history.path)
    path = path_in_use(named)
    with _reported(path, "read"):
        kept = _sessions(path)
        aside = files_set_aside(named)
    for file in aside:
        click.echo(f"not listed here: what lies in {file}, which was set aside", err=True)
    if not kept:
        click.echo(f"no sessions yet in {path}", err=True)
    for session in kept:
        length = "open" if session.ended is None else _length(session.ended - session.started)
        said = _shortened(" ".join(turn.text for turn in session.turns))
        began = export.local(session.started)
        click.echo(f"{session.id}  {began}  {length:>7}  {said}  {_marks(session)}".rstrip())


@history.command()
@click.argument("session")
@CONFIG
def show(session: str, config: str | None) -> None:
    """Show what was said in SESSION (a name from the list, or "last").

    Bookmarks, notes and commands are in brackets.
    """
    _export("txt", session, config)


@history.command("export")
@click.argument("session", required=False)
@click.option(
    "--format",
    "format_",
    type=click.Choice(["json", "txt", "srt", "vtt"]),
    default="json",
    show_default=True,
)
@CONFIG
def export_sessions(session: str | None, format_: str, config: str | None) -> None:
    """Write all sessions, or SESSION alone, to standard output."""
    _export(format_, session, config)


@history.command()
@click.argument("session")
@click.argument("letter")
@click.argument("name")
@CONFIG
def name(session: str, letter: str, name: str, config: str | None) -> None:
    """Name a speaker of SESSION: who was LETTER is NAME from now on.

    SESSION is a name from the list, or "last". LETTER is as `show` writes it, for instance A, or A2
    after the service was connected again. An empty NAME takes the name away.
    """
    from appliance.core.speakers import clean_name
    from appliance.history.database import name_speaker

    path = _history_path(config)
    cleaned = clean_name(name)
    if name.strip() and not cleaned:
        fail(f"{name!r} has no letter in it")
    with _reported(path, "read"):
        found = _sessions(path, session)
        if not found:
            _fail_to_find(session)
        id_ = found[-1].id
        key, tag = _speaker(path, id_, letter)
    with _reported(path, "written"):
        name_speaker(path, id_, cleaned, key)
    click.echo(f"{tag} is {cleaned} in session {id_}" if cleaned else f"{tag} has no name now")


@history.command()
@click.argument("session")
@CONFIG
def delete(session: str, config: str | None) -> None:
    """Delete SESSION and all that was said in it."""
    from appliance.history.database import delete_session

    settings = settings_of(config)
    path = _history_path(config)
    with _reported(path, "written"):
        if (settings.spool / session).exists():
            fail(f"session {session} is still being transcribed; delete it when it is done")
        found = delete_session(path, session)
    if not found:
        _fail_to_find(session)
    click.echo(f"deleted {session}")


@history.command()
@click.argument("file", type=click.Path(path_type=Path))
@CONFIG
def recover(file: Path, config: str | None) -> None:
    """Add what can be read of FILE, a damaged history or one that was set aside, to the history.

    If FILE is the history itself, it is set aside first; end the appliance before that.
    """
    from appliance.history.salvage import add_to, salvage
    from appliance.system.files import give_to_owner_of_folder

    settings = settings_of(config)
    path, file = _history_path(config), file.absolute()
    with _reported(file, "read"):
        if path.exists() and file.samefile(path):
            file = _set_aside(path, settings)
        found = salvage(file)
    kept = found.records()
    if not kept:
        fail(f"nothing can be recovered of {file}: {found.error or 'there is nothing in it'}")
    with _reported(path, "written"):
        is_new = not path.exists()
        sessions, turns = add_to(path, found)
        if is_new:
            give_to_owner_of_folder(path)
    if found.undated:
        click.echo(f"their time is lost: {', '.join(found.undated)}", err=True)
    if found.error:
        click.echo(f"not all of {file} can be read: {found.error}", err=True)
    click.echo(
        f"{file} has {len(kept)} sessions and {len(found.turns)} turns that can be read;"
        f" added to {path}: {sessions} sessions and {turns} turns"
    )


def _set_aside(path: Path, settings: "Settings") -> Path:
    """Set the history aside, unless the appliance writes to it; return its new path."""
    import time

    from appliance.history.location import set_aside
    from appliance.system.state_lock import StateInUseError, StateLock

    with StateLock() as lock:
        try:
            lock.take(settings.spool.parent)
        except StateInUseError:
            fail("the appliance is running; end it first: sudo systemctl stop appliance")
        return set_aside(path, "damaged", time.time())


def _sessions(path: Path, wanted: str | None = None) -> "list[SessionRecord]":
    """Return the sessions; of a damaged history those that can be read, and say so."""
    import sqlite3

    from appliance.history import reader
    from appliance.history.database import is_unreadable
    from appliance.history.salvage import salvage

    try:
        return list(reader.sessions(path, wanted))
    except sqlite3.Error as error:
        if not is_unreadable(error) or not (found := salvage(path)).records():
            raise
        click.echo(
            f"the history {path} is damaged ({error}), and only what can be read of it is here;"
            f" to mend it, end the appliance, and run: appliance history recover {path}",
            err=True,
        )
        if found.undated:
            click.echo(f"their time is lost: {', '.join(found.undated)}", err=True)
        return found.records(wanted)


def _speaker(path: Path, session: str, letter: str) -> "tuple[LabelKey, str]":
    """Return the speaker whom a session's export calls by a letter, and the letter itself."""
    from appliance.history import reader

    tags = {speaker.tag: key for key, speaker in reader.speakers(path, session).items()}
    if not tags:
        fail(f"session {session} has no speakers; see session.speakers in the settings")
    tag = next((it for it in tags if it.casefold() == letter.casefold()), "")
    if not tag:
        fail(f"nobody is {letter} in session {session}; there are: {', '.join(sorted(tags))}")
    return tags[tag], tag


def _export(format_: str, session: str | None, config: str | None) -> None:
    from appliance.history import export

    path = _history_path(config)
    with _reported(path, "read"):
        kept = _sessions(path, session)
    if session and not kept:
        _fail_to_find(session)
    click.echo(export.FORMATS[format_](kept), nl=False)


def _history_path(config: str | None) -> Path:
    from appliance.history.location import path_in_use

    return path_in_use(Path(settings_of(config).history.path))


@contextlib.contextmanager
def _reported(path: Path, done: str) -> Iterator[None]:
    """Report an error of the history in a sentence instead of a stack trace."""
    import sqlite3

    from appliance.system.files import reason

    try:
        yield
    except PermissionError:
        fail(f"the history {path} can't be {done}: you may not; try again with sudo")
    except (sqlite3.Error, OSError) as error:
        why = reason(error) if isinstance(error, OSError) else error
        fail(f"the history {path} can't be {done}: {why}")


def _length(seconds: float) -> str:
    from appliance.screen.texts import stopwatch

    return stopwatch(seconds)


def _marks(session: "SessionRecord") -> str:
    """Return how many bookmarks and notes a session has, as "(2 bookmarks)"; "" if none."""
    kinds = [mark.kind for mark in session.marks]
    counts = [("bookmark", kinds.count("mark")), ("note", kinds.count("note"))]
    counted = [f"{count} {name}{'s' * (count > 1)}" for name, count in counts if count]
    return f"({', '.join(counted)})" if counted else ""


def _shortened(text: str, width: int = 60) -> str:
    text = " ".join(text.split())
    return text if len(text) <= width else text[: width - 1].rstrip() + "…"


def _fail_to_find(session: str) -> NoReturn:
    fail(f"there is no session {session}; see: appliance history list")
