"""The appliance's own session, against the local service, against a Wyoming server."""

from pathlib import Path

import pytest

from appliance.config import ServiceSettings
from appliance.events import Connected, Disconnected, SessionEnded, TurnReceived
from appliance.services.local_service import LocalService
from appliance.services.word_error_rate import word_error_rate
from appliance.streaming.backlog import Backlog
from appliance.streaming.session import Session
from appliance.transcript import Transcript
from tests.rig.waiting import wait_until
from tests.services.wyoming_rig import WyomingRig, pocketsphinx
from tests.streaming.doubles import BEGAN, Inbox, recording


def said_in(inbox: Inbox) -> str:
    transcript = Transcript()
    for event in inbox.events:
        if isinstance(event, Connected):
            transcript.reconnected(event.covered)
        elif isinstance(event, TurnReceived):
            transcript.receive(event.origin, event.turn)
    return " ".join(turn.text for turn in transcript.latest(1000))


@pytest.mark.slow
def test_an_outage_of_the_engine_loses_and_doubles_no_word(
    sample: bytes, said: str, tmp_path: Path
) -> None:
    inbox = Inbox()
    backlog = Backlog(tmp_path / "s1", recording(), inbox.post)
    backlog.append(sample, BEGAN)
    backlog.finish()
    with WyomingRig(pocketsphinx()) as rig, LocalService(engine=rig.url) as service:
        settings = ServiceSettings(url=service.url, token_url=service.token_url)
        session = Session(backlog, settings, inbox.post)
        session.start()
        wait_until(lambda: any(event.turn.finished for event in inbox.of(TurnReceived)))
        rig.stop()
        wait_until(lambda: inbox.of(Disconnected), within=60)
        rig.start()
        wait_until(lambda: inbox.of(SessionEnded), within=60)
        session.join()
    assert inbox.of(SessionEnded)[0].complete
    assert word_error_rate(said, said_in(inbox)) <= 0.1
