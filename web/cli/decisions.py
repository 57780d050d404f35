"""Kept coverage decisions, made again."""

import sys
from datetime import datetime

import click

from web.cli.desk import desk_of, environment
from web.cli.progress import progress_bar
from web.cli.running import InstantType
from workflows.verification import Differs, verify_decisions


@click.group()
def decisions() -> None:
    """The coverage decisions that are kept."""


@decisions.command(epilog="Example: coverdesk decisions verify --from 2026-01-01T00:00:00Z")
@click.option("--from", "from_", type=InstantType(), help="Only those made at this instant or later.")
@click.option("--to", type=InstantType(), help="Only those made before this instant.")
def verify(from_: datetime | None, to: datetime | None) -> None:
    """Make each decision again, by the rule set it names and from the facts it keeps.

    Exit 1 and what differs where one comes out otherwise.
    """
    desk = desk_of(environment())
    with progress_bar("Decisions") as progress:
        found = verify_decisions(desk, _tell, from_=from_, to=to, progress=progress)
    click.echo(f"{found.decisions:,} decisions made again, {found.differ:,} differ.", err=True)
    sys.exit(1 if found.differ else 0)


def _tell(one: Differs) -> None:
    request = one.service_request or "refused"
    click.echo(f"{one.decision} ({request}): {one.what}: kept {one.kept}, made again {one.again}")
