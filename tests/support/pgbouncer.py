"""A real pgbouncer in front of the tests' PostgreSQL, in transaction mode, as Debian ships it.

It has fewer connections to the server than its clients have to it, so that one client's transactions run in
sessions that another one has just used. It refuses to run as root, and then runs as `nobody`.
"""

import contextlib
import os
import shutil
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from tests.support.postgres import PostgresServer, account_to_run_as, supervised

PORT = 6432
"""The number in its socket's name; it listens at no network address."""
CONFIGURATION = """\
[databases]
* = host={server} user=postgres

[pgbouncer]
unix_socket_dir = {folder}
listen_addr =
listen_port = {port}
auth_type = any
pool_mode = transaction
default_pool_size = {server_connections}
max_client_conn = 300
"""


class PgbouncerMissing(Exception):
    """No pgbouncer on this machine."""


@dataclass(frozen=True)
class Pgbouncer:
    """One running pgbouncer, by which every database of its server can be reached."""

    socket_folder: Path

    def url(self, database: str) -> str:
        """The SQLAlchemy URL of one database, by pgbouncer's Unix socket."""
        return f"postgresql+psycopg://postgres@/{database}?host={self.socket_folder}&port={PORT}"


@contextlib.contextmanager
def running_pgbouncer(server: PostgresServer, *, server_connections: int) -> Iterator[Pgbouncer]:
    """Start a pgbouncer in front of a server and stop it at the end.

    `server_connections` is how many it has to the server, for each database. Raises: PgbouncerMissing.
    """
    binary = shutil.which("pgbouncer") or shutil.which("pgbouncer", path="/usr/sbin:/usr/local/sbin")
    if binary is None:
        raise PgbouncerMissing("No pgbouncer on this machine. Debian: apt-get install pgbouncer.")
    folder = Path(tempfile.mkdtemp(prefix="coverdesk-pgbouncer-", dir="/tmp"))
    try:
        configuration = folder / "pgbouncer.ini"
        values = {"server": server.socket_folder, "folder": folder, "port": PORT}
        configuration.write_text(CONFIGURATION.format(server_connections=server_connections, **values))
        account = account_to_run_as()
        if account is not None:
            os.chown(folder, account.pw_uid, account.pw_gid)
        with supervised([binary, str(configuration)], folder, account, port=PORT):
            yield Pgbouncer(folder)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
