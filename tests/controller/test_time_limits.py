from collections.abc import Iterator
from pathlib import Path

import pytest

from appliance.controller.exit_reason import ExitReason
from appliance.controller.live_session import LiveSession
from appliance.controller.privacy import DARK_TIMEOUT, PrivacyGuard
from appliance.controller.states import MICROPHONE_OPEN, Input, State
from appliance.controller.time_limits import END_TIMEOUT, NO_WORDS_TIMEOUT, TimeLimits
from appliance.core.events import PowerOffRequested, ScreenRecovered, StopRequested, TurnReceived
from appliance.core.recording import Recording
from appliance.core.turns import Covered, Turn
from appliance.settings.schema import ServiceSettings, SessionSettings
from appliance.streaming.spool.backlog import Backlog
from tests.doubles import ScriptedSession
from tests.rig.clock import Clock

BEGAN = 1000.0


class Limited:
    """A live session with its limits."""

    def __init__(self, backlog: Backlog) -> None:
        self.clock = Clock(BEGAN)
        self.session = ScriptedSession(backlog, ServiceSettings(), lambda _: None)
        self.live = LiveSession(self.session, BEGAN)
        self.privacy = PrivacyGuard(self.clock)
        self.exit_reason = ExitReason()
        settings = SessionSettings(auto_stop=600.0, finish_timeout=10.0)
        self.limits = TimeLimits(settings, self.privacy, self.exit_reason)

    def due(self, state: State, after: float) -> Input | None:
        self.clock.now = BEGAN + after
        return self.limits.due(state, self.live, self.clock.now)


@pytest.fixture
def limited(tmp_path: Path) -> Iterator[Limited]:
    backlog = Backlog(tmp_path / "a", Recording("a", 0.0, BEGAN, "boot"), lambda _: None)
    yield Limited(backlog)
    backlog.close()


@pytest.mark.parametrize("state", State)
def test_silence_stops_a_session_while_the_microphone_is_open(
    limited: Limited, state: State
) -> None:
    limited.privacy.handle(ScreenRecovered())
    limited.session.reach(captured=601.0, sent=601.0, last_word=0)
    limited.live.follow(BEGAN + 1.0)
    assert limited.due(state, 1.0) is (Input.STOP if state in MICROPHONE_OPEN else None)


@pytest.mark.parametrize("state", State)
def test_a_session_that_nothing_shows_stops_while_the_microphone_is_open(
    limited: Limited, state: State
) -> None:
    limited.live.follow(BEGAN + DARK_TIMEOUT)
    assert limited.due(state, DARK_TIMEOUT) is None
    limited.live.note_sign_of_life(BEGAN + DARK_TIMEOUT)
    assert limited.due(state, DARK_TIMEOUT + 1.0) is (
        Input.STOP if state in MICROPHONE_OPEN else None
    )


@pytest.mark.parametrize("state", State)
def test_a_silent_service_is_given_up_while_finishing(limited: Limited, state: State) -> None:
    limited.privacy.handle(ScreenRecovered())
    limited.live.finished_at = BEGAN
    assert limited.due(state, 10.0) is None
    assert limited.due(state, 10.1) is (Input.FINISH_TIMEOUT if state is State.FINISHING else None)


def test_before_powering_off_words_that_nobody_said_are_not_awaited(limited: Limited) -> None:
    limited.live.finished_at = BEGAN
    limited.exit_reason.add(PowerOffRequested())
    after = NO_WORDS_TIMEOUT + 0.1
    assert limited.due(State.FINISHING, after) is Input.FINISH_TIMEOUT
    turn = Turn(0, "a word", finished=True)
    limited.live.receive(TurnReceived("a", 0, turn, 0.0, 1.0, Covered()), BEGAN)
    assert limited.due(State.FINISHING, after) is None


@pytest.mark.parametrize("event", [StopRequested(), PowerOffRequested(), None])
def test_before_the_end_a_service_that_talks_without_end_is_given_up(
    limited: Limited, event: StopRequested | PowerOffRequested | None
) -> None:
    limited.live.finished_at = BEGAN
    if event:
        limited.exit_reason.add(event)
    due = []
    for second in (END_TIMEOUT, END_TIMEOUT + 1.0):
        turn = Turn(0, "and another thing")
        limited.live.receive(TurnReceived("a", 0, turn, 0.0, 1.0, Covered()), BEGAN + second)
        due.append(limited.due(State.FINISHING, second))
    assert due == [None, Input.FINISH_TIMEOUT if event else None]


@pytest.mark.parametrize(
    ("sent", "begins", "awaited"), [(0.0, True, False), (1.0, True, True), (1.0, False, False)]
)
def test_before_the_end_a_service_that_has_heard_nothing_is_not_awaited(
    limited: Limited, sent: float, *, begins: bool, awaited: bool
) -> None:
    limited.session.reach(captured=2.0, sent=sent, last_word=0)
    limited.live.follow(BEGAN)
    if begins:
        limited.live.note_connection(Covered(), BEGAN)
    limited.live.finished_at = BEGAN
    limited.exit_reason.add(StopRequested())
    given_up = limited.due(State.FINISHING, NO_WORDS_TIMEOUT + 0.1) is Input.FINISH_TIMEOUT
    assert given_up is not awaited
