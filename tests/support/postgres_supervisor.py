"""Runs a test PostgreSQL until standard input closes, then stops it and removes its folder.

The tests hold the other end of that pipe: it closes when they end, also when they are killed, so that no
server remains. Arguments: FOLDER; OWNER as "uid:gid", or empty for the same user; the command.
"""

import select
import shutil
import signal
import subprocess
import sys

STOP_SECONDS = 10


def main(folder: str, owner: str, command: list[str]) -> None:
    """Run `command` as `owner` until standard input closes or the server exits."""
    uid, gid = (int(part) for part in owner.split(":")) if owner else (None, None)
    server = subprocess.Popen(
        command,
        stdin=subprocess.DEVNULL,
        cwd=folder,
        user=uid,
        group=gid,
        extra_groups=None if uid is None else [],
    )
    while server.poll() is None and not _closed():
        pass
    if server.poll() is None:
        server.send_signal(signal.SIGINT)  # fast shutdown: connections are closed without waiting
        try:
            server.wait(timeout=STOP_SECONDS)
        except subprocess.TimeoutExpired:
            server.kill()
            server.wait()
        shutil.rmtree(folder, ignore_errors=True)


def _closed() -> bool:
    """Return whether standard input has closed; waits up to 0.2 seconds."""
    readable, _, _ = select.select([sys.stdin], [], [], 0.2)
    return bool(readable) and not sys.stdin.buffer.read(1)


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], sys.argv[3:])
