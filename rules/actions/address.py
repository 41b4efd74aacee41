"""Which network addresses an action may connect to: public ones, and what the operator has allowed by name.

A host name is looked up once and the connection is made to the very address that was vetted, so that a name
which answers differently the second time (DNS rebinding) gains nothing.
"""

from __future__ import annotations

import ipaddress
import socket
import threading
from collections.abc import Callable, Sequence
from ipaddress import IPv4Address, IPv6Address

Resolver = Callable[[str, int], Sequence[str]]
"""Host and port to addresses as text; raises `OSError` where there are none."""

# Global by the registry, yet reachable only from inside: what answers there speaks for the machine itself.
_METADATA = frozenset({IPv4Address("168.63.129.16")})
# What `is_global` lets through in some of the Python versions that we run on.
_INWARD = (
    ipaddress.ip_network("192.0.0.0/24"),  # protocol assignments (RFC 6890)
    ipaddress.ip_network("192.88.99.0/24"),  # 6to4 relays (RFC 7526)
    ipaddress.ip_network("2002::/16"),  # 6to4, given up by the same RFC
    ipaddress.ip_network("3fff::/20"),  # documentation (RFC 9637)
    ipaddress.ip_network("5f00::/16"),  # segment routing (RFC 9602)
    ipaddress.ip_network("64:ff9b:1::/48"),  # translation within a network (RFC 8215)
    ipaddress.ip_network("fec0::/10"),  # site-local (RFC 3879)
)
_TRANSLATED = ipaddress.ip_network("64:ff9b::/96")  # NAT64 (RFC 6052)
_COMPATIBLE = ipaddress.ip_network("::/96")  # RFC 4291, 2.5.5.1


class AddressRefused(Exception):
    """A host may not be connected to; the message does not name it, since it may come from a secret."""


def vetted(host: str, port: int, allowed_hosts: frozenset[str], resolve: Resolver) -> list[str]:
    """The addresses to try for `host`, in the resolver's order.

    Every address must be public, not just one, else `AddressRefused`; a host that `allowed_hosts` names with
    its port (`localhost:9000`, `[::1]:9000`) may be anywhere. Raises `OSError` where the host has no address.
    """
    addresses = [*resolve(host, port)]
    if not addresses:
        raise OSError("no address")
    named = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
    if named.lower() not in allowed_hosts and not all(is_public(address) for address in addresses):
        raise AddressRefused("its host is not at a public address; allowed_hosts can make an exception")
    return addresses


def is_public(text: str) -> bool:
    """Whether an address is out in the internet, also where a v6 address only wraps a v4 one."""
    try:
        address = ipaddress.ip_address(text)
    except ValueError:
        return False
    wrapped = _wrapped(address) if isinstance(address, IPv6Address) else ()
    return _is_outward(address) and all(_is_outward(inner) for inner in wrapped)


def _wrapped(address: IPv6Address) -> tuple[IPv4Address, ...]:
    if address.ipv4_mapped is not None:
        return (address.ipv4_mapped,)
    if address.teredo is not None:
        return address.teredo
    if address in _TRANSLATED or address in _COMPATIBLE:
        return (IPv4Address(int(address) & 0xFFFFFFFF),)
    return ()


def _is_outward(address: IPv4Address | IPv6Address) -> bool:
    if address in _METADATA or any(address in network for network in _INWARD):
        return False
    # A mapped address is judged by what it maps to; the registry calls all of them private.
    mapped = isinstance(address, IPv6Address) and address.ipv4_mapped is not None
    inward = address.is_loopback or address.is_link_local or address.is_multicast or address.is_unspecified
    return mapped or (address.is_global and not inward)


def resolve_within(seconds: float) -> Resolver:
    """The system's resolver, given up on after `seconds` (it has no timeout of its own)."""

    def resolve(host: str, port: int) -> list[str]:
        found: list[list[str]] = []
        failures: list[OSError] = []

        def look_up() -> None:
            try:
                answers = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
                found.append([str(answer[4][0]) for answer in answers])
            except OSError as error:
                failures.append(error)
            except UnicodeError:  # a label too long for IDNA
                failures.append(OSError("not a host name"))

        thread = threading.Thread(target=look_up, name="andon-resolve", daemon=True)
        thread.start()
        thread.join(seconds)
        if not found:
            raise failures[0] if failures else TimeoutError("looking up the host took too long")
        return found[0]

    return resolve
