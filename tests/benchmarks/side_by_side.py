"""Whole appliance and the vendor's SDK, listening to one microphone at the same time."""

import contextlib
import statistics
import time
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple
from urllib.parse import urlsplit

from appliance.history import reader
from appliance.screen.scene import Mode
from tests.benchmarks.consumption import cpu_seconds, peak_memory
from tests.benchmarks.program import Program
from tests.benchmarks.reports import Report
from tests.rig.certificates import self_signed
from tests.rig.comparison import compare
from tests.rig.numbered import BLOCK_MS, SAMPLES_PER_MS, Decoder, Speech, numbered
from tests.rig.proxy import Proxy
from tests.rig.record import Record
from tests.rig.service import ScriptedService
from tests.rig.sound import PipeMicrophone
from tests.rig.waiting import wait_until

PRESS_LEAD = 0.3
"""Seconds from the press to the first word."""

DELIVERY_TIMEOUT = 60.0
"""Seconds until all waiting audio is transcribed, after the second press."""

SETTINGS = """
[service]
url = "{url}"
token_url = "{token_url}"
ca_file = "{ca_file}"
[history]
path = "{folder}/history.db"
"""


class Measured(NamedTuple):
    """Figures of one peer: words lost, CPU in seconds a minute, memory in MB, delays in ms.

    `first_sample` runs from the press to the first captured sample, `handled` from a turn on the
    wire to its handler; NaN where there is none.
    """

    lost: int
    cpu: float
    memory: float
    first_sample: float
    handled: float


class Network:
    """Network between both peers and the service, with its sessions and tokens."""

    def __init__(self, sessions: Proxy, tokens: Proxy) -> None:
        self._proxies = (sessions, tokens)

    def drop(self, seconds: float) -> None:
        """Cut every connection, and refuse new ones for so long."""
        for proxy in self._proxies:
            proxy.refuse(seconds)
            proxy.cut()


class _Peer:
    """One of the two, from press to press."""

    def __init__(self, program: Program) -> None:
        self.program = program
        self.pressed_at = 0.0
        self._cpu = 0.0
        self.cpu = 0.0
        self.memory = 0.0

    def begin(self) -> None:
        self._cpu = cpu_seconds(self.program.pid)
        self.program.press()

    def stop(self) -> None:
        pressed = self.program.wait_for(lambda report: report.what == "pressed")
        self.pressed_at = pressed.at
        minutes = (time.monotonic() - pressed.at) / 60
        self.cpu = (cpu_seconds(self.program.pid) - self._cpu) / minutes
        self.program.press()

    def end(self) -> None:
        self.memory = peak_memory(self.program.pid)
        self.program.end()

    def measured(
        self, said: list[str], heard: str, records: list[Record], spoke_at: float
    ) -> Measured:
        return Measured(
            lost=compare(said, heard).lost,
            cpu=self.cpu,
            memory=self.memory,
            first_sample=(_first_sample(records[0], spoke_at) - self.pressed_at) * 1000,
            handled=_median_delay(records, self.program.reports),
        )


def measure(
    audio: Speech,
    folder: Path,
    *,
    handshake_delay: float = 0.0,
    meanwhile: Callable[[Network], None] = lambda _: None,
) -> tuple[Measured, Measured]:
    """Let both hear the audio, whose first word comes after some seconds; return what they did.

    The appliance comes first. `meanwhile` is called when the audio has begun and both were pressed.
    """
    certificate = self_signed(folder)
    with contextlib.ExitStack() as running:
        microphone = running.enter_context(PipeMicrophone())
        service = running.enter_context(ScriptedService(numbered(audio.words), certificate.context))
        service.handshake_delay = handshake_delay
        sessions = running.enter_context(Proxy(service.port))
        tokens = running.enter_context(Proxy(urlsplit(service.token_url).port or 0))
        url = sessions.route(service.url)
        programs = _programs(
            folder, url, tokens.route(service.token_url), service.api_key, certificate.file
        )
        peers = [_Peer(running.enter_context(program)) for program in programs]
        _listen(peers, microphone, audio, lambda: meanwhile(Network(sessions, tokens)))
        _wait_until_delivered(folder, peers[0].program)
        for peer in peers:
            peer.end()
        heard = (_history(folder), " ".join(peers[1].program.reports[-1].words))
        records = _by_peer(service.connections)
        results = [
            peer.measured(audio.said, text.lower(), connections, microphone.spoke_at)
            for peer, text, connections in zip(peers, heard, records, strict=True)
        ]
    return results[0], results[1]


def _programs(
    folder: Path, url: str, token_url: str, api_key: str, ca_file: Path
) -> tuple[Program, Program]:
    settings = folder / "appliance.toml"
    settings.write_text(
        SETTINGS.format(url=url, token_url=token_url, ca_file=ca_file, folder=folder)
    )
    host = url.removesuffix("/v3/ws")
    trust = str(ca_file)
    return (
        Program("tests.benchmarks.measured", settings, log=folder / "appliance.log"),
        Program("tests.benchmarks.sdk", host, api_key, log=folder / "sdk.log", SSL_CERT_FILE=trust),
    )


def _listen(
    peers: list[_Peer], microphone: PipeMicrophone, audio: Speech, meanwhile: Callable[[], None]
) -> None:
    for peer in peers:
        peer.program.wait_for(lambda report: report.mode == Mode.READY.value)
    microphone.play(audio.pcm)
    wait_until(lambda: microphone.spoke_at)
    first_word = microphone.spoke_at + audio.words[0].first * BLOCK_MS / 1000
    time.sleep(max(0.0, first_word - PRESS_LEAD - time.monotonic()))
    for peer in peers:
        peer.begin()
    meanwhile()
    microphone.wait_played(300)
    for peer in peers:
        peer.stop()


def _wait_until_delivered(folder: Path, appliance: Program) -> None:
    def is_done() -> bool:
        shown = [report.mode for report in appliance.reports if report.what == "shown"]
        at_rest = shown[-1] in {Mode.READY.value, Mode.SAVED.value}
        return at_rest and not list((folder / "spool").glob("*"))

    wait_until(is_done, DELIVERY_TIMEOUT)


def _history(folder: Path) -> str:
    sessions = reader.sessions(folder / "history.db")
    return " ".join(turn.text for session in sessions for turn in session.turns)


def _by_peer(records: list[Record]) -> tuple[list[Record], list[Record]]:
    """Return the appliance's connections that had audio, and the SDK's."""
    ours: list[Record] = []
    theirs: list[Record] = []
    for record in records:
        if record.audio:
            is_sdk = "AssemblyAI" in (record.header("User-Agent") or "")
            (theirs if is_sdk else ours).append(record)
    return ours, theirs


def _first_sample(record: Record, spoke_at: float) -> float:
    """Return when the first sample that arrived was spoken, in monotonic seconds."""
    block = next(Decoder().read(bytes(record.audio)))
    return spoke_at + block.number * BLOCK_MS / 1000 - block.position / SAMPLES_PER_MS / 1000


def _median_delay(records: list[Record], reports: list[Report]) -> float:
    """Return the milliseconds from turns on the wire to their handler."""
    turns = [
        sent.at
        for record in records
        for sent in record.sent
        if isinstance(sent.message, dict) and sent.message["type"] == "Turn"
    ]
    handled = [report.at for report in reports if report.what == "handled"]
    if len(turns) != len(handled):
        return float("nan")  # a connection was cut with turns on their way
    delays = [arrived - sent for sent, arrived in zip(turns, handled, strict=True)]
    return statistics.median(delays) * 1000
