"""TCP proxy on the loopback: the network between the appliance and a service.

It buffers almost nothing, so that what it does not forward stays with the sender.
"""

import math
import socket
import threading
from types import TracebackType
from typing import Self
from urllib.parse import urlsplit

from tests.rig import packets
from tests.rig.link import BUFFER, Link
from tests.rig.listener import Listener


class Proxy:
    """Forwards connections to a port of 127.0.0.1 until the `with` block ends.

    It begins as a good network: everything is forwarded at once.
    """

    def __init__(self, target_port: int) -> None:
        self._target_port = target_port
        self._uplink_rate = math.inf
        self._paused = threading.Event()
        self._links: list[Link] = []
        self._lock = threading.Lock()
        self._closed = False

    def __enter__(self) -> Self:
        self._listener = Listener("proxy", self._serve, receive_buffer=BUFFER)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        with self._lock:
            self._closed = True
        self.cut()
        self._listener.close()

    @property
    def port(self) -> int:
        """The port to connect to."""
        return self._listener.port

    def route(self, url: str) -> str:
        """Return this URL with the proxy's address."""
        return urlsplit(url)._replace(netloc=f"127.0.0.1:{self.port}").geturl()

    def lead_to(self, port: int) -> None:
        """Forward new connections to another port from now on, and reset the open ones."""
        self._target_port = port
        self.cut()

    def pause(self) -> None:
        """Forward nothing in either direction; all sockets stay open, new ones connect."""
        self._paused.set()

    def resume(self) -> None:
        """Forward again, including everything that waited."""
        self._paused.clear()

    def cut(self) -> None:
        """Reset every connection on both sides, and return once that is done."""
        links = self._open_links()
        for link in links:
            link.cut()
        for link in links:
            link.wait_until_ended()

    def refuse(self, seconds: float = math.inf) -> None:
        """Refuse new connections, for some seconds or until `accept`."""
        self._listener.refuse(seconds)

    def accept(self) -> None:
        """Accept new connections again."""
        self._listener.accept()

    def throttle(self, bytes_per_second: float) -> None:
        """Forward no more than this from the clients to the service; `math.inf` ends it."""
        self._uplink_rate = bytes_per_second

    def blackhole(self) -> None:
        """Let the clients' packets vanish: nothing is acknowledged, connecting gets no answer."""
        self.pause()
        self._listener.vanish()
        for link in self._open_links():
            link.vanish()

    def end_blackhole(self) -> None:
        """Let packets through again; the clients' kernels repeat what was lost."""
        for link in self._open_links():
            link.reappear()
        self.accept()
        self.resume()

    def _open_links(self) -> list[Link]:
        with self._lock:
            self._links = [link for link in self._links if not link.has_ended]
            return self._links.copy()

    def _serve(self, client: socket.socket) -> None:
        try:
            upstream = socket.create_connection(("127.0.0.1", self._target_port), timeout=10)
        except OSError:
            packets.reset(client)
            return
        link = Link(client, upstream, self._paused, lambda: self._uplink_rate)
        with self._lock:
            self._links.append(link)
            if self._closed:
                link.cut()
        link.forward()
