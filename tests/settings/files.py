"""Settings files, written and loaded by tests."""

from collections.abc import Callable
from pathlib import Path

import pytest

from appliance.settings import SettingsError, load

Write = Callable[[str], Path]


def problems_of(path: Path) -> list[str]:
    """Return what is wrong with a settings file, which can't be loaded."""
    with pytest.raises(SettingsError) as caught:
        load(path)
    assert caught.value.path == path
    assert str(path) in str(caught.value)
    return caught.value.problems
