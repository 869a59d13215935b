"""Loading of the settings file, which reports all its problems at once."""

import os
import tomllib
from pathlib import Path
from typing import Any

import msgspec

from appliance.settings.conflicts import conflicts
from appliance.settings.limits import MAX_SIZE, problem_of_nesting, problems_of_limits
from appliance.settings.places import problems_of_places
from appliance.settings.schema import OLEDS, Settings
from appliance.settings.validation import problems_in
from appliance.system.files import read, reason

DEFAULT_PATH = Path("/etc/appliance/appliance.toml")


class SettingsError(Exception):
    """The settings file can't be used.

    Attributes:
        path: the file.
        problems: a sentence for each thing that is wrong with it.
    """

    def __init__(self, path: Path, problems: list[str]) -> None:
        self.path = path
        self.problems = problems
        super().__init__(f"{path}: " + "; ".join(problems))


def settings_path(named: str | None = None) -> Path:
    """Return the settings file to use: `named`, else $APPLIANCE_CONFIG, else the default."""
    return Path(named or os.environ.get("APPLIANCE_CONFIG") or DEFAULT_PATH).absolute()


def load(path: Path) -> Settings:
    """Read and check a settings file; if there is none, every key has its default.

    Raises:
        SettingsError: the file can't be read, is not valid TOML, or has unknown keys, bad values
            or commands that conflict.
    """
    try:
        data = contents(path)
    except FileNotFoundError:
        return Settings()
    except OSError as error:
        raise SettingsError(path, [f"can't be read: {reason(error)}"]) from error
    return parse(data, path)


def contents(path: Path) -> bytes:
    """Return what a settings file holds.

    Raises:
        FileNotFoundError: there is none.
        OSError: it can't be read, is no regular file, or is larger than `MAX_SIZE`.
    """
    try:
        return read(path, MAX_SIZE, follow=True)
    except FileNotFoundError:
        if path.is_symlink():
            raise OSError("it is a link to nothing") from None
        raise


def parse(data: bytes, path: Path, *, alone: bool = False) -> Settings:
    """Check what a settings file holds, and return it.

    Args:
        data: the contents of the file.
        path: the file.
        alone: whether to touch none of the files that it names, since their disk may not answer.

    Raises:
        SettingsError: as for `load`.
    """
    try:
        table = _table(data.decode("utf-8-sig"))  # an editor on Windows may add a byte order mark
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise SettingsError(path, [f"is not valid TOML: line {line} is not UTF-8"]) from error
    except ValueError as error:
        raise SettingsError(path, [f"is not valid TOML: {_in_words(error)}"]) from error
    if problems := problems_of_limits(table) or problems_in(Settings, table):
        raise SettingsError(path, problems)
    settings = msgspec.convert(table, Settings)
    pins, has_broker = _pins_in_use(settings), bool(settings.mqtt.host)
    problems = []
    if isinstance(alert := settings.alert.pin, int):
        if alert in pins:
            problems = [f"alert.pin = {alert} is taken by {pins[alert]}"]
        pins.setdefault(alert, "the alert")
    problems += conflicts(
        settings.commands,
        pins,
        has_broker,
        settings.commands_prefix,
        has_speakers=settings.session.speakers != "none",
    )
    if problems := problems + ([] if alone else problems_of_places(settings)):
        raise SettingsError(path, problems)
    return settings


def _table(text: str) -> dict[str, Any]:
    if problem := problem_of_nesting(text):
        raise ValueError(problem)
    return tomllib.loads(text)


def _in_words(error: Exception) -> str:
    if "set_int_max_str_digits" in str(error):  # Python's own limit, far beyond that of TOML
        return "a number has too many digits"
    return str(error)


_BUSES: dict[tuple[str, int], tuple[int, ...]] = {
    ("i2c", 0): (0, 1),
    ("i2c", 1): (2, 3),
    ("spi", 0): (8, 9, 10, 11),
    ("spi", 1): (18, 19, 20, 21),
}
"""GPIOs of SDA and SCL, or of CE0, MISO, MOSI and SCLK; the system decides on those of others."""


def _pins_in_use(settings: Settings) -> dict[int, str]:
    """Return the GPIOs that no command may switch, and what each is used for."""
    pins = {settings.button.pin: "the button"}
    if isinstance(settings.light.pin, int):
        pins[settings.light.pin] = "the light"
    if settings.display.driver in OLEDS:
        display = settings.display
        wires = _BUSES.get((display.interface, display.port), ())
        if display.interface == "spi":
            wires += (24, 25)  # data/command and reset, as luma wires them
        pins |= dict.fromkeys(wires, "the display")
    return pins
