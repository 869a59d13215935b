"""Hostile JSON at every entrance: each answers as it says, whatever comes."""

import asyncio
import copy
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from appliance.core.json_response import read_json, redact
from appliance.core.recording import Recording
from appliance.core.turns import Turn
from appliance.maintenance.doctor.appliance_status import observe
from appliance.servers.local_service import parameters, protocol
from appliance.servers.local_service.engines.wyoming.event_reader import read_event
from appliance.servers.local_service.refusals import RefusedError
from appliance.servers.token_server.register import Register, RegisterError
from appliance.settings import Settings, last_good
from appliance.streaming.messages import ServiceError, decode
from appliance.streaming.parameters import connection_url
from appliance.streaming.spool.manifest import MANIFEST, read_manifest
from appliance.voice_commands.keyterms import favouring_words


class Entrance(NamedTuple):
    """A reader of documents, and what it usually reads."""

    take: Callable[[bytes, Path], object]
    usual: tuple[dict[str, Any], ...]


class Answer(msgspec.Struct):
    """An answer of a token endpoint."""

    token: str | None = None
    error: Any = None


def token_answer(document: bytes, _: Path) -> object:
    answer = read_json([document], Answer, 5.0)
    return answer, redact(answer.error)


def message(document: bytes, _: Path) -> object:
    found = decode(document)
    if isinstance(found, Turn):
        assert 0 <= found.order < 2**53
        assert all(abs(word.start) + abs(word.end) < 1e10 for word in found.words)
    return (found, found.text, found.code) if isinstance(found, ServiceError) else found


def last_good_settings(document: bytes, folder: Path) -> object:
    (folder / last_good.NAME).write_bytes(document)
    return last_good.load(folder)


def spool_note(document: bytes, folder: Path) -> object:
    (folder / MANIFEST).write_bytes(document)
    return read_manifest(folder)


def register(document: bytes, folder: Path) -> object:
    path = folder / "appliances.json"
    path.write_bytes(document)
    try:
        Register(path).refresh()
    except RegisterError as error:
        return str(error)
    return None


def status(document: bytes, folder: Path) -> object:
    path = folder / "status.json"
    path.write_bytes(document)
    observe(path)
    return None


def client_message(document: bytes, _: Path) -> object:
    current = parameters.SessionParameters(speech_model="m")
    try:
        found = protocol.client_message(document.decode(errors="surrogateescape"))
        if isinstance(found, protocol.UpdateConfiguration):
            return found.applied_to(current)
    except RefusedError as refusal:
        return str(refusal)
    return found


def keyterms(document: bytes, _: Path) -> object:
    text = document.decode(errors="replace")
    query = [("speech_model", "m"), ("keyterms_prompt", text)]
    try:
        found: object = parameters.parameters(query, parameters.SessionParameters)
    except RefusedError as refusal:
        found = str(refusal)
    service = msgspec.structs.replace(Settings().service, parameters={"keyterms_prompt": text})
    favoured = favouring_words(msgspec.structs.replace(Settings(), service=service))
    return found, connection_url(favoured.service, "t")


def wyoming_event(document: bytes, _: Path) -> object:
    async def read() -> object:
        reader = asyncio.StreamReader()
        reader.feed_data(document + b"\n" + document)
        reader.feed_eof()
        try:
            return await read_event(reader)
        except EOFError:
            return None

    event = asyncio.run(read())
    return event.to_dict() if hasattr(event, "to_dict") else None


WORD = {"text": "hello", "start": 120, "end": 480, "confidence": 0.9, "word_is_final": True}
TURN = {"turn_order": 3, "transcript": "hello", "end_of_turn": False, "words": [WORD, WORD]}

