"""A session of the appliance with the local service, which uses a Wyoming server."""

from pathlib import Path

import pytest

from appliance.app.word_error_rate import word_error_rate
from appliance.controller.transcript import Transcript
from appliance.core.events import Connected, Disconnected, SessionEnded, TurnReceived
from appliance.servers.local_service.server import LocalService
from appliance.settings.schema import ServiceSettings
from appliance.streaming.session import Session
from appliance.streaming.spool.backlog import Backlog
from tests.rig.posted import Posted
from tests.rig.waiting import wait_until
from tests.servers.local_service.engines.wyoming.wyoming_rig import WyomingRig, pocketsphinx
from tests.streaming.doubles import BEGAN, recording


def said_in(posted: Posted) -> str:
    transcript = Transcript()
    for event in posted.events:
        if isinstance(event, Connected):
            transcript.reconnected(event.covered)
        elif isinstance(event, TurnReceived):
            transcript.receive(event.origin, event.turn)
    return " ".join(turn.text for turn in transcript.latest(1000))


@pytest.mark.slow
def test_an_outage_of_the_engine_loses_and_doubles_no_word(
    sample: bytes, said: str, tmp_path: Path
) -> None:
    posted = Posted()
    backlog = Backlog(tmp_path / "s1", recording(), posted)
    backlog.append(sample, BEGAN)
    backlog.finish()
    with (
        pocketsphinx() as hears,
        WyomingRig(hears) as rig,
        LocalService(engine=rig.url) as service,
    ):
        settings = ServiceSettings(url=service.url, token_url=service.token_url)
        session = Session(backlog, settings, posted)
        session.start()
        wait_until(lambda: any(event.turn.finished for event in posted.of(TurnReceived)))
        rig.stop()
        wait_until(lambda: posted.of(Disconnected), within=60)
        rig.start()
        wait_until(lambda: posted.of(SessionEnded), within=60)
        session.join()
    assert posted.of(SessionEnded)[0].complete
    assert word_error_rate(said, said_in(posted)) <= 0.1
