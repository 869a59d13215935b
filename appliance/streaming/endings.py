"""How a try at the service can end, what is done about each, and the words the OLED shows.

`TABLE` is all there is to know: the first rule that fits an ending is its answer. The codes are
those of the protocol's "How sessions end".
"""

import enum
import re
import socket
from collections.abc import Collection

import msgspec

from appliance.events import Fault


class Stage(enum.Enum):
    """What was being done when it ended."""

    TOKEN = "fetching a token"
    HANDSHAKE = "connecting"
    SESSION = "in the session"


class Cause(enum.Enum):
    """Why there is no code: nothing on the other side gave one."""

    DNS = "name not found"
    TIME_OUT = "no answer in time"
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


class Ending(msgspec.Struct, frozen=True):
    """How a try ended: with an HTTP status or close code (and its text), or with a cause."""

    stage: Stage
    code: int | None = None
    text: str = ""
    cause: Cause | None = None

    def __str__(self) -> str:
        """Return the ending for the log."""
        why = str(self.code) if self.code is not None else (self.cause or Cause.NETWORK).value
        return f"{self.stage.value}: {why}" + (f", {self.text}" if self.text else "")


class Answer(enum.Enum):
    """What is done after an ending."""

    RECONNECT = "soon: it costs nothing to ask a network that is away"
    RETRY = "after a growing delay: the service has a fault"
    AT_ONCE = "a new connection at once, unnoticed"
    SLOWER = "a new connection at once, with audio sent slower"
    NEW_TOKEN = "once with a new token, then as for the owner"
    WAIT = "later: the service has no room for another session now"
    OWNER = "seldom: it only works once the owner has mended something"


class Rule(msgspec.Struct, frozen=True):
    """An answer for every ending at one of `stages`, by one of `on`, whose text has `pattern`.

    `what` and `remedy` are the words on the OLED; without them the person need not notice.
    """

    stages: tuple[Stage, ...]
    on: Collection[int | Cause]
    answer: Answer
    what: str = ""
    remedy: str = ""
    pattern: str = ""

    def fits(self, ending: Ending) -> bool:
        """Tell whether this rule is about that ending."""
        return (
            ending.stage in self.stages
            and (ending.code in self.on or ending.cause in self.on or not self.on)
            and re.search(self.pattern, ending.text, re.IGNORECASE) is not None
        )


ANYTHING: Collection[int | Cause] = ()
AWAY: Collection[int | Cause] = (1006, Cause.NETWORK, Cause.TIME_OUT)
NOT_THERE: Collection[int | Cause] = (404, 405, 410)
SERVER_ERROR: Collection[int | Cause] = range(500, 600)

TOKEN = (Stage.TOKEN,)
HANDSHAKE = (Stage.HANDSHAKE,)
HTTP = (Stage.TOKEN, Stage.HANDSHAKE)
SESSION = (Stage.SESSION,)
ANYWHERE = tuple(Stage)

CROWD = "concurrent|too many"
VENDOR_AWAY = "out of reach|too slow"
"""What a token server says of the service behind it."""

FUNDS = "fund|balance|credit|billing|payment"

UNREACHABLE = "Can't reach the service"

