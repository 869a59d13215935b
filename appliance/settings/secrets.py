"""Secrets from where the owner put them. They are read anew each time: a new one works at once."""

import os
from pathlib import Path

API_KEY = "assemblyai-api-key"
TOKEN_SECRET = "appliance-token-secret"
FALLBACK_TOKEN_SECRET = "appliance-fallback-token-secret"
MQTT_PASSWORD = "appliance-mqtt-password"
"""The names under which systemd hands them over, and of their files in /etc/credstore."""

VARIABLE = "ASSEMBLYAI_API_KEY"

LONGEST = 4096
"""Characters that are read of a secret: another file may have been named by mistake."""


def api_key(file: str | Path | None = None) -> str:
    """Return the key from `file`, else systemd's credential, else the environment, else nothing."""
    return _read(file) or _credential(API_KEY) or os.environ.get(VARIABLE, "").strip()


def token_secret(file: str | Path | None = None) -> str:
    """Return the token server's secret from `file`, else systemd's credential, else nothing."""
    return _read(file) or _credential(TOKEN_SECRET)


def fallback_token_secret(file: str | Path | None = None) -> str:
    """Return the fallback's own secret from `file`, else systemd's credential, else nothing."""
    return _read(file) or _credential(FALLBACK_TOKEN_SECRET)


def mqtt_password(file: str | Path | None = None) -> str:
    """Return the broker's password from `file`, else systemd's credential, else nothing."""
    return _read(file) or _credential(MQTT_PASSWORD)


def _credential(name: str) -> str:
    folder = os.environ.get("CREDENTIALS_DIRECTORY")
    return _read(Path(folder, name)) if folder else ""


def _read(file: str | Path | None) -> str:
    """Return what a secret's file holds; nothing when it is not set or not there."""
    try:
        # A file from Windows may begin with a mark of its encoding, which is no part of the key.
        if not file:
            return ""
        with Path(file).open(encoding="utf-8-sig") as text:
            return text.read(LONGEST).strip()
    except (OSError, UnicodeDecodeError):
        return ""
