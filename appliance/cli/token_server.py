"""`appliance token-server`: keeps the API key off the appliances."""
# ruff: noqa: PLC0415

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from appliance.cli.options import fail

if TYPE_CHECKING:
    from appliance.servers.token_server.register import Register

FILE = click.Path(path_type=Path, dir_okay=False)
SECRETS = click.option(
    "--secrets",
    metavar="FILE",
    type=FILE,
    help="File with the hashes of the appliances' secrets.",
)


@click.group("token-server", invoke_without_command=True)
@click.pass_context
def token_server(context: click.Context) -> None:
    """Keep the API key, and give appliances temporary tokens (default command: run)."""
    if context.invoked_subcommand is None:
        context.invoke(run_token_server)


@token_server.command("run")
@SECRETS
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on.")
@click.option(
    "--port", default=8766, show_default=True, type=click.IntRange(0, 65535), help="0: any."
)
@click.option("--api-key-file", metavar="FILE", type=FILE, help="A file with the API key.")
@click.option("--certificate", metavar="FILE", type=FILE, help="For TLS, with --key: PEM files.")
@click.option("--key", metavar="FILE", type=FILE, help="The certificate's private key.")
@click.option(
    "--allow-local",
    is_flag=True,
    help="To try it: this machine needs no secret as long as no appliance was ever added.",
)
@click.option(
    "--origin", "origins", metavar="URL", multiple=True, help="Origin of a web page that may ask."
)
@click.option(
    "--expires-in",
    default=60,
    show_default=True,
    type=click.IntRange(1, 600),
    help="Seconds within which a token must be used.",
)
@click.option(
    "--max-session-duration",
    default=10_800,
    show_default=True,
    type=click.IntRange(60, 10_800),
    help="Seconds that a session may last.",
)
@click.option(
    "--per-minute",
    default=30,
    show_default=True,
    type=click.IntRange(min=1),
    help="Tokens that an appliance may have in a minute.",
)
@click.option(
    "--service-url", metavar="URL", help="Where tokens are minted; default: the vendor's."
)
@click.option("--ca-file", metavar="FILE", type=FILE, help="Certificates to trust there.")
def run_token_server(**options: Any) -> None:  # noqa: ANN401 - click hands them over by name
    """Give out tokens until SIGTERM, SIGINT or SIGHUP."""
    try:
        from appliance.servers.listening import ServerError
        from appliance.servers.token_server.server import Options, serve
    except ModuleNotFoundError as error:
        fail(f"the token server needs {error.name}: pip install 'voice-appliance[tokens]'")
    if bool(options["certificate"]) != bool(options["key"]):
        raise click.UsageError("--certificate and --key belong together")
    given = {name: value for name, value in options.items() if value is not None}
    try:
        serve(Options(**given))
    except ServerError as error:
        fail(str(error))


@token_server.command("add")
@click.argument("name")
@SECRETS
def add_appliance(name: str, secrets: Path | None) -> None:
    """Let the appliance NAME have tokens: print its secret, only this once."""
    try:
        with _register(secrets) as register:
            secret = register.add(name)
    except ValueError as error:
        raise click.UsageError(str(error)) from error
    try:
        click.echo(secret)
    except OSError:
        with _register(secrets) as register:
            register.remove(name)  # nobody knows the secret
        raise
    click.echo(
        f"This is the secret of {name}, and will not be shown again. On the box it goes into "
        'appliance.toml on the card, token_secret = "..."; or give it to scripts/install in a '
        "file, --token-secret-file FILE.",
        err=True,
    )


@token_server.command("list")
@SECRETS
def list_appliances(secrets: Path | None) -> None:
    """List the appliances that may have tokens, and since when."""
    with _register(secrets) as register:
        register.refresh()
    if not register.appliances:
        click.echo(f"no appliances yet in {register.path}", err=True)
    for appliance in register.appliances:
        click.echo(f"{appliance.added.astimezone():%Y-%m-%d %H:%M}  {appliance.name}")


@token_server.command("remove")
@click.argument("name")
@SECRETS
def remove_appliance(name: str, secrets: Path | None) -> None:
    """Give the appliance NAME no more tokens, from now on."""
    with _register(secrets) as register:
        register.remove(name)
    click.echo(f"removed {name}")


@contextlib.contextmanager
def _register(path: Path | None) -> "Iterator[Register]":
    """Report an error of the register in a sentence instead of a stack trace."""
    from appliance.servers.token_server.register import Register, RegisterError, register_path

    try:
        yield Register(path or register_path())
    except RegisterError as error:
        fail(str(error))
