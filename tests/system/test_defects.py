import subprocess
import sys

import pytest


@pytest.mark.slow
def test_a_thread_that_hangs_can_not_keep_the_program_from_ending() -> None:
    code = (
        "import threading; from appliance import defects;"
        "defects.end_soon(0.2); threading.Event().wait()"
    )
    ended = subprocess.run(
        [sys.executable, "-c", code], stderr=subprocess.PIPE, text=True, timeout=60, check=False
    )
    assert ended.returncode == 1
    assert "a thread can't be ended" in ended.stderr
