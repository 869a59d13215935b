"""HTTP proxy that the environment names, as options of the WebSocket library.

Both libraries read `https_proxy`, `http_proxy` and `no_proxy`, each in its own way. A connection
takes the way that its token took: the way in which requests reads them.
"""

from typing import Any
from urllib.parse import urlsplit

from requests.utils import get_auth_from_url, get_environ_proxies, select_proxy

from appliance.core.network_errors import UnusableProxyError


def proxy_options(url: str) -> dict[str, Any]:
    """Return the arguments of `run_forever` for an address (ws or wss): a proxy, or none.

    Raises:
        UnusableProxyError: the proxy's address is invalid, or it is not an HTTP proxy.
    """
    as_http = "http" + url.removeprefix("ws")
    proxy = select_proxy(as_http, get_environ_proxies(as_http))
    if not proxy:
        return {"http_no_proxy": ["*"]}
    try:
        address = urlsplit(proxy if "://" in proxy else f"http://{proxy}")
        host, port = address.hostname, address.port or 80
    except ValueError:
        raise UnusableProxyError("the proxy's address is invalid") from None
    if address.scheme != "http" or not host:
        # Other kinds need packages of their own, and the library can't speak TLS to a proxy.
        raise UnusableProxyError("the proxy's address does not start with http://")
    return {
        "proxy_type": "http",
        "http_proxy_host": host,
        "http_proxy_port": port,
        "http_proxy_auth": get_auth_from_url(address.geturl()),
    }
