"""Cases of switching the box off by its button."""

import time
from collections.abc import Iterable

from PIL import Image

from tests.machine.pi import VirtualPi
from tests.rig.ocr import words_on

COUNTING = {"switching", "off", "in"}
IN_SESSION = {"connecting", "listening", "reconnecting"}
POWER_OFF_TIMEOUT = 180.0


def letting_go_stays_on(pi: VirtualPi) -> str:
    """Hold the button until the countdown, and let go: what this press began goes on."""
    pi.wait_for_mode("ready")
    with pi.holding_the_button():
        end = time.monotonic() + 2
        film = list(pi.film(lambda: time.monotonic() < end))
        pi.keep_picture("countdown")
    assert _shown(film, COUNTING), "no countdown"
    pi.wait_for_mode(*IN_SESSION)
    time.sleep(5)
    assert pi.status()["mode"] in IN_SESSION, pi.status()
    pi.press()
    pi.wait_for_mode("ready", "saved")
    return "countdown seen, session went on"


def holding_switches_off(pi: VirtualPi) -> str:
    """Hold the button: countdown, "Switching off", and when all is written, "Safe to unplug"."""
    pi.wait_for_mode("ready")
    started = time.monotonic()
    end = started + POWER_OFF_TIMEOUT
    with pi.holding_the_button():
        film = list(pi.film(lambda: pi.machine.is_on and time.monotonic() < end))
    off = time.monotonic() - started
    pi.keep_picture("off")
    assert not pi.machine.is_on, f"still on after {off:.0f} s"
    assert _shown(film, COUNTING), "no countdown"
    pi.wait_to_read("safe to unplug", within=1)
    return f"countdown seen, off and safe to unplug {off:.0f} s after the press"


def _shown(film: Iterable[Image.Image], words: set[str]) -> bool:
    return any(words <= words_on(picture) for picture in film)
