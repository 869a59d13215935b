"""Port on the loopback that can be open, closed or unreachable."""

import contextlib
import math
import socket
import threading
import time
from collections.abc import Callable
from types import TracebackType
from typing import Self

from tests.rig import packets


class Listener:
    """Accepts connections on a free port and serves each in a thread of its own.

    `serve` is called with the accepted socket and owns it from then on. Every `serve` must return
    before `close`, which joins the threads.
    `receive_buffer` bounds the bytes that the kernel takes before they are read.
    """

    def __init__(
        self,
        name: str,
        serve: Callable[[socket.socket], None],
        receive_buffer: int = 65_536,
    ) -> None:
        self._name = name
        self._serve = serve
        self._receive_buffer = receive_buffer
        self._reserved = _bound(port=0)
        self.port: int = self._reserved.getsockname()[1]
        self._changed = threading.Condition()
        self._listening: socket.socket | None = self._listen()
        self._refuses_until = 0.0
        self._closed = False
        self._serving: list[threading.Thread] = []
        self._thread = threading.Thread(target=self._accept_all, name=f"{name} listener")
        self._thread.start()

    def refuse(self, seconds: float = math.inf) -> None:
        """Refuse connections, for some seconds or until `accept`."""
        with self._changed:
            self._refuses_until = time.monotonic() + seconds
            self._stop_listening()
            self._changed.notify_all()

    def accept(self) -> None:
        """Accept connections again, however they were kept out."""
        with self._changed:
            self._refuses_until = 0.0
            if self._listening:
                packets.reappear(self._listening)
            else:
                self._listening = self._listen()
            self._changed.notify_all()

    def vanish(self) -> None:
        """Leave attempts to connect unanswered, until `accept`."""
        with self._changed:
            assert self._listening, "a port that refuses connections has answered already"
            packets.vanish(self._listening)

    def close(self) -> None:
        """Stop listening and wait for every connection to have been served."""
        with self._changed:
            self._closed = True
            self._stop_listening()
            self._changed.notify_all()
        self._thread.join()
        for thread in self._serving:
            thread.join()
        self._reserved.close()

    def _accept_all(self) -> None:
        number = 0
        while listening := self._wait_until_open():
            with contextlib.suppress(OSError):  # the port was closed meanwhile
                connection, _ = listening.accept()
                number += 1
                self._start_serving(connection, number)

    def _start_serving(self, connection: socket.socket, number: int) -> None:
        self._serving = [thread for thread in self._serving if thread.is_alive()]
        thread = threading.Thread(
            target=self._serve, args=(connection,), name=f"{self._name} {number}"
        )
        self._serving.append(thread)
        thread.start()

    def _wait_until_open(self) -> socket.socket | None:
        with self._changed:
            while not self._closed:
                refused_for = self._refuses_until - time.monotonic()
                if refused_for <= 0:
                    self._listening = self._listening or self._listen()
                    return self._listening
                self._changed.wait(min(refused_for, threading.TIMEOUT_MAX))
            return None

    def _listen(self) -> socket.socket:
        listening = _bound(self.port)
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, self._receive_buffer)
        listening.listen(16)
        return listening

    def _stop_listening(self) -> None:
        if self._listening:
            self._listening.shutdown(socket.SHUT_RDWR)  # closing alone wouldn't wake accept()
            self._listening.close()
            self._listening = None


class ListeningPeer:
    """Peer that serves on a port of the loopback while a `with` block lasts."""

    name = "peer"

    def __enter__(self) -> Self:
        self.listener = Listener(self.name, self.serve)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.listener.close()

    @property
    def address(self) -> str:
        """Its host and port."""
        return f"127.0.0.1:{self.listener.port}"

    def serve(self, client: socket.socket) -> None:
        """Serve an accepted socket, on a thread of its own."""
        raise NotImplementedError


def _bound(port: int) -> socket.socket:
    """Return a socket on this port; one that is bound but doesn't listen keeps the port ours."""
    sock = socket.socket()
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    sock.bind(("127.0.0.1", port))
    return sock
