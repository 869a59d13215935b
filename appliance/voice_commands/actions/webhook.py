"""The `webhook` action: posts what was said as JSON to an address of the settings."""

import logging
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import msgspec

from appliance.core.errors import ActionError
from appliance.core.late_imports import import_lock
from appliance.core.network_errors import Cause, cause_of
from appliance.settings.commands import Webhook
from appliance.system.time_limit import TimeLimit
from appliance.voice_commands.actions.action import ActionRequest, Surroundings

if TYPE_CHECKING:
    import requests

log = logging.getLogger(__name__)

REQUEST_TIMEOUT = (4.0, 4.0)
"""Seconds to connect, seconds to wait for each part of the answer."""

TOTAL_TIMEOUT = 8.0
"""Seconds for all of it, however the host's answer trickles in."""


class Message(msgspec.Struct, frozen=True):
    """The JSON that is posted: who heard which command, the words of the turn, and when.

    `time` is ISO 8601 with an offset.
    """

    appliance: str
    command: str
    words: str
    time: str


class WebhookHost:
    """One host. The words go into the body of the request and nowhere else."""

    def __init__(self, command: Webhook, surroundings: Surroundings) -> None:  # noqa: ARG002
        self.limit = surroundings.limit
        self._surroundings = surroundings

    @staticmethod
    def name_of(command: Webhook) -> str:
        """Return the host's name."""
        return host_of(command.url)

    def perform(self, command: Webhook, request: ActionRequest) -> None:
        """Post the words.

        Raises:
            ActionError: there is no answer, or one that is no success.
        """
        around = self._surroundings
        time_of_day = around.now().isoformat(timespec="seconds")
        message = Message(around.appliance, command.name, request.words, time_of_day)
        call(command.url, message, around.http)

    def close(self) -> None:
        """Do nothing: each request has a connection of its own."""


def host_of(url: str) -> str:
    """Return the host of an address; the rest of it may be secret and is never shown."""
    try:
        return urlsplit(url).hostname or "the webhook"
    except ValueError:
        return "the webhook"


def call(
    url: str,
    message: Message,
    http: "Callable[..., requests.Response] | None" = None,
    total_timeout: float = TOTAL_TIMEOUT,
) -> None:
    """Post a message; blocks for `total_timeout` seconds at most.

    Redirections are not followed. Certificates are checked against the usual authorities;
    `service.ca_file` is for the transcription service.

    Args:
        url: the address.
        message: the body.
        http: posts to a URL, in place of an HTTP request.
        total_timeout: seconds.

    Raises:
        ActionError: there is no answer, or one that is no success.
    """
    with import_lock:
        # Slow to load, and most boxes have no webhook.
        from appliance.system.http_client import request  # noqa: PLC0415 - see above

    try:
        with (
            TimeLimit(total_timeout) as limit,
            (http or partial(request, "POST", limit=limit))(
                url,
                data=msgspec.json.encode(message),
                headers={"Content-Type": "application/json"},
                timeout=REQUEST_TIMEOUT,
            ) as response,
        ):
            status = response.status_code  # the answer's body is of no interest
    except (OSError, ValueError) as error:
        raise ActionError(_failure(error, host_of(url), ran_out=limit.ran_out)) from None
    if not 200 <= status < 300:
        raise ActionError(f"{host_of(url)} says {status}")


def _failure(error: Exception, host: str, *, ran_out: bool) -> str:
    """Return why there is no answer, in words for the screen.

    The exception's own text may hold the address; its cause is all that is needed.
    """
    with import_lock:
        import requests  # noqa: PLC0415 - see above

    cause = cause_of(error)
    log.info("%s: %s", host, cause.value)
    if ran_out or isinstance(error, requests.ReadTimeout):
        # Whoever asks again should know that it may have been done.
        return f"sent, no answer from {host}"
    if cause is Cause.UNUSABLE:
        return "its address is wrong"
    if cause is Cause.CLOCK:
        return "the clock is not set"
    untrusted = cause in (Cause.CERTIFICATE, Cause.EXPIRED, Cause.CA_FILE)
    return f"{host} is not trusted" if untrusted else f"no answer from {host}"
