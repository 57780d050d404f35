"""`make audit-packages` with a real pip-audit, and a service that knows all packages or none."""

import json
import os
import socket
import ssl
import subprocess
import threading
from collections.abc import Iterator
from contextlib import closing, suppress
from pathlib import Path

import pytest
import trustme

CHECKOUT = Path(__file__).resolve().parent.parent


class Service:
    """An HTTPS proxy that answers every call itself, for any host: with `status` and no vulnerability."""

    def __init__(self, folder: Path, status: str) -> None:
        self._issuer = trustme.CA()
        self.authority = folder / "authority.pem"
        self._issuer.cert_pem.write_to_path(self.authority)
        body = json.dumps({"vulnerabilities": []}).encode()
        head = f"HTTP/1.1 {status}\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n"
        self._answer = head.encode() + b"Connection: close\r\n\r\n" + body
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def _serve(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            with suppress(OSError), closing(client):
                client.settimeout(20)
                host = _read_head(client).split()[1].rpartition(b":")[0].decode()  # CONNECT host:port
                client.sendall(b"HTTP/1.1 200 Connection established\r\n\r\n")
                context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
                self._issuer.issue_cert(host).configure_cert(context)
                with context.wrap_socket(client, server_side=True) as secured:
                    _read_head(secured)
                    secured.sendall(self._answer)

    def stop(self) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self._thread.join(20)


def _read_head(client: socket.socket) -> bytes:
    received = b""
    while b"\r\n\r\n" not in received:
        piece = client.recv(4096)
        if not piece:
            raise ConnectionResetError
        received += piece
    return received


@pytest.fixture(params=["200 OK", "404 Not Found"])
def service(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[tuple[str, Service]]:
    running = Service(tmp_path, request.param)
    yield request.param, running
    running.stop()


@pytest.mark.slow
def test_a_package_that_could_not_be_audited_is_a_failure(
    service: tuple[str, Service], tmp_path: Path
) -> None:
    status, running = service
    environment = {name: value for name, value in os.environ.items() if "proxy" not in name.lower()}
    environment |= {
        "HTTPS_PROXY": f"http://127.0.0.1:{running.port}",
        "REQUESTS_CA_BUNDLE": str(running.authority),
        "XDG_CACHE_HOME": str(tmp_path / "cache"),
        "PIP_CACHE_DIR": str(tmp_path / "cache"),
        "HOME": str(tmp_path),
    }
    audited = subprocess.run(
        ["make", "--no-print-directory", "audit-packages"],
        cwd=CHECKOUT,
        env=environment,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    if status.startswith("200"):
        assert (audited.returncode, audited.stderr.strip()) == (0, "No known vulnerabilities found")
    else:
        assert audited.returncode != 0
        assert "could not be audited" in audited.stderr
        assert "No known vulnerabilities" not in audited.stderr
