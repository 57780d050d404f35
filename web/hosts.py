"""Only the desk's own host names are answered.

Otherwise a page elsewhere could give its own name the desk's address (DNS rebinding), and links made from the
name in a call would lead elsewhere. Source: RFC 9110, sections 7.2 and 15.5.20.
"""

import socket
import time
from collections.abc import Callable, Iterable
from ipaddress import ip_address
from re import ASCII
from re import compile as regex
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import structlog

from web.environment import Environment
from web.errors import MACHINE_PREFIXES, PROBLEM_JSON, Problem

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication

HOST = regex(r"(\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9._-]+)(?::[0-9]{1,5})?", ASCII)
LOOPBACK_NAMES = frozenset({"localhost", "127.0.0.1", "::1"})
SECONDS_BETWEEN_WARNINGS = 60
REFUSED = "The desk does not answer under this name. Use its own address."

log = structlog.get_logger("coverdesk.web")


class OwnHostsOnly:
    """WSGI middleware that refuses a call with another name in its Host header.

    A call without that header (HTTP/1.0) claims no name and is answered.
    """

    def __init__(self, app: "WSGIApplication", answers: Callable[[str], bool]) -> None:
        self._app = app
        self._answers = answers
        self._next_warning_at = 0.0

    def __call__(self, environ: dict[str, Any], start_response: "StartResponse") -> Iterable[bytes]:
        header = environ.get("HTTP_HOST")
        if header is None or self._answers(header):
            return self._app(environ, start_response)
        self._warn(header)
        body, content_type = REFUSED.encode(), "text/plain; charset=utf-8"
        if environ.get("PATH_INFO", "").startswith(MACHINE_PREFIXES):
            body, content_type = Problem(421, "misdirected-request", REFUSED).as_json().encode(), PROBLEM_JSON
        headers = [("Content-Type", content_type), ("Content-Length", str(len(body)))]
        start_response("421 Misdirected Request", headers)
        return [body]

    def _warn(self, header: str) -> None:
        now = time.monotonic()
        if now >= self._next_warning_at:
            self._next_warning_at = now + SECONDS_BETWEEN_WARNINGS
            log.warning(
                "a call for another host was refused; see COVERDESK_BASE_URL and COVERDESK_ALLOWED_HOSTS",
                host=header[:100],
            )


def own_hosts(environment: Environment) -> Callable[[str], bool]:
    """Return a function that says whether a Host header names the desk; ports are not compared.

    The names are those of COVERDESK_BASE_URL and COVERDESK_ALLOWED_HOSTS, and for probes those of loopback.
    Without COVERDESK_BASE_URL, any IP address and the machine's own name count too.
    """
    names = LOOPBACK_NAMES | {_plain(one) for one in environment.allowed_hosts.split(",") if one.strip()}
    if environment.base_url is not None:
        names |= {_plain(urlsplit(environment.base_url).hostname or "")}
        return lambda header: _name_in(header) in names
    names |= {_plain(socket.gethostname())}
    return lambda header: (name := _name_in(header)) in names or _is_address(name)


def _name_in(header: str) -> str:
    found = HOST.fullmatch(header)
    return _plain(found[1]) if found is not None else ""


def _plain(name: str) -> str:
    return name.strip().strip("[]").rstrip(".").lower()


def _is_address(name: str) -> bool:
    try:
        ip_address(name)
    except ValueError:
        return False
    return True
