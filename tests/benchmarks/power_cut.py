"""Appliances that all want a token at the same moment, each with the program's own retries."""

import threading
import time
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from appliance.settings.schema import ServiceSettings
from appliance.streaming.retry_policy import RetryPolicy
from appliance.streaming.tokens import TokenError, TokenSource
from tests.benchmarks.token_server import TokenServer


class Served(NamedTuple):
    """Seconds and tries after which an appliance got its token."""

    after: float
    tries: int


def all_at_once(
    server: TokenServer, secrets: Sequence[str], folder: Path, within: float = 300.0
) -> list[Served]:
    """Let an appliance for each secret fetch a token; return those that got one in time."""
    served: list[Served] = []
    start, given_up = threading.Event(), threading.Event()
    appliances = [
        threading.Thread(
            target=lambda tokens: served.extend(_persist(tokens, start, given_up)),
            args=(_tokens(server, secret, folder / f"secret-{number}"),),
            name=f"appliance-{number}",
        )
        for number, secret in enumerate(secrets)
    ]
    for appliance in appliances:
        appliance.start()
    start.set()
    deadline = time.monotonic() + within
    for appliance in appliances:
        appliance.join(max(0.0, deadline - time.monotonic()))
    given_up.set()
    for appliance in appliances:
        appliance.join()
    return served


def _tokens(server: TokenServer, secret: str, file: Path) -> TokenSource:
    file.write_text(secret)
    settings = ServiceSettings(
        token_url=server.url, token_secret_file=str(file), ca_file=server.ca_file
    )
    return TokenSource(settings)


def _persist(
    tokens: TokenSource, start: threading.Event, given_up: threading.Event
) -> list[Served]:
    """Fetch a token as a session does: after each refusal wait as long as its kind asks for."""
    start.wait()
    began = time.monotonic()
    retries = RetryPolicy()
    tries = 0
    while not given_up.is_set():
        tries += 1
        try:
            tokens.fetch()
        except TokenError as refusal:
            retries.note(refusal.outcome)
            given_up.wait(retries.wait)
        else:
            return [Served(time.monotonic() - began, tries)]
    return []
