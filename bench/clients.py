"""Clients for a server: several in one process, each sending its next call after the last response.

They use plain sockets, to take as little as possible of the machine that also runs the server.
"""

import selectors
import socket
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from multiprocessing import get_context

CLIENTS = 8
CALLS_EACH_CONNECTION = 50
"""Then it reconnects: which worker accepts a connection is random, and should even out."""


@dataclass(slots=True)
class _Client:
    socket: socket.socket
    calls: int = 0
    received: bytearray = field(default_factory=bytearray)


def call(port: int, requests: Sequence[bytes], expected: int = 201, clients: int = CLIENTS) -> float:
    """Send all requests and return the seconds taken. Raises: RuntimeError for an unexpected status."""
    waiting = iter(requests)
    left = len(requests)
    start = time.perf_counter()
    with selectors.DefaultSelector() as selector:
        for _ in range(clients):
            _send_next(selector, _connect(port), waiting)
        while left:
            for key, _ in selector.select():
                client: _Client = key.data
                if not _receive(client):
                    continue
                _check(client, expected)
                left -= 1
                selector.unregister(client.socket)
                client.received.clear()
                if client.calls >= CALLS_EACH_CONNECTION:
                    client.socket.close()
                    client = _connect(port)
                _send_next(selector, client, waiting)
    return time.perf_counter() - start


@contextmanager
def calling() -> Iterator["Caller"]:
    """Run the clients in a separate process."""
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
        yield Caller(pool)


@dataclass(frozen=True, slots=True)
class Caller:
    """`call`, in the other process."""

    pool: ProcessPoolExecutor

    def call(self, port: int, requests: Sequence[bytes], expected: int = 201) -> float:
        return self.pool.submit(call, port, requests, expected).result()


def post(path: str, body: bytes, **headers: str) -> bytes:
    """Return the bytes of an HTTP request."""
    lines = [f"POST {path} HTTP/1.1", "Host: 127.0.0.1", "Content-Type: application/json"]
    lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
    lines.append(f"Content-Length: {len(body)}")
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


def get(path: str, **headers: str) -> bytes:
    """Return the bytes of an HTTP request that reads."""
    lines = [f"GET {path} HTTP/1.1", "Host: 127.0.0.1"]
    lines += [f"{name}: {value}" for name, value in headers.items()]
    return "\r\n".join(lines).encode() + b"\r\n\r\n"


def _connect(port: int) -> _Client:
    made = socket.create_connection(("127.0.0.1", port))
    made.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return _Client(made)


def _send_next(selector: selectors.DefaultSelector, client: _Client, waiting: Iterator[bytes]) -> None:
    request = next(waiting, None)
    if request is None:
        client.socket.close()
        return
    client.calls += 1
    client.socket.sendall(request)
    selector.register(client.socket, selectors.EVENT_READ, client)


def _receive(client: _Client) -> bool:
    """Read what has arrived; return whether the response is complete."""
    chunk = client.socket.recv(65536)
    if not chunk:
        raise RuntimeError(
            f"The server closed the connection in the middle of a response: {bytes(client.received[:200])!r}"
        )
    client.received += chunk
    head, found, body = bytes(client.received).partition(b"\r\n\r\n")
    if not found:
        return False
    for line in head.split(b"\r\n")[1:]:
        name, _, value = line.partition(b":")
        if name.lower() == b"content-length":
            return len(body) >= int(value)
    raise RuntimeError("The response has no Content-Length.")


def _check(client: _Client, expected: int) -> None:
    status = int(client.received[9:12])
    if status != expected:
        raise RuntimeError(f"Status {status}, expected {expected}: {bytes(client.received[-400:])!r}")
