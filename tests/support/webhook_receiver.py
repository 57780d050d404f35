"""A real HTTP server on 127.0.0.1 that receives webhooks, verifies them, and responds as it is asked to."""

import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Event, Thread
from typing import Any

from standardwebhooks import Webhook
from time_machine import travel

from tests.support.certificates import ServerFiles

HOST = "127.0.0.1"


@dataclass(frozen=True)
class Received:
    """One request as it arrived; header names in lower case."""

    path: str
    headers: dict[str, str]
    body: bytes

    @property
    def id(self) -> str:
        return self.headers["webhook-id"]

    @property
    def sent_at(self) -> datetime:
        return datetime.fromtimestamp(int(self.headers["webhook-timestamp"]), UTC)

    def payload(self, secret: str) -> Any:
        """The payload. Raises: WebhookVerificationError unless the secret has signed it.

        It is verified at the time of the desk that sent it.
        """
        with travel(self.sent_at, tick=False):
            return Webhook(secret).verify(self.body, self.headers)


@dataclass
class Receiver:
    """What a server has received. It responds with the first of `statuses`, which is then used up, or 204.

    After `hold_after` requests it does not respond until `go_on` is called.
    """

    port: int
    scheme: str
    received: list[Received] = field(default_factory=list)
    statuses: list[int] = field(default_factory=list)
    text: bytes = b""
    location: str = ""
    hold_after: int | None = None
    _goes_on: Event = field(default_factory=Event)

    def go_on(self) -> None:
        self.hold_after = None
        self._goes_on.set()

    def wait(self) -> None:
        if self.hold_after is not None and len(self.received) > self.hold_after:
            self._goes_on.wait(60)

    def url(self, path: str = "/hooks", host: str = HOST) -> str:
        return f"{self.scheme}://{host}:{self.port}{path}"

    @property
    def ids(self) -> list[str]:
        return [one.id for one in self.received]

    def payloads(self, secret: str) -> list[Any]:
        return [one.payload(secret) for one in self.received]


@contextmanager
def webhook_receiver(files: ServerFiles | None = None) -> Iterator[Receiver]:
    """Run a server, with TLS if it is given the files of a certificate."""
    server = ThreadingHTTPServer((HOST, 0), _Handler)
    server.daemon_threads = True
    if files is not None:
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        context.load_cert_chain(files.certificate, files.key)
        server.socket = context.wrap_socket(server.socket, server_side=True)
    receiver = Receiver(server.server_address[1], "http" if files is None else "https")
    server.receiver = receiver  # type: ignore[attr-defined]
    thread = Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    try:
        yield receiver
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


class _Handler(BaseHTTPRequestHandler):
    # The names of the following methods are those that http.server calls.

    def do_POST(self) -> None:
        receiver: Receiver = self.server.receiver  # type: ignore[attr-defined]
        body = self.rfile.read(int(self.headers["Content-Length"]))
        headers = {name.lower(): value for name, value in self.headers.items()}
        receiver.received.append(Received(self.path, headers, body))
        receiver.wait()
        self.send_response(receiver.statuses.pop(0) if receiver.statuses else 204)
        if receiver.location:
            self.send_header("Location", receiver.location)
        self.send_header("Content-Length", str(len(receiver.text)))
        self.end_headers()
        self.wfile.write(receiver.text)

    def log_message(self, *_: Any) -> None:
        """Nothing."""
