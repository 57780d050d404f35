"""A backup is one snapshot, made while others write; stopped half-way it leaves nothing.

Files are the owner's.
"""

import os
import signal
import sqlite3
import stat
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from threading import Event, Thread

import pytest

from workflows.operations.backup import PAGES_A_STEP, back_up, restore
from workflows.store.database import migrate

STEPS = 12
"""Pages in the database, in steps of the backup: many, so that writes fall between them."""


@pytest.fixture
def large(sqlite_database_url: str) -> Path:
    """A database of many steps. Two counters are always alike in any state that was committed."""
    path = Path(sqlite_database_url.removeprefix("sqlite:///"))
    with closing(sqlite3.connect(path)) as connection:
        page_size = connection.execute("PRAGMA page_size").fetchone()[0]
        connection.execute("CREATE TABLE ballast (first INTEGER, content BLOB, last INTEGER)")
        connection.executemany(
            "INSERT INTO ballast VALUES (0, ?, 0)",
            ((bytes(page_size * 10),) for _ in range(STEPS * PAGES_A_STEP // 10)),
        )
        connection.execute("CREATE INDEX ballast_last ON ballast (last)")
        connection.commit()
    return path


@contextmanager
def writer_beside(path: Path) -> Iterator[list[int]]:
    """Another connection that commits all the time, first and last row of the table alike.

    How often, in a list.
    """
    stop, commits = Event(), [0]

    def write() -> None:
        with closing(sqlite3.connect(path, timeout=30)) as connection:
            connection.execute("PRAGMA journal_mode=WAL")
            while not stop.is_set():
                number = commits[0] + 1
                with connection:
                    connection.execute(
                        "UPDATE ballast SET first = ?, last = ? WHERE rowid = 1", (number, number)
                    )
                    connection.execute(
                        "UPDATE ballast SET first = ?, last = ? "
                        "WHERE rowid = (SELECT max(rowid) FROM ballast)",
                        (number, number),
                    )
                commits[0] = number
                time.sleep(0.005)

    thread = Thread(target=write)
    thread.start()
    try:
        yield commits
    finally:
        stop.set()
        thread.join()


def test_a_backup_ends_beside_a_writer_and_is_one_snapshot(large: Path, tmp_path: Path) -> None:
    target = tmp_path / "copy.db"
    with writer_beside(large) as commits:
        while not commits[0]:
            time.sleep(0.01)
        before = commits[0]
        back_up(f"sqlite:///{large}", target)
        assert commits[0] > before, "nothing was written while the copy was made"
    with closing(sqlite3.connect(target)) as copy:
        ends = copy.execute("SELECT DISTINCT first, last FROM ballast WHERE first > 0").fetchall()
        assert len(ends) == 1
        assert ends[0][0] == ends[0][1] >= before
        assert copy.execute("PRAGMA integrity_check").fetchone() == ("ok",)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_stopped_backup_leaves_nothing_behind(large: Path, tmp_path: Path, number: int) -> None:
    folder = tmp_path / "backups"
    folder.mkdir()
    target = folder / "copy.db"
    for _ in range(20):
        if backup_stopped_by(number, large, target):
            assert list(folder.iterdir()) == []
            return
        # the copy was complete before the signal came
        target.unlink()
    pytest.fail("no backup was stopped")


def backup_stopped_by(number: int, database: Path, target: Path) -> bool:
    """Start a backup and send it a signal once it writes; whether it ended with an error."""
    command = [sys.executable, "-m", "web.cli", "backup", str(target)]
    environment = {**os.environ, "COVERDESK_DATABASE_URL": f"sqlite:///{database}"}
    with subprocess.Popen(
        command,
        env=environment,
        stderr=subprocess.DEVNULL,
        # a shell that starts the tests in the background lets them ignore SIGINT
        preexec_fn=lambda: signal.signal(number, signal.SIG_DFL),
    ) as running:
        while not list(target.parent.iterdir()):
            assert running.poll() is None
            time.sleep(0.001)
        running.send_signal(number)
        return running.wait(30) != 0


def test_database_log_and_backup_are_readable_by_the_owner_alone(tmp_path: Path) -> None:
    database, copy, other = (tmp_path / name for name in ("desk.db", "copy.db", "other.db"))
    before = os.umask(0)
    try:
        migrate(f"sqlite:///{database}")
        with closing(sqlite3.connect(database)) as connection:
            connection.execute("CREATE TABLE open_table (x)")
            connection.commit()
            back_up(f"sqlite:///{database}", copy)
            restore(f"sqlite:///{other}", copy)
            modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in tmp_path.iterdir()}
    finally:
        os.umask(before)
    assert {"desk.db", "desk.db-wal", "copy.db", "other.db"} <= set(modes)
    assert set(modes.values()) == {0o600}


def test_migrating_takes_others_rights_away(tmp_path: Path) -> None:
    database = tmp_path / "desk.db"
    migrate(f"sqlite:///{database}")
    database.chmod(0o644)
    migrate(f"sqlite:///{database}")
    assert stat.S_IMODE(database.stat().st_mode) == 0o600
