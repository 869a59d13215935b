"""Causes of failed requests and connections."""

import enum
import socket

BUSY = "concurrent|too many"
"""A pattern of the vendor's words for: too many sessions."""

NO_CREDIT = "fund|balance|credit|billing|payment"
"""A pattern of the vendor's words for: no money left."""


class Cause(enum.Enum):
    """Why there is no code: nothing on the other side gave one."""

    DNS = "name not found"
    TIMEOUT = "no answer in time"
    CLOCK = "certificate not yet valid"
    CERTIFICATE = "certificate refused"
    NETWORK = "network error"
    BAD_ANSWER = "answer without a token"
    NO_KEY = "neither an API key nor a token server is set"
    HELD_BACK = "no further ahead on this connection"
    UNUSABLE = "an address or a key that can't be used"
    PROXY = "a proxy that can't be used"
    NEVER_BEGAN = "ended before it began"


class UnusableProxyError(ValueError):
    """The environment names a proxy that nobody can go through; never holds its password."""


def cause_of(error: BaseException) -> Cause:
    """Return why a request or connection failed, from the exception or what it was raised from."""
    import ssl  # noqa: PLC0415 - with OpenSSL it is megabytes, and the table does without

    for link in _chain(error):
        if isinstance(link, socket.gaierror):
            return Cause.DNS
        if isinstance(link, ssl.SSLCertVerificationError):
            # OpenSSL's X509_V_ERR_CERT_NOT_YET_VALID: a Pi without a clock lives in the past.
            return Cause.CLOCK if link.verify_code == 9 else Cause.CERTIFICATE
        if isinstance(link, FileNotFoundError) or "CA certificate" in str(link):
            return Cause.CERTIFICATE  # the owner's ca_file is not there
        if isinstance(link, TimeoutError) or type(link).__name__.endswith(
            ("Timeout", "TimeoutError")
        ):
            return Cause.TIMEOUT
    if _is_of_proxy(error):
        return Cause.PROXY
    # What is no address, or no text for a header, is found while it is put together.
    return Cause.UNUSABLE if isinstance(error, ValueError) else Cause.NETWORK


def _is_of_proxy(error: BaseException) -> bool:
    """Tell whether the proxy's address, not that of the service, is the one that is none.

    requests has an exception of its own for some of this. For the rest it says "SOCKS", or
    complains of an address when the request, with its own, was complete.
    """
    match type(error).__name__:
        case "UnusableProxyError" | "InvalidProxyURL":
            return True
        case "InvalidSchema":
            return "SOCKS" in str(error)
        case "InvalidURL":
            return getattr(error, "request", None) is not None
    return False


def _chain(error: BaseException) -> list[BaseException]:
    """Return the exception and all it was raised from or with, requests' wrapped reasons too."""
    chain: list[BaseException] = []
    pending: list[object] = [error]
    while pending:
        link = pending.pop(0)
        if isinstance(link, BaseException) and link not in chain:
            chain.append(link)
            pending += [link.__cause__, link.__context__, getattr(link, "reason", None), *link.args]
    return chain
