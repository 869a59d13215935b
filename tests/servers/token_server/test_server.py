import logging
import shutil
import signal
import socket
import subprocess
import sys
import threading
from pathlib import Path

import pytest
import requests

from appliance.servers.token_server.register import Register
from appliance.servers.token_server.server import Options, TokenServer, TokenServerError
from tests.rig.certificates import self_signed
from tests.rig.service import ScriptedService
from tests.servers.token_server.token_servers import appliance, options, refused, register

UNIT = Path(__file__).parents[3] / "systemd" / "token-server" / "appliance-token-server.service"


def test_over_tls_at_both_ends(tmp_path: Path) -> None:
    certificate = self_signed(tmp_path)
    secret = register(tmp_path).add("kitchen")
    with ScriptedService(tls=certificate.context) as vendor:
        settings = options(
            tmp_path,
            vendor,
            certificate=certificate.file,
            key=tmp_path / "key.pem",
            ca_file=certificate.file,
        )
        with TokenServer(settings) as server:
            assert server.url.startswith("https://")
            source = appliance(server, secret, tmp_path, ca_file=str(certificate.file))
            assert source.fetch() == vendor.tokens[0].value
            distrusting = TokenServer(options(tmp_path, vendor))
            with distrusting:
                met = refused(appliance(distrusting, secret, tmp_path))
            assert met == (502, "Service out of reach")


def test_an_address_of_version_6(tmp_path: Path) -> None:
    with ScriptedService() as vendor:
        try:
            server = TokenServer(options(tmp_path, vendor, host="::1"))
        except TokenServerError:
            pytest.skip("there is no IPv6 here")
        with server:
            assert requests.get(server.url, timeout=20).json()["token"]


def test_a_port_that_is_taken_is_a_sentence(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(TokenServerError, match=f"port {port}: Address already in use. Name"):
            TokenServer(Options(port=port, secrets=tmp_path / "none"))


def test_a_certificate_that_can_not_be_used_is_a_sentence(tmp_path: Path) -> None:
    self_signed(tmp_path)
    garbage = tmp_path / "garbage.pem"
    garbage.write_text("no certificate")
    for certificate, key in [
        (tmp_path / "nowhere.pem", tmp_path / "key.pem"),
        (garbage, tmp_path / "key.pem"),
        (tmp_path / "certificate.pem", garbage),
    ]:
        settings = Options(port=0, secrets=tmp_path / "none", certificate=certificate, key=key)
        with pytest.raises(TokenServerError, match="can't be used: "):
            TokenServer(settings)


def test_certificates_to_trust_that_are_none_are_a_sentence(tmp_path: Path) -> None:
    with pytest.raises(TokenServerError, match="nowhere can't be used: No such file"):
        TokenServer(Options(port=0, secrets=tmp_path / "none", ca_file=tmp_path / "nowhere"))


def test_it_does_not_start_with_a_damaged_register(tmp_path: Path) -> None:
    (tmp_path / "appliances.json").write_text("{")
    with pytest.raises(TokenServerError, match="is damaged"):
        TokenServer(Options(port=0, secrets=tmp_path / "appliances.json"))


def test_it_says_why_only_this_machine_is_served(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with ScriptedService() as vendor:
        with TokenServer(options(tmp_path, vendor)):
            pass
        assert "only this machine is served" in caplog.text
        assert "token-server add NAME" in caplog.text
        caplog.clear()
        register(tmp_path).add("kitchen")
        with TokenServer(options(tmp_path, vendor)):
            pass
        assert caplog.text == ""
        with TokenServer(options(tmp_path, vendor, host="0.0.0.0")):
            pass
        assert "cross the network unprotected" in caplog.text


def test_without_a_key_it_says_so_and_serves_all_the_same(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with ScriptedService() as vendor:
        settings = options(tmp_path, vendor)
        (tmp_path / "key").write_text("")
        with TokenServer(settings) as server:
            assert refused(appliance(server, "", tmp_path)) == (503, "No API key")
    assert "nobody gets a token until it is there" in caplog.text


def test_what_it_started_ends_with_it(tmp_path: Path) -> None:
    with ScriptedService() as vendor, TokenServer(options(tmp_path, vendor)) as server:
        url = server.url
        assert requests.get(url, timeout=20).ok
    names = {thread.name for thread in threading.enumerate()}
    assert not [name for name in names if name.startswith(("token-server", "mint"))]
    with pytest.raises(requests.ConnectionError):
        requests.get(url, timeout=20)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_systemd_is_told_when_it_serves_and_a_signal_ends_it(
    tmp_path: Path, number: signal.Signals
) -> None:
    """Run it as a process of its own, on the register alone."""
    Register(tmp_path / "appliances.json").add("kitchen")
    code = (
        "from pathlib import Path\n"
        "from appliance.servers.token_server.server import Options, serve\n"
        f"serve(Options(port=0, secrets=Path({str(tmp_path / 'appliances.json')!r})))"
    )
    address = str(tmp_path / "notify")
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as systemd:
        systemd.bind(address)
        systemd.settimeout(60)
        environment = {"NOTIFY_SOCKET": address, "WATCHDOG_USEC": "4000000", "PATH": "/usr/bin"}
        process = subprocess.Popen([sys.executable, "-c", code], env=environment)
        try:
            assert systemd.recv(100) == b"READY=1"
            assert systemd.recv(100) == b"WATCHDOG=1"
            process.send_signal(number)
            assert process.wait(60) == 0
        finally:
            process.kill()
            process.wait()


def test_the_unit_may_do_little() -> None:
    program = shutil.which("systemd-analyze")
    if program is None:
        pytest.skip("needs systemd-analyze")
    tenths_of_exposure = 15
    rating = subprocess.run(
        [program, "security", "--offline=true", f"--threshold={tenths_of_exposure}", UNIT],
        check=False,
        capture_output=True,
        text=True,
    )
    assert rating.returncode == 0, rating.stdout + rating.stderr


def test_the_log_of_uvicorn_stays_quiet(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    with (
        ScriptedService() as vendor,
        caplog.at_level(logging.DEBUG, "appliance"),
        TokenServer(options(tmp_path, vendor)) as server,
    ):
        requests.get(f"{server.url}?a=b", timeout=20)
    assert not [record for record in caplog.records if record.name.startswith("uvicorn")]
