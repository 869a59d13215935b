from pathlib import Path

import pytest

from tests.scripts.fresh_box import FreshBox


@pytest.fixture
def box(request: pytest.FixtureRequest, tmp_path: Path) -> FreshBox:
    box = FreshBox(tmp_path)
    if request.node.get_closest_marker("slow") and not box.can_build():
        pytest.skip(
            "needs pip, setuptools and wheel: apt-get install python3-{pip,setuptools,wheel}"
        )
    return box
