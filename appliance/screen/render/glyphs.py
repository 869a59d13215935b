"""Glyphs of a font: which letters it has, and how far they reach."""

import functools
import unicodedata
from pathlib import Path

from PIL import ImageFont

NO_CHARACTER = "\U0010fffe"

GRID = "unifont"
"""Part of the file name of fonts whose letters fill a cell of a grid."""

Font = ImageFont.FreeTypeFont


def has_all(font: Font, text: str) -> bool:
    """Return whether the font has all characters of the text."""
    return all(_has(font, character) for character in text)


def cell(font: Font) -> tuple[int, int]:
    """Return what any letter takes above and below the baseline; nothing if letters differ."""
    on_grid = GRID in Path(str(getattr(font, "path", ""))).name
    return font.getmetrics() if on_grid else (0, 0)


@functools.lru_cache(4096)
def _has(font: Font, character: str) -> bool:
    if unicodedata.category(character) == "Cf":  # handled by complex layout in any font
        return True
    plain = _unshaped(font)
    return _pixels(plain, character) != _blank(plain)


@functools.cache
def _unshaped(font: Font) -> Font:
    """Return the font without complex layout, which adds a dotted circle to a lone accent."""
    return font.font_variant(layout_engine=ImageFont.Layout.BASIC)


@functools.cache
def _blank(font: Font) -> tuple[tuple[int, int], bytes]:
    """Return the pixels that the font draws for a missing character."""
    return _pixels(font, NO_CHARACTER)


def _pixels(font: Font, character: str) -> tuple[tuple[int, int], bytes]:
    mask = font.getmask(character, mode="1")
    return mask.size, bytes(mask)


def height_above_baseline(font: Font, letters: str) -> int:
    """Return the pixels from the baseline to the top of the letters."""
    return -round(font.getbbox(letters, mode="1", anchor="ls")[1])


def height_below_baseline(font: Font, letters: str) -> int:
    """Return the pixels from the baseline to the bottom of the letters."""
    return round(font.getbbox(letters, mode="1", anchor="ls")[3])
