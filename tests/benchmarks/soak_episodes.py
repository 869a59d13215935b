"""Episodes of a soak: a short session each, from rest to rest, with a fault."""

import random
import time
from collections.abc import Callable

from tests.benchmarks.soak_course import AT_REST, IN_SESSION
from tests.benchmarks.soak_stage import SLEEP_AFTER, Stage
from tests.rig.connection import Behaviour
from tests.rig.faults import drop_after, fail_after

Play = Callable[[Stage, random.Random], None]


def _talk(stage: Stage, chance: random.Random) -> None:
    """Begin a session and something to say in it, of 5 to 9 s; returns at once."""
    stage.begin()
    stage.say(chance.randint(9, 18))


def _some_time(chance: random.Random, least: float = 0.2, most: float = 4.0) -> None:
    time.sleep(chance.uniform(least, most))


def calm(stage: Stage, chance: random.Random) -> None:
    """Nothing goes wrong."""
    _talk(stage, chance)
    stage.come_to_rest()


def pause(stage: Stage, chance: random.Random) -> None:
    """Nobody does anything until the screen sleeps; then a press wakes it."""
    time.sleep(SLEEP_AFTER + chance.uniform(2, 6))
    calm(stage, chance)


def on_connection(make: Callable[[random.Random], Behaviour]) -> Play:
    """The next connection behaves like this."""

    def play(stage: Stage, chance: random.Random) -> None:
        stage.service.on_connection(len(stage.service.connections) + 1, make(chance))
        calm(stage, chance)

    return play


def closed(code: int, text: str) -> Play:
    return on_connection(lambda chance: fail_after(chance.uniform(0.2, 6), code, text))


def token_answered(status: int, error: str) -> Play:
    """The token server refuses for a part of the session."""

    def play(stage: Stage, chance: random.Random) -> None:
        stage.service.token_answer = status, {"error": error}
        _talk(stage, chance)
        _some_time(chance, most=6)
        stage.service.token_answer = None
        stage.come_to_rest()

    return play


def no_tokens(stage: Stage, chance: random.Random) -> None:
    """Nothing listens where the token server was, and the connection drops."""
    stage.service.on_connection(len(stage.service.connections) + 1, drop_after(1))
    stage.service.token_down_for(chance.uniform(1, 6))
    calm(stage, chance)


def stall(stage: Stage, chance: random.Random) -> None:
    """The network takes everything and brings nothing, then goes on."""
    _talk(stage, chance)
    _some_time(chance)
    for network in stage.networks:
        network.pause()
    _some_time(chance, most=12)
    for network in stage.networks:
        network.resume()
    stage.come_to_rest()


def silent_network(stage: Stage, chance: random.Random) -> None:
    """Every packet vanishes for a while."""
    _talk(stage, chance)
    _some_time(chance)
    for network in stage.networks:
        network.blackhole()
    _some_time(chance, most=12)
    for network in stage.networks:
        network.end_blackhole()
    stage.come_to_rest()


def outage(stage: Stage, chance: random.Random) -> None:
    """All connections are reset, and refused for some seconds."""
    _talk(stage, chance)
    _some_time(chance)
    seconds = chance.uniform(1, 6)
    for network in stage.networks:
        network.refuse(seconds)
        network.cut()
    stage.come_to_rest()
    time.sleep(max(0.0, seconds - 6))


def microphone_out(stage: Stage, chance: random.Random) -> None:
    """The microphone is pulled out while somebody speaks, and put back."""
    _talk(stage, chance)
    _some_time(chance)
    stage.microphone.unplug()
    _some_time(chance)
    stage.microphone.plug()
    stage.come_to_rest()


def microphone_late(stage: Stage, chance: random.Random) -> None:
    """There is no microphone at the press; it comes later."""
    stage.microphone.unplug()
    _some_time(chance)
    _talk(stage, chance)
    _some_time(chance)
    stage.microphone.plug()
    stage.come_to_rest()


