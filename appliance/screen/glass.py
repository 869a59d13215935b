"""What stands on a panel since it was opened, so that nothing is sent to it twice."""

from PIL import Image

from appliance.screen.burn_in import Brightness
from appliance.screen.panels.base import Panel
from appliance.screen.render.renderer import View
from appliance.screen.scene import Scene


class Glass:
    """A panel that was just opened, and what it was told since then.

    Args:
        panel: the panel, awake.
        view: draws for it.
    """

    def __init__(self, panel: Panel, view: View) -> None:
        self.panel = panel
        self._view = view
        self._light = Brightness.AWAKE
        self._drawn: tuple[Scene, tuple[int, int]] | None = None
        self._pixels = b""

    def show(self, scene: Scene, light: Brightness, shift: tuple[int, int]) -> Image.Image | None:
        """Show the scene in this light, moved by `shift`; return its picture if it is a new one.

        A panel that sleeps is shown its first picture alone, which proves that it could be woken;
        one that wakes has the new picture on it already.

        Raises:
            PanelError: the panel is gone.
        """
        new = None
        if light is Brightness.ASLEEP:
            self._shine(light)
        if self._drawn is None or light is not Brightness.ASLEEP:
            new = self._draw(scene, shift)
        self._shine(light)
        return new

    def _draw(self, scene: Scene, shift: tuple[int, int]) -> Image.Image | None:
        if self._drawn == (scene, shift):
            return None
        picture = self._view.draw(scene, shift)
        self._drawn = (scene, shift)
        if picture.tobytes() == self._pixels:
            return None
        self.panel.show(scene, picture)
        self._pixels = picture.tobytes()
        return picture

    def _shine(self, light: Brightness) -> None:
        if light is not self._light:
            self.panel.light(light)
            self._light = light
