"""The whole program with a service that tells speakers apart."""

import json
import re
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from appliance.core.speakers import Speaker
from appliance.history import export
from appliance.history.records import TurnRecord
from appliance.screen.scene import DASH, Mode, Scene
from appliance.settings import Settings
from tests.rig.box import Box, settings_for
from tests.rig.comparison import Comparison, compare
from tests.rig.faults import drop_after
from tests.rig.numbered import numbered, speech
from tests.rig.service import ScriptedService
from tests.rig.sound import PipeMicrophone
from tests.rig.speakers import labelled
from tests.rig.waiting import wait_until

pytestmark = pytest.mark.slow

SPEECH = speech(words=15, turn_gap_every=3)


def person_of(word: str) -> int:
    """Return who says a word: two people speak in turns, of three words each."""
    return int(word.removeprefix("w")) // 3 % 2


def person_in(turn: TurnRecord) -> int:
    return person_of(re.findall(r"\w+", turn.text.lower())[0])


@pytest.fixture
def service() -> Iterator[ScriptedService]:
    with ScriptedService(labelled(numbered(SPEECH.words), person_of)) as service:
        yield service


def settings_with(service: ScriptedService, folder: Path, speakers: str) -> Settings:
    settings = settings_for(service.url, service.token_url, folder)
    session = msgspec.convert({"speakers": speakers}, type(settings.session))
    return msgspec.structs.replace(settings, session=session)


def hold_session(box: Box, sound: PipeMicrophone) -> None:
    box.press_to_talk()
    sound.play(SPEECH.pcm)
    sound.wait_played()
    box.wait_for_words(SPEECH.words[-1].text)


def end_session(box: Box) -> None:
    box.press()
    box.wait_for(Mode.SAVED)
    wait_until(lambda: not box.spooled())


def marks(scene: Scene) -> list[tuple[str, ...]]:
    return [turn.marks for turn in scene.turns]


def test_speakers_are_shown_kept_and_revised(
    sound: PipeMicrophone, service: ScriptedService, tmp_path: Path
) -> None:
    with Box(settings_with(service, tmp_path, "dash")) as box:
        hold_session(box, sound)
        wait_until(lambda: marks(box.scene) == [(), *[(DASH,)] * 4])
        revisions = [
            {"turn_order": order, "speaker_label": label} for order, label in [(0, "B"), (3, "A")]
        ]
        service.send_raw(json.dumps({"type": "SpeakerRevision", "revisions": revisions}))
        wait_until(lambda: marks(box.scene) == [(), (), (DASH,), (), ()])
        end_session(box)
        turns = box.sessions()[0].turns
    asked = service.connections[0].query
    assert (asked["speaker_labels"], asked.get("continuous_partials")) == ("true", None)
    assert [turn.speaker for turn in turns] == [Speaker(label) for label in "BBAAA"]


def test_over_a_lost_connection_no_speaker_is_lost_doubled_or_made_up(
    sound: PipeMicrophone, service: ScriptedService, tmp_path: Path
) -> None:
    service.on_connection(1, drop_after(4.0))
    with Box(settings_with(service, tmp_path, "letter")) as box:
        hold_session(box, sound)
        end_session(box)
        sessions = box.sessions()
        assert compare(SPEECH.said, box.heard()) == Comparison(lost=0, doubled=0)
    turns = sessions[0].turns
    assert all(turn.speaker for turn in turns)
    people = {(turn.speaker, person_in(turn)) for turn in turns}
    assert len(people) == len({speaker for speaker, _ in people}), "two people have one letter"
    assert {turn.speaker.connection for turn in turns if turn.speaker} == {1, 2}
    for format_ in ("txt", "srt", "vtt"):
        assert export.FORMATS[format_](sessions).count(export.NEW_LETTERS) == 1
