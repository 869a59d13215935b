"""Vendor's token endpoint with a given delay, in a process of its own.

It has a certificate when given one; it answers each connection once, as the service does that is
asked with `Connection: close`.
"""

import asyncio
import contextlib
import itertools
import json
import signal
import ssl
from pathlib import Path
from typing import NamedTuple


class Vendor(NamedTuple):
    """Vendor's address and behaviour: `delay` is the seconds it takes for an answer.

    Of the requests of any minute only so many get a token, the others 429. Both PEM files or none.
    """

    port: int
    delay: float = 0.1
    per_minute: int = 1_000_000
    certificate: Path | None = None
    key: Path | None = None


def serve(vendor: Vendor) -> None:
    """Answer until SIGTERM."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    asyncio.run(_serve(vendor))


async def _serve(vendor: Vendor) -> None:
    ended = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, ended.set)
    numbers = itertools.count(1)
    asked: list[float] = []
    clock = asyncio.get_running_loop().time

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError):
            await reader.readuntil(b"\r\n\r\n")
            await asyncio.sleep(vendor.delay)
            writer.write(_answer(next(numbers), has_room(vendor, asked, clock())))
            await writer.drain()
        writer.close()

    server = await asyncio.start_server(
        answer, "127.0.0.1", vendor.port, ssl=_context(vendor), backlog=1024
    )
    async with server:
        await ended.wait()


def has_room(vendor: Vendor, asked: list[float], now: float) -> bool:
    """Note a request at `now` (seconds) in `asked`, and return whether it gets a token."""
    asked[:] = [moment for moment in asked[-vendor.per_minute :] if moment > now - 60]
    if len(asked) >= vendor.per_minute:
        return False
    asked.append(now)
    return True


def _answer(number: int, is_granted: bool) -> bytes:
    said = (
        {"token": f"token-{number}", "expires_in_seconds": 60} if is_granted else {"error": "many"}
    )
    body = json.dumps(said).encode()
    status = "200 OK" if is_granted else "429 Too Many Requests"
    head = f"HTTP/1.1 {status}\r\nContent-Length: {len(body)}\r\nConnection: close\r\n\r\n"
    return head.encode() + body


def _context(vendor: Vendor) -> ssl.SSLContext | None:
    if vendor.certificate is None:
        return None
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(vendor.certificate, vendor.key)
    return context
