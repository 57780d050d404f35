"""`coverdesk backup` and `coverdesk restore`."""

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import NoReturn

import click

from web.cli.desk import environment
from workflows.operations.backup import back_up
from workflows.operations.backup import restore as restore_backup

file_argument = click.argument("file", type=click.Path(path_type=Path, dir_okay=False))


@contextmanager
def stopped_by_signals() -> Iterator[None]:
    """Let SIGTERM and SIGHUP end the command as Ctrl-C does, so that what it has begun is cleaned up."""

    def stop(number: int, _: FrameType | None) -> NoReturn:
        raise SystemExit(128 + number)

    # one that is ignored, as SIGHUP under nohup, stays ignored
    heard = [one for one in (signal.SIGTERM, signal.SIGHUP) if signal.getsignal(one) is not signal.SIG_IGN]
    before = {number: signal.signal(number, stop) for number in heard}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


@click.command(epilog="Example: coverdesk backup coverdesk-2026-03-31.db")
@file_argument
def backup(file: Path) -> None:
    """Copy the SQLite database to FILE, also while the desk is in use."""
    with stopped_by_signals():
        size_bytes = back_up(environment().database_url, file)
    click.echo(f"{file}: {size_bytes:,} bytes.", err=True)


@click.command(epilog="Example: coverdesk restore coverdesk-2026-03-31.db --yes")
@file_argument
@click.option("--yes", is_flag=True, help="Do not ask for confirmation.")
def restore(file: Path, yes: bool) -> None:
    """Replace the SQLite database with a backup. Its current content is lost."""
    env = environment()
    if not yes:
        click.confirm(f"Replace everything in {env.database_url} with {file}?", abort=True, err=True)
    restore_backup(env.database_url, file)
    click.echo("Restored. Run: coverdesk migrate", err=True)
