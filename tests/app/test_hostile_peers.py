"""The whole program, with a token server or a service that is slow, broken or hostile."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from appliance.history import reader
from appliance.history.records import TurnRecord
from appliance.screen.scene import Mode
from appliance.streaming.outcomes import WANTS_SIGN_IN
from appliance.streaming.spool.backlog import Backlog
from tests.app.test_run import Program
from tests.rig.box import Box, settings_for
from tests.rig.dripping import STAGES, DrippingPeer
from tests.rig.hostile import FINAL, SENDING, TEXT, HostilePeer, frame, huge_body
from tests.rig.numbered import speech
from tests.rig.service import ScriptedService
from tests.rig.sound import PipeMicrophone
from tests.rig.waiting import wait_until
from tests.streaming.doubles import BEGAN, recording

pytestmark = pytest.mark.slow

SETTINGS = """
[display]
driver = "none"
[history]
path = "{folder}/history.db"
[service]
url = "{url}"
token_url = "{token_url}"
"""

MEMORY = 256 * 1024 * 1024

LIMITED = (
    f"import os, resource, sys; resource.setrlimit(resource.RLIMIT_DATA, ({MEMORY}, {MEMORY}))"
)
"""What a process does first to get no more memory."""

NESTED = '{"error":' + "[" * 15_000


@pytest.fixture
def service() -> Iterator[ScriptedService]:
    with ScriptedService() as service:
        yield service


def delivering(folder: Path, url: str, token_url: str) -> Program:
    """Return the running program, which has something to deliver from an earlier run."""
    backlog = Backlog(folder / "spool" / "s1", recording(), lambda _: None, is_new=True)
    backlog.open()
    backlog.append(speech(words=3).pcm, BEGAN)
    backlog.finish()
    backlog.close()
    settings = folder / "appliance.toml"
    settings.write_text(SETTINGS.format(folder=folder, url=url, token_url=token_url))
    command = f"{LIMITED}; os.execv(sys.executable, [sys.executable, *sys.argv[1:]])"
    return Program("-c", command, "-m", "appliance", "run", "--config", str(settings))


def assert_ends(running: Program, folder: Path) -> None:
    """Fail unless the program ends well at SIGTERM, and keeps what it could not deliver."""
    assert running.end() == 0
    assert "Traceback" not in running.log
    assert "hangs" not in running.log
    assert list((folder / "spool" / "s1").glob("*.pcm"))


@pytest.mark.parametrize("stage", ["nothing", "headers", "body"])
def test_it_ends_amid_a_token_that_drips(
    service: ScriptedService, tmp_path: Path, stage: str
) -> None:
    with DrippingPeer(STAGES[stage], interval=3.0) as peer:
        running = delivering(tmp_path, service.url, f"http://{peer.address}/token")
        try:
            assert peer.connected.wait(60)
            assert_ends(running, tmp_path)
        finally:
            running.kill()


@pytest.mark.parametrize("stage", ["nothing", "headers", "body of a refusal"])
def test_it_ends_amid_a_handshake_that_drips(
    service: ScriptedService, tmp_path: Path, stage: str
) -> None:
    with DrippingPeer(STAGES[stage], interval=3.0) as peer:
        running = delivering(tmp_path, f"ws://{peer.address}/v3/ws", service.token_url)
        try:
            assert peer.connected.wait(60)
            assert_ends(running, tmp_path)
        finally:
            running.kill()


@pytest.mark.parametrize(
    "scenario",
    ["one_huge_frame", "fragments_between_pings", "flood_of_pings", "flood_of_long_turns"],
)
def test_it_survives_what_never_ends(
    service: ScriptedService, tmp_path: Path, scenario: str
) -> None:
    with HostilePeer(after=SENDING[scenario]) as peer:
        running = delivering(tmp_path, peer.url, service.token_url)
        try:
            assert peer.sending.wait(60)
            wait_until(lambda: peer.sent > 100_000)
            assert_ends(running, tmp_path)
        finally:
            running.kill()


def test_it_survives_a_refusal_that_never_ends(service: ScriptedService, tmp_path: Path) -> None:
    with HostilePeer(before=lambda: huge_body("403 Forbidden")) as peer:
        running = delivering(tmp_path, peer.url, service.token_url)
        try:
            running.wait_for(WANTS_SIGN_IN)
            assert_ends(running, tmp_path)
        finally:
            running.kill()


def test_it_survives_a_token_answer_that_is_nested_without_end(
    service: ScriptedService, tmp_path: Path
) -> None:
    service.token_answer = (500, NESTED)
    running = delivering(tmp_path, service.url, service.token_url)
    try:
        running.wait_for("Token server fault")
        assert_ends(running, tmp_path)
    finally:
        running.kill()


def absurd_turns() -> Iterator[bytes]:
    """Send turns that no service could mean, and then one with half a character."""
    word = {"text": "so", "word_is_final": True}
    said = {"type": "Turn", "transcript": "so", "end_of_turn": True}
    for absurd in (
        {"turn_order": 2**63 - 1},
        {"turn_order": str(2**63 - 1)},
        {"turn_order": 1, "words": [word | {"start": "nan", "end": 1e308}]},
        {"turn_order": 2, "words": [word | {"start": -1e308, "end": 2**63 - 1}]},
    ):
        yield frame(FINAL | TEXT, json.dumps(said | absurd).encode())
    nested = NESTED.replace("error", "words").encode()
    yield frame(FINAL | TEXT, b'{"type":"Turn","turn_order":3,' + nested[1:])
    last = said | {"turn_order": 3, "transcript": "so \ud83d"}
    yield frame(FINAL | TEXT, json.dumps(last).encode())


def test_it_survives_absurd_turns(service: ScriptedService, tmp_path: Path) -> None:
    history = tmp_path / "history.db"
    with HostilePeer(after=absurd_turns) as peer:
        running = delivering(tmp_path, peer.url, service.token_url)
        try:
            wait_until(lambda: "so \ufffd" in [turn.text for turn in turns_in(history)])
            assert_ends(running, tmp_path)
        finally:
            running.kill()


def turns_in(history: Path) -> list[TurnRecord]:
    """Return what was kept so far."""
    if not history.exists():
        return []
    return [turn for session in reader.sessions(history) for turn in session.turns]


def test_finishing_does_not_wait_for_a_service_that_never_begins(
    sound: PipeMicrophone, service: ScriptedService, tmp_path: Path
) -> None:
    audio = speech(words=6)
    with HostilePeer() as peer:  # it takes all audio, and says nothing
        settings = settings_for(peer.url, service.token_url, tmp_path, finish_timeout=1.0)
        with Box(settings) as box:
            box.press_to_talk()
            assert peer.sending.wait(60)
            sound.play(audio.pcm)
            sound.wait_played()
            box.press()
            scene = box.wait_for(Mode.SAVED)
            assert scene.waiting > audio.seconds - 1
            wait_until(box.spooled)
    assert len(peer.requests) <= 3
