"""Source of temporary tokens; each opens one connection (the protocol's "Temporary token")."""

import re
import time
from collections.abc import Callable
from functools import partial
from urllib.parse import SplitResult, urlsplit, urlunsplit

import requests

from appliance.core.json_response import Explained, TokenText, read_json, redact
from appliance.core.network_errors import Cause, cause_of
from appliance.settings.schema import ServiceSettings
from appliance.settings.secrets import api_key, fallback_token_secret, token_secret
from appliance.streaming.login_page import may_be_login_page, noting_beginning
from appliance.streaming.outcomes import Outcome, Stage
from appliance.system.http_client import request
from appliance.system.time_limit import TimeLimit

CONNECT_TIMEOUT = 5.0
"""Seconds to connect to a token endpoint."""

ANSWER_TIMEOUT = 8.0
"""Seconds to wait for an answer, and for each part of it."""

TOKEN_TIMEOUT = 12.0
"""Seconds for a token at most."""


class TokenError(Exception):
    """There is no token; `outcome` says why. Never holds a key or a token."""

    def __init__(self, outcome: Outcome) -> None:
        self.outcome = outcome
        super().__init__(str(outcome))


class _Answer(Explained):
    token: TokenText | None = None


class TokenSource:
    """Fetches tokens from the owner's token server, or from the service with the API key.

    With `token_url` set, the device needs no key. Files are read at each fetch, so that a corrected
    key works without a restart. Tokens of the fallback come from `fallback_token_url`, or else from
    `/token` beside `fallback_url`; the key never goes there, and the fallback's own secret goes
    nowhere else.

        token = TokenSource(settings).fetch()

    Args:
        settings: where the services are, and the files with the secrets.
        get: requests a URL, in place of an HTTP request.
        clock: monotonic seconds.
        fallback: whether the tokens are for the fallback.
        limit: ends a fetch, too.
        timeout: seconds for a token, from the look-up of the name to the last byte.
    """

    def __init__(
        self,
        settings: ServiceSettings,
        get: Callable[..., requests.Response] | None = None,
        clock: Callable[[], float] = time.monotonic,
        *,
        fallback: bool = False,
        limit: TimeLimit | None = None,
        timeout: float = TOKEN_TIMEOUT,
    ) -> None:
        self._settings = settings
        self._timeout = timeout
        self._limit = limit
        self._get = get
        self._clock = clock
        self._fallback = fallback

    def fetch(self, within: float | None = None) -> str:
        """Return a new token; blocks for `timeout` seconds at most, or for `within`.

        Raises:
            TokenError: there is no key, no answer, a refusal, or an answer without a token.
        """
        try:
            url, headers = self._request()
            total = _limited(self._timeout, within)
            answer_timeout = _limited(ANSWER_TIMEOUT, within)
            with (
                TimeLimit(total, self._limit) as limit,
                (self._get or partial(request, "GET", limit=limit))(
                    url,
                    headers=headers,
                    timeout=(_limited(CONNECT_TIMEOUT, within), answer_timeout),
                    ca_file=self._settings.ca_file,
                ) as response,
            ):
                beginning = bytearray()
                pieces = noting_beginning(response.iter_content(1), beginning)
                answer = read_json(pieces, _Answer, answer_timeout, self._clock)
        except (OSError, ValueError) as error:
            # The exception's own text may hold the URL; its cause is enough.
            raise TokenError(Outcome(Stage.TOKEN, cause=cause_of(error))) from None
        secrets = [header.rpartition(" ")[2] for header in headers.values()]
        text = redact(answer.words, *secrets, answer.token)
        status, kind = response.status_code, response.headers.get("Content-Type", "")
        says_nothing = not (answer.words or answer.token)
        foreign = says_nothing and may_be_login_page(url, status, kind, bytes(beginning))
        if not response.ok or response.is_redirect:
            raise TokenError(Outcome(Stage.TOKEN, status, text, foreign=foreign))
        if answer.error or not (answer.token and answer.token.strip()):
            cause = Cause.NO_TOKEN
            raise TokenError(Outcome(Stage.TOKEN, text=text, cause=cause, foreign=foreign))
        return answer.token

    def _request(self) -> tuple[str, dict[str, str]]:
        """Return the address and headers to ask with."""
        settings = self._settings
        if self._fallback:
            url = settings.fallback_token_url or _token_url_beside(settings.fallback_url)
            return url, _bearer(_fallback_secret(url, settings))
        if settings.token_url:
            return settings.token_url, _bearer(token_secret(settings.token_secret_file))
        key = api_key(settings.api_key_file)
        if not key:
            raise TokenError(Outcome(Stage.TOKEN, cause=Cause.NO_KEY))
        return _vendor_token_url(settings.url), {"Authorization": key}


def _vendor_token_url(service_url: str) -> str:
    """Return the token endpoint beside the service's `/v3/ws`."""
    parts = urlsplit(service_url)
    path = parts.path.rsplit("/", 1)[0] + "/token"
    return _over_http(parts, path, "expires_in_seconds=60")


def _token_url_beside(service_url: str) -> str:
    """Return the token server that a local service is itself, beside its `/v3/ws`."""
    parts = urlsplit(service_url)
    return _over_http(parts, re.sub(r"(/v3)?/[^/]*$", "", parts.path) + "/token")


def _over_http(parts: SplitResult, path: str, query: str = "") -> str:
    """Return the address of this path on the service's machine, with TLS if the service has it."""
    scheme = "https" if parts.scheme == "wss" else "http"
    return urlunsplit((scheme, parts.netloc, path, query, ""))


def _fallback_secret(url: str, settings: ServiceSettings) -> str:
    """Return the secret for the fallback's token: its own, or else the token server's."""
    own = fallback_token_secret(settings.fallback_token_secret_file)
    return own or (token_secret(settings.token_secret_file) if _is_known(url, settings) else "")


def _is_known(url: str, settings: ServiceSettings) -> bool:
    """Return whether `url` is at the token server that `token_secret_file` is for.

    That is the server at `token_url`, or at `fallback_token_url` where no other is set. No other
    server may see the secret.
    """
    asked, known = urlsplit(url), urlsplit(settings.token_url or settings.fallback_token_url)
    return (asked.scheme, asked.netloc) == (known.scheme, known.netloc)


def _bearer(secret: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {secret}"} if secret else {}


def _limited(seconds: float, within: float | None) -> float:
    """Return the time limit, at most `within`; requests refuses one of zero."""
    return seconds if within is None else min(seconds, max(within, 0.1))
