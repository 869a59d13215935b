"""`appliance local-service`: transcription without a cloud."""
# ruff: noqa: PLC0415

from pathlib import Path

import click

from appliance.cli.options import fail
from appliance.servers.local_service.engines.registry import ENGINES

FILE = click.Path(path_type=Path, dir_okay=False)


@click.command("local-service")
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on.")
@click.option(
    "--port", default=8765, show_default=True, type=click.IntRange(0, 65535), help="0: any."
)
@click.option(
    "--engine",
    default="pocketsphinx",
    show_default=True,
    help=f"Speech recogniser: {' or '.join(ENGINES)}.",
)
@click.option(
    "--api-key-file",
    metavar="FILE",
    type=FILE,
    help="File with the one key that is accepted; without it, any is.",
)
@click.option(
    "--max-sessions",
    metavar="N",
    type=click.IntRange(min=1),
    help="Sessions at a time; default: two for each core, at least four.",
)
@click.option("--certificate", metavar="FILE", type=FILE, help="For TLS, with --key: PEM files.")
@click.option("--key", metavar="FILE", type=FILE, help="The certificate's private key.")
@click.option(
    "--origin",
    "origins",
    metavar="URL",
    multiple=True,
    help="Origin of a web page that may ask.",
)
@click.option(
    "--name", "names", metavar="NAME", multiple=True, help="Public name by which it is called."
)
def local_service(
    host: str,
    port: int,
    engine: str,
    api_key_file: Path | None,
    max_sessions: int | None,
    certificate: Path | None,
    key: Path | None,
    origins: tuple[str, ...],
    names: tuple[str, ...],
) -> None:
    """Transcribe without a cloud: a service with the vendor's protocol."""
    try:
        from appliance.servers.listening import ServerError
        from appliance.servers.local_service.engines.base import UnknownEngineError
        from appliance.servers.local_service.server import serve
    except ModuleNotFoundError as error:
        fail(f"the local service needs {error.name}: pip install 'voice-appliance[local]'")
    if bool(certificate) != bool(key):
        raise click.UsageError("--certificate and --key belong together")
    keys = [_key_in(api_key_file)] if api_key_file else []
    try:
        serve(
            host,
            port,
            engine,
            keys=keys,
            certificate=certificate,
            key=key,
            max_sessions=max_sessions,
            origins=origins,
            names=names,
        )
    except UnknownEngineError as error:
        raise click.UsageError(str(error)) from error
    except ServerError as error:
        fail(str(error))


def _key_in(file: Path) -> str:
    """Return the key in a file, or end with status 1: without a key, anybody would be served."""
    try:
        # A file from Windows may begin with a byte order mark, which is no part of the key.
        key = file.read_text(encoding="utf-8-sig").strip()
    except OSError as error:
        fail(f"the key can't be read from {file}: {error.strerror}")
    except UnicodeDecodeError:
        key = ""
    if not (key.isascii() and key.isprintable() and key and " " not in key):
        fail(f"{file} holds no key: write one into it, of letters and digits, on a line of its own")
    return key