ENTRANCES = {
    "token answer": Entrance(
        token_answer, ({"token": "t", "expires_in_seconds": 60}, {"error": "Unauthorized"})
    ),
    "message": Entrance(
        message,
        (
            {"type": "Turn", **TURN},
            {"type": "Begin", "id": "x", "expires_at": 1, "configuration": {"model": "m"}},
            {"type": "Error", "error_code": 3005, "error": "e"},
            {"type": "Heartbeat", "total_audio_received_ms": 1, "realtime_factor": 1.0},
            {"type": "Silence", "start_ms": 0, "end_ms": 1000},
            {"type": "SpeakerRevision", "revisions": [{"turn_order": 1, "speaker_label": "A"}]},
        ),
    ),
    "last good settings": Entrance(
        last_good_settings, ({"name": "box", "display": {"lines": 3}, "commands": []},)
    ),
    "spool note": Entrance(spool_note, (msgspec.to_builtins(Recording("s", 1.0, 2.0, "boot")),)),
    "register": Entrance(
        register,
        ({"appliances": [{"name": "a", "added": "2026-05-01T12:00:00Z", "sha256": "0"}]},),
    ),
    "status": Entrance(
        status, ({"version": "1", "pid": 1, "started": "2026-05-01T12:00:00Z", "faults": []},)
    ),
    "client message": Entrance(
        client_message,
        (
            {"type": "UpdateConfiguration", "keyterms_prompt": ["a"], "vad_threshold": 0.5},
            {"type": "Terminate"},
        ),
    ),
    "key terms": Entrance(keyterms, ({"terms": ["a", "b"]},)),
    "Wyoming event": Entrance(
        wyoming_event,
        (
            {"type": "transcript", "data": {"text": "hello"}},
            {"type": "info", "data_length": 20, "payload_length": 5},
        ),
    ),
}

HERE = "the hostile value"

FRAGMENTS = st.sampled_from(
    [b"1e999", b"1e308", b"-1e308", b'"nan"', b'"1e308"', b"9" * 400, b"9" * 5000, b"%d" % 2**53]
    + [b"%d" % (2**63 - 1), b'"%d"' % (2**63 - 1), b"-1", b"null", b"true", b'""', b"{}", b"[]"]
    + [b"[" * deep for deep in (20, 900, 15_000)]
    + [b"[" * deep + b"]" * deep for deep in (16, 20, 900, 15_000)]
    + [b'{"a":' * deep + b"1" + b"}" * deep for deep in (20, 900, 15_000)]
    + [rb'"\ud83d"', rb'"\ude00\ud83d"', b'"\xff"', b'"\xed\xa0\x80"', rb'"\u0000\u001b[2J"', b'"']
)


def places(value: object, at: tuple[str | int, ...] = ()) -> Iterator[tuple[str | int, ...]]:
    """Yield the way to every value within a document."""
    yield at
    keys: list[Any] = []
    if isinstance(value, dict):
        keys = list(value)
    elif isinstance(value, list):
        keys = list(range(len(value)))
    for key in keys:
        yield from places(value[key], (*at, key))  # type: ignore[index]


def with_value_at(document: Any, place: tuple[str | int, ...]) -> Any:  # noqa: ANN401 - any JSON
    """Return a document with a mark in the place of a value."""
    if not place:
        return HERE
    changed = copy.deepcopy(document)
    inner = changed
    for key in place[:-1]:
        inner = inner[key]
    inner[place[-1]] = HERE
    return changed


@st.composite
def documents(draw: st.DrawFn, usual: tuple[dict[str, Any], ...]) -> bytes:
    """Draw a usual document with a hostile value in it; some are torn or have a wrong byte."""
    document = draw(st.sampled_from(usual))
    place = draw(st.sampled_from(list(places(document))))
    text = json.dumps(with_value_at(document, place)).encode()
    hostile = draw(FRAGMENTS | st.binary(max_size=20))
    text = text.replace(json.dumps(HERE).encode(), hostile)
    if draw(st.booleans()):
        at = draw(st.integers(0, len(text)))
        text = text[:at] + draw(st.sampled_from([b"", text[at + 1 :]]))
    return text


@pytest.mark.parametrize("name", ENTRANCES)
def test_hostile_documents_are_survived(
    name: str, tmp_path_factory: pytest.TempPathFactory
) -> None:
    take, usual = ENTRANCES[name]
    folder = tmp_path_factory.mktemp("entrance")

    @given(documents(usual))
    def survives(document: bytes) -> None:
        # What it makes of it can be shown and written: half a character or a nest could not.
        msgspec.json.encode(msgspec.to_builtins(take(document, folder)))

    survives()
