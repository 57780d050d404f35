"""`coverdesk serve`: runs gunicorn with threads, and optionally a scheduler process with it."""

import errno
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from typing import Any

import click
from gunicorn.app.base import BaseApplication

from engine.rulebook import RuleSetRefused
from web.cli.desk import desk_of, environment, fail, print_problems
from web.cli.groups import loading_modules
from web.cli.malloc import share_arenas
from web.environment import Environment, is_loopback
from web.logs import set_up_logs
from web.server.balance import ConnectionCounts
from web.server.incoming import LARGEST_LINE
from web.server.limits import Limits
from workflows.core.desk import Desk
from workflows.rule_sets.folder import check_rules_folder
from workflows.rule_sets.folder_watch import start_watching
from workflows.rule_sets.publishing import publish_first

SECONDS_TO_STOP = 15
SECONDS_BEFORE_RESTART = 2


@click.command(epilog="Example: coverdesk serve --with-scheduler --port 8080")
@click.option("--host", default="127.0.0.1", show_default=True)
@click.option("--port", default=8000, show_default=True, type=click.IntRange(1, 65535))
@click.option(
    "--workers", default=2, show_default=True, type=click.IntRange(1, 64), help="Number of processes."
)
@click.option(
    "--threads", default=8, show_default=True, type=click.IntRange(1, 64), help="Threads per process."
)
@click.option("--with-scheduler", is_flag=True, help="Also run the background jobs.")
@click.option("--demo", is_flag=True, help="Load the demonstration desk on the first start.")
def serve(host: str, port: int, workers: int, threads: int, with_scheduler: bool, demo: bool) -> None:
    """Run the web server.

    If no rule set is in force, the rules folder is published first. On any address other than loopback,
    COVERDESK_SECRET_KEY is required.
    """
    env = environment()
    weak = env.secret_key_problem()
    if weak is not None and not is_loopback(host):
        fail(f"{weak} {host} is reachable from other machines: set the key to 16 or more random characters.")
    if not env.secret_key:
        click.echo("COVERDESK_SECRET_KEY is not set: sessions end when the server stops.", err=True)
    env.session_key  # noqa: B018 -- generated before the workers fork, so that all share it
    desk = desk_of(env)
    put_rules_in_force(desk, env)
    refuse_taken_port(host, port)
    if demo:
        from web.cli.demo import load_on_first_start

        load_on_first_start(desk)
    desk.database.dispose()
    share_arenas()
    server = Server(env, host=host, port=port, workers=workers, threads=threads)
    base_url = env.base_url or server.address
    with metrics_folder(), scheduler_process(base_url) if with_scheduler else nullcontext():
        load_application()
        server.run()


def load_application() -> None:
    """Import what the workers need before they fork: once for all of them, in memory that they share.

    Call it with the metrics folder: the counters are opened with the modules.
    """
    with loading_modules():
        from web import api, pages  # noqa: F401


def refuse_taken_port(host: str, port: int) -> None:
    """Exit 1 with a message if the port cannot be bound, before anything is loaded or started."""
    with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            if error.errno == errno.EADDRINUSE:
                fail(f"Port {port} is already in use. Choose another, for example: make run PORT={port + 1}")
            fail(f"{host}:{port} cannot be bound: {error.strerror}. Choose another --host or --port.")


def put_rules_in_force(desk: Desk, env: Environment) -> None:
    """Publish the rules folder if no rule set is in force; otherwise only report its problems.

    Exits 1 with the position of each problem if the folder has errors and no rule set is in force.
    """
    files, problems = check_rules_folder(env.rules_dir)
    print_problems(problems, str(env.rules_dir))
    bad = any(problem.severity == "error" for problem in problems)
    if desk.refresh().version is not None:
        if bad:
            click.echo("The rules folder has errors; the rule set in force is unchanged.", err=True)
        else:
            start_watching(desk, env.rules_dir, files)
        return
    if bad:
        fail("The rules folder has errors, and no rule set is in force.")
    try:
        version = publish_first(desk, files)
    except RuleSetRefused as error:
        print_problems(list(error.problems), str(env.rules_dir))
        fail("The rules folder has errors, and no rule set is in force.")
    start_watching(desk, env.rules_dir, files)
    if version is not None:
        click.echo(f"Published {env.rules_dir} as the first rule set, {version[:12]}.", err=True)


