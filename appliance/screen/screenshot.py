"""Screenshot: a picture enlarged, in the colours of an OLED."""

from PIL import Image, ImageChops

DARK = (6, 9, 14)
BETWEEN = (70, 95, 120)
LIT = (196, 232, 255)
"""The panel, the gap between two lit pixels, and a lit pixel."""

FRAME = 4
"""Dark pixels around the picture."""

GAPS_FROM = 4
"""Smallest scale at which the gaps between pixels are drawn, one pixel wide."""


def enlarged(picture: Image.Image, scale: int = 4) -> Image.Image:
    """Return a one-bit picture with pixels of `scale` by `scale`, in a dark frame.

    The result has mode "P".
    """
    width, height = picture.size
    framed = Image.new("1", (width + 2 * FRAME, height + 2 * FRAME))
    framed.paste(picture, (FRAME, FRAME))
    size = (framed.width * scale, framed.height * scale)
    lit = framed.resize(size, Image.Resampling.NEAREST)
    page = Image.new("P", size)
    page.putpalette([*DARK, *BETWEEN, *LIT])
    page.paste(1, mask=lit)
    page.paste(2, mask=ImageChops.logical_and(lit, _grid(size, scale)))
    return page


def _grid(size: tuple[int, int], scale: int) -> Image.Image:
    """Return a mask without the last row and column of each enlarged pixel."""
    grid = Image.new("1", size, 1)
    if scale >= GAPS_FROM:
        for x in range(scale - 1, size[0], scale):
            grid.paste(0, (x, 0, x + 1, size[1]))
        for y in range(scale - 1, size[1], scale):
            grid.paste(0, (0, y, size[0], y + 1))
    return grid
