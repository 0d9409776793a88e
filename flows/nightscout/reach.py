"""Which addresses a site's name may stand for. Knows nothing of who asks, and of no connection.

A person at a command line may name any site. A site typed into a server's form is asked from the server's own network,
so it must not reach what only that network can: link-local and metadata addresses never, private ones only where an
operator saved or listed the site.
"""

from __future__ import annotations

from enum import Enum, auto
from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address, ip_network

from flows.environment import environment_now, variable
from flows.errors import Reason, Refused
from flows.language.catalogue import to_translate
from flows.nightscout.site_memory import site_key
from flows.settings import site_url

Address = IPv4Address | IPv6Address

# Addresses at which a cloud or a host tells whoever asks its secrets, beside the link-local 169.254.169.254.
METADATA = frozenset(
    ip_address(text)
    for text in (
        "100.100.100.200",  # Alibaba
        "168.63.129.16",  # Azure; a public address
        "192.0.0.192",  # Oracle, first generation
        "fd00:ec2::254",  # Amazon
        "fd20:ce::254",  # Google
        "fd00:42::42",  # Scaleway
        "fd00:c1::a9fe:a9fe",  # Oracle
    )
)
# For a proxy of the environment, which looks names up itself; without one the address decides.
METADATA_NAMES = frozenset(
    {
        "metadata",
        "metadata.google.internal",
        "metadata.goog",
        "instance-data",
        "instance-data.ec2.internal",
        "metadata.tencentyun.com",
        "metadata.platformequinix.com",
    }
)
UNUSABLE = (ip_network("0.0.0.0/8"), ip_network("240.0.0.0/4"), ip_network("fec0::/10"))
NAT64 = IPv6Network("64:ff9b::/96")
LOCAL_NAT64 = IPv6Network("64:ff9b:1::/48")
IPV4_COMPATIBLE = IPv6Network("::/96")

NEVER = to_translate("its name stands for a link-local, metadata or other special address")
PRIVATE = to_translate("its name stands for an address of a private network or of the server's own machine")
UNSEEN = to_translate("its name is looked up by a proxy only, so that its address cannot be checked")
NEVER_REMEDY = to_translate(
    "Give the address of the Nightscout page itself; such addresses are asked from the command line only."
)
PRIVATE_REMEDY = to_translate(
    "Save the site as a Nightscout Site block and name that, or let the operator add its address to "
    "AUTOTUNE_ALLOWED_SITES of the worker; the command line (`autotune propose --site`) needs neither."
)


class Reach(Enum):
    """What may be asked: all (a person's command line), not link-local and metadata, or public addresses only."""

    ANYWHERE, PRIVATE_TOO, PUBLIC_ONLY = auto(), auto(), auto()


class AddressKind(Enum):
    """What an address is, the worst first."""

    NEVER, PRIVATE, PUBLIC = auto(), auto(), auto()


def is_listed(site: str) -> bool:
    """Whether the operator named this site: in AUTOTUNE_ALLOWED_SITES, or as AUTOTUNE_NIGHTSCOUT_SITE.

    Raises:
        Refused: `SITE_URL` for an address there that is none.
    """
    environment = environment_now()
    named = [environment.nightscout_site or "", *(environment.allowed_sites or "").split(",")]
    try:
        return site_key(site) in {site_key(site_url(one)) for one in named if one.strip()}
    except Refused as refusal:
        which = f"{variable('allowed_sites')} or {variable('nightscout_site')} holds one that is none"
        raise Refused(Reason.SITE_URL, detail=which) from refusal


def kind_of(text: str) -> AddressKind:
    """What an address is, also by the IPv4 address that is written inside an IPv6 one.

    Args:
        text: as `getaddrinfo` and `getpeername` give it, with or without a scope.
    """
    address = ip_address(text.partition("%")[0])
    return min((_kind(a) for a in (address, *_inside(address))), key=lambda kind: kind.value)


def check_address(text: str, reach: Reach) -> None:
    """Refuse an address that is out of reach.

    Raises:
        Refused: `SITE_NOT_ALLOWED`; the address itself is not told.
    """
    if reach is Reach.ANYWHERE:
        return
    kind = kind_of(text)
    if kind is AddressKind.NEVER:
        raise Refused(Reason.SITE_NOT_ALLOWED, detail=NEVER, remedy=NEVER_REMEDY)
    if kind is AddressKind.PRIVATE and reach is Reach.PUBLIC_ONLY:
        raise Refused(Reason.SITE_NOT_ALLOWED, detail=PRIVATE, remedy=PRIVATE_REMEDY)


def check_name(host: str, reach: Reach) -> None:
    """Refuse a host's name by itself, for a proxy that may know other names than this machine.

    Raises:
        Refused: `SITE_NOT_ALLOWED`.
    """
    if reach is not Reach.ANYWHERE and host.rstrip(".").lower() in METADATA_NAMES:
        raise Refused(Reason.SITE_NOT_ALLOWED, detail=NEVER, remedy=NEVER_REMEDY)


def check_unseen(reach: Reach) -> None:
    """Refuse a name that only a proxy can look up, where its address decides whether it may be asked.

    Raises:
        Refused: `SITE_NOT_ALLOWED`.
    """
    if reach is Reach.PUBLIC_ONLY:
        raise Refused(Reason.SITE_NOT_ALLOWED, detail=UNSEEN, remedy=PRIVATE_REMEDY)


def _kind(address: Address) -> AddressKind:
    special = address.is_link_local or address.is_multicast or address.is_unspecified or address in METADATA
    if special or any(address.version == net.version and address in net for net in UNUSABLE):
        return AddressKind.NEVER
    # `is_global` is false for the shared addresses of carriers (100.64.0.0/10) too, which `is_private` leaves out.
    wrapped = isinstance(address, IPv6Address) and (address in NAT64 or address.ipv4_mapped is not None)
    local = isinstance(address, IPv6Address) and address in LOCAL_NAT64  # newer versions of Python know it
    return AddressKind.PUBLIC if (address.is_global or wrapped) and not local else AddressKind.PRIVATE


def _inside(address: Address) -> list[Address]:
    """The IPv4 addresses that an IPv6 address may lead to."""
    if isinstance(address, IPv4Address):
        return []
    inside: list[Address | None] = [address.ipv4_mapped, address.sixtofour, *(address.teredo or ())]
    in_last_bits = address in NAT64 or address in LOCAL_NAT64 or address in IPV4_COMPATIBLE
    if in_last_bits and int(address) > 1:  # :: and ::1 are no IPv4 addresses
        inside.append(IPv4Address(int(address) & 0xFFFFFFFF))
    return [found for found in inside if found is not None]
