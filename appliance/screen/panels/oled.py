"""OLEDs on I2C or SPI, driven by luma.oled."""

import contextlib
import math
import time
from collections.abc import Callable, Iterator
from typing import Any

import luma.core.error
import luma.oled.device
from luma.core.interface.serial import i2c, spi
from PIL import Image

from appliance.core.faults import Fault
from appliance.screen import texts
from appliance.screen.burn_in import Brightness
from appliance.screen.panels.base import PanelError
from appliance.screen.panels.oled_bus import DISPLAY_OFF, RecordingBus
from appliance.screen.panels.oled_pages import SENDERS, UNKNOWN, Pages, Sender, changes, packed
from appliance.screen.scene import Scene
from appliance.settings.schema import DisplaySettings

REFRESH_INTERVAL = 60.0
"""Seconds after which everything is sent again, page by page, in case of an unnoticed reset."""

SESSION_REFRESH_INTERVAL = 2.5
"""The same in a session: nobody may be heard for over five seconds below a wrong picture."""

REFRESH_TIME = 1.0
"""Seconds over which the pages of a refresh are spread, so that no picture takes much longer."""

DIMMED_CONTRAST = 16
"""Contrast of a dimmed panel: a sixteenth of the light, still readable in a dark room."""


class Oled:
    """OLED of luma.oled, initialised and ready to show pictures.

    An SSD1306, SSD1309 or SH1106 is sent only what changed, and all of it again, with its
    initialisation, every 2.5 s of a session and else once a minute. Others get whole pictures from
    luma, as often as that.

    Args:
        settings: the driver, how it is connected, its size, rotation and contrast.
        bus: an open I2C bus to use instead of /dev/i2c-N; it is not closed with the panel.
        clock: monotonic seconds.

    Raises:
        PanelError: the OLED does not answer, or its driver has no such size or interface.
    """

    def __init__(
        self,
        settings: DisplaySettings,
        bus: Any = None,  # noqa: ANN401 - smbus2 ships no types
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._settings = settings
        self._clock = clock
        self._send = SENDERS.get((settings.driver, settings.width))
        self._shown: Pages | None = None
        self._refreshed_at = clock()
        self._due: list[int] = []
        self._in_session = False
        self._whole: Image.Image | None = None  # the last picture, where luma sends it
        self._brightness = Brightness.AWAKE
        self._contrast = settings.contrast
        self._blank = self._send is not None
        driver = getattr(luma.oled.device, settings.driver)
        with _raising_panel_errors(self._settings), contextlib.ExitStack() as opened:
            self._bus = RecordingBus(_interface(settings, bus), dark=self._blank)
            opened.callback(self._bus.cleanup)
            self._bus.command(DISPLAY_OFF)  # fails at once where no OLED answers
            self._device = self._start(driver, opened)
            self._opened = opened.pop_all()

    def _start(self, driver: Any, opened: contextlib.ExitStack) -> Any:  # noqa: ANN401 - luma ships no types
        size = {"width": self._settings.width, "height": self._settings.height}
        device = driver.__new__(driver)
        # luma's exit handler keeps every device, even one that fails to start; 300 KB each.
        opened.callback(vars(device).clear)
        try:
            device.__init__(self._bus, **size, rotate=self._settings.rotate)
        except AssertionError as error:
            # how luma says that a command is too long for its I2C
            raise PanelError(_not_for_i2c(self._settings)) from error
        device.persist = True  # luma's exit handler leaves the picture standing
        self._bus.end_recording()
        device.contrast(self._contrast)
        return device

    def show(self, scene: Scene, picture: Image.Image) -> None:
        """Send what differs from the last picture, and now and then some pages again."""
        self._in_session = scene.mode in texts.IN_SESSION
        with _raising_panel_errors(self._settings):
            if scene.appearance.contrast not in (None, self._contrast):
                self._contrast = scene.appearance.contrast
                self._send_brightness()
            if self._send:
                pages = packed(self._device.preprocess(picture))
                self._paint(self._send, pages, self._next_pages())
                if self._blank:
                    self._blank = False
                    self._send_brightness()
            else:
                self._whole = picture.convert(self._device.mode)
                self._refresh_whole()
                self._device.display(self._whole)

    def set_brightness(self, brightness: Brightness) -> None:
        """Set the contrast; or switch the OLED off, which keeps its memory."""
        with _raising_panel_errors(self._settings):
            self._brightness = brightness
            self._send_brightness()

    def check(self) -> None:
        """Send the brightness again, which fails if the OLED was pulled out; refresh if due."""
        with _raising_panel_errors(self._settings):
            self._send_brightness()
            if self._send and self._shown:
                self._paint(self._send, self._shown, self._due_pages())
            elif self._whole and self._refresh_whole():
                self._device.display(self._whole)

    def clear(self) -> None:
        """Blank the OLED and switch it off."""
        with _raising_panel_errors(self._settings):
            self._device.clear()
            self._device.hide()

    def close(self) -> None:
        """Release the bus."""
        with contextlib.suppress(OSError):
            self._opened.close()

    def _send_brightness(self) -> None:
        if self._blank or self._brightness is Brightness.ASLEEP:
            self._device.hide()
            return
        dimmed = min(DIMMED_CONTRAST, self._contrast)
        self._device.contrast(self._contrast if self._brightness is Brightness.AWAKE else dimmed)
        self._device.show()

    def _begin_refresh(self) -> bool:
        """Send initialisation and brightness again when it is time; return whether it was."""
        interval = SESSION_REFRESH_INTERVAL if self._in_session else REFRESH_INTERVAL
        due = self._clock() - self._refreshed_at >= interval
        if due:
            self._refreshed_at = self._clock()
            self._bus.replay()
            self._send_brightness()
        return due

    def _refresh_whole(self) -> bool:
        """Begin a refresh of a panel to which luma sends what differs from its last picture."""
        due = self._begin_refresh()
        if due and hasattr(self._device, "framebuffer"):
            self._device.framebuffer.prev_image = None
        return due

    def _due_pages(self) -> list[int]:
        """Return the numbers of the pages to send again; begin a refresh when it is time."""
        if self._begin_refresh():
            self._due = list(range(self._device.height // 8))
        return self._due

    def _next_pages(self) -> list[int]:
        """Return the pages to send again with this picture: as many as keep the refresh in time."""
        due = self._due_pages()
        share = (self._clock() - self._refreshed_at) / REFRESH_TIME
        return due[: max(1, math.ceil(len(due) * share))]

    def _paint(self, send: Sender, pages: Pages, again: list[int]) -> None:
        """Send what changed since the last picture, and all of the pages `again`."""
        before, self._shown = self._shown, None
        if before:
            before = [UNKNOWN if number in again else page for number, page in enumerate(before)]
        for stretch in changes(before, pages):
            send(self._bus, stretch)
        self._shown = pages
        self._due = [number for number in self._due if number not in again]


@contextlib.contextmanager
def _raising_panel_errors(settings: DisplaySettings) -> Iterator[None]:
    """Turn the exceptions of luma and the kernel into a PanelError, in words for a person."""
    try:
        yield
    except luma.core.error.DevicePermissionError as error:
        raise PanelError(_no_access(settings, error)) from error
    except luma.core.error.DeviceDisplayModeError as error:
        raise PanelError(_wrong_size(settings, error)) from error
    except (luma.core.error.Error, OSError) as error:
        raise PanelError(_not_answering(settings, error)) from error
    except ImportError as error:
        raise PanelError(_no_spi(error)) from error


def _interface(settings: DisplaySettings, bus: Any) -> Any:  # noqa: ANN401 - luma ships no types
    if settings.interface == "spi":
        return spi(port=settings.port, device=0)
    return i2c(bus=bus, port=settings.port, address=settings.address)


def _place(settings: DisplaySettings) -> str:
    if settings.interface == "spi":
        return f"/dev/spidev{settings.port}.0"
    return f"/dev/i2c-{settings.port}, address {settings.address:#04x}"


def _not_answering(settings: DisplaySettings, error: Exception) -> Fault:
    return Fault(
        "The OLED does not answer",
        f"check its wires and that {settings.interface.upper()} is switched on (raspi-config)",
        f"{settings.driver} on {_place(settings)}: {error}",
    )


def _no_access(settings: DisplaySettings, error: Exception) -> Fault:
    what = f"No access to the {settings.interface.upper()} bus"
    return Fault(what, f"add the user to the group {settings.interface}", str(error))


def _wrong_size(settings: DisplaySettings, error: Exception) -> Fault:
    what = f"{settings.driver} has no size {settings.width}x{settings.height}"
    return Fault(what, "set display.width and display.height", str(error))


def _not_for_i2c(settings: DisplaySettings) -> Fault:
    return Fault(f"{settings.driver} does not work on I2C", 'set display.interface = "spi"')


def _no_spi(error: Exception) -> Fault:
    return Fault("SPI can't be used", "install python3-spidev and python3-rpi-lgpio", str(error))
