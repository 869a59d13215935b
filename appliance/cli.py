"""The commands; nothing else knows the command line.

Each command imports what it needs itself, so that `run` need not wait for what the others need.
"""
# ruff: noqa: PLC0415

import contextlib
import faulthandler
import functools
import logging
import signal
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

import click

from appliance import __version__, environment, logs
from appliance.config import Settings, SettingsError, load, settings_path

if TYPE_CHECKING:
    from appliance.screen.panel import Panel

CONFIG = click.option("--config", metavar="FILE", help="The settings file.")


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="appliance")
@click.option("-v", "--verbose", is_flag=True, help="Log more.")
def main(verbose: bool) -> None:
    """Press, speak, read: a box that writes down what is said."""
    logs.set_up(logging.DEBUG if verbose else logging.INFO)


@main.command()
@CONFIG
def run(config: str | None) -> None:
    """Be the appliance, in the foreground, until SIGTERM or SIGINT."""
    from appliance import running

    environment.prepare()
    faulthandler.enable()
    if not running.run(settings_path(config)):
        sys.exit(1)


@main.command()
@CONFIG
@click.option("--json", "as_json", is_flag=True, help="Tell it as JSON, and ask nobody.")
@click.pass_context
def doctor(context: click.Context, config: str | None, as_json: bool) -> None:
    """Check everything that must work, and say what to do where it does not."""
    from appliance.doctor.command import run as examine

    environment.prepare()
    if not context.find_root().params["verbose"]:
        logs.set_up(logging.ERROR)
    path = settings_path(config)
    if config and not path.exists():
        raise click.UsageError(f"there is no settings file {path}")
    sys.exit(examine(path, as_json=as_json))


@main.command(hidden=True)
@CONFIG
def farewell(config: str | None) -> None:
    """Leave "Safe to unplug" on the OLED: the last thing that runs before the power goes."""
    from appliance import running
    from appliance.screen.farewell import farewell as bid

    settings, _ = running.read(settings_path(config), running.fallback())
    bid(settings.display)


@main.command("take-settings", hidden=True)
def take_settings() -> None:
    """Take over the settings that were put on the boot partition."""
    from appliance.card import taking

    sys.exit(not taking.take_settings())


@main.command("write-report", hidden=True)
@click.option("--stick", metavar="DEVICE", type=click.Path(path_type=Path))
@click.option("--mount-point", metavar="FOLDER", type=click.Path(path_type=Path))
def write_report(stick: Path | None, mount_point: Path | None) -> None:
    """Write a report where the boot partition, or a USB stick, asks for one."""
    from appliance.card import reporting
    from appliance.card import stick as sticks

    if stick and mount_point:
        sys.exit(not sticks.report_on_stick(stick, mount_point))
    if stick or mount_point:
        raise click.UsageError("--stick and --mount-point belong together")
    sys.exit(not reporting.report_on_boot_partition())


def _png(_: click.Context, __: click.Parameter, path: Path | None) -> Path | None:
    """Check, before anything runs, that a picture can be written there."""
    if path and path.suffix.lower() != ".png":
        raise click.BadParameter(f"{path} does not end in .png")
    if path and not path.absolute().parent.is_dir():
        raise click.BadParameter(f"there is no folder {path.parent}")
    return path


@main.command()
@click.argument("wav", required=False, type=click.Path(path_type=Path, exists=True, dir_okay=False))
@click.option("--mic", is_flag=True, help="Hear the microphone; the space bar is the button.")
@click.option(
    "--screen",
    type=click.Choice(["terminal", "window", "none"]),
    default="terminal",
    show_default=True,
    help="Where to show the OLED.",
)
@click.option(
    "--screenshot",
    metavar="FILE.png",
    type=click.Path(path_type=Path, dir_okay=False, writable=True),
    callback=_png,
    help="Write a picture of the OLED at the last word.",
)
@click.pass_context
def demo(
    context: click.Context, wav: Path | None, mic: bool, screen: str, screenshot: Path | None
) -> None:
    """Be the appliance without any hardware: speak a sample, or WAV, and show what is heard."""
    environment.prepare()
    if not context.find_root().params["verbose"]:
        logs.set_up(logging.WARNING)
    if mic and wav:
        raise click.UsageError("WAV and --mic exclude each other")
    if mic and not sys.stdin.isatty():
        raise click.UsageError("--mic needs a terminal: its space bar is the button")
    try:
        from appliance import demo as stage
        from appliance.keyboard import space_bar
        from appliance.screen.panel import PanelError
    except ModuleNotFoundError as error:
        _fail(f"the demo needs {error.name}: pip install 'voice-appliance[local]'")
    said = ""
    if not (mic or wav):
        wav, said = stage.sample()
    try:
        settings = _settings(str(stage.settings_file()))
        played = stage.Demo(
            settings,
            wav,
            _panel(screen),
            screenshot=screenshot,
            presses=functools.partial(space_bar, sys.stdin.fileno()) if mic else lambda _: (),
        )
        kept = played.run()
    except (stage.DemoError, PanelError, ValueError, OSError) as error:
        _fail(str(error))
    heard = " ".join(turn.text for turn in kept.turns)
    _tell("Heard", heard)
    if said:
        from appliance.services.word_error_rate import word_error_rate

        _tell("Said", " ".join(said.split()))
        _tell("Word error rate", f"{word_error_rate(said, heard):.3f}")
    _tell("Kept in", settings.history.path)
    import shlex
    import shutil

    program = ["appliance"] if shutil.which("appliance") else [sys.executable, "-m", "appliance"]
    options = ["--config", str(stage.settings_file())]
    # Unwrapped, however long: it is there to be copied.
    click.echo(f"Read it: {shlex.join([*program, 'history', 'show', kept.id, *options])}")


