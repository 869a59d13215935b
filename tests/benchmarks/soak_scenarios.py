"""Scenarios of a soak: a short session each, from rest to rest, with a fault."""

import random
import time
from collections.abc import Callable

from tests.benchmarks.soak_bench import SLEEP_AFTER, SoakBench
from tests.benchmarks.soak_totals import AT_REST, IN_SESSION
from tests.rig.connection import Behaviour
from tests.rig.faults import drop_after, fail_after

Scenario = Callable[[SoakBench, random.Random], None]


def _talk(bench: SoakBench, chance: random.Random) -> None:
    """Begin a session and something to say in it, of 5 to 9 s; returns at once."""
    bench.begin()
    bench.say(chance.randint(9, 18))


def _some_time(chance: random.Random, least: float = 0.2, most: float = 4.0) -> None:
    time.sleep(chance.uniform(least, most))


def calm(bench: SoakBench, chance: random.Random) -> None:
    """Nothing goes wrong."""
    _talk(bench, chance)
    bench.come_to_rest()


def pause(bench: SoakBench, chance: random.Random) -> None:
    """Nobody does anything until the screen sleeps; then a press wakes it."""
    time.sleep(SLEEP_AFTER + chance.uniform(2, 6))
    calm(bench, chance)


def on_connection(make: Callable[[random.Random], Behaviour]) -> Scenario:
    """The next connection behaves like this."""

    def play(bench: SoakBench, chance: random.Random) -> None:
        bench.service.on_connection(len(bench.service.connections) + 1, make(chance))
        calm(bench, chance)

    return play


def closed(code: int, text: str) -> Scenario:
    return on_connection(lambda chance: fail_after(chance.uniform(0.2, 6), code, text))


def token_answered(status: int, error: str) -> Scenario:
    """The token server refuses for a part of the session."""

    def play(bench: SoakBench, chance: random.Random) -> None:
        bench.service.token_answer = status, {"error": error}
        _talk(bench, chance)
        _some_time(chance, most=6)
        bench.service.token_answer = None
        bench.come_to_rest()

    return play


def no_tokens(bench: SoakBench, chance: random.Random) -> None:
    """Nothing listens where the token server was, and the connection drops."""
    bench.service.on_connection(len(bench.service.connections) + 1, drop_after(1))
    bench.service.token_down_for(chance.uniform(1, 6))
    calm(bench, chance)


def stall(bench: SoakBench, chance: random.Random) -> None:
    """The network takes everything and brings nothing, then goes on."""
    _talk(bench, chance)
    _some_time(chance)
    for network in bench.networks:
        network.pause()
    _some_time(chance, most=12)
    for network in bench.networks:
        network.resume()
    bench.come_to_rest()


def silent_network(bench: SoakBench, chance: random.Random) -> None:
    """Every packet vanishes for a while."""
    _talk(bench, chance)
    _some_time(chance)
    for network in bench.networks:
        network.blackhole()
    _some_time(chance, most=12)
    for network in bench.networks:
        network.end_blackhole()
    bench.come_to_rest()


def outage(bench: SoakBench, chance: random.Random) -> None:
    """All connections are reset, and refused for some seconds."""
    _talk(bench, chance)
    _some_time(chance)
    seconds = chance.uniform(1, 6)
    for network in bench.networks:
        network.refuse(seconds)
        network.cut()
    bench.come_to_rest()
    time.sleep(max(0.0, seconds - 6))


def microphone_out(bench: SoakBench, chance: random.Random) -> None:
    """The microphone is pulled out while somebody speaks, and put back."""
    _talk(bench, chance)
    _some_time(chance)
    bench.microphone.unplug()
    _some_time(chance)
    bench.microphone.plug()
    bench.come_to_rest()


def microphone_late(bench: SoakBench, chance: random.Random) -> None:
    """There is no microphone at the press; it comes later."""
    bench.microphone.unplug()
    _some_time(chance)
    _talk(bench, chance)
    _some_time(chance)
    bench.microphone.plug()
    bench.come_to_rest()


