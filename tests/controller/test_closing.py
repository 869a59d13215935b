from collections.abc import Iterator
from pathlib import Path

import pytest

from appliance.controller.closing import Closing
from appliance.settings.schema import Settings
from appliance.streaming.session import Session
from tests.doubles import ScriptedSessions
from tests.rig.box import settings_for
from tests.rig.clock import Clock


@pytest.fixture
def sessions(tmp_path: Path) -> Iterator[list[Session]]:
    settings: Settings = settings_for("ws://service", "http://token", tmp_path)
    maker = ScriptedSessions(settings, lambda _: None, Clock(0.0), Clock(0.0))
    made = [maker.new(), maker.new()]
    yield made
    for session in made:
        session.backlog.close()


def test_the_microphone_s_last_piece_completes_the_session_that_waits_longest(
    sessions: list[Session],
) -> None:
    first, second = sessions
    closing = Closing()
    closing.begin(first, 10.0)
    closing.begin(second, 11.0)
    closing.closed()
    assert first.backlog.finished
    assert not second.backlog.finished
    closing.closed()
    assert second.backlog.finished


def test_a_session_that_waits_in_vain_is_overdue_until_it_is_complete(
    sessions: list[Session],
) -> None:
    first, second = sessions
    closing = Closing()
    closing.begin(first, 10.0)
    closing.begin(second, 12.0)
    assert closing.overdue(13.0) == []
    assert closing.overdue(13.1) == [first]
    first.finish()
    assert closing.overdue(14.0) == []


def test_a_microphone_that_closes_for_nobody_is_nothing_special() -> None:
    Closing().closed()
