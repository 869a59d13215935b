"""The whole program, from the press to the history, with only the hardware simulated."""

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Literal

import msgspec
import pytest

from appliance.app.demo import sample
from appliance.hardware.simulated import WavAudio
from appliance.screen.scene import Mode
from appliance.settings.commands import Gpio, Stop
from tests.rig.box import Box, settings_for
from tests.rig.comparison import Comparison, compare
from tests.rig.faults import drop_after, drop_on_terminate, refuse, slow_handshake
from tests.rig.numbered import numbered, speech
from tests.rig.ocr import words_on
from tests.rig.recognizer import spoken
from tests.rig.service import ScriptedService
from tests.rig.sound import PipeMicrophone
from tests.rig.waiting import wait_until

pytestmark = pytest.mark.slow

NOTHING_WRONG = Comparison(lost=0, doubled=0)


def test_what_is_said_is_on_the_oled_and_in_the_history(
    sound: PipeMicrophone, tmp_path: Path
) -> None:
    audio = speech(words=12)
    with ScriptedService(numbered(audio.words)) as service:
        with Box(settings_for(service.url, service.token_url, tmp_path)) as box:
            box.press_to_talk()
            sound.play(audio.pcm)
            sound.wait_played()
            box.wait_for_words("w11")
            box.press()
            box.wait_for(Mode.SAVED)
            wait_until(lambda: not box.spooled())
        assert compare(audio.said, box.heard()) == NOTHING_WRONG
        [connection] = service.connections
        assert connection.terminated_at
        assert connection.close_code == 1000
        assert service.violations == []
    # Modes that pass quickly need not reach the panel: the newest picture wins.
    lasting = [mode for mode in box.modes if mode in (Mode.READY, Mode.LISTENING, Mode.SAVED)]
    assert lasting == [Mode.READY, Mode.LISTENING, Mode.SAVED]


@pytest.mark.skipif(not shutil.which("tesseract"), reason="tesseract is not installed")
def test_a_person_can_read_the_words_on_the_panel(sound: PipeMicrophone, tmp_path: Path) -> None:
    script = [(0.5, "the kettle is"), (2.0, "on the stove")]
    with (
        ScriptedService(spoken(script)) as service,
        Box(settings_for(service.url, service.token_url, tmp_path)) as box,
    ):
        box.press()
        box.wait_for_words("kettle", "stove")
        wait_until(lambda: {"kettle", "stove"} <= words_on(box.oled.image))
        box.press()
        box.wait_for(Mode.SAVED)


@pytest.mark.parametrize("how", ["reset", "close"])
def test_a_dropped_connection_costs_no_word(
    sound: PipeMicrophone, tmp_path: Path, how: Literal["reset", "close"]
) -> None:
    audio = speech(words=12)
    with ScriptedService(numbered(audio.words)) as service:
        service.on_connection(1, drop_after(seconds_of_audio=2.5, how=how, code=3005))
        with Box(settings_for(service.url, service.token_url, tmp_path)) as box:
            box.press_to_talk()
            sound.play(audio.pcm)
            sound.wait_played()
            box.press()
            box.wait_for(Mode.SAVED)
        assert len(service.connections) == 2
        assert len({connection.query["token"] for connection in service.connections}) == 2
    assert compare(audio.said, box.heard()) == NOTHING_WRONG
    assert Mode.RECONNECTING in box.modes


def test_a_slow_handshake_costs_no_word(sound: PipeMicrophone, tmp_path: Path) -> None:
    audio = speech(words=6)
    with ScriptedService(numbered(audio.words)) as service:
        service.on_connection(1, slow_handshake(1.5))
        with Box(settings_for(service.url, service.token_url, tmp_path)) as box:
            box.press_to_talk()
            sound.play(audio.pcm)
            sound.wait_played()
            box.press()
            box.wait_for(Mode.SAVED)
        assert service.violations == []
    assert compare(audio.said, box.heard()) == NOTHING_WRONG


def test_a_drop_while_finishing_costs_no_word(sound: PipeMicrophone, tmp_path: Path) -> None:
    audio = speech(words=6)
    with ScriptedService(numbered(audio.words)) as service:
        service.on_connection(1, drop_on_terminate())
        with Box(settings_for(service.url, service.token_url, tmp_path)) as box:
            box.press_to_talk()
            sound.play(audio.pcm)
            sound.wait_played()
            box.press()
            box.wait_for(Mode.SAVED)
    assert compare(audio.said, box.heard()) == NOTHING_WRONG


