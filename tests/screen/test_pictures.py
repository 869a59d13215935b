"""The pictures in docs/screens are those that the appliance draws."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from PIL import Image, ImageChops, ImageFilter

from appliance.config import DisplaySettings
from appliance.screen import fonts
from appliance.screen.display import open_panel
from appliance.screen.enlarged import FRAME, LIT
from appliance.screen.scene import Mode, Scene, ShownTurn
from appliance.screen.view import STATUS_HEIGHT, View
from tests.rig.oled import Ssd1306

ROOT = Path(__file__).parents[2]
SCREENS = ROOT / "docs" / "screens"
SCALE = 4

pytestmark = pytest.mark.skipif(
    not all(path.exists() for path in (*fonts.LARGE[:1], *fonts.EVERYTHING)),
    reason="fonts-liberation, fonts-dejavu-core and fonts-unifont are not all installed",
)

HUGE = "2-lines-"
"""The releases of the Liberation fonts differ by a pixel there, and so in where lines break."""


def pixels(path: Path) -> Image.Image:
    """Return an enlarged picture as the one-bit picture it was made from."""
    page = Image.open(path).convert("RGB")
    size = (page.width // SCALE, page.height // SCALE)
    small = page.resize(size, Image.Resampling.NEAREST).crop(
        (FRAME, FRAME, size[0] - FRAME, size[1] - FRAME)
    )
    return small.convert("L").point(lambda value: 255 * (value > LIT[0] // 2)).convert("1")


def likeness(one: Image.Image, other: Image.Image) -> float:
    """Return the share of lit pixels that have a lit neighbour in the other picture."""
    near = other.convert("L").filter(ImageFilter.MaxFilter(3)).convert("1")
    lit = sum(one.convert("L").histogram()[1:])
    met = sum(ImageChops.logical_and(one, near).convert("L").histogram()[1:])
    return met / lit if lit else 1.0


def alike(one: Image.Image, other: Image.Image) -> bool:
    """Tell whether pictures show the same, but for what font releases differ in."""
    width, height = one.size
    status, body = (0, 0, width, STATUS_HEIGHT), (0, STATUS_HEIGHT, width, height)
    pairs = [(one.crop(box), other.crop(box)) for box in (status, body)]
    return one.size == other.size and all(
        min(likeness(a, b), likeness(b, a)) > 0.95 for a, b in pairs
    )


@pytest.fixture(scope="module")
def drawn(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("screens")
    subprocess.run([sys.executable, ROOT / "scripts" / "screens.py", folder], check=True)
    return folder


def test_the_documented_pictures_are_all_there_and_no_others(drawn: Path) -> None:
    assert {path.name for path in SCREENS.glob("*.png")} == {path.name for path in drawn.iterdir()}


@pytest.mark.parametrize("name", sorted(path.name for path in SCREENS.glob("*.png")))
def test_the_appliance_draws_the_documented_picture(drawn: Path, name: str) -> None:
    documented, now = pixels(SCREENS / name), pixels(drawn / name)
    assert documented.getbbox()
    assert name.startswith(HUGE) or alike(documented, now)


def test_pictures_of_different_states_are_not_alike() -> None:
    names = ["listening", "finishing", "reconnecting", "ready", "speak-now", "saved"]
    pictures = [pixels(SCREENS / f"{name}.png") for name in names]
    for number, picture in enumerate(pictures):
        assert [alike(picture, other) for other in pictures].index(True) == number


@pytest.mark.skipif(not shutil.which("tesseract"), reason="tesseract-ocr is not installed")
@pytest.mark.parametrize("lines", [2, 3, 4])
def test_what_was_said_can_be_read_on_the_glass(tmp_path: Path, lines: int) -> None:
    settings = DisplaySettings(lines=lines)
    said = ("please bring your lunch", "closed on Friday", "at the window")[lines - 2]
    scene = Scene(Mode.LISTENING, elapsed=12, level=0.5, turns=(ShownTurn(said),))
    module = Ssd1306()
    panel = open_panel(settings, bus=module)
    assert panel
    panel.show(scene, View.of(settings).draw(scene))
    read = ocr(module.image, tmp_path)
    assert "Listening" in read
    assert " ".join(said.split()) in " ".join(read.split())


def ocr(picture: Image.Image, folder: Path) -> str:
    page = Image.new("L", (picture.width + 20, picture.height + 20), 255)
    page.paste(0, (10, 10), picture)
    path = folder / "glass.png"
    page.resize((page.width * 4, page.height * 4), Image.Resampling.BICUBIC).save(path)
    command = ["tesseract", str(path), "stdout", "--psm", "6", "--dpi", "200"]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout
