"""How a try at the service can end, what is done about each, and the words the OLED shows.

`TABLE` is all there is to know: the first rule that fits an outcome is its reaction. The codes are
those of the protocol's "How sessions end".
"""

import enum
import re
from collections.abc import Collection

import msgspec

from appliance.core.events import Fault
from appliance.core.network_errors import BUSY, NO_CREDIT, Cause


class Stage(enum.Enum):
    """What was being done when it ended."""

    TOKEN = "fetching a token"
    HANDSHAKE = "connecting"
    SESSION = "in the session"


class Outcome(msgspec.Struct, frozen=True):
    """How a try ended: with an HTTP status or close code (and its text), or with a cause."""

    stage: Stage
    code: int | None = None
    text: str = ""
    cause: Cause | None = None

    def __str__(self) -> str:
        """Return the outcome for the log."""
        why = str(self.code) if self.code is not None else (self.cause or Cause.NETWORK).value
        return f"{self.stage.value}: {why}" + (f", {self.text}" if self.text else "")


class Reaction(enum.Enum):
    """What is done after an outcome."""

    RECONNECT = "soon: it costs nothing to ask a network that is away"
    RETRY = "after a growing delay: the service has a fault"
    AT_ONCE = "a new connection at once, unnoticed"
    SLOWER = "a new connection at once, with audio sent slower"
    NEW_TOKEN = "once with a new token, then as for the owner"
    WAIT = "later: the service has no room for another session now"
    OWNER = "seldom: it only works once the owner has mended something"


class Rule(msgspec.Struct, frozen=True):
    """A reaction for every outcome at one of `stages`, by one of `on`, whose text has `pattern`.

    `what` and `remedy` are the words on the OLED; without them the person need not notice.
    """

    stages: tuple[Stage, ...]
    on: Collection[int | Cause]
    reaction: Reaction
    what: str = ""
    remedy: str = ""
    pattern: str = ""

    def fits(self, outcome: Outcome) -> bool:
        """Tell whether this rule is about that outcome."""
        return (
            outcome.stage in self.stages
            and (outcome.code in self.on or outcome.cause in self.on or not self.on)
            and re.search(self.pattern, outcome.text, re.IGNORECASE) is not None
        )


ANYTHING: Collection[int | Cause] = ()
AWAY: Collection[int | Cause] = (1006, Cause.NETWORK, Cause.TIMEOUT)
NOT_THERE: Collection[int | Cause] = (404, 405, 410)
SERVER_ERROR: Collection[int | Cause] = range(500, 600)

TOKEN = (Stage.TOKEN,)
HANDSHAKE = (Stage.HANDSHAKE,)
HTTP = (Stage.TOKEN, Stage.HANDSHAKE)
SESSION = (Stage.SESSION,)
ANYWHERE = tuple(Stage)

VENDOR_AWAY = "out of reach|too slow"
"""What a token server says of the service behind it."""

UNREACHABLE = "Can't reach the service"

