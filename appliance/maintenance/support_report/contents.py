"""Contents of a report: its files, and how each is made."""

import functools
import sys
from collections.abc import Callable

from appliance.maintenance.paths import Box
from appliance.maintenance.provisioning.boot_partition import LARGEST
from appliance.maintenance.support_report.redaction import (
    known_secrets,
    redact_log,
    redact_settings,
)
from appliance.maintenance.support_report.system_info import describe
from appliance.system import status_file
from appliance.system.files import read, reason
from appliance.system.processes import CommandError, Identity, Run

USER = "appliance"
"""Owner of the history, who also reads it here: root must not parse what it wrote."""

LINES = 20_000
LARGEST_JOURNAL = 4 * 1024 * 1024
"""Limits of one start's journal: its latest lines, and their latest bytes."""

STARTS = {"this-start": 0, "last-start": -1, "start-before-that": -2}


def contents(box: Box, run: Run) -> dict[str, Callable[[], bytes]]:
    """Return the names of a report's files, each with the function that makes it."""
    secrets = known_secrets(box)
    return {
        "box.txt": lambda: redact_log(describe(box, run).encode(), secrets),
        "status.json": lambda: redact_log(read(box.status, status_file.LARGEST), secrets),
        "settings.txt": lambda: _settings(box, secrets),
        **{
            f"journal-of-{name}.txt": functools.partial(_journal, boot, run, secrets)
            for name, boot in STARTS.items()
        },
        "transcripts.txt": lambda: _transcripts(box, run),
    }


def made(make: Callable[[], bytes]) -> bytes:
    """Make a file of the report; if that fails, return a sentence that says why."""
    try:
        return make()
    except CommandError as error:
        return f"Not available: {error}\n".encode()
    except OSError as error:
        return f"Not available: {reason(error)}\n".encode()


def _settings(box: Box, secrets: tuple[bytes, ...]) -> bytes:
    text = read(box.settings, LARGEST).decode("utf-8", "replace")
    return redact_log(redact_settings(text).encode(), secrets)


def _journal(boot: int, run: Run, secrets: tuple[bytes, ...]) -> bytes:
    bounds = [f"--boot={boot}", f"--lines={LINES}"]
    journal = run(["journalctl", "--no-pager", "--output=short-iso", *bounds])
    return redact_log(journal[-LARGEST_JOURNAL:], secrets)


def _transcripts(box: Box, run: Run) -> bytes:
    """Return all transcripts; if the settings have a mistake, those in the default place."""
    export = [sys.executable, "-m", "appliance", "history", "export", "--format=txt", "--config"]
    try:
        return run([*export, str(box.settings)], identity=Identity.named(USER))
    except CommandError:
        return run([*export, "/dev/null"], identity=Identity.named(USER))
