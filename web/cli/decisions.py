"""Kept coverage decisions, made again."""

import sys
from datetime import date, datetime

import click

from web.cli.desk import desk_of, environment
from web.cli.progress import progress_bar
from web.cli.time_ranges import InstantOrDay, instant_of
from workflows.coverage.verification import DecisionDifference, verify_decisions


@click.group(epilog="Example: coverdesk decisions verify")
def decisions() -> None:
    """The coverage decisions that are kept."""


@decisions.command(epilog="Example: coverdesk decisions verify --from 2026-01-01")
@click.option("--from", "from_", type=InstantOrDay(), help="Only those made on this day or later.")
@click.option("--to", type=InstantOrDay(), help="Only those made before this day.")
def verify(from_: datetime | date | None, to: datetime | date | None) -> None:
    """Make each decision again, by the rule set it names and from the facts it keeps.

    Exit 1 and what differs where one comes out otherwise.
    """
    desk = desk_of(environment())
    start = instant_of(desk, from_) if from_ is not None else None
    end = instant_of(desk, to) if to is not None else None
    with progress_bar("Decisions") as progress:
        found = verify_decisions(desk, _tell, from_=start, to=end, progress=progress)
    click.echo(f"{found.decisions:,} decisions made again, {found.differ:,} differ.", err=True)
    sys.exit(1 if found.differ else 0)


def _tell(one: DecisionDifference) -> None:
    request = one.service_request or "refused"
    click.echo(f"{one.decision} ({request}): {one.what}: stored {one.stored}, made again {one.again}")