def microphone_frozen(bench: SoakBench, chance: random.Random) -> None:
    """No more audio comes for a while, though everything claims to run."""
    _talk(bench, chance)
    _some_time(chance)
    bench.microphone.freeze()
    _some_time(chance, most=5)
    bench.microphone.thaw()
    bench.come_to_rest()


def oled_out(bench: SoakBench, chance: random.Random) -> None:
    """The OLED is pulled out in a session, and put back."""
    _talk(bench, chance)
    _some_time(chance)
    bench.pull_out_oled()
    _some_time(chance)
    bench.program.send("oled in")
    bench.come_to_rest()
    time.sleep(2)


def oled_glitch(bench: SoakBench, chance: random.Random) -> None:
    """Some transfers on the OLED's bus fail."""
    _talk(bench, chance)
    for _ in range(chance.randint(1, 4)):
        _some_time(chance, most=1.5)
        bench.program.send(f"oled fail {chance.randint(1, 6)}")
    bench.come_to_rest()
    time.sleep(2)


def press_in_the_dark(bench: SoakBench, chance: random.Random) -> None:
    """The button is pressed while there is no OLED: nobody may be heard then."""
    bench.pull_out_oled()
    bench.press()
    time.sleep(0.5)
    assert bench.mode in AT_REST, "a session began that nothing could show"
    bench.program.send("oled in")
    time.sleep(2.5)
    calm(bench, chance)


def disk_full(bench: SoakBench, chance: random.Random) -> None:
    """The disk is full for a while in a session, from its start or later."""
    late = chance.random() < 0.5
    if late:
        _talk(bench, chance)
        _some_time(chance, most=2)
    with bench.full_disk():
        if not late:
            _talk(bench, chance)
        _some_time(chance, 1, 5)
    bench.come_to_rest()


def hasty_presses(bench: SoakBench, chance: random.Random) -> None:
    """Somebody who speaks presses again and again, whatever the screen says."""
    bench.begin()
    bench.say(24)
    for _ in range(chance.randint(2, 8)):
        _some_time(chance, 0.0, 1.2)
        bench.press()
    bench.come_to_rest()


def press_while_finishing(bench: SoakBench, chance: random.Random) -> None:
    """The next session begins while the last words of the one before are still awaited."""
    bench.service.hearing_delay = chance.uniform(0.3, 1.5)
    _talk(bench, chance)
    _some_time(chance, 1, 3)
    bench.press()
    _some_time(chance, 0.0, 0.5)
    bench.press()
    bench.come_to_rest()
    bench.service.hearing_delay = 0.0


def long_press(bench: SoakBench, chance: random.Random) -> None:
    """The button is held for a while, but not long enough to power off."""
    bench.begin(seconds=chance.uniform(1, 2.5))
    bench.say(9)
    _some_time(chance, 0.5, 2)
    bench.press(seconds=chance.uniform(1, 2.5))
    if bench.mode not in IN_SESSION:
        bench.begin()
    bench.come_to_rest()


def settings_at_rest(bench: SoakBench, chance: random.Random) -> None:
    """Other settings, while nothing is going on."""
    with bench.restarting():
        bench.set_up(contrast=chance.randint(1, 254))
    calm(bench, chance)


def settings_in_session(bench: SoakBench, chance: random.Random) -> None:
    """Other settings, which wait for the end of the session."""
    with bench.restarting():
        _talk(bench, chance)
        _some_time(chance, most=2)
        bench.set_up(contrast=chance.randint(1, 254))
        time.sleep(2.5)  # until they are looked at
        bench.come_to_rest()


def settings_wrong(bench: SoakBench, chance: random.Random) -> None:
    """A mistake in the settings, and its correction."""
    with bench.restarting():
        bench.set_up(255, chance.choice(("nonsense = 1", "name = 7", "= broken")))
    calm(bench, chance)
    with bench.restarting():
        bench.set_up(contrast=chance.randint(1, 254))
