"""The shell scripts are free of what shellcheck knows to go wrong."""

import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


def shell_scripts() -> list[Path]:
    """Return the scripts that are run; the parts that they source are read with them."""
    files = [*(ROOT / "scripts").iterdir(), *(ROOT / "systemd" / "system-shutdown").iterdir()]
    return sorted(
        path
        for path in files
        if path.is_file() and path.read_bytes().startswith((b"#!/bin/bash", b"#!/bin/sh"))
    )


def test_the_scripts_are_found() -> None:
    assert {"install", "uninstall", "test", "appliance"} <= {path.name for path in shell_scripts()}


@pytest.mark.parametrize("script", shell_scripts(), ids=lambda path: path.name)
def test_shellcheck_finds_nothing(script: Path) -> None:
    if not shutil.which("shellcheck"):
        pytest.skip("shellcheck is not installed")
    found = subprocess.run(["shellcheck", script], capture_output=True, text=True, check=False)
    assert not found.stdout
