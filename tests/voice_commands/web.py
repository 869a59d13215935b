"""Web server on the loopback that answers as a test says: well, badly, slowly or never."""

import json
import ssl
import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, NamedTuple, Self


class Request(NamedTuple):
    """Request of a client."""

    path: str
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:  # noqa: ANN401 - whatever was posted
        """Return what the body says."""
        return json.loads(self.body)


Behaviour = Callable[["Web", BaseHTTPRequestHandler], None]


class Web(ThreadingHTTPServer):
    """Notes every request, and behaves as told; used in a `with` statement.

    `released` is set at the end, when nothing may hang any more.
    """

    daemon_threads = True

    def __init__(self, behaviour: Behaviour, tls: ssl.SSLContext | None = None) -> None:
        self.requests: list[Request] = []
        self.released = threading.Event()
        web = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                web.requests.append(Request(self.path, dict(self.headers), body))
                behaviour(web, self)

            def do_GET(self) -> None:
                web.requests.append(Request(self.path, dict(self.headers), b""))
                behaviour(web, self)

            def log_message(self, *_: object) -> None:
                pass

        super().__init__(("127.0.0.1", 0), Handler)
        self._scheme = "https" if tls else "http"
        if tls:
            self.socket = tls.wrap_socket(self.socket, server_side=True)
        self._thread = threading.Thread(target=self.serve_forever, args=(0.02,), name="web")

    @property
    def url(self) -> str:
        """Where it is, without a path."""
        return f"{self._scheme}://127.0.0.1:{self.server_port}"

    def handle_error(self, *_: object) -> None:
        """Say nothing of clients that hang up."""

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.released.set()
        self.shutdown()
        self._thread.join()
        self.server_close()


def says(status: int, **headers: str) -> Behaviour:
    """Answer with a status and headers."""

    def answer(_: Web, handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(status)
        for name, value in headers.items():
            handler.send_header(name, value)
        handler.end_headers()

    return answer


def hangs(web: Web, _: BaseHTTPRequestHandler) -> None:
    """Take the request and never answer."""
    web.released.wait()


def hangs_up(_: Web, handler: BaseHTTPRequestHandler) -> None:
    """Take the request and close the connection."""
    handler.close_connection = True


def sends(answer: bytes) -> Behaviour:
    """Answer with these bytes."""

    def send(_: Web, handler: BaseHTTPRequestHandler) -> None:
        handler.wfile.write(answer)

    return send


def drips(answer: bytes) -> Behaviour:
    """Answer with these bytes, and then with a byte every now and then, for ever."""

    def drip(web: Web, handler: BaseHTTPRequestHandler) -> None:
        handler.wfile.write(answer)
        while not web.released.wait(0.05):
            handler.wfile.write(b".")

    return drip
