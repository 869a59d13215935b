"""Catalogue of what the screen can show: a scene of each state and of each fault."""

import ast
import functools
import re
import tempfile
from collections.abc import Iterator
from pathlib import Path

from appliance.app.run import read_settings
from appliance.core.faults import Fault
from appliance.screen.render.renderer import Renderer
from appliance.screen.scene import DASH, Mode, Scene, ShownTurn, Summary
from appliance.streaming.outcomes import TABLE

PROGRAM = Path(__file__).parents[2] / "appliance"
NOT_SHOWN = PROGRAM / "screen" / "panels"
"""Faults of a panel can't be shown on it."""

RENDERERS = {
    "128x64": Renderer(),
    "128x64-2-lines": Renderer(lines=2),
    "128x64-6-lines": Renderer(lines=6),
    "128x32": Renderer(128, 32),
    "256x64": Renderer(256, 64),
}

TURNS = (
    ShownTurn("Good morning, everybody."),
    ShownTurn("The kitchen is closed on Friday, so please bring", "your lunch"),
)
CALLED = (
    ShownTurn("Good morning, everybody."),
    ShownTurn("The kitchen is closed.", "Anna should call", alerts=((23, 27),)),
)
OTHERS = (("A",), ("B",))


def spoken(first: str, second: str) -> tuple[ShownTurn, ...]:
    """Return what two people say in turns, with the marks that they have."""
    marks = [(mark, mark[0]) for mark in (first, second)]
    talk = ("Is there any tea left?", "Yes, in the kitchen.", "Oh, good.")
    turns = (ShownTurn(it, "", marks[number % 2], tuple(marks)) for number, it in enumerate(talk))
    return (*turns, ShownTurn("", "And", (), tuple(marks)))


COMMANDED = (ShownTurn("It is getting dark in here."), ShownTurn("Turn on the lamp."))
BROKER = "No MQTT broker: check mqtt.host, or the broker"
UNREACHABLE = Fault("Can't reach the service", "check the network")
NO_MICROPHONE = Fault("No microphone", "plug one in")
KEY_REFUSED = next(Fault(rule.what, rule.remedy) for rule in TABLE if rule.what == "Key refused")
CANT_SAVE = Fault("Can't save", "check the SD card")

