import os
import subprocess
import sys

PROGRAM = """
import logging, os, sys
from appliance.system import log_setup

if {journal}:
    status = os.fstat(2)
    os.environ["JOURNAL_STREAM"] = f"{{status.st_dev}}:{{status.st_ino}}"
log_setup.set_up({level})
log = logging.getLogger("appliance.part")
log.debug("in detail")
log.info("a word")
log.error("a sentence\\nof two lines")
try:
    1 / 0
except ZeroDivisionError:
    log.critical("a defect", exc_info=True)
logging.getLogger("urllib3").debug("https://example.org/?token=secret")
logging.getLogger("urllib3.connection").warning("Failed to parse headers (url=https://a/secret)")
"""


def logged(level: str = "logging.INFO", *, journal: bool = False, **environment: str) -> list[str]:
    """Return the lines that a program with this log writes to standard error."""
    result = subprocess.run(
        [sys.executable, "-c", PROGRAM.format(level=level, journal=journal)],
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        check=True,
    )
    assert result.stdout == ""
    return result.stderr.splitlines()


def test_in_a_terminal_each_line_has_its_time_and_level() -> None:
    first = logged()[0]
    assert first[8:] == " INFO    appliance.part: a word"


def test_under_systemd_each_line_has_its_priority() -> None:
    lines = logged(journal=True)
    assert lines[:3] == [
        "<6>appliance.part: a word",
        "<3>appliance.part: a sentence",
        "<3>of two lines",
    ]
    assert all(line.startswith("<2>") for line in lines[3:])
    assert lines[-1] == "<2>ZeroDivisionError: division by zero"


def test_a_terminal_that_inherited_the_journals_variable_gets_the_terminals_format() -> None:
    assert not logged(JOURNAL_STREAM="8:12345")[0].startswith("<")


def test_verbose_logs_hold_more_but_no_addresses() -> None:
    lines = logged("logging.DEBUG")
    assert any("in detail" in line for line in lines)
    assert not any("secret" in line for line in lines)


def test_details_are_left_out_otherwise() -> None:
    assert not any("in detail" in line for line in logged())
