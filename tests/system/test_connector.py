import contextlib
import socket
import threading
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from appliance.mqtt.broker_connection import BrokerConnection
from appliance.mqtt.errors import BrokerError
from appliance.settings.schema import MqttSettings, ServiceSettings
from appliance.streaming.messages import TERMINATE
from appliance.streaming.outcomes import Outcome, Stage
from appliance.streaming.tokens import TokenSource
from appliance.streaming.transport import Transport
from appliance.system.connector import connect, ordered
from appliance.system.time_limit import TimeLimit
from appliance.voice_commands.actions.webhook import Message, call
from tests.rig.service import ScriptedService
from tests.rig.silent import SilentPort
from tests.voice_commands.web import Web, says

NAME = "two-addresses.test"


def answers(*places: tuple[str, int]) -> list[Any]:
    """Return what `getaddrinfo` would say."""
    return [
        (
            socket.AF_INET6 if ":" in host else socket.AF_INET,
            socket.SOCK_STREAM,
            6,
            "",
            (host, port, 0, 0) if ":" in host else (host, port),
        )
        for host, port in places
    ]


DEAD = ("silent", "refuses", "no way", "no such family")


@pytest.fixture(params=DEAD)
def dead(request: pytest.FixtureRequest) -> Iterator[tuple[str, int]]:
    """An address that leads nowhere."""
    with contextlib.ExitStack() as stack:
        match request.param:
            case "silent":
                silent = stack.enter_context(SilentPort("127.0.0.9"))
                yield silent.host, silent.port
            case "refuses":
                reserved = stack.enter_context(socket.socket())
                reserved.bind(("127.0.0.9", 0))
                yield reserved.getsockname()
            case "no way":
                yield "255.255.255.255", 9
            case _:
                yield "2001:db8::1", 9


def resolve(
    monkeypatch: pytest.MonkeyPatch, dead: tuple[str, int], *, name: str = NAME
) -> list[str]:
    """Let a name have a dead address first; return the list of names that were looked up."""
    real, asked = socket.getaddrinfo, list[str]()

    def getaddrinfo(host: str, port: int, *args: Any, **options: Any) -> list[Any]:  # noqa: ANN401
        if host != name:
            return list(real(host, port, *args, **options))
        asked.append(host)
        return answers(dead, ("127.0.0.1", port))

    monkeypatch.setattr(socket, "getaddrinfo", getaddrinfo)
    return asked


class ShortSession:
    """A session that terminates as soon as it is open."""

    def __init__(self, settings: ServiceSettings, token: str) -> None:
        self.transport = Transport(settings, token, self)

    def opened(self) -> None:
        self.transport.send_message(TERMINATE)

    def received(self, frame: str | bytes) -> None:
        """Ignore it."""


def test_token_and_session_pass_over_a_dead_address(
    monkeypatch: pytest.MonkeyPatch, dead: tuple[str, int]
) -> None:
    asked = resolve(monkeypatch, dead)
    with ScriptedService() as service:
        settings = ServiceSettings(
            url=service.url.replace("127.0.0.1", NAME),
            token_url=service.token_url.replace("127.0.0.1", NAME),
        )
        token = TokenSource(settings).fetch()
        assert ShortSession(settings, token).transport.run() == Outcome(Stage.SESSION, 1000)
    assert len(asked) == 2


def test_a_webhook_passes_over_a_dead_address(
    monkeypatch: pytest.MonkeyPatch, dead: tuple[str, int]
) -> None:
    asked = resolve(monkeypatch, dead)
    with Web(says(204)) as web:
        call(web.url.replace("127.0.0.1", NAME), Message("box", "lamp", "lamp", ""))
    assert web.requests
    assert asked


def test_the_broker_passes_over_a_dead_address(
    monkeypatch: pytest.MonkeyPatch, dead: tuple[str, int]
) -> None:
    asked = resolve(monkeypatch, dead)
    came = threading.Event()
    with socket.create_server(("127.0.0.1", 0)) as listening:

        def accept() -> None:
            client, _ = listening.accept()
            with client:
                if client.recv(1) == b"\x10":  # CONNECT
                    came.set()

        accepting = threading.Thread(target=accept)
        accepting.start()
        settings = MqttSettings(host=NAME, port=listening.getsockname()[1])
        with contextlib.suppress(BrokerError):
            BrokerConnection(settings, "", "box", older=True, connect_timeout=5.0).open(came.is_set)
        accepting.join()
    assert came.is_set()
    assert asked


def test_no_address_is_waited_for_longer_than_allowed(monkeypatch: pytest.MonkeyPatch) -> None:
    with SilentPort("127.0.0.9") as silent:
        places = answers((silent.host, silent.port), (silent.host, silent.port))
        monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: places)
        with pytest.raises(TimeoutError), TimeLimit(0.3) as limit:
            connect(NAME, silent.port, limit)


def test_a_name_server_that_is_silent_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    released = threading.Event()
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: released.wait())
    with pytest.raises(TimeoutError), TimeLimit(0.1) as limit:
        connect(NAME, 80, limit)
    released.set()


def test_if_no_address_works_the_first_failure_is_raised(monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.socket() as reserved:
        reserved.bind(("127.0.0.9", 0))
        places = answers(reserved.getsockname(), ("2001:db8::1", 9))
        monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: places)
        with pytest.raises(ConnectionRefusedError), TimeLimit(5.0) as limit:
            connect(NAME, 80, limit)


def test_another_thread_ends_an_exchange() -> None:
    limit = TimeLimit()
    with socket.create_server(("127.0.0.1", 0)) as mute:
        with connect("127.0.0.1", mute.getsockname()[1], limit) as sock:
            threading.Timer(0.1, limit.cancel).start()
            assert sock.recv(1) == b""
        limit.end()
    assert limit.ran_out


families = st.sampled_from([socket.AF_INET, socket.AF_INET6])


@given(st.lists(st.tuples(families, st.integers(0, 9)), unique=True))
def test_the_families_take_turns(addresses: list[tuple[socket.AddressFamily, int]]) -> None:
    found = ordered(addresses)
    assert sorted(found) == sorted(addresses)
    assert found[:1] == addresses[:1]
    for family in (socket.AF_INET, socket.AF_INET6):
        assert [a for a in found if a[0] == family] == [a for a in addresses if a[0] == family]
    few = min(sum(a[0] == f for a in addresses) for f in (socket.AF_INET, socket.AF_INET6))
    assert all(found[i][0] != found[i + 1][0] for i in range(2 * few - 1))
