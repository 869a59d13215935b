"""Drawing of the reference pictures, run by `./scripts/screens`.

Writes the pictures of the documents to docs/screens, and the sheets that the tests compare with.
Given a folder, it writes only the documented pictures, into that folder.
"""

import sys
from pathlib import Path

from appliance.screen.screenshot import enlarged
from tests.screen import sheets
from tests.screen.catalogue import RENDERERS, STATES

DOCUMENTED = Path(__file__).parents[2] / "docs" / "screens"

PREFIXES = {
    "": "128x64",
    "2-lines-": "128x64-2-lines",
    "6-lines-": "128x64-6-lines",
    "128x32-": "128x32",
    "256x64-": "256x64",
}

STATES_SHOWN = (
    "starting",
    "ready",
    "ready-waiting",
    "ready-without-network",
    "connecting",
    "speak-now",
    "listening",
    "speakers-dash",
    "speakers-letter",
    "speakers-named",
    "speakers-reconnected",
    "listening-on-fallback",
    "lagging",
    "auto-stop",
    "called",
    "command-done",
    "command-failed",
    "ready-without-broker",
    "reconnecting",
    "finishing",
    "finishing-before-off",
    "saved",
    "hold",
    "hold-in-session",
    "stopping",
    "off",
    "no-microphone",
    "cant-save",
    "key-refused",
    "unreachable",
    "accents",
)
IN_EVERY_SIZE = ("listening", "reconnecting", "no-microphone")


def document(folder: Path) -> None:
    """Write the documented pictures: states with the default settings, some in other sizes."""
    folder.mkdir(parents=True, exist_ok=True)
    for prefix, size in PREFIXES.items():
        for name in IN_EVERY_SIZE if prefix else STATES_SHOWN:
            picture = enlarged(RENDERERS[size].draw(STATES[name]))
            picture.save(folder / f"{prefix}{name}.png", optimize=True)


def accept() -> None:
    """Write the sheets as they are drawn now, as the new reference."""
    sheets.FOLDER.mkdir(exist_ok=True)
    for name in sheets.names():
        sheets.save(sheets.drawn(name), sheets.FOLDER / f"{name}.png")


if __name__ == "__main__":
    if len(sys.argv) > 1:
        document(Path(sys.argv[1]))
    else:
        document(DOCUMENTED)
        accept()
