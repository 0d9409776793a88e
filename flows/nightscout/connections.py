"""How a site is connected to: its name is looked up once, its addresses are checked, and only these are connected to.

So neither a name, nor a redirect, nor a name that changes its address between two look-ups leads elsewhere, and nothing
is sent before. Behind a proxy of the environment the proxy connects: what the name stands for on this machine is
checked, and what the proxy makes of it is the proxy's.
"""

from __future__ import annotations

import functools
import socket
from typing import Any
from urllib.parse import urlsplit

import requests
from requests.adapters import HTTPAdapter
from requests.utils import select_proxy
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.exceptions import ConnectTimeoutError, LocationParseError, NameResolutionError, NewConnectionError
from urllib3.util.connection import allowed_gai_family

from flows.nightscout.reach import Reach, check_address, check_name, check_unseen

MAX_CONNECTIONS = 4


class CheckedAdapter(HTTPAdapter):
    """Sends requests for a site within its reach."""

    def __init__(self, reach: Reach) -> None:
        self._reach = reach
        super().__init__(pool_maxsize=MAX_CONNECTIONS)

    def init_poolmanager(self, *arguments: Any, **named: Any) -> None:
        """As that of requests, with connections that check where they lead to."""
        super().init_poolmanager(*arguments, **named)
        self.poolmanager.pool_classes_by_scheme = _pools(self._reach)

    def send(self, request: requests.PreparedRequest, *arguments: Any, **named: Any) -> requests.Response:
        """Send a request.

        Raises:
            Refused: `SITE_NOT_ALLOWED`, before anything is sent.
        """
        url = request.url or ""
        host = urlsplit(url).hostname or ""
        check_name(host, self._reach)
        if self._reach is not Reach.ANYWHERE and select_proxy(url, named.get("proxies")):
            try:
                found = _looked_up(host, None)
            except (OSError, UnicodeError):
                check_unseen(self._reach)
                found = []
            for address in found:
                check_address(address, self._reach)
        return super().send(request, *arguments, **named)


def session_within(reach: Reach, session: requests.Session | None = None) -> requests.Session:
    """A session, by default a new one, whose connections stay within the reach."""
    made = session or requests.Session()
    for scheme in ("https://", "http://"):
        made.mount(scheme, CheckedAdapter(reach))
    return made


def _looked_up(host: str, port: int | None) -> list[str]:
    """The addresses of a name, each once. A number written in any way, such as 2130706433, is an address too."""
    found = socket.getaddrinfo(host.strip("[]"), port, allowed_gai_family(), socket.SOCK_STREAM)
    return list(dict.fromkeys(str(address[0]) for *_, address in found))


@functools.cache
def _pools(reach: Reach) -> dict[str, Any]:
    if reach is Reach.ANYWHERE:
        return {"http": HTTPConnectionPool, "https": HTTPSConnectionPool}

    class _Checked(HTTPConnection):
        def _new_conn(self) -> socket.socket:
            return _connected(self, super()._new_conn, reach)

    class _CheckedTLS(HTTPSConnection):
        def _new_conn(self) -> socket.socket:
            return _connected(self, super()._new_conn, reach)

    class _Pool(HTTPConnectionPool):
        ConnectionCls = _Checked

    class _PoolTLS(HTTPSConnectionPool):
        ConnectionCls = _CheckedTLS

    return {"http": _Pool, "https": _PoolTLS}


def _connected(connection: HTTPConnection, connect: Any, reach: Reach) -> socket.socket:
    """A socket to the first address that answers, all being within reach."""
    name = connection._dns_host
    try:
        addresses = _looked_up(name, connection.port)
    except socket.gaierror as error:
        raise NameResolutionError(connection.host, connection, error) from error
    except UnicodeError:
        raise LocationParseError("the host, whose label is empty or too long") from None
    for address in addresses:  # one that is out of reach refuses the name: an answer may be put together on purpose
        check_address(address, reach)
    failure: Exception | None = None
    for address in addresses:
        # The address in place of the name for this one call: TLS and the Host header go on by the name.
        connection._dns_host = address
        try:
            made: socket.socket = connect()
        except (NewConnectionError, ConnectTimeoutError) as error:
            failure = error
            continue
        finally:
            connection._dns_host = name
        try:
            check_address(str(made.getpeername()[0]), reach)
        except BaseException:
            made.close()
            raise
        return made
    raise failure or NewConnectionError(connection, "the name stands for no address")
