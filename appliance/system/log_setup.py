"""Logging to standard error, in the format of the journal or of a terminal."""

import logging
import os
import sys

_PRIORITIES = {
    logging.DEBUG: 7,
    logging.INFO: 6,
    logging.WARNING: 4,
    logging.ERROR: 3,
    logging.CRITICAL: 2,
}


class _JournalFormatter(logging.Formatter):
    """Formatter for the journal: the priority first (sd-daemon(3)), no time, which it adds."""

    def format(self, record: logging.LogRecord) -> str:
        lines = super().format(record).splitlines()
        return "\n".join(f"<{_PRIORITIES.get(record.levelno, 6)}>{line}" for line in lines)


def set_up(level: int = logging.INFO) -> None:
    """Send the program's log to standard error."""
    handler = logging.StreamHandler(sys.stderr)
    if _goes_to_journal():
        handler.setFormatter(_JournalFormatter("%(name)s: %(message)s"))
    else:
        handler.setFormatter(
            logging.Formatter("%(asctime)s %(levelname)-7s %(name)s: %(message)s", "%H:%M:%S")
        )
    logging.basicConfig(level=level, handlers=[handler], force=True)
    # urllib3 logs addresses, even in its warnings, and an address may hold a secret.
    logging.getLogger("urllib3").setLevel(logging.ERROR)


def _goes_to_journal() -> bool:
    """Return whether standard error is the journal; a terminal may have inherited the variable."""
    try:
        status = os.fstat(sys.stderr.fileno())
    except (OSError, ValueError):
        return False
    return os.environ.get("JOURNAL_STREAM") == f"{status.st_dev}:{status.st_ino}"
