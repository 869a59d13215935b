"""Pictures of the screen: as accepted, and legible."""

import shutil
from pathlib import Path

import pytest
from PIL import Image, ImageChops, ImageFilter

from appliance.core.faults import Fault
from appliance.screen.panels.factory import open_panel
from appliance.screen.render import fonts
from appliance.screen.render.renderer import Renderer
from appliance.screen.render.status_bar import STATUS_HEIGHT
from appliance.screen.scene import Mode, Scene, ShownTurn, Summary
from appliance.screen.screenshot import FRAME, LIT
from appliance.settings.schema import DisplaySettings
from tests.rig.ocr import words_on
from tests.rig.oled import Ssd1306
from tests.screen import sheets
from tests.screen.catalogue import SHAPED, STATES, faults
from tests.screen.redraw import DOCUMENTED, document

SCALE = 4

pytestmark = pytest.mark.skipif(
    not all(path.exists() for path in (*fonts.LARGE[:1], *fonts.EVERYTHING)),
    reason="fonts-liberation, fonts-dejavu-core and fonts-unifont are not all installed",
)
readable = pytest.mark.skipif(not shutil.which("tesseract"), reason="tesseract-ocr is missing")

HUGE = "2-lines"
"""Sheets in which the releases of the Liberation fonts differ by a pixel, and so in line breaks."""

OTHER_BREAKS = 0.25
"""Share of a sheet's pictures whose lines may break elsewhere with another release."""


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
    """Return whether pictures show the same, apart from differences of font releases."""
    width, height = one.size
    status, body = (0, 0, width, STATUS_HEIGHT), (0, STATUS_HEIGHT, width, height)
    pairs = [(one.crop(box), other.crop(box)) for box in (status, body)]
    return one.size == other.size and all(
        min(likeness(a, b), likeness(b, a)) > 0.95 for a, b in pairs
    )


def as_full(one: Image.Image, other: Image.Image) -> bool:
    """Return whether pictures have about as many lit pixels, wherever their lines break."""
    lit = [sum(picture.convert("L").histogram()[1:]) for picture in (one, other)]
    return one.size == other.size and 0 < max(lit) < 2 * min(lit)


def identical(one: Image.Image, other: Image.Image) -> bool:
    """Return whether pictures are the same to the pixel."""
    return one.size == other.size and one.tobytes() == other.tobytes()


@pytest.fixture(scope="module")
def drawn(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("screens")
    document(folder)
    return folder


def test_the_documented_pictures_are_all_there_and_no_others(drawn: Path) -> None:
    assert {path.name for path in DOCUMENTED.glob("*.png")} == {
        path.name for path in drawn.iterdir()
    }


@pytest.mark.parametrize("name", sorted(path.name for path in DOCUMENTED.glob("*.png")))
def test_the_appliance_draws_the_documented_picture(drawn: Path, name: str) -> None:
    documented, now = pixels(DOCUMENTED / name), pixels(drawn / name)
    assert documented.getbbox()
    assert alike(documented, now) or as_full(documented, now)


@pytest.mark.parametrize("name", sheets.names())
def test_every_state_and_fault_looks_as_it_was_accepted(name: str, tmp_path: Path) -> None:
    accepted, now = sheets.accepted(name), sheets.drawn(name)
    exactly = accepted.drawn_with == now.drawn_with
    changed = {
        scene: picture
        for scene, picture in now.pictures.items()
        if not _accepted(accepted.pictures.get(scene), picture, exactly=exactly)
        and (exactly or scene not in SHAPED)
    }
    gone = [scene for scene in accepted.pictures if scene not in now.pictures]
    if changed:
        sheets.save(sheets.Sheet(changed, now.drawn_with), tmp_path / f"{name}.png")
    if not exactly and (HUGE in name or len(changed) < OTHER_BREAKS * len(now.pictures)):
        pairs = {scene: accepted.pictures.get(scene) for scene in changed}
        changed = {
            scene: changed[scene]
            for scene, before in pairs.items()
            if before is None or not as_full(before, changed[scene])
        }
    assert not changed, f"look at {tmp_path / name}.png; to accept it: ./scripts/screens"
    assert not gone, "these are no longer shown; to drop them: ./scripts/screens"


def _accepted(before: Image.Image | None, now: Image.Image, *, exactly: bool) -> bool:
    return before is not None and (identical if exactly else alike)(before, now)


def test_the_faults_of_all_parts_are_among_them() -> None:
    known = {fault.what for fault in faults()}
    assert {"No microphone", "Can't save", "Key refused", "Settings: mistake"} <= known
    assert len(known) > 25


def test_pictures_of_different_states_are_not_alike() -> None:
    names = ["listening", "finishing", "reconnecting", "ready", "speak-now", "saved"]
    pictures = [Renderer().draw(STATES[name]) for name in names]
    for number, picture in enumerate(pictures):
        assert [alike(picture, other) for other in pictures].index(True) == number


@readable
@pytest.mark.parametrize(
    ("lines", "said"),
    [(2, "bring your lunch"), (3, "closed on Friday"), (4, "at the window")],
    ids=["2-lines", "3-lines", "4-lines"],
)
def test_what_was_said_can_be_read_on_the_oled(lines: int, said: str) -> None:
    turns = (ShownTurn(said),)
    scene = Scene(Mode.LISTENING, elapsed=12, level=0.5, turns=turns)
    assert {"listening", *said.lower().split()} <= words_on(on_oled(scene, lines))


@readable
@pytest.mark.parametrize(
    ("scene", "words"),
    [
        (Scene(Mode.READY), {"ready", "press", "to", "start"}),
        (Scene(Mode.READY, power_off_in=2), {"switching", "off", "let", "go", "to", "stay"}),
        (Scene(Mode.SAVED, summary=Summary(125, 312)), {"saved", "312", "words"}),
        (Scene(Mode.OFF), {"safe", "to", "unplug"}),
        (
            Scene(Mode.READY, fault=Fault("No microphone", "plug one in")),
            {"no", "microphone", "plug", "one", "in"},
        ),
        (
            Scene(Mode.CONNECTING, waiting=42, fault=Fault("Can't reach the service", "check it")),
            {"reach", "the", "service", "keeping", "what", "you", "say"},
        ),
    ],
    ids=["ready", "hold", "saved", "off", "fault", "fault-in-session"],
)
def test_what_the_screen_says_can_be_read_on_the_oled(scene: Scene, words: set[str]) -> None:
    assert words <= words_on(on_oled(scene))


def on_oled(scene: Scene, lines: int = 3) -> Image.Image:
    """Return the picture on an OLED that shows the scene."""
    settings = DisplaySettings(lines=lines)
    module = Ssd1306()
    panel = open_panel(settings, bus=module)
    assert panel
    panel.show(scene, Renderer.for_settings(settings).draw(scene))
    return module.image
