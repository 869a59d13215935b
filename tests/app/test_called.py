"""The whole program when a word calls the reader."""

import itertools
import json
from pathlib import Path

import msgspec
import pytest

from appliance.screen.scene import Mode
from appliance.settings.schema import AlertSettings, StatusLedSettings
from tests.rig.box import Box, settings_for
from tests.rig.service import ScriptedService
from tests.rig.sound import PipeMicrophone
from tests.rig.waiting import wait_until

pytestmark = pytest.mark.slow

MOTOR, LED = 22, 27


def turn(transcript: str, word: str) -> str:
    """Return a message of the service: settled words, and one that is being spoken."""
    said = [*transcript.split(), word]
    words = [
        {
            "text": text,
            "start": 500 * number,
            "end": 500 * number + 400,
            "confidence": 0.9,
            "word_is_final": number < len(said) - 1,
        }
        for number, text in enumerate(said)
    ]
    return json.dumps(
        {
            "type": "Turn",
            "turn_order": 0,
            "transcript": transcript,
            "end_of_turn": False,
            "turn_is_formatted": False,
            "words": words,
        }
    )


def test_the_picture_flashes_the_light_flutters_and_the_motor_pulses_once(
    sound: PipeMicrophone, tmp_path: Path
) -> None:
    with ScriptedService() as service:
        settings = msgspec.structs.replace(
            settings_for(service.url, service.token_url, tmp_path),
            alert=AlertSettings(words=("Anna", "Mrs. Smith"), pin=MOTOR),
            light=StatusLedSettings(pin=LED),
        )
        with Box(settings) as box:
            box.press()
            box.wait_for(Mode.LISTENING)
            service.send_raw(turn("", "Well"))
            box.wait_for_words("well")
            motor, light = box.pin(MOTOR), box.pin(LED)
            before = len(light.states)
            service.send_raw(turn("well", "ANNA"))
            wait_until(lambda: flashes(box))
            wait_until(lambda: len(motor.states) == 3)
            service.send_raw(turn("well anna", "please"))
            box.wait_for_words("please")
            assert [turn.alerts for turn in box.scene.turns] == [((5, 9),)]
            assert [state.state for state in motor.states] == [False, True, False]
            wait_until(lambda: len(light.states) - before > 6)
            wait_until(lambda: not box.scene.alert)
            assert flashes(box) <= 2  # a busy machine may draw one less
    assert json.loads(service.connections[0].query["keyterms_prompt"]) == ["Anna", "Mrs. Smith"]


def flashes(box: Box) -> int:
    """Return how often the picture became reversed."""
    reversals = [scene.reverse_video for scene in list(box.scenes)]
    return sum(now and not before for before, now in itertools.pairwise(reversals))
