import asyncio
import socket
import threading
from collections.abc import AsyncIterator, Callable, Iterator

import pytest
from wyoming.asr import VadSensitivity
from wyoming.info import Info

from appliance.servers.local_service.engines.base import RecognizerError, UnknownEngineError
from appliance.servers.local_service.engines.wyoming.client import Address, WyomingServer
from appliance.servers.local_service.engines.wyoming.liveness import Silences, SilentError
from tests.servers.local_service.engines.wyoming.wyoming_rig import WyomingRig

SECOND = bytes(32_000)


def seconds(pcm: bytes) -> str:
    """Hear as many words as there are seconds of audio."""
    return " ".join(f"word{number}" for number in range(len(pcm) // 32_000))


def server_at(rig: WyomingRig, answer_time: float = 20.0) -> WyomingServer:
    return WyomingServer(Address.parse(rig.url), answer_time=answer_time)


@pytest.fixture
def rig() -> Iterator[WyomingRig]:
    with WyomingRig(seconds) as rig:
        yield rig


@pytest.fixture
def stranger() -> Iterator[Callable[[bytes], WyomingServer]]:
    """Yield a maker of servers that give one answer to whatever is asked, and hang up."""
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


# Addresses


@pytest.mark.parametrize(
    ("url", "address"),
    [
        ("wyoming://whisper", Address("whisper", 10300)),
        ("wyoming://whisper:10301/", Address("whisper", 10301)),
        ("wyoming://[::1]:10301", Address("::1", 10301)),
        ("wyoming://whisper?language=de", Address("whisper", language="de")),
        (
            "wyoming://whisper:1?model=tiny&language=fr",
            Address("whisper", 1, model="tiny", language="fr"),
        ),
    ],
)
def test_an_address_is_a_url(url: str, address: Address) -> None:
    assert Address.parse(url) == address


@pytest.mark.parametrize(
    "url",
    [
        "wyoming:",
        "wyoming://",
        "wyoming://:10300",
        "wyoming://whisper:many",
        "wyoming://whisper:70000",
        "wyoming://whisper/path",
        "wyoming://whisper?speed=fast",
        "wyoming://whisper?language",
        "http://whisper:10300",
    ],
)
def test_what_is_no_address_is_told_with_the_url(url: str) -> None:
    with pytest.raises(UnknownEngineError, match=r"no address") as caught:
        Address.parse(url)
    assert url in str(caught.value)


@pytest.mark.parametrize("url", ["wyoming://whisper:10300", "wyoming://[::1]:10301"])
def test_an_address_is_written_as_it_was_given(url: str) -> None:
    assert str(Address.parse(url)) == url


# What it is asked


@pytest.mark.parametrize("streams", [False, True])
def test_a_server_says_whether_it_streams(streams: bool) -> None:
    with WyomingRig(seconds, streams=streams) as rig:
        assert asyncio.run(server_at(rig).streams()) is streams


def test_a_transcript_is_that_of_all_the_audio(rig: WyomingRig) -> None:
    assert asyncio.run(server_at(rig).transcript(SECOND * 3 + b"\0\0")) == "word0 word1 word2"
    assert rig.asked == [3 * 32_000 + 2]


def test_model_language_and_terms_reach_the_server(rig: WyomingRig) -> None:
    server = WyomingServer(Address.parse(rig.url + "?model=small&language=de"))
    asyncio.run(server.transcript(SECOND, ["Grünkohl"]))
    (wanted,) = rig.wanted
    assert (wanted.name, wanted.language) == ("small", "de")
    assert wanted.transcript_terms == ["Grünkohl"]


def test_the_server_is_asked_to_leave_pauses_to_the_client(rig: WyomingRig) -> None:
    asyncio.run(server_at(rig).transcript(SECOND))
    assert rig.wanted[0].vad_sensitivity is VadSensitivity.RELAXED


def test_a_live_transcript_is_told_as_it_grows() -> None:
    told: list[str] = []

    async def pieces() -> AsyncIterator[bytes]:
        for _ in range(3):
            yield SECOND

    with WyomingRig(seconds, streams=True) as rig:
        text = asyncio.run(server_at(rig).live_transcript(pieces(), told.append))
    assert text == "word0 word1 word2"
    assert told == ["word0", "word0 word1"]


# What goes wrong


def test_nobody_at_the_address_is_told_with_it() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    sentence = rf"The engine wyoming://127.0.0.1:{port} can't be reached: Connection refused$"
    with pytest.raises(RecognizerError, match=sentence):
        asyncio.run(WyomingServer(Address("127.0.0.1", port)).streams())


def test_a_host_that_has_no_address_is_told_with_its_name() -> None:
    with pytest.raises(RecognizerError, match=r"wyoming://nowhere.invalid:10300 can't be reached"):
        asyncio.run(WyomingServer(Address("nowhere.invalid")).streams())


def test_a_server_that_recognizes_no_speech_is_told() -> None:
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
def test_what_is_no_wyoming_server_is_told(
    stranger: Callable[[bytes], WyomingServer], answer: bytes
) -> None:
    with pytest.raises(RecognizerError, match=r"does not answer as a Wyoming server|went away"):
        asyncio.run(stranger(answer).streams())


def test_a_refusal_is_told_in_the_servers_words() -> None:
    def refuses(_: bytes) -> str:
        raise ValueError("no model for Klingon")

    with (
        WyomingRig(refuses) as rig,
        pytest.raises(RecognizerError, match="can't transcribe: no model for Klingon"),
    ):
        asyncio.run(server_at(rig).transcript(SECOND))


def test_a_server_that_never_answers_is_given_up() -> None:
    asked_enough = threading.Event()

    def broods(_: bytes) -> str:
        asked_enough.wait(60)
        return ""

    with WyomingRig(broods) as rig:
        with pytest.raises(RecognizerError, match="no answer in time"):
            asyncio.run(server_at(rig, answer_time=0.1).transcript(b"\0\0"))
        asked_enough.set()


IMPATIENT = Silences(least=0.2, unknown=0.2)


def test_a_frozen_server_is_told_from_a_slow_one() -> None:
    with WyomingRig(seconds) as rig:
        server = WyomingServer(Address.parse(rig.url), silences=IMPATIENT)
        rig.freeze()
        with pytest.raises(SilentError, match=f"{rig.url} hangs"):
            asyncio.run(server.transcript(SECOND))


def test_a_server_that_freezes_while_one_speaks_is_noticed() -> None:
    with WyomingRig(seconds, streams=True) as frozen:

        async def endless() -> AsyncIterator[bytes]:
            yield SECOND
            frozen.freeze()
            while True:
                await asyncio.sleep(0.01)
                yield SECOND * 10  # more than its kernel takes, in the end

        server = WyomingServer(Address.parse(frozen.url), silences=IMPATIENT)
        with pytest.raises(SilentError, match=f"{frozen.url} hangs"):
            asyncio.run(server.live_transcript(endless(), lambda _: None))


@pytest.mark.slow
def test_a_server_that_thinks_for_long_is_waited_for() -> None:
    enough = threading.Event()

    def broods(_: bytes) -> str:
        enough.wait(3)  # with a sign of life each second
        return "at last"

    with WyomingRig(broods) as rig:
        silences = Silences(least=1.5, unknown=1.5)
        server = WyomingServer(Address.parse(rig.url), silences=silences)
        assert asyncio.run(server.transcript(SECOND)) == "at last"


def test_what_it_is_a_frozen_server_is_asked_in_vain() -> None:
    with WyomingRig(seconds) as rig:
        server = WyomingServer(Address.parse(rig.url), connect_time=0.2, silences=IMPATIENT)
        rig.freeze()
        with pytest.raises(SilentError, match=f"{rig.url} hangs: it gives no sign of life"):
            asyncio.run(server.streams())


def test_a_server_that_is_known_to_think_for_long_is_asked_with_patience() -> None:
    silences = Silences()
    silences.note(audio=1.0, lasted=10.0)
    with WyomingRig(seconds) as rig:
        server = WyomingServer(Address.parse(rig.url), connect_time=0.2, silences=silences)
        rig.freeze()
        thaw = threading.Timer(1.0, rig.thaw)
        thaw.start()
        assert asyncio.run(server.streams()) is False
        thaw.join()
