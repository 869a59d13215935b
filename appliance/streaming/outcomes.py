"""Outcomes of an attempt to transcribe: what is done about each, and the words on the OLED.

`TABLE` holds everything: the first rule that matches an outcome gives the reaction. The codes are
those of the protocol's section "How sessions end".
"""

import enum
import re
from collections.abc import Collection
from typing import Self

import msgspec
from msgspec.structs import replace

from appliance.core.faults import Fault
from appliance.core.network_errors import BUSY, DISABLED, KEY_REFUSED, NO_CREDIT, Cause

MAX_CLOSE_REASON = 123
"""Bytes of a close reason (RFC 6455, section 5.5). What is longer stands in the `Error` alone."""

DEFERRING = re.compile(r"\b(message|see|refer|details?|above|previous|preceding)\b", re.IGNORECASE)
"""Close reasons that send the reader to the `Error` message."""

WITHOUT_REASON = (None, 1000, 1001, 1005, 1006)
"""Close codes that name no fault: the code of an `Error` says more."""


class Stage(enum.Enum):
    """What was being done when the attempt ended."""

    TOKEN = "fetching a token"
    HANDSHAKE = "connecting"
    SESSION = "in the session"


class Outcome(msgspec.Struct, frozen=True):
    """How an attempt ended: with an HTTP status or close code (and its text), or with a cause.

    `foreign` says that the answer may be a login page of the network: nothing shows that it is the
    service's.
    """

    stage: Stage
    code: int | None = None
    text: str = ""
    cause: Cause | None = None
    foreign: bool = False

    def with_error(self, code: int | None, text: str) -> Self:
        """Return the outcome with what an `Error` message said before the connection closed.

        The message is the better source (the protocol's "Service to client"), unless the close has
        another code, and words of its own.

            >>> closed = Outcome(Stage.SESSION, 1008, "See the error message")
            >>> print(closed.with_error(1008, "Too many concurrent sessions"))
            in the session: 1008, Too many concurrent sessions
        """
        if self.code in WITHOUT_REASON and code is not None:
            return replace(self, code=code, text=text or self.text, cause=None)
        is_longer = len(text.encode()) > MAX_CLOSE_REASON and code is None
        is_same = code == self.code or is_longer
        if text and (is_same or not self.text or DEFERRING.search(self.text)):
            return replace(self, text=text)
        return self

    def __str__(self) -> str:
        """Return the outcome for the log."""
        why = str(self.code) if self.code is not None else (self.cause or Cause.NETWORK).value
        return f"{self.stage.value}: {why}" + (f", {shortened(self.text)}" if self.text else "")


class Reaction(enum.Enum):
    """What is done after an outcome."""

    RECONNECT = "soon: retrying costs nothing while the network is away"
    SIGN_IN = "every few seconds: somebody may sign in to the network at any time"
    RETRY = "after a growing delay: the service has a fault"
    AT_ONCE = "a new connection at once, unnoticed"
    SLOWER = "a new connection at once, with audio sent slower"
    NEW_TOKEN = "once with a new token, then as for the owner"
    WAIT = "later: the service has no room for another session now"
    OWNER = "seldom: the owner must fix something first"


class Rule(msgspec.Struct, frozen=True):
    """A row of the table: the reaction to every outcome that it matches.

    Attributes:
        stages: The stages whose outcomes match.
        on: The codes and causes that match; empty for any.
        reaction: What is done.
        what: The first line on the OLED; empty when the person need not notice, unless it comes
            again and again.
        remedy: The second line on the OLED, what the person can do.
        pattern: A regular expression that must occur in the outcome's text.
        unexplained: Whether nobody knows what the code means. The service's own words then take the
            place of `remedy`.
        foreign: Whether only foreign outcomes match.
        at_first: Whether it applies only until the outcome persists.
    """

    stages: tuple[Stage, ...]
    on: Collection[int | Cause]
    reaction: Reaction
    what: str = ""
    remedy: str = ""
    pattern: str = ""
    unexplained: bool = False
    foreign: bool = False
    at_first: bool = False

    @property
    def may_become_fault(self) -> bool:
        """Whether such an outcome, when it comes again and again, must be looked into."""
        return self.unexplained or not self.what

    def matches(self, outcome: Outcome) -> bool:
        """Return whether this rule applies to that outcome."""
        return (
            outcome.stage in self.stages
            and (outcome.foreign or not self.foreign)
            and (outcome.code in self.on or outcome.cause in self.on or not self.on)
            and re.search(self.pattern, outcome.text, re.IGNORECASE) is not None
        )


ANYTHING: Collection[int | Cause] = ()
NO_ANSWER: Collection[int | Cause] = (
    1006,
    Cause.NETWORK,
    Cause.TIMEOUT,
    Cause.UNACKNOWLEDGED,
)
LEFT: Collection[int | Cause] = (1000, 1001, 1005)
NOT_FOUND: Collection[int | Cause] = (*range(300, 400), 404, 405, 410, 421)
EXPLAINED: Collection[int | Cause] = (*range(400, 600), Cause.NO_TOKEN)
"""Refusals whose words say more than their status; some answer 200 with an error."""

