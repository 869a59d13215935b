"""Cases of recovery: faults in any order, and nobody logs in."""

import time

from tests.machine.cases.words import LOST_AT_A_CUT, talk, talk_without_end
from tests.machine.pi import VirtualPi, until

RESTART_TIMEOUT = 120.0
PICTURE_BACK = 2.0
LOST_WITH_POWER = 6
"""Words: the audio of the last two seconds or so was on its way to the card."""


def microphone_comes_back(pi: VirtualPi) -> str:
    """Pull the microphone out in the middle of a session, and put it back."""
    with talk(pi, words=50) as spoken:
        spoken.wait_for_words(15)
        pi.microphone.pull()
        pi.wait_to_read("microphone")
        pi.keep_picture("pulled")
        time.sleep(2)
        pi.microphone.plug(pi.machine.socket("microphone"))
        left = pi.microphone.seconds_left
        back = until(lambda: pi.microphone.seconds_left < left, "it listens again")
        spoken.wait_for_words(25)
        pi.keep_picture("back")
    return f"{spoken.account(LOST_AT_A_CUT)}; back after {back:.1f} s"


def microphone_is_missed_while_idle(pi: VirtualPi) -> str:
    """Pull the microphone out while nobody speaks: the OLED says so, until it is back."""
    pi.wait_for_mode("ready")
    pi.microphone.pull()
    reported = until(lambda: "microphone" in pi.words(), "the OLED says so")
    pi.keep_picture("pulled")
    pi.microphone.plug(pi.machine.socket("microphone"))
    back = until(lambda: "press" in pi.words(), "it is ready again")
    return f"reported after {reported:.1f} s, ready again {back:.1f} s after it was put back"


def oled_comes_back(pi: VirtualPi) -> str:
    """Pull the OLED out and put it back: it has forgotten all, and shows the same again."""
    pi.wait_for_mode("ready")
    pi.wait_to_read("press")
    times = [_oled_out_for(pi, seconds) for seconds in (1.0, 6.0, 12.0)]
    pi.keep_picture("back")
    assert max(times) <= PICTURE_BACK, f"pictures back after {times}"
    return "picture back after " + ", ".join(f"{taken:.1f} s" for taken in times)


def oled_comes_back_in_a_session(pi: VirtualPi) -> str:
    """The same while somebody speaks: not a word is lost, and the newest are shown."""
    with talk(pi, words=50) as spoken:
        spoken.wait_for_words(10)
        pi.oled.unplug()
        time.sleep(4)
        pi.oled.plug()
        back = until(lambda: _shows_words(pi), "there are words", every=0.02)
        pi.keep_picture("back")
        assert back <= PICTURE_BACK, f"picture back after {back:.1f} s"
    return f"{spoken.account()}; picture back after {back:.1f} s"


def killed_in_a_session(pi: VirtualPi) -> str:
    """Kill the program: it starts again, and the session goes on."""
    with talk(pi, words=60) as spoken:
        spoken.wait_for_words(20)
        pi.shell.run(f"kill -9 {pi.service_is('MainPID')}")
        time.sleep(1)
        gone = len(spoken.gone())
        left = pi.microphone.seconds_left
        back = until(
            lambda: pi.microphone.seconds_left < left - 0.5, "it listens again", RESTART_TIMEOUT
        )
        pi.wait_for_mode("listening")
        spoken.wait_for_words(gone + 5)
        pi.keep_picture("back")
    return f"{spoken.account(LOST_AT_A_CUT)}; listens again after {back:.1f} s"


def hung_and_restarted(pi: VirtualPi) -> str:
    """Stop the program's main loop: systemd's watchdog restarts it."""
    pi.wait_for_mode("ready")
    before = pi.service_is("MainPID")
    pi.shell.run(f"kill -STOP {before}")
    restarted = until(
        lambda: pi.service_is("MainPID") not in {"0", before}, "a restart", RESTART_TIMEOUT
    )
    pi.wait_for_mode("ready", within=RESTART_TIMEOUT)
    pi.wait_to_read("press")
    assert pi.service_is("Result") in {"watchdog", "success"}
    assert pi.journal("-b -o cat -u appliance.service --grep [Ww]atchdog"), "no watchdog"
    return f"another process after {restarted:.0f} s"


def power_cut_in_a_session(pi: VirtualPi) -> str:
    """Pull the plug in the middle of a session; with power, what was said is transcribed."""
    with talk_without_end(pi, words=80) as spoken:
        spoken.wait_for_words(40)
        kept = spoken.heard()
        pi.keep_picture("before")
        pi.cut_power()
        gone = spoken.gone()
        pi.microphone.be_quiet()
        pi.switch_on()
        pi.wait_until_up()
        pi.wait_for_mode("ready", "listening", within=RESTART_TIMEOUT)
        pi.keep_picture("after")
        if pi.status()["mode"] == "listening":
            spoken.end()
        spoken.wait_until_transcribed()
    assert set(kept) <= set(spoken.heard()), "what was kept before is lost"
    return spoken.account(said=gone, excused=LOST_WITH_POWER)


def _shows_words(pi: VirtualPi) -> bool:
    """Return whether there are words in the lower half, which is noise on a fresh panel."""
    below = pi.picture.crop((0, 32, 128, 64)).convert("L").histogram()
    return pi.oled.on and 0 < sum(below[128:]) < sum(below) * 0.4


def _oled_out_for(pi: VirtualPi, seconds: float) -> float:
    """Return how long after it was put back the OLED shows its picture, and nothing else."""
    pi.oled.unplug()
    time.sleep(seconds)
    pi.oled.plug()
    plugged = time.monotonic()
    until(lambda: pi.oled.on and pi.picture.getbbox(), "there is a picture", every=0.02)
    still = pi.wait_for_still_picture()
    back = time.monotonic() - still - plugged
    shown = pi.words()
    assert {"press", "start"} <= shown, f"there is: {' '.join(sorted(shown))}"
    return back
