"""Tokens and connections take the same way, straight or through a proxy."""

import base64
import contextlib
import socket
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from appliance.core.network_errors import Cause, UnusableProxyError
from appliance.settings.schema import ServiceSettings
from appliance.streaming.messages import TERMINATE
from appliance.streaming.outcomes import Outcome, Stage, fault_for
from appliance.streaming.tokens import TokenError, TokenSource
from appliance.streaming.transport import Transport
from appliance.system.proxy import goes_straight, proxy_for
from appliance.voice_commands.actions.webhook import Message, call
from tests.rig.certificates import self_signed
from tests.rig.listener import ListeningPeer
from tests.rig.service import ScriptedService
from tests.voice_commands.web import Web, says

GUEST = f"Basic {base64.b64encode(b'guest:secret!').decode()}"
VARIABLES = ("http_proxy", "https_proxy", "all_proxy", "no_proxy")


@pytest.fixture(autouse=True)
def _no_proxy_of_this_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in VARIABLES:
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)


class Tunnels(ListeningPeer):
    """A proxy on the loopback that does nothing but `CONNECT`, and notes where to."""

    name = "proxy"

    def __init__(self) -> None:
        self.asked: list[str] = []

    def serve(self, client: socket.socket) -> None:
        request = self._note_request(client)
        host, _, port = request.split()[1].partition(":")
        with client, socket.create_connection((host, int(port)), timeout=20) as service:
            client.sendall(b"HTTP/1.1 200 Connection established\r\n\r\n")
            back = threading.Thread(target=pass_on, args=(service, client), name="proxy back")
            back.start()
            pass_on(client, service)
            back.join()

    def _note_request(self, client: socket.socket) -> str:
        request = b""
        while not request.endswith(b"\r\n\r\n"):
            request += client.recv(1)
        self.asked.append(request.decode())
        return self.asked[-1]


class Answering(Tunnels):
    """A proxy that answers everything with the same bytes, and closes."""

    def __init__(self, answer: bytes) -> None:
        super().__init__()
        self._answer = answer

    def serve(self, client: socket.socket) -> None:
        self._note_request(client)
        with client:
            client.sendall(self._answer)
            client.shutdown(socket.SHUT_WR)
            while client.recv(1024):
                pass


def pass_on(source: socket.socket, target: socket.socket) -> None:
    """Pass everything on until either side ends."""
    with contextlib.suppress(OSError):
        while piece := source.recv(65_536):
            target.sendall(piece)
    for sock in (source, target):
        with contextlib.suppress(OSError):
            sock.shutdown(socket.SHUT_RDWR)


class ShortSession:
    """A session that terminates as soon as it is open."""

    def __init__(self, settings: ServiceSettings) -> None:
        self._transport = Transport(settings, TokenSource(settings).fetch(), self)

    def run(self) -> Outcome:
        return self._transport.run()

    def opened(self) -> None:
        self._transport.send_message(TERMINATE)

    def received(self, frame: str | bytes) -> None:
        """Ignore it."""


class NeverOpened:
    """Listener of a connection that never opens."""

    def opened(self) -> None:
        raise AssertionError("it can't be opened")

    def received(self, frame: str | bytes) -> None:
        raise AssertionError(f"received {frame!r}")


@pytest.fixture
def proxy() -> Iterator[Tunnels]:
    with Tunnels() as proxy:
        yield proxy


@pytest.fixture
def settings(tmp_path: Path) -> Iterator[ServiceSettings]:
    certificate = self_signed(tmp_path)
    with ScriptedService(tls=certificate.context) as service:
        yield ServiceSettings(
            url=service.url, token_url=service.token_url, ca_file=str(certificate.file)
        )


def targets(settings: ServiceSettings) -> list[str]:
    """Return where the token is fetched, and then where the connection goes."""
    return [address.split("/")[2] for address in (settings.token_url, settings.url)]


@pytest.mark.parametrize("variable", ["https_proxy", "HTTPS_PROXY", "all_proxy"])
def test_both_go_through_the_proxy_of_the_environment(
    monkeypatch: pytest.MonkeyPatch, proxy: Tunnels, settings: ServiceSettings, variable: str
) -> None:
    monkeypatch.setenv(variable, f"http://guest:secret%21@{proxy.address}")
    assert ShortSession(settings).run() == Outcome(Stage.SESSION, 1000)
    assert [request.split()[1] for request in proxy.asked] == targets(settings)
    assert all(GUEST in request for request in proxy.asked)