MISSTATED: Collection[int | Cause] = (400, Cause.NO_TOKEN)
"""Answers that may be a refusal of the key in other guise; their words say so."""

PROXY_LOGIN: Collection[int | Cause] = (407, Cause.PROXY_LOGIN)
UNTRUSTED: Collection[int | Cause] = (Cause.CERTIFICATE,)
NOT_TLS: Collection[int | Cause] = (Cause.NO_TLS,)
SERVER_ERROR: Collection[int | Cause] = range(500, 600)

TOKEN = (Stage.TOKEN,)
HANDSHAKE = (Stage.HANDSHAKE,)
HTTP = (Stage.TOKEN, Stage.HANDSHAKE)
SESSION = (Stage.SESSION,)
ANYWHERE = tuple(Stage)

VENDOR_AWAY = "out of reach|too slow"
"""Regular expression for a token server's ways to say that the vendor does not answer."""

INACTIVE = r"\binactiv(e|ity)\b|\bidle\b|\bno audio\b|\btimed?[ -]?out\b"
"""Regular expression for the service's ways to say: no audio came for a while."""

SAID_NOTHING = "^$"

WANTS_SIGN_IN = "This network wants a sign-in"

CHANGE_NETWORK = "sign in, or use another"

CHECK_ADDRESS = "or check the address"
"""What else to do if somebody else goes on to answer in place of the service."""

UNREACHABLE = "Can't reach the service"

MAX_SHOWN = 120
"""Characters of the service's words in the log and on the screen."""

