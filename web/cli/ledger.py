"""`coverdesk audit` and `coverdesk checkpoint`: proving the ledger."""

import sys
from pathlib import Path

import click

from web.cli.desk import desk_of, environment, fail, operator
from web.cli.progress import progress_bar
from workflows.ledger.checkpoints import GivenCheckpoint, find_checkpoint, parse_checkpoint
from workflows.ledger.differences import Difference
from workflows.reports.audit import audit_desk

LONGEST_FILE = 1_000_000


@click.command(epilog="Example: coverdesk audit --against checkpoint.txt")
@click.option(
    "--against",
    metavar="CHECKPOINT",
    help="A checkpoint that was stored elsewhere: a file, - for standard input, or the line itself.",
)
def audit(against: str | None) -> None:
    """Recompute every balance from the ledger and verify every chain.

    Also plans the draw-down of all work again. Prints the differences; exits 1 if there are any. With
    --against, proves that nothing before the checkpoint was changed.
    """
    given = parse_checkpoint(_text_of(against)) if against is not None else None
    desk = desk_of(environment())
    with desk.read(operator()) as tx, progress_bar("Transactions") as progress:
        found = audit_desk(tx, against=given, progress=progress)
    for one in found.differences:
        click.echo(_line(one))
    if found.difference_count > len(found.differences):
        click.echo(f"... and {found.difference_count - len(found.differences):,} more.")
    click.echo(
        f"{found.transactions:,} transactions, {found.postings:,} postings, {found.chains:,} chains, "
        f"{found.checkpoints:,} checkpoint{'' if found.checkpoints == 1 else 's'}, "
        f"{found.difference_count:,} difference{'' if found.difference_count == 1 else 's'}.",
        err=True,
    )
    if given is not None and found.ok:
        click.echo(_proof(given), err=True)
    sys.exit(0 if found.ok else 1)


@click.command(epilog="Example: coverdesk checkpoint > checkpoint-2026-12-01.txt")
@click.option("--number", type=click.IntRange(1), help="A checkpoint other than the newest.")
def checkpoint(number: int | None) -> None:
    """Print a checkpoint of the ledger, one line to store where this deployment cannot change it.

    The job take_checkpoint makes one each day.
    """
    with desk_of(environment()).read(operator()) as tx:
        click.echo(find_checkpoint(tx, number).text)


def _text_of(against: str) -> str:
    """The text of a file, of standard input, or the one given. Exits 1 if it cannot be read."""
    if against == "-":
        return sys.stdin.read(LONGEST_FILE)
    if against.startswith("coverdesk-checkpoint-"):
        return against
    try:
        with Path(against).open(encoding="utf-8", errors="replace") as file:
            return file.read(LONGEST_FILE)
    except OSError as error:
        fail(f"The checkpoint cannot be read: {against}: {error.strerror}.")


def _line(one: Difference) -> str:
    """A difference on one line: what, which record, which contract and transaction."""
    where = [f"contract {one.contract_number}"] if one.contract_number else []
    if one.transaction is not None and one.transaction != one.record:
        where.append(f"transaction {one.transaction}")
    if one.sequence is not None:
        where.append(f"number {one.sequence} in its chain")
    place = f" ({', '.join(where)})" if where else ""
    return f"{one.what}: {one.record}{place}: stored {one.stored}, posted {one.posted}"


def _proof(given: GivenCheckpoint) -> str:
    return (
        f"Checkpoint {given.number} of {given.taken_at:%Y-%m-%d %H:%M} UTC agrees: none of its "
        f"{given.transactions:,} transactions was changed, removed or reordered."
    )
