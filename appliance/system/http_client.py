"""HTTP requests and open streams: one way to the network for all parts.

Every connection has a total time limit, tries all addresses of its host, trusts the same
authorities, and takes the same proxy. Nothing is read from `.netrc`.
"""

import contextlib
import socket
from collections.abc import Iterator, Sequence
from http.client import HTTPException
from urllib.parse import urlsplit

import requests
import urllib3
from requests.adapters import HTTPAdapter
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.exceptions import (
    ConnectTimeoutError,
    LocationParseError,
    NewConnectionError,
)

from appliance.core.network_errors import ProxyRefusedError
from appliance.system.connector import SocketOption, connect
from appliance.system.proxy import DEFAULT_PORTS, Proxy, proxy_for
from appliance.system.time_limit import TimeLimit
from appliance.system.trust import tls_context

TUNNEL_FAILED = "Tunnel connection failed"
"""What http.client says when a proxy answers `CONNECT` with another status than 200."""

Timeouts = float | tuple[float, float]
"""Seconds to connect, and seconds to wait for each part of the answer."""


def request(
    method: str,
    url: str,
    limit: TimeLimit,
    *,
    headers: dict[str, str],
    timeout: Timeouts,
    data: bytes | None = None,
    ca_file: str = "",
) -> requests.Response:
    """Return the answer to a request, with its body still to be read.

    Redirections are not followed.

    Args:
        method: "GET" or "POST".
        url: the address (http or https).
        limit: the total, up to the end of the body.
        headers: what to send, a key or secret among it.
        timeout: for each step.
        data: the body.
        ca_file: more authorities to trust.

    Raises:
        requests.RequestException, OSError, ValueError: there is no answer.
    """
    proxy = proxy_for(url) if "://" in url else None
    with requests.Session() as session:
        session.trust_env = False  # neither .netrc, which replaces the secret, nor variables
        adapter = _Adapter(limit, proxy, ca_file if url.startswith("https:") else None)
        session.mount("http://", adapter)
        session.mount("https://", adapter)
        return session.request(
            method,
            url,
            headers={"Connection": "close", **headers},
            data=data,
            auth=_as_it_is if "Authorization" in headers else None,  # not that of the address
            timeout=timeout,
            allow_redirects=False,
            stream=True,
            proxies={"all": proxy.url} if proxy else {},
        )


def open_socket(
    url: str, limit: TimeLimit, *, ca_file: str = "", options: Sequence[SocketOption] = ()
) -> socket.socket:
    """Return a socket to the host of an address (http, https, ws or wss), over TLS if it says so.

    Raises:
        OSError, ValueError, HTTPException, urllib3.exceptions.HTTPError: it can't be reached.
    """
    parts = urlsplit(url)
    host, port = parts.hostname or "", parts.port or DEFAULT_PORTS[parts.scheme]
    if not host:
        raise ValueError("the address has no host")
    proxy = proxy_for(url)
    place = (proxy.host, proxy.port) if proxy else (host, port)
    is_secure = parts.scheme in ("https", "wss")
    plain, secure = _connections(limit, ca_file if is_secure else None, options)
    connection: HTTPConnection = secure(*place) if is_secure else plain(*place)
    if proxy:
        connection.set_tunnel(host, port, headers=_proxy_headers(proxy))
    connection.connect()
    stream: socket.socket = connection.sock
    return stream


def pool_manager(limit: TimeLimit, ca_file: str | None, proxy: Proxy | None) -> urllib3.PoolManager:
    """Return a pool of connections for one request; without TLS, `ca_file` is None."""
    plain, secure = _connections(limit, ca_file)
    http = type("HttpPool", (HTTPConnectionPool,), {"ConnectionCls": plain})
    https = type("HttpsPool", (HTTPSConnectionPool,), {"ConnectionCls": secure})
    manager = urllib3.PoolManager(retries=False)
    if proxy:
        headers = _proxy_headers(proxy)
        manager = urllib3.ProxyManager(proxy.url, proxy_headers=headers, retries=False)
    manager.pool_classes_by_scheme = {"http": http, "https": https}
    return manager