# fmt: off
TABLE = (
    # A login page between the box and the service
    Rule(HTTP, (), Reaction.SIGN_IN, WANTS_SIGN_IN, CHANGE_NETWORK, foreign=True, at_first=True),
    Rule(HTTP, (), Reaction.SIGN_IN, WANTS_SIGN_IN, CHECK_ADDRESS, foreign=True),
    Rule(ANYWHERE, UNTRUSTED, Reaction.SIGN_IN, WANTS_SIGN_IN, CHANGE_NETWORK, at_first=True),
    Rule(ANYWHERE, NOT_TLS, Reaction.SIGN_IN, WANTS_SIGN_IN, CHANGE_NETWORK, at_first=True),
    Rule(ANYWHERE, NOT_TLS, Reaction.SIGN_IN, WANTS_SIGN_IN, CHECK_ADDRESS),
    # The service, over its WebSocket
    Rule(SESSION, (3008, 4031, Cause.LEAD_LIMIT, Cause.DEAF), Reaction.AT_ONCE),
    Rule(SESSION, (1008, 3006), Reaction.AT_ONCE, pattern=INACTIVE),
    Rule(SESSION, (3007,), Reaction.SLOWER, pattern=r"\brate\b"),
    Rule(SESSION, (4029,), Reaction.SLOWER),
    Rule(SESSION, (3009,), Reaction.WAIT, "Service is busy", "waiting for a place"),
    Rule(SESSION, (1008,), Reaction.WAIT, "Service is busy", "waiting for a place", BUSY),
    Rule(SESSION, (1008, 4001), Reaction.OWNER, "No credit left", "top up the account", NO_CREDIT),
    Rule(SESSION, (4002,), Reaction.OWNER, "No credit left", "top up the account"),
    Rule(SESSION, (1008,), Reaction.OWNER, "Account disabled", "ask the service", DISABLED),
    Rule(SESSION, (1008, 4001), Reaction.NEW_TOKEN, "Key refused", "run: appliance doctor"),
    Rule(SESSION, (4003,), Reaction.OWNER, "Not in your plan", "check the settings"),
    Rule(SESSION, (3006,), Reaction.OWNER, "Setting refused", "check the settings"),
    Rule(SESSION, (1011, 1012, 1013, 3005), Reaction.RETRY, "Service fault", "trying again"),
    # The token server, the vendor's token endpoint, a handshake refused over HTTP
    Rule(TOKEN, (Cause.NO_KEY,), Reaction.OWNER, "No API key", "set key or token_url"),
    Rule(TOKEN, (503,), Reaction.OWNER, "No API key", "see the token server", "no api key"),
    Rule(HTTP, EXPLAINED, Reaction.OWNER, "No credit left", "top up the account", NO_CREDIT),
    Rule(HTTP, EXPLAINED, Reaction.WAIT, "Service is busy", "waiting for a place", BUSY),
    Rule(HTTP, EXPLAINED, Reaction.OWNER, "Account disabled", "ask the service", DISABLED),
    Rule(TOKEN, (403,), Reaction.OWNER, "Not admitted", "run: token-server add", "no appliance"),
    Rule(TOKEN, (401,), Reaction.OWNER, "Secret refused", "put in the right one", "secret"),
    Rule(TOKEN, (401, 403), Reaction.OWNER, "Key refused", "run: appliance doctor"),
    Rule(TOKEN, MISSTATED, Reaction.OWNER, "Key refused", "run: appliance doctor", KEY_REFUSED),
    Rule(HANDSHAKE, (401, 403), Reaction.NEW_TOKEN, "Key refused", "run: appliance doctor"),
    Rule(HTTP, (402,), Reaction.OWNER, "No credit left", "top up the account"),
    Rule(TOKEN, NOT_FOUND, Reaction.OWNER, "Wrong address", "check token_url"),
    Rule(HANDSHAKE, NOT_FOUND, Reaction.OWNER, "Wrong address", "check service url"),
    Rule(HTTP, (429,), Reaction.WAIT, "Service is busy", "waiting for a place"),
    Rule(HTTP, (400,), Reaction.OWNER, "Setting refused", "check the settings"),
    Rule(TOKEN, (502, 504), Reaction.RETRY, UNREACHABLE, "trying again", VENDOR_AWAY),
    Rule(TOKEN, SERVER_ERROR, Reaction.RETRY, "Token server fault", "trying again"),
    Rule(TOKEN, (Cause.NO_TOKEN,), Reaction.RETRY, "No token", "check token server"),
    Rule(HANDSHAKE, SERVER_ERROR, Reaction.RETRY, "Service fault", "trying again"),
    Rule(HTTP, (Cause.UNUSABLE,), Reaction.OWNER, "Setting refused", "check address and key"),
    Rule(ANYWHERE, (Cause.PROXY,), Reaction.OWNER, "Setting refused", "check the proxy"),
    Rule(HTTP, PROXY_LOGIN, Reaction.OWNER, "Proxy refuses", "check its name and password"),
    Rule(ANYWHERE, (Cause.PROXY_REFUSES,), Reaction.RETRY, "Proxy refuses", "check https_proxy"),
    # The network between
    Rule(ANYWHERE, (Cause.CLOCK,), Reaction.RECONNECT, "Clock is not set", "waiting for the time"),
    Rule(ANYWHERE, (Cause.EXPIRED,), Reaction.SIGN_IN, "Certificate expired", "is the date right?"),
    Rule(ANYWHERE, UNTRUSTED, Reaction.SIGN_IN, "Service not trusted", "check ca_file"),
    Rule(ANYWHERE, (Cause.CA_FILE,), Reaction.OWNER, "Service not trusted", "check ca_file"),
    Rule(ANYWHERE, (Cause.DNS,), Reaction.RECONNECT, "No network", "check Wi-Fi or cable"),
    Rule(HTTP, NO_ANSWER, Reaction.RECONNECT, UNREACHABLE, "check the network"),
    Rule(ANYWHERE, (Cause.NEVER_BEGAN,), Reaction.RECONNECT, UNREACHABLE, "trying again"),
    Rule(SESSION, NO_ANSWER, Reaction.RECONNECT, "Connection lost", "trying again"),
    # Everything else
    Rule(ANYWHERE, (Cause.TOO_MUCH,), Reaction.RETRY, "Service fault", "it sends too much"),
    Rule(SESSION, LEFT, Reaction.RETRY, "Connection lost", "trying again", SAID_NOTHING),
    Rule(ANYWHERE, ANYTHING, Reaction.RETRY, "Service fault", "trying again", unexplained=True),
)
# fmt: on


def rule_for(outcome: Outcome, *, persists: bool = False) -> Rule:
    """Return the rule that applies to an outcome; `persists` says that it lasts for long.

    >>> rule_for(Outcome(Stage.SESSION, 3009, "Too many concurrent sessions")).reaction.name
    'WAIT'
    """
    rules = (rule for rule in TABLE if not (persists and rule.at_first))
    return next(rule for rule in rules if rule.matches(outcome))


def fault_for(outcome: Outcome, *, persists: bool = False) -> Fault | None:
    """Return the fault to show for an outcome; None when the person need not notice.

    >>> print(fault_for(Outcome(Stage.TOKEN, 404)))
    Wrong address: check token_url (fetching a token: 404)
    """
    rule = rule_for(outcome, persists=persists)
    said = f"{outcome.code} {shortened(outcome.text)}".rstrip()
    if outcome.code is None or not rule.may_become_fault:
        return Fault(rule.what, rule.remedy, detail=str(outcome)) if rule.what else None
    if persists and rule.unexplained:
        return Fault("Unknown refusal", f"ask the service: {said}", detail=str(outcome))
    if persists:
        return Fault("Service hangs up", f"ask the service: {said}", detail=str(outcome))
    return Fault(rule.what, f"it says: {said}", detail=str(outcome)) if rule.what else None


def shortened(text: str) -> str:
    """Return the service's words on one line, cut to `MAX_SHOWN`."""
    line = " ".join(text.split())
    return line if len(line) <= MAX_SHOWN else line[: MAX_SHOWN - 1] + "…"
