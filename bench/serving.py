"""Servers for a run: the product and the bare handler, started the same way and stopped by their pid."""

import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryFile
from typing import IO
from urllib.error import URLError
from urllib.request import urlopen

from bench.cpu import children, cpu_seconds

PROJECT = Path(__file__).parents[1]
SECONDS_TO_START = 60
SECONDS_TO_STOP = 20
WORKERS = 2


@dataclass(frozen=True, slots=True)
class Served:
    """A running server."""

    port: int
    pid: int

    def memory_bytes(self) -> int:
        """Return the memory of its workers in bytes; shared pages count once."""
        return sum(_proportional_bytes(pid) for pid in children(self.pid))

    def cpu_seconds(self) -> float:
        """Return the CPU seconds that its workers have used so far."""
        return cpu_seconds(children(self.pid))


@contextmanager
def product(database_url: str) -> Iterator[Served]:
    """Run `coverdesk serve` with two workers."""
    with _serving(["web.cli", "serve"], database_url) as served:
        yield served


@contextmanager
def bare(database_url: str) -> Iterator[Served]:
    """Run the bare handler on the same kind of server."""
    with _serving(["bench.bare"], database_url) as served:
        yield served


@contextmanager
def _serving(module: list[str], database_url: str) -> Iterator[Served]:
    port = _free_port()
    command = [sys.executable, "-m", *module, "--port", str(port), "--workers", str(WORKERS)]
    environment = {name: value for name, value in os.environ.items() if not name.startswith("COVERDESK_")}
    environment |= {
        "COVERDESK_DATABASE_URL": database_url,
        "COVERDESK_SECRET_KEY": "only-for-the-benchmark",
        "COVERDESK_LOG_FORMAT": "json",
    }
    with TemporaryFile() as log:
        process = subprocess.Popen(
            command, cwd=PROJECT, env=environment, stdin=subprocess.DEVNULL, stderr=log
        )
        try:
            _wait(process, port, log)
            yield Served(port, process.pid)
        finally:
            process.terminate()
            try:
                process.wait(timeout=SECONDS_TO_STOP)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def _wait(process: "subprocess.Popen[bytes]", port: int, log: IO[bytes]) -> None:
    give_up_at = time.monotonic() + SECONDS_TO_START
    while process.poll() is None and time.monotonic() < give_up_at:
        try:
            with urlopen(f"http://127.0.0.1:{port}/healthz", timeout=5):
                return
        except (URLError, OSError):
            time.sleep(0.1)
    log.seek(0)
    raise RuntimeError(f"The server did not start:\n{log.read().decode()}")


def _free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        port: int = found.getsockname()[1]
        return port


def _proportional_bytes(pid: int) -> int:
    for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
        if line.startswith("Pss:"):
            return int(line.split()[1]) * 1024
    raise RuntimeError(f"The memory of process {pid} is unknown.")
