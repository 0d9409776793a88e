"""What the page is told of a proxy in front of it: its addresses, and whether it may say who somebody is."""

from __future__ import annotations

import ipaddress
import re
from dataclasses import dataclass, field

from flows.environment import Environment
from flows.errors import Reason, Refused

SECRET_HEADER = "X-Autotune-Proxy-Secret"  # noqa: S105 - a header's name
SHORTEST_SECRET = 20  # characters
HEADER_NAME = re.compile(r"[A-Za-z][A-Za-z0-9-]*")
# What every browser or proxy sends can say nothing of a person.
USUAL = frozenset({"host", "cookie", "authorization", "origin", "user-agent", "accept", "connection", "content-type"})
ProxyNetwork = ipaddress.IPv4Network | ipaddress.IPv6Network


@dataclass(frozen=True)
class ProxySettings:
    """A proxy in front of the page.

    Attributes:
        networks: its addresses; what it says of the client counts only from these.
        sign_on_header: in which it names whom it has let in; `None` where it lets nobody in.
        secret: that it brings along in the header `X-Autotune-Proxy-Secret`.
    """

    networks: tuple[ProxyNetwork, ...] = ()
    sign_on_header: str | None = None
    secret: str | None = field(default=None, repr=False)

    @classmethod
    def of(cls, environment: Environment) -> ProxySettings:
        """As the environment has it.

        Raises:
            Refused: `PAGE_PROXY`, or `FILE_MISSING` where the secret's file cannot be read.
        """
        networks = tuple(_network(text) for text in (environment.page_proxy or "").split(",") if text.strip())
        header, secret = environment.page_sign_on_header, environment.secret("page_proxy_secret")
        if header is not None:
            if not HEADER_NAME.fullmatch(header) or header.lower() in USUAL:
                raise Refused(Reason.PAGE_PROXY, detail="AUTOTUNE_PAGE_SIGN_ON_HEADER is no name of such a header")
            if not networks:
                raise Refused(Reason.PAGE_PROXY, detail="AUTOTUNE_PAGE_PROXY does not say where the proxy is")
            if len(secret or "") < SHORTEST_SECRET:
                raise Refused(
                    Reason.PAGE_PROXY, detail="AUTOTUNE_PAGE_PROXY_SECRET is missing or shorter than 20 characters"
                )
        return cls(networks, header, secret)

    def is_at(self, address: str) -> bool:
        """Whether an address is the proxy's."""
        try:
            known = ipaddress.ip_address(address)
        except ValueError:
            return False
        if isinstance(known, ipaddress.IPv6Address) and known.ipv4_mapped:
            known = known.ipv4_mapped
        return any(known.version == network.version and known in network for network in self.networks)


def _network(text: str) -> ProxyNetwork:
    try:
        return ipaddress.ip_network(text.strip())
    except ValueError:
        raise Refused(Reason.PAGE_PROXY, detail="AUTOTUNE_PAGE_PROXY has something that is no address") from None
