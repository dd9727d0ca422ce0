"""Which names and addresses mean this machine: pure functions, no I/O."""

from __future__ import annotations

import re
from functools import lru_cache
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from typing import NamedTuple

_PORTS = {"http": 80, "https": 443}
_PORT_DIGITS = 5
_ORIGIN = re.compile(r"([a-z][a-z0-9+.-]*)://((?:\[[0-9a-f:.]+\]|[^\s/:@?#,\[\]]+)(?::[0-9]{1,5})?)", re.ASCII)
# What the IANA IPv4 and IPv6 Special-Purpose Address Registries do not call globally reachable, multicast and
# deprecated networks included. Not `ipaddress.is_global`: what it says depends on the Python release.
_SPECIAL_IPV4 = tuple(
    map(
        IPv4Network,
        (
            *("0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16", "172.16.0.0/12"),
            *("192.0.0.0/24", "192.0.2.0/24", "192.88.99.0/24", "192.168.0.0/16", "198.18.0.0/15"),
            *("198.51.100.0/24", "203.0.113.0/24", "224.0.0.0/4", "240.0.0.0/4"),
        ),
    )
)
_GLOBAL_UNICAST = IPv6Network("2000::/3")  # all that the IANA assigns for it: site-local fec0::/10 is outside
# Protocol assignments (Teredo among them), documentation twice.
_SPECIAL_IPV6 = tuple(map(IPv6Network, ("2001::/23", "2001:db8::/32", "3fff::/20")))
_NAT64 = IPv6Network("64:ff9b::/96")  # RFC 6052, 2.1
# The upper half of an interface identifier of ISATAP (RFC 5214, 6.1): 0000:5efe, or 0200:5efe for an address that is
# unique in the world.
_ISATAP, _ISATAP_MASK = 0x5EFE, ~0x02000000 & 0xFFFFFFFF


class Origin(NamedTuple):
    """An origin of pages (RFC 6454, section 4): the name in lower case, an IPv6 address without its brackets.

    *port* is 0 where the origin names none and its scheme has no default port.
    """

    scheme: str
    name: str
    port: int


@lru_cache(maxsize=256)
def origin_of(text: str) -> Origin | None:
    """The origin that a browser writes so in an Origin header; None: it is none, such as `null`."""
    found = _ORIGIN.fullmatch(text.lower())
    if found is None:
        return None
    name, port = split(found[2])
    return Origin(found[1], name, default_port(found[1]) if port is None else port)


def default_port(scheme: str) -> int:
    """The port of an address that names none; 0: the scheme has no default port."""
    return _PORTS.get(scheme, 0)


@lru_cache(maxsize=256)
def split(host: str) -> tuple[str, int | None]:
    """The name or address in a Host header (RFC 9110, 7.2), in lower case, and the port if one is given."""
    name, _, port = host.rpartition(":")
    if not name or not (port.isdecimal() or not port):
        name, port = host, ""
    name = name.removeprefix("[").removesuffix("]").removesuffix(".").lower()
    return name, int(port) if 0 < len(port) <= _PORT_DIGITS else None


def is_safe_address(url: str) -> bool:
    """True if nobody between can read what is sent to *url*: it has https, or does not leave this machine."""
    found = _ORIGIN.match(url.lower())
    return found is not None and (found[1] == "https" or (found[1] == "http" and is_loopback(split(found[2])[0])))


def name_of(host: str) -> str:
    """The name or address in a Host header: without the port, in lower case."""
    return split(host)[0]


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
    """True if *address* is of the public internet, as is every IPv4 address that it carries inside.

    Only what the IANA's special-purpose registries (RFC 6890) leave globally reachable counts. A NAT64 prefix
    that a network has chosen for itself (RFC 6052) looks like any other, and cannot be told.
    """
    found = _address(address.partition("%")[0])
    if isinstance(found, IPv6Address):
        if found in _NAT64:
            return is_public(_last_four_bytes(found))
        if found not in _GLOBAL_UNICAST or _is_in(found, _SPECIAL_IPV6):
            return False
        carried = [str(found.sixtofour)] if found.sixtofour else []
        if int(found) >> 32 & _ISATAP_MASK == _ISATAP:
            carried.append(_last_four_bytes(found))
        return all(map(is_public, carried))
    return found is not None and not _is_in(found, _SPECIAL_IPV4)


def _last_four_bytes(address: IPv6Address) -> str:
    return str(IPv4Address(int(address) & 0xFFFFFFFF))


def _is_in(address: IPv4Address | IPv6Address, networks: tuple[IPv4Network | IPv6Network, ...]) -> bool:
    return any(address in network for network in networks)


class Proxies:
    """Addresses and networks of proxies, with commas between; "unix" stands for whoever comes by a Unix socket.

    Raises:
        ValueError: a word is none of these.
    """

    def __init__(self, listed: str) -> None:
        words = [word.strip() for word in listed.split(",") if word.strip()]
        self._has_unix = "unix" in words
        self._networks = tuple(ip_network(word, strict=False) for word in words if word != "unix")

    def has(self, address: str | None) -> bool:
        """True if this is the address of a listed proxy; None is that of a client of a Unix socket."""
        if not address:
            return self._has_unix
        found = _address(address)
        return found is not None and _is_in(found, self._networks)
