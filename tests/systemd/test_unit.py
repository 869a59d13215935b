"""The unit keeps the program to what it needs."""

import re
import shutil
import subprocess
from pathlib import Path

import pytest

from appliance.settings import secrets

UNIT = Path(__file__).parents[2] / "systemd" / "appliance.service"

MOST = 2.0
"""Of 10, which is no protection at all; systemd-analyze(1), security."""


@pytest.mark.skipif(not shutil.which("systemd-analyze"), reason="no systemd-analyze")
def test_the_program_is_exposed_no_more_than_it_must_be() -> None:
    said = subprocess.run(
        ["systemd-analyze", "security", "--offline=true", UNIT],
        stdout=subprocess.PIPE,
        text=True,
        check=False,
    ).stdout
    rated = re.search(r"exposure level for appliance.service: ([\d.]+)", said)
    assert rated, said
    assert float(rated[1]) <= MOST


def test_it_hands_over_each_secret_that_the_program_asks_for() -> None:
    named = re.findall(r"^LoadCredential=(.+)$", UNIT.read_text(encoding="utf-8"), re.MULTILINE)
    assert named == [
        secrets.API_KEY,
        secrets.TOKEN_SECRET,
        secrets.FALLBACK_TOKEN_SECRET,
        secrets.MQTT_PASSWORD,
    ]


def test_it_leaves_the_note_of_an_open_microphone_over_a_crash() -> None:
    # RemoveIPC=yes deletes the user's files in /dev/shm whenever the program ends.
    assert not re.search(r"^(RemoveIPC|DynamicUser)=(?!no$)", UNIT.read_text(), re.MULTILINE)
