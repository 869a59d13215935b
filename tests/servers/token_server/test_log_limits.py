import asyncio
from collections.abc import Callable

import pytest

from appliance.servers.token_server.log_limits import MINUTE, LogLimiter


class Minutes:
    """Calls back when a minute is over, which it is when the test says so."""

    def __init__(self) -> None:
        self._due: list[Callable[[], None]] = []

    def later(self, seconds: float, callback: Callable[[], None]) -> None:
        assert seconds == MINUTE
        self._due.append(callback)

    def pass_one(self) -> None:
        due, self._due = self._due, []
        for callback in due:
            callback()


@pytest.fixture
def minutes() -> Minutes:
    return Minutes()


def test_the_first_is_told_at_once_and_the_others_by_their_number(
    minutes: Minutes, caplog: pytest.LogCaptureFixture
) -> None:
    sums = LogLimiter(minutes.later)
    for number in range(1000):
        sums.tell("stranger", f"stranger {number}")
    assert caplog.messages == ["stranger 0"]
    minutes.pass_one()
    assert caplog.messages == ["stranger 0", "999 more like this: stranger 999"]


def test_a_flood_that_goes_on_takes_a_line_a_minute(
    minutes: Minutes, caplog: pytest.LogCaptureFixture
) -> None:
    sums = LogLimiter(minutes.later)
    for number in range(100):
        sums.tell("stranger", "stranger")
        if number % 10 == 9:
            minutes.pass_one()
    assert caplog.messages == [
        "stranger",
        "9 more like this: stranger",
        *["10 more like this: stranger"] * 9,
    ]


def test_after_a_calm_minute_the_next_is_told_at_once(
    minutes: Minutes, caplog: pytest.LogCaptureFixture
) -> None:
    sums = LogLimiter(minutes.later)
    for _ in range(3):
        sums.tell("stranger", "stranger")
        minutes.pass_one()
        minutes.pass_one()
    assert caplog.messages == ["stranger"] * 3


def test_each_kind_is_counted_apart(minutes: Minutes, caplog: pytest.LogCaptureFixture) -> None:
    sums = LogLimiter(minutes.later)
    for kind in ("stranger", "guess", "guess"):
        sums.tell(kind, kind)
    minutes.pass_one()
    assert caplog.messages == ["stranger", "guess", "1 more like this: guess"]


def test_the_minute_is_the_loops_own(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr("appliance.servers.token_server.log_limits.MINUTE", 0.01)

    async def flood() -> None:
        sums = LogLimiter()
        sums.tell("stranger", "stranger")
        sums.tell("stranger", "stranger")
        while len(caplog.messages) < 2:
            await asyncio.sleep(0.01)

    asyncio.run(asyncio.wait_for(flood(), 20))
    assert caplog.messages == ["stranger", "1 more like this: stranger"]
