"""The local service with independent clients: the vendor's SDK for Python, threaded and asyncio.

Both use TLS, as with the vendor's service.
"""

import asyncio
import threading
from collections.abc import Awaitable, Callable, Iterable
from typing import Any, cast

import pytest
from assemblyai.streaming.v3 import (
    AsyncRealTimeTranscriber,
    RealTimeEvents,
    RealTimeParameters,
    RealTimeSessionParameters,
    RealTimeTranscriber,
    RealTimeTranscriberOptions,
)

from appliance.app.word_error_rate import word_error_rate
from appliance.servers.local_service.server import LocalService
from tests.rig.certificates import Certificate
from tests.rig.waiting import wait_until

BYTES_PER_MS = 32
TIMEOUT = 60.0

Client = RealTimeTranscriber | AsyncRealTimeTranscriber
Command = Callable[[Client], object]  # asyncio's client returns awaitables


def parameters(**changes: object) -> RealTimeParameters:
    given = {"sample_rate": 16_000, "speech_model": "universal-streaming-english", **changes}
    return RealTimeParameters.model_validate(given)


def options(service: LocalService, token: str = "") -> RealTimeTranscriberOptions:
    return RealTimeTranscriberOptions(
        api_host=service.url.removeprefix("wss://").removesuffix("/v3/ws"),
        api_key="any key",
        token=token or None,
        connect_timeout=TIMEOUT,
        terminate_timeout=TIMEOUT,
    )


def audio(sample: bytes, start: int, end: int, milliseconds: int = 100) -> Command:
    """Return a command that streams the sample's audio between two times in ms."""
    size = milliseconds * BYTES_PER_MS
    pcm = sample[start * BYTES_PER_MS : end * BYTES_PER_MS]
    frames = [pcm[at : at + size].ljust(size, b"\0") for at in range(0, len(pcm), size)]
    return lambda client: client.stream(iter(frames))


def force_endpoint(client: Client) -> object:
    return client.force_endpoint()


def keep_alive(client: Client) -> object:
    return client.keep_alive()


def quiet(client: Client) -> object:
    return client.stream(iter([bytes(100 * BYTES_PER_MS)] * 30))


def settings(**changes: object) -> Command:
    """Return a command that changes the configuration."""
    return lambda client: client.set_params(RealTimeSessionParameters.model_validate(changes))


class Session:
    """The events of one session that a client's handlers received."""

    def __init__(self) -> None:
        self.events: list[tuple[RealTimeEvents, Any]] = []

    def listen(self, client: Client, failed: Callable[[], object]) -> None:
        for event in RealTimeEvents:
            client.on(event, self._handler(event, failed))

    def of(self, event: RealTimeEvents) -> list[Any]:
        return [said for kind, said in self.events if kind is event]

    @property
    def turns(self) -> list[Any]:
        return self.of(RealTimeEvents.Turn)

    @property
    def errors(self) -> list[tuple[int, str]]:
        return [(error.code, str(error)) for error in self.of(RealTimeEvents.Error)]

    def _handler(
        self, event: RealTimeEvents, failed: Callable[[], object]
    ) -> Callable[[Client, object], None]:
        def handle(_: Client, said: object) -> None:
            self.events.append((event, said))
            if event is RealTimeEvents.Error:
                failed()

        return handle


Run = Callable[..., Session]


def run_threaded(
    service: LocalService,
    wanted: RealTimeParameters,
    commands: Iterable[Command] = (),
    *,
    token: str = "",
    fails: bool = False,
    until: RealTimeEvents | None = None,
) -> Session:
    """Run a session, and end it once this event has come."""
    session, failed = Session(), threading.Event()
    client = RealTimeTranscriber(options(service, token))
    session.listen(client, failed.set)
    client.connect(wanted)
    for command in commands:
        command(client)
    if fails:
        assert failed.wait(TIMEOUT)
    wait_until(lambda: until is None or session.of(until), TIMEOUT)
    client.disconnect(terminate=not fails)
    return session


def run_async(
    service: LocalService,
    wanted: RealTimeParameters,
    commands: Iterable[Command] = (),
    *,
    token: str = "",
    fails: bool = False,
    until: RealTimeEvents | None = None,
) -> Session:
    """Run a session, and end it once this event has come."""

    async def run() -> Session:
        session, failed = Session(), asyncio.Event()
        client = AsyncRealTimeTranscriber(options(service, token))
        session.listen(client, failed.set)
        await client.connect(wanted)
        for command in commands:
            await cast("Awaitable[None]", command(client))
        if fails:
            await asyncio.wait_for(failed.wait(), TIMEOUT)
        async with asyncio.timeout(TIMEOUT):
            while until is not None and not session.of(until):
                await asyncio.sleep(0.01)
        await client.disconnect(terminate=not fails)
        return session

    return asyncio.run(run())


