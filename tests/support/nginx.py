"""A real nginx with the documented configuration, `docs/nginx.conf`; only paths and ports differ."""

import contextlib
import os
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

DOCUMENTED = Path(__file__).parents[2] / "docs" / "nginx.conf"
WRAPPER = """\
daemon off;
pid {folder}/nginx.pid;
{user}
events {{ worker_connections 512; }}
http {{
    access_log off;
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
    include {folder}/coverdesk.conf;
}}
"""


class NginxMissing(Exception):
    """No nginx on this machine."""


@contextlib.contextmanager
def running_nginx(
    folder: Path, *, port: int, upstream: int, certificate: Path, key: Path
) -> Iterator[subprocess.Popen[bytes]]:
    """Run nginx on a port of 127.0.0.1, in front of the server on another. Raises: NginxMissing."""
    binary = shutil.which("nginx") or shutil.which("nginx", path="/usr/sbin:/usr/local/sbin")
    if binary is None:
        raise NginxMissing("No nginx on this machine. Debian: apt-get install nginx.")
    documented = DOCUMENTED.read_text()
    for old, new in (
        ("server 127.0.0.1:8000;", f"server 127.0.0.1:{upstream};"),
        ("listen 443 ssl;", f"listen 127.0.0.1:{port} ssl;"),
        ("/etc/ssl/certs/desk.example.com.pem", str(certificate)),
        ("/etc/ssl/private/desk.example.com.key", str(key)),
    ):
        assert documented.count(old) == 1, f"docs/nginx.conf no longer has {old!r} once"
        documented = documented.replace(old, new)
    (folder / "coverdesk.conf").write_text(documented)
    user = "user root;" if os.geteuid() == 0 else ""
    (folder / "nginx.conf").write_text(WRAPPER.format(folder=folder, user=user))
    log = folder / "nginx.log"
    with log.open("wb") as errors:
        process = subprocess.Popen(
            [binary, "-p", str(folder), "-c", str(folder / "nginx.conf"), "-e", "stderr"], stderr=errors
        )
    try:
        _wait(process, port, log)
        yield process
    finally:
        process.terminate()
        process.wait(10)


def _wait(process: "subprocess.Popen[bytes]", port: int, log: Path) -> None:
    give_up_at = time.monotonic() + 120
    while time.monotonic() < give_up_at and process.poll() is None:
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
            return
        time.sleep(0.05)
    raise AssertionError(log.read_text())
