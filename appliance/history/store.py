"""Store of the history: the open database, and another one where that can't be used."""

import logging
import os
import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Literal

import msgspec

from appliance.core.faults import Fault
from appliance.history.database import is_damaged, is_misplaced, open_database
from appliance.history.location import begin_another, make_way, path_in_use
from appliance.history.retention import Retention
from appliance.history.schema import SchemaError, has_speakers, schema_checked
from appliance.history.statements import Statement

log = logging.getLogger(__name__)


class Transaction(msgspec.Struct, frozen=True):
    """Statements that are committed together or not at all, and what is called once they are.

    `speakers` are left out where a database of another version has no place for them.
    """

    statements: tuple[Statement, ...]
    speakers: tuple[Statement, ...] = ()
    then: Callable[[], None] = lambda: None


class Store:
    """Database to which transactions are committed. Used by one thread alone.

    Args:
        path: where the database is.
        retention: deletes old sessions.
        wall_clock: Unix time in seconds.
    """

    def __init__(self, path: Path, retention: Retention, wall_clock: Callable[[], float]) -> None:
        self._path = path
        self._retention = retention
        self._wall_clock = wall_clock
        self._database: sqlite3.Connection | None = None

    def commit(self, transaction: Transaction) -> None:
        """Commit a transaction; then delete old sessions, if that is due.

        Raises:
            sqlite3.Error, OSError: the disk refused; nothing of the transaction is written.
        """
        try:
            self._write(transaction)
        except SchemaError as error:
            self._replace_database("newer", error)
            self._write(transaction)
        except sqlite3.Error as error:
            if is_damaged(error):
                self._replace_database("damaged", error)
            raise

    def _write(self, transaction: Transaction) -> None:
        if not os.path.exists(path_in_use(self._path)):  # noqa: PTH110 - raises nothing
            self.close()  # SQLite would go on writing to the deleted file
        self._database = self._database or open_database(make_way(self._path))
        with schema_checked(self._database):
            with self._database:
                speakers = transaction.speakers
                if speakers and not has_speakers(self._database):
                    speakers = ()
                for statement, values in (*transaction.statements, *speakers):
                    self._database.execute(statement, values)
            self._retention.apply(self._database)

    def _replace_database(self, why: Literal["damaged", "newer"], error: Exception) -> None:
        """Set the database aside; the next write begins a new one."""
        self.close()
        aside = begin_another(self._path, why, self._wall_clock())
        log.error("the history can't be used: %s. It is kept as %s; a new one begins", error, aside)

    def fault_of(self, error: Exception) -> Fault:
        """Return what a person sees of an error of `commit`."""
        remedy = "check history.path" if is_misplaced(error, self._path) else "check the SD card"
        return Fault("Can't save", remedy, detail=str(error))

    def close(self) -> None:
        """Close the database; the next transaction opens it again."""
        if self._database is not None:
            self._database.close()
            self._database = None
