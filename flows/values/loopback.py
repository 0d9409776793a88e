"""Whether a host's name stands for this machine alone, so that nobody else can reach what is served there."""

from __future__ import annotations

import ipaddress


def is_loopback(host: str) -> bool:
    """Whether a name stands for this machine alone."""
    if host == "localhost" or host.endswith(".localhost"):
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
