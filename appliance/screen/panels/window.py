"""Window panel: luma.emulator's pygame device, in the colours of an OLED."""

import contextlib
import io
from collections.abc import Callable
from typing import Any

from PIL import Image

from appliance.core.faults import Fault
from appliance.core.late_imports import import_lock
from appliance.screen.burn_in import Brightness
from appliance.screen.panels.base import PanelError
from appliance.screen.scene import Scene
from appliance.screen.screenshot import enlarged

SCALE = 6

OFFSCREEN_DRIVERS = {"dummy", "offscreen"}
"""SDL's video drivers where there is no desktop."""

TITLE = "appliance"
ASLEEP = f"{TITLE} (asleep: a press wakes it)"


class WindowPanel:
    """Panel in a window.

    Args:
        on_close: called once, on the display's thread, when the person closes the window or
            presses Escape in it.
        scale: width and height of a panel's pixel, in pixels of the window.

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
        """Show nothing while asleep; the title says how to wake it. A window does not dim."""
        self._asleep = brightness is Brightness.ASLEEP
        if self._shown:
            self._pygame.display.set_caption(ASLEEP if self._asleep else TITLE)
            self._draw(self._shown)

    def check(self) -> None:
        """Let the window process its events, so that the desktop does not call it frozen."""
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
            seen = Image.new("1", page.size) if self._asleep else page
            self._device.display(seen.convert("RGB"))
        except SystemExit:
            # how luma says that the window was closed
            self._closed = True
            self._on_close()

    def _open(self, size: tuple[int, int]) -> Any:  # noqa: ANN401 - luma ships no types
        try:
            device = self._device_class(*size, transform="none")
            driver = self._pygame.display.get_driver()
        except self._pygame.error as error:
            raise _no_desktop(str(error)) from error
        if driver in OFFSCREEN_DRIVERS:
            raise _no_desktop(f"SDL draws with {driver!r}")
        self._pygame.display.set_caption(TITLE)
        return device


def _no_desktop(detail: str) -> PanelError:
    return PanelError(Fault("No desktop to open a window on", "use the terminal screen", detail))


def _emulator() -> tuple[Any, Any]:
    """Return pygame, and luma's device that draws with it."""
    try:
        # pygame prints a greeting.
        with import_lock, contextlib.redirect_stdout(io.StringIO()):
            import pygame  # noqa: PLC0415 - for this panel alone
            from luma.emulator import device  # noqa: PLC0415 - for this panel alone
    except ImportError as error:
        fault = Fault("No window", "install voice-appliance[window]", str(error))
        raise PanelError(fault) from error
    return pygame, device.pygame
