"""`appliance demo`: the appliance without hardware."""
# ruff: noqa: PLC0415

import functools
import logging
import signal
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from appliance.cli.options import fail, settings_of
from appliance.cli.standard_streams import fail_by
from appliance.system import environment, log_setup

if TYPE_CHECKING:
    from collections.abc import Callable

    from appliance.screen.panels.base import Panel


def _png(_: click.Context, __: click.Parameter, path: Path | None) -> Path | None:
    """Check, before anything runs, that the screenshot can be written."""
    if path and path.suffix.lower() != ".png":
        raise click.BadParameter(f"{path} does not end in .png")
    if path and not path.absolute().parent.is_dir():
        raise click.BadParameter(f"there is no folder {path.parent}")
    return path


@click.command()
@click.argument("wav", required=False, type=click.Path(path_type=Path, exists=True, dir_okay=False))
@click.option("--mic", is_flag=True, help="Use the microphone; the space bar is the button.")
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
    """Run the appliance without hardware: play a sample, or WAV, and show what it hears."""
    environment.prepare()
    if not context.find_root().params["verbose"]:
        log_setup.set_up(logging.WARNING)
    if mic and wav:
        raise click.UsageError("WAV and --mic exclude each other")
    if mic and not sys.stdin.isatty():
        raise click.UsageError("--mic needs a terminal: its space bar is the button")
    try:
        from appliance.app import demo as stage
        from appliance.app.demo_stage import DemoError
        from appliance.app.keyboard import space_bar
        from appliance.screen.panels.base import PanelError
    except ModuleNotFoundError as error:
        fail(f"the demo needs {error.name}: pip install 'voice-appliance[local]'")
    said = ""
    if not (mic or wav):
        wav, said = stage.sample()
    try:
        settings = settings_of(str(stage.settings_file()))
        played = stage.Demo(
            settings,
            wav,
            functools.partial(_panel, screen),
            screenshot=screenshot,
            presses=functools.partial(space_bar, sys.stdin.fileno()) if mic else lambda _: (),
        )
        kept = played.run()
    except (DemoError, PanelError, ValueError, OSError) as error:
        fail_by(error)
    _print_heard(" ".join(turn.text for turn in kept.turns), said)
    if played.lamp and played.lamp.was_lit:
        _print("Switched on", played.lamp.name)
    _print("Kept in", settings.history.path)
    _print_how_to_read(kept.id, stage.settings_file())


def _print_heard(heard: str, said: str) -> None:
    _print("Heard", heard)
    if said:
        from appliance.app.word_error_rate import word_error_rate

        _print("Said", " ".join(said.split()))
        _print("Word error rate", f"{word_error_rate(said, heard):.3f}")


def _print_how_to_read(session: str, settings_file: Path) -> None:
    import shlex
    import shutil

    program = ["appliance"] if shutil.which("appliance") else [sys.executable, "-m", "appliance"]
    options = ["--config", str(settings_file)]
    # Not wrapped, however long: people copy it.
    click.echo(f"Read it: {shlex.join([*program, 'history', 'show', session, *options])}")


def _panel(screen: str, caption: "Callable[[], str]") -> "Panel | None":
    """Return the panel that shows the demo's OLED; a terminal has room for a caption."""
    if screen == "none":
        return None
    if screen == "window":
        from appliance.screen.panels.window import WindowPanel

        return WindowPanel(on_close=lambda: signal.raise_signal(signal.SIGINT))
    from appliance.screen.panels.terminal import standard_output

    return standard_output(caption)


def _print(heading: str, text: str) -> None:
    import shutil
    import textwrap

    width = min(96, shutil.get_terminal_size().columns)
    click.echo(textwrap.fill(f"{heading}: {text}", width, subsequent_indent="  "))
