from pathlib import Path

import pytest

from tests.scripts.fresh_box import FreshBox


@pytest.fixture
def box(tmp_path: Path) -> FreshBox:
    return FreshBox(tmp_path)