STATES = {
    "starting": Scene(Mode.STARTING),
    "ready": Scene(Mode.READY, clock="14:05"),
    "ready-without-clock": Scene(Mode.READY),
    "ready-waiting": Scene(Mode.READY, clock="14:05", waiting=130),
    "ready-without-network": Scene(Mode.READY, clock="14:05", network=False),
    "connecting": Scene(Mode.CONNECTING, elapsed=1, level=0.6, network=False),
    "speak-now": Scene(Mode.LISTENING, elapsed=2, level=0.2),
    "listening": Scene(Mode.LISTENING, elapsed=83, level=0.7, turns=TURNS),
    "listening-on-fallback": Scene(
        Mode.LISTENING, elapsed=83, level=0.7, turns=TURNS, on_fallback=True
    ),
    "lagging-on-fallback": Scene(
        Mode.LISTENING, elapsed=751, level=0.7, turns=TURNS, waiting=30, on_fallback=True
    ),
    "lagging-on-fallback-for-long": Scene(
        Mode.LISTENING, elapsed=4217, level=0.7, turns=TURNS, waiting=3540, on_fallback=True
    ),
    "called": Scene(Mode.LISTENING, elapsed=83, level=0.7, turns=CALLED, alert=True),
    "called-flash": Scene(
        Mode.LISTENING, elapsed=83, level=0.7, turns=CALLED, alert=True, reverse_video=True
    ),
    "no-level": Scene(Mode.LISTENING, elapsed=15, turns=TURNS[:1]),
    "long": Scene(Mode.LISTENING, elapsed=4217, level=1.0, turns=TURNS, waiting=65),
    "lagging": Scene(Mode.LISTENING, elapsed=751, level=0.7, turns=TURNS, waiting=12),
    "auto-stop": Scene(
        Mode.LISTENING, elapsed=903, level=0.1, turns=TURNS, hint="Silence: stopping in 9 s"
    ),
    "command-done": Scene(
        Mode.LISTENING, elapsed=83, level=0.2, turns=COMMANDED, remark="Turn on the lamp: done"
    ),
    "command-failed": Scene(
        Mode.LISTENING,
        elapsed=83,
        level=0.2,
        turns=COMMANDED,
        remark="Turn on the lamp: no answer from lamp.local",
    ),
    "command-while-reconnecting": Scene(
        Mode.RECONNECTING,
        elapsed=98,
        turns=COMMANDED,
        waiting=42,
        fault=UNREACHABLE,
        network=False,
        remark="Turn on the lamp: no MQTT broker",
    ),
    "cleared": Scene(Mode.LISTENING, elapsed=83, level=0.2, remark="Clear the screen: done"),
    "ready-without-broker": Scene(Mode.READY, clock="14:05", hint="Press to start", remark=BROKER),
    "ready-waiting-without-broker": Scene(
        Mode.READY, clock="14:05", hint="Press to start", waiting=130, remark=BROKER
    ),
    "keep-speaking": Scene(Mode.RECONNECTING, elapsed=98, level=0.5, waiting=42, network=False),
    "reconnecting": Scene(
        Mode.RECONNECTING,
        elapsed=98,
        level=0.5,
        turns=TURNS,
        waiting=42,
        fault=UNREACHABLE,
        network=False,
    ),
    "reconnecting-for-long": Scene(
        Mode.RECONNECTING, elapsed=4217, level=0.5, turns=TURNS, waiting=3900, network=False
    ),
    "finishing": Scene(Mode.FINISHING, elapsed=112, turns=TURNS),
    "finishing-without-words": Scene(Mode.FINISHING, elapsed=4),
    "finishing-before-off": Scene(
        Mode.FINISHING, elapsed=112, turns=TURNS, hint="Then it switches off"
    ),
    "finishing-without-words-before-off": Scene(
        Mode.FINISHING, elapsed=4, hint="Then it switches off"
    ),
    "finishing-unreachable-before-off": Scene(
        Mode.FINISHING,
        elapsed=6,
        waiting=6,
        fault=UNREACHABLE,
        network=False,
        hint="Then it switches off",
    ),
    "saved": Scene(Mode.SAVED, clock="14:09", summary=Summary(seconds=125, words=312)),
    "saved-nothing": Scene(Mode.SAVED, clock="14:09", summary=Summary(seconds=4, words=0)),
    "saved-waiting": Scene(
        Mode.SAVED, clock="14:09", summary=Summary(3725, 1), waiting=130, network=False
    ),
    "saved-with-fault": Scene(
        Mode.SAVED, clock="14:09", summary=Summary(125, 312), fault=NO_MICROPHONE
    ),
    "hold": Scene(Mode.READY, clock="14:05", power_off_in=2),
    "hold-in-session": Scene(Mode.LISTENING, elapsed=83, level=0.7, turns=TURNS, power_off_in=2),
    "hold-while-connecting": Scene(Mode.CONNECTING, elapsed=1, level=0.7, power_off_in=3),
    "stopping": Scene(Mode.STOPPING),
    "off": Scene(Mode.OFF),
    "no-microphone": Scene(Mode.READY, clock="14:05", fault=NO_MICROPHONE),
    "cant-save": Scene(Mode.READY, clock="14:05", fault=CANT_SAVE, hint="Press to start"),
    "key-refused": Scene(
        Mode.CONNECTING, elapsed=9, level=0.5, waiting=9, fault=KEY_REFUSED, network=False
    ),
    "unreachable": Scene(
        Mode.CONNECTING, elapsed=9, level=0.5, waiting=9, fault=UNREACHABLE, network=False
    ),
    "accents": Scene(
        Mode.LISTENING,
        elapsed=65,
        level=0.9,
        turns=(ShownTurn("Été à Ålesund: Grüße, Δημήτρη и Женя 你好世界"),),
    ),
    "speakers-dash": Scene(Mode.LISTENING, elapsed=83, level=0.7, turns=spoken(DASH, DASH)),
    "speakers-letter": Scene(Mode.LISTENING, elapsed=83, level=0.7, turns=spoken("A", "B")),
    "speakers-named": Scene(
        Mode.LISTENING, elapsed=83, level=0.7, turns=spoken("Anna", "Bartholomew")
    ),
    "speakers-reconnected": Scene(Mode.LISTENING, elapsed=83, level=0.7, turns=spoken("A2", "B2")),
    "speakers-right-to-left": Scene(
        Mode.LISTENING,
        elapsed=65,
        level=0.9,
        turns=(
            ShownTurn("בוקר טוב לכולם,", "", ("A",), OTHERS),
            ShownTurn("המטבח סגור", "", ("B",), OTHERS),
        ),
    ),
    "right-to-left": Scene(
        Mode.LISTENING,
        elapsed=65,
        level=0.9,
        turns=(ShownTurn("בוקר טוב לכולם,", "המטבח סגור ב Raspberry Pi"),),
    ),
    "chinese": Scene(
        Mode.LISTENING,
        elapsed=65,
        level=0.9,
        turns=(ShownTurn("Good, gypsy:"), ShownTurn("今天天气很好", "\uff0c我们去公园散步吧。")),
    ),
    "thai": Scene(
        Mode.LISTENING,
        elapsed=65,
        level=0.9,
        turns=(ShownTurn("ที่นี่ปู่ญี่ฎูกำลังดื่มน้ำ"), ShownTurn("ต่าง", " ๆ นานา")),
    ),
    "burmese": Scene(
        Mode.LISTENING,
        elapsed=65,
        level=0.9,
        turns=(ShownTurn("မင်္ဂလာပါ ကြိုးစားပါ", "ချစ်တယ်။"),),
    ),
    "vietnamese": Scene(
        Mode.LISTENING,
        elapsed=65,
        level=0.9,
        turns=(ShownTurn("Ếch Ộp gypsy"), ShownTurn("Ấy Ễ", "không được ngủ")),
    ),
    "mixed": Scene(
        Mode.LISTENING,
        elapsed=65,
        level=0.9,
        turns=(ShownTurn("They say صباح الخير يا here.", "every day"),),
    ),
}

