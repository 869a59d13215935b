import json

import pytest
from msgspec.structs import replace

from appliance.core.faults import Fault
from appliance.core.speakers import Speaker
from appliance.history.records import OutgoingTurn
from appliance.mqtt import payloads
from appliance.screen.scene import MICROPHONE_OPEN, Mode, Scene, ShownTurn, Summary


def status(scene: Scene) -> str:
    return payloads.state(scene, None, None).status


@pytest.mark.parametrize("mode", list(Mode))
def test_the_session_is_on_while_the_microphone_is_open(mode: Mode) -> None:
    state = payloads.state(Scene(mode), None, None)
    assert state.state == mode.value
    assert state.session == ("ON" if mode in MICROPHONE_OPEN else "OFF")


@pytest.mark.parametrize("mode", list(Mode))
@pytest.mark.parametrize("fault", [None, Fault("Connection lost", "trying again")])
def test_seconds_that_pass_change_nothing(mode: Mode, fault: Fault | None) -> None:
    def scene(second: int) -> Scene:
        return Scene(
            mode,
            elapsed=second,
            waiting=second,
            level=second / 100,
            fault=fault,
            power_off_in=second % 2,
            clock=f"14:{second:02}",
        )

    assert len({payloads.state(scene(second), "a", None) for second in range(60)}) == 1


def test_a_countdown_is_not_repeated_each_second() -> None:
    scenes = [Scene(Mode.RECONNECTING, hint=f"Silence: stopping in {n} s") for n in range(10)]
    assert {status(scene) for scene in scenes} == {"Reconnecting"}


def test_the_sentence_is_that_of_the_screen() -> None:
    assert status(Scene(Mode.SAVED, summary=Summary(61, 100))) == "Saved: 100 words in 1 min 1 s"
    assert status(Scene(Mode.LISTENING, elapsed=5.0, on_fallback=True)) == (
        "Listening at the fallback service"
    )
    assert status(Scene(Mode.READY, fault=Fault("No microphone", "plug one in"))) == (
        "No microphone: plug one in"
    )


def test_a_connection_that_is_being_made_is_no_network_that_is_away() -> None:
    ready = payloads.state(Scene(Mode.READY, network=True), None, None)
    connecting = payloads.state(Scene(Mode.CONNECTING, network=False), None, ready)
    assert connecting.network
    lost = payloads.state(
        Scene(Mode.CONNECTING, network=False, fault=Fault("No network")), None, connecting
    )
    assert not lost.network


def test_the_final_state_of_an_appliance_is_that_it_is_off() -> None:
    fault = Fault("Connection lost", "trying again")
    before = payloads.state(Scene(Mode.LISTENING, fault=fault), "USB microphone", None)
    assert payloads.final_state(before) == payloads.StatePayload(
        state="off",
        session="OFF",
        status="Off",
        fault=None,
        network=before.network,
        microphone="USB microphone",
    )


def test_a_partial_turn_ends_with_the_words_still_to_be_settled() -> None:
    def text(*turns: ShownTurn) -> object:
        return json.loads(payloads.partial(Scene(Mode.LISTENING, turns=turns)))

    assert text(ShownTurn("First."), ShownTurn("second", "thi")) == {"text": "second thi"}
    assert text(ShownTurn("", "thi")) == {"text": "thi"}
    assert text() == {"text": ""}


@pytest.mark.parametrize(
    ("speaker", "published"),
    [(Speaker("B"), "B"), (Speaker("B", 2), "B2"), (Speaker("B", 2, "Anna"), "Anna")],
)
def test_a_turn_has_its_speaker_if_somebody_knows_it(speaker: Speaker, published: str) -> None:
    turn = OutgoingTurn("a", 0, 0, "Morning.", 1.0, 2.0, speaker)
    assert json.loads(payloads.transcript(turn))["speaker"] == published
    nobody = json.loads(payloads.transcript(replace(turn, speaker=None)))
    assert nobody.keys() == {"id", "session", "text", "started", "ended"}


def test_a_turn_has_times_with_their_offset() -> None:
    turn = OutgoingTurn("20260131-1", 16_000, 7, "Grüße, 世界", 1_700_000_000.5, 1_700_000_001.0)
    published = json.loads(payloads.transcript(turn))
    assert published["id"] == "20260131-1-16000-7"
    assert published["text"] == "Grüße, 世界"
    assert published["started"][:4] == "2023"
    assert published["started"][-6] in "+-"
