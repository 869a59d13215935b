from pathlib import Path

import pytest

from appliance.system import network
from appliance.system.network import has_network

HEAD = "Iface\tDestination\tGateway\tFlags\tRefCnt\tUse\tMetric\tMask\tMTU\tWindow\tIRTT\n"
DEFAULT = "wlan0\t00000000\t0101A8C0\t0003\t0\t0\t600\t00000000\t0\t0\t0\n"
HOUSE = "wlan0\t0001A8C0\t00000000\t0001\t0\t0\t600\t00FFFFFF\t0\t0\t0\n"
DOWN = "wlan0\t0001A8C0\t00000000\t0000\t0\t0\t600\t00FFFFFF\t0\t0\t0\n"

NOWHERE = "0" * 32
REFUSED_6 = f"{NOWHERE} 00 {NOWHERE} 00 {NOWHERE} ffffffff 00000001 00000000 00200200       lo\n"
LINK_LOCAL_6 = (
    f"fe80{'0' * 28} 40 {NOWHERE} 00 {NOWHERE} 00000100 00000001 00000000 00000001    wlan0\n"
)
DEFAULT_6 = (
    f"{NOWHERE} 00 {NOWHERE} 00 fe80{'0' * 28} 00000400 00000001 00000000 00000003    wlan0\n"
)

SERVICE = "wss://service.example/v3/ws"


@pytest.mark.parametrize(
    ("routes", "routes_6", "reachable"),
    [
        (HEAD + DEFAULT + HOUSE, None, True),
        (HEAD + HOUSE, None, True),
        (HEAD + DOWN, None, False),
        (HEAD, REFUSED_6 + LINK_LOCAL_6, False),
        (HEAD, LINK_LOCAL_6 + DEFAULT_6, True),
        (None, None, False),
    ],
)
def test_there_is_a_network_where_packets_have_a_way_out(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    routes: str | None,
    routes_6: str | None,
    reachable: bool,
) -> None:
    for name, text in (("_ROUTES", routes), ("_ROUTES_6", routes_6)):
        path = tmp_path / name
        if text is not None:
            path.write_text(text, encoding="ascii")
        monkeypatch.setattr(network, name, path)
    assert has_network(SERVICE) is reachable
    assert has_network("ws://127.0.0.1:8765/v3/ws")


def test_what_the_kernel_says_here_is_understood() -> None:
    assert has_network(SERVICE) in (True, False)
