from pathlib import Path

import pytest

from appliance.servers.listening import ServerError, check_certificate, listening_socket
from tests.rig.certificates import self_signed


def test_a_certificate_with_its_key_is_accepted_and_none_is_needed(tmp_path: Path) -> None:
    check_certificate(self_signed(tmp_path).file, tmp_path / "key.pem")
    check_certificate(None, None)


@pytest.mark.parametrize("wrong", ["certificate", "key"])
@pytest.mark.parametrize("content", [None, b"", b"no certificate", b"\xff\x00", "another"])
def test_a_certificate_that_can_not_be_used_is_named_with_what_to_do(
    tmp_path: Path, wrong: str, content: bytes | str | None
) -> None:
    certificate = self_signed(tmp_path).file
    files = {"certificate": certificate, "key": tmp_path / "key.pem"}
    files[wrong] = tmp_path / "wrong.pem"
    if content == "another":
        (tmp_path / "other").mkdir()
        self_signed(tmp_path / "other")
        files[wrong] = tmp_path / "other" / f"{wrong}.pem"
    elif isinstance(content, bytes):
        files[wrong].write_bytes(content)
    with pytest.raises(
        ServerError, match=r"pem can't be used: .+\. Name files in PEM form"
    ) as error:
        check_certificate(files["certificate"], files["key"])
    assert str(files[wrong]) in str(error.value)


@pytest.mark.parametrize("host", ["192.0.2.1", "no.such.host.invalid", "2001:db8::1", "256.1.1.1"])
def test_an_address_that_is_not_of_this_machine_is_an_error(host: str) -> None:
    with pytest.raises(ServerError, match=f"Can't listen on {host}, port 0: .+ another --host"):
        listening_socket(host, 0)
