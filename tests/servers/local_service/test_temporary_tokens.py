import pytest

from appliance.servers.local_service.protocol import RefusedError
from appliance.servers.local_service.temporary_tokens import TemporaryTokens
from tests.rig.clock import Clock


def test_a_token_brings_the_length_of_its_session(clock: Clock) -> None:
    tokens = TemporaryTokens(clock)
    assert tokens.redeem(tokens.issue(60, max_session=120)) == 120


def test_a_token_works_once(clock: Clock) -> None:
    tokens = TemporaryTokens(clock)
    token = tokens.issue(60)
    tokens.redeem(token)
    with pytest.raises(RefusedError, match="used"):
        tokens.redeem(token)


def test_to_check_a_token_does_not_use_it_up(clock: Clock) -> None:
    tokens = TemporaryTokens(clock)
    token = tokens.issue(60)
    tokens.check(token)
    tokens.redeem(token)
    with pytest.raises(RefusedError, match="used"):
        tokens.check(token)


def test_a_token_works_until_it_expires(clock: Clock) -> None:
    tokens = TemporaryTokens(clock)
    token, late = tokens.issue(60), tokens.issue(60)
    clock.now += 59
    tokens.redeem(token)
    clock.now += 1
    with pytest.raises(RefusedError, match="expired"):
        tokens.redeem(late)


def test_other_tokens_survive_when_expired_ones_are_forgotten(clock: Clock) -> None:
    tokens = TemporaryTokens(clock)
    tokens.issue(1)
    token = tokens.issue(60)
    clock.now += 2
    tokens.issue(60)
    assert tokens.redeem(token)
