from __future__ import annotations

import socket
import time

import pytest

from rules.actions.address import AddressRefused, is_public, resolve_within, vetted

INWARD = {
    "loopback": "127.0.0.1",
    "all of loopback": "127.255.255.254",
    "private 10/8": "10.0.0.1",
    "private 172.16/12": "172.31.255.255",
    "private 192.168/16": "192.168.1.1",
    "carrier-grade NAT (Alibaba's metadata)": "100.100.100.200",
    "link-local": "169.254.0.1",
    "metadata (AWS, GCP, Azure)": "169.254.169.254",
    "metadata (Azure's wire server)": "168.63.129.16",
    "metadata (Oracle)": "192.0.0.192",
    "this host": "0.0.0.0",
    "this network": "0.1.2.3",
    "benchmarks": "198.18.0.1",
    "documentation": "192.0.2.1",
    "multicast": "224.0.0.1",
    "globally scoped multicast": "233.252.0.1",
    "reserved": "240.0.0.1",
    "broadcast": "255.255.255.255",
    "6to4 relay": "192.88.99.1",
    "v6 loopback": "::1",
    "v6 unspecified": "::",
    "v6 link-local": "fe80::1",
    "v6 link-local with a zone": "fe80::1%eth0",
    "v6 unique local": "fd00::1",
    "v6 metadata (AWS)": "fd00:ec2::254",
    "v6 site-local": "fec0::1",
    "v6 multicast": "ff02::1",
    "v6 global multicast": "ff0e::1",
    "v6 documentation": "2001:db8::1",
    "v6 discard": "100::1",
    "v4-mapped loopback": "::ffff:127.0.0.1",
    "v4-mapped private": "::ffff:10.0.0.1",
    "v4-mapped metadata": "::ffff:169.254.169.254",
    "v4-mapped in hex": "::ffff:7f00:1",
    "v4-compatible loopback": "::7f00:1",
    "6to4 of loopback": "2002:7f00:1::",
    "6to4 of a public address": "2002:808:808::",
    "v6 documentation, the new block": "3fff::1",
    "NAT64 of loopback": "64:ff9b::7f00:1",
    "NAT64 of metadata": "64:ff9b::a9fe:a9fe",
    "local NAT64": "64:ff9b:1::7f00:1",
    "Teredo": "2001:0:4136:e378:8000:63bf:80ff:fffe",
    "not an address": "localhost",
}
OUTWARD = [
    "8.8.8.8",
    "1.1.1.1",
    "2606:4700:4700::1111",
    "::ffff:8.8.8.8",
    "64:ff9b::808:808",
    "2a00:1450:4001::1",
]


@pytest.mark.parametrize("address", INWARD.values(), ids=INWARD.keys())
def test_an_inward_address_is_not_public(address: str) -> None:
    assert not is_public(address)


@pytest.mark.parametrize("address", OUTWARD)
def test_an_outward_address_is_public(address: str) -> None:
    assert is_public(address)


@pytest.mark.parametrize(
    "host",
    [
        "127.0.0.1",
        "2130706433",
        "0x7f000001",
        "0177.0.0.1",
        "127.1",
        "0",
        "::1",
        "::ffff:127.0.0.1",
        "localhost",
    ],
)
def test_loopback_is_refused_however_it_is_written(host: str) -> None:
    with pytest.raises(AddressRefused):
        vetted(host, 80, frozenset(), resolve_within(5))


def test_a_name_that_resolves_to_a_private_address_is_refused_without_being_named() -> None:
    with pytest.raises(AddressRefused) as caught:
        vetted("canary.example.com", 80, frozenset(), lambda host, port: ["10.1.2.3"])

    assert "canary" not in str(caught.value)
    assert "10.1.2.3" not in str(caught.value)


def test_one_private_address_among_public_ones_is_enough_to_refuse() -> None:
    with pytest.raises(AddressRefused):
        vetted("example.com", 80, frozenset(), lambda host, port: ["8.8.8.8", "127.0.0.1"])


def test_addresses_come_in_the_order_of_the_resolver() -> None:
    assert vetted("example.com", 80, frozenset(), lambda host, port: ["8.8.8.8", "1.1.1.1"]) == [
        "8.8.8.8",
        "1.1.1.1",
    ]


@pytest.mark.parametrize(("host", "entry"), [("localhost", "localhost:9000"), ("::1", "[::1]:9000")])
def test_an_allowed_host_may_be_anywhere_but_only_at_its_port(host: str, entry: str) -> None:
    allowed = frozenset({entry})

    assert vetted(host, 9000, allowed, lambda host, port: ["127.0.0.1"]) == ["127.0.0.1"]
    with pytest.raises(AddressRefused):
        vetted(host, 9001, allowed, lambda host, port: ["127.0.0.1"])


def test_allowing_a_name_does_not_allow_its_address() -> None:
    with pytest.raises(AddressRefused):
        vetted("127.0.0.1", 9000, frozenset({"localhost:9000"}), resolve_within(5))


def test_a_resolver_that_hangs_is_given_up_on(monkeypatch: pytest.MonkeyPatch) -> None:
    release = socket.socketpair()

    def hanging(*_: object, **__: object) -> list[object]:
        release[0].recv(1)
        return []

    monkeypatch.setattr(socket, "getaddrinfo", hanging)
    started = time.monotonic()

    with pytest.raises(TimeoutError):
        resolve_within(0.05)("example.com", 80)

    assert time.monotonic() - started < 2
    release[1].send(b"x")
    for end in release:
        end.close()


def test_a_name_without_an_address_is_an_error_of_the_network() -> None:
    with pytest.raises(OSError, match="."):
        resolve_within(5)("no-such-host.invalid", 80)
    with pytest.raises(OSError, match="not a host name"):
        resolve_within(5)("a" * 70 + ".example.com", 80)
