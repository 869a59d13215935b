"""Token server and vendor, each in a process of its own, with appliances in the register."""

import contextlib
import logging
import multiprocessing
import os
import socket
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

from appliance.servers.token_server.register import Register
from appliance.servers.token_server.server import Options, serve
from tests.benchmarks import token_vendor
from tests.rig.certificates import self_signed
from tests.rig.waiting import wait_until

_PROCESSES = multiprocessing.get_context("spawn")
"""Forked ones would have this program's threads and locks, half alive."""


class Fleet(NamedTuple):
    """The secrets of all appliances, and the file of the register that knows them."""

    secrets: tuple[str, ...]
    register: Path


class TokenServer(NamedTuple):
    """Address and process of the token server; a client trusts `ca_file`, empty without TLS."""

    port: int
    ca_file: str
    process: int = 0

    @property
    def url(self) -> str:
        """Where an appliance gets its tokens."""
        return f"{'https' if self.ca_file else 'http'}://127.0.0.1:{self.port}/token"


def register_fleet(folder: Path, appliances: int) -> Fleet:
    """Write a register with so many appliances."""
    register = Register(folder / "appliances.json")
    return Fleet(
        tuple(register.add(f"box-{number}") for number in range(appliances)), register.path
    )


@contextlib.contextmanager
def running_token_server(
    folder: Path,
    fleet: Fleet,
    *,
    tls: bool = True,
    delay: float = 0.1,
    vendor_per_minute: int = 1_000_000,
    per_minute: int = 1_000_000,
    server_after: float = 0.0,
) -> Iterator[TokenServer]:
    """Run a vendor and, some seconds later, a token server; without a delay wait until it is up."""
    key = folder / "key"
    key.write_text("the-api-key")
    port, vendor_port = free_port(), free_port()
    certificate, private = None, None
    if tls:
        certificate, private = self_signed(folder).file, folder / "key.pem"
    vendor = token_vendor.Vendor(vendor_port, delay, vendor_per_minute, certificate, private)
    options = Options(
        port=port,
        secrets=fleet.register,
        api_key_file=key,
        certificate=certificate,
        key=private,
        per_minute=per_minute,
        service_url=f"{'https' if tls else 'http'}://127.0.0.1:{vendor_port}/v3/token",
        ca_file=certificate,
    )
    with (
        _running(token_vendor.serve, vendor),
        _running(_serve_later, options, server_after) as process,
    ):
        _await_port(vendor_port)
        if not server_after:
            _await_port(port)
        yield TokenServer(port, str(certificate or ""), process)


def free_port() -> int:
    """Return a port of the loopback interface that was free a moment ago."""
    with socket.create_server(("127.0.0.1", 0)) as sock:
        return int(sock.getsockname()[1])


def _serve_later(options: Options, after: float) -> None:
    logging.basicConfig(level=logging.ERROR)
    time.sleep(after)
    serve(options)


@contextlib.contextmanager
def _running(target: Callable[..., None], *arguments: Any) -> Iterator[int]:  # noqa: ANN401
    process = _PROCESSES.Process(target=target, args=arguments)
    process.start()
    assert process.pid is not None
    try:
        yield process.pid
    finally:
        process.terminate()
        process.join(20)
        process.kill()
        process.join()


def _await_port(port: int) -> None:
    def is_open() -> bool:
        with socket.socket() as sock:
            return sock.connect_ex(("127.0.0.1", port)) == os.EX_OK

    wait_until(is_open, within=30)