def _as_it_is(request: requests.PreparedRequest) -> requests.PreparedRequest:
    """Return a request that has its secret already."""
    return request


class _Adapter(HTTPAdapter):
    """Transport of requests over the connections of this module."""

    def __init__(self, limit: TimeLimit, proxy: Proxy | None, ca_file: str | None) -> None:
        self._manager = pool_manager(limit, ca_file, proxy)
        super().__init__()

    def init_poolmanager(self, *_: object, **__: object) -> None:
        """Take the pool that there is."""
        self.poolmanager = self._manager

    def get_connection_with_tls_context(
        self, request: requests.PreparedRequest, *_: object, **__: object
    ) -> HTTPConnectionPool:
        """Return the pool for a request."""
        return self._manager.connection_from_url(request.url or "")

    def get_connection(self, url: str | bytes, *_: object, **__: object) -> HTTPConnectionPool:
        """Return the pool for an address: requests before 2.32 asks so."""
        return self._manager.connection_from_url(str(url))

    def cert_verify(self, *_: object) -> None:
        """Leave the trust as it is: requests would add authorities of its own."""

    def proxy_manager_for(self, *_: object, **__: object) -> urllib3.PoolManager:
        """Return the pool."""
        return self._manager


def _proxy_headers(proxy: Proxy) -> dict[str, str]:
    if not proxy.username:
        return {}
    return urllib3.make_headers(proxy_basic_auth=f"{proxy.username}:{proxy.password}")


def _connections(
    limit: TimeLimit, ca_file: str | None, options: Sequence[SocketOption] = ()
) -> tuple[type[HTTPConnection], type[HTTPSConnection]]:
    """Return the classes of connections that end with a limit."""
    context = None if ca_file is None else tls_context(ca_file)

    class Plain(HTTPConnection):
        def connect(self) -> None:
            self.sock = _opened(self, limit, options)

    class Secure(HTTPSConnection):
        # Not urllib3's own: how that checks a certificate differs from release to release.
        def connect(self) -> None:
            if context is None:
                raise ValueError("the address asks for TLS all of a sudden")
            raw = _opened(self, limit, options)
            name = (self._tunnel_host or self.host).strip("[]").rstrip(".")
            try:
                self.sock = context.wrap_socket(raw, server_hostname=name)
            except BaseException:
                raw.close()
                raise
            self.is_verified = True

    return Plain, Secure


def _opened(
    connection: HTTPConnection, limit: TimeLimit, options: Sequence[SocketOption]
) -> socket.socket:
    """Return a socket to the host of a connection, through its proxy if it has one."""
    sock = connection.sock = _connected(connection, limit, options)
    if connection._tunnel_host:
        if ":" in connection._tunnel_host:  # older Pythons ask the proxy for `::1:443`
            connection._tunnel_host = f"[{connection._tunnel_host.strip('[]')}]"
        try:
            with _proxy_named():
                connection._tunnel()
        except BaseException:
            sock.close()
            raise
    return sock


@contextlib.contextmanager
def _proxy_named() -> Iterator[None]:
    """Raise `ProxyRefusedError` where a proxy answers with a refusal or a page."""
    try:
        yield
    except (ConnectionError, TimeoutError):
        raise
    except HTTPException:
        raise ProxyRefusedError("the proxy does not answer in HTTP") from None
    except OSError as error:  # all that http.client raises for a status
        if error.errno is None and TUNNEL_FAILED in str(error):
            raise ProxyRefusedError(str(error)) from None
        raise


def _connected(
    connection: HTTPConnection, limit: TimeLimit, options: Sequence[SocketOption]
) -> socket.socket:
    host = connection._dns_host
    try:
        return connect(host, connection.port or 80, limit, options)
    except UnicodeError:
        raise LocationParseError(f"{host!r} is no name") from None
    except TimeoutError as error:
        raise ConnectTimeoutError(connection, "no answer in time") from error
    except OSError as error:
        raise NewConnectionError(connection, str(error)) from error


FAILURES = (OSError, ValueError, HTTPException, urllib3.exceptions.HTTPError)
"""What `open_socket` raises when a host can't be reached."""