SHAPED = {"speakers-right-to-left", "right-to-left", "thai", "burmese", "mixed"}
"""States with letters that depend on the versions of the shaping libraries."""

MISTAKES = (
    "[button]\npin = 99",
    "[display]\nlines = 12",
    '[display]\ndriver = "ssd1307"',
    "[session]\nauto_stopp = 5",
    '[service]\nurl = "http://example.org"',
    "this is no TOML",
)


@functools.cache
def faults() -> tuple[Fault, ...]:
    """Return each fault that the screen can show, in the order of their texts."""
    texts = {(fault.what, fault.remedy) for fault in (*_in_code(), *_of_service(), *_of_settings())}
    return tuple(Fault(what, remedy) for what, remedy in sorted(texts))


def messages() -> dict[str, Scene]:
    """Return a scene for each fault that fills the screen, by the fault's sentence."""
    in_session = {(fault.what, fault.remedy) for fault in _of_service()}
    return {
        str(fault): Scene(
            Mode.CONNECTING, elapsed=9, level=0.5, waiting=9, fault=fault, network=False
        )
        if (fault.what, fault.remedy) in in_session
        else Scene(Mode.READY, clock="14:05", fault=fault, hint=_hint(fault))
        for fault in faults()
    }


def _hint(fault: Fault) -> str:
    hinders = re.search("microphone|sound|button", fault.what, re.IGNORECASE)
    return "" if hinders else "Press to start"


def notices() -> dict[str, Scene]:
    """Return a scene for each fault below a transcript, by the fault's sentence."""
    return {
        str(fault): Scene(Mode.LISTENING, elapsed=120, level=0.7, turns=TURNS, fault=fault)
        for fault in faults()
    }


GROUPS = {"states": lambda: STATES, "faults": messages, "notices": notices}


def _of_service() -> list[Fault]:
    return [Fault(rule.what, rule.remedy) for rule in TABLE if rule.what]


def _of_settings() -> Iterator[Fault]:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "appliance.toml"
        for mistake in MISTAKES:
            path.write_text(mistake, encoding="utf-8")
            fault = read_settings(path, None)[1]
            assert fault, f"{mistake!r} is none"
            yield fault


def _in_code() -> Iterator[Fault]:
    """Yield the faults whose texts are literals in the code."""
    for module in sorted(PROGRAM.rglob("*.py")):
        if NOT_SHOWN in module.parents:
            continue
        for node in ast.walk(ast.parse(module.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "Fault":
                what, remedy = [*map(_text, node.args[:2]), ""][:2]
                if what and remedy is not None:
                    yield Fault(what, remedy)


def _text(node: ast.expr) -> str | None:
    """Return a literal with 17 for each placeholder; None for anything else."""
    if isinstance(node, ast.Constant):
        return str(node.value)
    if isinstance(node, ast.JoinedStr):
        return "".join(_text(part) or "17" for part in node.values)
    return None
