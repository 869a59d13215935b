import socket
import ssl

import pytest
import requests
import websocket

from appliance.core.network_errors import Cause, cause_of


def certificate_error(code: int) -> ssl.SSLCertVerificationError:
    error = ssl.SSLCertVerificationError(1, "certificate verify failed")
    error.verify_code = code
    return error


def wrapped(error: BaseException) -> Exception:
    """Return a failed request as `requests` reports it, with the reason deep inside."""
    return requests.ConnectionError(requests.exceptions.RetryError(error))


@pytest.mark.parametrize(
    ("error", "cause"),
    [
        (socket.gaierror(-3, "Temporary failure in name resolution"), Cause.DNS),
        (websocket.WebSocketAddressException(socket.gaierror(-2, "unknown")), Cause.DNS),
        (wrapped(socket.gaierror(-2, "unknown")), Cause.DNS),
        (certificate_error(9), Cause.CLOCK),
        (wrapped(certificate_error(9)), Cause.CLOCK),
        (certificate_error(18), Cause.CERTIFICATE),
        (TimeoutError("timed out"), Cause.TIMEOUT),
        (requests.ReadTimeout(), Cause.TIMEOUT),
        (requests.ConnectTimeout(), Cause.TIMEOUT),
        (ConnectionResetError(104, "reset"), Cause.NETWORK),
        (websocket.WebSocketConnectionClosedException("lost"), Cause.NETWORK),
        (ValueError("Port out of range 0-65535"), Cause.UNUSABLE),
        (requests.exceptions.InvalidURL("no host"), Cause.UNUSABLE),
        (UnicodeEncodeError("latin-1", "\ufeff", 0, 1, "ordinal not in range"), Cause.UNUSABLE),
    ],
)
def test_the_cause_is_found_in_the_exception(error: BaseException, cause: Cause) -> None:
    assert cause_of(error) is cause


def test_a_timeout_that_was_translated_is_still_one() -> None:
    translated = websocket.WebSocketTimeoutException("Connection timed out")
    translated.__context__ = TimeoutError()
    assert cause_of(translated) is Cause.TIMEOUT


def test_exceptions_that_hold_each_other_do_not_loop() -> None:
    one, other = OSError(), OSError()
    one.__cause__, other.__cause__ = other, one
    assert cause_of(one) is Cause.NETWORK
