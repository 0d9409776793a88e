"""The page's own addresses: by which names it may be asked for, and which path of a request is below its prefix.

A name that is not its own is refused: a foreign page could point a name of its own at this machine and then read.
"""

from __future__ import annotations

from urllib.parse import urlsplit

from flows.values.loopback import is_loopback
from flows.web.page_settings import PageSettings

LOOPBACK = ("127.0.0.1", "localhost", "[::1]")
DEFAULT_PORTS = {"http": 80, "https": 443}


def own_origins(settings: PageSettings) -> dict[str, str]:
    """The origin that a browser names, by each value of `Host` under which the page is asked for."""
    known: dict[str, str] = {}
    for name in LOOPBACK:
        known |= _names("http", name, settings.port)
    parts = urlsplit(settings.url)
    host = f"[{parts.hostname}]" if ":" in (parts.hostname or "") else str(parts.hostname)
    return known | _names(parts.scheme, host, parts.port or DEFAULT_PORTS[parts.scheme])


def _names(scheme: str, host: str, port: int) -> dict[str, str]:
    if port != DEFAULT_PORTS[scheme]:
        return {f"{host}:{port}": f"{scheme}://{host}:{port}"}
    return {host: f"{scheme}://{host}", f"{host}:{port}": f"{scheme}://{host}"}


def is_secure(origin: str) -> bool:
    """Whether what is sent to it can be read by nobody on the way: https, or this machine."""
    parts = urlsplit(origin)
    return parts.scheme == "https" or is_loopback(parts.hostname or "")


def path_below(prefix: str, path: str) -> str:
    """The path of a request without the prefix, whether the proxy left it there or took it away."""
    if prefix and (path == prefix or path.startswith(f"{prefix}/")):
        path = path[len(prefix) :]
    return path or "/"
