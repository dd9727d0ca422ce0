"""Which names and addresses mean this machine: pure functions, no I/O."""

from __future__ import annotations

from functools import lru_cache
from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address

_NAT64 = IPv6Network("64:ff9b::/96")


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


def is_public(address: str) -> bool:
    """Whether an address is one of the whole internet's: of no private network, no link, not this machine."""
    found = _address(address.partition("%")[0])
    if isinstance(found, IPv6Address):
        # What carries an IPv4 address inside leads there: 6to4 (RFC 3056), Teredo (RFC 4380), NAT64 (RFC 6052).
        if found in _NAT64:
            return _is_global(IPv4Address(int(found) & 0xFFFFFFFF))
        inner = [found.sixtofour, *(found.teredo or ())]
        if any(one is not None and not _is_global(one) for one in inner):
            return False
    return found is not None and _is_global(found)


def _is_global(address: IPv4Address | IPv6Address) -> bool:
    return address.is_global and not address.is_multicast and not address.is_reserved
