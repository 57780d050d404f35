"""How the address of a database is read: SQLAlchemy's forms, and those of PostgreSQL's manual.

The manual writes several hosts as `postgresql://a:5432,b:5433/desk`, SQLAlchemy as
`postgresql+psycopg:///desk?host=a:5432&host=b:5433`.
Source: PostgreSQL 18, 32.1.1.2 Connection URIs and 32.1.1.3 Specifying Multiple Hosts.
"""

import re
from ipaddress import ip_address
from typing import Any
from urllib.parse import unquote

from sqlalchemy import make_url
from sqlalchemy.engine import URL
from sqlalchemy.exc import ArgumentError

from workflows.store.postgresql_sessions import PREPARE

POSTGRESQL = re.compile(
    r"(?P<start>postgres(?:ql)?(?:\+psycopg)?://(?:[^:/@]*(?::[^@]*)?@)?)(?P<hosts>[^/?]*)(?P<rest>.*)",
    re.DOTALL,
)
HOST = re.compile(r"(?:\[(?P<ipv6>[^\[\]]+)\]|(?P<name>[^:\[\]]*))(?::(?P<port>\d*))?")
HIGHEST_PORT = 65535
DRIVER = "postgresql+psycopg"


class MalformedUrl(ArgumentError):
    """An address that cannot be meant. The text follows the address's name and has no part of a password."""


def read_url(database_url: str) -> URL:
    """The address as SQLAlchemy takes it, with the driver that we use. Raises: MalformedUrl."""
    found = POSTGRESQL.fullmatch(database_url)
    if found is not None and "," in found["hosts"]:
        url = _parse(found["start"] + found["rest"])
        if "host" in url.query:
            raise MalformedUrl("names hosts before the '?' and after it")
        hosts = [unquote(host) for host in found["hosts"].split(",")]
    else:
        url = _parse(database_url)
        given = url.query.get("host", "")
        hosts = given.split(",") if isinstance(given, str) else list(given)
    if url.drivername in ("postgres", "postgresql"):
        url = url.set(drivername=DRIVER)
    return _with_hosts(url, hosts) if url.drivername == DRIVER and len(hosts) > 1 else url


def check_url(url: URL) -> None:
    """Refuse what a database's driver would refuse, before anything is opened. Raises: MalformedUrl."""
    if url.drivername not in ("sqlite", DRIVER) or not url.database:
        raise MalformedUrl("is neither an SQLite file nor a PostgreSQL database")
    if url.drivername == "sqlite":
        if url.query:
            raise MalformedUrl("has parameters, and an SQLite file takes none")
        return
    from psycopg import ProgrammingError  # a desk on SQLite starts without the driver
    from psycopg.conninfo import make_conninfo, timeout_from_conninfo

    if url.query.get("prepare", PREPARE[0]) not in PREPARE:
        raise MalformedUrl(f"has a prepare that is none of {', '.join(PREPARE)}")
    for name, value in url.query.items():
        if not isinstance(value, str):
            raise MalformedUrl(f"has more than one {name}")
    arguments = connect_arguments(url)
    for port in str(arguments.get("port", "")).split(","):
        if port and not 1 <= int(port) <= HIGHEST_PORT:
            raise MalformedUrl(f"names the port {port}; the highest is {HIGHEST_PORT}")
    if "@" in str(arguments.get("host", "")):
        raise MalformedUrl("has an '@' too many; in a password it is written %40")
    try:
        make_conninfo(**arguments)
        timeout_from_conninfo(arguments)
    except ProgrammingError as error:
        raise MalformedUrl(f"has a parameter that PostgreSQL does not take: {str(error).strip()}") from None


def connect_arguments(url: URL) -> dict[str, Any]:
    """What the driver is given for an address of PostgreSQL. Raises: MalformedUrl."""
    plain = url.difference_update_query(["prepare"])
    try:
        arguments = plain.get_dialect()().create_connect_args(plain)[1]
    except (ArgumentError, ValueError):
        raise MalformedUrl("names a port that is not a number") from None
    return dict(arguments)


def _parse(database_url: str) -> URL:
    try:
        return make_url(database_url)
    except ArgumentError:
        raise MalformedUrl("is not the address of a database") from None
    except ValueError:
        raise MalformedUrl("names a port that is not a number") from None


def _with_hosts(url: URL, hosts: list[str]) -> URL:
    """The URL with its hosts and ports each in one parameter, which SQLAlchemy and PostgreSQL both read."""
    names, ports = [], []
    for host in hosts:
        name, port = _host_and_port(host)
        names.append(name)
        ports.append(port)
    if "port" in url.query:
        if any(ports):
            raise MalformedUrl("names ports with the hosts and apart from them")
        given = url.query["port"]
        ports = given.split(",") if isinstance(given, str) else list(given)
        ports = ports * len(hosts) if len(ports) == 1 else ports
        if len(ports) != len(hosts):
            raise MalformedUrl(f"names {len(ports)} ports for {len(hosts)} hosts")
    query = {"host": ",".join(names)} | ({"port": ",".join(ports)} if any(ports) else {})
    return url.difference_update_query(["host", "port"]).update_query_dict(query)


def _host_and_port(given: str) -> tuple[str, str]:
    """A host and its port, which is "" where there is none; apart from the port, IPv6 needs no brackets."""
    found = HOST.fullmatch(given)
    if found is not None:
        return found["ipv6"] or found["name"], found["port"] or ""
    try:
        return str(ip_address(given)), ""
    except ValueError:
        raise MalformedUrl("names a host or a port that cannot be read") from None
