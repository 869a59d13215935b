import asyncio
from collections.abc import Callable

import pytest

from appliance.servers.log_limits import MINUTE, LogLimiter


class Minutes:
    """A minute that ends when the test says so."""

    def __init__(self) -> None:
        self._due: list[Callable[[], None]] = []

    def call_later(self, seconds: float, callback: Callable[[], None]) -> None:
        assert seconds == MINUTE
        self._due.append(callback)

    def pass_one(self) -> None:
        due, self._due = self._due, []
        for callback in due:
            callback()


@pytest.fixture
def minutes() -> Minutes:
    return Minutes()


def test_the_first_line_is_logged_at_once_and_the_others_are_counted(
    minutes: Minutes, caplog: pytest.LogCaptureFixture
) -> None:
    limiter = LogLimiter(minutes.call_later)
    for number in range(1000):
        limiter.warning("stranger", f"stranger {number}")
    assert caplog.messages == ["stranger 0"]
    minutes.pass_one()
    assert caplog.messages == ["stranger 0", "999 more like this: stranger 999"]


def test_a_continued_flood_takes_a_line_a_minute(
    minutes: Minutes, caplog: pytest.LogCaptureFixture
) -> None:
    limiter = LogLimiter(minutes.call_later)
    for number in range(100):
        limiter.warning("stranger", "stranger")
        if number % 10 == 9:
            minutes.pass_one()
    assert caplog.messages == [
        "stranger",
        "9 more like this: stranger",
        *["10 more like this: stranger"] * 9,
    ]


def test_after_a_calm_minute_the_next_line_is_logged_at_once(
    minutes: Minutes, caplog: pytest.LogCaptureFixture
) -> None:
    limiter = LogLimiter(minutes.call_later)
    for _ in range(3):
        limiter.warning("stranger", "stranger")
        minutes.pass_one()
        minutes.pass_one()
    assert caplog.messages == ["stranger"] * 3


def test_each_kind_is_counted_by_itself(minutes: Minutes, caplog: pytest.LogCaptureFixture) -> None:
    limiter = LogLimiter(minutes.call_later)
    for kind in ("stranger", "guess", "guess"):
        limiter.warning(kind, kind)
    minutes.pass_one()
    assert caplog.messages == ["stranger", "guess", "1 more like this: guess"]


def test_the_event_loop_ends_the_minute(caplog: pytest.LogCaptureFixture) -> None:
    async def flood() -> None:
        limiter = LogLimiter(minute=0.01)
        limiter.warning("stranger", "stranger")
        limiter.warning("stranger", "stranger")
        while len(caplog.messages) < 2:
            await asyncio.sleep(0.01)

    asyncio.run(asyncio.wait_for(flood(), 20))
    assert caplog.messages == ["stranger", "1 more like this: stranger"]
