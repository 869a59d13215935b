"""Headless Chromium on one page, driven over the DevTools protocol."""

import itertools
import json
import os
import signal
import subprocess
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import requests
import websocket

from tests.rig.waiting import wait_until

START_TIMEOUT = 60.0
"""Seconds until the browser has its page, on a busy machine."""


class Chromium:
    """A browser that hears a WAV file as its microphone, and asks nobody's leave for that.

    Args:
        folder: an empty folder for its profile.
        wav: what the microphone hears, again and again.
        url: the page.
    """

    def __init__(self, folder: Path, wav: Path, url: str) -> None:
        self._numbers = itertools.count(1)
        self._process = subprocess.Popen(
            [
                "chromium",
                "--headless=new",
                "--no-sandbox",  # root has none
                "--disable-gpu",
                "--disable-dev-shm-usage",
                "--no-first-run",
                "--remote-debugging-port=0",
                "--remote-allow-origins=*",
                f"--user-data-dir={folder}",
                "--autoplay-policy=no-user-gesture-required",
                "--use-fake-ui-for-media-stream",
                "--use-fake-device-for-media-stream",
                f"--use-file-for-fake-audio-capture={wav}",
                url,
            ],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            env={**os.environ, "HOME": str(folder)},
            start_new_session=True,
        )
        try:
            self._socket = self._page(folder / "DevToolsActivePort")
        except BaseException:
            self._end()
            raise

    def evaluate(self, expression: str) -> Any:  # noqa: ANN401 - whatever the page returns
        """Return the value of an expression of JavaScript."""
        number = next(self._numbers)
        params = {"expression": expression, "returnByValue": True, "userGesture": True}
        self._socket.send(
            json.dumps({"id": number, "method": "Runtime.evaluate", "params": params})
        )
        while (answer := json.loads(self._socket.recv())).get("id") != number:
            pass
        assert "exceptionDetails" not in answer["result"], answer
        return answer["result"]["result"].get("value")

    def text(self, element: str) -> str:
        """Return the text of the element with this id."""
        return str(self.evaluate(f"document.getElementById('{element}').textContent"))

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._socket.close()
        self._end()

    def _page(self, port_file: Path) -> websocket.WebSocket:
        def has_port() -> bool:
            assert self._process.poll() is None, "the browser has ended"
            return port_file.exists() and "\n" in port_file.read_text()

        wait_until(has_port, START_TIMEOUT)
        address = f"http://127.0.0.1:{port_file.read_text().split()[0]}/json"
        pages: list[str] = []

        def has_page() -> bool:
            targets = requests.get(address, timeout=START_TIMEOUT).json()
            pages.extend(t["webSocketDebuggerUrl"] for t in targets if t["type"] == "page")
            return bool(pages)

        wait_until(has_page, START_TIMEOUT)
        page = websocket.create_connection(pages[0], timeout=START_TIMEOUT)
        assert isinstance(page, websocket.WebSocket)
        return page

    def _end(self) -> None:
        # Debian's program is a script, and the browser has processes of its own; nothing of the
        # profile needs to be saved.
        os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()
