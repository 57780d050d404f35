"""`coverdesk migrate`, `scheduler` and `run-job`: the database schema and the background jobs."""

import signal
import sys
import threading
from datetime import datetime

import click

from web.cli.desk import desk_of, environment
from web.cli.time_ranges import InstantType
from workflows.jobs import definitions
from workflows.jobs.scheduler import running_scheduler
from workflows.operations.deployment import migrate_database


@click.command(epilog="Example: coverdesk migrate")
def migrate() -> None:
    """Bring the database schema up to date. Safe to run twice, or on two machines at once."""
    migrate_database(environment().database_url)
    click.echo("The database is up to date.", err=True)


@click.command(epilog="Example: coverdesk scheduler")
@click.option("--while-stdin-is-open", is_flag=True, hidden=True)
def scheduler(while_stdin_is_open: bool) -> None:
    """Run the background jobs until stopped. Several schedulers may run; each job still runs once."""
    env = environment()
    desk = desk_of(env)
    stop = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stop.set())
    with running_scheduler(desk):
        if while_stdin_is_open:
            threading.Thread(target=_wait_for_end_of_input, args=(stop,), daemon=True).start()
        else:
            click.echo("The scheduler is running. Press Ctrl-C to stop.", err=True)
        stop.wait()
    desk.database.dispose()


@click.command(epilog="Example: coverdesk run-job expire_contracts --due-at 2026-04-01T00:00:00+02:00")
@click.argument("name", type=click.Choice(sorted(definitions.JOBS)), metavar="NAME")
@click.option("--due-at", type=InstantType(), help="Process everything due by this instant.  [default: now]")
def run_job(name: str, due_at: datetime | None) -> None:
    """Run one job now, whether or not a scheduler is running."""
    done = definitions.run_job(desk_of(environment()), name, due_at)
    click.echo(f"{name}: {done} done")


def _wait_for_end_of_input(stop: threading.Event) -> None:
    """Stop when standard input closes: the parent process holds it open as long as it lives."""
    while sys.stdin.buffer.read(4096):
        pass
    stop.set()
