"""Schema of the settings file: a typed struct for each section.

Every key has a default; appliance.toml beside this module explains them all.
"""

import os
from pathlib import Path
from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta

from appliance.settings.commands import Command, Pin

OLEDS = (
    "ssd1306",
    "ssd1309",
    "sh1106",
    "ch1115",
    "sh1107",
    "ssd1305",
    "ssd1315",
    "ssd1316",
    "ssd1322",
    "ssd1322_nhd",
    "ssd1325",
    "ssd1327",
    "ssd1331",
    "ssd1351",
    "ssd1362",
    "ssd1363",
)
"""The panels of luma.oled; importing luma to ask for them would take a second on a Pi Zero."""

DRIVERS = (*OLEDS, "terminal", "none")

Parameter = str | bool | int | float | list[Any] | dict[str, Any]
"""A value of a query parameter of the service; a list or a table is sent as JSON."""

_PATH = r"/[^\x00-\x1f\x7f]*"
_IN_URL = r"[^\s\x00-\x1f\x7f]"
OptionalPath = Annotated[
    str, Meta(pattern=rf"^({_PATH})?\Z", description="an absolute path, or empty")
]
HttpUrl = Annotated[
    str, Meta(pattern=rf"^(https?://{_IN_URL}+)?\Z", description="an http(s):// address")
]
_SOCKET_URL = (
    r"wss?://(\[[0-9a-fA-F:.]+\]|[^/:?#\s\[\]\x00-\x1f\x7f]+)(:\d{1,5})?" rf"([/?]{_IN_URL}*)?"
)
SocketUrl = Annotated[str, Meta(pattern=rf"^{_SOCKET_URL}\Z", description="a ws(s):// address")]
OptionalSocketUrl = Annotated[
    str, Meta(pattern=rf"^({_SOCKET_URL})?\Z", description="a ws(s):// address, or empty")
]
Seconds = Annotated[float, Meta(ge=0, le=86_400, description="seconds, 0 to 86400")]


class ServiceSettings(msgspec.Struct, frozen=True):
    """[service]: the transcription service and its fallback."""

    url: SocketUrl = "wss://streaming.assemblyai.com/v3/ws"
    token_url: HttpUrl = ""
    token_secret_file: OptionalPath = ""
    api_key_file: OptionalPath = ""
    ca_file: OptionalPath = ""
    fallback_url: OptionalSocketUrl = ""
    fallback_token_url: HttpUrl = ""
    fallback_token_secret_file: OptionalPath = ""
    parameters: Annotated[
        dict[str, Parameter], Meta(description="a table of the service's query parameters")
    ] = msgspec.field(default_factory=lambda: {"speech_model": "universal-streaming-english"})


class SessionSettings(msgspec.Struct, frozen=True):
    """[session]: its limits in seconds, and how speakers are told apart."""

    auto_stop: Seconds = 600.0
    finish_timeout: Annotated[float, Meta(ge=1, le=600, description="seconds, 1 to 600")] = 10.0
    backlog: Annotated[
        float, Meta(ge=60, le=86_400, description="seconds of audio, 60 to 86400")
    ] = 3600.0
    speakers: Annotated[
        Literal["none", "dash", "letter"], Meta(description='"none", "dash" or "letter"')
    ] = "none"


class MicrophoneSettings(msgspec.Struct, frozen=True):
    """[microphone]: which one to use."""

    device: Annotated[
        str | Annotated[int, Meta(ge=0, le=999)],
        Meta(description="part of a name, an index, or empty"),
    ] = ""


class ButtonSettings(msgspec.Struct, frozen=True):
    """[button]: its wiring, and what a hold does."""

    pin: Pin = 17
    pull_up: bool = True
    hold_time: Annotated[float, Meta(ge=0.5, le=60, description="seconds, 0.5 to 60")] = 3.0
    hold_action: Annotated[
        Literal["poweroff", "none"], Meta(description='"poweroff" or "none"')
    ] = "poweroff"


class StatusLedSettings(msgspec.Struct, frozen=True):
    """[light]: an LED or lamp that shows the appliance's state."""

    pin: Annotated[
        Pin | Literal["none"], Meta(description='a GPIO number from 0 to 27, or "none"')
    ] = "none"


AlertWord = Annotated[
    str, Meta(pattern=r"[^\W_]", max_length=50, description="a word or a few, in quotes")
]


class AlertSettings(msgspec.Struct, frozen=True):
    """[alert]: words that call the reader, and a pin that pulses when one is heard."""

    words: Annotated[
        tuple[AlertWord, ...],
        Meta(max_length=100, description="a list of up to 100 words of up to 50 characters"),
    ] = ()
    pin: Annotated[
        Pin | Literal["none"], Meta(description='a GPIO number from 0 to 27, or "none"')
    ] = "none"


