"""One POST to a receiver: to a checked address, within a time, reading little of the response.

Redirects are not followed, and no proxy is used: either would lead to an address that was not checked.
"""

import socket
import ssl
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from http.client import HTTPConnection, HTTPException, HTTPResponse
from threading import Event, Timer
from time import monotonic

from workflows.notifications.webhooks.addresses import AddressRefused, Target, resolve

MOST_SECONDS = 15
"""For everything after the name is resolved: connecting, TLS, sending and the response."""
MOST_RESPONSE_BYTES = 1000
LONGEST_ERROR = 300


@dataclass(frozen=True, slots=True)
class Sent:
    """What came of an attempt. It succeeded if `error` is None: the status is 2xx then.

    `status` and `response`, its beginning as printable text, are None where none came.
    """

    milliseconds: int
    status: int | None = None
    error: str | None = None
    response: str | None = None


def post(target: Target, body: bytes, headers: Mapping[str, str], allowed: frozenset[str]) -> Sent:
    """Send a body and return what came of it; no failure of the receiver is raised."""
    start = monotonic()
    status = response = None
    expired = Event()
    try:
        addresses = resolve(target, allowed)
        with _connected(addresses, target, expired) as sock:
            answer = _request(sock, target, body, headers)
            if expired.is_set():
                # http.client takes the end of the connection for the end of the headers
                raise TimeoutError
            status = answer.status
            response = _printable(_beginning(answer))
            error = _failure(status)
    except AddressRefused as refused:
        error = str(refused)
    except ssl.SSLError as failure:
        error = f"No trusted TLS connection: {failure}"
    except (OSError, HTTPException) as failure:
        error = f"No valid response: {type(failure).__name__}: {failure}"
        if expired.is_set() or isinstance(failure, TimeoutError):
            error = f"There was no response within {MOST_SECONDS} seconds."
    milliseconds = round((monotonic() - start) * 1000)
    return Sent(milliseconds, status, _printable(error.encode())[:LONGEST_ERROR] if error else None, response)


def _failure(status: int) -> str | None:
    if 200 <= status < 300:
        return None
    if 300 <= status < 400:
        return f"The receiver answered {status}; redirects are not followed."
    return f"The receiver answered {status}."


@contextmanager
def _connected(
    addresses: list[tuple[socket.AddressFamily, str]], target: Target, expired: Event
) -> Iterator[socket.socket]:
    """A connection to the first address that takes one, with TLS where the target has it.

    After its time it is shut down whatever it waits for: a receiver that sends a byte now and then would
    never run into the timeout of a single read.
    """
    deadline = monotonic() + MOST_SECONDS
    sock = _connect(addresses, target.port, deadline)
    same = sock.dup()

    def expire() -> None:
        expired.set()
        with suppress(OSError):
            same.shutdown(socket.SHUT_RDWR)

    timer = Timer(max(deadline - monotonic(), 0), expire)
    timer.daemon = True
    timer.start()
    try:
        if target.scheme == "https":
            context = ssl.create_default_context()
            sock = context.wrap_socket(sock, server_hostname=target.host)
        yield sock
    finally:
        timer.cancel()
        timer.join()
        same.close()
        sock.close()


def _connect(addresses: list[tuple[socket.AddressFamily, str]], port: int, deadline: float) -> socket.socket:
    failure: OSError | None = None
    for family, address in addresses:
        sock = socket.socket(family, socket.SOCK_STREAM)
        sock.settimeout(max(deadline - monotonic(), 0.001))
        try:
            sock.connect((address, port))
        except OSError as error:
            sock.close()
            failure = error
        else:
            return sock
    assert failure is not None, "a host that was resolved has an address"
    raise failure


def _request(sock: socket.socket, target: Target, body: bytes, headers: Mapping[str, str]) -> HTTPResponse:
    connection = HTTPConnection(target.host, target.port)
    connection.sock = sock
    connection.putrequest("POST", target.path, skip_host=True, skip_accept_encoding=True)
    own = {"Host": target.host_header, "Content-Length": str(len(body)), "Connection": "close"}
    for name, value in {**own, **headers}.items():
        connection.putheader(name, value)
    connection.endheaders(body)
    return connection.getresponse()


def _beginning(answer: HTTPResponse) -> bytes:
    """The beginning of a response; what it lacks changes nothing: the status says what the receiver did."""
    with suppress(OSError, HTTPException):
        return answer.read(MOST_RESPONSE_BYTES)
    return b""


def _printable(text: bytes) -> str:
    """Text that every database can store and every page can show."""
    decoded = text.decode("utf-8", "replace")
    return "".join(char if char.isprintable() or char == "\n" else " " for char in decoded)
