"""The whole program with a primary and a fallback service."""

from collections.abc import Callable, Iterator
from pathlib import Path

import msgspec
import pytest

from appliance.screen.scene import Mode
from appliance.settings import Settings
from tests.rig.box import Box, settings_for
from tests.rig.comparison import Comparison, compare
from tests.rig.connection import Behaviour, Connection
from tests.rig.faults import drop_after
from tests.rig.numbered import Speech, numbered, speech
from tests.rig.service import ScriptedService
from tests.rig.sound import PipeMicrophone
from tests.rig.waiting import wait_until

pytestmark = pytest.mark.slow

NOTHING_WRONG = Comparison(lost=0, doubled=0)
SPEECH = speech(words=36)


@pytest.fixture
def first() -> Iterator[ScriptedService]:
    with ScriptedService(numbered(SPEECH.words)) as service:
        yield service


@pytest.fixture
def fallback() -> Iterator[ScriptedService]:
    with ScriptedService(numbered(SPEECH.words)) as service:
        yield service


def between(first: ScriptedService, fallback: ScriptedService, folder: Path) -> Settings:
    settings = settings_for(first.url, first.token_url, folder)
    # The tokens come from `/token` beside it: nobody names another address.
    service = msgspec.structs.replace(settings.service, fallback_url=fallback.url)
    return msgspec.structs.replace(settings, service=service)


def gone_after(service: ScriptedService, seconds_of_audio: float) -> Behaviour:
    """Reset the connection once so much audio arrived, and be out of reach from then on."""

    def vanish(connection: Connection) -> None:
        if connection.record.audio_seconds >= seconds_of_audio:
            service.down_for()
            connection.reset()

    return Behaviour(audio_arrived=vanish)


def at_the_start(first: ScriptedService, _fallback: ScriptedService) -> None:
    first.down_for()


def without_tokens(first: ScriptedService, _fallback: ScriptedService) -> None:
    first.token_down_for()


def in_the_middle(first: ScriptedService, _fallback: ScriptedService) -> None:
    first.on_connection(1, gone_after(first, 4.0))


def with_drops_there(first: ScriptedService, fallback: ScriptedService) -> None:
    first.on_connection(1, gone_after(first, 3.0))
    fallback.on_connection(1, drop_after(5.0))


Outage = Callable[[ScriptedService, ScriptedService], None]


@pytest.mark.parametrize("outage", [at_the_start, without_tokens, in_the_middle, with_drops_there])
def test_a_session_goes_on_at_the_fallback_and_the_next_begins_at_the_first(
    sound: PipeMicrophone,
    first: ScriptedService,
    fallback: ScriptedService,
    tmp_path: Path,
    outage: Outage,
) -> None:
    outage(first, fallback)
    with Box(between(first, fallback, tmp_path)) as box:
        hold_session(box, sound, SPEECH)
        assert compare(SPEECH.said, box.heard()) == NOTHING_WRONG
        first.up()
        first.token_up()
        begun = len(first.connections)
        box.press()
        wait_until(lambda: box.scene.mode is Mode.LISTENING and not box.scene.on_fallback)
        box.press()
        box.wait_for(Mode.SAVED)
    assert len(first.connections) == begun + 1
    assert fallback.violations == []
    assert [request.path for request in first.token_requests] == ["/token"] * len(first.tokens)
    assert {request.path for request in fallback.token_requests} == {"/token"}
    assert not any("Authorization" in request.headers for request in fallback.token_requests)


def hold_session(box: Box, sound: PipeMicrophone, said: Speech) -> None:
    """Press, speak until the last word is on the screen, heard at the fallback, and press."""
    box.press_to_talk()
    sound.play(said.pcm)
    wait_until(lambda: box.scene.on_fallback and box.scene.network, within=60)
    sound.wait_played()
    box.wait_for_words(said.words[-1].text)
    box.press()
    box.wait_for(Mode.SAVED)
    wait_until(lambda: not box.spooled())


def test_with_both_services_away_the_one_that_comes_back_delivers_all(
    sound: PipeMicrophone, first: ScriptedService, fallback: ScriptedService, tmp_path: Path
) -> None:
    said = speech(words=8)
    settings = between(first, fallback, tmp_path)
    brief = msgspec.structs.replace(settings.session, finish_timeout=1.0)
    first.down_for()
    fallback.down_for()
    with Box(msgspec.structs.replace(settings, session=brief)) as box:
        box.press_to_talk()
        sound.play(said.pcm)
        sound.wait_played()
        box.press()
        assert box.wait_for(Mode.SAVED).waiting > 0
        fallback.up()
        # In the background, too, the first one is given its ten seconds.
        wait_until(lambda: box.sessions()[0].ended and not box.spooled(), within=60)
    assert compare(said.said, box.heard()) == NOTHING_WRONG
    assert first.connections == []
