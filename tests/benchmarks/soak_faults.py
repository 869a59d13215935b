"""The faults of a soak: how often each comes, and which lines of the log it explains."""

from typing import NamedTuple

from tests.benchmarks.soak_bench import SoakBench
from tests.benchmarks.soak_scenarios import (
    Scenario,
    calm,
    closed,
    disk_full,
    hasty_presses,
    long_press,
    microphone_frozen,
    microphone_late,
    microphone_out,
    no_tokens,
    oled_glitch,
    oled_out,
    on_connection,
    outage,
    pause,
    press_in_the_dark,
    press_while_finishing,
    settings_at_rest,
    settings_in_session,
    settings_wrong,
    silent_network,
    stall,
    token_answered,
)
from tests.rig.faults import (
    drop_after,
    drop_handshake,
    drop_on_terminate,
    go_silent_after,
    ignore_terminate,
    rate_limit,
    refuse,
    refuse_handshake,
)
from tests.rig.packets import may_vanish


class Fault(NamedTuple):
    """A fault, how often it comes beside the others, and which lines of the log it explains."""

    name: str
    play: Scenario
    weight: float = 1.0
    explains: str = r"(?!)"


FULL = "disk full"
SILENT = "silent network"

MICROPHONE = r"\.microphone: "
NETWORK = r"streaming\.session: .*next attempt"
OLED = r"The OLED does not answer|nothing could show"
DISK = r"can't be (written|read)|can't (write|read) audio"
SETTINGS = r"app\.run: settings: "

CLOSES = (
    (1001, "Going away"), (1008, "Too many concurrent sessions"), (1008, "Unauthorized"),
    (1011, "Internal error"), (1012, "Restart"), (1013, "Try again later"), (3005, "Server error"),
    (3007, "Audio Transmission Rate Exceeded: Received 9.0 sec. audio in 1.0 sec"),
    (3008, "Session expired"), (3009, "Too many concurrent sessions"), (4029, "Too fast"),
    (4031, "Idle"), (4999, "Whatever comes next"),
)  # fmt: skip

SLOW_CLOSES = (
    (3006, "Invalid JSON"), (4001, "Not authorized"), (4002, "Insufficient funds"),
    (4003, "Paid feature"),
)  # fmt: skip
"""After these the appliance asks again after a minute, since only the owner can help."""

NETWORK_FAULTS = (
    *(Fault(f"closed with {code} {text[:24]}", closed(code, text), 0.5) for code, text in CLOSES),
    *(Fault(f"closed with {code} {text}", closed(code, text), 0.15) for code, text in SLOW_CLOSES),
    Fault("reset", on_connection(lambda chance: drop_after(chance.uniform(0.2, 6)))),
    Fault("reset in handshake", on_connection(lambda _: drop_handshake())),
    Fault("reset in finishing", on_connection(lambda _: drop_on_terminate())),
    Fault("Terminate ignored", on_connection(lambda _: ignore_terminate())),
    Fault("rate refused", on_connection(lambda _: rate_limit(0.5, 0.9))),
    Fault("deaf service", on_connection(lambda chance: go_silent_after(chance.uniform(0.2, 4)))),
    Fault(SILENT, silent_network),
    Fault("stalled network", stall, 2),
    Fault("network refuses", outage, 2),
    Fault("refused with 1008", on_connection(lambda _: refuse(1008, "Invalid token"))),
    Fault("handshake 503", on_connection(lambda _: refuse_handshake(503))),
    Fault("handshake 429", on_connection(lambda _: refuse_handshake(429))),
    Fault("token refused 401", token_answered(401, "Unauthorized"), 0.3),
    Fault("token refused 429", token_answered(429, "Too many requests")),
    Fault("token refused 500", token_answered(500, "Internal error")),
    Fault("token server down", no_tokens),
)

FAULTS = (
    *(fault._replace(explains=NETWORK) for fault in NETWORK_FAULTS),
    Fault("pause until asleep", pause, 3),
    Fault("microphone out", microphone_out, 2, MICROPHONE),
    Fault("microphone late", microphone_late, 1, MICROPHONE),
    Fault("microphone frozen", microphone_frozen, 1, f"{MICROPHONE}|microphone does not close"),
    Fault("OLED out", oled_out, 2, OLED),
    Fault("OLED glitches", oled_glitch, 2, OLED),
    Fault("press in the dark", press_in_the_dark, 1, OLED),
    Fault(FULL, disk_full, 2, DISK),
    Fault("hasty presses", hasty_presses, 3),
    Fault("press while finishing", press_while_finishing, 2),
    Fault("long press", long_press),
    Fault("settings changed", settings_at_rest, 1.5),
    Fault("settings changed in session", settings_in_session, 1.5),
    Fault("settings wrong", settings_wrong, 1, SETTINGS),
)

CALM = Fault("calm", calm)


def faults_for(bench: SoakBench) -> list[Fault]:
    """Return the faults that can be put on on this machine."""
    missing = set() if bench.has_own_disk else {FULL}
    if not may_vanish():
        missing.add(SILENT)
    return [fault for fault in FAULTS if fault.name not in missing]
