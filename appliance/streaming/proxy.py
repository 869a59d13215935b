"""The way to a service: straight, or through the proxy that the environment names.

Both libraries read `https_proxy`, `http_proxy` and `no_proxy`, each in a way of its own. The
connection takes the way that its token took: what requests makes of the environment.
"""

from typing import Any
from urllib.parse import urlsplit

from requests.utils import get_auth_from_url, get_environ_proxies, select_proxy


def way_to(url: str) -> dict[str, Any]:
    """Return the arguments of `run_forever` that lead to this address (ws or wss).

    Raises:
        ValueError: the proxy's address is none.
    """
    alike = "http" + url.removeprefix("ws")
    proxy = select_proxy(alike, get_environ_proxies(alike))
    if not proxy:
        return {"http_no_proxy": ["*"]}
    address = urlsplit(proxy if "://" in proxy else f"http://{proxy}")
    return {
        "proxy_type": "http",
        "http_proxy_host": address.hostname,
        "http_proxy_port": address.port or 80,
        "http_proxy_auth": get_auth_from_url(address.geturl()),
    }
