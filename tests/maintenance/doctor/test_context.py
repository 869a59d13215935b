"""Settings of the doctor on a card that does not answer."""

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from appliance.maintenance.doctor import context as module
from appliance.maintenance.doctor.context import Context
from appliance.settings import last_good


@pytest.fixture
def answers(monkeypatch: pytest.MonkeyPatch) -> Iterator[threading.Event]:
    """Let what is read with the last good settings hang until the test ends."""
    event = threading.Event()
    monkeypatch.setattr(last_good, "load_whole", lambda *_: event.wait(60))
    yield event
    event.set()


@pytest.mark.usefixtures("answers")
def test_settings_whose_places_do_not_answer_are_used_all_the_same(tmp_path: Path) -> None:
    path = tmp_path / "appliance.toml"
    path.write_text('name = "box"')
    context = Context(path, settings_time_limit=1.0)
    assert (context.settings.name, context.problems) == ("box", [])


def test_settings_that_can_not_be_read_in_time_are_a_problem(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, answers: threading.Event
) -> None:
    monkeypatch.setattr(module, "contents", lambda _: answers.wait(60))
    context = Context(tmp_path / "appliance.toml", settings_time_limit=0.05)
    assert context.problems == ["can't be read: the card does not answer"]
