"""Token servers on the loopback, before a scripted vendor."""

from pathlib import Path
from typing import Any

import msgspec

from appliance.servers.token_server.register import Register
from appliance.servers.token_server.server import Options, TokenServer
from appliance.settings.schema import ServiceSettings
from appliance.streaming.tokens import TokenError, TokenSource
from tests.rig.service import ScriptedService


def options(folder: Path, vendor: ScriptedService, **changed: Any) -> Options:  # noqa: ANN401
    """Return options for a server whose register and API key lie in this folder."""
    key = folder / "key"
    if not key.exists():
        key.write_text(vendor.api_key)
    usual = Options(
        port=0,
        secrets=register(folder).path,
        api_key_file=key,
        service_url=vendor.api_token_url,
    )
    return msgspec.structs.replace(usual, **changed)


def register(folder: Path) -> Register:
    return Register(folder / "appliances.json")


def appliance(server: TokenServer, secret: str, folder: Path, ca_file: str = "") -> TokenSource:
    """Return what an appliance with this secret fetches its tokens with."""
    file = folder / f"secret-{secret[:8]}"
    file.write_text(secret)
    return TokenSource(
        ServiceSettings(token_url=server.url, token_secret_file=str(file), ca_file=ca_file)
    )


def refused(source: TokenSource) -> tuple[int | None, str]:
    """Return status and words of the refusal that an appliance meets."""
    try:
        source.fetch()
    except TokenError as error:
        return error.outcome.code, error.outcome.text
    raise AssertionError("it got a token")
