"""`coverdesk decisions`: verification of the stored coverage decisions."""

import sys
from datetime import date, datetime

import click

from web.cli.desk import desk_of, environment
from web.cli.progress import progress_bar
from web.cli.time_ranges import InstantOrDay, instant_of
from workflows.coverage.verification import Differs, verify_decisions


@click.group(epilog="Example: coverdesk decisions verify")
def decisions() -> None:
    """Stored coverage decisions."""


@decisions.command(epilog="Example: coverdesk decisions verify --from 2026-01-01")
@click.option(
    "--from", "from_", type=InstantOrDay(), help="Only those made at or after this date or instant."
)
@click.option("--to", type=InstantOrDay(), help="Only those made before this date or instant.")
def verify(from_: datetime | date | None, to: datetime | date | None) -> None:
    """Repeat each decision with its rule set and its stored facts.

    Prints each difference; exits 1 if there are any.
    """
    desk = desk_of(environment())
    start = instant_of(desk, from_) if from_ is not None else None
    end = instant_of(desk, to) if to is not None else None
    with progress_bar("Decisions") as progress:
        found = verify_decisions(desk, _print_difference, from_=start, to=end, progress=progress)
    click.echo(f"{found.decisions:,} decisions verified, {found.differ:,} differ.", err=True)
    sys.exit(1 if found.differ else 0)


def _print_difference(one: Differs) -> None:
    request = one.service_request or "refused"
    click.echo(f"{one.decision} ({request}): {one.what}: stored {one.kept}, recomputed {one.again}")
