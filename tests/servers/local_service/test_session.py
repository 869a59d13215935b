from collections.abc import Iterator

import numpy as np
import pytest
import soxr

from appliance.app.word_error_rate import word_error_rate
from appliance.servers.local_service.audio_input import mulaw_samples
from appliance.servers.local_service.server import LocalService
from appliance.settings.spoken_words import spoken_words
from tests.rig.clock import Clock
from tests.servers.local_service.client import Client, Message, refusal, transcript, turns
from tests.servers.local_service.doubles import BusyEngine, DeafEngine, ScriptedEngine

FIRST_TWO = (
    "press the button when you want to speak the words will appear on the little screen in front "
    "of you"
)
"""The words in the first 7.5 s of the sample."""


@pytest.fixture(scope="module")
def spoken(service: LocalService, sample: bytes) -> list[Message]:
    """Return the service's messages about the sample, spoken in real time."""
    client = Client(service, formatted_finals="true")
    client.audio(sample, real_time=True)
    messages = client.terminated()
    assert client.close_code == 1000
    return messages


@pytest.mark.slow
@pytest.mark.xdist_group("spoken")
def test_the_sample_is_recognized(spoken: list[Message], said: str) -> None:
    assert word_error_rate(said, transcript(spoken)) <= 0.08


@pytest.mark.slow
@pytest.mark.xdist_group("spoken")
def test_messages_are_in_the_documented_order(spoken: list[Message]) -> None:
    types = [message["type"] for message in spoken]
    assert types[:3] == ["Begin", "SpeechStarted", "Turn"]
    assert types[-2:] == ["Turn", "Termination"]
    assert set(types[1:-1]) == {"SpeechStarted", "Turn"}


@pytest.mark.slow
@pytest.mark.xdist_group("spoken")
def test_each_sentence_is_a_turn(spoken: list[Message], said: str) -> None:
    final = turns(spoken, end_of_turn=True, turn_is_formatted=False)
    assert [turn["turn_order"] for turn in final] == list(range(len(said.splitlines())))


