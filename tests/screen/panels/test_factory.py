import importlib
import os
import pty
import sys

import pytest

from appliance.screen.panels.base import Panel
from appliance.screen.panels.factory import PANELS, open_panel
from appliance.screen.panels.terminal import LinesPanel, TerminalPanel
from appliance.settings.schema import DRIVERS, DisplaySettings


def test_every_driver_of_the_settings_but_none_has_a_panel() -> None:
    assert {*PANELS, "none"} == set(DRIVERS)


@pytest.mark.parametrize("target", sorted(set(PANELS.values())))
def test_what_opens_a_panel_is_there(target: str) -> None:
    module, name = target.split(":")
    assert callable(getattr(importlib.import_module(module), name))


def test_the_driver_none_opens_nothing() -> None:
    assert open_panel(DisplaySettings(driver="none")) is None


@pytest.mark.parametrize(
    ("terminal", "panel"), [(True, TerminalPanel), (False, LinesPanel)], ids=["terminal", "pipe"]
)
def test_the_driver_terminal_shows_on_standard_output(
    monkeypatch: pytest.MonkeyPatch, terminal: bool, panel: type[Panel]
) -> None:
    monkeypatch.setenv("TERM", "xterm-256color")
    person, program = pty.openpty() if terminal else os.pipe()
    with os.fdopen(person, "rb"), os.fdopen(program, "w", encoding="utf-8") as output:
        monkeypatch.setattr(sys, "stdout", output)
        assert type(open_panel(DisplaySettings(driver="terminal"))) is panel
