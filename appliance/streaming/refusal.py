"""Refusal of a handshake: what an answer over HTTP means."""

import math

import websocket

from appliance.core.json_response import Explained, read_json, redact
from appliance.streaming.login_page import may_be_login_page
from appliance.streaming.outcomes import Outcome, Stage

SWITCHING = 101
"""HTTP status of a handshake that the service accepts."""


def refusal(
    url: str, error: BaseException | None, status: int | None, token: str
) -> Outcome | None:
    """Return the outcome of a handshake that was answered over HTTP, if it was.

    Args:
        url: the service's address.
        error: what the WebSocket library raised.
        status: the HTTP status, where it raised none.
        token: what must not stand in the outcome.
    """
    if isinstance(error, websocket.WebSocketBadStatusException):
        body = error.resp_body
        text = redact(read_json([body or b""], Explained, math.inf).words, token)
        kind = (error.resp_headers or {}).get("content-type", "")
        foreign = not text and may_be_login_page(
            url, error.status_code, kind, body, gives_reasons=False
        )
        return Outcome(Stage.HANDSHAKE, error.status_code, text, foreign=foreign)
    if status in (None, SWITCHING):
        return None
    return Outcome(Stage.HANDSHAKE, status, foreign=may_be_login_page(url, status, "", None))
