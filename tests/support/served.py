"""`coverdesk serve` in a process of its own, for tests of the server itself."""

import os
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Mapping
from contextlib import closing
from http.client import HTTPResponse
from pathlib import Path

from tests.support.builders import RULES

SECONDS_TO_START = 150
"""On a loaded machine; a server that ends is noticed at once."""


class Server:
    """A running server. `log` is the file with its standard error."""

    def __init__(self, settings: Mapping[str, str], folder: Path, *options: str) -> None:
        self.port = free_port()
        self.log = folder / "server.log"
        with self.log.open("wb") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "web.cli", "serve", "--port", str(self.port), *options],
                env=os.environ | dict(settings) | {"PYTHONPATH": str(RULES.parent)},
                cwd=folder,
                stderr=log,
            )
        give_up_at = time.monotonic() + SECONDS_TO_START
        while time.monotonic() < give_up_at and self.process.poll() is None:
            try:
                if self.get("/healthz").status == 200:
                    return
            except OSError:
                time.sleep(0.1)
        self.process.kill()
        self.process.wait()
        raise AssertionError(f"The server did not start in time, or ended: {self.log.read_text()}")

    def get(self, path: str, token: str | None = None) -> HTTPResponse:
        """Return the response. Raises: OSError, an HTTPError for a status of 400 or more among them."""
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        call = urllib.request.Request(f"http://127.0.0.1:{self.port}{path}", headers=headers)
        answer: HTTPResponse = urllib.request.urlopen(call, timeout=10)
        return answer

    def connect(self, address: str = "127.0.0.1", receive_buffer: int | None = None) -> socket.socket:
        """Return a connection from one of this machine's own addresses, such as 127.0.0.2."""
        client = socket.socket()
        client.settimeout(20)
        if receive_buffer is not None:
            client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        client.bind((address, 0))
        client.connect(("127.0.0.1", self.port))
        return client

    def stop(self, number: int) -> float:
        """Send a signal and return how many seconds passed until the end."""
        started = time.monotonic()
        self.process.send_signal(number)
        self.process.wait(30)
        return time.monotonic() - started


def free_port() -> int:
    """Return a port that nothing listens on."""
    with closing(socket.socket()) as free:
        free.bind(("127.0.0.1", 0))
        port: int = free.getsockname()[1]
        return port
