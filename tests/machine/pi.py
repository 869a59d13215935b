"""Virtual Pi as a person meets it: a button, a microphone, an OLED, a plug, a memory card."""

import contextlib
import json
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from PIL import Image as Picture
from PIL import ImageOps

from tests.machine.adapter import I2cAdapter
from tests.machine.cloud import Cloud
from tests.machine.image import Image
from tests.machine.machine import BOOT_TIMEOUT, Card, Machine
from tests.machine.microphone import UsbMicrophone
from tests.machine.shell import Shell
from tests.rig.numbered import Speech
from tests.rig.ocr import words_on
from tests.rig.oled import Ssd1306

BUTTON = "/run/pins/sim_gpio17/pull"
PRESS_TIME = 0.2
RESPONSE_TIMEOUT = 60.0
"""Seconds within which the slow virtual Pi does what a Pi does at once."""
APPLIANCE = "/opt/appliance/bin/appliance"
STATUS = "/run/appliance/status.json"


@dataclass(frozen=True)
class Workspace:
    """Folders and programs that the virtual Pi uses.

    `payload` holds what the guest may read, `work` the cards, `sockets` what must have short paths,
    `results` the pictures and logs that stay.
    """

    image: Image
    payload: Path
    cloud: Cloud
    work: Path
    sockets: Path
    results: Path