@pytest.mark.slow
@pytest.mark.xdist_group("spoken")
def test_a_finished_turn_is_sent_again_formatted(spoken: list[Message], said: str) -> None:
    assert [
        turn["transcript"] for turn in turns(spoken, turn_is_formatted=True)
    ] == said.splitlines()
    final = turns(spoken, end_of_turn=True)
    formatted = [turn["turn_is_formatted"] for turn in final]
    assert formatted == [False, True] * (len(final) // 2)


@pytest.mark.slow
@pytest.mark.xdist_group("spoken")
def test_partial_turns_have_only_settled_words_in_their_transcript(spoken: list[Message]) -> None:
    for turn in turns(spoken, end_of_turn=False):
        settled = [word["text"] for word in turn["words"] if word["word_is_final"]]
        assert turn["transcript"].split() == settled
        assert not turn["words"][-1]["word_is_final"]


@pytest.mark.slow
@pytest.mark.xdist_group("spoken")
def test_word_times_are_those_of_the_audio(spoken: list[Message], sample: bytes) -> None:
    stretches = sounding(sample)
    final = turns(spoken, end_of_turn=True, turn_is_formatted=False)
    assert len(final) == len(stretches)
    for turn, (start, end) in zip(final, stretches, strict=True):
        assert turn["words"][0]["start"] == pytest.approx(start, abs=200)
        assert turn["words"][-1]["end"] == pytest.approx(end, abs=200)


def sounding(pcm: bytes) -> list[tuple[int, int]]:
    """Return start and end, in ms, of the sounds between pauses of half a second."""
    loud = [
        at for at in range(0, len(pcm) // 32, 10) if max(pcm[at * 32 + 1 : at * 32 + 320 : 2]) > 0
    ]
    starts = [now for before, now in zip([-1000, *loud], loud, strict=False) if now - before > 500]
    ends = [
        before for before, now in zip(loud, [*loud[1:], 10**9], strict=True) if now - before > 500
    ]
    return list(zip(starts, ends, strict=True))


@pytest.mark.slow
@pytest.mark.xdist_group("spoken")
def test_termination_has_the_durations(spoken: list[Message], sample: bytes) -> None:
    assert spoken[-1]["audio_duration_seconds"] == round(len(sample) / 32_000)
    assert spoken[-1]["session_duration_seconds"] >= spoken[-1]["audio_duration_seconds"]


def test_terminate_amid_a_word_keeps_the_last_words(service: LocalService, sample: bytes) -> None:
    client = Client(service)
    client.audio(sample[: 2600 * 32])
    heard = spoken_words(transcript(client.terminated()))
    assert heard[:7] == ["press", "the", "button", "when", "you", "want", "to"]
    assert len(heard) == 8, "the beginning of the last word is recognized as some word"


def test_terminate_right_after_the_last_sound_keeps_the_last_word(
    service: LocalService, sample: bytes
) -> None:
    client = Client(service)
    client.audio(sample[: 2900 * 32])
    heard = transcript(client.terminated())
    assert word_error_rate("press the button when you want to speak", heard) == 0


@pytest.mark.slow
def test_a_stream_may_begin_amid_speech(service: LocalService, sample: bytes) -> None:
    client = Client(service)
    client.audio(sample[5000 * 32 : 8000 * 32], milliseconds=1000)
    assert transcript(client.terminated()).endswith("little screen in front of you")


@pytest.mark.slow
@pytest.mark.parametrize("milliseconds", [50, 330, 1000])
def test_the_length_of_frames_does_not_matter(
    service: LocalService, sample: bytes, milliseconds: int
) -> None:
    client = Client(service)
    client.audio(sample[: 7500 * 32], milliseconds)
    assert word_error_rate(FIRST_TWO, transcript(client.terminated())) <= 0.1


@pytest.mark.slow
@pytest.mark.parametrize("rate", [8000, 11_025, 44_100, 96_000])
def test_other_sample_rates_are_resampled(service: LocalService, sample: bytes, rate: int) -> None:
    client = Client(service, sample_rate=str(rate))
    client.frames(resampled(sample[: 7500 * 32], rate), rate // 10 * 2)
    messages = client.terminated()
    assert word_error_rate(FIRST_TWO, transcript(messages)) <= 0.12
    assert turns(messages)[-1]["words"][-1]["end"] == pytest.approx(6900, abs=300)


@pytest.mark.slow
def test_a_telephones_audio_is_recognized(service: LocalService, sample: bytes) -> None:
    client = Client(service, sample_rate="8000", encoding="pcm_mulaw")
    samples = np.frombuffer(resampled(sample[: 7500 * 32], 8000), "<i2")
    client.frames(mulaw_codes(samples), 800)
    assert word_error_rate(FIRST_TWO, transcript(client.terminated())) <= 0.12


def resampled(pcm: bytes, rate: int) -> bytes:
    samples = np.frombuffer(pcm, dtype="<i2")
    return bytes(soxr.resample(samples, 16_000, rate).tobytes())


def mulaw_codes(samples: np.ndarray) -> bytes:
    """Return the code nearest to each sample."""
    levels = mulaw_samples(bytes(range(256))).astype(int)
    order = np.argsort(levels, kind="stable")
    nearest = np.searchsorted(levels[order], samples).clip(0, 255)
    return bytes(order[nearest].astype(np.uint8).tobytes())


def test_force_endpoint_ends_the_turn_at_once(service: LocalService, sample: bytes) -> None:
    client = Client(service)
    client.audio(sample[: 2000 * 32])
    client.say("ForceEndpoint")
    while not (message := client.next()).get("end_of_turn"):
        pass
    assert message["transcript"].startswith("press the button")
    client.audio(sample[2000 * 32 : 3400 * 32])
    assert turns(client.terminated(), turn_order=1, end_of_turn=True)


@pytest.mark.slow
def test_the_configuration_can_change_during_a_session(
    service: LocalService, sample: bytes
) -> None:
    client = Client(service)
    client.say(
        "UpdateConfiguration",
        format_turns=True,
        vad_threshold=0.5,
        min_turn_silence=5000,
        max_turn_silence=5000,
        keyterms_prompt=["little screen"],
    )
    client.audio(sample[: 7500 * 32])
    (written,) = turns(client.terminated(), turn_is_formatted=True)
    assert "little screen in front of you" in written["transcript"]


def test_a_threshold_of_1_waits_for_the_longest_silence(
    service: LocalService, sample: bytes
) -> None:
    client = Client(service, end_of_turn_confidence_threshold="1", max_turn_silence="2000")
    client.audio(sample[: 3000 * 32] + bytes(1500 * 32))
    client.say("KeepAlive")
    client.audio(bytes(1500 * 32))
    ended = turns(client.terminated(), end_of_turn=True)
    assert [turn["end_of_turn_confidence"] for turn in ended] == [0.9]


@pytest.mark.slow
def test_keyterms_do_not_stay_with_the_recognizer(service: LocalService, sample: bytes) -> None:
    favouring = Client(service, keyterms_prompt='["little screen", "xyzzy"]')
    favouring.audio(sample[: 3400 * 32])
    assert transcript(favouring.terminated()).endswith("want to speak")
    plain = Client(service)
    plain.audio(sample[: 3400 * 32])
    assert transcript(plain.terminated()).endswith("want to speak")


def test_the_newer_models_send_a_finished_turn_once(service: LocalService, sample: bytes) -> None:
    client = Client(service, speech_model="u3-rt-pro")
    client.audio(sample[: 3400 * 32])
    (final,) = turns(client.terminated(), end_of_turn=True)
    assert final["turn_is_formatted"]
    assert final["transcript"] == "Press the button when you want to speak."


# Acknowledgements


def test_begin_says_what_is_applied(service: LocalService) -> None:
    client = Client(
        service,
        speech_model="universal-3-6-pro",
        mode="min_latency",
        keyterms_prompt='["Keanu"]',
        session_heartbeat="True",
        acknowledge_silence="true",
        spech_model="misspelt",
    )
    applied = client.next()["configuration"]
    client.close()
    assert applied["mode"] == "min_latency"
    assert (applied["min_turn_silence"], applied["max_turn_silence"]) == (128, 640)
    assert applied["keyterms_prompt"] == ["Keanu"]
    assert applied["session_heartbeat"]
    assert applied["acknowledge_silence"]
    assert "spech_model" not in applied


@pytest.fixture
def beating() -> Iterator[LocalService]:
    """Return a service whose engine hears nothing, with a heartbeat each 20 ms."""
    with LocalService(engine=DeafEngine(), heartbeat_interval=0.02) as service:
        yield service


def until(client: Client, type_: str, **fields: object) -> list[Message]:
    """Return the messages up to one of this type with these fields."""
    messages: list[Message] = []
    while not (
        messages and messages[-1]["type"] == type_ and fields.items() <= messages[-1].items()
    ):
        messages.append(client.next())
    return messages


def test_a_heartbeat_acknowledges_the_audio_that_arrived(
    beating: LocalService, sample: bytes
) -> None:
    client = Client(beating, session_heartbeat="true")
    until(client, "Heartbeat", total_audio_received_ms=0, max_speech_probability=0.0)
    client.audio(sample[: 2000 * 32])
    beats = [
        message
        for message in until(client, "Heartbeat", total_audio_received_ms=2000)
        if message["type"] == "Heartbeat"
    ]
    received = [beat["total_audio_received_ms"] for beat in beats]
    assert received == sorted(received)
    assert all(beat["total_duration_ms"] > 0 for beat in beats)
    assert any(beat["realtime_factor"] > 1 for beat in beats), "it was sent faster than spoken"
    client.terminated()


def test_a_heartbeat_tells_whether_somebody_spoke(beating: LocalService, sample: bytes) -> None:
    client = Client(beating, session_heartbeat="true")
    client.audio(sample[: 2000 * 32])
    while client.next().get("max_speech_probability", 0) < 0.8:
        pass
    client.audio(bytes(3200))
    until(client, "Heartbeat", max_speech_probability=0.0)
    client.terminated()


def test_a_heartbeat_tells_of_speech_that_waits_for_a_slow_recognizer(sample: bytes) -> None:
    engine = BusyEngine()
    with LocalService(engine=engine, heartbeat_interval=0.02) as service:
        client = Client(service, session_heartbeat="true")
        client.audio(bytes(1000 * 32) + sample[: 2000 * 32])
        loudest = 0.0
        while True:
            if (message := client.next())["type"] == "Heartbeat":
                loudest = max(loudest, message["max_speech_probability"])
                if message["total_audio_received_ms"] == 3000:
                    break
        assert loudest >= 0.8
        assert not engine.has_heard
        engine.go_on.set()
        client.terminated()


def test_heartbeats_can_be_switched_in_the_session(beating: LocalService, sample: bytes) -> None:
    client = Client(beating)
    client.audio(sample[: 2000 * 32])
    before = until(client, "SpeechStarted")
    assert [message["type"] for message in before] == ["Begin", "SpeechStarted"]
    client.say("UpdateConfiguration", session_heartbeat=True)
    until(client, "Heartbeat")
    client.say("UpdateConfiguration", session_heartbeat=False)
    client.say("ForceEndpoint")
    client.audio(sample[: 2000 * 32])
    until(client, "SpeechStarted")
    assert "Heartbeat" not in {message["type"] for message in client.terminated()}


@pytest.mark.parametrize("model", ["universal-3-6-pro", "universal-streaming-english"])
def test_the_newer_models_acknowledge_silence(model: str) -> None:
    with LocalService(engine=DeafEngine()) as service:
        client = Client(service, speech_model=model, acknowledge_silence="true")
        client.audio(bytes(3600 * 32))
        ranges = [
            (message["start_ms"], message["end_ms"])
            for message in client.terminated()
            if message["type"] == "Silence"
        ]
    pro = model == "universal-3-6-pro"
    assert ranges == ([(0, 1000), (1000, 2000), (2000, 3000)] if pro else [])


# Speakers


def test_an_engine_that_knows_speakers_labels_turns_and_revises_them(sample: bytes) -> None:
    engine = ScriptedEngine(
        [("good", "A"), ("morning", "A")], [("yes", "")], [("hello", "B"), ("there", "B")]
    )
    with LocalService(engine=engine) as service:
        client = Client(
            service, speech_model="universal-3-6-pro", speaker_labels="true", max_speakers="3"
        )
        applied = client.next()["configuration"]
        assert (applied["speaker_labels"], applied["max_speakers"]) == (True, 3)
        labels = []
        for _ in range(3):
            client.audio(sample[: 2000 * 32])
            client.say("ForceEndpoint")
            labels.append(until(client, "Turn", end_of_turn=True)[-1]["speaker_label"])
        engine.revise({0: ["A", "A"], 1: ["B"], 2: ["B", "A"]})
        revision, termination = client.terminated()
    assert labels == ["A", "PENDING", "B"]
    assert engine.max_speakers == [3]
    assert termination["type"] == "Termination"
    assert revision["type"] == "SpeakerRevision"
    said = [
        (turn["turn_order"], turn["speaker_label"], [word["speaker"] for word in turn["words"]])
        for turn in revision["revisions"]
    ]
    assert said == [(1, "B", ["B"]), (2, "B", ["B", "A"])]


def test_speakers_are_revised_during_the_session_if_this_is_wanted(sample: bytes) -> None:
    engine = ScriptedEngine([("good", "A"), ("morning", "A")])
    with LocalService(engine=engine) as service:
        client = Client(
            service,
            speech_model="universal-3-6-pro",
            speaker_labels="true",
            speaker_labels_revision_interval_ms="120000",
        )
        client.audio(sample[: 2000 * 32])
        client.say("ForceEndpoint")
        until(client, "Turn", end_of_turn=True)
        engine.revise({0: ["B", "B"]})
        client.audio(bytes(119_000 * 32), milliseconds=1000)
        (turn,) = until(client, "SpeakerRevision")[-1]["revisions"]
        assert [message["type"] for message in client.terminated()] == ["Termination"]
    assert (turn["turn_order"], turn["speaker_label"]) == (0, "B")


def test_a_client_that_wants_no_speakers_has_none(sample: bytes) -> None:
    engine = ScriptedEngine([("good", "A"), ("morning", "A")])
    with LocalService(engine=engine) as service:
        client = Client(service, speech_model="universal-3-6-pro", max_speakers="3")
        client.audio(sample[: 2000 * 32])
        messages = client.terminated()
    assert "speaker_label" not in turns(messages, end_of_turn=True)[-1]
    assert messages[0]["configuration"]["max_speakers"] is None
    assert engine.max_speakers == []


def test_a_bad_configuration_ends_the_session(service: LocalService) -> None:
    client = Client(service)
    client.say("UpdateConfiguration", min_turn_silence="long")
    code, error = refusal(client)
    assert code == 3006
    assert "min_turn_silence" in error


def test_silence_is_no_turn(service: LocalService) -> None:
    client = Client(service)
    client.audio(bytes(3200) * 30)
    client.say("KeepAlive")
    assert [message["type"] for message in client.terminated()] == ["Begin", "Termination"]


def test_concurrent_sessions_are_independent(service: LocalService, sample: bytes) -> None:
    speaker, listener = Client(service), Client(service)
    speaker.audio(sample[: 3400 * 32])
    listener.audio(bytes(3200) * 10)
    assert transcript(listener.terminated()) == ""
    assert "press the button" in transcript(speaker.terminated())


def test_the_rate_is_checked_when_audio_arrives_not_when_it_is_processed(
    clock: Clock, sample: bytes
) -> None:
    with LocalService(look_ahead=10, clock=clock) as service:
        client = Client(service)
        client.audio(sample[: 15_000 * 32], milliseconds=1000)
        code, error = refusal(client)
    assert code == 3007
    assert "Received 11.0 sec" in error


@pytest.mark.slow
def test_a_long_turn_does_not_delay_another_session(service: LocalService, sample: bytes) -> None:
    speaker = Client(service, min_turn_silence="60000", max_turn_silence="60000")
    listener = Client(service)
    speaker.audio(sample[: 15_000 * 32], milliseconds=1000)
    listener.audio(sample[: 3000 * 32])
    # Recognizing the first client's 15 s takes far longer than the other's 3 s.
    assert transcript(listener.terminated()).endswith("to speak")
    speaker.audio(bytes(3200))
    assert not turns(speaker.rest(limit=1), end_of_turn=True)
    assert len(turns(speaker.terminated(), end_of_turn=True)) == 1