class DisplaySettings(msgspec.Struct, frozen=True):
    """[display]: the panel, its wiring and its looks."""

    driver: Annotated[
        str,
        Meta(
            pattern=rf"^({'|'.join(DRIVERS)})\Z",
            description=", ".join(f'"{driver}"' for driver in DRIVERS),
        ),
    ] = "ssd1306"
    interface: Annotated[Literal["i2c", "spi"], Meta(description='"i2c" or "spi"')] = "i2c"
    port: Annotated[int, Meta(ge=0, le=255, description="the number of the bus, 0 to 255")] = 1
    address: Annotated[int, Meta(ge=3, le=0x77, description="an I2C address, 0x03 to 0x77")] = 0x3C
    width: Annotated[int, Meta(ge=64, le=256, description="pixels, 64 to 256")] = 128
    height: Annotated[int, Meta(ge=32, le=128, description="pixels, 32 to 128")] = 64
    rotate: Annotated[int, Meta(ge=0, le=3, description="quarter turns, 0 to 3")] = 0
    contrast: Annotated[int, Meta(ge=0, le=255, description="0 to 255")] = 255
    font: Annotated[
        str,
        Meta(
            pattern=r"^[^\x00-\x1f\x7f]*\Z",
            description="the path of a TrueType font, or empty",
        ),
    ] = ""
    lines: Annotated[int, Meta(ge=2, le=6, description="lines of text, 2 to 6")] = 3
    dim_after: Seconds = 60.0
    sleep_after: Seconds = 600.0


class HistorySettings(msgspec.Struct, frozen=True):
    """[history]: the database of what was said."""

    path: Annotated[str, Meta(pattern=rf"^(?=/.){_PATH}\Z", description="an absolute path")] = (
        "/var/lib/appliance/history.db"
    )
    keep_days: Annotated[
        int, Meta(ge=0, le=36_500, description="days, 0 for ever, at most 36500")
    ] = 0


class MqttSettings(msgspec.Struct, frozen=True):
    """[mqtt]: the MQTT broker; an empty `host` means none."""

    host: Annotated[
        str,
        Meta(
            pattern=r"^[^\s/:@\[\]?#\x00-\x1f\x7f]*\Z|^[0-9a-fA-F:.]+(%[A-Za-z0-9._-]+)?\Z",
            max_length=255,
            description='a name or an address, without "mqtt://"',
        ),
    ] = ""
    port: Annotated[int, Meta(ge=0, le=65_535, description="0 to 65535")] = 0
    username: Annotated[
        str, Meta(pattern=r"^[^\x00]*\Z", max_length=1000, description="text in quotes")
    ] = ""
    password_file: OptionalPath = ""
    tls: Annotated[
        bool | Annotated[str, Meta(pattern=rf"^(?=/.){_PATH}\Z")],
        Meta(description="true, false, or the path of a file with certificates"),
    ] = False
    partials: bool = False
    discovery_prefix: Annotated[
        str,
        Meta(
            pattern=r"^([^+#/\s\x00][^+#\s\x00]*)?\Z",
            max_length=250,
            description="a topic without + and #, or empty",
        ),
    ] = "homeassistant"

    @property
    def port_or_default(self) -> int:
        """The port to connect to."""
        return self.port or (8883 if self.tls else 1883)


class Settings(msgspec.Struct, frozen=True):
    """The whole settings file.

    >>> Settings().button.pin
    17
    """

    name: Annotated[
        str,
        Meta(
            pattern=r"^[A-Za-z0-9_-]+\Z",
            max_length=64,
            description="up to 64 letters, digits, - and _",
        ),
    ] = "appliance"
    service: ServiceSettings = ServiceSettings()
    session: SessionSettings = SessionSettings()
    microphone: MicrophoneSettings = MicrophoneSettings()
    button: ButtonSettings = ButtonSettings()
    light: StatusLedSettings = StatusLedSettings()
    alert: AlertSettings = AlertSettings()
    display: DisplaySettings = DisplaySettings()
    history: HistorySettings = HistorySettings()
    mqtt: MqttSettings = MqttSettings()
    commands_prefix: Annotated[
        str,
        Meta(
            pattern=r"^\Z|^[^\[\]]*[^\W_\[\]][^\[\]]*\Z",
            max_length=100,
            description="a word or two in quotes, without brackets, or empty",
        ),
    ] = ""
    commands: Annotated[
        tuple[Command, ...], Meta(description="[[commands]], a table for each command")
    ] = ()

    @property
    def spool(self) -> Path:
        """The folder of audio that is not transcribed yet; it has a folder for each session."""
        state = os.environ.get("STATE_DIRECTORY") or Path(self.history.path).parent
        return Path(state) / "spool"
