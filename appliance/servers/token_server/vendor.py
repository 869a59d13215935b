"""Minting temporary tokens at the vendor's (the protocol's "Temporary token")."""

import re
import ssl
import time
from collections.abc import Callable
from typing import Any

import msgspec
import urllib3

from appliance.core.json_response import MAX_BODY, read_json, redact
from appliance.core.network_errors import BUSY, NO_CREDIT, Cause, cause_of

VENDOR = "https://streaming.assemblyai.com/v3/token"

CONNECT_TIMEOUT = 3.0
"""Seconds to connect to the vendor."""

ANSWER_TIMEOUT = 5.0
"""Seconds to wait for the vendor's answer, and as many again until all of it has arrived.

An appliance waits 8 s for the token server: it must learn before that the vendor was too slow.
"""


class Token(msgspec.Struct, frozen=True):
    """A temporary token, to be used within `expires_in_seconds`."""

    token: str
    expires_in_seconds: int


class RefusalError(Exception):
    """No token was to be had.

    `status` (HTTP) and `words` are for the appliance, `detail` for the log; none holds a key or a
    token. With `retry_after`, asking sooner than in so many seconds is in vain.
    """

    def __init__(self, status: int, words: str, detail: str = "", retry_after: int = 0) -> None:
        self.status = status
        self.words = words
        self.retry_after = retry_after
        super().__init__(f"{words} ({detail})" if detail else words)


class _Answer(msgspec.Struct):
    token: str | None = None
    expires_in_seconds: int | None = None
    error: Any = None


class Vendor:
    """Mints tokens with the API key; any thread may ask.

    Args:
        key: returns the API key, or nothing where there is none; asked for each token.
        url: the vendor's token endpoint.
        expires_in: seconds within which a token must be used, 1 to 600.
        longest_session: seconds that its session may last, 60 to 10800.
        ca_file: certificates to trust instead of the system's.
        clock: monotonic seconds.
    """

    def __init__(
        self,
        key: Callable[[], str],
        url: str = VENDOR,
        expires_in: int = 60,
        longest_session: int = 10_800,
        ca_file: str | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._key = key
        self._url = url
        self._wanted = {
            "expires_in_seconds": str(expires_in),
            "max_session_duration_seconds": str(longest_session),
        }
        self._expires_in = expires_in
        self._clock = clock
        # Read once: the system's certificates take longer to load than a token takes to come.
        self._pool = urllib3.PoolManager(ssl_context=ssl.create_default_context(cafile=ca_file))

    def key(self) -> str:
        """Return the API key.

        Raises:
            RefusalError: there is none, or what there is can't be one.
        """
        key = self._key()
        if not key:
            raise RefusalError(503, "No API key", "the token server has none")
        if not re.fullmatch(r"[!-~]+", key):
            raise RefusalError(503, "No API key", "what the token server has can't be one")
        return key

    def mint(self) -> Token:
        """Return a new token; blocks for some seconds at most.

        Raises:
            RefusalError: there is no key, or the vendor gave no token.
        """
        key = self.key()
        try:
            status, answer = self._ask(key)
        except (urllib3.exceptions.HTTPError, OSError) as error:
            # The exception's own text may hold the address; its cause is all that is needed.
            raise _unanswered(cause_of(error)) from None
        if status == 200 and answer.token and not answer.error:
            return Token(answer.token, answer.expires_in_seconds or self._expires_in)
        raise _refused(status, redact(answer.error or "no words", key, answer.token))

    def _ask(self, key: str) -> tuple[int, _Answer]:
        response = self._pool.request(
            "GET",
            self._url,
            fields=self._wanted,
            # Tokens are asked for seldom, and a connection that slept for an hour may be dead
            # without knowing it: a press would wait for its time-out.
            headers={"Authorization": key, "Connection": "close"},
            timeout=urllib3.Timeout(connect=CONNECT_TIMEOUT, read=ANSWER_TIMEOUT),
            retries=False,
            redirect=False,  # the key goes only where its owner said
            preload_content=False,
        )
        with response:
            pieces = iter(lambda: response.read1(MAX_BODY), b"")
            return response.status, read_json(pieces, _Answer, ANSWER_TIMEOUT, self._clock)


def _unanswered(cause: Cause) -> RefusalError:
    if cause is Cause.TIMEOUT:
        return RefusalError(504, "Service is too slow", "the vendor did not answer in time")
    return RefusalError(502, "Service out of reach", f"the vendor: {cause.value}")


def _refused(status: int, said: str) -> RefusalError:
    """Return the vendor's refusal with a status that an appliance makes the best of.

    What only the owner can mend must not look like a fault that passes, or the appliances hammer.
    """
    detail = f"the vendor: {status}, {said}"
    denied = status in (401, 403)
    if status == 402 or (denied and re.search(NO_CREDIT, said, re.IGNORECASE)):
        return RefusalError(402, "No credit left", detail)
    if status == 429 or (denied and re.search(BUSY, said, re.IGNORECASE)):
        return RefusalError(429, "Service is busy", detail)
    if denied and "disabled" in said.lower():
        return RefusalError(403, "Account disabled", detail)
    if denied:
        return RefusalError(403, "API key refused", detail)
    if status in (400, 422):
        return RefusalError(400, "Setting refused", detail)
    return RefusalError(502, "Service fault", detail)
