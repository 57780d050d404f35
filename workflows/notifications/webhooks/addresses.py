"""Which addresses a webhook may be sent to: public ones, and hosts that the deployment allows by name.

A URL is checked when it is saved, as far as that is possible without a name server. At each delivery the host
is resolved once, and the connection is made to an address that was checked then: a name that resolves to
another address the next moment gains nothing.
"""

import socket
from collections.abc import Iterable
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from re import ASCII
from re import compile as regex
from urllib.parse import urlsplit

from workflows.languages.texts import gettext, mark

HOST = regex(r"[a-z0-9._-]+", ASCII)
PORTS = {"http": 80, "https": 443}
NOT_PUBLIC = (
    ip_network("100.64.0.0/10"),  # shared by providers; one cloud has its metadata there
    ip_network("192.0.0.0/24"),  # for protocols; another cloud has its metadata there
    ip_network("168.63.129.16/32"),  # the host of virtual machines in a cloud, although the address is public
    ip_network("fec0::/10"),  # site-local, as before RFC 4193
    ip_network("64:ff9b:1::/48"),  # NAT64 for local use, RFC 8215
)
NAT64 = ip_network("64:ff9b::/96")
LOOPBACK_NAMES = ("localhost", "localhost.localdomain", "ip6-localhost", "ip6-loopback")
ALLOW = mark("Allow the host by name in COVERDESK_WEBHOOK_HOSTS if it is meant to be reached.")


class UnusableUrl(Exception):
    """A URL that no webhook can be sent to, in words."""


class AddressRefused(Exception):
    """A host whose address is not public, or that has none."""


@dataclass(frozen=True, slots=True)
class Target:
    """A URL in parts: the host in ASCII and lower case, without brackets; `path` with the query."""

    scheme: str
    host: str
    port: int
    path: str

    @property
    def host_header(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == PORTS[self.scheme] else f"{host}:{self.port}"


def read_hosts(text: str) -> frozenset[str]:
    """The hosts that a deployment allows: "hooks.internal, 127.0.0.1". Raises: UnusableUrl."""
    return frozenset(_ascii_host(name.strip().strip("[]")) for name in text.split(",") if name.strip())


def read_target(url: str, allowed: frozenset[str]) -> Target:
    """Read a URL; `allowed` hosts may have any address and need no TLS. Raises: UnusableUrl."""
    if not url.isprintable() or any(char.isspace() or char == "\\" for char in url):
        raise UnusableUrl(gettext("It contains spaces or other characters that a URL cannot have."))
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        raise UnusableUrl(gettext("It is not a URL, for example https://example.com/hooks.")) from None
    if parts.scheme not in PORTS or not parts.hostname:
        raise UnusableUrl(gettext("It is not a URL that begins with https:// and names a host."))
    if parts.username is not None or parts.password is not None:
        raise UnusableUrl(gettext("It contains a user or a password; the signature shows who sends."))
    if port == 0:
        raise UnusableUrl(gettext("Its port is not a number from 1 to 65535."))
    path = f"{parts.path or '/'}{f'?{parts.query}' if parts.query else ''}"
    if not path.isascii():
        raise UnusableUrl(gettext("Its path has characters that must be percent-encoded."))
    host = _ascii_host(parts.hostname)
    _require_public_name(host, parts.scheme, allowed)
    return Target(parts.scheme, host, port or PORTS[parts.scheme], path)


def resolve(target: Target, allowed: frozenset[str]) -> list[tuple[socket.AddressFamily, str]]:
    """The addresses of the target's host, all of them usable. Raises: AddressRefused."""
    try:
        found = socket.getaddrinfo(target.host, target.port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        raise AddressRefused(
            gettext("The host %(host)s has no address: %(error)s.", host=target.host, error=error)
        ) from error
    addresses = {(family, str(address[0])): None for family, _, _, _, address in found}
    if target.host not in allowed:
        for _, address in addresses:
            if not is_public(address):
                raise AddressRefused(
                    gettext(
                        "%(host)s has the address %(address)s, which is not public.",
                        host=target.host,
                        address=address,
                    )
                )
    return list(addresses)


def is_public(address: str) -> bool:
    """Whether an address is one of the public Internet; an IPv6 address that leads to an IPv4 one is that."""
    try:
        ip = ip_address(address.partition("%")[0])
    except ValueError:
        return False
    return all(_is_public(one) for one in _inner(ip) or (ip,))


def _is_public(ip: IPv4Address | IPv6Address) -> bool:
    if not ip.is_global or ip.is_private or ip.is_multicast or ip.is_reserved:
        return False
    return not any(ip in network for network in NOT_PUBLIC if network.version == ip.version)


def _inner(ip: IPv4Address | IPv6Address) -> list[IPv4Address]:
    """The IPv4 addresses inside of an IPv6 address: mapped, 6to4, Teredo, NAT64."""
    if isinstance(ip, IPv4Address):
        return []
    found = [ip.ipv4_mapped, ip.sixtofour, *(ip.teredo or ())]
    if ip in NAT64:
        found.append(IPv4Address(int(ip) & 0xFFFFFFFF))
    return [one for one in found if one is not None]


def _ascii_host(host: str) -> str:
    try:
        if ":" in host and "%" not in host:
            return str(IPv6Address(host))
        name = host.rstrip(".").encode("idna").decode().lower()
    except ValueError:
        name = ""
    if not HOST.fullmatch(name):
        raise UnusableUrl(gettext("%(host)s is not the name of a host.", host=repr(host)))
    return name


def _require_public_name(host: str, scheme: str, allowed: Iterable[str]) -> None:
    """Refuse what is known not to be public without a name server. Raises: UnusableUrl."""
    if host in allowed:
        return
    allow = gettext(ALLOW)
    if scheme != "https":
        raise UnusableUrl(
            gettext(
                "It must begin with https://, so that nobody reads what is sent. %(allow)s",
                allow=allow,
            )
        )
    if host in LOOPBACK_NAMES or host.endswith(".localhost"):
        raise UnusableUrl(gettext("%(host)s is this machine itself. %(allow)s", host=host, allow=allow))
    try:
        # without asking a name server: also 127.1, 0x7f000001 and 2130706433
        found = socket.getaddrinfo(host, 443, type=socket.SOCK_STREAM, flags=socket.AI_NUMERICHOST)
    except (OSError, UnicodeError):
        return
    if not all(is_public(str(address[0])) for *_, address in found):
        raise UnusableUrl(gettext("%(host)s is not a public address. %(allow)s", host=host, allow=allow))
