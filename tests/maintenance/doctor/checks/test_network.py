import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from appliance.maintenance.doctor.checks.network import Peer
from appliance.maintenance.doctor.result import Result
from appliance.settings.schema import ServiceSettings
from tests.rig.certificates import self_signed
from tests.rig.service import ScriptedService


def service_at(url: str, ca_file: str = "") -> Peer:
    """Return a peer with more time than a busy machine takes."""
    return Peer.service(ServiceSettings(url=url, ca_file=ca_file))._replace(timeout=60.0)


@pytest.fixture
def closed_port() -> Iterator[int]:
    """A port at which nobody listens."""
    with socket.socket() as reserved:
        reserved.bind(("127.0.0.1", 0))
        yield reserved.getsockname()[1]


# Names


def test_a_name_leads_to_an_address() -> None:
    try:
        socket.getaddrinfo("localhost", 80)
    except OSError:
        pytest.skip("this machine has no /etc/hosts that names localhost")
    found = service_at("ws://localhost/v3/ws").look_up()
    assert found.result is Result.FINE
    assert found.found.startswith(("localhost is 127.0.0.1", "localhost is ::1"))


def test_an_address_needs_no_look_up() -> None:
    assert service_at("ws://127.0.0.1/v3/ws").look_up().found == "127.0.0.1 is an address already"


def test_an_unknown_name_is_reported_in_the_words_of_the_oled() -> None:
    found = service_at("wss://no-such-host.invalid/v3/ws").look_up()
    assert found.result is Result.FAILED
    assert found.found.startswith("No network (no-such-host.invalid: ")
    assert found.remedy == "check Wi-Fi or cable"


def test_an_invalid_address_is_reported() -> None:
    found = service_at("wss://127.0.0.1:99999/v3/ws").look_up()
    assert found.result is Result.FAILED
    assert found.found.startswith("Setting refused (127.0.0.1:99999")
    assert found.remedy == "check address and key"


# Who answers


def test_a_certificate_that_nobody_trusts_is_reported_in_the_words_of_the_oled(
    tmp_path: Path,
) -> None:
    with ScriptedService(tls=self_signed(tmp_path).context) as service:
        found = service_at(service.url).connect()
    assert found.result is Result.FAILED
    assert found.found == f"Service not trusted (127.0.0.1:{service.port}: self-signed certificate)"
    assert found.remedy == "check ca_file"


def test_a_certificate_for_another_host_is_reported(tmp_path: Path) -> None:
    certificate = self_signed(tmp_path, "127.0.0.2")
    with ScriptedService(tls=certificate.context) as service:
        found = service_at(service.url, str(certificate.file)).connect()
    assert found.result is Result.FAILED
    assert "Service not trusted" in found.found
    assert "127.0.0.1" in found.found


def test_a_certificate_of_the_owners_is_trusted(tmp_path: Path) -> None:
    certificate = self_signed(tmp_path)
    with ScriptedService(tls=certificate.context) as service:
        found = service_at(service.url, str(certificate.file)).connect()
    assert found.result is Result.FINE
    assert "TLSv1.3" in found.found
    assert "GMT" in found.found


def test_a_file_of_certificates_that_is_not_there_is_reported(tmp_path: Path) -> None:
    with ScriptedService(tls=self_signed(tmp_path).context) as service:
        found = service_at(service.url, str(tmp_path / "none.pem")).connect()
    assert found.result is Result.FAILED
    assert found.remedy == "check ca_file"


def test_a_host_that_refuses_is_reported_in_the_words_of_the_oled(closed_port: int) -> None:
    found = service_at(f"wss://127.0.0.1:{closed_port}/v3/ws").connect()
    assert found.result is Result.FAILED
    assert found.found == (f"Can't reach the service (127.0.0.1:{closed_port}: Connection refused)")
    assert found.remedy == "check the network"


def test_a_peer_that_speaks_no_tls_is_reported() -> None:
    with ScriptedService() as service:
        found = service_at(service.url.replace("ws://", "wss://")).connect()
    assert found.result is Result.FAILED


def test_a_host_that_never_answers_is_reported_in_the_words_of_the_oled() -> None:
    with socket.create_server(("127.0.0.1", 0)) as mute:
        peer = service_at(f"wss://127.0.0.1:{mute.getsockname()[1]}/v3/ws")
        found = peer._replace(timeout=0.1).connect()
    assert found.result is Result.FAILED
    assert found.found.startswith("Can't reach the service (127.0.0.1:")


def test_without_tls_this_machine_alone_is_fine() -> None:
    with ScriptedService() as service:
        found = service_at(service.url).connect()
    assert found.result is Result.FINE
    assert "on this machine" in found.found


# The token server


def test_the_token_server_is_another_peer_only_where_it_is_another_host() -> None:
    url = "wss://streaming.example/v3/ws"
    minted = ServiceSettings(url=url)
    beside = ServiceSettings(url=url, token_url="https://streaming.example/token")
    on_fallback = ServiceSettings(url=url, token_url="https://tokens.example/token?key=secret")
    assert Peer.token_server(minted) is None
    assert Peer.token_server(beside) is None
    assert str(Peer.token_server(on_fallback)) == "tokens.example"


def test_a_password_in_an_address_is_never_shown(closed_port: int) -> None:
    address = f"https://somebody:hunter2@127.0.0.1:{closed_port}/token"
    peer = Peer.token_server(ServiceSettings(token_url=address))
    assert peer
    found = peer.connect()
    assert found.result is Result.FAILED
    assert "hunter2" not in str(found)


def test_an_invalid_token_url_is_reported() -> None:
    peer = Peer.token_server(ServiceSettings(token_url="https://[::1/token"))
    assert peer
    assert peer.look_up().found.startswith("Setting refused")
