"""Where webhooks may be sent to: public addresses over TLS, and hosts that are allowed by name."""

import socket
from typing import Any

import pytest

from workflows.notifications.webhooks.addresses import (
    AddressRefused,
    UnusableUrl,
    is_public,
    read_hosts,
    read_target,
    resolve,
)

NOBODY: frozenset[str] = frozenset()
REFUSED = {
    "": "not a URL",
    "example.com/hooks": "begins with https://",
    "ftp://example.com/": "begins with https://",
    "https:///hooks": "names a host",
    "https://[::1/": "not a URL",
    "https://example.com:99999/": "not a URL",
    "https://example.com:0/": "port",
    "https://example.com:x/": "not a URL",
    "https://ann:secret@example.com/": "password",
    "https://exa mple.com/": "spaces",
    "https://example.com/\r\nX: y": "spaces",
    "https://example.com\\@127.0.0.1/": "spaces",
    "https://example.com/ä": "percent-encoded",
    f"https://{'a' * 300}.com/": "not the name of a host",
    "http://example.com/hooks": "must begin with https://",
    "https://localhost/": "this machine",
    "https://LOCALHOST./": "this machine",
    "https://desk.localhost/": "this machine",
    "https://127.0.0.1/": "not a public address",
    "https://127.1/": "not a public address",
    "https://2130706433/": "not a public address",
    "https://0x7f.0.0.1/": "not a public address",
    "https://0/": "not a public address",
    "https://10.1.2.3:8443/": "not a public address",
    "https://169.254.169.254/latest/meta-data": "not a public address",
    "https://[::1]/": "not a public address",
    "https://[::ffff:127.0.0.1]/": "not a public address",
    "https://[fe80::1%25eth0]/": "not the name of a host",
    "https://[::1::2]/": "not a URL",
}


@pytest.mark.parametrize(("url", "why"), REFUSED.items(), ids=repr)
def test_urls_that_are_refused(url: str, why: str) -> None:
    with pytest.raises(UnusableUrl, match=why):
        read_target(url, NOBODY)


def test_urls_that_are_read() -> None:
    target = read_target("https://Bücher.example:8443/hooks/1?a=b&c#here", NOBODY)
    assert (target.host, target.port, target.path) == ("xn--bcher-kva.example", 8443, "/hooks/1?a=b&c")
    assert target.host_header == "xn--bcher-kva.example:8443"
    assert read_target("https://example.com", NOBODY).path == "/"
    assert read_target("https://example.com:443/", NOBODY).host_header == "example.com"
    assert read_target("https://[2606:4700::1111]/", NOBODY).host_header == "[2606:4700::1111]"


def test_hosts_allowed_by_name_need_neither_tls_nor_a_public_address() -> None:
    allowed = read_hosts(" hooks.internal, 127.0.0.1 ,[::1], Bücher.example.,")
    assert allowed == {"hooks.internal", "127.0.0.1", "::1", "xn--bcher-kva.example"}
    for url in ("http://hooks.internal/", "http://127.0.0.1:8080/", "http://[::1]/", "http://bücher.example"):
        assert read_target(url, allowed).host in allowed
    with pytest.raises(UnusableUrl):
        read_target("http://other.internal/", allowed)
    with pytest.raises(UnusableUrl):
        read_hosts("a..b")


PUBLIC = ["8.8.8.8", "93.184.216.34", "2606:4700::1111", "64:ff9b::808:808", "2002:808:808::1"]
NOT_PUBLIC = """
127.0.0.1 127.8.9.1 0.0.0.0 10.0.0.1 172.16.0.1 172.31.255.255 192.168.1.1 169.254.169.254 100.64.0.1
100.100.100.200 168.63.129.16 192.0.0.192 192.0.2.1 198.18.0.1 224.0.0.1 240.0.0.1 255.255.255.255 :: ::1
fe80::1 fe80::1%eth0 fc00::1 fd00:ec2::254 ff02::1 fec0::1 2001:db8::1 ::ffff:10.0.0.1
::ffff:169.254.169.254 64:ff9b::7f00:1 64:ff9b:1::1 2002:7f00:1::1 2002:a9fe:a9fe::1 nonsense
""".split()


def test_public_addresses() -> None:
    assert [one for one in PUBLIC if not is_public(one)] == []
    assert [one for one in NOT_PUBLIC if is_public(one)] == []


@pytest.fixture
def names(monkeypatch: pytest.MonkeyPatch) -> dict[str, list[str]]:
    """What a name server says."""
    known: dict[str, list[str]] = {}

    def look_up(host: str, port: int, *, flags: int = 0, **_: Any) -> list[Any]:
        if host not in known or flags & socket.AI_NUMERICHOST:
            raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, port)) for address in known[host]]

    monkeypatch.setattr(socket, "getaddrinfo", look_up)
    return known


def test_a_name_is_refused_by_the_addresses_that_it_resolves_to(names: dict[str, list[str]]) -> None:
    names |= {"good.example": ["8.8.8.8"], "bad.example": ["10.0.0.1"], "mixed.example": ["8.8.8.8", "::1"]}
    targets = {name: read_target(f"https://{name}/", NOBODY) for name in (*names, "gone.example")}
    assert resolve(targets["good.example"], NOBODY) == [(socket.AF_INET, "8.8.8.8")]
    for name, address in (("bad.example", "10.0.0.1"), ("mixed.example", "::1")):
        with pytest.raises(AddressRefused, match=f"{name} has the address {address}, which is not public"):
            resolve(targets[name], NOBODY)
        assert resolve(targets[name], frozenset({name}))
    with pytest.raises(AddressRefused, match=r"gone\.example has no address"):
        resolve(targets["gone.example"], NOBODY)
