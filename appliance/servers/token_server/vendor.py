"""Client of the vendor's token endpoint (the protocol's "Temporary token")."""

import asyncio
import re
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import msgspec
import urllib3

from appliance.core.json_response import MAX_BODY, Explained, TokenText, read_json, redact
from appliance.core.network_errors import BUSY, DISABLED, KEY_REFUSED, NO_CREDIT, Cause, cause_of
from appliance.system.http_client import pool_manager
from appliance.system.proxy import proxy_for
from appliance.system.time_limit import TimeLimit
from appliance.system.trust import tls_context

VENDOR_URL = "https://streaming.assemblyai.com/v3/token"

CONNECT_TIMEOUT = 3.0
"""Seconds to connect to the vendor."""

ANSWER_TIMEOUT = 5.0
"""Seconds to wait for the vendor's answer, and for each part of it."""

MINT_TIMEOUT = 6.5
"""Seconds for a token, from the look-up of the name to the last byte; and seconds that a request
may wait for it, including for a free thread.

An appliance waits 8 s for the token server: it must learn before that the vendor was too slow.
"""

MINT_THREADS = 64
"""Requests to the vendor at a time; with answers after 100 ms that is 640 tokens a second."""


class Token(msgspec.Struct, frozen=True):
    """A temporary token, to be used within `expires_in_seconds`."""

    token: str
    expires_in_seconds: int


class TokenRefusedError(Exception):
    """There is no token for a request.

    `status` (HTTP) and `reason` go to the appliance, `detail` goes to the log; none contains a key
    or a token. `retry_after` is the number of seconds before which another request is pointless;
    0 if unknown.
    """

    def __init__(self, status: int, reason: str, detail: str = "", retry_after: int = 0) -> None:
        self.status = status
        self.reason = reason
        self.retry_after = retry_after
        super().__init__(f"{reason} ({detail})" if detail else reason)


class _Answer(Explained):
    token: TokenText | None = None
    expires_in_seconds: int | None = None


class Vendor:
    """The vendor's token endpoint, used with the API key; any thread may call it.

    Args:
        key: returns the API key, or "" if there is none; called for each token.
        url: the vendor's token endpoint.
        expires_in: seconds within which a token must be used, 1 to 600.
        max_session_duration: seconds that the token's session may last, 60 to 10800.
        ca_file: more authorities to trust.
        clock: monotonic seconds.
        timeout: seconds for a token.
    """

    def __init__(
        self,
        key: Callable[[], str],
        url: str = VENDOR_URL,
        expires_in: int = 60,
        max_session_duration: int = 10_800,
        ca_file: str | None = None,
        clock: Callable[[], float] = time.monotonic,
        timeout: float = MINT_TIMEOUT,
    ) -> None:
        self._timeout = timeout
        self._key = key
        self._url = url
        self._parameters = {
            "expires_in_seconds": str(expires_in),
            "max_session_duration_seconds": str(max_session_duration),
        }
        self._expires_in = expires_in
        self._clock = clock
        self._ca_file = ca_file or ""
        tls_context(self._ca_file)  # a file that can't be read shows at the start

    def key(self) -> str:
        """Return the API key.

        Raises:
            TokenRefusedError: there is none, or it contains characters that no key has.
        """
        key = self._key()
        if not key:
            raise TokenRefusedError(503, "No API key", "the token server has no API key")
        if not re.fullmatch(r"[!-~]+", key):
            raise TokenRefusedError(
                503, "No API key", "the token server's key contains characters that no key has"
            )
        return key

    def mint(self) -> Token:
        """Return a new token; blocks for `timeout` seconds at most.

        Raises:
            TokenRefusedError: there is no key, or the vendor gave no token.
        """
        key = self.key()
        try:
            status, answer = self._request(key)
        except (urllib3.exceptions.HTTPError, OSError, ValueError) as error:
            # The exception's text may contain the address; its cause is enough.
            raise _unanswered(cause_of(error)) from None
        if status == 200 and answer.token and not answer.error:
            return Token(answer.token, answer.expires_in_seconds or self._expires_in)
        raise _refused(status, redact(answer.words or "no words", key, answer.token))

    def _request(self, key: str) -> tuple[int, _Answer]:
        proxy = proxy_for(self._url)
        with TimeLimit(self._timeout) as limit, pool_manager(limit, self._ca_file, proxy) as pool:
            return self._answer(pool, key)

    def _answer(self, pool: urllib3.PoolManager, key: str) -> tuple[int, _Answer]:
        response = pool.request(
            "GET",
            self._url,
            fields=self._parameters,
            # Requests are rare, and a connection that was idle for an hour may be dead without
            # notice: the next press would then wait for a timeout.
            headers={"Authorization": key, "Connection": "close"},
            timeout=urllib3.Timeout(connect=CONNECT_TIMEOUT, read=ANSWER_TIMEOUT),
            retries=False,
            redirect=False,  # the key goes only to the configured address
            preload_content=False,
        )
        with response:
            pieces = iter(lambda: response.read1(MAX_BODY), b"")
            return response.status, read_json(pieces, _Answer, ANSWER_TIMEOUT, self._clock)


class MintingPool:
    """Threads "mint" in which tokens are minted, for callers on an event loop.

    Args:
        mint: returns a new token, as `Vendor.mint` does.
        timeout: seconds that a caller waits at most.
    """

    def __init__(self, mint: Callable[[], Token], timeout: float = MINT_TIMEOUT) -> None:
        self._mint = mint
        self._timeout = timeout
        # Its queue needs no bound: each connection has one request, and connections are limited.
        self._threads = ThreadPoolExecutor(MINT_THREADS, thread_name_prefix="mint")

    async def mint(self) -> Token:
        """Return a new token.

        Raises:
            TokenRefusedError: the vendor gave none, or not in time.
        """
        minting = asyncio.get_running_loop().run_in_executor(self._threads, self._mint)
        try:
            return await asyncio.wait_for(minting, self._timeout)
        except TimeoutError:
            # The thread is busy until its own timeout, so there are never more than MINT_THREADS.
            raise TokenRefusedError(504, "Service is too slow", "no token in time") from None

    def close(self) -> None:
        """End the threads; those with a request wait for its answer or timeout."""
        self._threads.shutdown(cancel_futures=True)


def _unanswered(cause: Cause) -> TokenRefusedError:
    if cause is Cause.TIMEOUT:
        return TokenRefusedError(504, "Service is too slow", "the vendor did not answer in time")
    return TokenRefusedError(502, "Service out of reach", f"the vendor: {cause.value}")


def _refused(status: int, text: str) -> TokenRefusedError:
    """Return the vendor's refusal with the status to which an appliance reacts best.

    A fault that only the owner can repair must not look transient, or appliances keep retrying.
    """
    detail = f"the vendor: {status}, {text}"
    denied = status in (401, 403)
    explained = denied or status in (200, 400)  # an error may come with status 200
    if status == 402 or (explained and re.search(NO_CREDIT, text, re.IGNORECASE)):
        return TokenRefusedError(402, "No credit left", detail)
    if status == 429 or (explained and re.search(BUSY, text, re.IGNORECASE)):
        return TokenRefusedError(429, "Service is busy", detail)
    if explained and re.search(DISABLED, text, re.IGNORECASE):
        return TokenRefusedError(403, "Account disabled", detail)
    if denied or (explained and re.search(KEY_REFUSED, text, re.IGNORECASE)):
        return TokenRefusedError(403, "API key refused", detail)
    if status in (400, 422):
        return TokenRefusedError(400, "Setting refused", detail)
    return TokenRefusedError(502, "Service fault", detail)
