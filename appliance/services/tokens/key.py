"""Where the API key comes from. It is read for each token: a new one works without a restart."""

import os
from pathlib import Path

CREDENTIAL = "assemblyai-api-key"
"""The name under which systemd hands it over, and of its file in /etc/credstore."""

VARIABLE = "ASSEMBLYAI_API_KEY"


def api_key(file: Path | None = None) -> str:
    """Return the key from `file`, else systemd's credential, else the environment, else nothing."""
    folder = os.environ.get("CREDENTIALS_DIRECTORY")
    places = [file, Path(folder, CREDENTIAL) if folder else None]
    found = (key for place in places if place and (key := _read(place)))
    return next(found, os.environ.get(VARIABLE, "").strip())


def _read(file: Path) -> str:
    try:
        # A file from Windows may begin with a mark of its encoding, which is no part of the key.
        return file.read_text(encoding="utf-8-sig").strip()
    except (OSError, UnicodeDecodeError):
        return ""
