"""Cases of normal use: the box starts, listens and writes down."""

import re
import time
import wave
from pathlib import Path

import numpy as np

import appliance
from tests.machine.cases.words import talk
from tests.machine.pi import VirtualPi, until

SAMPLE = Path(appliance.__file__).parent / "app/samples/sample.wav"
QUIET_TIME = 180.0


def boots_and_is_ready(pi: VirtualPi) -> str:
    """Restart with nobody near: the OLED says when to press."""
    pi.switch_off()
    started = time.monotonic()
    pi.switch_on()
    until(lambda: pi.oled.on and pi.picture.getbbox(), "there is a picture", 240)
    first = time.monotonic() - started
    pi.wait_to_read("press", within=120)
    ready = time.monotonic() - started
    pi.keep_picture("ready")
    pi.wait_until_up()
    return f"first picture {first:.0f} s after power, ready after {ready:.0f} s"


def writes_down_what_is_said(pi: VirtualPi) -> str:
    """Speak English: the words are on the OLED while they are said, and then in the history."""
    with wave.open(str(SAMPLE)) as sample:
        spoken = np.frombuffer(sample.readframes(sample.getnframes()), dtype=np.int16)
    shown: set[str] = set()
    with pi.workspace.cloud.transcribing(pi.workspace.results / "local-service.txt"):
        pi.press()
        pi.wait_for_mode("listening")
        pi.wait_to_read("speak now")
        pi.microphone.say(spoken)
        while pi.microphone.seconds_left:
            time.sleep(0.5)
            shown |= pi.words()
        pi.keep_picture("listening")
        pi.press()
        pi.wait_for_mode("saved")
        pi.keep_picture("saved")
        until(lambda: not pi.status().get("waiting"), "nothing waits to be transcribed")
    heard = set(pi.heard())
    wanted = set(re.findall(r"\w+", SAMPLE.with_suffix(".txt").read_text().lower()))
    assert len(wanted & heard) >= 0.7 * len(wanted), f"heard: {sorted(heard)}"
    assert len(heard & shown) >= 0.7 * len(heard), f"shown: {sorted(shown)}"
    counted = f"{len(wanted & heard)} of {len(wanted)} different words in the history"
    return f"{counted}, {len(heard & shown)} of them read on the OLED"


def loses_no_word(pi: VirtualPi) -> str:
    """A minute of numbered words: all of them, once, in their order."""
    with talk(pi, words=100) as spoken:
        spoken.wait_for_words(50)
        pi.keep_picture("numbers")
    return spoken.account()


def lives_without_a_network(pi: VirtualPi) -> str:
    """Pull the network cable in a session: what is said is kept, and is transcribed later."""
    with talk(pi, words=60) as spoken:
        spoken.wait_for_words(10)
        pi.machine.connect_network(connected=False)
        pi.wait_for_mode("reconnecting", within=90)
        pi.keep_picture("no-network")
        time.sleep(3)
        pi.machine.connect_network(connected=True)
        back = until(lambda: pi.status().get("mode") == "listening", "it listens again", 120)
    return f"{spoken.account()}; live again after {back:.0f} s"


def is_quiet(pi: VirtualPi) -> str:
    """Leave it alone: the journal reports nothing."""
    pi.wait_for_mode("ready")
    time.sleep(10)
    since = pi.time()
    time.sleep(QUIET_TIME)
    lines = pi.journal(f"-u appliance.service -o cat --since '{since}'")
    assert len(lines) <= 1, "\n".join(lines)
    used = pi.service_is("CPUUsageNSec")
    memory = int(pi.service_is("MemoryCurrent")) / 1e6
    minutes = QUIET_TIME / 60
    return f"{len(lines)} lines in {minutes:.0f} min; {memory:.0f} MB, {int(used) / 1e9:.0f} s CPU"