class Server(BaseApplication):
    """gunicorn, configured here and not by a file of its own."""

    def __init__(self, env: Environment, *, host: str, port: int, workers: int, threads: int) -> None:
        self.environment = env
        self.limits = limits_of(env)
        self.connection_counts = ConnectionCounts()
        shown = f"[{host}]" if ":" in host else host
        self.address = f"http://{shown}:{port}"
        self.options: dict[str, Any] = {
            "bind": f"{shown}:{port}",
            "workers": workers,
            "threads": threads,
            "worker_class": "web.server.worker.BufferingWorker",
            "timeout": 120,
            "graceful_timeout": SECONDS_TO_STOP,
            "keepalive": 5,
            "limit_request_line": LARGEST_LINE,
            "sendfile": False,
            "loglevel": "warning",
            "control_socket_disable": True,
            "proc_name": "coverdesk",
            "worker_tmp_dir": _memory_folder(),
            "when_ready": self.print_address,
            "post_fork": _set_up_worker_logs(env),
            "child_exit": _forget_worker,
        }
        super().__init__()

    def load_config(self) -> None:
        for name, value in self.options.items():
            self.cfg.set(name, value)

    def load(self) -> Any:
        from web import create_app
        from web.server.refusals import use_problem_json

        use_problem_json()
        return create_app(desk_of(self.environment), self.environment)

    def print_address(self, _: object) -> None:
        click.echo(f"Coverdesk is running at {self.address} (press Ctrl-C to stop)", err=True)


def limits_of(env: Environment) -> Limits:
    """Return what one client may take. Behind a proxy, every connection has the proxy's address."""
    most = None if env.trusted_proxies else env.connections_per_client or None
    return Limits(env.header_seconds, env.body_seconds, most)


# Workers are forked inside these context managers and leave them too: only the parent process cleans up.


@contextmanager
def metrics_folder() -> Iterator[None]:
    """Provide the folder in which workers store their counters, so that any of them can report the sum."""
    folder, owner = tempfile.mkdtemp(prefix="coverdesk-metrics-"), os.getpid()
    os.environ["PROMETHEUS_MULTIPROC_DIR"] = folder
    try:
        yield
    finally:
        if os.getpid() == owner:
            shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def scheduler_process(base_url: str) -> Iterator[None]:
    """Run a scheduler process, restart it if it dies, and stop it with this process, however that ends.

    `base_url` is for links in mail.
    """
    owner = os.getpid()
    stopping = threading.Event()
    running: list[subprocess.Popen[bytes]] = [_start_scheduler(base_url)]

    def watch() -> None:
        while True:
            running[0].wait()
            if stopping.wait(SECONDS_BEFORE_RESTART):
                return
            running[0] = _start_scheduler(base_url)

    threading.Thread(target=watch, daemon=True).start()
    try:
        yield
    finally:
        if os.getpid() == owner:
            stopping.set()
            _stop(running[0])


def _start_scheduler(base_url: str) -> "subprocess.Popen[bytes]":
    # This process holds the pipe open: when it ends, even killed, the scheduler reads EOF and stops.
    return subprocess.Popen(
        [sys.executable, "-m", "web.cli", "scheduler", "--while-stdin-is-open"],
        stdin=subprocess.PIPE,
        start_new_session=True,
        env={**os.environ, "COVERDESK_BASE_URL": base_url},
    )


def _stop(process: "subprocess.Popen[bytes]") -> None:
    if process.stdin is not None:
        process.stdin.close()
    give_up_at = time.monotonic() + SECONDS_TO_STOP
    while process.poll() is None and time.monotonic() < give_up_at:
        time.sleep(0.05)
    if process.poll() is None:
        process.kill()


def _memory_folder() -> str | None:
    """Return the folder of the workers' heartbeat files: in memory if possible, since a disk may stall."""
    return "/dev/shm" if os.access("/dev/shm", os.W_OK) else None


def _set_up_worker_logs(env: Environment) -> Callable[[object, object], None]:
    def set_up(_server: object, _worker: object) -> None:
        set_up_logs(env.log_format)

    return set_up


def _forget_worker(_server: object, worker: Any) -> None:
    from prometheus_client.multiprocess import mark_process_dead

    worker.app.connection_counts.release(worker.share.slot)
    mark_process_dead(worker.pid)  # type: ignore[no-untyped-call]  # the library leaves it untyped
