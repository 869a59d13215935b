"""Secrets from where the owner put them. They are read anew each time: a new one works at once."""

import os
from pathlib import Path

API_KEY = "assemblyai-api-key"
TOKEN_SECRET = "appliance-token-secret"
MQTT_PASSWORD = "appliance-mqtt-password"
"""The names under which systemd hands them over, and of their files in /etc/credstore."""

VARIABLE = "ASSEMBLYAI_API_KEY"


def api_key(file: str | Path | None = None) -> str:
    """Return the key from `file`, else systemd's credential, else the environment, else nothing."""
    return _read(file) or _credential(API_KEY) or os.environ.get(VARIABLE, "").strip()


def token_secret(file: str | Path | None = None) -> str:
    """Return the token server's secret from `file`, else systemd's credential, else nothing."""
    return _read(file) or _credential(TOKEN_SECRET)


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
        return Path(file).read_text(encoding="utf-8-sig").strip() if file else ""
    except (OSError, UnicodeDecodeError):
        return ""
