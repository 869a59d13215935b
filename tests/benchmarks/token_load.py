"""Clients that ask for tokens again and again, each as soon as it has one."""

import asyncio
import itertools
import ssl
import time
from collections.abc import Sequence
from typing import NamedTuple

from tests.benchmarks.token_server import TokenServer

ANSWER_TIMEOUT = 20.0
"""Seconds after which an answer counts as none."""


class Load(NamedTuple):
    """Result of `seconds` of load: the time of each token, and how many requests got none."""

    delays: list[float]
    failed: int
    seconds: float

    @property
    def rate(self) -> float:
        """Tokens a second."""
        return len(self.delays) / self.seconds


def load(server: TokenServer, secrets: Sequence[str], clients: int, seconds: float) -> Load:
    """Let so many clients ask for so long, each time over a new connection, as appliances do."""
    return asyncio.run(_load(server, secrets, clients, seconds))


async def _load(server: TokenServer, secrets: Sequence[str], clients: int, seconds: float) -> Load:
    context = ssl.create_default_context(cafile=server.ca_file) if server.ca_file else None
    turns = itertools.cycle(secrets)
    delays: list[float] = []
    failed = 0
    began = time.monotonic()

    async def ask_again_and_again() -> None:
        nonlocal failed
        while time.monotonic() < began + seconds:
            asked = time.monotonic()
            try:
                status = await asyncio.wait_for(_ask(server, context, next(turns)), ANSWER_TIMEOUT)
            except (OSError, asyncio.IncompleteReadError, TimeoutError):
                status = 0
            if status == 200:
                delays.append(time.monotonic() - asked)
            else:
                failed += 1

    await asyncio.gather(*(ask_again_and_again() for _ in range(clients)))
    return Load(delays, failed, time.monotonic() - began)


async def _ask(server: TokenServer, context: ssl.SSLContext | None, secret: str) -> int:
    """Ask once; return the status of the answer."""
    reader, writer = await asyncio.open_connection("127.0.0.1", server.port, ssl=context)
    try:
        request = (
            "GET /token HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n"
            f"Authorization: Bearer {secret}\r\n\r\n"
        )
        writer.write(request.encode())
        answer = await reader.read()
    finally:
        writer.close()
    return status_of(answer)


def status_of(answer: bytes) -> int:
    """Return the status of an HTTP answer; 0 when there is no token in one that says it has."""
    head, _, body = answer.partition(b"\r\n\r\n")
    words = head.split(b" ", 2)
    if len(words) < 3 or not words[1].isdigit():
        return 0
    status = int(words[1])
    return status if status != 200 or b'"token"' in body else 0
