"""Programs that tests run and that a machine may lack."""

import os
import shutil

import pytest

PATH = f"{os.environ.get('PATH', '')}:/usr/local/sbin:/usr/sbin:/sbin"
"""Debian keeps some programs where only root looks for them."""


def need(*programs: str) -> None:
    """Skip the current test unless all of these programs are installed."""
    for program in programs:
        if shutil.which(program, path=PATH) is None:
            pytest.skip(f"{program} is not installed")