@pytest.fixture(params=[run_threaded, run_async], ids=["threads", "asyncio"])
def run(
    request: pytest.FixtureRequest, certificate: Certificate, monkeypatch: pytest.MonkeyPatch
) -> Run:
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate.file))
    return cast("Run", request.param)


@pytest.mark.slow
def test_a_whole_session(run: Run, tls_service: LocalService, sample: bytes, said: str) -> None:
    wanted = parameters(format_turns=True, keyterms_prompt=["little screen", "doctor"])
    session = run(tls_service, wanted, [audio(sample, 0, len(sample) // BYTES_PER_MS)])
    assert len(session.of(RealTimeEvents.Begin)) == 1
    assert session.of(RealTimeEvents.SpeechStarted)
    assert any(not turn.end_of_turn for turn in session.turns)
    written = [turn.transcript for turn in session.turns if turn.turn_is_formatted]
    assert word_error_rate(said, " ".join(written)) <= 0.08
    (termination,) = session.of(RealTimeEvents.Termination)
    assert termination.audio_duration_seconds == round(len(sample) / 32_000)
    assert session.errors == []


@pytest.mark.slow
def test_force_endpoint_ends_the_turn(run: Run, tls_service: LocalService, sample: bytes) -> None:
    commands = [audio(sample, 0, 2000), force_endpoint, keep_alive, audio(sample, 2000, 3400)]
    session = run(tls_service, parameters(), commands)
    assert [turn.turn_order for turn in session.turns if turn.end_of_turn] == [0, 1]


@pytest.mark.slow
def test_a_changed_configuration_holds(run: Run, tls_service: LocalService, sample: bytes) -> None:
    commands = [
        audio(sample, 0, 3600),
        settings(format_turns=True, vad_threshold=0.6, keyterms_prompt=["little screen"]),
        audio(sample, 3600, 7500),
    ]
    session = run(tls_service, parameters(end_of_turn_confidence_threshold=0.0), commands)
    written = [turn.turn_order for turn in session.turns if turn.turn_is_formatted]
    assert written == [1]


def test_acknowledgements_and_speakers(
    run: Run, speakers_service: LocalService, sample: bytes
) -> None:
    session = run(
        speakers_service,
        parameters(
            sample_rate=16_000,
            speech_model="universal-3-6-pro",
            session_heartbeat=True,
            acknowledge_silence=True,
            speaker_labels=True,
            max_speakers=2,
            speaker_labels_revision_interval_ms=120_000,
        ),
        [audio(sample, 0, 2000), force_endpoint, audio(sample, 0, 2000), force_endpoint, quiet],
        until=RealTimeEvents.Silence,
    )
    (begin,) = session.of(RealTimeEvents.Begin)
    assert begin.configuration.model == "universal-3-6-pro"
    assert begin.configuration.api_version == "2025-05-12"
    ended = [turn for turn in session.turns if turn.end_of_turn]
    assert [turn.speaker_label for turn in ended] == ["A", "PENDING"]
    (revision,) = session.of(RealTimeEvents.SpeakerRevision)
    ((order, label, words),) = [
        (turn.turn_order, turn.speaker_label, [word.speaker for word in turn.words])
        for turn in revision.revisions
    ]
    assert (order, label, words) == (1, "B", ["B", "B"])
    assert session.of(RealTimeEvents.Silence)[0].end_ms > 4000
    assert session.errors == []
    kinds = [kind for kind, _ in session.events]
    assert kinds[-2:] == [RealTimeEvents.SpeakerRevision, RealTimeEvents.Termination]


def test_heartbeats_reach_the_client(
    run: Run, speakers_service: LocalService, sample: bytes
) -> None:
    commands = [audio(sample, 0, 1000), settings(session_heartbeat=True)]
    session = run(speakers_service, parameters(), commands, until=RealTimeEvents.Heartbeat)
    assert session.of(RealTimeEvents.Heartbeat)[-1].total_audio_received_ms <= 1000
    assert session.errors == []


def test_a_refused_parameter_is_an_error(run: Run, tls_service: LocalService) -> None:
    ((code, message),) = run(tls_service, parameters(encoding="aac"), fails=True).errors
    assert code == 3006
    assert "encoding" in message


def test_a_frame_of_bad_length_is_an_error(
    run: Run, tls_service: LocalService, sample: bytes
) -> None:
    commands = [audio(sample, 0, 49, milliseconds=49)]
    session = run(tls_service, parameters(), commands, fails=True)
    code, message = session.errors[0]
    assert code == 3007
    assert "Input Duration Violation: 49 ms" in message


def test_a_token_of_the_sdk_opens_one_session(run: Run, tls_service: LocalService) -> None:
    token = RealTimeTranscriber(options(tls_service)).create_temporary_token(60)
    first = run(tls_service, parameters(), token=token)
    assert len(first.of(RealTimeEvents.Begin)) == 1
    assert first.errors == []
    assert run(tls_service, parameters(), token=token, fails=True).errors[0][0] == 1008
