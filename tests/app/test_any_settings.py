"""`run` with anything in the settings file: it starts, shows what is wrong, and ends well."""

import os
import signal
import threading
from pathlib import Path

import pytest
from gpiozero.pins.mock import MockFactory

from appliance.app import run as running
from appliance.app.appliance import Appliance
from appliance.app.demo import sample
from appliance.core.events import Event
from appliance.core.faults import Fault
from appliance.hardware.simulated import WavAudio
from appliance.settings import Settings

FILES = {
    "digits": "[display]\nlines = " + "9" * 5000,
    "nesting": "a = " + "[" * 5000,
    "long key": "a." * 30_000 + "a = 1",
    "NUL": '[history]\npath = "/a\\u0000b"',
    "index": "[microphone]\ndevice = 99999999999999",
    "largest index": "[microphone]\ndevice = 999",
    "device node": '[history]\npath = "/dev/null"',
    "folder": '[history]\npath = "/etc"',
    "a file as folder": '[history]\npath = "/etc/passwd/history.db"',
    "no room": '[history]\npath = "/proc/history.db"',
    "long path": f'[history]\npath = "/{"a/" * 490}"',
    "font": '[display]\nfont = "/dev/zero"',
    "no font": '[display]\nfont = "/etc/hostname"',
    "largest bus": '[display]\ndriver = "ssd1306"\nport = 255',
    "largest SPI bus": '[display]\ndriver = "ssd1306"\ninterface = "spi"\nport = 255',
    "no size of this panel": '[display]\ndriver = "sh1106"\nwidth = 65\nheight = 33',
    "host": '[mqtt]\nhost = "a..b"',
    "brackets": '[service]\nurl = "ws://[::::]/"',
    "port": '[service]\nurl = "ws://localhost:99999/"',
    "token address": '[service]\ntoken_url = "http://[/"',
    "proxy-like host": '[service]\nurl = "ws://%00%0a/"',
    "certificates": '[service]\nca_file = "/etc/hostname"',
    "secret": '[service]\napi_key_file = "/dev/tty"',
    "bytes": "\udcff\udcfe\0",
}


class StoppedAtOnce(Appliance):
    def run(self, fault: Fault | None = None, *, held: bool = False) -> Event:
        os.kill(os.getpid(), signal.SIGTERM)
        return super().run(fault, held=held)


@pytest.mark.parametrize("text", FILES.values(), ids=FILES)
def test_it_starts_and_ends_whatever_stands_in_the_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str
) -> None:
    monkeypatch.setenv("STATE_DIRECTORY", str(tmp_path / "state"))
    (tmp_path / "state").mkdir()
    null = Path("/dev/null").stat().st_mode
    path = tmp_path / "appliance.toml"
    display = "" if "[display]" in text else '[display]\ndriver = "none"\n'
    path.write_text(text + "\n" + display, errors="surrogateescape")

    def build(settings: Settings, source: Path) -> Appliance:
        audio, pins = (lambda: WavAudio(sample()[0])), MockFactory()
        return StoppedAtOnce(settings, source, audio=audio, pin_factory=pins)

    signals = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)
    before = {number: signal.getsignal(number) for number in signals}
    hook = threading.excepthook
    try:
        assert running.run(path, build)
    finally:
        threading.excepthook = hook
        for number, handler in before.items():
            signal.signal(number, handler)
    assert Path("/dev/null").stat().st_mode == null
