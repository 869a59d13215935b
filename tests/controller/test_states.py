"""Every cell of the state machine's table, as it is seen from outside the controller."""

from itertools import product
from pathlib import Path
from typing import Any

import pytest

from appliance.controller.presenter import MODE_OF
from appliance.controller.states import MICROPHONE_OPEN, TRANSITIONS, Input, State
from appliance.core.command_events import Request, Requested
from appliance.core.events import Connected, Disconnected, Event, SessionEnded
from appliance.core.faults import Fault
from appliance.core.turns import Covered
from appliance.screen import scene
from appliance.screen.scene import Mode
from tests.doubles import Bench, ScriptedSession

NO_NETWORK = Fault("No network", "check Wi-Fi or cable")

CELLS: dict[tuple[State, Input], dict[str, Any]] = {
    (State.IDLE, Input.START): {
        "mode": Mode.CONNECTING,
        "microphone": "open",
        "connected": False,
        "sessions": 2,
    },
    (State.IDLE, Input.STOP): {},
    (State.IDLE, Input.CONNECTED): {},
    (State.IDLE, Input.DROPPED): {},
    (State.IDLE, Input.ENDED): {"in_background": False},
    (State.IDLE, Input.FINISH_TIMEOUT): {},
    (State.CONNECTING, Input.START): {},
    (State.CONNECTING, Input.STOP): {"mode": Mode.FINISHING, "microphone": "closed"},
    (State.CONNECTING, Input.CONNECTED): {"mode": Mode.LISTENING, "connected": True},
    (State.CONNECTING, Input.DROPPED): {"fault": NO_NETWORK},
    (State.CONNECTING, Input.ENDED): {"mode": Mode.SAVED, "connected": True},
    (State.CONNECTING, Input.FINISH_TIMEOUT): {},
    (State.LISTENING, Input.START): {},
    (State.LISTENING, Input.STOP): {"mode": Mode.FINISHING, "microphone": "closed"},
    (State.LISTENING, Input.CONNECTED): {},
    (State.LISTENING, Input.DROPPED): {
        "mode": Mode.RECONNECTING,
        "fault": NO_NETWORK,
        "connected": False,
    },
    (State.LISTENING, Input.ENDED): {"mode": Mode.SAVED},
    (State.LISTENING, Input.FINISH_TIMEOUT): {},
    (State.RECONNECTING, Input.START): {},
    (State.RECONNECTING, Input.STOP): {"mode": Mode.FINISHING, "microphone": "closed"},
    (State.RECONNECTING, Input.CONNECTED): {
        "mode": Mode.LISTENING,
        "fault": None,
        "connected": True,
    },
    (State.RECONNECTING, Input.DROPPED): {"fault": NO_NETWORK},
    (State.RECONNECTING, Input.ENDED): {"mode": Mode.SAVED, "fault": None, "connected": True},
    (State.RECONNECTING, Input.FINISH_TIMEOUT): {},
    (State.FINISHING, Input.START): {
        "mode": Mode.CONNECTING,
        "microphone": "open",
        "connected": False,
        "sessions": 2,
        "in_background": True,
    },
    (State.FINISHING, Input.STOP): {},
    (State.FINISHING, Input.CONNECTED): {},
    (State.FINISHING, Input.DROPPED): {"fault": NO_NETWORK, "connected": False},
    (State.FINISHING, Input.ENDED): {"mode": Mode.SAVED},
    (State.FINISHING, Input.FINISH_TIMEOUT): {
        "mode": Mode.SAVED,
        "abandoned": True,
        "in_background": True,
    },
}
"""What an observer sees change in each state at each input; nothing where it is ignored."""


def reach(bench: Bench, state: State) -> ScriptedSession:
    """Bring the controller into a state; return the session that the inputs are of."""
    bench.press()
    session = bench.live
    session.reach(captured=30, sent=30, covered=20)
    if state is not State.CONNECTING:
        bench.connect(session)
    if state is State.RECONNECTING:
        bench.post(Disconnected(session.name, Fault("Connection lost")))
    if state in (State.FINISHING, State.IDLE):
        bench.press()
    if state is State.IDLE:
        bench.advance(11.0)  # it is given up
        bench.advance(9.0)  # and what it came to has been shown
    return session


def give(bench: Bench, session: ScriptedSession, given: Input) -> None:
    events: dict[Input, Event] = {
        Input.START: Requested(Request.START),
        Input.STOP: Requested(Request.STOP),
        Input.CONNECTED: Connected(session.name, Covered()),
        Input.DROPPED: Disconnected(session.name, NO_NETWORK),
        Input.ENDED: SessionEnded(session.name, complete=True),
    }
    if given is Input.FINISH_TIMEOUT:
        bench.advance(11.0)
    else:
        bench.post(events[given])


def seen(bench: Bench, session: ScriptedSession) -> dict[str, Any]:
    shown = bench.scene()
    return {
        "mode": shown.mode,
        "fault": shown.fault,
        "connected": shown.network,
        "microphone": "open" if bench.microphone.is_open else "closed",
        "sessions": len(bench.sessions.made),
        "abandoned": session.abandoned,
        "in_background": bench.open_sessions.deliveries.seconds > 0,
    }


def test_the_table_is_total() -> None:
    assert set(TRANSITIONS) == set(CELLS) == set(product(State, Input))


def test_the_table_names_the_state_that_is_seen() -> None:
    for (state, given), changes in CELLS.items():
        transition = TRANSITIONS[state, given]
        after = MODE_OF[transition.to if transition else state]
        seen_after = changes.get("mode", MODE_OF[state])
        assert seen_after in ({Mode.SAVED} if after is Mode.READY and transition else {after})


def test_the_microphone_is_open_exactly_where_the_screen_says_so() -> None:
    assert {MODE_OF[state] for state in MICROPHONE_OPEN} == scene.MICROPHONE_OPEN


@pytest.mark.parametrize(
    ("state", "given"),
    CELLS,
    ids=[f"{state.name}-{given.name}".lower() for state, given in CELLS],
)
def test_each_input_does_in_each_state_what_the_table_says(
    tmp_path: Path, state: State, given: Input
) -> None:
    with Bench(tmp_path, finish_timeout=10.0) as bench:
        session = reach(bench, state)
        before = seen(bench, session)
        assert before["mode"] is MODE_OF[state]
        give(bench, session, given)
        assert seen(bench, session) == before | CELLS[state, given]
