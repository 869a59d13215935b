"""The way to a service: straight, or through the proxy that the environment names.

Both libraries read `https_proxy`, `http_proxy` and `no_proxy`, each in a way of its own. The
connection takes the way that its token took: what requests makes of the environment.
"""

from typing import Any
from urllib.parse import urlsplit

from requests.utils import get_auth_from_url, get_environ_proxies, select_proxy

from appliance.core.network_errors import UnusableProxyError


def way_to(url: str) -> dict[str, Any]:
    """Return the arguments of `run_forever` that lead to this address (ws or wss).

    Raises:
        UnusableProxyError: the proxy's address is none, or it is no HTTP proxy.
    """
    alike = "http" + url.removeprefix("ws")
    proxy = select_proxy(alike, get_environ_proxies(alike))
    if not proxy:
        return {"http_no_proxy": ["*"]}
    try:
        address = urlsplit(proxy if "://" in proxy else f"http://{proxy}")
        host, port = address.hostname, address.port or 80
    except ValueError:
        raise UnusableProxyError("the proxy's address is none") from None
    if address.scheme != "http" or not host:
        # Others need packages of their own, and TLS to a proxy the library can't do.
        raise UnusableProxyError("the proxy is not one at http://")
    return {
        "proxy_type": "http",
        "http_proxy_host": host,
        "http_proxy_port": port,
        "http_proxy_auth": get_auth_from_url(address.geturl()),
    }
