"""A real server with many clients that are silent, slow or idle: everyone else is answered all the same."""

import signal
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.support.served import Server

CLIENTS = 80
"""More than the 16 threads of the server, and than the 64 that stopped it once."""
HEADER_SECONDS, BODY_SECONDS = 3, 5
MOST_PER_CLIENT = 100
PROMPT_SECONDS = 4.0
"""For a crowded machine; when all threads are taken, an answer takes longer than any limit here."""
POST = b"POST /api/v1/org-units HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
LARGE_FILE = b"GET /static/vendor/codemirror/codemirror.min.js HTTP/1.1\r\nHost: localhost\r\n\r\n"


@pytest.fixture(scope="module")
def server(migrated_sqlite_template: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server with short limits, and two processes of eight threads."""
    folder = tmp_path_factory.mktemp("server")
    (folder / "coverdesk.db").write_bytes(migrated_sqlite_template.read_bytes())
    settings = {
        "COVERDESK_DATABASE_URL": f"sqlite:///{folder}/coverdesk.db",
        "COVERDESK_RULES_DIR": str(Path(__file__).parents[3] / "rules"),
        "COVERDESK_HEADER_SECONDS": str(HEADER_SECONDS),
        "COVERDESK_BODY_SECONDS": str(BODY_SECONDS),
        "COVERDESK_CONNECTIONS_PER_CLIENT": str(MOST_PER_CLIENT),
    }
    running = Server(settings, folder)
    yield running
    running.stop(signal.SIGTERM)
    assert "Traceback" not in running.log.read_text()


def slow_head(client: socket.socket) -> None:
    client.sendall(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\nX-Sl")


def slow_body(client: socket.socket) -> None:
    client.sendall(POST + b"Content-Length: 1000\r\n\r\n{")


def slow_chunks(client: socket.socket) -> None:
    client.sendall(POST + b"Transfer-Encoding: chunked\r\n\r\n1\r\n{\r\n")


def idle_after_a_response(client: socket.socket) -> None:
    client.sendall(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n")
    assert client.recv(15) == b"HTTP/1.1 200 OK"


def never_closing(client: socket.socket) -> None:
    client.sendall(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")


def reading_nothing(client: socket.socket) -> None:
    client.sendall(LARGE_FILE * 20)


SLOW = {
    "silent": lambda client: None,
    "slow head": slow_head,
    "slow body": slow_body,
    "slow chunks": slow_chunks,
    "idle": idle_after_a_response,
    "never closing": never_closing,
    "reading nothing": reading_nothing,
}


def seconds_for(server: Server, path: str) -> float:
    started = time.monotonic()
    assert server.get(path).status == 200
    return time.monotonic() - started


@pytest.mark.slow
@pytest.mark.parametrize("kind", SLOW)
def test_slow_clients_stop_no_answer(server: Server, kind: str) -> None:
    behave: Callable[[socket.socket], None] = SLOW[kind]
    with ExitStack() as stack:
        for number in range(CLIENTS if kind != "reading nothing" else CLIENTS // 2):
            client = stack.enter_context(server.connect(f"127.0.0.{2 + number % 4}", receive_buffer=4096))
            behave(client)
        waited = [seconds_for(server, path) for path in ("/healthz", "/", "/readyz") for _ in range(4)]
    assert max(waited) < PROMPT_SECONDS


def seconds_until_closed(client: socket.socket, send: bytes = b"") -> tuple[float, bytes]:
    """Send a byte now and then until the server closes; returns how long that took and what it sent."""
    started, received = time.monotonic(), b""
    client.settimeout(0.25)
    while time.monotonic() - started < 20:
        try:
            piece = client.recv(65536)
            if not piece:
                break
            received += piece
        except TimeoutError:
            client.sendall(send)
        except ConnectionError:
            break
    return time.monotonic() - started, received


@pytest.mark.slow
@pytest.mark.parametrize(
    ("behave", "drip", "limit", "status"),
    [
        (SLOW["silent"], b"", HEADER_SECONDS, b""),
        (slow_head, b"o", HEADER_SECONDS, b"HTTP/1.1 408 "),
        (slow_body, b" ", BODY_SECONDS, b"HTTP/1.1 408 "),
        (slow_chunks, b"1\r\n \r\n", BODY_SECONDS, b"HTTP/1.1 408 "),
    ],
    ids=["silent", "head", "body", "chunks"],
)
def test_the_whole_request_has_a_time_limit(
    server: Server, behave: Callable[[socket.socket], None], drip: bytes, limit: int, status: bytes
) -> None:
    with server.connect() as client:
        behave(client)
        seconds, received = seconds_until_closed(client, drip)
    assert limit - 1 < seconds < limit + 3
    assert received.startswith(status)
    assert (b"application/problem+json" in received) == bool(status)


@pytest.mark.slow
def test_one_client_has_a_limited_number_of_connections(server: Server) -> None:
    with ExitStack() as stack:
        clients = [stack.enter_context(server.connect("127.0.0.9")) for _ in range(2 * MOST_PER_CLIENT + 40)]
        refused = 0
        for client in clients:
            client.settimeout(0.02)
            try:
                answer = client.recv(4096)
                refused += not answer or answer.startswith(b"HTTP/1.1 429 ")
            except TimeoutError:
                pass
            except ConnectionError:
                refused += 1
        assert 40 <= refused < 40 + MOST_PER_CLIENT, "each of the two processes counts its own"
        assert seconds_for(server, "/healthz") < PROMPT_SECONDS
    time.sleep(HEADER_SECONDS)
    with server.connect("127.0.0.9") as client:
        idle_after_a_response(client)


@pytest.mark.slow
def test_requests_in_pieces_and_in_a_row_are_answered(server: Server) -> None:
    with server.connect() as client:
        call = POST + b"Content-Length: 2\r\n\r\n{}"
        for piece in (call[:20], call[20:-1], call[-1:] + call + call[:30], call[30:]):
            client.sendall(piece)
            time.sleep(0.1)
        received = b""
        while received.count(b"HTTP/1.1 401 ") < 3:
            received += client.recv(65536)
        client.sendall(POST + b"Expect: 100-continue\r\nContent-Length: 2\r\n\r\n")
        assert client.recv(65536) == b"HTTP/1.1 100 Continue\r\n\r\n"
        client.sendall(b"{}")
        assert client.recv(65536).startswith(b"HTTP/1.1 401 ")


@pytest.mark.slow
@pytest.mark.parametrize(
    "sent", [b"Content-Length: 20\r\n\r\n{}", b"Transfer-Encoding: chunked\r\n\r\n5\r\n{}"]
)
def test_a_body_that_ends_too_early_is_refused(server: Server, sent: bytes) -> None:
    with server.connect() as client:
        client.sendall(POST + sent)
        client.shutdown(socket.SHUT_WR)
        _, received = seconds_until_closed(client)
    assert received.startswith(b"HTTP/1.1 400 ")


@pytest.mark.slow
def test_a_length_that_is_no_such_closes_the_connection(server: Server) -> None:
    """Where the end of a request is unclear, what follows must not be taken for another one."""
    following = b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n"
    for header in (b"Content-Length: 99999999999999999999", b"Content-Length: 70000000"):
        with server.connect() as client:
            client.sendall(POST + header + b"\r\n\r\n" + following)
            _, received = seconds_until_closed(client)
        assert received.count(b"HTTP/1.1 ") == 1, received
        assert received.startswith((b"HTTP/1.1 413 ", b"HTTP/1.1 401 ")), received
