import shutil
import subprocess
from pathlib import Path

import pytest

UNITS = Path(__file__).parents[2] / "systemd"


@pytest.mark.parametrize(
    "unit", ["appliance-card.service", "appliance-report.service", "appliance-report@.service"]
)
def test_what_runs_as_root_may_do_little(unit: str) -> None:
    program = shutil.which("systemd-analyze")
    if program is None:
        pytest.skip("needs systemd-analyze")
    tenths_of_exposure = 20
    rating = subprocess.run(
        [program, "security", "--offline=true", f"--threshold={tenths_of_exposure}", UNITS / unit],
        check=False,
        capture_output=True,
        text=True,
    )
    assert rating.returncode == 0, rating.stdout + rating.stderr
