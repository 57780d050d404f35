"""Behind a real nginx, configured as documented: addresses, hosts, and slow clients."""

import http.client
import re
import signal
import socket
import ssl
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from sqlalchemy import create_engine, text

from tests.conftest import lacking
from tests.support.certificates import ServerFiles, issue
from tests.support.nginx import NginxMissing, running_nginx
from tests.support.served import Server, free_port

HOST = "desk.example.com"


class Proxied:
    """A server behind nginx, as a browser reaches it."""

    def __init__(self, server: Server, port: int, files: ServerFiles, database: Path) -> None:
        self.server = server
        self.port = port
        self.database = database
        self._context = ssl.create_default_context(cafile=str(files.authority))

    def connect(self) -> ssl.SSLSocket:
        return self._context.wrap_socket(
            socket.create_connection(("127.0.0.1", self.port), timeout=20), server_hostname=HOST
        )

    def call(
        self, method: str, path: str, body: bytes | None = None, **headers: str
    ) -> http.client.HTTPResponse:
        connection = http.client.HTTPConnection(HOST, timeout=20)
        connection.sock = self.connect()
        names = {name.replace("_", "-"): value for name, value in headers.items()}
        connection.request(method, path, body, {"Connection": "close"} | names)
        return connection.getresponse()

    def addresses_of_failed_logins(self) -> set[str]:
        """The addresses in the audit trail: of an unknown user, the failure is recorded by address."""
        engine = create_engine(f"sqlite:///{self.database}")
        with engine.connect() as connection:
            failed = text("SELECT subject_id FROM audit_event WHERE action = 'login failed'")
            found = set(connection.execute(failed).scalars())
        engine.dispose()
        return found


@pytest.fixture(scope="module")
def proxied(migrated_sqlite_template: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Proxied]:
    folder = tmp_path_factory.mktemp("proxied")
    database = folder / "coverdesk.db"
    database.write_bytes(migrated_sqlite_template.read_bytes())
    settings = {
        "COVERDESK_DATABASE_URL": f"sqlite:///{database}",
        "COVERDESK_RULES_DIR": str(Path(__file__).parents[3] / "rules"),
        "COVERDESK_BASE_URL": f"https://{HOST}",
        "COVERDESK_TRUSTED_PROXIES": "1",
        "COVERDESK_CONNECTIONS_PER_CLIENT": "2",
    }
    files, port = issue(folder, HOST), free_port()
    server = Server(settings, folder)
    try:
        with ExitStack() as stack:
            try:
                stack.enter_context(
                    running_nginx(
                        folder,
                        port=port,
                        upstream=server.port,
                        certificate=files.certificate,
                        key=files.key,
                    )
                )
            except NginxMissing as error:
                lacking(str(error))
            yield Proxied(server, port, files, database)
    finally:
        server.stop(signal.SIGTERM)


@pytest.mark.slow
def test_the_login_page_and_its_cookies(proxied: Proxied) -> None:
    answer = proxied.call("GET", "/login")
    assert answer.status == 200
    cookie = answer.headers["Set-Cookie"]
    assert "Secure" in cookie
    assert "HttpOnly" in cookie


@pytest.mark.slow
def test_the_address_of_a_client_is_the_one_that_nginx_saw(proxied: Proxied) -> None:
    page = proxied.call("GET", "/login")
    cookie = page.headers["Set-Cookie"].partition(";")[0]
    token = re.search(r'name="csrf_token"[^>]*value="([^"]+)"', page.read().decode())
    assert token is not None
    sent = f"csrf_token={token[1]}&email=ada%40example.com&password=wrong".encode()
    for claimed in ("203.0.113.7", "203.0.113.8, 198.51.100.1"):
        answer = proxied.call(
            "POST",
            "/login",
            sent,
            Content_Type="application/x-www-form-urlencoded",
            Cookie=cookie,
            Referer=f"https://{HOST}/",
            X_Forwarded_For=claimed,
        )
        assert "incorrect" in answer.read().decode()
    assert proxied.addresses_of_failed_logins() == {"127.0.0.1"}


@pytest.mark.slow
@pytest.mark.parametrize(
    "headers",
    [{"Host": "other.example.com"}, {"Host": "other.example.com", "X_Forwarded_Host": HOST}],
)
def test_another_host_is_not_answered(proxied: Proxied, headers: dict[str, str]) -> None:
    assert proxied.call("GET", "/", None, **headers).status == 421


@pytest.mark.slow
def test_a_large_rule_set_and_one_that_is_too_large(proxied: Proxied) -> None:
    sent = {"Content_Type": "application/json", "Authorization": "Bearer unknown"}
    assert proxied.call("POST", "/api/v1/rules/check", b"x" * 15_000_000, **sent).status == 401
    assert proxied.call("POST", "/api/v1/rules/check", b"x" * 18_000_000, **sent).status == 413


@pytest.mark.slow
def test_slow_clients_of_the_proxy_stop_no_answer(proxied: Proxied) -> None:
    with ExitStack() as stack:
        for number in range(80):
            client = stack.enter_context(proxied.connect())
            if number % 2:
                client.sendall(f"POST /api/v1/org-units HTTP/1.1\r\nHost: {HOST}\r\n".encode())
            if number % 4 == 1:
                client.sendall(b"Content-Length: 100\r\n\r\n{")
        started = time.monotonic()
        for path in ("/healthz", "/login"):
            assert proxied.call("GET", path).status == 200
        assert time.monotonic() - started < 8  # a slow client is given up after more