@pytest.mark.parametrize("besides", ["127.0.0.1", "127.0.0.0/8", "*"])
def test_both_go_straight_where_the_environment_says_so(
    monkeypatch: pytest.MonkeyPatch, proxy: Tunnels, settings: ServiceSettings, besides: str
) -> None:
    monkeypatch.setenv("https_proxy", proxy.address)
    monkeypatch.setenv("no_proxy", besides)
    assert ShortSession(settings).run() == Outcome(Stage.SESSION, 1000)
    assert proxy.asked == []


@pytest.mark.parametrize(
    ("environment", "url", "way"),
    [
        ({}, "wss://host/v3/ws", None),
        ({"http_proxy": "http://p:1"}, "wss://host/v3/ws", None),
        ({"https_proxy": "http://p:1"}, "ws://host/v3/ws", None),
        ({"https_proxy": "http://p:1", "no_proxy": "host"}, "wss://a.host/v3/ws", None),
        ({"https_proxy": "http://p:1", "no_proxy": "host"}, "wss://ahost/v3/ws", ("p", 1)),
        ({"https_proxy": "http://p:1"}, "wss://host/v3/ws", ("p", 1)),
        ({"http_proxy": "http://p"}, "ws://host/v3/ws", ("p", 80)),
        ({"http_proxy": "p:3128"}, "ws://host:8765/v3/ws", ("p", 3128)),
        ({"all_proxy": "p:3128"}, "wss://host/v3/ws", ("p", 3128)),
    ],
)
def test_the_environment_is_read_as_for_tokens(
    monkeypatch: pytest.MonkeyPatch,
    environment: dict[str, str],
    url: str,
    way: tuple[str, int] | None,
) -> None:
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    found = proxy_for(url)
    assert (found and found[:2]) == way


UNUSABLE = [
    "http://guest:secret@127.0.0.1:port",
    "http://guest:secret@127.0.0.1:99999",
    "http://guest:secret@[::1",
    "http://guest:secret@:3128",
    "socks5://guest:secret@127.0.0.1:1080",
    "socks4://guest:secret@127.0.0.1:1080",
    "ftp://guest:secret@127.0.0.1:21",
    "https://guest:secret@127.0.0.1:3128",
]


@pytest.mark.parametrize("proxy", UNUSABLE)
def test_an_unusable_proxy_is_named(monkeypatch: pytest.MonkeyPatch, proxy: str) -> None:
    monkeypatch.setenv("http_proxy", proxy)
    with pytest.raises(UnusableProxyError) as refusal:
        proxy_for("ws://host/v3/ws")
    assert "secret" not in str(refusal.value)
    outcome = Transport(ServiceSettings(url="ws://host/v3/ws"), "t", NeverOpened()).run()
    assert outcome == Outcome(Stage.HANDSHAKE, cause=Cause.PROXY)
    fault = fault_for(outcome)
    assert fault
    assert fault.remedy == "check the proxy"


@pytest.mark.parametrize("proxy", UNUSABLE)
def test_tokens_name_an_unusable_proxy_too(monkeypatch: pytest.MonkeyPatch, proxy: str) -> None:
    monkeypatch.setenv("http_proxy", proxy)
    with pytest.raises(TokenError) as refusal:
        TokenSource(ServiceSettings(token_url="http://host/token")).fetch()
    assert refusal.value.outcome == Outcome(Stage.TOKEN, cause=Cause.PROXY)


@pytest.mark.parametrize("url", ["http://host:port/token", "http://[::1/token", "nowhere"])
def test_a_good_proxy_is_not_blamed_for_the_address(
    monkeypatch: pytest.MonkeyPatch, proxy: Tunnels, url: str
) -> None:
    monkeypatch.setenv("http_proxy", f"http://{proxy.address}")
    with pytest.raises(TokenError) as refusal:
        TokenSource(ServiceSettings(token_url=url)).fetch()
    assert refusal.value.outcome == Outcome(Stage.TOKEN, cause=Cause.UNUSABLE)


# Exceptions: one decision for token and session

EXCEPTIONS = [
    ("", False),
    ("*", True),
    ("127.0.0.1", True),
    ("127.0.0.1:{port}", True),
    ("127.0.0.1:9", False),
    ("127.0.0.0/8", True),
    ("127.0.0.0/8:{port}", True),
    ("10.0.0.0/8 , 127.0.0.1", True),
    ("10.0.0.1\t127.0.0.1", True),
    ("27.0.0.1", False),
    ("127.0.0", False),
    (".0.0.1", True),
    ("::1/128", False),
    ("nonsense/99,,:,[", False),
    ("*:{port}", True),
    ("*:9", False),
    ("127.0.0.1:", True),
    ("127.0.*", True),
    ("127.1.*", False),
]


