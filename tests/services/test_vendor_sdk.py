"""A client that nobody here wrote: the vendor's Python SDK."""

import queue

import pytest
from assemblyai.streaming.v3 import (
    BeginEvent,
    SpeechModel,
    StreamingClient,
    StreamingClientOptions,
    StreamingError,
    StreamingEvents,
    StreamingParameters,
    TerminationEvent,
    TurnEvent,
)

from appliance.services.local_service import LocalService
from appliance.services.word_error_rate import word_error_rate
from tests.services.client import Client, token_of

PARAMETERS = StreamingParameters.model_validate(
    {
        "sample_rate": 16_000,
        "speech_model": SpeechModel.universal_streaming_english,
        "format_turns": True,
    }
)


def sdk_client(service: LocalService, token: str) -> StreamingClient:
    host = service.url.removesuffix("/v3/ws")
    return StreamingClient(
        StreamingClientOptions(api_host=host, token=token, connect_timeout=30, terminate_timeout=60)
    )


@pytest.mark.slow
def test_the_vendors_sdk_transcribes_the_sample(
    service: LocalService, sample: bytes, said: str
) -> None:
    begun: list[BeginEvent] = []
    turns: list[TurnEvent] = []
    ended: list[TerminationEvent] = []
    client = sdk_client(service, token_of(service))
    client.on(StreamingEvents.Begin, lambda _, event: begun.append(event))
    client.on(StreamingEvents.Turn, lambda _, event: turns.append(event))
    client.on(StreamingEvents.Termination, lambda _, event: ended.append(event))
    client.connect(PARAMETERS)
    client.stream(
        sample[start : start + 3200].ljust(3200, b"\0") for start in range(0, len(sample), 3200)
    )
    client.disconnect(terminate=True)

    assert len(begun) == 1
    assert any(not turn.end_of_turn for turn in turns)
    heard = " ".join(turn.transcript for turn in turns if turn.turn_is_formatted)
    assert word_error_rate(said, heard) <= 0.08
    assert [event.audio_duration_seconds for event in ended] == [round(len(sample) / 32_000)]


def test_the_vendors_sdk_understands_a_refusal(service: LocalService) -> None:
    errors: queue.Queue[StreamingError] = queue.Queue()
    token = token_of(service)
    Client(service, token=token).terminated()
    client = sdk_client(service, token)
    client.on(StreamingEvents.Error, lambda _, error: errors.put(error))
    client.connect(PARAMETERS)
    assert errors.get(timeout=30).code == 1008
    client.disconnect()
