"""Fonts for one-bit pictures: typefaces by size, and fallbacks for missing letters."""

import copy
import functools
import itertools
import logging
import math
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple, cast

from PIL import Image, ImageDraw, ImageFont

from appliance.screen.render.bidi import is_right_to_left
from appliance.screen.render.glyphs import (
    GRID,
    Font,
    cell,
    has_all,
    height_above_baseline,
    height_below_baseline,
)
from appliance.screen.render.letters import letters, without_invisible, without_skin_tones

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
"""Smallest size of a bold font: its stems are two whole pixels wide; below, letters clog."""

SMALL_UP_TO = 9
"""Largest size at which DejaVu's letters touch each other and Liberation's do not."""

SMALLEST_SIZE = 6

LETTERS_PER_LINE = 10
"""Least letters of a line."""

UNIFONT_GRID = 16
"""Unifont's letters are drawn on 16x16 pixels: other sizes blur its strokes."""

SHAPED_SCRIPTS = range(0x0590, 0x1100)
"""Hebrew to Burmese: they need Pillow's complex layout, which the first font does not use."""

OVERHANG = 2
"""Pixels by which a letter may reach beyond the start or the end of its word."""

UNDERLINE = 2
"""Rows from the baseline to the dots under a word, where there is room for them."""

NARROWEST_SPACE = 3
"""Least pixels between two words; closer ones read as one."""

ASCENDERS, DESCENDERS = "Hbdfhkl", "gjpqy"

TALL_PITCH = UNIFONT_GRID + 1
"""Least pixels from line to line for letters of Unifont."""


class WordMask(NamedTuple):
    """Word as pixels: a one-bit mask and the width of the word.

    The word starts at the mask's column OVERHANG; its baseline is below the row `ascent`. `cell` is
    what any letters of its fonts take above and below the baseline.
    """

    mask: Image.Image
    width: int
    ascent: int
    cell: tuple[int, int] = (0, 0)


