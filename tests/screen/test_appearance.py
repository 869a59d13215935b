import itertools

import pytest
from msgspec.structs import replace

from appliance.core.command_events import Request
from appliance.screen.appearance import appearance_after
from appliance.screen.render import fonts
from appliance.screen.render.renderer import Renderer
from appliance.screen.render.status_bar import STATUS_HEIGHT
from appliance.screen.render.text_size import FEWEST_LINES, MOST_LINES
from appliance.screen.scene import Appearance, Mode, Scene, ShownTurn
from appliance.settings.schema import DRIVERS, OLEDS, DisplaySettings

SIZES = [(128, 64), (64, 128), (128, 32), (256, 64), (128, 128), (96, 96), (96, 64), (64, 48)]
PANELS = [
    DisplaySettings(width=width, height=height, rotate=rotate)
    for width, height in [*SIZES, (160, 128), (256, 128), (64, 32)]
    for rotate in (0, 1)
]
EVERY_PANEL = pytest.mark.parametrize(
    "panel", PANELS, ids=lambda it: f"{it.width}x{it.height}-{it.rotate}"
)
LINES = range(FEWEST_LINES, MOST_LINES + 1)
TURNS = tuple(ShownTurn("H") for _ in range(20))


def steps(request: Request, settings: DisplaySettings, appearance: Appearance) -> list[Appearance]:
    """Return the appearances to which the same request leads, again and again."""
    appearances = [appearance]
    while (changed := appearance_after(appearances[-1], request, settings)) and len(
        appearances
    ) < 9:
        appearances.append(changed)
    return appearances[1:]


def lines_after(
    request: Request, settings: DisplaySettings, lines: int | None = None
) -> list[int | None]:
    return [it.lines for it in steps(request, settings, Appearance(lines=lines))]


def contrasts_after(request: Request, contrast: int, driver: str = "ssd1306") -> list[int | None]:
    settings = DisplaySettings(driver=driver, contrast=contrast)
    return [it.contrast for it in steps(request, settings, Appearance())]


def seen(settings: DisplaySettings, lines: int) -> tuple[int, int]:
    """Return how large so many lines look: pixels of a capital, and from the last line to it."""
    scene = Scene(Mode.LISTENING, turns=TURNS, appearance=Appearance(lines=lines))
    body = (
        Renderer.for_settings(settings).draw(scene).crop((0, STATUS_HEIGHT + 1, 9, max(SIZES)[0]))
    )
    rows = [bool(body.crop((0, y, 9, y + 1)).getbbox()) for y in range(body.height)]
    before, last = [y for y in range(1, body.height) if rows[y] and not rows[y - 1]][-2:]
    return sum(rows[last:]), last - before


def test_the_usual_panel_goes_from_two_lines_to_six_one_by_one() -> None:
    usual = DisplaySettings()
    assert lines_after(Request.BIGGER, usual) == [2]
    assert lines_after(Request.SMALLER, usual) == [4, 5, 6]
    assert lines_after(Request.BIGGER, usual, 6) == [5, 4, 3, 2]


@pytest.mark.parametrize("lines", LINES)
@EVERY_PANEL
def test_each_step_is_visible_and_no_visible_step_is_left_out(
    panel: DisplaySettings, lines: int
) -> None:
    bigger = [lines, *filter(None, lines_after(Request.BIGGER, panel, lines))]
    smaller = [lines, *filter(None, lines_after(Request.SMALLER, panel, lines))]
    for before, after in itertools.pairwise(bigger):
        assert seen(panel, after) > seen(panel, before)
    for before, after in itertools.pairwise(smaller):
        assert seen(panel, after) < seen(panel, before)
    assert len({seen(panel, it) for it in range(FEWEST_LINES, bigger[-1] + 1)}) == 1
    assert len({seen(panel, it) for it in range(smaller[-1], MOST_LINES + 1)}) == 1