class VirtualPi:
    """A Raspberry Pi with everything plugged in, switched on until the `with` block ends.

    Args:
        workspace: where everything is.
        card: what it starts from.
        case: names the pictures that are kept of its OLED.
    """

    def __init__(self, workspace: Workspace, card: Card, case: str) -> None:
        self.workspace = workspace
        self.card = card
        self.oled = Ssd1306()
        self.microphone = UsbMicrophone()
        self.adapter = I2cAdapter(self.oled)
        self.machine = Machine(
            workspace.image,
            card,
            workspace.payload,
            workspace.cloud.port_file,
            folder=workspace.sockets,
            console=workspace.results / "console.txt",
        )
        self.begin(case)

    def __enter__(self) -> Self:
        self.switch_on()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.end()

    def end(self) -> None:
        """Take its power, for good."""
        self.cut_power()
        self.microphone.end()

    def begin(self, case: str) -> None:
        """Let the pictures from now on belong to this case."""
        self._case = case
        self._pictures = 0

    # Power

    def switch_on(self) -> None:
        """Give it power, with the microphone and the OLED plugged in."""
        self.machine.switch_on()
        self.adapter.plug(self.machine.socket("oled"))
        self.microphone.plug(self.machine.socket("microphone"))

    def cut_power(self) -> None:
        """Pull the plug; the OLED loses its memory."""
        self.machine.cut_power()
        self.adapter.pull()
        self.microphone.pull()
        self.oled.plug()

    def switch_off(self) -> None:
        """Let it shut down as an administrator does, and take its power."""
        self.shell.shut_down()
        self.machine.wait_until_off(RESPONSE_TIMEOUT * 2)
        self.cut_power()

    def wait_until_up(self) -> None:
        """Wait until it has started so far that commands can be run."""
        self.shell.wait(BOOT_TIMEOUT)

    @property
    def shell(self) -> Shell:
        """For what nobody needs who owns such a box: commands."""
        return self.machine.shell

    # The button

    def press(self) -> None:
        """Press the button and let go."""
        with self.holding_the_button():
            time.sleep(PRESS_TIME)

    @contextlib.contextmanager
    def holding_the_button(self) -> Iterator[None]:
        """Hold the button down."""
        self.shell.write(BUTTON, "pull-down")
        try:
            yield
        finally:
            with contextlib.suppress(OSError):  # it may have switched itself off meanwhile
                self.shell.write(BUTTON, "pull-up")

    # The microphone

    def hear(self, speech: Speech) -> None:
        """Let the microphone hear this, as soon as somebody listens."""
        self.microphone.say(speech.samples)

    def wait_until_said(self, within: float = RESPONSE_TIMEOUT * 2) -> None:
        """Wait until the microphone has delivered everything."""
        until(lambda: not self.microphone.seconds_left, "the microphone delivered all", within)

    # The OLED

    @property
    def picture(self) -> Picture.Image:
        """What can be seen."""
        return self.oled.image

    def words(self) -> set[str]:
        """Return the words that can be read on the OLED, lit and dark ones."""
        picture = self.picture.convert("L")
        return words_on(picture) | words_on(ImageOps.invert(picture))

    def wait_to_read(self, text: str, within: float = RESPONSE_TIMEOUT) -> None:
        """Wait until all words of this can be read on the OLED."""
        wanted = set(text.lower().split())
        seen: tuple[bytes, set[str]] = b"", set()

        def readable() -> bool:
            nonlocal seen
            pixels = self.picture.tobytes()
            if pixels != seen[0]:
                seen = pixels, self.words()
            return wanted <= seen[1]

        try:
            until(readable, f"“{text}” is on the OLED", within)
        except AssertionError as error:
            self.keep_picture("instead")
            raise AssertionError(f"{error}; there is: {' '.join(sorted(seen[1]))}") from None

    def film(self, going_on: Callable[[], bool]) -> Iterator[Picture.Image]:
        """Take every picture that is shown meanwhile, for reading later: reading takes long."""
        seen = b""
        while going_on():
            picture = self.picture
            if picture.tobytes() != seen:
                seen = picture.tobytes()
                yield picture
            time.sleep(0.02)

    def wait_for_still_picture(self, calm: float = 1.0, within: float = 10.0) -> float:
        """Wait until the picture stands still for a while; return how long ago it last changed."""
        end = time.monotonic() + within
        seen, changed = self.picture.tobytes(), time.monotonic()
        while time.monotonic() < min(changed + calm, end):
            time.sleep(0.01)
            if (pixels := self.picture.tobytes()) != seen:
                seen, changed = pixels, time.monotonic()
        return time.monotonic() - changed

    def keep_picture(self, what: str) -> None:
        """Keep what can be seen, for looking at; not one that is half sent."""
        self.wait_for_still_picture(calm=0.15, within=1.0)
        self._pictures += 1
        enlarged = self.picture.convert("L").resize((512, 256), Picture.Resampling.NEAREST)
        enlarged.save(self.workspace.results / f"{self._case}-{self._pictures}-{what}.png")

    # State and reports

    def status(self) -> dict[str, Any]:
        """Return the status of the appliance; empty where it does not run."""
        try:
            status: dict[str, Any] = json.loads(self.shell.read(STATUS) or "{}")
        except ValueError:  # replaced while it was read
            return {}
        return status

    def wait_for_mode(self, *modes: str, within: float = RESPONSE_TIMEOUT) -> None:
        """Wait until the appliance says that it is in one of these modes."""
        try:
            until(lambda: self.status().get("mode") in modes, f"it is {' or '.join(modes)}", within)
        except AssertionError as error:
            raise AssertionError(f"{error}; its status: {self.status()}") from None

    def sessions(self) -> list[dict[str, Any]]:
        """Return what the history holds, the oldest session first."""
        exported = self.shell.run(f"{APPLIANCE} history export --format json 2>/dev/null")
        sessions: list[dict[str, Any]] = json.loads(exported)
        return sorted(sessions, key=lambda session: str(session["started"]))

    def heard(self) -> list[str]:
        """Return the words of the whole history, without capitals and full stops."""
        texts = (turn["text"] for session in self.sessions() for turn in session["turns"])
        return [word.strip(".,?").lower() for text in texts for word in text.split()]

    def service_is(self, name: str, unit: str = "appliance.service") -> str:
        """Return a property of the service, as systemd reports it."""
        return self.shell.run(f"systemctl show --value -p {name} {unit}").strip()

    def time(self) -> str:
        """Return the time on its clock, as journalctl's --since wants it."""
        return self.shell.run("date '+%F %T'").strip()

    def journal(self, options: str = "-b -u appliance.service -o cat") -> list[str]:
        """Return the lines of the journal."""
        return self.shell.run(f"journalctl --no-pager --quiet {options}").splitlines()


def until(
    condition: Callable[[], object], what: str, within: float = RESPONSE_TIMEOUT, every: float = 0.2
) -> float:
    """Wait until something is so, and return how long it took; look `every` so many seconds.

    Raises:
        AssertionError: it was not within these seconds.
    """
    started = time.monotonic()
    while not condition():
        waited = time.monotonic() - started
        assert waited < within, f"after {within:g} s still not so: {what}"
        time.sleep(every)
    return time.monotonic() - started
