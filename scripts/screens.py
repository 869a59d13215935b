"""Draws every mode and fault as the appliance itself does; `screens` runs it."""

import sys
from pathlib import Path

import pyaudio

from appliance.hardware.devices import fault_of
from appliance.screen.enlarged import enlarged
from appliance.screen.scene import Mode, Scene, ShownTurn, Summary
from appliance.screen.view import View
from appliance.streaming.endings import Cause, Ending, Stage, fault_for

ROOT = Path(__file__).resolve().parent.parent

TURNS = (
    ShownTurn("Good morning, everybody."),
    ShownTurn("The kitchen is closed on Friday, so please bring", "your lunch"),
)
UNREACHABLE = fault_for(Ending(Stage.HANDSHAKE, cause=Cause.NETWORK))
NO_MICROPHONE = fault_of(OSError(pyaudio.paInvalidDevice, ""))
KEY_REFUSED = fault_for(Ending(Stage.TOKEN, 401))

SCENES = {
    "starting": Scene(Mode.STARTING),
    "ready": Scene(Mode.READY, clock="14:05"),
    "ready-waiting": Scene(Mode.READY, clock="14:05", waiting=130),
    "connecting": Scene(Mode.CONNECTING, elapsed=1, level=0.6),
    "speak-now": Scene(Mode.LISTENING, elapsed=2, level=0.2),
    "listening": Scene(Mode.LISTENING, elapsed=83, level=0.7, turns=TURNS),
    "lagging": Scene(Mode.LISTENING, elapsed=751, level=0.7, turns=TURNS, waiting=12),
    "auto-stop": Scene(
        Mode.LISTENING, elapsed=903, level=0.1, turns=TURNS, hint="Silence: stopping in 9 s"
    ),
    "reconnecting": Scene(
        Mode.RECONNECTING, elapsed=98, level=0.5, turns=TURNS, waiting=42, fault=UNREACHABLE
    ),
    "finishing": Scene(Mode.FINISHING, elapsed=112, turns=TURNS),
    "saved": Scene(Mode.SAVED, clock="14:09", summary=Summary(seconds=125, words=312)),
    "stopping": Scene(Mode.STOPPING),
    "no-microphone": Scene(Mode.READY, clock="14:05", fault=NO_MICROPHONE),
    "key-refused": Scene(Mode.CONNECTING, elapsed=9, level=0.5, waiting=9, fault=KEY_REFUSED),
    "unreachable": Scene(Mode.CONNECTING, elapsed=9, level=0.5, waiting=9, fault=UNREACHABLE),
    "accents": Scene(
        Mode.LISTENING,
        elapsed=65,
        level=0.9,
        turns=(ShownTurn("Été à Ålesund: Grüße, Δημήτρη и Женя 你好世界"),),
    ),
}
VIEWS = {
    "": View(),
    "2-lines-": View(lines=2),
    "6-lines-": View(lines=6),
    "128x32-": View(128, 32),
    "256x64-": View(256, 64),
}


def main() -> None:
    """Write the pictures: all scenes as they are by default, some in other sizes."""
    folder = Path(sys.argv[1]) if len(sys.argv) > 1 else ROOT / "docs" / "screens"
    folder.mkdir(parents=True, exist_ok=True)
    for prefix, view in VIEWS.items():
        for name in SCENES if not prefix else ("listening", "reconnecting", "no-microphone"):
            picture = enlarged(view.draw(SCENES[name]))
            picture.save(folder / f"{prefix}{name}.png", optimize=True)


if __name__ == "__main__":
    main()
