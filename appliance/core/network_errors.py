"""Causes of network failures, and patterns in the vendor's error texts."""

import enum
import socket

from appliance.core.late_imports import import_lock

BUSY = r"concurrent|too many|\brate[ _-]?limit"
"""Regular expression for the vendor's ways to say: too many sessions."""

NO_CREDIT = r"funds?\b|balance\b|credit|billing|payment"
"""Regular expression for the vendor's ways to say: no money left."""

DISABLED = "disabled|deactivated|suspended"
"""Regular expression for the vendor's ways to say: it has closed the account."""

KEY_REFUSED = (
    r"\b(un|not )auth(ori[sz]|enticat)ed\b|\bforbidden\b|\bapi[ _-]?key\b"
    r"|\bauth(entication|ori[sz]ation)\b|\bcredentials?\b"
)
"""Regular expression for the vendor's ways to say: the key is not a valid one."""


PROXY_LOGIN_REQUIRED = "Tunnel connection failed: 407"
"""What http.client says when a proxy does not admit us."""


NOT_TLS = ("WRONG_VERSION_NUMBER", "HTTP_REQUEST", "PACKET_LENGTH_TOO_LONG")
"""OpenSSL's reasons for an answer that is no TLS, such as a page over plain HTTP."""


class Cause(enum.Enum):
    """Reason for a failure that came without an HTTP status or close code."""

    DNS = "name not found"
    TIMEOUT = "no answer in time"
    CLOCK = "certificate not yet valid"
    CERTIFICATE = "certificate refused"
    EXPIRED = "certificate expired"
    NO_TLS = "an answer without encryption"
    CA_FILE = "a file of certificates that can't be used"
    NETWORK = "network error"
    NO_TOKEN = "answer without a token"
    NO_KEY = "neither an API key nor a token server is set"
    LEAD_LIMIT = "this connection may get no further ahead of real time"
    UNACKNOWLEDGED = "the service acknowledges no audio any more"
    DEAF = "the service made no words of speech"
    UNUSABLE = "an address or a key that can't be used"
    PROXY = "a proxy that can't be used"
    PROXY_LOGIN = "the proxy asks for a name and a password"
    PROXY_REFUSES = "the proxy does not let the connection through"
    TOO_MUCH = "more data than may be"
    NEVER_BEGAN = "ended before it began"


class TooMuchError(OSError):
    """A peer sends more than it may."""


class UnusableCertificatesError(OSError):
    """A file of certificates that the owner named can't be read, or holds none."""


class ProxyRefusedError(OSError):
    """The proxy answers something other than a way to the service, such as 403 or a page."""


class UnusableProxyError(ValueError):
    """The environment names a proxy that can't be used; the message never holds its password."""


def cause_of(error: BaseException) -> Cause:
    """Return why a request or connection failed.

    The exception itself counts, and every exception that it was raised from.

        >>> cause_of(TimeoutError("timed out"))
        <Cause.TIMEOUT: 'no answer in time'>
    """
    with import_lock:
        import ssl  # noqa: PLC0415 - OpenSSL takes megabytes, and the table of outcomes needs none

    for link in _chain(error):
        if isinstance(link, ProxyRefusedError):
            break
        if isinstance(link, socket.gaierror):
            return Cause.DNS
        if isinstance(link, ssl.SSLCertVerificationError):
            # X509_V_ERR_... of OpenSSL. A Pi without a clock lives in the past.
            return {9: Cause.CLOCK, 10: Cause.EXPIRED}.get(link.verify_code, Cause.CERTIFICATE)
        if isinstance(link, ssl.SSLError) and link.reason in NOT_TLS:
            return Cause.NO_TLS
        if isinstance(link, (TooMuchError, UnusableCertificatesError)):
            return Cause.TOO_MUCH if isinstance(link, TooMuchError) else Cause.CA_FILE
        if isinstance(link, TimeoutError) or type(link).__name__.endswith(
            ("Timeout", "TimeoutError")
        ):
            return Cause.TIMEOUT
    # An invalid address, or a key that fits no header, shows while the request is built.
    otherwise = Cause.UNUSABLE if isinstance(error, ValueError) else Cause.NETWORK
    return _proxy_cause(error) or otherwise


def _proxy_cause(error: BaseException) -> Cause | None:
    """Return why the proxy is of no use, if that is why a request or connection failed."""
    if any(PROXY_LOGIN_REQUIRED in str(link) for link in _chain(error)):
        return Cause.PROXY_LOGIN
    if any(isinstance(link, ProxyRefusedError) for link in _chain(error)):
        return Cause.PROXY_REFUSES
    return Cause.PROXY if _concerns_proxy(error) else None


def _concerns_proxy(error: BaseException) -> bool:
    """Return whether the proxy's address is invalid, not that of the service.

    requests has an exception of its own for some of these cases. For the rest it says "SOCKS", or
    complains of an address although the request, with its own address, was complete.
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
    """Return the exception and all that it was raised from, with those wrapped by requests."""
    chain: list[BaseException] = []
    pending: list[object] = [error]
    while pending:
        link = pending.pop(0)
        if isinstance(link, BaseException) and link not in chain:
            chain.append(link)
            pending += [link.__cause__, link.__context__, getattr(link, "reason", None), *link.args]
    return chain