@main.command("local-service")
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on.")
@click.option(
    "--port", default=8765, show_default=True, type=click.IntRange(0, 65535), help="0: any."
)
@click.option("--engine", default="pocketsphinx", show_default=True, help="What recognises words.")
def local_service(host: str, port: int, engine: str) -> None:
    """Transcribe without a cloud: a service that speaks the vendor's protocol."""
    try:
        from appliance.services.local_service import ENGINES, LocalServiceError, serve
    except ModuleNotFoundError as error:
        _fail(f"the local service needs {error.name}: pip install 'voice-appliance[local]'")
    if engine not in ENGINES:
        raise click.UsageError(f"there is no engine {engine}: choose one of {', '.join(ENGINES)}")
    try:
        serve(host, port, engine)
    except LocalServiceError as error:
        _fail(str(error))


@main.group()
def history() -> None:
    """Read, export and delete what was said."""


@history.command("list")
@CONFIG
def list_sessions(config: str | None) -> None:
    """List the sessions, a line each: name, start, length, first words.

    A session is "open" until all of it is transcribed.
    """
    from appliance import archive, export

    path = _history_path(config)
    with _reported(path, "read"):
        kept = list(archive.sessions(path))
    if not kept:
        click.echo(f"no sessions yet in {path}", err=True)
    for session in kept:
        length = "open" if session.ended is None else _length(session.ended - session.started)
        words = _shortened(" ".join(turn.text for turn in session.turns))
        click.echo(f"{session.id}  {export.local(session.started)}  {length:>7}  {words}".rstrip())


@history.command()
@click.argument("session")
@CONFIG
def show(session: str, config: str | None) -> None:
    """Show what was said in SESSION (a name from the list, or "last")."""
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
@CONFIG
def delete(session: str, config: str | None) -> None:
    """Delete SESSION and all that was said in it."""
    from appliance import archive

    settings = _settings(config)
    path = Path(settings.history.path)
    with _reported(path, "written"):
        if (settings.spool / session).exists():
            _fail(f"session {session} is still being transcribed; delete it when it is done")
        found = archive.delete(path, session)
    if not found:
        _fail_to_find(session)
    click.echo(f"deleted {session}")


def _export(format_: str, session: str | None, config: str | None) -> None:
    from appliance import archive, export

    path = _history_path(config)
    with _reported(path, "read"):
        kept = list(archive.sessions(path, session))
    if session and not kept:
        _fail_to_find(session)
    click.echo(export.FORMATS[format_](kept), nl=False)


def _history_path(config: str | None) -> Path:
    return Path(_settings(config).history.path)


def _settings(config: str | None) -> Settings:
    path = settings_path(config)
    try:
        if config:
            path.stat()
        return load(path)
    except SettingsError as error:
        for problem in error.problems:
            click.echo(f"{path}: {problem}", err=True)
        sys.exit(2)
    except OSError as error:
        raise click.UsageError(f"there is no settings file {path}: {error.strerror}") from error


@contextlib.contextmanager
def _reported(path: Path, done: str) -> Iterator[None]:
    """Say what is wrong with the history, if anything is, instead of a stack trace."""
    import sqlite3

    try:
        yield
    except PermissionError:
        _fail(f"the history {path} can't be {done}: you may not; try again with sudo")
    except (sqlite3.Error, OSError) as error:
        reason = error.strerror if isinstance(error, OSError) else error
        _fail(f"the history {path} can't be {done}: {reason}")


def _length(seconds: float) -> str:
    from appliance.screen.wording import stopwatch

    return stopwatch(seconds)


def _shortened(text: str, width: int = 60) -> str:
    text = " ".join(text.split())
    return text if len(text) <= width else text[: width - 1].rstrip() + "…"


def _panel(screen: str) -> "Panel | None":
    """Return what the demo's OLED is shown on."""
    if screen == "none":
        return None
    if screen == "window":
        from appliance.screen.window import WindowPanel

        return WindowPanel(on_close=lambda: signal.raise_signal(signal.SIGINT))
    from appliance.screen.display import standard_output

    return standard_output()


def _tell(heading: str, text: str) -> None:
    import shutil
    import textwrap

    width = min(96, shutil.get_terminal_size().columns)
    click.echo(textwrap.fill(f"{heading}: {text}", width, subsequent_indent="  "))


def _fail_to_find(session: str) -> NoReturn:
    _fail(f"there is no session {session}; see: appliance history list")


def _fail(message: str) -> NoReturn:
    click.echo(f"appliance: {message}", err=True)
    sys.exit(1)
