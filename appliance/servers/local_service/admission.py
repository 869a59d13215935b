"""Admission to the local service: API keys, temporary tokens and session slots."""

import asyncio
import contextlib
import hmac
import logging
import os
import secrets
import time
from collections.abc import Awaitable, Callable, Collection, Iterator
from typing import TypeVar

import msgspec
from starlette.requests import HTTPConnection

from appliance.servers.local_service.guesses import GuessLimit
from appliance.servers.local_service.parameters import MAX_SESSION_SECONDS
from appliance.servers.local_service.refusals import (
    INACTIVE,
    INVALID,
    TOO_MANY_SESSIONS,
    UNAUTHORIZED,
    RefusedError,
)

log = logging.getLogger(__name__)

EVICTION_SILENCE = 5.0
"""Seconds without audio or `KeepAlive` after which a session gives up its slot if all are taken.

A client that lost its network and reconnects would otherwise find its own old session in its way.
"""

Message = TypeVar("Message")


def default_limit() -> int:
    """Return how many sessions this machine takes at a time by default."""
    return max(4, 2 * (os.cpu_count() or 1))


class SessionSlot:
    """One of the places for sessions; its session may last `lifetime` seconds.

    Another client may get it if its own client stays silent. Used from the event loop alone.
    """

    def __init__(self, lifetime: float, clock: Callable[[], float] = time.monotonic) -> None:
        self.lifetime = lifetime
        self._clock = clock
        self._wait: asyncio.Timeout | None = None
        self._waiting_since = 0.0
        self._is_lost = False

    @property
    def silence(self) -> float:
        """Seconds for which the session has been waiting for its client."""
        return self._clock() - self._waiting_since if self._wait else 0.0

    async def wait_for(self, receive: Callable[[], Awaitable[Message]], seconds: float) -> Message:
        """Return the client's next message.

        Raises:
            TimeoutError: none came within so many seconds.
            RefusedError: none came, and another client needed the slot (3006).
        """
        if not self._is_lost:
            self._waiting_since = self._clock()
            try:
                async with asyncio.timeout(seconds) as self._wait:
                    return await receive()
            except TimeoutError:
                if not self._is_lost:
                    raise
            finally:
                self._wait = None
        raise RefusedError(INVALID, f"{INACTIVE}: another needed its place")

    def take_away(self) -> None:
        """End the session: its wait for the client raises at once."""
        self._is_lost = True
        if self._wait:
            self._wait.reschedule(0)  # a moment in the past


class _Grant(msgspec.Struct):
    expires: float
    max_session: int
    used: bool = False


class TemporaryTokens:
    """Temporary tokens that were issued; each opens one session.

    Their number needs no bound: a token expires within ten minutes, and expired ones are dropped
    when the next is issued.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._grants: dict[str, _Grant] = {}

    def issue(self, expires_in: int, max_session: int = MAX_SESSION_SECONDS) -> str:
        """Return a token for one session of `max_session` s that begins within `expires_in` s."""
        now = self._clock()
        self._grants = {t: grant for t, grant in self._grants.items() if grant.expires > now}
        token = secrets.token_urlsafe(32)
        self._grants[token] = _Grant(now + expires_in, max_session)
        return token

    def __contains__(self, token: str | None) -> bool:
        return token in self._grants

    def check(self, token: str) -> None:
        """Check that a token can be used.

        Raises:
            RefusedError: the token was never issued, has been used, or has expired (1008).
        """
        self._unused(token)

    def redeem(self, token: str) -> int:
        """Use a token up; return how many seconds its session may last.

        Raises:
            RefusedError: as for `check`.
        """
        grant = self._unused(token)
        grant.used = True
        return grant.max_session

    def _unused(self, token: str) -> _Grant:
        grant = self._grants.get(token)
        if grant is None or grant.expires <= self._clock():
            raise RefusedError(UNAUTHORIZED, "Not authorized: the token is unknown or has expired")
        if grant.used:
            raise RefusedError(UNAUTHORIZED, "Not authorized: the token has been used")
        return grant


class Admission:
    """Admits clients by key or token; used from the event loop alone.

    Without `keys`, any key is accepted. There are at most `limit` sessions at a time; if all slots
    are taken, a new client gets the slot of the client that has been silent longest, provided that
    this has lasted `EVICTION_SILENCE`.
    """

    def __init__(
        self,
        keys: Collection[str] = (),
        limit: int | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.tokens = TemporaryTokens(clock)
        self._keys = tuple(keys)
        self._limit = limit or default_limit()
        self._clock = clock
        self._guesses = GuessLimit(clock=clock)
        self._slots: set[SessionSlot] = set()

    @property
    def is_open(self) -> bool:
        """Whether everybody who can reach the service may use it."""
        return not self._keys

    def has_key(self, connection: HTTPConnection) -> bool:
        """Return whether a request or handshake carries an accepted key.

        Raises:
            RefusedError: its network sent too many wrong keys, so none is looked at (1008).
        """
        given = _credential(connection)
        if self.is_open:
            return bool(given)
        if not given:
            return False
        host = connection.client.host if connection.client else ""
        if wait := self._guesses.wait(host):
            raise RefusedError(
                UNAUTHORIZED, f"Too many wrong keys from this network: wait {wait} s"
            )
        if any(hmac.compare_digest(given.encode(), key.encode()) for key in self._keys):
            return True
        self._guesses.count(host)
        return False

    def is_proven(self, connection: HTTPConnection) -> bool:
        """Return whether a request carries what no web page of a stranger can know.

        Raises:
            RefusedError: as for `has_key`.
        """
        if self._token(connection) in self.tokens:
            return True
        return not self.is_open and self.has_key(connection)

    @contextlib.contextmanager
    def slot(self, handshake: HTTPConnection) -> Iterator[SessionSlot]:
        """Hold a slot for the session of this handshake; use up its token if it has one.

        Raises:
            RefusedError: key or token are missing or not accepted (1008), or all slots are taken
                (3009).
        """
        token = self._token(handshake)
        if token:
            self.tokens.check(token)
        elif not self.has_key(handshake):
            raise RefusedError(UNAUTHORIZED, "Not authorized: send a token or an API key")
        self._make_room()
        lifetime = self.tokens.redeem(token) if token else MAX_SESSION_SECONDS
        slot = SessionSlot(lifetime, self._clock)
        self._slots.add(slot)
        try:
            yield slot
        finally:
            self._slots.discard(slot)

    def _token(self, handshake: HTTPConnection) -> str | None:
        if token := handshake.query_params.get("token"):
            return token
        credential = _credential(handshake)
        # The vendor's SDK sends the token in the place of a key.
        return credential if credential in self.tokens else None

    def _make_room(self) -> None:
        if len(self._slots) < self._limit:
            return
        quietest = max(self._slots, key=lambda slot: slot.silence)
        if quietest.silence < EVICTION_SILENCE:
            raise RefusedError(
                TOO_MANY_SESSIONS,
                f"Too many concurrent sessions: there is room for {self._limit}",
            )
        log.info(
            "all slots are taken: ending the session of a client that has been silent for %.0f s",
            quietest.silence,
        )
        quietest.take_away()
        self._slots.remove(quietest)


def _credential(connection: HTTPConnection) -> str:
    return connection.headers.get("authorization", "").removeprefix("Bearer ")
