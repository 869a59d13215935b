import pytest
from hypothesis import given
from hypothesis import strategies as st
from starlette.requests import Request

from appliance.servers.web_pages import WebPages

LAN = "192.168.1.10:8765"
PAGES = WebPages(["https://captions.example.org/"], ["Speech.example.org"])


def refusal(pages: WebPages, host: str, origin: str | None = None) -> str | None:
    headers = [(b"host", host.encode("latin-1"))]
    if origin is not None:
        headers.append((b"origin", origin.encode("latin-1")))
    found = pages.refusal(Request({"type": "http", "headers": headers}))
    assert found is None or found.status == (421 if "is not called" in found.words else 403)
    return found.words if found else None


@pytest.mark.parametrize(
    "host",
    [
        "127.0.0.1:8765", LAN, "[::1]:8765", "[fe80::1%eth0]", "localhost", "app.localhost:1",
        "box", "box:8765", "box.local", "BOX.LOCAL:80", "box.lan", "box.home", "box.home.arpa",
        "a.b.internal", "pc.fritz.box", "speech.example.org", "SPEECH.example.org:443",
    ],
)  # fmt: skip
def test_addresses_and_names_that_nobody_can_register_are_the_servers_own(host: str) -> None:
    assert refusal(PAGES, host) is None
    assert refusal(PAGES, host, f"http://{host}".lower()) is None, "its own page"


@pytest.mark.parametrize(
    "host",
    [
        "", "evil.example.org", "evil.example.org:8765", "127.0.0.1.example.org", "127.0.0.1:1:2",
        "x.local.example.org", "192.168.1.10.nip.io", "box.local.", "a b", "\xff",
        "localhost@evil.example.org", "evil.example.org#.local",
    ],
)  # fmt: skip
def test_any_other_name_may_be_a_strangers(host: str) -> None:
    for origin in (None, f"http://{host}", "https://captions.example.org", "http://localhost"):
        assert "this server is not called" in (refusal(PAGES, host, origin) or "")
    assert refusal(WebPages(any_name=True), host) is None, "a certificate proves it"


@pytest.mark.parametrize(
    ("origin", "is_allowed"),
    [
        ("https://captions.example.org", True),
        ("https://CAPTIONS.example.org", True),
        ("http://captions.example.org", False),
        ("https://captions.example.org.evil.example", False),
        ("http://localhost", True),
        ("http://localhost:3000", True),
        ("https://127.0.0.1:8080", True),
        ("http://[::1]:8080", True),
        ("http://localhost.evil.example:80", False),
        ("http://localhost:80@evil.example", False),
        (f"http://{LAN}", True),
        (f"https://{LAN}", True),
        ("http://192.168.1.10:8766", False),
        (f"ftp://{LAN}", False),
        (f"http://{LAN}.evil.example", False),
        ("null", False),
        ("", False),
        ("http://[", False),
        ("\xff", False),
    ],
)
def test_pages_of_the_server_of_its_owner_and_of_the_browsers_machine_are_allowed(
    origin: str, is_allowed: bool
) -> None:
    assert (refusal(PAGES, LAN, origin) is None) == is_allowed


@given(st.text(st.characters(max_codepoint=255)), st.text(st.characters(max_codepoint=255)))
def test_any_header_is_judged_in_a_short_printable_sentence(host: str, origin: str) -> None:
    sentence = refusal(PAGES, host, origin)
    assert sentence is None or (sentence.isascii() and sentence.isprintable())
    assert len(sentence or "") < 500
