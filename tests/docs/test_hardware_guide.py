"""The builder's guide explains everything that the screen can say."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

from appliance.screen.scene import Mode
from appliance.screen.texts import MODE_TEXTS, STATE
from appliance.streaming.outcomes import TABLE

ROOT = Path(__file__).parents[2]
SEEN_NOWHERE = ROOT / "appliance" / "screen"
"""What is wrong with the panel itself can only stand in the log."""


def faults_in_code() -> Iterator[str]:
    """Yield what every fault that is written down in the program says first."""
    for module in sorted((ROOT / "appliance").rglob("*.py")):
        if SEEN_NOWHERE in module.parents and module.name != "status_led.py":
            continue
        for node in ast.walk(ast.parse(module.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
                first = node.args[0] if node.func.id == "Fault" and node.args else None
                if isinstance(first, ast.Constant):
                    yield str(first.value)


def explained() -> set[str]:
    """Return what stands in the first column of the guide's tables."""
    lines = (ROOT / "hardware.md").read_text(encoding="utf-8").splitlines()
    return {line.split(" | ")[0].removeprefix("| ") for line in lines if line.startswith("| ")}


FAULTS = sorted({*faults_in_code(), *(rule.what for rule in TABLE if rule.what)})


def test_the_faults_are_found() -> None:
    assert {"No microphone", "Can't save", "Key refused", "Settings: mistake"} <= set(FAULTS)


@pytest.mark.parametrize("what", FAULTS)
def test_a_fault_has_a_line(what: str) -> None:
    assert what in explained()


@pytest.mark.parametrize("mode", STATE, ids=lambda mode: mode.value)
def test_a_state_has_a_line_with_what_the_screen_says_then(mode: Mode) -> None:
    headline = MODE_TEXTS[mode][0]
    lines = [line for line in explained() if line.partition(",")[0] == STATE[mode]]
    assert lines
    assert headline == STATE[mode] or any(f'"{headline}"' in line for line in lines)
