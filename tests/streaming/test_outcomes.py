import pytest

from appliance.core.network_errors import Cause
from appliance.streaming.outcomes import (
    TABLE,
    WANTS_SIGN_IN,
    Outcome,
    Reaction,
    Stage,
    fault_for,
    rule_for,
)


@pytest.mark.parametrize(
    ("code", "text", "reaction"),
    [
        (None, "", Reaction.RECONNECT),
        (1000, "", Reaction.RETRY),
        (1006, "", Reaction.RECONNECT),
        (1008, "Unauthorized Connection: missing authorization header", Reaction.NEW_TOKEN),
        (1008, "Insufficient funds", Reaction.OWNER),
        (1008, "This account is disabled", Reaction.OWNER),
        (1008, "Too many concurrent sessions", Reaction.WAIT),
        (1011, "", Reaction.RETRY),
        (3005, "Server error", Reaction.RETRY),
        (1008, "Session terminated due to inactivity", Reaction.AT_ONCE),
        (1008, "Closed: no audio was received... no audio for 60 s", Reaction.AT_ONCE),
        (1008, "Account suspended", Reaction.OWNER),
        (3006, "Invalid JSON", Reaction.OWNER),
        (3006, "Invalid value for inactivity_timeout", Reaction.OWNER),
        (3006, "Timeout: no message was received", Reaction.AT_ONCE),
        (3006, "Session terminated due to inactivity", Reaction.AT_ONCE),
        (
            3007,
            "Input Duration Violation: 20 ms. Expected between 50 and 1000 ms",
            Reaction.RETRY,
        ),
        (
            3007,
            "Audio Transmission Rate Exceeded: Received 315 sec. audio in 1.3 sec",
            Reaction.SLOWER,
        ),
        (3008, "Session expired", Reaction.AT_ONCE),
        (3009, "Too many concurrent sessions", Reaction.WAIT),
        (4001, "Not authorized", Reaction.NEW_TOKEN),
        (4002, "", Reaction.OWNER),
        (4003, "", Reaction.OWNER),
        (4029, "", Reaction.SLOWER),
        (4031, "", Reaction.AT_ONCE),
        (4999, "a code of tomorrow", Reaction.RETRY),
    ],
)
def test_each_way_a_session_ends_has_its_reaction(
    code: int | None, text: str, reaction: Reaction
) -> None:
    cause = None if code else Cause.NETWORK
    assert rule_for(Outcome(Stage.SESSION, code, text, cause)).reaction is reaction


@pytest.mark.parametrize(
    ("status", "token", "handshake"),
    [
        (400, Reaction.OWNER, Reaction.OWNER),
        (401, Reaction.OWNER, Reaction.NEW_TOKEN),
        (402, Reaction.OWNER, Reaction.OWNER),
        (403, Reaction.OWNER, Reaction.NEW_TOKEN),
        (404, Reaction.OWNER, Reaction.OWNER),
        (421, Reaction.OWNER, Reaction.OWNER),
        (429, Reaction.WAIT, Reaction.WAIT),
        (500, Reaction.RETRY, Reaction.RETRY),
        (503, Reaction.RETRY, Reaction.RETRY),
        (418, Reaction.RETRY, Reaction.RETRY),
    ],
)
def test_each_http_refusal_has_its_reaction(
    status: int, token: Reaction, handshake: Reaction
) -> None:
    assert rule_for(Outcome(Stage.TOKEN, status)).reaction is token
    assert rule_for(Outcome(Stage.HANDSHAKE, status)).reaction is handshake


@pytest.mark.parametrize("stage", [Stage.TOKEN, Stage.HANDSHAKE])
@pytest.mark.parametrize("status", [401, 403, 429, 500])
def test_words_explain_an_http_refusal_better_than_its_status(stage: Stage, status: int) -> None:
    for text, what in [
        ("Insufficient account balance", "No credit left"),
        ("Too many concurrent sessions", "Service is busy"),
        ("This account is deactivated", "Account disabled"),
    ]:
        assert rule_for(Outcome(stage, status, text)).what == what


@pytest.mark.parametrize("stage", Stage)
@pytest.mark.parametrize("cause", Cause)
def test_every_cause_has_a_reaction_and_words(stage: Stage, cause: Cause) -> None:
    if stage is Stage.SESSION and cause in (Cause.LEAD_LIMIT, Cause.DEAF):
        assert rule_for(Outcome(stage, cause=cause)).reaction is Reaction.AT_ONCE
        pytest.skip("a connection that gives way to a better one ends unnoticed")
    fault = fault_for(Outcome(stage, cause=cause))
    assert fault is not None
    assert fault.what
    assert fault.remedy


def test_a_fault_for_the_owner_says_what_to_do() -> None:
    for rule in TABLE:
        if rule.reaction is Reaction.OWNER:
            assert rule.remedy
            assert "trying again" not in rule.remedy


LONG = "The request was refused by the streaming service after it had checked the account: " * 2
"""More than fits into a close reason."""