@EVERY_PANEL
def test_a_step_and_back_restores_the_size(panel: DisplaySettings) -> None:
    for lines, (there, back) in itertools.product(
        LINES, itertools.permutations((Request.BIGGER, Request.SMALLER))
    ):
        for changed in lines_after(there, panel, lines)[:1]:
            again = lines_after(back, panel, changed)[0]
            assert again
            assert seen(panel, again) == seen(panel, lines)


def test_no_letters_are_larger_where_the_width_limits_them() -> None:
    for narrow in (DisplaySettings(rotate=1), DisplaySettings(width=64, height=128)):
        assert (
            lines_after(Request.BIGGER, narrow, 6) == lines_after(Request.SMALLER, narrow, 2) == []
        )
    for square in (DisplaySettings(width=128, height=128), DisplaySettings(width=96, height=96)):
        assert lines_after(Request.BIGGER, square) == []
        assert lines_after(Request.SMALLER, square) == [5, 6]


def test_more_lines_than_a_flat_panel_has_count_as_those_that_it_has() -> None:
    flat = DisplaySettings(width=64, height=48, lines=6)
    assert lines_after(Request.BIGGER, flat) == [3, 2]
    assert lines_after(Request.SMALLER, flat) == []
    assert lines_after(Request.BIGGER, DisplaySettings(height=32, lines=6)) == []


def test_a_change_starts_from_the_present_appearance_and_keeps_the_rest_of_it() -> None:
    settings = DisplaySettings(lines=2, contrast=128)
    appearance = Appearance(lines=5, contrast=16)
    assert appearance_after(appearance, Request.BIGGER, settings) == Appearance(4, 16)
    assert appearance_after(appearance, Request.SMALLER, settings) == Appearance(6, 16)
    assert appearance_after(appearance, Request.BRIGHTER, settings) == Appearance(5, 64)
    assert appearance_after(appearance, Request.DARKER, settings) == Appearance(5, 1)
    assert appearance_after(Appearance(), Request.SMALLER, settings) == Appearance(3, None)
    assert appearance_after(Appearance(), Request.DARKER, settings) == Appearance(None, 64)


@EVERY_PANEL
def test_a_request_needs_hardly_any_new_type(panel: DisplaySettings) -> None:
    for lines, request in itertools.product(LINES, (Request.BIGGER, Request.SMALLER)):
        fonts.typeface.cache_clear()
        Renderer.for_settings(replace(panel, lines=lines))
        before = fonts.typeface.cache_info().misses
        appearance_after(Appearance(lines=lines), request, panel)
        assert fonts.typeface.cache_info().misses - before <= 2


def test_contrast_goes_up_and_down_by_steps_and_no_further() -> None:
    assert contrasts_after(Request.DARKER, 255) == [128, 64, 16, 1]
    assert contrasts_after(Request.BRIGHTER, 1) == [16, 64, 128, 255]


@pytest.mark.parametrize(
    ("contrast", "brighter", "darker"),
    [
        (0, 1, None),
        (2, 16, 1),
        (15, 16, 1),
        (17, 64, 16),
        (100, 128, 64),
        (129, 255, 128),
        (254, 255, 128),
    ],
)
def test_from_between_two_steps_it_goes_to_the_nearer_one_on_that_side(
    contrast: int, brighter: int, darker: int | None
) -> None:
    settings = DisplaySettings(contrast=contrast)
    assert appearance_after(Appearance(), Request.BRIGHTER, settings) == Appearance(
        contrast=brighter
    )
    assert appearance_after(Appearance(), Request.DARKER, settings) == (
        darker and Appearance(contrast=darker)
    )


@pytest.mark.parametrize("driver", DRIVERS)
def test_only_an_oled_has_a_contrast(driver: str) -> None:
    shines = driver in OLEDS
    assert contrasts_after(Request.BRIGHTER, 64, driver) == ([128, 255] if shines else [])
    assert contrasts_after(Request.DARKER, 64, driver) == ([16, 1] if shines else [])


def test_on_a_terminal_letters_have_their_sizes() -> None:
    assert lines_after(Request.SMALLER, DisplaySettings(driver="terminal")) == [4, 5, 6]
