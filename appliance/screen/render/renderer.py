"""Renderer of scenes as one-bit pictures; equal scenes give equal pictures."""

from collections.abc import Sequence
from typing import NamedTuple, Self

from PIL import Image

from appliance.screen import texts
from appliance.screen.render.fonts import Typeface, typeface
from appliance.screen.render.line import Line, draw_line, line_extent, line_start, line_width
from appliance.screen.render.line_spacing import Column, place_lines
from appliance.screen.render.status_bar import STATUS_HEIGHT, draw_status_bar
from appliance.screen.render.text_layout import is_cut, latest_lines, message_lines
from appliance.screen.render.text_size import SMALLEST, TextArea, closest_pitch, spread
from appliance.screen.scene import Mode, Scene
from appliance.settings.schema import DisplaySettings

SMALL = 11
"""Pixels from line to line of small type."""

HEADLINES = (18, 16)
"""Pixels from line to line of a headline; the first that leaves room for the rest is used."""

HUGE_HEADLINES_UP_TO = 2
"""Lines of transcript up to which headlines are as large as the transcript."""

NOTICE_LINES = 2
"""Most lines that a notice takes from the transcript, however long its remedy is."""

FLAT_BELOW = 48
"""Height in pixels below which a panel has no room for a countdown beside a transcript."""

WITHOUT_STATUS = {Mode.STARTING, Mode.STOPPING, Mode.OFF}
"""Modes without a status bar: their message says everything."""


class TextBlock(NamedTuple):
    """Lines in one typeface, `pitch` pixels from one to the next."""

    lines: Sequence[Line]
    type_: Typeface
    pitch: int

    @property
    def height(self) -> int:
        """Pixels from the top of the first line to the bottom of the last."""
        return len(self.lines) * self.pitch


