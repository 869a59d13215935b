"""`appliance local-service`: transcription without a cloud."""
# ruff: noqa: PLC0415

from pathlib import Path

import click

from appliance.cli.settings import fail

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
    help="What recognises words: pocketsphinx, or wyoming://HOST:PORT.",
)
@click.option("--certificate", metavar="FILE", type=FILE, help="For TLS, with --key: PEM files.")
@click.option("--key", metavar="FILE", type=FILE, help="The certificate's private key.")
def local_service(
    host: str, port: int, engine: str, certificate: Path | None, key: Path | None
) -> None:
    """Transcribe without a cloud: a service that speaks the vendor's protocol."""
    try:
        from appliance.services.engines import UnknownEngineError
        from appliance.services.local_service import LocalServiceError, serve
    except ModuleNotFoundError as error:
        fail(f"the local service needs {error.name}: pip install 'voice-appliance[local]'")
    if bool(certificate) != bool(key):
        raise click.UsageError("--certificate and --key belong together")
    try:
        serve(host, port, engine, certificate=certificate, key=key)
    except UnknownEngineError as error:
        raise click.UsageError(str(error)) from error
    except LocalServiceError as error:
        fail(str(error))
