"""Self-signed certificate for the loopback."""

import ssl
import subprocess
from pathlib import Path
from typing import NamedTuple

from tests.rig.programs import need


class Certificate(NamedTuple):
    """Certificate as a server needs it (`context`) and as a client trusts it (`file`)."""

    context: ssl.SSLContext
    file: Path


def self_signed(folder: Path, address: str = "127.0.0.1") -> Certificate:
    """Make a certificate for this address with the `openssl` command, valid from now for a day."""
    need("openssl")
    key, file = folder / "key.pem", folder / "certificate.pem"
    command = ["openssl", "req", "-x509", "-nodes", "-days", "1", "-subj", "/CN=rig"]
    command += ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1"]
    command += ["-addext", f"subjectAltName=IP:{address}"]
    command += ["-keyout", str(key), "-out", str(file)]
    subprocess.run(command, check=True, capture_output=True)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(file, key)
    return Certificate(context, file)
