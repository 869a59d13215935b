import asyncio
import socket
import threading
from collections.abc import AsyncIterator, Callable, Iterator

import pytest
from wyoming.asr import VadSensitivity
from wyoming.info import Info

from appliance.servers.local_service.engines.base import RecognizerError
from appliance.servers.local_service.engines.wyoming.address import Address
from appliance.servers.local_service.engines.wyoming.client import WyomingServer
from appliance.servers.local_service.engines.wyoming.liveness import (
    SilenceHistory,
    UnresponsiveError,
)
from tests.servers.local_service.engines.wyoming.wyoming_rig import WyomingRig

SECOND = bytes(32_000)


def seconds(pcm: bytes) -> str:
    """Return as many words as there are seconds of audio."""
    return " ".join(f"word{number}" for number in range(len(pcm) // 32_000))


def server_at(rig: WyomingRig, answer_timeout: float = 20.0) -> WyomingServer:
    return WyomingServer(Address.parse(rig.url), answer_timeout=answer_timeout)


@pytest.fixture
def rig() -> Iterator[WyomingRig]:
    with WyomingRig(seconds) as rig:
        yield rig


@pytest.fixture
def stranger() -> Iterator[Callable[[bytes], WyomingServer]]:
    """Yield a function that makes servers which send one answer to any request, and disconnect."""
    listener = socket.create_server(("127.0.0.1", 0))
    threads: list[threading.Thread] = []

    def answering(answer: bytes) -> WyomingServer:
        def answer_one() -> None:
            connection, _ = listener.accept()
            with connection:
                connection.recv(1000)
                connection.sendall(answer)

        threads.append(threading.Thread(target=answer_one))
        threads[-1].start()
        return WyomingServer(Address("127.0.0.1", listener.getsockname()[1]))

    with listener:
        yield answering
        for thread in threads:
            thread.join()


# Requests


@pytest.mark.parametrize("streams", [False, True])
def test_a_server_describes_whether_it_streams(streams: bool) -> None:
    with WyomingRig(seconds, streams=streams) as rig:
        assert asyncio.run(server_at(rig).streams()) is streams


def test_a_transcript_covers_all_audio(rig: WyomingRig) -> None:
    assert asyncio.run(server_at(rig).transcript(SECOND * 3 + b"\0\0")) == "word0 word1 word2"
    assert rig.lengths == [3 * 32_000 + 2]


def test_model_language_and_terms_reach_the_server(rig: WyomingRig) -> None:
    server = WyomingServer(Address.parse(rig.url + "?model=small&language=de"))
    asyncio.run(server.transcript(SECOND, ["Grünkohl"]))
    (request,) = rig.requests
    assert (request.name, request.language) == ("small", "de")
    assert request.transcript_terms == ["Grünkohl"]


def test_the_server_is_not_to_look_for_pauses(rig: WyomingRig) -> None:
    asyncio.run(server_at(rig).transcript(SECOND))
    assert rig.requests[0].vad_sensitivity is VadSensitivity.RELAXED


def test_a_live_transcript_is_reported_as_it_grows() -> None:
    reported: list[str] = []

    async def pieces() -> AsyncIterator[bytes]:
        for _ in range(3):
            yield SECOND

    with WyomingRig(seconds, streams=True) as rig:
        text = asyncio.run(server_at(rig).live_transcript(pieces(), reported.append))
    assert text == "word0 word1 word2"
    assert reported == ["word0", "word0 word1"]


# Failures


def test_a_refused_connection_is_an_error_with_the_address() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    sentence = rf"The engine wyoming://127.0.0.1:{port} can't be reached: Connection refused$"
    with pytest.raises(RecognizerError, match=sentence):
        asyncio.run(WyomingServer(Address("127.0.0.1", port)).streams())


def test_an_unknown_host_is_an_error_with_its_name() -> None:
    with pytest.raises(RecognizerError, match=r"wyoming://nowhere.invalid:10300 can't be reached"):
        asyncio.run(WyomingServer(Address("nowhere.invalid")).streams())


def test_a_server_without_speech_recognition_is_an_error() -> None:
    with WyomingRig(seconds, recognizes=False) as rig:
        assert rig.info == Info()
        with pytest.raises(RecognizerError, match="recognizes no speech"):
            asyncio.run(server_at(rig).streams())


@pytest.mark.parametrize(
    "answer",
    [
        b"",
        b"HTTP/1.1 400 Bad Request\r\n\r\n",
        b"[]\n",
        b'"info"\n',
        b'{"type": "info", "data": {"asr": [{"no": "name"}]}}\n',
    ],
)
def test_another_kind_of_server_is_an_error(
    stranger: Callable[[bytes], WyomingServer], answer: bytes
) -> None:
    with pytest.raises(RecognizerError, match=r"does not answer as a Wyoming server|went away"):
        asyncio.run(stranger(answer).streams())


def test_a_refusal_has_the_servers_words() -> None:
    def refuses(_: bytes) -> str:
        raise ValueError("no model for Klingon")

    with (
        WyomingRig(refuses) as rig,
        pytest.raises(RecognizerError, match="can't transcribe: no model for Klingon"),
    ):
        asyncio.run(server_at(rig).transcript(SECOND))


def test_a_server_that_does_not_answer_in_time_is_an_error() -> None:
    test_is_over = threading.Event()

    def broods(_: bytes) -> str:
        test_is_over.wait(60)
        return ""

    with WyomingRig(broods) as rig:
        with pytest.raises(RecognizerError, match="no answer in time"):
            asyncio.run(server_at(rig, answer_timeout=0.1).transcript(b"\0\0"))
        test_is_over.set()


def impatient(rig: WyomingRig, **changed: float) -> WyomingServer:
    """Return a client that takes the server for hung after a fraction of a second."""
    history = SilenceHistory(min_limit=0.2, initial_limit=0.2)
    return WyomingServer(Address.parse(rig.url), history=history, probe_interval=0.05, **changed)


def test_a_frozen_server_is_an_error() -> None:
    with WyomingRig(seconds) as rig:
        server = impatient(rig)
        rig.freeze()
        with pytest.raises(UnresponsiveError, match=f"{rig.url} hangs"):
            asyncio.run(server.transcript(SECOND))


def test_a_frozen_server_is_noticed_while_audio_is_sent() -> None:
    with WyomingRig(seconds, streams=True) as frozen:

        async def endless() -> AsyncIterator[bytes]:
            yield SECOND
            frozen.freeze()
            while True:
                await asyncio.sleep(0.01)
                yield SECOND * 10  # in the end more than its kernel buffers

        server = impatient(frozen)
        with pytest.raises(UnresponsiveError, match=f"{frozen.url} hangs"):
            asyncio.run(server.live_transcript(endless(), lambda _: None))


@pytest.mark.slow
def test_a_slow_server_that_answers_probes_is_waited_for() -> None:
    enough = threading.Event()

    def broods(_: bytes) -> str:
        enough.wait(3)  # and each tenth of a second a probe is answered
        return "at last"

    with WyomingRig(broods) as rig:
        history = SilenceHistory(min_limit=2.5, initial_limit=2.5)
        server = WyomingServer(Address.parse(rig.url), history=history, probe_interval=0.1)
        assert asyncio.run(server.transcript(SECOND)) == "at last"


def test_a_frozen_server_does_not_describe_itself() -> None:
    with WyomingRig(seconds) as rig:
        server = impatient(rig, connect_timeout=0.2)
        rig.freeze()
        with pytest.raises(UnresponsiveError, match=f"{rig.url} hangs: it gives no sign of life"):
            asyncio.run(server.streams())


def test_a_server_with_long_silences_gets_longer_to_describe_itself() -> None:
    history = SilenceHistory()
    history.record(audio=1.0, lasted=10.0)
    with WyomingRig(seconds) as rig:
        server = WyomingServer(Address.parse(rig.url), connect_timeout=0.2, history=history)
        rig.freeze()
        thaw = threading.Timer(1.0, rig.thaw)
        thaw.start()
        assert asyncio.run(server.streams()) is False
        thaw.join()
