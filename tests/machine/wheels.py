"""Python packages for the virtual Pi, which has no network: collected here, for its Python.

Debian's own packages are in the image. lgpio comes as source for this Python, and is compiled
inside the image's system.
"""

import os
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

from tests.machine.image import PYTHON, Image, unpacked

_FROM_DEBIAN = ("pyaudio",)
_COMPILED = "lgpio"
_GLIBC = range(17, 42)


def collect(image: Image, pyproject: Path, folder: Path) -> None:
    """Fill a folder with wheels for all that the appliance and the token server need on a Pi.

    Does nothing when the folder was filled for these requirements before.

    Raises:
        subprocess.CalledProcessError: pip failed; its `output` has what it said.
    """
    wanted = sorted(_requirements(pyproject))
    stamp = folder / "requirements.txt"
    if stamp.exists() and stamp.read_text().splitlines() == wanted:
        return
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    _download(folder, "--only-binary=:all:", *_for_the_guest(), *_binary(wanted))
    _compile(image, folder, next(name for name in wanted if name.startswith(_COMPILED)))
    stamp.write_text("\n".join(wanted) + "\n")


def _requirements(pyproject: Path) -> Iterator[str]:
    project = tomllib.loads(pyproject.read_text())["project"]
    yield from project["dependencies"]
    yield from project["optional-dependencies"]["pi"]
    yield from project["optional-dependencies"]["tokens"]


def _binary(requirements: list[str]) -> list[str]:
    return [name for name in requirements if not name.startswith((*_FROM_DEBIAN, _COMPILED))]


def _for_the_guest() -> Iterator[str]:
    yield f"--python-version={PYTHON}"
    yield "--implementation=cp"
    for minor in _GLIBC:
        yield f"--platform=manylinux_2_{minor}_{os.uname().machine}"
    yield f"--platform=manylinux2014_{os.uname().machine}"


def _compile(image: Image, folder: Path, requirement: str) -> None:
    """Make a wheel of a package that has none: it wants nothing but what the image's system has."""
    root = image.folder / "build"
    shutil.rmtree(root, ignore_errors=True)
    unpacked(image.system, root)
    sources = root / "sources"
    sources.mkdir()
    _download(sources, "--no-deps", "--no-binary=:all:", requirement)
    pip = "python3 -m pip wheel --quiet --no-index --no-deps --no-build-isolation -w /built"
    shell = ["chroot", str(root), "sh", "-c", f"PYPI=1 {pip} /sources/*"]
    _run(shell)
    for wheel in (root / "built").iterdir():
        shutil.copy(wheel, folder)
    shutil.rmtree(root)


def _download(folder: Path, *arguments: str) -> None:
    pip = [sys.executable, "-m", "pip", "download", "--quiet", "--dest", str(folder)]
    _run([*pip, *arguments])


def _run(command: list[str]) -> None:
    subprocess.run(command, check=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