class Typeface:
    """Typeface of one size, which measures words and draws them.

        type_ = typeface(height=16)
        type_.draw(picture, x=0, baseline=14, text="Ready")

    Args:
        font: the first font.
        others: fonts for letters that it lacks. Each is loaded when a letter was not found in those
            before it: a box that only hears English needs none, and they take megabytes.
        height: the largest distance of lines, in pixels.
        named: path of a font that is preferred.
        unshaped: the number of first fonts that some scripts can't use.

    Attributes:
        ascent, descent: pixels of a letter above and below the baseline.
        height: their sum.
        pitch: pixels from line to line.
        underline: the row below the baseline in which dots under a word stand.
        space, narrow_space: pixels between words, usually and at least.
    """

    def __init__(
        self,
        font: Font,
        others: Iterator[Font],
        height: int,
        named: str = "",
        *,
        unshaped: int = 1,
    ) -> None:
        self._fonts = [font]
        self._others = others
        self._named = named
        self._unshaped = unshaped
        self.ascent = height_above_baseline(font, ASCENDERS)
        self.descent = height_below_baseline(font, DESCENDERS)
        self.height = self.ascent + self.descent
        self.pitch = min(height, self.height * 3 // 2)
        self.underline = min(UNDERLINE, self.descent - 1 + (self.pitch - self.height) // 2)
        self._font_for = functools.lru_cache(4096)(self._find_font)
        self._set = functools.lru_cache(1024)(self._draw_mask)
        self.space = max(NARROWEST_SPACE, self.width(" "))
        self.narrow_space = min(NARROWEST_SPACE, self.space - 1)

    def width(self, text: str) -> int:
        """Return the width of the text in pixels."""
        return self._set(text).width

    @functools.cached_property
    def tall(self) -> "Typeface":
        """The typeface for letters that need many pixels; this one, if it is large enough."""
        return self if self.pitch >= TALL_PITCH else typeface(TALL_PITCH, self._named)

    @functools.cached_property
    def flat(self) -> "Typeface":
        """The same typeface for lines that have no room for more pixels."""
        same = copy.copy(self)
        same.tall = same
        return same

    def extent(self, text: str, *, whole_cell: bool = False) -> tuple[int, int]:
        """Return the pixels of the text above and below the baseline.

        `whole_cell`: the same ones for all letters of a font like Unifont, whose letters fill a
        cell of a grid.
        """
        word = self._set(text)
        above, below = word.ascent, word.mask.height - word.ascent
        if whole_cell:
            return max(above, word.cell[0]), max(below, word.cell[1])
        return above, below

    def draw(self, picture: Image.Image, x: int, baseline: int, text: str, ink: int = 1) -> None:
        """Draw the text on the picture, with its first letter's origin at (x, baseline)."""
        word = self._set(text)
        picture.paste(ink, (x - OVERHANG, baseline - word.ascent), word.mask)

    def _draw_mask(self, text: str) -> WordMask:
        runs = [(font, run, round(font.getlength(run, mode="1"))) for font, run in self._runs(text)]
        width = sum(run_width for _, _, run_width in runs)
        ascent = max((height_above_baseline(font, run) for font, run, _ in runs), default=0)
        descent = max((height_below_baseline(font, run) for font, run, _ in runs), default=0)
        mask = Image.new("1", (width + 2 * OVERHANG, ascent + descent))
        draw = ImageDraw.Draw(mask)
        draw.fontmode = "1"
        x = OVERHANG
        for font, run, run_width in runs:
            draw.text((x, ascent), run, fill=1, font=font, anchor="ls")
            x += run_width
        cells = [(0, 0), *(cell(font) for font, _, _ in runs)]
        return WordMask(mask, width, ascent, max(cells))

    def _runs(self, text: str) -> Iterator[tuple[Font, str]]:
        """Split the text where the font changes, from left to right; accents stay with a letter."""
        # Complex layout applies to a whole word, so that its punctuation is at the right end.
        shaped = any(ord(character) in SHAPED_SCRIPTS for character in text)
        plain = without_skin_tones(text)
        visible = plain if shaped else without_invisible(plain)
        # With a font of its own, a comma would be drawn before a word of Hebrew, on its right.
        whole = shaped or any(it.isalpha() and not has_all(self._fonts[0], it) for it in visible)
        parts = [visible] if whole and self._has_font(visible, shaped) else letters(visible)
        placed = [(self._font_for(part, shaped), part) for part in parts]
        runs = [
            (font, "".join(part for _, part in run))
            for font, run in itertools.groupby(placed, key=lambda pair: pair[0])
        ]
        return reversed(runs) if is_right_to_left(visible) else iter(runs)

    def _has_font(self, word: str, shaped: bool) -> bool:
        """Return whether one font has the whole word."""
        return bool(word) and has_all(self._font_for(word, shaped), word)

    def _find_font(self, letter: str, shaped: bool) -> Font:
        """Return the first font that has the letter with its accents, or else the letter alone."""
        for wanted in (letter, letter[0]):
            for font in itertools.islice(self._all_fonts(), self._unshaped if shaped else 0, None):
                if has_all(font, wanted):
                    return font
        return self._fonts[0]

    def _all_fonts(self) -> Iterator[Font]:
        """Yield the fonts loaded so far, then load the others one by one."""
        yield from self._fonts
        for font in self._others:
            self._fonts.append(font)
            yield font


@functools.lru_cache(16)
def typeface(height: int, named: str = "", width: float = math.inf) -> Typeface:
    """Return the largest typeface for lines that are `height` pixels apart.

    Args:
        height: pixels from line to line.
        named: path of a TrueType font to prefer; the default fonts are used if it can't be read.
        width: pixels of a line, which holds at least LETTERS_PER_LINE letters.
    """
    sizes = range(height, SMALLEST_SIZE, -1)
    fits = (size for size in sizes if _fits(_first(size, named), height, width))
    size = next(fits, SMALLEST_SIZE)
    # A named font comes again, with the complex layout that some scripts need.
    paths = (Path(named), *EVERYTHING) if named else EVERYTHING
    # Letters like those of Vietnamese, in the weight of the words around them.
    bold = [it for it in LARGE[1:] if size >= LARGE_FROM and not named and it.exists()]
    others = itertools.chain(
        (_load(path, size, ImageFont.Layout.BASIC) for path in bold),
        (_load(path, _grid_size(path, size, height)) for path in paths),
    )
    loaded = (font for font in others if font)
    return Typeface(_first(size, named), loaded, height, named, unshaped=1 + len(bold))


def _fits(font: Font, height: int, width: float) -> bool:
    """Return whether lines of the font have some space between them; accents may be in it."""
    ascent, accented = (height_above_baseline(font, tall) for tall in (ASCENDERS, "\u00c9"))
    needed = ascent + height_below_baseline(font, DESCENDERS) + _leading(height)
    wide = font.getlength("n" * LETTERS_PER_LINE, mode="1")
    return needed <= height and accented <= height + 1 and wide <= width


def _leading(height: int) -> int:
    """Return the pixels between lines that are `height` apart."""
    if height > 12:
        return height * 2 // 9
    return 1 if height > SMALL_UP_TO else 0


@functools.cache
def _first(size: int, named: str) -> Font:
    usual = LARGE if size >= LARGE_FROM else MEDIUM if size > SMALL_UP_TO else SMALL
    paths = (Path(named), *usual) if named else usual
    # Only the basic layout has hinted advances, which keep letters on whole pixels.
    fonts = (_load(path, size, ImageFont.Layout.BASIC) for path in paths)
    return next((font for font in fonts if font), None) or _built_in(size)


def _built_in(size: int) -> Font:
    try:
        return cast("Font", ImageFont.load_default(size))
    except TypeError:  # Pillow before 10.1 has one size
        return cast("Font", ImageFont.load_default())


@functools.cache
def _load(path: Path, size: int, layout: ImageFont.Layout | None = None) -> Font | None:
    try:
        return ImageFont.truetype(str(path), size, layout_engine=layout)
    except OSError as error:
        _log_once(path, str(error))
        return None


@functools.cache
def _log_once(path: Path, reason: str) -> None:
    log.info("font %s can't be used: %s", path, reason)


def _grid_size(path: Path, size: int, height: int) -> int:
    if GRID not in path.name:
        return size
    return max(1, height // UNIFONT_GRID) * UNIFONT_GRID if height >= UNIFONT_GRID else height
