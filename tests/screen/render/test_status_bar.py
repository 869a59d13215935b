import itertools

import msgspec
import pytest
from PIL import Image

from appliance.screen.render import icons
from appliance.screen.render.renderer import Renderer
from appliance.screen.render.status_bar import GAP, LEVEL_WIDTH, STATUS_HEIGHT
from appliance.screen.scene import Mode, Scene
from tests.screen.catalogue import RENDERERS, TURNS

FALLBACK = Scene(Mode.LISTENING, elapsed=751, level=0.7, turns=TURNS, on_fallback=True)
WORD = icons.SIZE + GAP
"""Start of the state's word."""

LATE = list(itertools.product(RENDERERS, (3, 30, 59, 60, 754, 3599), (4, 751, 4217)))


def line(renderer: Renderer, scene: Scene) -> Image.Image:
    picture = renderer.draw(scene)
    return picture.crop((0, 0, picture.width, STATUS_HEIGHT))


def lit(line: Image.Image, start: int, end: int) -> bool:
    """Return whether anything is drawn from one column to the other."""
    return line.crop((start, 0, end, line.height)).getbbox() is not None


def end_of_word(renderer: Renderer, scene: Scene) -> int:
    """Return where the state's word ends."""
    word = line(renderer, msgspec.structs.replace(scene, elapsed=0)).crop(
        (WORD, 0, 64, STATUS_HEIGHT)
    )
    box = word.getbbox()
    assert box
    return WORD + box[2]


@pytest.mark.parametrize(("size", "waiting", "elapsed"), LATE)
def test_the_fallback_and_the_lag_are_both_shown(size: str, waiting: int, elapsed: int) -> None:
    renderer = RENDERERS[size]
    in_time = msgspec.structs.replace(FALLBACK, elapsed=elapsed)
    behind = msgspec.structs.replace(in_time, waiting=waiting)
    end = end_of_word(renderer, in_time)
    before, after = line(renderer, in_time), line(renderer, behind)
    assert after.crop((0, 0, end, STATUS_HEIGHT)).tobytes() == (
        before.crop((0, 0, end, STATUS_HEIGHT)).tobytes()
    )
    right = after.width - icons.SIZE - GAP - LEVEL_WIDTH - GAP
    assert lit(after, end + 1, right)


@pytest.mark.parametrize("size", RENDERERS)
def test_the_time_stays_where_there_is_room_for_it(size: str) -> None:
    renderer = RENDERERS[size]
    behind = msgspec.structs.replace(FALLBACK, waiting=30)
    later = msgspec.structs.replace(behind, elapsed=behind.elapsed + 60)
    moves = line(renderer, behind).tobytes() != line(renderer, later).tobytes()
    assert moves is (renderer.draw(behind).width > 128)


@pytest.mark.parametrize("size", RENDERERS)
@pytest.mark.parametrize(
    "scene", [FALLBACK, msgspec.structs.replace(FALLBACK, on_fallback=False, waiting=30)]
)
def test_the_time_gives_way_to_nothing_else(size: str, scene: Scene) -> None:
    later = msgspec.structs.replace(scene, elapsed=scene.elapsed + 60)
    assert line(RENDERERS[size], scene).tobytes() != line(RENDERERS[size], later).tobytes()
