"""The appliance with taps on its microphone and a simulated OLED, to be pressed and killed.

python -m tests.benchmarks.tapped SETTINGS.toml TAPS: what PortAudio delivers is written to the
folder TAPS; for the rest see `device`.
"""

import socket
import sys
from pathlib import Path
from typing import Any

from appliance.settings import load
from appliance.system import log_setup
from tests.benchmarks.device import serve
from tests.benchmarks.taps import TappedAudio
from tests.rig.oled import Ssd1306

TWO_ADDRESSES = "two-addresses.test"
"""A name that this program alone can look up."""

SILENT_ADDRESS = "127.0.0.9"
"""The first of its addresses; the other one is 127.0.0.1."""


def resolve_two_addresses() -> None:
    """Let `TWO_ADDRESSES` have its addresses, without a name server."""
    real = socket.getaddrinfo

    def getaddrinfo(host: Any, *args: Any, **options: Any) -> list[Any]:  # noqa: ANN401
        hosts = (SILENT_ADDRESS, "127.0.0.1") if host == TWO_ADDRESSES else (host,)
        return [answer for one in hosts for answer in real(one, *args, **options)]

    socket.getaddrinfo = getaddrinfo


def main() -> None:
    """Be the appliance."""
    resolve_two_addresses()
    settings, taps = load(Path(sys.argv[1])), Path(sys.argv[2])
    log_setup.set_up()
    serve(settings, lambda: TappedAudio(taps), Ssd1306())


if __name__ == "__main__":
    main()
