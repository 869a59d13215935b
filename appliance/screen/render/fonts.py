"""Type for one-bit pixels: fonts, their sizes, and the letters that a font lacks."""

import functools
import itertools
import logging
import math
import unicodedata
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple, cast

from PIL import Image, ImageDraw, ImageFont

log = logging.getLogger(__name__)

FONTS = Path("/usr/share/fonts")
LARGE = (
    FONTS / "truetype/liberation/LiberationSans-Bold.ttf",
    FONTS / "truetype/dejavu/DejaVuSans-Bold.ttf",
)
MEDIUM = (
    FONTS / "truetype/dejavu/DejaVuSans.ttf",
    FONTS / "truetype/liberation/LiberationSans-Regular.ttf",
)
SMALL = tuple(reversed(MEDIUM))
EVERYTHING = (
    FONTS / "truetype/dejavu/DejaVuSans.ttf",
    FONTS / "opentype/unifont/unifont.otf",
    FONTS / "opentype/unifont/unifont_upper.otf",
)
"""Debian's fonts-liberation, fonts-dejavu-core and fonts-unifont."""

LARGE_FROM = 13
"""From this size on a bold stem is two whole pixels wide and stays open; below it clogs."""

SMALL_TO = 9
"""Up to this size DejaVu's letters run into each other; Liberation's don't."""

SMALLEST_SIZE = 6

LETTERS_A_LINE = 10
"""A line that holds fewer is no line but a word."""

UNIFONT_GRID = 16
"""Unifont is drawn on 16x16 pixels: at other sizes its strokes fall between the pixels."""

SHAPED = range(0x0590, 0x1100)
"""Hebrew to Burmese: they need Pillow's complex layout, which the first font goes without."""

OVERHANG = 2
"""Pixels by which a letter may reach over the start or the end of its word."""

NARROWEST_SPACE = 3
"""Pixels between two words below which they read as one."""

ASCENDERS, DESCENDERS = "Hbdfhkl", "gjpqy"

VARIATIONS = frozenset(map(chr, range(0xFE00, 0xFE10)))

NO_CHARACTER = "\U0010fffe"

Font = ImageFont.FreeTypeFont


class Setting(NamedTuple):
    """A word as pixels: a one-bit mask, and how far the word's end is from its start.

    Its start is the mask's column OVERHANG, its baseline below the row `ascent`.
    """

    mask: Image.Image
    width: int
    ascent: int