def microphone_frozen(stage: Stage, chance: random.Random) -> None:
    """No more audio comes for a while, though everything claims to run."""
    _talk(stage, chance)
    _some_time(chance)
    stage.microphone.freeze()
    _some_time(chance, most=5)
    stage.microphone.thaw()
    stage.come_to_rest()


def oled_out(stage: Stage, chance: random.Random) -> None:
    """The OLED is pulled out in a session, and put back."""
    _talk(stage, chance)
    _some_time(chance)
    stage.pull_out_oled()
    _some_time(chance)
    stage.program.send("oled in")
    stage.come_to_rest()
    time.sleep(2)


def oled_glitch(stage: Stage, chance: random.Random) -> None:
    """Some transfers on the OLED's bus fail."""
    _talk(stage, chance)
    for _ in range(chance.randint(1, 4)):
        _some_time(chance, most=1.5)
        stage.program.send(f"oled fail {chance.randint(1, 6)}")
    stage.come_to_rest()
    time.sleep(2)


def press_in_the_dark(stage: Stage, chance: random.Random) -> None:
    """The button is pressed while there is no OLED: nobody may be heard then."""
    stage.pull_out_oled()
    stage.press()
    time.sleep(0.5)
    assert stage.mode in AT_REST, "a session began that nothing could show"
    stage.program.send("oled in")
    time.sleep(2.5)
    calm(stage, chance)


def disk_full(stage: Stage, chance: random.Random) -> None:
    """The disk is full for a while in a session, from its start or later."""
    late = chance.random() < 0.5
    if late:
        _talk(stage, chance)
        _some_time(chance, most=2)
    with stage.full_disk():
        if not late:
            _talk(stage, chance)
        _some_time(chance, 1, 5)
    stage.come_to_rest()


def hasty_presses(stage: Stage, chance: random.Random) -> None:
    """Somebody who speaks presses again and again, whatever the screen says."""
    stage.begin()
    stage.say(24)
    for _ in range(chance.randint(2, 8)):
        _some_time(chance, 0.0, 1.2)
        stage.press()
    stage.come_to_rest()


def press_while_finishing(stage: Stage, chance: random.Random) -> None:
    """The next session begins while the last words of the one before are still awaited."""
    stage.service.hearing_delay = chance.uniform(0.3, 1.5)
    _talk(stage, chance)
    _some_time(chance, 1, 3)
    stage.press()
    _some_time(chance, 0.0, 0.5)
    stage.press()
    stage.come_to_rest()
    stage.service.hearing_delay = 0.0


def long_press(stage: Stage, chance: random.Random) -> None:
    """The button is held for a while, and let go before anything comes of it."""
    stage.begin(seconds=chance.uniform(1, 2.5))
    stage.say(9)
    _some_time(chance, 0.5, 2)
    stage.press(seconds=chance.uniform(1, 2.5))
    if stage.mode not in IN_SESSION:
        stage.begin()
    stage.come_to_rest()


def settings_at_rest(stage: Stage, chance: random.Random) -> None:
    """Other settings, while nothing is going on."""
    with stage.restarting():
        stage.set_up(contrast=chance.randint(1, 254))
    calm(stage, chance)


def settings_in_session(stage: Stage, chance: random.Random) -> None:
    """Other settings, which wait for the end of the session."""
    with stage.restarting():
        _talk(stage, chance)
        _some_time(chance, most=2)
        stage.set_up(contrast=chance.randint(1, 254))
        time.sleep(2.5)  # until they are looked at
        stage.come_to_rest()


def settings_wrong(stage: Stage, chance: random.Random) -> None:
    """A mistake in the settings, and its correction."""
    with stage.restarting():
        stage.set_up(255, chance.choice(("nonsense = 1", "name = 7", "= broken")))
    calm(stage, chance)
    with stage.restarting():
        stage.set_up(contrast=chance.randint(1, 254))
