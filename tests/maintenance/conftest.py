from pathlib import Path

import pytest

from appliance.history.database import open_database
from appliance.maintenance.paths import Box
from tests.maintenance.cards import Card, new_card
from tests.maintenance.programs import Programs


@pytest.fixture
def box(tmp_path: Path) -> Box:
    """A box with settings, a key, and something said."""
    box = Box(tmp_path / "box")
    (box.root / "boot/firmware").mkdir(parents=True)
    history = box.root / "history.db"
    box.settings.parent.mkdir(parents=True)
    box.settings.write_text(f'name = "kitchen"\n[history]\npath = "{history}"\n')
    box.credentials.mkdir(parents=True)
    (box.credentials / "assemblyai-api-key").write_text("the-key")
    database = open_database(history)
    with database:
        database.execute("INSERT INTO session VALUES ('s', 100, 130, 'boot', 0, 0, 0, 0)")
        database.execute("INSERT INTO turn VALUES ('s', 0, 0, 'Good morning.', 1, 2, '')")
    database.close()
    return box


@pytest.fixture
def programs() -> Programs:
    return Programs()


@pytest.fixture
def card(tmp_path: Path) -> Card:
    return new_card(tmp_path)
