"""Contact sheets: the reference pictures of everything that the screen can show.

A sheet is a PNG of one bit a pixel with a cell for each scene; its metadata name the cells and the
fonts and libraries that it was drawn with.
"""

import hashlib
import json
from pathlib import Path
from typing import NamedTuple

from PIL import Image, features
from PIL.PngImagePlugin import PngInfo

from appliance.screen.render import fonts
from tests.screen.catalogue import GROUPS, RENDERERS

FOLDER = Path(__file__).parent / "sheets"
ACROSS = 1024
"""Approximate width of a sheet, in pixels."""


class Sheet(NamedTuple):
    """Pictures of one size by the names of their scenes, and the fonts they were drawn with."""

    pictures: dict[str, Image.Image]
    drawn_with: str


def names() -> list[str]:
    """Return the names of all sheets: size and group of scenes."""
    return [f"{size}-{group}" for size in RENDERERS for group in GROUPS]


def drawn(name: str) -> Sheet:
    """Return the sheet as the program draws it now."""
    size, group = name.rsplit("-", 1)
    renderer = RENDERERS[size]
    pictures = {scene: renderer.draw(it) for scene, it in GROUPS[group]().items()}
    return Sheet(pictures, type_in_use())


def accepted(name: str) -> Sheet:
    """Return the sheet as it was accepted."""
    with Image.open(FOLDER / f"{name}.png") as page:
        cells = json.loads(page.info["cells"])
        size = tuple(json.loads(page.info["size"]))
        page.load()
    places = _places(len(cells), size)
    pictures = {
        cell: page.crop((x, y, x + size[0], y + size[1]))
        for cell, (x, y) in zip(cells, places, strict=True)
    }
    return Sheet(pictures, page.info["drawn with"])


def save(sheet: Sheet, path: Path) -> None:
    """Write a sheet."""
    size = next(iter(sheet.pictures.values())).size
    places = _places(len(sheet.pictures), size)
    width = max(x for x, _ in places) + size[0] + 1
    height = max(y for _, y in places) + size[1] + 1
    page = Image.new("1", (width, height), 1)
    for picture, place in zip(sheet.pictures.values(), places, strict=True):
        page.paste(picture, place)
    about = PngInfo()
    about.add_text("cells", json.dumps(list(sheet.pictures)))
    about.add_text("size", json.dumps(size))
    about.add_text("drawn with", sheet.drawn_with)
    page.save(path, optimize=True, pnginfo=about)


def type_in_use() -> str:
    """Return the versions of libraries and fonts; with others, letters may move by a pixel."""
    files = sorted({*fonts.LARGE, *fonts.MEDIUM, *fonts.EVERYTHING})
    contents = b"".join(path.read_bytes() for path in files if path.exists())
    libraries = [f"{name} {features.version(name)}" for name in ("freetype2", "raqm", "harfbuzz")]
    return ", ".join([*libraries, f"fonts {hashlib.sha256(contents).hexdigest()[:16]}"])


def _places(count: int, size: tuple[int, int]) -> list[tuple[int, int]]:
    """Return the places of the cells of a sheet, with a line between any two."""
    columns = ACROSS // size[0]
    return [
        (1 + number % columns * (size[0] + 1), 1 + number // columns * (size[1] + 1))
        for number in range(count)
    ]
