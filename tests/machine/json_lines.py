"""Client for JSON lines, the protocol of qemu's monitor and of the guest agent."""

import json
import socket
import time
from pathlib import Path
from typing import Any

Reply = dict[str, Any]

CONNECT_TIMEOUT = 20.0
"""Seconds until qemu listens on a socket, whose file it makes before."""

REPLY_TIMEOUT = 60.0


class RefusedError(Exception):
    """The other side refused a request."""


class JsonLinesClient:
    """Connection to a socket of qemu's."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._unread = b""
        self._socket = _connected(path)

    def send(self, command: str, **arguments: object) -> None:
        """Send a command and don't wait for its answer."""
        request: Reply = {"execute": command}
        if arguments:
            request["arguments"] = arguments
        self._socket.settimeout(REPLY_TIMEOUT)
        self._socket.sendall(json.dumps(request).encode() + b"\n")

    def ask(self, command: str, **arguments: object) -> Reply:
        """Send a command and return what it returns.

        Raises:
            RefusedError: an error came back.
            TimeoutError: nothing came back.
            ConnectionError: nobody is there any more.
        """
        self.send(command, **arguments)
        deadline = time.monotonic() + REPLY_TIMEOUT
        while True:
            reply = self.receive(deadline - time.monotonic())
            if "error" in reply:
                raise RefusedError(f"{command}: {reply['error'].get('desc', reply['error'])}")
            if "return" in reply:
                returned = reply["return"]
                return returned if isinstance(returned, dict) else {"value": returned}

    def receive(self, within: float) -> Reply:
        """Return the next line that is JSON.

        Raises:
            TimeoutError: none came.
            ConnectionError: nobody is there any more.
        """
        deadline = time.monotonic() + within
        while b"\n" not in self._unread:
            self._socket.settimeout(max(0.01, deadline - time.monotonic()))
            piece = self._socket.recv(65536)
            if not piece:
                raise ConnectionError(f"{self._path.name} hung up")
            self._unread += piece
        line, self._unread = self._unread.split(b"\n", 1)
        try:
            reply: Reply = json.loads(line)
        except ValueError:  # left over from before a reset
            return {}
        return reply

    def close(self) -> None:
        """Close the connection."""
        self._socket.close()


def _connected(path: Path) -> socket.socket:
    deadline = time.monotonic() + CONNECT_TIMEOUT
    while True:
        connection = socket.socket(socket.AF_UNIX)
        try:
            connection.connect(str(path))
        except (FileNotFoundError, ConnectionRefusedError):
            connection.close()
            if time.monotonic() > deadline:
                raise
            time.sleep(0.01)
        else:
            return connection
