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

from appliance.servers.listening import ServerError
from appliance.servers.token_server.register import Register
from appliance.servers.token_server.server import Options, TokenServer
from tests.rig.certificates import self_signed
from tests.rig.service import ScriptedService
from tests.servers.token_server.token_servers import appliance, options, refused, register

UNIT = Path(__file__).parents[3] / "systemd" / "token-server" / "appliance-token-server.service"


def test_tls_to_the_appliance_and_to_the_vendor(tmp_path: Path) -> None:
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


def test_an_ipv6_address(tmp_path: Path) -> None:
    with ScriptedService() as vendor:
        try:
            server = TokenServer(options(tmp_path, vendor, host="::1"))
        except ServerError:
            pytest.skip("there is no IPv6 here")
        with server:
            assert requests.get(server.url, timeout=20).json()["token"]


def test_a_port_in_use_is_an_error(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(ServerError, match=f"port {port}: Address already in use. Name"):
            TokenServer(Options(port=port, secrets=tmp_path / "none"))


def test_a_certificate_that_can_not_be_used_is_an_error(tmp_path: Path) -> None:
    self_signed(tmp_path)
    garbage = tmp_path / "garbage.pem"
    garbage.write_text("no certificate")
    for certificate, key in [
        (tmp_path / "nowhere.pem", tmp_path / "key.pem"),
        (garbage, tmp_path / "key.pem"),
        (tmp_path / "certificate.pem", garbage),
    ]:
        settings = Options(port=0, secrets=tmp_path / "none", certificate=certificate, key=key)
        with pytest.raises(ServerError, match="can't be used: "):
            TokenServer(settings)


def test_a_missing_ca_file_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(ServerError, match="nowhere can't be used: No such file"):
        TokenServer(Options(port=0, secrets=tmp_path / "none", ca_file=tmp_path / "nowhere"))


def test_a_damaged_register_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "appliances.json").write_text("{")
    with pytest.raises(ServerError, match="is damaged"):
        TokenServer(Options(port=0, secrets=tmp_path / "appliances.json"))


def test_the_log_explains_what_is_open(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    with ScriptedService() as vendor:
        with TokenServer(options(tmp_path, vendor)):
            pass
        assert "every program on this machine gets tokens without a secret" in caplog.text
        assert "never behind a proxy" in caplog.text
        caplog.clear()
        with TokenServer(options(tmp_path, vendor, allow_local=False)):
            pass
        assert "so nobody is served: appliance token-server add NAME" in caplog.text
        assert "--allow-local" not in caplog.text
        caplog.clear()
        register(tmp_path).add("kitchen")
        register(tmp_path).remove("kitchen")
        with TokenServer(options(tmp_path, vendor)):
            pass
        assert "so nobody is served: appliance token-server add NAME" in caplog.text
        assert "--allow-local is only for a server that never had one" in caplog.text
        caplog.clear()
        register(tmp_path).add("kitchen")
        with TokenServer(options(tmp_path, vendor)):
            pass
        assert caplog.text == ""
        with TokenServer(options(tmp_path, vendor, host="0.0.0.0")):
            pass
        assert "cross the network unprotected" in caplog.text


def test_without_an_api_key_it_warns_and_runs(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with ScriptedService() as vendor:
        settings = options(tmp_path, vendor)
        (tmp_path / "key").write_text("")
        with TokenServer(settings) as server:
            assert refused(appliance(server, "", tmp_path)) == (503, "No API key")
    assert "nobody gets a token until it is there" in caplog.text


def test_no_thread_and_no_socket_outlive_it(tmp_path: Path) -> None:
    with ScriptedService() as vendor, TokenServer(options(tmp_path, vendor)) as server:
        url = server.url
        assert requests.get(url, timeout=20).ok
    names = {thread.name for thread in threading.enumerate()}
    assert not [name for name in names if name.startswith(("token-server", "mint"))]
    with pytest.raises(requests.ConnectionError):
        requests.get(url, timeout=20)


def test_it_notifies_systemd_and_ends_on_a_signal(tmp_path: Path) -> None:
    """Run it in a process of its own, with a register and no key."""
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
            process.send_signal(signal.SIGTERM)
            assert process.wait(60) == 0
        finally:
            process.kill()
            process.wait()


def test_the_units_exposure_is_low() -> None:
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


def test_uvicorn_logs_nothing(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    with (
        ScriptedService() as vendor,
        caplog.at_level(logging.DEBUG, "appliance"),
        TokenServer(options(tmp_path, vendor)) as server,
    ):
        requests.get(f"{server.url}?a=b", timeout=20)
    assert not [record for record in caplog.records if record.name.startswith("uvicorn")]
