"""What a proxy in front of the page says counts only where the settings name that proxy by its address.

Behind a published port of Docker every client may come from one address. So an address alone proves nobody: to sign
somebody on a proxy brings a secret as well.
"""

from __future__ import annotations

import hmac
import ipaddress
from enum import Enum, auto

from starlette.datastructures import Headers
from starlette.types import Scope

from flows.web.proxy_settings import SECRET_HEADER, ProxySettings

UNKNOWN = "unknown"


class ProxyWord(Enum):
    """What a proxy says of who asks: nothing, that it knows the person, or what only a proxy of ours may say."""

    NOTHING, KNOWN, FORGED = auto(), auto(), auto()


def client_address(scope: Scope, proxy: ProxySettings) -> str:
    """Who asks, so far as it is known: whose attempts are counted together."""
    peer = _peer(scope)
    if not proxy.is_at(peer):
        return peer
    named = ",".join(Headers(scope=scope).getlist("X-Forwarded-For")).split(",")
    for address in (name.strip() for name in reversed(named)):  # the last is what our own proxy saw
        if not _is_address(address):
            return peer
        if not proxy.is_at(address):
            return address
    return peer


def asked_hosts(scope: Scope, proxy: ProxySettings) -> list[str]:
    """The names by which the page is asked for: one, in a request that is as it should be."""
    headers = Headers(scope=scope)
    if proxy.is_at(_peer(scope)) and (forwarded := headers.getlist("X-Forwarded-Host")):
        return forwarded
    return headers.getlist("Host")


def proxy_word(scope: Scope, proxy: ProxySettings) -> ProxyWord:
    """Whether a proxy says that it knows who asks."""
    headers = Headers(scope=scope)
    if proxy.sign_on_header is None or not (named := headers.getlist(proxy.sign_on_header)):
        return ProxyWord.NOTHING
    secrets = headers.getlist(SECRET_HEADER)
    secret = proxy.secret or ""
    right = len(secrets) == 1 and bool(secret) and hmac.compare_digest(secrets[0].encode(), secret.encode())
    if not (right and proxy.is_at(_peer(scope)) and len(named) == 1):
        return ProxyWord.FORGED
    return ProxyWord.KNOWN if named[0].strip() else ProxyWord.NOTHING


def _peer(scope: Scope) -> str:
    client = scope.get("client")
    return str(client[0]) if client else UNKNOWN


def _is_address(text: str) -> bool:
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return True
