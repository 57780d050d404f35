"""`coverdesk audit`: the audit of the ledger."""

import sys

import click

from web.cli.desk import desk_of, environment, operator
from workflows.ledger.audit import audit_ledger


@click.command(epilog="Example: coverdesk audit")
def audit() -> None:
    """Recompute every balance from the ledger. Prints the differences; exits 1 if there are any."""
    desk = desk_of(environment())
    with desk.read(operator()) as tx:
        found = audit_ledger(tx)
    for one in found.differences:
        click.echo(f"{one.what}: {one.record}: stored {one.stored}, posted {one.posted}")
    click.echo(
        f"{found.transactions} transactions, {found.postings} postings, "
        f"{len(found.differences)} difference{'' if len(found.differences) == 1 else 's'}.",
        err=True,
    )
    sys.exit(0 if found.ok else 1)
