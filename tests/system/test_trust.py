"""One trust for all: what `ca_file` and the environment name counts for every connection."""

import ssl
from collections.abc import Iterator
from pathlib import Path

import pytest

from appliance.core.network_errors import Cause, UnusableCertificatesError, cause_of
from appliance.maintenance.doctor.checks.network import Peer
from appliance.maintenance.doctor.result import Result
from appliance.mqtt.paho_client import MQTT_5, client_for
from appliance.servers.token_server.vendor import Vendor
from appliance.settings.schema import MqttSettings, ServiceSettings
from appliance.streaming.messages import TERMINATE
from appliance.streaming.outcomes import Outcome, Stage
from appliance.streaming.tokens import TokenError, TokenSource
from appliance.streaming.transport import Transport
from appliance.system.trust import tls_context
from appliance.voice_commands.actions.webhook import Message, call
from tests.rig.certificates import Certificate, self_signed
from tests.rig.service import ScriptedService
from tests.voice_commands.web import Web, says


class ShortSession:
    """A session that terminates as soon as it is open."""

    def __init__(self, settings: ServiceSettings, token: str) -> None:
        self.transport = Transport(settings, token, self)

    def opened(self) -> None:
        self.transport.send_message(TERMINATE)

    def received(self, frame: str | bytes) -> None:
        """Ignore it."""


def certificate_in(folder: Path, name: str) -> Certificate:
    (folder / name).mkdir()
    return self_signed(folder / name)


@pytest.fixture
def public(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Certificate:
    """A certificate that stands in for those of the public authorities."""
    for variable in ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "WEBSOCKET_CLIENT_CA_BUNDLE"):
        monkeypatch.setenv(variable, str(tmp_path / "nothing.pem"))
    certificate = certificate_in(tmp_path, "public")
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate.file))
    return certificate


@pytest.fixture
def own(tmp_path: Path) -> Certificate:
    """The owner's certificate, that `ca_file` names."""
    return certificate_in(tmp_path, "own")


@pytest.fixture
def cloud(public: Certificate) -> Iterator[ScriptedService]:
    with ScriptedService(tls=public.context) as cloud:
        yield cloud


@pytest.mark.parametrize("ca_file", [False, True])
def test_the_environment_means_the_same_everywhere(
    cloud: ScriptedService, own: Certificate, public: Certificate, *, ca_file: bool
) -> None:
    """With a `ca_file` of its own beside it, too: that one adds."""
    file = str(own.file) if ca_file else ""
    settings = ServiceSettings(url=cloud.url, token_url=cloud.token_url, ca_file=file)
    token = TokenSource(settings).fetch()
    assert ShortSession(settings, token).transport.run() == Outcome(Stage.SESSION, 1000)
    assert Peer.service(settings).connect().result is Result.FINE
    assert Vendor(lambda: cloud.api_key, cloud.api_token_url, ca_file=file).mint().token
    with Web(says(204), public.context) as web:
        call(web.url, Message("box", "lamp", "lamp", ""))
    assert web.requests


def test_a_cloud_and_a_fallback_of_ones_own_work_together(
    cloud: ScriptedService, own: Certificate
) -> None:
    with ScriptedService(tls=own.context) as house:
        for service in (cloud, house):
            settings = ServiceSettings(
                url=service.url, token_url=service.token_url, ca_file=str(own.file)
            )
            token = TokenSource(settings).fetch()
            assert ShortSession(settings, token).transport.run() == Outcome(Stage.SESSION, 1000)


@pytest.mark.parametrize("tls", [False, True])
def test_the_broker_trusts_the_same(public: Certificate, own: Certificate, *, tls: bool) -> None:
    file: bool | str = str(own.file) if tls else True
    client = client_for(MqttSettings(host="broker", tls=file), "", "box", None, MQTT_5)
    context = client._ssl_context
    assert context
    expected = [public, own] if tls else [public]
    assert serials(context) == {serial for named in expected for serial in serials_in(named)}


def serials(context: ssl.SSLContext) -> set[object]:
    return {certificate["serialNumber"] for certificate in context.get_ca_certs()}


def serials_in(certificate: Certificate) -> set[object]:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.load_verify_locations(certificate.file)
    return serials(context)


def test_without_a_word_from_the_owner_the_public_authorities_count(
    monkeypatch: pytest.MonkeyPatch, own: Certificate
) -> None:
    for variable in ("SSL_CERT_FILE", "SSL_CERT_DIR"):
        monkeypatch.delenv(variable, raising=False)
    many = len(tls_context().get_ca_certs())
    assert many > 50
    assert len(tls_context(str(own.file)).get_ca_certs()) == many + 1


def test_a_file_that_was_replaced_is_read_again(tmp_path: Path, public: Certificate) -> None:
    first, second = certificate_in(tmp_path, "first"), certificate_in(tmp_path, "second")
    file = tmp_path / "ca.pem"
    seen = []
    for certificate in (first, second):
        file.write_bytes(certificate.file.read_bytes())
        seen.append(serials(tls_context(str(file))))
    assert seen == [serials_in(public) | serials_in(one) for one in (first, second)]


@pytest.mark.parametrize("content", [None, b"", b"no certificate", b"\0" * 100])
def test_a_file_that_holds_no_certificate_is_named(tmp_path: Path, content: bytes | None) -> None:
    file = tmp_path / "ca.pem"
    if content is not None:
        file.write_bytes(content)
    with pytest.raises(UnusableCertificatesError) as refused:
        tls_context(str(file))
    assert cause_of(refused.value) is Cause.CA_FILE
    settings = ServiceSettings(token_url="https://127.0.0.1:9/token", ca_file=str(file))
    with pytest.raises(TokenError) as no_token:
        TokenSource(settings).fetch()
    assert no_token.value.outcome.cause is Cause.CA_FILE
