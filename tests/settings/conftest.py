from pathlib import Path

import pytest

from tests.settings.files import Write


@pytest.fixture
def write(tmp_path: Path) -> Write:
    """Write a settings file, and return its path."""

    def write(text: str) -> Path:
        path = tmp_path / "appliance.toml"
        path.write_text(text, encoding="utf-8")
        return path

    return write
