"""The whole program on a card that does not answer for a while, or is damaged."""

import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from appliance.app.card_wait import WAITING
from appliance.controller.card_watch import STALLED
from appliance.controller.controller import HUNG_TIME
from appliance.core.audio_format import SAMPLE_RATE
from appliance.core.events import StopRequested
from appliance.screen.scene import Mode
from appliance.streaming.spool.manifest import MANIFEST
from tests.rig.box import Box, UnawaitedBox, settings_for
from tests.rig.card import Card, HangingCard, NoCardError
from tests.rig.comparison import Comparison, compare
from tests.rig.numbered import numbered, speech
from tests.rig.service import ScriptedService
from tests.rig.sound import PipeMicrophone
from tests.rig.waiting import wait_until
from tests.streaming.spool import trees

pytestmark = pytest.mark.slow


@pytest.fixture
def card(tmp_path: Path) -> Iterator[Card]:
    try:
        with Card(tmp_path) as mounted:
            yield mounted
    except NoCardError as error:
        pytest.skip(f"no card can be mounted: {error}")


def seconds_heard(service: ScriptedService) -> int:
    """Return the seconds of audio sent; a last short piece is filled up to 50 ms."""
    heard = sum(len(connection.audio) for connection in service.connections)
    return round(heard / SAMPLE_RATE / 2)


def test_a_card_that_stalls_costs_no_word(sound: PipeMicrophone, card: Card) -> None:
    audio = speech(words=90)
    with ScriptedService(numbered(audio.words)) as service:
        with Box(settings_for(service.url, service.token_url, card.folder)) as box:
            box.press_to_talk()
            sound.play(audio.pcm)
            box.wait_for_words("w3")
            card.freeze()
            try:
                wait_until(lambda: box.scene.fault == STALLED)
                time.sleep(HUNG_TIME + 2)  # what hangs so long elsewhere ends the program
                assert box.scene.mode is Mode.LISTENING
                box.wait_for_words("w60")  # captions go on
            finally:
                card.thaw()
            wait_until(lambda: box.scene.fault is None)
            sound.wait_played()
            box.press()
            box.wait_for(Mode.SAVED)
            wait_until(lambda: not box.spooled())
        assert service.violations == []
        assert len(service.connections) == 1
    assert box.reason
    assert compare(audio.said, box.heard()) == Comparison(lost=0, doubled=0)


def test_a_program_whose_card_stalls_can_end(sound: PipeMicrophone, card: Card) -> None:
    audio = speech(words=20)
    with ScriptedService(numbered(audio.words)) as service:
        settings = settings_for(service.url, service.token_url, card.folder)
        with Box(settings) as box:
            box.press_to_talk()
            sound.play(audio.pcm)
            box.wait_for_words("w3")
            card.freeze()
            try:
                wait_until(lambda: box.scene.fault == STALLED)
                box.appliance.post(StopRequested())
                wait_until(lambda: box.reason, within=30)  # then systemd kills it
            finally:
                card.thaw()
    assert box.reason == StopRequested()


@pytest.mark.usefixtures("sound")
def test_a_card_that_does_not_even_read_at_the_start_costs_nothing(tmp_path: Path) -> None:
    try:
        with HangingCard(tmp_path) as card, ScriptedService() as service:
            trees.leave_session(card.folder / "spool", "s1")
            card.freeze()
            with UnawaitedBox(settings_for(service.url, service.token_url, card.folder)) as box:
                try:
                    wait_until(lambda: box.scene == WAITING)
                finally:
                    card.thaw()
                wait_until(lambda: box.scene.mode is Mode.READY and not box.scene.waiting)
                wait_until(lambda: not box.spooled())
                assert box.scene.fault is None
            heard = seconds_heard(service)
    except NoCardError as error:
        pytest.skip(f"no card can be mounted: {error}")
    assert heard == 25


def test_a_card_with_damaged_inodes_costs_what_was_in_them(card: Card) -> None:
    spool = card.folder / "spool"
    first, second, third = (trees.leave_session(spool, name) for name in ("s1", "s2", "s3"))
    card.damage(trees.audio_of(first)[0], second, third / MANIFEST)
    with ScriptedService() as service:
        with Box(settings_for(service.url, service.token_url, card.folder)) as box:
            wait_until(lambda: len(service.connections) == 2)
            wait_until(lambda: box.scene.mode is Mode.READY and not box.scene.waiting)
        # The rest of the first session, and all of the third.
        heard = seconds_heard(service)
    assert heard == 15 + 25
    assert box.reason == StopRequested()