class Renderer:
    """Renderer for a panel of `width` by `height` pixels.

        renderer = Renderer(128, 64)
        picture = renderer.draw(Scene(Mode.READY))

    Args:
        width: pixels across.
        height: pixels down.
        lines: lines of transcript that fill the panel below the status bar; more or fewer where
            they would hold only a word, or be too small to read.
        font: path of a TrueType font to prefer; empty for the default ones.

    Attributes:
        size: width and height.
    """

    def __init__(self, width: int = 128, height: int = 64, lines: int = 3, font: str = "") -> None:
        self.size = (width, height)
        self._lines, self._font = lines, font
        self._area = TextArea(width, height, font)
        self._of_other_lines: Renderer | None = None
        self._canvas = self._area.canvas
        self._text = self._area.typeface(lines)
        self._small, self._smallest = typeface(SMALL, font), typeface(SMALLEST, font)
        self._status = self._small if self._text.pitch >= SMALL else self._smallest
        large = [typeface(pitch, font) for pitch in HEADLINES]
        if lines <= HUGE_HEADLINES_UP_TO:
            large.insert(0, self._text)
        little = [self._small, self._smallest]
        # Details grow smaller before a headline becomes one of them.
        self._message_types = [
            (headline, detail)
            for headlines in (large, little)
            for detail in little
            for headline in headlines
        ]

    @classmethod
    def for_settings(cls, settings: DisplaySettings) -> Self:
        """Return the renderer for these settings."""
        area = TextArea.of(settings)
        return cls(area.width, area.height, settings.lines, settings.font)

    def draw(self, scene: Scene, shift: tuple[int, int] = (0, 0)) -> Image.Image:
        """Return the scene as a one-bit picture (mode "1", lit pixels are not 0).

        `shift` moves it by pixels across and down, at most by `burn_in.MARGIN`.
        """
        picture = Image.new("1", self.size)
        picture.paste(self._with_lines(scene.appearance.lines)._drawn(scene), shift)
        return _reversed(picture) if scene.reverse_video else picture

    def _with_lines(self, lines: int | None) -> "Renderer":
        """Return a renderer with so many lines: this one, unless another number is asked for."""
        if lines is None or lines == self._lines:
            return self
        if self._of_other_lines is None or self._of_other_lines._lines != lines:
            self._of_other_lines = Renderer(*self.size, lines, self._font)
        return self._of_other_lines

    def _drawn(self, scene: Scene) -> Image.Image:
        picture = Image.new("1", self._canvas)
        flat = self._canvas[1] < FLAT_BELOW and scene.power_off_in
        if scene.mode in texts.IN_SESSION and scene.turns and not flat:
            self._draw_status(picture, scene)
            self._draw_transcript(picture, scene)
        else:
            self._draw_message(picture, scene)
        return picture

    def _draw_status(self, picture: Image.Image, scene: Scene) -> None:
        draw_status_bar(picture, scene, self._status, self._smallest)

    def _draw_transcript(self, picture: Image.Image, scene: Scene) -> None:
        type_, width = self._text, self._canvas[0]
        [newest] = latest_lines(scene.turns, type_, width, 1)
        needed = max(closest_pitch(type_, type_.pitch), sum(line_extent(newest, type_)))
        notice = self._draw_notice(picture, scene, needed)
        room = self._area.body - notice
        if needed > room:
            type_ = type_.flat
        count, pitch = spread(type_, type_.pitch, room)
        lines = latest_lines(scene.turns, type_, width, count)
        column = Column(type_, pitch, width, STATUS_HEIGHT, STATUS_HEIGHT + room)
        for line, baseline in place_lines(lines, column):
            draw_line(picture, line, type_, line_start(line, type_, width), baseline, width)

    def _draw_notice(self, picture: Image.Image, scene: Scene, line: int) -> int:
        """Draw remarks, dark on light, along the bottom; return their height.

        A line of transcript, `line` pixels high, stays free above them.
        """
        width, height = self._canvas
        type_ = self._smallest
        remarks = texts.notice(scene)
        lines = [it for remark in remarks for it in message_lines(remark, type_, width - 2)]
        room = (height - STATUS_HEIGHT - line) // SMALLEST
        shown = texts.cut_short(lines, min(NOTICE_LINES, max(1, room)), scene.elapsed)
        band = len(shown) * SMALLEST + 1 if shown else 0
        picture.paste(1, (0, height - band, width, height))
        self._draw_block(picture, TextBlock(shown, type_, SMALLEST), height - band + 1, ink=0)
        return band

    def _draw_message(self, picture: Image.Image, scene: Scene) -> None:
        """Draw a message, its headline as large as the rest leaves room for."""
        message = texts.message(scene)
        top = 0 if scene.mode in WITHOUT_STATUS else STATUS_HEIGHT
        blocks = self._fitting_blocks(message, self._canvas[1] - top)
        if not blocks and scene.mode not in texts.IN_SESSION:
            # The status bar matters less than what is wrong.
            top = 0
            blocks = self._fitting_blocks(message, self._canvas[1])
        room = self._canvas[1] - top
        blocks = blocks or self._crowded_blocks(message, room, scene.elapsed)
        blocks += self._aside(message.aside, room - _height(blocks))
        if top:
            self._draw_status(picture, scene)
        spare = max(0, room - _height(blocks))
        for number, block in enumerate(blocks):
            # A remainder makes the first gaps wider.
            top += (spare + len(blocks) - number) // (len(blocks) + 1)
            self._draw_block(picture, block, top, centred=True)
            top += block.height

    def _fitting_blocks(self, message: texts.ScreenMessage, room: int) -> list[TextBlock]:
        """Return the message's blocks; none if they take more than `room` pixels."""
        for headline, type_ in self._message_types:
            details = [self._block(detail, type_) for detail in message.details]
            blocks = [self._block(message.headline, headline), *details]
            whole = not is_cut(message.headline, headline, self._canvas[0])
            if whole and _height(blocks) <= room:
                return blocks
        return []

    def _crowded_blocks(
        self, message: texts.ScreenMessage, room: int, elapsed: float
    ) -> list[TextBlock]:
        """Return the headline and as many lines of details as there is room for, in turns."""
        crowded = []
        for type_ in (self._small, self._smallest):
            headline = self._block(message.headline, type_)
            count = max(1, (room - headline.height) // type_.pitch)
            lines = [line for it in message.details for line in self._block(it, type_).lines]
            page = texts.page(lines, count, elapsed)
            crowded.append([headline, TextBlock(page, type_, type_.pitch)])
        return max(crowded, key=lambda blocks: len(blocks[1].lines))

    def _aside(self, text: str, room: int) -> list[TextBlock]:
        """Return a remark as a block, if there is room left for it."""
        block = self._block(text, self._small)
        return [block] if block.lines and block.height <= room else []

    def _block(self, text: str, type_: Typeface) -> TextBlock:
        return TextBlock(message_lines(text, type_, self._canvas[0]), type_, type_.pitch)

    def _draw_block(
        self,
        picture: Image.Image,
        block: TextBlock,
        top: int = STATUS_HEIGHT,
        *,
        centred: bool = False,
        ink: int = 1,
    ) -> None:
        width = self._canvas[0]
        lines, type_, pitch = block
        # The first line keeps its place when the others move closer.
        first = top + type_.pitch - type_.descent - (type_.pitch - type_.height) // 2
        margin = 0 if ink else 1
        for number, line in enumerate(lines):
            spare = width - line_width(line, type_, width)
            x = spare // 2 if centred else abs(line_start(line, type_, width) - margin)
            draw_line(picture, line, type_, x, first + number * pitch, width - 2 * margin, ink)


def _reversed(picture: Image.Image) -> Image.Image:
    light = Image.new("1", picture.size, 1)
    light.paste(0, mask=picture)
    return light


def _height(blocks: Sequence[TextBlock]) -> int:
    return sum(block.height for block in blocks)
