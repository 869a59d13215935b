"""OLEDs on I2C or SPI, driven by luma.oled."""

import contextlib
import time
from collections.abc import Callable, Iterator
from typing import Any

import luma.core.error
import luma.oled.device
from luma.core.interface.serial import i2c, spi
from PIL import Image

from appliance.core.events import Fault
from appliance.screen.burn_in import Brightness
from appliance.screen.panels.base import PanelError
from appliance.screen.panels.oled_bus import DISPLAY_OFF, Bus
from appliance.screen.panels.oled_pages import SENDERS, UNKNOWN, Pages, Sender, changes, packed
from appliance.screen.scene import Scene
from appliance.settings.schema import DisplaySettings

REFRESH = 60.0
"""Seconds after which everything is sent again, bit by bit, in case a glitch went unnoticed."""

DIMMED = 16
"""The contrast of a dimmed panel: a sixteenth of the light, to be read in a dark room."""


class Oled:
    """An OLED of luma.oled, initialised and ready to show pictures.

    SSD1306, SSD1309 and SH1106 are sent what changed, and all of it again once a minute. Others get
    whole pictures from luma, and are initialised again only when they fail to answer.

    Args:
        settings: the driver, how it is connected, its size, rotation and contrast.
        bus: an open I2C bus to use instead of /dev/i2c-N; it is not closed with the panel.
        clock: seconds that never go back.

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
        self._renewed_at = clock()
        self._doubtful: list[int] = []
        self._brightness = Brightness.AWAKE
        self._contrast = settings.contrast
        self._blank = self._send is not None
        driver = getattr(luma.oled.device, settings.driver)
        with _telling_faults(self._settings), contextlib.ExitStack() as opened:
            self._bus = Bus(_interface(settings, bus), dark=self._blank)
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
            # luma's way to say that a command is longer than its I2C takes.
            raise PanelError(_not_for_i2c(self._settings)) from error
        device.persist = True  # luma's exit handler leaves the picture standing
        self._bus.initialised()
        device.contrast(self._contrast)
        return device

    def show(self, scene: Scene, picture: Image.Image) -> None:
        """Send what differs from the picture before, and a page of it again now and then."""
        with _telling_faults(self._settings):
            if scene.appearance.contrast not in (None, self._contrast):
                self._contrast = scene.appearance.contrast
                self._shine()
            if self._send:
                # No picture shall take longer than others: of what is in doubt, each brings a page.
                pages = packed(self._device.preprocess(picture))
                self._paint(self._send, pages, self._in_doubt()[:1])
                if self._blank:
                    self._blank = False
                    self._shine()
            else:
                self._device.display(picture.convert(self._device.mode))

    def set_brightness(self, brightness: Brightness) -> None:
        """Set the contrast, or switch the OLED off while it keeps its memory."""
        with _telling_faults(self._settings):
            self._brightness = brightness
            self._shine()

    def check(self) -> None:
        """Say how to shine once more, which an OLED that was pulled out can't take."""
        with _telling_faults(self._settings):
            self._shine()
            if self._send and self._shown:
                self._paint(self._send, self._shown, self._in_doubt())

    def clear(self) -> None:
        """Blank the OLED and switch it off."""
        with _telling_faults(self._settings):
            self._device.clear()
            self._device.hide()

    def close(self) -> None:
        """Let go of the bus."""
        with contextlib.suppress(OSError):
            self._opened.close()

    def _shine(self) -> None:
        if self._blank or self._brightness is Brightness.ASLEEP:
            self._device.hide()
            return
        dimmed = min(DIMMED, self._contrast)
        self._device.contrast(self._contrast if self._brightness is Brightness.AWAKE else dimmed)
        self._device.show()

    def _in_doubt(self) -> list[int]:
        """Return the pages to be sent again; once in a while these are all, and the set-up too."""
        if self._clock() - self._renewed_at >= REFRESH:
            self._renewed_at = self._clock()
            self._bus.replay()
            self._shine()
            self._doubtful = list(range(self._device.height // 8))
        return self._doubtful

    def _paint(self, send: Sender, pages: Pages, again: list[int]) -> None:
        before, self._shown = self._shown, None
        if before:
            before = [UNKNOWN if number in again else page for number, page in enumerate(before)]
        for stretch in changes(before, pages):
            send(self._bus, stretch)
        self._shown = pages
        self._doubtful = [number for number in self._doubtful if number not in again]


@contextlib.contextmanager
def _telling_faults(settings: DisplaySettings) -> Iterator[None]:
    """Turn what luma and the kernel raise into a fault for the person who built the box."""
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