SAID = [
    (1008, f"{LONG}Too many concurrent sessions", Reaction.WAIT),
    (1008, f"{LONG}Insufficient funds", Reaction.OWNER),
    (1008, f"{LONG}terminated due to inactivity", Reaction.AT_ONCE),
    (1008, f"{LONG}unauthorized", Reaction.NEW_TOKEN),
    (3006, f"{LONG}Session terminated due to inactivity", Reaction.AT_ONCE),
    (3006, f"{LONG}Invalid parameter", Reaction.OWNER),
    (3007, f"{LONG}Audio Transmission Rate Exceeded", Reaction.SLOWER),
    (3009, f"{LONG}Too many", Reaction.WAIT),
    (4999, f"{LONG}a code of tomorrow", Reaction.RETRY),
]


@pytest.mark.parametrize(("code", "said", "reaction"), SAID)
@pytest.mark.parametrize(
    "reason",
    [
        "",
        "See the Error message for details",
        "Refer to the message above",
        "Reason was longer than a close frame can hold",
        "Policy violation",
        "Error",
    ],
)
@pytest.mark.parametrize("closed_with", ["the same code", 1000, 1001, 1006, None])
def test_an_error_message_outweighs_a_close_that_says_less(
    code: int, said: str, reaction: Reaction, reason: str, closed_with: int | str | None
) -> None:
    close_code = code if isinstance(closed_with, str) else closed_with
    for words in (said, said.removeprefix(LONG)):
        outcome = Outcome(Stage.SESSION, close_code, reason).with_error(code, words)
        assert (outcome.code, outcome.text) == (code, words)
        assert rule_for(outcome).reaction is reaction


@pytest.mark.parametrize("code", [1008, 3005, 3006, 4001])
def test_an_earlier_error_does_not_outweigh_a_close_with_words_of_its_own(code: int) -> None:
    closed = Outcome(Stage.SESSION, code, "Too many concurrent sessions")
    assert closed.with_error(3007, LONG) == closed


@pytest.mark.parametrize(
    ("outcome", "later"),
    [
        (Outcome(Stage.TOKEN, cause=Cause.CERTIFICATE), "Service not trusted"),
        (Outcome(Stage.HANDSHAKE, cause=Cause.CERTIFICATE), "Service not trusted"),
    ],
)
def test_a_certificate_of_somebody_else_is_the_networks_until_it_persists(
    outcome: Outcome, later: str
) -> None:
    first, last = fault_for(outcome), fault_for(outcome, persists=True)
    assert first
    assert last
    assert (first.what, last.what) == (WANTS_SIGN_IN, later)
    assert rule_for(outcome).reaction is Reaction.SIGN_IN


@pytest.mark.parametrize(
    "outcome",
    [
        *(Outcome(Stage.TOKEN, code, foreign=True) for code in (302, 400, 401, 403, 404, 511)),
        *(Outcome(Stage.HANDSHAKE, code, foreign=True) for code in (200, 302, 401, 403, 404)),
        Outcome(Stage.TOKEN, cause=Cause.NO_TOKEN, foreign=True),
        *(Outcome(stage, cause=Cause.NO_TLS) for stage in (Stage.TOKEN, Stage.HANDSHAKE)),
    ],
)
def test_what_may_be_a_login_page_never_becomes_the_owners(outcome: Outcome) -> None:
    first, last = fault_for(outcome), fault_for(outcome, persists=True)
    assert first
    assert last
    assert {first.what, last.what} == {WANTS_SIGN_IN}
    assert "address" in last.remedy
    assert rule_for(outcome, persists=True).reaction is Reaction.SIGN_IN


@pytest.mark.parametrize(
    ("code", "text"),
    [
        (1008, "Session terminated due to inactivity"),
        (3006, "Session terminated due to inactivity"),
        (4031, "Session idle for too long"),
        (3008, "Session expired"),
        (3007, "Audio Transmission Rate Exceeded: Received 315 sec. audio in 1.3 sec"),
        (4029, "Too fast"),
    ],
)
def test_an_end_that_is_no_fault_becomes_one_by_coming_again(code: int, text: str) -> None:
    outcome = Outcome(Stage.SESSION, code, text)
    often = fault_for(outcome, persists=True)
    assert fault_for(outcome) is None
    assert often
    assert often.what == "Service hangs up"
    assert str(code) in often.remedy
    assert text in often.remedy


@pytest.mark.parametrize("code", [1002, 1009, 3042, 4000, 4999])
@pytest.mark.parametrize("text", ["", "come back on Monday", LONG])
def test_a_code_that_nobody_knows_is_shown_with_the_services_words(code: int, text: str) -> None:
    outcome = Outcome(Stage.SESSION, code, text)
    once, often = fault_for(outcome), fault_for(outcome, persists=True)
    assert once
    assert often
    assert once.what != often.what
    for fault in (once, often):
        assert str(code) in fault.remedy
        assert text[:60] in fault.remedy
        assert "trying again" not in fault.remedy


def test_a_rollover_shows_no_fault() -> None:
    assert fault_for(Outcome(Stage.SESSION, 3008, "Session expired")) is None


def test_an_outcome_is_a_sentence_for_the_log() -> None:
    assert str(Outcome(Stage.SESSION, 3005, "Server error")) == "in the session: 3005, Server error"
    assert str(Outcome(Stage.TOKEN, cause=Cause.DNS)) == "fetching a token: name not found"
