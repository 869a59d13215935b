import random
from pathlib import Path

import pytest

from appliance.settings.schema import DisplaySettings
from tests.benchmarks.screen_talk import conversation
from tests.benchmarks.screen_trials import APPENDED, BURST, REPAINTED, SCROLLED, Trials

pytestmark = pytest.mark.slow

OLED = DisplaySettings()


def test_changes_are_timed_by_what_they_change(tmp_path: Path) -> None:
    trial = Trials(tmp_path).reactions(OLED, conversation(random.Random(1)), 60)
    assert {APPENDED, SCROLLED} <= set(trial.delays)
    assert len(trial.shown()) == sum(map(len, trial.delays.values()))
    for delays in trial.delays.values():
        assert all(0 < delay.handled < delay.shown for delay in delays)
    assert trial.overhead >= 1
    assert trial.bytes_sent


def test_repaints_are_no_change_like_others(tmp_path: Path) -> None:
    trial = Trials(tmp_path).reactions(OLED, conversation(random.Random(1)), 5, repaints=True)
    assert len(trial.shown(REPAINTED)) == 5
    assert trial.shown() == []


def test_luma_may_send_the_pictures_too(tmp_path: Path) -> None:
    trials = Trials(tmp_path)
    ours, lumas = (
        trials.reactions(OLED, conversation(random.Random(1)), 5, whole=whole)
        for whole in (False, True)
    )
    assert lumas.bytes_sent > ours.bytes_sent


def test_of_a_burst_only_some_turns_are_shown_and_the_last_one_is(tmp_path: Path) -> None:
    burst = Trials(tmp_path).burst(OLED)
    assert 1 < len(burst.ages) < BURST
    assert burst.last in burst.ages


def test_live_captions_are_counted(tmp_path: Path) -> None:
    trial = Trials(tmp_path).captions(OLED, seconds=2.0)
    assert len(trial.scenes) > 4
    assert trial.bytes_sent