# fmt: off
TABLE = (
    # The service, over its WebSocket
    Rule(SESSION, (3008, 4031, Cause.HELD_BACK), Reaction.AT_ONCE),
    Rule(SESSION, (3007,), Reaction.SLOWER, pattern="rate"),
    Rule(SESSION, (4029,), Reaction.SLOWER),
    Rule(SESSION, (3009,), Reaction.WAIT, "Service is busy", "waiting for a place"),
    Rule(SESSION, (1008,), Reaction.WAIT, "Service is busy", "waiting for a place", BUSY),
    Rule(SESSION, (1008, 4001), Reaction.OWNER, "No credit left", "top up the account", NO_CREDIT),
    Rule(SESSION, (4002,), Reaction.OWNER, "No credit left", "top up the account"),
    Rule(SESSION, (1008,), Reaction.OWNER, "Account disabled", "ask the service", "disabled"),
    Rule(SESSION, (1008, 4001), Reaction.NEW_TOKEN, "Key refused", "run: appliance doctor"),
    Rule(SESSION, (4003,), Reaction.OWNER, "Not in your plan", "check the settings"),
    Rule(SESSION, (3006,), Reaction.OWNER, "Setting refused", "check the settings"),
    Rule(SESSION, (1011, 1012, 1013, 3005), Reaction.RETRY, "Service fault", "trying again"),
    # The token server, the vendor's token endpoint, a handshake refused over HTTP
    Rule(TOKEN, (Cause.NO_KEY,), Reaction.OWNER, "No API key", "set key or token_url"),
    Rule(TOKEN, (503,), Reaction.OWNER, "No API key", "see the token server", "no api key"),
    Rule(TOKEN, (403,), Reaction.OWNER, "Account disabled", "ask the service", "disabled"),
    Rule(TOKEN, (403,), Reaction.OWNER, "Not admitted", "run: token-server add", "no appliance"),
    Rule(TOKEN, (401,), Reaction.OWNER, "Secret refused", "put in the right one", "secret"),
    Rule(TOKEN, (401, 403), Reaction.OWNER, "Key refused", "run: appliance doctor"),
    Rule(HANDSHAKE, (401, 403), Reaction.NEW_TOKEN, "Key refused", "run: appliance doctor"),
    Rule(HTTP, (402,), Reaction.OWNER, "No credit left", "top up the account"),
    Rule(TOKEN, NOT_THERE, Reaction.OWNER, "Wrong address", "check token_url"),
    Rule(HANDSHAKE, NOT_THERE, Reaction.OWNER, "Wrong address", "check service url"),
    Rule(HTTP, (429,), Reaction.WAIT, "Service is busy", "waiting for a place"),
    Rule(HTTP, (400,), Reaction.OWNER, "Setting refused", "check the settings"),
    Rule(TOKEN, (502, 504), Reaction.RETRY, UNREACHABLE, "trying again", VENDOR_AWAY),
    Rule(TOKEN, SERVER_ERROR, Reaction.RETRY, "Token server fault", "trying again"),
    Rule(TOKEN, (Cause.BAD_ANSWER,), Reaction.RETRY, "No token", "check token server"),
    Rule(HANDSHAKE, SERVER_ERROR, Reaction.RETRY, "Service fault", "trying again"),
    Rule(HTTP, (Cause.UNUSABLE,), Reaction.OWNER, "Setting refused", "check address and key"),
    Rule(ANYWHERE, (Cause.PROXY,), Reaction.OWNER, "Setting refused", "check the proxy"),
    # The network between
    Rule(ANYWHERE, (Cause.CLOCK,), Reaction.RECONNECT, "Clock is not set", "waiting for the time"),
    Rule(ANYWHERE, (Cause.CERTIFICATE,), Reaction.OWNER, "Service not trusted", "check ca_file"),
    Rule(ANYWHERE, (Cause.DNS,), Reaction.RECONNECT, "No network", "check Wi-Fi or cable"),
    Rule(HTTP, AWAY, Reaction.RECONNECT, UNREACHABLE, "check the network"),
    Rule(ANYWHERE, (Cause.NEVER_BEGAN,), Reaction.RECONNECT, UNREACHABLE, "trying again"),
    Rule(SESSION, AWAY, Reaction.RECONNECT, "Connection lost", "trying again"),
    # What nobody has seen yet
    Rule(HTTP, ANYTHING, Reaction.RETRY, "Service fault", "trying again"),
    Rule(SESSION, ANYTHING, Reaction.RETRY, "Connection lost", "trying again"),
)
# fmt: on


def rule_for(outcome: Outcome) -> Rule:
    """Return the rule that says what is done about this outcome."""
    return next(rule for rule in TABLE if rule.fits(outcome))


def fault_for(outcome: Outcome) -> Fault | None:
    """Return what the person is told about this outcome; None when it need not be noticed."""
    rule = rule_for(outcome)
    return Fault(rule.what, rule.remedy, detail=str(outcome)) if rule.what else None
