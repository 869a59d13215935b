"""Who may have a token of the local service, who may open a session, and how many at a time."""

import contextlib
import hmac
import logging
import os
import time
from collections.abc import Callable, Collection, Iterator

from starlette.requests import HTTPConnection

from appliance.servers.local_service import protocol
from appliance.servers.local_service.place import SessionSlot
from appliance.servers.local_service.protocol import RefusedError
from appliance.servers.local_service.temporary_tokens import TemporaryTokens

log = logging.getLogger(__name__)

SILENCE = 5.0
"""Seconds without audio or `KeepAlive` after which a session gives way when there is no other room:
a client whose network was away comes back, and finds its own session in its place."""


def usual_limit() -> int:
    """Return how many sessions a machine has places for, unless told otherwise."""
    return max(4, 2 * (os.cpu_count() or 1))


class Admission:
    """Admits clients by key or by token; used from the event loop alone.

    Without `keys`, any key will do. `limit` is how many sessions there may be at a time; beyond
    it, only one takes the place of another, of whose client nothing was heard for `SILENCE`.
    """

    def __init__(
        self,
        keys: Collection[str] = (),
        limit: int | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.tokens = TemporaryTokens(clock)
        self._keys = tuple(keys)
        self._limit = limit or usual_limit()
        self._clock = clock
        self._places: set[SessionSlot] = set()

    @property
    def is_open(self) -> bool:
        """Whether whoever reaches the service may use it."""
        return not self._keys

    def has_key(self, connection: HTTPConnection) -> bool:
        """Tell whether a request or handshake shows a key that is accepted."""
        given = _credential(connection)
        if self.is_open:
            return bool(given)
        return any(hmac.compare_digest(given.encode(), key.encode()) for key in self._keys)

    @contextlib.contextmanager
    def place(self, handshake: HTTPConnection) -> Iterator[SessionSlot]:
        """Keep a place for the session of this handshake for as long as it lasts.

        Its token is used up when there is one.

        Raises:
            RefusedError: there is neither a key nor a token, or not a right one (1008); or all
                places are taken (3009).
        """
        token = self._token(handshake)
        if token:
            self.tokens.check(token)
        elif not self.has_key(handshake):
            raise RefusedError(protocol.UNAUTHORIZED, "Not authorized: send a token or an API key")
        self._make_room()
        lifetime = self.tokens.redeem(token) if token else protocol.LONGEST_SESSION
        place = SessionSlot(lifetime, self._clock)
        self._places.add(place)
        try:
            yield place
        finally:
            self._places.discard(place)

    def _token(self, handshake: HTTPConnection) -> str | None:
        if token := handshake.query_params.get("token"):
            return token
        shown = _credential(handshake)
        return shown if shown in self.tokens else None  # the vendor's SDK sends it as a key

    def _make_room(self) -> None:
        if len(self._places) < self._limit:
            return
        quietest = max(self._places, key=lambda place: place.silence)
        if quietest.silence < SILENCE:
            raise RefusedError(
                protocol.TOO_MANY_SESSIONS,
                f"Too many concurrent sessions: there is room for {self._limit}",
            )
        log.info("a client was silent for %.0f s: its place goes to another", quietest.silence)
        quietest.lose()
        self._places.remove(quietest)


def _credential(connection: HTTPConnection) -> str:
    return connection.headers.get("authorization", "").removeprefix("Bearer ")
