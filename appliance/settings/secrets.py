"""Secrets from files, systemd credentials or the environment.

They are read at each use, so that a new one works at once.
"""

import os
from pathlib import Path

from appliance.system.files import open_regular

API_KEY = "assemblyai-api-key"
TOKEN_SECRET = "appliance-token-secret"
FALLBACK_TOKEN_SECRET = "appliance-fallback-token-secret"
MQTT_PASSWORD = "appliance-mqtt-password"
"""Names of the systemd credentials, and of their files in /etc/credstore."""

API_KEY_VARIABLE = "ASSEMBLYAI_API_KEY"

MAX_LENGTH = 4096
"""Bytes that are read of a secret's file: the settings may name another file by mistake."""


def api_key(file: str | Path | None = None) -> str:
    """Return the API key from `file`, else the credential, else the environment, else ""."""
    return _read(file) or _credential(API_KEY) or os.environ.get(API_KEY_VARIABLE, "").strip()


def token_secret(file: str | Path | None = None) -> str:
    """Return the token server's secret from `file`, else the credential, else ""."""
    return _read(file) or _credential(TOKEN_SECRET)


def fallback_token_secret(file: str | Path | None = None) -> str:
    """Return the fallback's own secret from `file`, else the credential, else ""."""
    return _read(file) or _credential(FALLBACK_TOKEN_SECRET)


def mqtt_password(file: str | Path | None = None) -> str:
    """Return the MQTT broker's password from `file`, else the credential, else ""."""
    return _read(file) or _credential(MQTT_PASSWORD)


def _credential(name: str) -> str:
    folder = os.environ.get("CREDENTIALS_DIRECTORY")
    return _read(Path(folder, name)) if folder else ""


def _read(file: str | Path | None) -> str:
    """Return the contents of a secret's file; "" if none is set, or it can't be read."""
    if not file:
        return ""
    try:
        with open_regular(Path(file), follow=True) as opened:
            # A file from Windows may begin with a byte order mark, which is not part of the secret.
            return opened.read(MAX_LENGTH).decode("utf-8-sig").strip()
    except (OSError, UnicodeDecodeError):
        return ""