@pytest.mark.parametrize("variables", ["no_proxy", "NO_PROXY", "NO_PROXY beside an empty no_proxy"])
@pytest.mark.parametrize(("exceptions", "straight"), EXCEPTIONS)
def test_token_and_session_take_the_same_way(
    monkeypatch: pytest.MonkeyPatch,
    proxy: Tunnels,
    settings: ServiceSettings,
    exceptions: str,
    variables: str,
    *,
    straight: bool,
) -> None:
    monkeypatch.setenv("https_proxy", f"http://{proxy.address}")
    if "beside" in variables:
        monkeypatch.setenv("no_proxy", "")
    name = variables.partition(" ")[0]
    for url, fetch in (
        (settings.token_url, lambda: TokenSource(settings).fetch()),
        (settings.url, lambda: ShortSession(settings).run()),
    ):
        monkeypatch.setenv(name, exceptions.format(port=url.split("/")[2].partition(":")[2]))
        proxy.asked.clear()
        fetch()
        assert any(url.split("/")[2] in asked for asked in proxy.asked) is not straight


@pytest.mark.parametrize(
    ("host", "exceptions", "straight"),
    [
        ("a.example.org", "example.org", True),
        ("a.example.org", ".example.org", True),
        ("a.example.org", "*.example.org", True),
        ("A.Example.ORG.", "example.org", True),
        ("example.org", ".example.org", True),
        ("badexample.org", "example.org", False),
        ("a.example.org", "example.org:443", True),
        ("a.example.org", "example.org:8443", False),
        ("::1", "::1", True),
        ("::1", "[::1]", True),
        ("::1", "[::1]:443", True),
        ("::1", "[::1]:8443", False),
        ("::1", "::1/128", True),
        ("fd00::5", "fd00::/8", True),
        ("fd00::5", "[fd00::]/8:443", True),
        ("fd00::5", "fe80::/10", False),
        ("192.168.1.9", "192.168.1.0/24", True),
        ("192.168.2.9", "192.168.1.0/24", False),
        ("192.168.1.9", "192.168.1.7/24", True),
        # asterisks
        ("a.example.org", "*", True),
        ("a.example.org", "*:443", True),
        ("a.example.org", "*:8443", False),
        ("fd00::5", "*:443", True),
        ("192.168.1.9", "192.168.*", True),
        ("192.168.1.9", "192.168.*.*:443", True),
        ("192.168.1.9", "192.168.*:8443", False),
        ("192.169.1.9", "192.168.*", False),
        ("192.168.example.org", "192.168.*", False),
        ("printer-3.house.lan", "printer-*", True),
        ("printer-3.house.lan", "printer-*.lan", True),
        ("a.printer.house.lan", "*.house.*", True),
        ("plotter.house.lan", "printer-*", False),
        ("badexample.org", "*.example.org", False),
        # ports
        ("a.example.org", "example.org:", True),
        ("a.example.org", "example.org:*", True),
        ("a.example.org", "example.org:0443", True),
        ("::1", "[::1]:", True),
        ("a.example.org", "example.org:https", False),
        # spellings
        ("a.example.org", "EXAMPLE.Org", True),
        ("a.example.org", "example.org.", True),
        ("a.example.org.", "..example.org.:443", True),
        ("b\u00fccher.example", "xn--bcher-kva.example", True),
        ("xn--bcher-kva.example", "b\u00fccher.example", True),
        ("XN--BCHER-KVA.example", "B\u00dcCHER.example.", True),
        ("a.b\u00fccher.example", "*.b\u00fccher.example:443", True),
        ("a.b\u00fccher.example", ".xn--bcher-kva.EXAMPLE", True),
        ("b\u00fccher\u3002example", "xn--bcher-kva.example", True),
        ("b\u00fccher.example", "bucher.example", False),
        # addresses of IPv6
        ("FD00:0:0::5", "fd00::5", True),
        ("fd00::5", "[FD00::]/8", True),
        ("fd00::5", "[fd00::/8]", True),
        ("fe80::1%eth0", "fe80::/10", True),
        ("::ffff:192.168.1.9", "192.168.1.0/24", True),
        ("192.168.1.9", "fd00::/8", False),
        ("fd00::5", "fd00::5:443", False),
    ],
)
def test_every_form_of_exception_is_understood(
    host: str, exceptions: str, *, straight: bool
) -> None:
    assert goes_straight(host, 443, exceptions) is straight