# fmt: off
TABLE = (
    # The service, over its WebSocket
    Rule(SESSION, (3008, 4031, Cause.HELD_BACK), Answer.AT_ONCE),
    Rule(SESSION, (3007,), Answer.SLOWER, pattern="rate"),
    Rule(SESSION, (4029,), Answer.SLOWER),
    Rule(SESSION, (3009,), Answer.WAIT, "Service is busy", "waiting for a place"),
    Rule(SESSION, (1008,), Answer.WAIT, "Service is busy", "waiting for a place", CROWD),
    Rule(SESSION, (1008, 4001), Answer.OWNER, "No credit left", "top up the account", FUNDS),
    Rule(SESSION, (4002,), Answer.OWNER, "No credit left", "top up the account"),
    Rule(SESSION, (1008,), Answer.OWNER, "Account disabled", "ask the service", "disabled"),
    Rule(SESSION, (1008, 4001), Answer.NEW_TOKEN, "Key refused", "run: appliance doctor"),
    Rule(SESSION, (4003,), Answer.OWNER, "Not in your plan", "check the settings"),
    Rule(SESSION, (3006,), Answer.OWNER, "Setting refused", "check the settings"),
    Rule(SESSION, (1011, 1012, 1013, 3005), Answer.RETRY, "Service fault", "trying again"),
    # The token server, the vendor's token endpoint, a handshake refused over HTTP
    Rule(TOKEN, (Cause.NO_KEY,), Answer.OWNER, "No API key", "set key or token_url"),
    Rule(TOKEN, (503,), Answer.OWNER, "No API key", "see the token server", "no api key"),
    Rule(TOKEN, (403,), Answer.OWNER, "Account disabled", "ask the service", "disabled"),
    Rule(TOKEN, (403,), Answer.OWNER, "Not admitted", "run: token-server add", "no appliance"),
    Rule(TOKEN, (401,), Answer.OWNER, "Secret refused", "put in the right one", "secret"),
    Rule(TOKEN, (401, 403), Answer.OWNER, "Key refused", "run: appliance doctor"),
    Rule(HANDSHAKE, (401, 403), Answer.NEW_TOKEN, "Key refused", "run: appliance doctor"),
    Rule(HTTP, (402,), Answer.OWNER, "No credit left", "top up the account"),
    Rule(TOKEN, NOT_THERE, Answer.OWNER, "Wrong address", "check token_url"),
    Rule(HANDSHAKE, NOT_THERE, Answer.OWNER, "Wrong address", "check service url"),
    Rule(HTTP, (429,), Answer.WAIT, "Service is busy", "waiting for a place"),
    Rule(HTTP, (400,), Answer.OWNER, "Setting refused", "check the settings"),
    Rule(TOKEN, (502, 504), Answer.RETRY, UNREACHABLE, "trying again", VENDOR_AWAY),
    Rule(TOKEN, SERVER_ERROR, Answer.RETRY, "Token server fault", "trying again"),
    Rule(TOKEN, (Cause.BAD_ANSWER,), Answer.RETRY, "No token", "check token server"),
    Rule(HANDSHAKE, SERVER_ERROR, Answer.RETRY, "Service fault", "trying again"),
    Rule(HTTP, (Cause.UNUSABLE,), Answer.OWNER, "Setting refused", "check address and key"),
    Rule(ANYWHERE, (Cause.PROXY,), Answer.OWNER, "Setting refused", "check the proxy"),
    # The network between
    Rule(ANYWHERE, (Cause.CLOCK,), Answer.RECONNECT, "Clock is not set", "waiting for the time"),
    Rule(ANYWHERE, (Cause.CERTIFICATE,), Answer.OWNER, "Service not trusted", "check ca_file"),
    Rule(ANYWHERE, (Cause.DNS,), Answer.RECONNECT, "No network", "check Wi-Fi or cable"),
    Rule(HTTP, AWAY, Answer.RECONNECT, UNREACHABLE, "check the network"),
    Rule(ANYWHERE, (Cause.NEVER_BEGAN,), Answer.RECONNECT, UNREACHABLE, "trying again"),
    Rule(SESSION, AWAY, Answer.RECONNECT, "Connection lost", "trying again"),
    # What nobody has seen yet
    Rule(HTTP, ANYTHING, Answer.RETRY, "Service fault", "trying again"),
    Rule(SESSION, ANYTHING, Answer.RETRY, "Connection lost", "trying again"),
)
# fmt: on


def rule_for(ending: Ending) -> Rule:
    """Return the rule that says what is done about this ending."""
    return next(rule for rule in TABLE if rule.fits(ending))


def fault_for(ending: Ending) -> Fault | None:
    """Return what the person is told about this ending; None when it need not be noticed."""
    rule = rule_for(ending)
    return Fault(rule.what, rule.remedy, detail=str(ending)) if rule.what else None


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
            return Cause.TIME_OUT
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
