import logging
import time
from collections.abc import Iterator

import pytest

from appliance.app.word_error_rate import word_error_rate
from appliance.servers.local_service.engines.wyoming.address import Address
from appliance.servers.local_service.engines.wyoming.client import WyomingServer
from appliance.servers.local_service.engines.wyoming.engine import WyomingEngine
from appliance.servers.local_service.engines.wyoming.liveness import SilenceHistory
from appliance.servers.local_service.server import LocalService
from tests.rig.waiting import wait_until
from tests.servers.local_service.client import Client, refusal, transcript, turns
from tests.servers.local_service.engines.wyoming.wyoming_rig import WyomingRig, pocketsphinx

BYTES_PER_SECOND = 32_000


@pytest.fixture
def sentence(sample: bytes) -> bytes:
    """Return the first sentence of the sample, followed by a little silence."""
    return sample[: int(3.2 * BYTES_PER_SECOND)]


class SetLimit(SilenceHistory):
    """A history whose limit, in seconds, a test sets: a busy machine must not seem to hang."""

    def __init__(self) -> None:
        super().__init__()
        self.seconds = 60.0

    def limit(self, audio: float) -> float:
        assert audio >= 0
        return self.seconds


def engine_of(rig: WyomingRig, history: SilenceHistory) -> WyomingEngine:
    server = WyomingServer(
        Address.parse(rig.url), connect_timeout=2.0, history=history, probe_interval=0.1
    )
    return WyomingEngine(server)


@pytest.fixture
def rig() -> Iterator[WyomingRig]:
    with pocketsphinx() as hears, WyomingRig(hears) as rig:
        yield rig


@pytest.mark.slow
def test_the_server_transcribes_speech(rig: WyomingRig, sample: bytes, said: str) -> None:
    with LocalService(engine=rig.url) as service:
        client = Client(service)
        client.audio(sample)
        messages = client.terminated()
    assert client.close_code == 1000
    assert word_error_rate(said, transcript(messages)) <= 0.4


def test_key_terms_reach_the_server(sentence: bytes) -> None:
    with WyomingRig(lambda _: "ohm") as rig, LocalService(engine=rig.url) as service:
        client = Client(service, keyterms_prompt='["Kirchhoff"]')
        client.audio(sentence)
        client.terminated()
        assert rig.requests[-1].transcript_terms == ["Kirchhoff"]


@pytest.mark.slow
@pytest.mark.parametrize("streams", [False, True])
def test_words_arrive_while_somebody_speaks(streams: bool, sentence: bytes) -> None:
    def words(pcm: bytes) -> str:
        return " ".join("word" for _ in range(len(pcm) // 8_000))

    with WyomingRig(words, streams=streams) as rig, LocalService(engine=rig.url) as service:
        client = Client(service)
        client.audio(sentence, real_time=True)
        messages = client.terminated()
    partials = turns(messages, turn_order=0, end_of_turn=False)
    lengths = [len(partial["words"]) for partial in partials]
    assert len(set(lengths)) >= 4, "the turn grows step by step"


@pytest.mark.slow
def test_a_slow_server_does_not_cut_a_sentence_short(sentence: bytes) -> None:
    def slow(_: bytes) -> str:
        time.sleep(4)
        return "all of it"

    with WyomingRig(slow) as rig, LocalService(engine=rig.url) as service:
        client = Client(service)
        client.audio(sentence, real_time=True)
        messages = client.terminated()
    assert transcript(messages) == "all of it"


@pytest.mark.slow
def test_the_first_session_of_a_server_without_concurrency_survives(sentence: bytes) -> None:
    def slow(_: bytes) -> str:
        time.sleep(3)  # longer than an unknown server may be silent
        return "all of it"

    history = SilenceHistory(min_limit=2.0, initial_limit=2.0)
    with (
        WyomingRig(slow, single=True) as rig,
        LocalService(engine=engine_of(rig, history)) as service,
    ):
        client = Client(service)
        client.audio(sentence)
        messages = client.terminated()
    assert client.close_code == 1000
    assert transcript(messages) == "all of it"


def test_a_server_that_is_unreachable_at_the_start_is_logged_and_used_later(
    sentence: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    rig = WyomingRig(lambda _: "here again")
    with rig:
        pass
    with LocalService(engine=rig.url) as service:
        assert f"{rig.url} can't be reached" in caplog.text
        code, error = refusal(Client(service))
        assert code == 3005
        assert "can't be reached" in error
        with rig:
            client = Client(service)
            client.audio(sentence)
            assert transcript(client.terminated()) == "here again"


def test_a_restart_amid_a_turn_loses_no_audio(
    sentence: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    with (
        WyomingRig(lambda pcm: f"{len(pcm) // BYTES_PER_SECOND} seconds") as rig,
        LocalService(engine=rig.url) as service,
        caplog.at_level(logging.WARNING),
    ):
        rig.requests.clear()  # the service's warm-up
        client = Client(service)
        client.audio(sentence[: 2 * BYTES_PER_SECOND])
        wait_until(lambda: rig.requests)
        rig.stop()
        client.audio(sentence[2 * BYTES_PER_SECOND :])
        client.say("ForceEndpoint")
        wait_until(lambda: "trying again" in caplog.text)
        rig.start()
        messages = client.terminated()
    assert transcript(messages) == "3 seconds"


@pytest.mark.slow
@pytest.mark.parametrize("streams", [False, True])
def test_a_frozen_server_ends_the_session_and_refuses_others(
    streams: bool, sentence: bytes
) -> None:
    history = SetLimit()
    with (
        WyomingRig(lambda _: "all of it", streams=streams) as rig,
        LocalService(engine=engine_of(rig, history)) as service,
    ):
        client = Client(service)
        client.audio(sentence)
        client.say("ForceEndpoint")
        while not client.next().get("end_of_turn"):
            pass
        rig.freeze()
        history.seconds = 2.0
        client.audio(sentence)
        client.say("Terminate")
        code, error = refusal(client)
        assert (code, error) == (3005, f"The engine {rig.url} hangs: it gives no sign of life")
        (refused,) = Client(service).rest()
        assert refused["error_code"] == 3005
        rig.thaw()
        history.seconds = 60.0
        client = Client(service)
        client.audio(sentence)
        assert transcript(client.terminated()) == "all of it"
