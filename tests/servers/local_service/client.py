"""Plain client of the protocol, with the appliance's own WebSocket library."""

import json
import struct
import time
from typing import Any, Protocol
from urllib.parse import urlencode

import requests
import websocket

from tests.rig import packets

Message = dict[str, Any]

ENGLISH = {"speech_model": "universal-streaming-english", "sample_rate": "16000"}
BYTES_PER_MS = 32
KEY = {"Authorization": "any key"}


class Service(Protocol):
    """Where a service is."""

    @property
    def url(self) -> str: ...

    @property
    def token_url(self) -> str: ...


def token_of(service: Service) -> str:
    token = requests.get(service.token_url, timeout=10).json()["token"]
    assert isinstance(token, str)
    return token


class Client:
    """One connection, with this token; "" fetches one, and None connects without."""

    def __init__(
        self,
        service: Service,
        token: str | None = "",
        headers: dict[str, str] | None = None,
        **parameters: str,
    ) -> None:
        query = {**ENGLISH, **parameters}
        if token is not None:
            query["token"] = token or token_of(service)
        query = {name: value for name, value in query.items() if value}
        self._socket = websocket.create_connection(
            f"{service.url}?{urlencode(query)}", timeout=60, header=headers or {}
        )
        self.close_code = 0
        self.close_reason = ""
        self._close_timeout = 3.0

    def audio(self, pcm: bytes, milliseconds: int = 100, *, real_time: bool = False) -> None:
        size = milliseconds * BYTES_PER_MS
        due = time.monotonic()
        for start in range(0, len(pcm), size):
            self._socket.send_binary(pcm[start : start + size].ljust(size, b"\0"))
            due += milliseconds / 1000
            if real_time:
                time.sleep(max(0.0, due - time.monotonic()))

    def frames(self, audio: bytes, size: int) -> None:
        """Send audio in whole frames of so many bytes; drop what is left over."""
        for start in range(0, len(audio) - size + 1, size):
            self._socket.send_binary(audio[start : start + size])

    def say(self, type_: str, **fields: object) -> None:
        self.text(json.dumps({"type": type_, **fields}))

    def text(self, text: str) -> None:
        self._socket.send(text)

    def raw(self, data: bytes) -> None:
        """Send bytes past the library."""
        assert self._socket.sock is not None
        self._socket.sock.sendall(data)

    def next(self) -> Message:
        return self.rest(limit=1)[0]

    def rest(self, limit: int = 1_000_000) -> list[Message]:
        """Return the messages until the service closes; set `close_code` to its code."""
        messages: list[Message] = []
        while len(messages) < limit:
            opcode, data = self._socket.recv_data()
            if opcode == websocket.ABNF.OPCODE_CLOSE:
                (self.close_code,) = struct.unpack("!H", data[:2])
                self.close_reason = data[2:].decode()
                self.close()
                break
            messages.append(json.loads(data))
        return messages

    def terminated(self) -> list[Message]:
        self.say("Terminate")
        return self.rest()

    def vanish(self) -> None:
        """Drop all packets, as if the cable was pulled."""
        assert self._socket.sock is not None
        packets.vanish(self._socket.sock)
        self._close_timeout = 0.1

    def close(self) -> None:
        self._socket.close(timeout=self._close_timeout)


def turns(messages: list[Message], **fields: object) -> list[Message]:
    """Return the turns with these fields."""
    return [
        message
        for message in messages
        if message["type"] == "Turn" and fields.items() <= message.items()
    ]


def transcript(messages: list[Message]) -> str:
    final = turns(messages, end_of_turn=True, turn_is_formatted=False)
    return " ".join(turn["transcript"] for turn in final)


def refusal(client: Client) -> tuple[int, str]:
    """Return code and text of the error with which the service ends the session."""
    messages = client.rest()
    assert messages[-1]["type"] == "Error"
    assert messages[-1]["error_code"] == client.close_code
    return client.close_code, messages[-1]["error"]
