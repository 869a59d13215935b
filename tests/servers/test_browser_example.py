"""The vendor's example for browsers, with the token server and the local service.

Its page names no model, asks for `formatted_finals` as older guides do, and comes from another
origin than both servers.
"""

import functools
import http.server
import threading
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlencode

import pytest

from appliance.servers.local_service.server import LocalService
from appliance.servers.token_server.server import Options, TokenServer
from tests.rig.programs import need
from tests.rig.waiting import wait_until
from tests.servers.chromium import Chromium
from tests.servers.local_service.conftest import SAMPLES
from tests.servers.local_service.doubles import ScriptedEngine

PAGE = Path(__file__).with_name("browser_example.html")
IS_THERE = "document.readyState == 'complete' && document.getElementById('button') != null"
WORDS = [(word, "") for word in ["the", "words", "will", "appear"]]

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("chromium")]


class _Pages(http.server.SimpleHTTPRequestHandler):
    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - its name there
        pass


@pytest.fixture
def page() -> Iterator[str]:
    """Return the page's address, on a server of its own."""
    handler = functools.partial(_Pages, directory=str(PAGE.parent))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever, name="pages")
        thread.start()
        yield f"http://localhost:{server.server_port}/{PAGE.name}"
        server.shutdown()
        thread.join()


def tokens_from(service: LocalService, folder: Path, *, allow_local: bool = True) -> TokenServer:
    """Return a token server whose vendor is the local service."""
    (folder / "key").write_text("any-key")
    options = Options(
        port=0,
        secrets=folder / "register",
        api_key_file=folder / "key",
        allow_local=allow_local,
        service_url=service.token_url.replace("/token", "/v3/token"),
    )
    return TokenServer(options)


def opened(page: str, folder: Path, token_url: str, url: str) -> Chromium:
    need("chromium")
    query = urlencode({"token_url": token_url, "url": url})
    return Chromium(folder / "profile", SAMPLES / "sample.wav", f"{page}?{query}")


def click(browser: Chromium) -> None:
    browser.evaluate("document.getElementById('button').click()")


def test_the_page_shows_what_is_said(page: str, tmp_path: Path) -> None:
    with (
        LocalService(engine=ScriptedEngine(WORDS)) as service,
        tokens_from(service, tmp_path) as tokens,
        opened(page, tmp_path, tokens.url, service.url) as browser,
    ):
        wait_until(lambda: browser.evaluate(IS_THERE), within=60)
        click(browser)
        wait_until(lambda: browser.text("state") not in ("idle", ""), within=60)
        assert browser.text("state") == "recording"
        wait_until(lambda: browser.text("words") == "the words will appear", within=60)
        click(browser)
        wait_until(lambda: browser.text("state").startswith("closed"), within=60)
        assert browser.text("state") == "closed: 1000"
        assert browser.text("words") == "The words will appear."


def test_the_page_reads_why_it_gets_no_token(page: str, tmp_path: Path) -> None:
    with (
        LocalService(engine=ScriptedEngine()) as service,
        tokens_from(service, tmp_path, allow_local=False) as tokens,
        opened(page, tmp_path, tokens.url, service.url) as browser,
    ):
        wait_until(lambda: browser.evaluate(IS_THERE), within=60)
        click(browser)
        wait_until(lambda: browser.text("state") not in ("idle", ""), within=60)
        assert browser.text("state") == "no token: No appliance added"
