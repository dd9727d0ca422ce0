"""Which names and addresses mean this machine: pure functions, no I/O."""

from __future__ import annotations

from functools import lru_cache
from ipaddress import IPv4Address, IPv6Address, ip_address


@lru_cache(maxsize=256)
def name_of(host: str) -> str:
    """The name or address in a Host header (RFC 9110, 7.2): without the port, in lower case."""
    name, _, port = host.rpartition(":")
    if not name or not (port.isdecimal() or not port):
        name = host
    return name.removeprefix("[").removesuffix("]").removesuffix(".").lower()


@lru_cache(maxsize=256)
def is_address(name: str) -> bool:
    """Whether *name* is an address: one that no DNS server can point somewhere else."""
    return _address(name) is not None


@lru_cache(maxsize=256)
def is_loopback(name: str) -> bool:
    """Whether *name* is this machine, seen from itself: `localhost` (RFC 6761, 6.3) or a loopback address."""
    if name == "localhost" or name.endswith(".localhost"):
        return True
    address = _address(name)
    return address is not None and address.is_loopback


@lru_cache(maxsize=256)
def network_of(address: str) -> str:
    """What one client has for itself: an IPv4 address, or the first 64 bits of an IPv6 address."""
    found = _address(address)
    return str(int(found) >> 64) if isinstance(found, IPv6Address) else str(found or address)


def _address(text: str) -> IPv4Address | IPv6Address | None:
    try:
        found = ip_address(text)
    except ValueError:
        return None
    # A socket that takes both kinds shows an IPv4 client as ::ffff:127.0.0.1.
    return getattr(found, "ipv4_mapped", None) or found