def test_a_third_press_begins_another_session_while_the_first_is_finishing(
    sound: PipeMicrophone, tmp_path: Path
) -> None:
    audio = speech(words=6)
    with ScriptedService(numbered(audio.words)) as service:
        service.hearing_delay = 1.0
        with Box(settings_for(service.url, service.token_url, tmp_path)) as box:
            box.press_to_talk()
            sound.play(audio.pcm)
            sound.wait_played()
            box.press()
            box.wait_for(Mode.FINISHING)
            box.press()
            box.wait_for(Mode.LISTENING)
            sound.play(audio.pcm)
            sound.wait_played()
            box.press()
            box.wait_for(Mode.SAVED)
            wait_until(lambda: len(box.sessions()) == 2 and not box.spooled())
    for session in box.sessions():
        heard = " ".join(turn.text for turn in session.turns)
        assert compare(audio.said, heard) == NOTHING_WRONG


def test_what_could_not_be_delivered_is_delivered_after_a_restart(
    sound: PipeMicrophone, tmp_path: Path
) -> None:
    audio = speech(words=6)
    with ScriptedService(numbered(audio.words)) as service:
        settings = settings_for(service.url, service.token_url, tmp_path, finish_timeout=1.0)
        service.down_for()
        with Box(settings) as box:
            box.press_to_talk()
            sound.play(audio.pcm)
            sound.wait_played()
            box.press()
            scene = box.wait_for(Mode.SAVED)
            assert scene.waiting > audio.seconds - 1
        assert box.heard() == ""
        service.up()
        with Box(settings) as box:
            wait_until(lambda: box.sessions() and box.sessions()[0].ended and not box.spooled())
    assert compare(audio.said, box.heard()) == NOTHING_WRONG


class Lingering(WavAudio):
    """A microphone that takes its time to close: until somebody has `seen` what comes then."""

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        self.seen: Callable[[], bool] = lambda: True

    def terminate(self) -> None:
        wait_until(self.seen)
        super().terminate()


def test_the_panel_says_that_it_ends_and_is_dark_afterwards(tmp_path: Path) -> None:
    microphone = Lingering(sample()[0])
    with Box(settings_for("", "", tmp_path), audio=lambda: microphone) as box:
        microphone.seen = lambda: box.scene.mode is Mode.STOPPING
        box.stop()
        assert box.modes[-2:] == [Mode.READY, Mode.STOPPING]
    assert box.oled.image.getbbox() is None
    assert not box.oled.on


def test_a_refused_key_is_shown_and_nothing_is_lost(sound: PipeMicrophone, tmp_path: Path) -> None:
    audio = speech(words=6)
    with ScriptedService(numbered(audio.words)) as service:
        service.on_every_connection(refuse(1008, "Not authorized"))
        settings = settings_for(service.url, service.token_url, tmp_path, finish_timeout=1.0)
        with Box(settings) as box:
            box.press_to_talk()
            sound.play(audio.pcm)
            wait_until(lambda: box.scene.fault and box.scene.fault.what == "Key refused")
            sound.wait_played()
            box.press()
            scene = box.wait_for(Mode.SAVED)
            assert scene.waiting > audio.seconds - 1
        # Once with a fresh token, then not again and again.
        assert len(service.connections) <= 3


def test_a_spoken_command_switches_a_pin_and_another_ends_the_session(
    sound: PipeMicrophone, tmp_path: Path
) -> None:
    script = [(0.5, "It is dark"), (2.0, "Turn on the lamp."), (4.0, "Stop listening!")]
    with ScriptedService(spoken(script)) as service:
        settings = msgspec.structs.replace(
            settings_for(service.url, service.token_url, tmp_path),
            commands=(
                Gpio(phrase="turn on [the] lamp", pin=22, state="on"),
                Stop(phrase="stop listening"),
            ),
        )
        with Box(settings) as box:
            box.press()
            wait_until(lambda: box.pin(22).state)
            box.wait_for(Mode.SAVED)
            assert "Turn on the lamp: done" in {scene.remark for scene in box.scenes}
        assert service.connections[0].query["keyterms_prompt"]
    [kept] = box.sessions()
    assert [(mark.text, mark.outcome) for mark in kept.marks] == [
        ("turn on the lamp", ""),
        ("stop listening", ""),
    ]