@given(st.text(), st.text())
def test_no_list_of_exceptions_raises(host: str, exceptions: str) -> None:
    goes_straight(host, 443, exceptions)


class Refusing(Tunnels):
    """A proxy that asks for a name and a password, and notes what was asked for."""

    def serve(self, client: socket.socket) -> None:
        self._note_request(client)
        with client:
            client.sendall(b"HTTP/1.1 407 Proxy Authentication Required\r\n")
            client.sendall(b"Content-Type: text/html\r\nContent-Length: 6\r\n\r\n<html>")


@pytest.mark.parametrize(("scheme", "asks"), [("http", "GET"), ("https", "CONNECT")])
def test_a_proxy_that_asks_for_a_password_is_named(
    monkeypatch: pytest.MonkeyPatch, scheme: str, asks: str
) -> None:
    with Refusing() as proxy:
        monkeypatch.setenv(f"{scheme}_proxy", f"http://{proxy.address}")
        with pytest.raises(TokenError) as refused:
            TokenSource(ServiceSettings(token_url=f"{scheme}://[::1]:8443/token")).fetch()
        settings = ServiceSettings(url=f"ws{scheme.removeprefix('http')}://[::1]:8443/v3/ws")
        outcome = Transport(settings, "t", NeverOpened()).run()
        assert [request.split()[0] for request in proxy.asked] == [asks, "CONNECT"]
        assert all("[::1]:8443" in request.split("\r\n")[0] for request in proxy.asked)
    for found in (refused.value.outcome, outcome):
        fault = fault_for(found)
        assert fault
        assert fault.what == "Proxy refuses"


@pytest.mark.parametrize(
    "answer",
    [
        b"HTTP/1.1 302 Found\r\nLocation: http://hotel.example/login\r\n\r\n",
        b"HTTP/1.1 403 Forbidden\r\nContent-Type: text/html\r\n\r\n<html>",
        b"HTTP/1.1 405 Method Not Allowed\r\n\r\n",
        b"HTTP/1.1 502 Bad Gateway\r\n\r\n",
        b"HTTP/1.1 503\r\n\r\n",
        b"<html><body>Welcome</body></html>\r\n",
    ],
)
def test_a_proxy_that_lets_nothing_through_is_named(
    monkeypatch: pytest.MonkeyPatch, answer: bytes
) -> None:
    with Answering(answer) as proxy:
        monkeypatch.setenv("https_proxy", f"http://guest:secret@{proxy.address}")
        with pytest.raises(TokenError) as refused:
            TokenSource(ServiceSettings(token_url="https://127.0.0.2/token")).fetch()
        outcome = Transport(ServiceSettings(url="wss://127.0.0.2/v3/ws"), "t", NeverOpened()).run()
        assert [request.split()[0] for request in proxy.asked] == ["CONNECT", "CONNECT"]
    for found in (refused.value.outcome, outcome):
        assert found.cause is Cause.PROXY_REFUSES
        fault = fault_for(found)
        assert fault
        assert (fault.what, fault.remedy) == ("Proxy refuses", "check https_proxy")


def test_a_name_and_password_in_the_address_never_replace_the_secret(tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("the-secret")
    with ScriptedService() as service:
        url = service.token_url.replace("://", "://somebody:else@")
        TokenSource(
            ServiceSettings(token_url=url, token_secret_file=str(tmp_path / "secret"))
        ).fetch()
        TokenSource(ServiceSettings(token_url=url)).fetch()
    asked = [request.headers["Authorization"] for request in service.token_requests]
    assert asked == ["Bearer the-secret", "Basic c29tZWJvZHk6ZWxzZQ=="]


def test_a_netrc_never_replaces_the_secret(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / ".netrc").write_text("default login somebody password else\n")
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("NETRC", str(tmp_path / ".netrc"))
    (tmp_path / "secret").write_text("the-secret")
    with ScriptedService() as service:
        TokenSource(
            ServiceSettings(token_url=service.token_url, token_secret_file=str(tmp_path / "secret"))
        ).fetch()
    assert service.token_requests[0].headers["Authorization"] == "Bearer the-secret"
    with Web(says(204)) as web:
        call(web.url, Message("box", "lamp", "lamp", ""))
    assert "Authorization" not in web.requests[0].headers
