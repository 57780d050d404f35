"""What one client may take of the server: time, connections and memory."""

from dataclasses import dataclass
from ipaddress import IPv6Address, ip_address
from typing import Any

KIB, MIB = 1024, 1024 * 1024

LARGEST_HEAD = 64 * KIB
"""Bytes of the request line and the headers together."""

LARGEST_BODY = 17 * MIB
"""Bytes stored of one body: more than any route accepts (16 MiB), with the framing of a chunked one."""

LARGEST_DISCARDED_BODY = 64 * MIB
"""A longer body than `LARGEST_BODY` is received up to here, so that its client sees the refusal."""

SMALL_BODY = 64 * KIB
MOST_STORED = 64 * MIB
"""Bytes of unfinished requests that a worker stores; beyond that, only small bodies are accepted."""

SECONDS_TO_LINGER = 2.0
"""How long a connection that the server has finished with may stay half open (RFC 9112, section 9.6)."""

SLOWEST_READER = 16 * KIB
"""Bytes in a second that a client must read of a long response."""

OPEN_FILES = 4096
"""A worker asks the system for as many open files, if it may have fewer."""

OTHER_OPEN_FILES = 128
"""Those that are no connections of clients: the database, logs, libraries."""


@dataclass(frozen=True, slots=True)
class Limits:
    """Seconds for the whole head and for the whole body of a request, and connections of one address.

    `connections_per_client` counts in each worker process; None where all connections come from a proxy.
    """

    header_seconds: int = 10
    body_seconds: int = 60
    connections_per_client: int | None = 100


def client_key(address: Any) -> str | None:
    """Return what identifies a client: its IPv4 address or IPv6 network of 64 bits; None for a socket file.

    Providers assign at least such a network to each customer, who may use any address in it.
    """
    if not isinstance(address, tuple):
        return None
    host = str(address[0])
    if ":" not in host:
        return host
    found = ip_address(host.partition("%")[0])
    if not isinstance(found, IPv6Address):
        return host
    return str(found.ipv4_mapped or IPv6Address(int(found) >> 64 << 64))
