from pathlib import Path

import pytest

from appliance.history.database import open_database


@pytest.fixture
def said(tmp_path: Path) -> Path:
    """A database with two sessions, in a folder whose name needs escaping."""
    path = tmp_path / "what? 100% #1" / "history.db"
    database = open_database(path)
    with database:
        database.executemany(
            "INSERT INTO session VALUES (?, ?, ?, 'boot', 0, ?, ?, ?)",
            [("later", 200.0, None, 16_000, 0, 1), ("earlier", 100.0, 130.0, 0, 0, 0)],
        )
        database.executemany(
            "INSERT INTO turn (session, origin, turn_order, text, started, ended)"
            " VALUES (?, ?, ?, ?, ?, ?)",
            [
                ("earlier", 0, 0, "one", 1.0, 2.0),
                ("earlier", 16_000, 0, "two", 3.0, 4.0),
                ("later", 0, 0, "three", 5.0, 6.0),
            ],
        )
    database.close()
    return path
