"""Who may have a token of the local service, who may open a session, and how many at a time."""

import contextlib
import hmac
import os
import time
from collections.abc import Callable, Collection, Iterator

from starlette.requests import HTTPConnection

from appliance.services import wire
from appliance.services.temporary_tokens import TemporaryTokens
from appliance.services.wire import RefusedError


def usual_limit() -> int:
    """Return how many sessions a machine has places for, unless told otherwise."""
    return max(4, 2 * (os.cpu_count() or 1))


class Admission:
    """Admits clients by key or by token; used from the event loop alone.

    Without `keys`, any key will do. `limit` is how many sessions there may be at a time.
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
        self._taken = 0

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

    def lifetime(self, handshake: HTTPConnection) -> int:
        """Return how long the session of this handshake may last, in seconds; uses its token up.

        Raises:
            RefusedError: there is neither a key nor a token, or not a right one (1008).
        """
        if token := handshake.query_params.get("token"):
            return self.tokens.redeem(token)
        if (token := _credential(handshake)) in self.tokens:
            return self.tokens.redeem(token)  # the vendor's SDK sends its token as a key
        if self.has_key(handshake):
            return wire.LONGEST_SESSION
        raise RefusedError(wire.UNAUTHORIZED, "Not authorized: send a token or an API key")

    @contextlib.contextmanager
    def place(self) -> Iterator[None]:
        """Keep a place for a session for as long as it lasts.

        Raises:
            RefusedError: all are taken (3009).
        """
        if self._taken >= self._limit:
            raise RefusedError(
                wire.TOO_MANY_SESSIONS,
                f"Too many concurrent sessions: there is room for {self._limit}",
            )
        self._taken += 1
        try:
            yield
        finally:
            self._taken -= 1


def _credential(connection: HTTPConnection) -> str:
    return connection.headers.get("authorization", "").removeprefix("Bearer ")
