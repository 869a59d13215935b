"""The local service with an independent client: the vendor's SDK for Node, from npm."""

import json
import os
import subprocess
from pathlib import Path
from typing import Any

import pytest

from appliance.app.word_error_rate import word_error_rate
from appliance.servers.local_service.server import LocalService
from tests.rig.certificates import Certificate
from tests.rig.programs import need
from tests.servers.local_service.client import turns

PACKAGE = "assemblyai@4.41.5"
SCRIPT = Path(__file__).with_name("vendor_sdk.mjs")

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("node")]


@pytest.fixture(scope="module")
def package(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder in which npm has installed the SDK."""
    need("node", "npm")
    folder = tmp_path_factory.mktemp("node")
    command = ["npm", "install", "--prefix", str(folder), "--no-audit", "--no-fund", PACKAGE]
    try:
        done = subprocess.run(command, check=False, capture_output=True, text=True, timeout=60)
    except subprocess.TimeoutExpired:
        pytest.skip(f"npm did not get {PACKAGE} within a minute")
    if done.returncode:
        pytest.skip(f"npm could not get {PACKAGE}: {done.stderr.strip()[-200:]}")
    return folder


class NodeClient:
    """The script, which runs a case and reports what happened."""

    def __init__(
        self, package: Path, service: LocalService, certificate: Certificate, audio: Path
    ) -> None:
        self._package = package
        self._service = service
        self._certificate = certificate
        self._audio = audio

    def run(self, case: str, service: LocalService | None = None) -> list[dict[str, Any]]:
        service = service or self._service
        origin = service.token_url.removesuffix("/token")
        done = subprocess.run(
            ["node", SCRIPT, case, service.url, origin, "any key", self._audio],
            check=False,
            cwd=self._package,
            env={**os.environ, "NODE_EXTRA_CA_CERTS": str(self._certificate.file)},
            capture_output=True,
            text=True,
            timeout=100,
        )
        assert done.returncode == 0, done.stderr
        return [json.loads(line) for line in done.stdout.splitlines()]


@pytest.fixture(scope="module")
def node(
    package: Path,
    tls_service: LocalService,
    certificate: Certificate,
    sample: bytes,
    tmp_path_factory: pytest.TempPathFactory,
) -> NodeClient:
    audio = tmp_path_factory.mktemp("audio") / "sample.raw"
    audio.write_bytes(sample)
    return NodeClient(package, tls_service, certificate, audio)


def test_a_session_brings_partial_final_and_formatted_turns(node: NodeClient, said: str) -> None:
    events = node.run("session")
    assert events[0]["type"] == "open"
    assert turns(events, end_of_turn=False)
    written = [turn["transcript"] for turn in turns(events, turn_is_formatted=True)]
    assert word_error_rate(said, " ".join(written)) <= 0.08
    assert not [line for line in events if line["type"] == "error"]


def test_acknowledgements_and_speakers(node: NodeClient, speakers_service: LocalService) -> None:
    events = node.run("speakers", speakers_service)
    assert events[0]["configuration"]["speaker_labels"] is True
    assert [turn["speaker_label"] for turn in turns(events, end_of_turn=True)] == ["A", "PENDING"]
    kinds = [line["type"] for line in events]
    assert "Heartbeat" in kinds
    assert "Silence" in kinds
    (revision,) = [line for line in events if line["type"] == "SpeakerRevision"]
    assert [turn["speaker_label"] for turn in revision["revisions"]] == ["B"]
    assert "error" not in kinds


def test_force_endpoint_ends_the_turn(node: NodeClient) -> None:
    ended = turns(node.run("force"), end_of_turn=True)
    assert [turn["turn_order"] for turn in ended] == [0, 1]


def test_a_changed_configuration_holds(node: NodeClient) -> None:
    assert turns(node.run("update"), turn_is_formatted=True)


def test_a_refused_parameter_reaches_the_caller(node: NodeClient) -> None:
    (refused,) = node.run("refused")
    assert refused["code"] == 3006
    assert "encoding" in refused["message"]


def test_a_frame_of_bad_length_reaches_both_listeners(node: NodeClient) -> None:
    events = {line["type"]: line for line in node.run("frame")}
    assert events["error"]["code"] == events["close"]["code"] == 3007
    assert "Input Duration Violation: 49 ms" in events["error"]["message"]


def test_a_token_opens_one_session(node: NodeClient) -> None:
    events = node.run("token")
    assert [line["type"] for line in events] == ["open", "refused"]
    assert events[-1]["code"] == 1008
