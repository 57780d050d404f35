"""Files that hold people's data are readable and writable by their owner alone."""

import os
from pathlib import Path

OWNER_ONLY = 0o600
BESIDE_SQLITE = ("-wal", "-shm", "-journal")


def create_private(path: Path) -> None:
    """Make sure that the file exists, and that only its owner can read it; what is in it stays.

    SQLite gives its write-ahead log the mode of the database file, so this comes before the first connection.
    """
    os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, OWNER_ONLY))
    make_private(path)


def make_private(path: Path) -> None:
    """Take others' rights away from an SQLite database and the files beside it, where this user owns them."""
    for one in (path, *(path.with_name(path.name + suffix) for suffix in BESIDE_SQLITE)):
        try:
            found = one.stat()
        except FileNotFoundError:
            continue
        if found.st_uid == os.geteuid() and found.st_mode & 0o077:
            one.chmod(OWNER_ONLY)
