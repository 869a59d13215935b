"""TCP connector: tries all addresses of a host, in the order and with the delays of RFC 8305."""

import contextlib
import errno
import itertools
import os
import queue
import selectors
import socket
import threading
import time
from collections import deque
from collections.abc import Iterable, Sequence
from typing import Any

from appliance.system.time_limit import TimeLimit

ATTEMPT_DELAY = 0.25
"""Seconds until the next address is tried as well (RFC 8305, section 5)."""

_CHECK_INTERVAL = 0.05
"""Seconds in which a cancelled limit is noticed."""

Address = tuple[socket.AddressFamily, Any]
"""Family and socket address."""

SocketOption = tuple[int, int, int]


def connect(
    host: str,
    port: int,
    limit: TimeLimit,
    options: Sequence[SocketOption] = (),
    delay: float = ATTEMPT_DELAY,
) -> socket.socket:
    """Return a socket that is connected to the first address that answers.

    The limit watches it. Its own timeout is what was left of the limit.

    Args:
        host: a name or an address.
        port: the port.
        limit: ends the look-up, all tries, and what is done with the socket afterwards.
        options: socket options, set before connecting.
        delay: seconds after which the next address is tried as well.

    Raises:
        socket.gaierror: the name has no address.
        UnicodeError: it is no name.
        TimeoutError: the limit ended first.
        OSError: no address can be reached; it says why of the first.
    """
    sock = _first(ordered(look_up(host, port, limit)), limit, options, delay)
    sock.settimeout(max(limit.left, 0.1) if limit.left < threading.TIMEOUT_MAX else None)
    limit.watch(sock)
    return sock


def look_up(host: str, port: int, limit: TimeLimit) -> list[Address]:
    """Return the addresses of a host in the system's order (RFC 6724).

    Raises:
        socket.gaierror: it has none.
        UnicodeError: it is no name.
        TimeoutError: the name server did not answer within the limit.
    """
    found: queue.SimpleQueue[list[Address] | Exception] = queue.SimpleQueue()

    def ask() -> None:
        try:
            answers = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
            found.put([(answer[0], answer[4]) for answer in answers])
        except Exception as error:  # noqa: BLE001 - raised again where the answer is awaited
            found.put(error)

    # The system's own limit is half a minute and more, and nothing can cut it short.
    threading.Thread(target=ask, name="name look-up", daemon=True).start()
    while True:
        with contextlib.suppress(queue.Empty):
            answer = found.get(timeout=min(_CHECK_INTERVAL, limit.left))
            if isinstance(answer, Exception):
                raise answer
            return answer
        limit.check()


def ordered(addresses: Iterable[Address]) -> list[Address]:
    """Return the addresses with the families in turns, the first one first (RFC 8305, section 4).

    >>> v4, v6 = socket.AF_INET, socket.AF_INET6
    >>> [address for _, address in ordered([(v6, "a"), (v6, "b"), (v4, "c"), (v4, "d")])]
    ['a', 'c', 'b', 'd']
    """
    families: dict[int, list[Address]] = {}
    for address in dict.fromkeys(addresses):
        families.setdefault(address[0], []).append(address)
    turns = itertools.zip_longest(*families.values())
    return [address for turn in turns for address in turn if address is not None]


def _first(
    addresses: list[Address], limit: TimeLimit, options: Sequence[SocketOption], delay: float
) -> socket.socket:
    """Return the first socket that connects."""
    waiting = deque(addresses)
    failures: list[OSError] = []
    next_at = time.monotonic()
    trying: list[socket.socket] = []
    try:
        while waiting or trying:
            limit.check()
            if waiting and (time.monotonic() >= next_at or not trying):
                next_at = time.monotonic() + delay
                _start(waiting.popleft(), options, trying, failures)
            pause = next_at - time.monotonic() if waiting else _CHECK_INTERVAL
            for sock in _answered(trying, min(_CHECK_INTERVAL, max(0.0, pause))):
                trying.remove(sock)
                number = sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
                if number == 0:
                    return sock
                sock.close()
                failures.append(OSError(number, os.strerror(number)))
                next_at = time.monotonic()
        raise failures[0] if failures else OSError(errno.EADDRNOTAVAIL, "no address")
    finally:
        for sock in trying:
            sock.close()


def _start(
    address: Address,
    options: Sequence[SocketOption],
    trying: list[socket.socket],
    failures: list[OSError],
) -> None:
    """Let a socket connect in the background; note it, or why it failed at once."""
    family, place = address
    try:
        sock = socket.socket(family, socket.SOCK_STREAM)
    except OSError as error:  # this machine has no such family
        failures.append(error)
        return
    try:
        for option in ((socket.IPPROTO_TCP, socket.TCP_NODELAY, 1), *options):
            sock.setsockopt(*option)
        sock.setblocking(False)
        sock.connect(place)
    except BlockingIOError:
        pass
    except OSError as error:
        sock.close()
        failures.append(error)
        return
    trying.append(sock)


def _answered(trying: list[socket.socket], timeout: float) -> list[socket.socket]:
    """Return the sockets that connected or failed within so many seconds."""
    with selectors.DefaultSelector() as selector:
        for sock in trying:
            selector.register(sock, selectors.EVENT_WRITE)
        ready = selector.select(timeout)
        return [sock for sock in trying if any(key.fileobj is sock for key, _ in ready)]
