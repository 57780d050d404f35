"""PostgreSQL servers that a test stops, kills and starts again: one alone, or a primary with its standby.

They listen on 127.0.0.1, so that a URL can name several of them.
"""

import contextlib
import os
import shutil
import signal
import socket
import time
from collections.abc import Iterator, Mapping
from pathlib import Path

import psycopg

from tests.support.postgres import SERVER_SETTINGS, Cluster, empty_cluster

STANDBY = "standby"
SECONDS_TO_END = 90
SECONDS_TO_FOLLOW = 90


class Node:
    """A server that can end before the test does. It runs once `start` was called."""

    def __init__(self, cluster: Cluster, settings: Mapping[str, str]) -> None:
        self.cluster = cluster
        self.port = _free_port()
        self._settings = {**SERVER_SETTINGS, "listen_addresses": "127.0.0.1", **settings}
        self._running = contextlib.ExitStack()

    @property
    def address(self) -> str:
        """Host and port, as a URL has them."""
        return f"127.0.0.1:{self.port}"

    def start(self) -> None:
        self._running.enter_context(self.cluster.running(self._settings, port=self.port))

    def end(self, number: signal.Signals = signal.SIGINT) -> None:
        """Send the server a signal that ends it, and wait for that; its data stay."""
        pid = int((self.cluster.folder / "data" / "postmaster.pid").read_text().split()[0])
        os.kill(pid, number)
        give_up_at = time.monotonic() + SECONDS_TO_END
        while Path(f"/proc/{pid}").exists():
            assert time.monotonic() < give_up_at, f"PostgreSQL does not end by {number.name}"
            time.sleep(0.01)
        self._running.close()

    def execute(self, statement: str) -> object:
        """Run a statement in the maintenance database. Returns the first value, if any."""
        with psycopg.connect(
            host="127.0.0.1", port=self.port, user="postgres", dbname="postgres", autocommit=True
        ) as connection:
            cursor = connection.execute(statement)
            row = cursor.fetchone() if cursor.description else None
            return row[0] if row is not None else None

    def close(self) -> None:
        self._running.close()


@contextlib.contextmanager
def single_node() -> Iterator[Node]:
    """One running server. Raises: PostgresMissing."""
    with empty_cluster() as cluster, contextlib.closing(Node(cluster, {})) as node:
        node.start()
        yield node


@contextlib.contextmanager
def primary_and_standby() -> Iterator[tuple[Node, Node]]:
    """A primary that acknowledges no commit before its standby has written it, set up as the README says.

    Raises: PostgresMissing.
    """
    with (
        empty_cluster() as cluster,
        contextlib.closing(Node(cluster, {"synchronous_commit": "on"})) as primary,
    ):
        _configure(cluster.folder, f"synchronous_standby_names = '{STANDBY}'\n")
        primary.start()
        folder = cluster.folder.with_name(f"{cluster.folder.name}-standby")
        try:
            folder.mkdir(mode=0o700)
            if cluster.account is not None:
                os.chown(folder, cluster.account.pw_uid, cluster.account.pw_gid)
            with contextlib.closing(_standby_of(primary, folder)) as standby:
                yield primary, standby
        finally:
            shutil.rmtree(folder, ignore_errors=True)


def _standby_of(primary: Node, folder: Path) -> Node:
    source = ("-h", str(primary.cluster.folder), "-p", str(primary.port), "-U", "postgres")
    copy = ("-D", str(folder / "data"), "--checkpoint=fast", "--no-sync")
    primary.cluster.run("pg_basebackup", *source, *copy)
    (folder / "data" / "standby.signal").touch()
    # the copied file names the standby itself: once promoted, it would wait for that and acknowledge nothing
    _configure(folder, "synchronous_standby_names = ''\n")
    conninfo = f"host=127.0.0.1 port={primary.port} user=postgres application_name={STANDBY}"
    standby = Node(
        Cluster(primary.cluster.binaries, folder, primary.cluster.account), {"primary_conninfo": conninfo}
    )
    standby.start()
    give_up_at = time.monotonic() + SECONDS_TO_FOLLOW
    while primary.execute("SELECT count(*) FROM pg_stat_replication WHERE sync_state = 'sync'") != 1:
        assert time.monotonic() < give_up_at, "the standby does not follow"
        time.sleep(0.05)
    return standby


def _configure(folder: Path, lines: str) -> None:
    with (folder / "data" / "postgresql.conf").open("a", encoding="utf-8") as file:
        file.write(lines)


def _free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port: int = free.getsockname()[1]
        return port
