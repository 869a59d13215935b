"""Address on the loopback at which nobody answers: attempts to connect get no reply at all."""

import contextlib
import socket
from types import TracebackType
from typing import Self


class SilentPort:
    """Port whose queue of connections is full until the `with` block ends.

    The kernel then drops whatever comes, as a network without a way does.
    """

    def __init__(self, host: str = "127.0.0.1", port: int = 0) -> None:
        self._stack = contextlib.ExitStack()
        listening = self._stack.enter_context(socket.socket())
        listening.bind((host, port))
        listening.listen(0)
        self.host, self.port = listening.getsockname()

    def __enter__(self) -> Self:
        for _ in range(4):
            filling = self._stack.enter_context(socket.socket())
            filling.setblocking(False)
            filling.connect_ex((self.host, self.port))
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._stack.close()
