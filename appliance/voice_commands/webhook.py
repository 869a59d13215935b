"""Webhooks: what was said, posted as JSON to an address that the settings name."""

import logging
from collections.abc import Callable
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import msgspec

from appliance.core.errors import ActionError
from appliance.core.network_errors import Cause, cause_of

if TYPE_CHECKING:
    import requests

log = logging.getLogger(__name__)

TIME_OUT = (4.0, 4.0)
"""Seconds to connect, seconds to wait for the answer."""


class Message(msgspec.Struct, frozen=True):
    """The JSON that is posted: who heard which command, the words of the turn, and when.

    `time` is ISO 8601 with an offset.
    """

    appliance: str
    command: str
    words: str
    time: str


def host_of(url: str) -> str:
    """Return the host of an address: all of it that may be shown, for the rest may be secret."""
    try:
        return urlsplit(url).hostname or "the webhook"
    except ValueError:
        return "the webhook"


def call(
    url: str, message: Message, http: "Callable[..., requests.Response] | None" = None
) -> None:
    """Post a message; blocks for some seconds, longer if the answer drips in.

    It goes to this address alone: redirections are not followed. Certificates are checked against
    the usual authorities; `service.ca_file` is for the transcription service.

    Args:
        url: where to.
        message: what.
        http: in place of `requests.post`.

    Raises:
        ActionError: there is no answer, or one that is no success.
    """
    import requests  # noqa: PLC0415 - slow to load, and most boxes have no webhook

    host = host_of(url)
    try:
        with (http or requests.post)(
            url,
            data=msgspec.json.encode(message),
            headers={"Content-Type": "application/json"},
            timeout=TIME_OUT,
            allow_redirects=False,
            stream=True,  # the answer's body is of no interest
        ) as response:
            status = response.status_code
    except (requests.RequestException, OSError, ValueError) as error:
        # The exception's own text may hold the address; its cause is all that is needed.
        cause = cause_of(error)
        log.info("%s: %s", host, cause.value)
        if isinstance(error, requests.ReadTimeout):
            # Whoever asks again should know that it may have been done.
            raise ActionError(f"sent, no answer from {host}") from None
        raise ActionError(_failure(cause, host)) from None
    if not 200 <= status < 300:
        raise ActionError(f"{host} says {status}")


def _failure(cause: Cause, host: str) -> str:
    """Return what the person is told."""
    if cause is Cause.UNUSABLE:
        return "its address is wrong"
    if cause is Cause.CLOCK:
        return "the clock is not set"
    return f"{host} is not trusted" if cause is Cause.CERTIFICATE else f"no answer from {host}"
