"""Temporary tokens as the service gives them out: each opens one session, and soon."""

import secrets
import time
from collections.abc import Callable

import msgspec

from appliance.servers.local_service.protocol import LONGEST_SESSION, UNAUTHORIZED, RefusedError


class _Grant(msgspec.Struct):
    expires: float
    max_session: int
    used: bool = False


class TemporaryTokens:
    """The tokens that are out; one that expired is forgotten when the next is issued.

    Their number is not bounded, since each is gone after ten minutes at most.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._grants: dict[str, _Grant] = {}

    def issue(self, expires_in: int, max_session: int = LONGEST_SESSION) -> str:
        """Return a token for one session of `max_session` s, to be begun within `expires_in` s."""
        now = self._clock()
        self._grants = {t: grant for t, grant in self._grants.items() if grant.expires > now}
        token = secrets.token_urlsafe(32)
        self._grants[token] = _Grant(now + expires_in, max_session)
        return token

    def __contains__(self, token: str) -> bool:
        return token in self._grants

    def check(self, token: str) -> None:
        """See that a token can be used.

        Raises:
            RefusedError: nobody was given such a token, or it was used, or it expired (1008).
        """
        self._unused(token)

    def redeem(self, token: str) -> int:
        """Use a token up and return the longest its session may last, in seconds.

        Raises:
            RefusedError: as `check` does.
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
