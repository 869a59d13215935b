"""The panel in a window: luma.emulator's pygame device, in the colours of an OLED."""

import contextlib
import io
from collections.abc import Callable
from typing import Any

from PIL import Image

from appliance.core.events import Fault
from appliance.screen.burn_in import Brightness
from appliance.screen.panels.base import PanelError
from appliance.screen.scene import Scene
from appliance.screen.screenshot import enlarged

SCALE = 6

NOWHERE = {"dummy", "offscreen"}
"""What SDL draws with where there is no desktop."""


TITLE = "appliance"
ASLEEP = f"{TITLE} (asleep: a press wakes it)"


class WindowPanel:
    """Shows pictures in a window.

    Args:
        on_close: called once, on the display's thread, when the person closes the window or
            presses Escape in it.
        scale: pixels of the window for one of the panel.

    Raises:
        PanelError: luma.emulator is not installed, or there is no desktop to open a window on.
    """

    def __init__(self, on_close: Callable[[], None], scale: int = SCALE) -> None:
        self._pygame, self._device_class = _emulator()
        self._on_close = on_close
        self._scale = scale
        self._device: Any = None
        self._shown: Image.Image | None = None
        self._asleep = False
        self._closed = False

    def show(self, _: Scene, picture: Image.Image) -> None:
        """Draw the picture."""
        self._draw(enlarged(picture, self._scale))

    def set_brightness(self, brightness: Brightness) -> None:
        """Show nothing while asleep, and in the title how to wake it; a window does not dim."""
        self._asleep = brightness is Brightness.ASLEEP
        if self._shown:
            self._pygame.display.set_caption(ASLEEP if self._asleep else TITLE)
            self._draw(self._shown)

    def check(self) -> None:
        """Let the window take its events, so that the desktop doesn't call it frozen."""
        if self._shown:
            self._draw(self._shown)

    def clear(self) -> None:
        """Draw nothing."""
        if self._shown:
            self._draw(Image.new("1", self._shown.size))

    def close(self) -> None:
        """Close the window."""
        self._pygame.quit()

    def _draw(self, page: Image.Image) -> None:
        if self._closed:
            return
        self._shown = page
        try:
            if self._device is None:
                self._device = self._open(page.size)
            glass = Image.new("1", page.size) if self._asleep else page
            self._device.display(glass.convert("RGB"))
        except SystemExit:
            # luma's way to say that the window was closed.
            self._closed = True
            self._on_close()

    def _open(self, size: tuple[int, int]) -> Any:  # noqa: ANN401 - luma ships no types
        try:
            device = self._device_class(*size, transform="none")
            driver = self._pygame.display.get_driver()
        except self._pygame.error as error:
            raise _no_desktop(str(error)) from error
        if driver in NOWHERE:
            raise _no_desktop(f"SDL draws with {driver!r}")
        self._pygame.display.set_caption(TITLE)
        return device


def _no_desktop(detail: str) -> PanelError:
    return PanelError(Fault("No desktop to open a window on", "use the terminal screen", detail))


def _emulator() -> tuple[Any, Any]:
    """Return pygame, and luma's device that draws with it."""
    try:
        with contextlib.redirect_stdout(io.StringIO()):  # pygame greets
            import pygame  # noqa: PLC0415 - for this panel alone
            from luma.emulator import device  # noqa: PLC0415 - for this panel alone
    except ImportError as error:
        fault = Fault("No window", "install voice-appliance[window]", str(error))
        raise PanelError(fault) from error
    return pygame, device.pygame
