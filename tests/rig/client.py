"""Bare client that tests the rig itself; it reads answers frame by frame."""

import json
import socket
import struct
from collections.abc import Iterator
from contextlib import closing, contextmanager
from typing import Any
from urllib.parse import urlencode

import requests
import websocket

from tests.rig.service import ScriptedService

PARAMETERS = {
    "sample_rate": "16000",
    "speech_model": "universal-streaming-english",
    "format_turns": "true",
}
FRAME = 3200


class Client:
    """One connection. Every wait ends after 20 s with a `WebSocketTimeoutException`."""

    def __init__(self, url: str, **parameters: str) -> None:
        address = f"{url}?{urlencode(PARAMETERS | parameters)}"
        small_buffer = (socket.SOL_SOCKET, socket.SO_SNDBUF, 65_536)
        self.socket = websocket.create_connection(address, timeout=20, sockopt=(small_buffer,))

    def close(self) -> None:
        self.socket.shutdown()  # type: ignore[no-untyped-call] # it has no types

    def send(self, message: dict[str, Any] | str) -> None:
        self.socket.send(message if isinstance(message, str) else json.dumps(message))

    def speak(self, pcm: bytes, frame: int = FRAME) -> None:
        for start in range(0, len(pcm), frame):
            self.socket.send_binary(pcm[start : start + frame].ljust(min(frame, FRAME), b"\0"))

    def receive(self) -> dict[str, Any]:
        """Return the next message."""
        message: dict[str, Any] = json.loads(self.socket.recv())
        return message

    def frames(self) -> Iterator[tuple[int, bytes]]:
        """Yield opcodes and data up to and with the close frame."""
        while True:
            opcode, data = self.socket.recv_data()
            yield opcode, data
            if opcode == websocket.ABNF.OPCODE_CLOSE:
                return

    def messages(self) -> list[dict[str, Any]]:
        """Return the messages up to the close; the last one is {"close": code, "reason": text}."""
        messages = []
        for opcode, data in self.frames():
            if opcode == websocket.ABNF.OPCODE_CLOSE:
                code = struct.unpack("!H", data[:2])[0]
                messages.append({"close": code, "reason": data[2:].decode()})
            else:
                messages.append(json.loads(data))
        return messages


@contextmanager
def connected(service: ScriptedService, url: str = "", **parameters: str) -> Iterator[Client]:
    """Connect with a fresh token."""
    token = requests.get(service.token_url, timeout=20).json()["token"]
    with closing(Client(url or service.url, token=token, **parameters)) as client:
        yield client
