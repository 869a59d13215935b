"""The `webhook` action: posts what was said as JSON to an address of the settings."""

import logging
from collections.abc import Callable
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import msgspec

from appliance.core.errors import ActionError
from appliance.core.late_imports import import_lock
from appliance.core.network_errors import Cause, cause_of
from appliance.settings.commands import Webhook
from appliance.voice_commands.actions.action import ActionRequest, Surroundings

if TYPE_CHECKING:
    import requests

log = logging.getLogger(__name__)

REQUEST_TIMEOUT = (4.0, 4.0)
"""Seconds to connect, seconds to wait for each part of the answer."""


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
    url: str, message: Message, http: "Callable[..., requests.Response] | None" = None
) -> None:
    """Post a message; blocks for some seconds, or longer if the answer comes byte by byte.

    Redirections are not followed. Certificates are checked against
    the usual authorities; `service.ca_file` is for the transcription service.

    Args:
        url: the address.
        message: the body.
        http: in place of `requests.post`.

    Raises:
        ActionError: there is no answer, or one that is no success.
    """
    with import_lock:
        # Slow to load, and most boxes have no webhook; requests loads netrc only once it asks.
        import netrc  # noqa: F401, PLC0415 - see above

        import requests  # noqa: PLC0415 - see above

    host = host_of(url)
    try:
        with (http or requests.post)(
            url,
            data=msgspec.json.encode(message),
            headers={"Content-Type": "application/json"},
            timeout=REQUEST_TIMEOUT,
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
    """Return the reason in words for the screen."""
    if cause is Cause.UNUSABLE:
        return "its address is wrong"
    if cause is Cause.CLOCK:
        return "the clock is not set"
    return f"{host} is not trusted" if cause is Cause.CERTIFICATE else f"no answer from {host}"