class Typeface:
    """Type of one size: measures words and puts them on a picture.

    Args:
        font: the font to set with.
        others: where letters come from that it lacks. Each is loaded when a letter was not found
            in those before it: a box that only hears English needs none, and they take megabytes.
        height: the most pixels that its lines may stand apart.
    """

    def __init__(self, font: Font, others: Iterator[Font], height: int) -> None:
        self._fonts = [font]
        self._others = others
        self.ascent = _height_above_baseline(font, ASCENDERS)
        self.descent = _height_below_baseline(font, DESCENDERS)
        self.height = self.ascent + self.descent
        self.pitch = min(height, self.height * 3 // 2)
        self._font_for = functools.lru_cache(4096)(self._find_font)
        self._set = functools.lru_cache(1024)(self._draw_mask)
        self.space = max(NARROWEST_SPACE, self.width(" "))
        self.narrow_space = min(NARROWEST_SPACE, self.space - 1)

    def width(self, text: str) -> int:
        """Return how many pixels the text takes along the line."""
        return self._set(text).width

    def draw(self, picture: Image.Image, x: int, baseline: int, text: str, ink: int = 1) -> None:
        """Put the text on the picture, its first letter's origin at (x, baseline)."""
        mask, _, ascent = self._set(text)
        picture.paste(ink, (x - OVERHANG, baseline - ascent), mask)

    def _draw_mask(self, text: str) -> Setting:
        runs = [(font, run, round(font.getlength(run, mode="1"))) for font, run in self._runs(text)]
        width = sum(run_width for _, _, run_width in runs)
        ascent = max((_height_above_baseline(font, run) for font, run, _ in runs), default=0)
        descent = max((_height_below_baseline(font, run) for font, run, _ in runs), default=0)
        mask = Image.new("1", (width + 2 * OVERHANG, ascent + descent))
        draw = ImageDraw.Draw(mask)
        draw.fontmode = "1"
        x = OVERHANG
        for font, run, run_width in runs:
            draw.text((x, ascent), run, fill=1, font=font, anchor="ls")
            x += run_width
        return Setting(mask, width, ascent)

    def _runs(self, text: str) -> Iterator[tuple[Font, str]]:
        """Cut the text where the font changes; accents stay with the letter they stand on."""
        # All of a word that needs complex layout has it, so that its marks stand at the right end.
        shaped = any(ord(character) in SHAPED for character in text)
        seen = text if shaped else _without_unseen(text)
        placed = [(self._font_for(letter, shaped), letter) for letter in letters(seen)]
        for font, run in itertools.groupby(placed, key=lambda pair: pair[0]):
            yield font, "".join(letter for _, letter in run)

    def _find_font(self, letter: str, shaped: bool) -> Font:
        """Return the first font that has the letter with its accents, or at least the letter."""
        for wanted in (letter, letter[0]):
            for font in itertools.islice(self._all_fonts(), int(shaped), None):
                if all(_has(font, character) for character in wanted):
                    return font
        return self._fonts[0]

    def _all_fonts(self) -> Iterator[Font]:
        """Yield the fonts known so far, then those that must be loaded first."""
        yield from self._fonts
        for font in self._others:
            self._fonts.append(font)
            yield font


@functools.lru_cache(16)
def typeface(height: int, named: str = "", width: float = math.inf) -> Typeface:
    """Return the largest type whose lines can stand `height` pixels apart.

    `named` is the path of a TrueType font to prefer; where it can't be read the usual ones serve.
    Lines of `width` pixels hold at least LETTERS_A_LINE letters.
    """
    sizes = range(height, SMALLEST_SIZE, -1)
    fits = (size for size in sizes if _fits(_first(size, named), height, width))
    size = next(fits, SMALLEST_SIZE)
    others = (_load(path, _grid_size(path, size, height)) for path in EVERYTHING)
    return Typeface(_first(size, named), (font for font in others if font), height)


def _fits(font: Font, height: int, width: float) -> bool:
    """Tell whether lines of the font have some space between them; accents may stand in it."""
    ascent, accented = (_height_above_baseline(font, tall) for tall in (ASCENDERS, "\u00c9"))
    needed = ascent + _height_below_baseline(font, DESCENDERS) + _leading(height)
    wide = font.getlength("n" * LETTERS_A_LINE, mode="1")
    return needed <= height and accented <= height + 1 and wide <= width


def _leading(height: int) -> int:
    """Return the pixels to leave between lines that stand `height` apart."""
    if height > 12:
        return height * 2 // 9
    return 1 if height > SMALL_TO else 0


@functools.cache
def _first(size: int, named: str) -> Font:
    usual = LARGE if size >= LARGE_FROM else MEDIUM if size > SMALL_TO else SMALL
    paths = (Path(named), *usual) if named else usual
    # Only the basic layout gives hinted advances, which keep the letters of one-bit type in step.
    fonts = (_load(path, size, ImageFont.Layout.BASIC) for path in paths)
    return next((font for font in fonts if font), None) or _built_in(size)


def _built_in(size: int) -> Font:
    try:
        return cast("Font", ImageFont.load_default(size))
    except TypeError:  # Pillow has it in sizes from 10.1 on
        return cast("Font", ImageFont.load_default())


@functools.cache
def _load(path: Path, size: int, layout: ImageFont.Layout | None = None) -> Font | None:
    try:
        return ImageFont.truetype(str(path), size, layout_engine=layout)
    except OSError as error:
        _tell_once(path, str(error))
        return None


@functools.cache
def _tell_once(path: Path, reason: str) -> None:
    log.info("font %s can't be used: %s", path, reason)


def _grid_size(path: Path, size: int, height: int) -> int:
    if "unifont" not in path.name:
        return size
    return max(1, height // UNIFONT_GRID) * UNIFONT_GRID if height >= UNIFONT_GRID else height


def letters(text: str) -> list[str]:
    """Return the text's letters, each with the accents that stand on it."""
    found: list[str] = []
    for character in text:
        if found and unicodedata.category(character) in {"Mn", "Mc", "Me", "Cf"}:
            found[-1] += character
        else:
            found.append(character)
    return found


def _without_unseen(text: str) -> str:
    """Leave out what only tells how to set a text: without complex layout that shows as boxes."""
    return "".join(it for it in text if it not in VARIATIONS and unicodedata.category(it) != "Cf")


def _has(font: Font, character: str) -> bool:
    if unicodedata.category(character) == "Cf":  # complex layout obeys it, whatever the font
        return True
    plain = _unshaped(font)
    return _pixels(plain, character) != _blank(plain)


@functools.cache
def _unshaped(font: Font) -> Font:
    """Return the font without complex layout, which puts a dotted circle before a lone accent."""
    return font.font_variant(layout_engine=ImageFont.Layout.BASIC)


@functools.cache
def _blank(font: Font) -> tuple[tuple[int, int], bytes]:
    """Return what the font shows for a character that it lacks."""
    return _pixels(font, NO_CHARACTER)


def _pixels(font: Font, character: str) -> tuple[tuple[int, int], bytes]:
    mask = font.getmask(character, mode="1")
    return mask.size, bytes(mask)


def _height_above_baseline(font: Font, letters: str) -> int:
    return -round(font.getbbox(letters, mode="1", anchor="ls")[1])


def _height_below_baseline(font: Font, letters: str) -> int:
    return round(font.getbbox(letters, mode="1", anchor="ls")[3])
