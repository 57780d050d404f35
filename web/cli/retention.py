"""`coverdesk retention`: what the job `remove_old_records` would remove."""

import click

from web.cli.desk import desk_of, environment, operator
from workflows.people.retention import preview_retention

months = click.IntRange(0, 360)


@click.group(epilog="Example: coverdesk retention preview")
def retention() -> None:
    """What is removed because it is older than the settings say."""


@retention.command(epilog="Example: coverdesk retention preview --mail-months 12")
@click.option("--mail-months", type=months, help="Try this instead of the setting; 0 removes none.")
@click.option("--billing-mail-months", type=months, help="The same for mail about invoices and quotes.")
def preview(mail_months: int | None, billing_mail_months: int | None) -> None:
    """Print how much would be removed now, the oldest and the newest. Nothing is removed.

    `coverdesk run-job remove_old_records` removes it, as the scheduler does.
    """
    given = {
        "mail_retention_months": mail_months,
        "billing_mail_retention_months": billing_mail_months,
    }
    tried = {name: value for name, value in given.items() if value is not None}
    with desk_of(environment()).read(operator()) as tx:
        found = preview_retention(tx, tried)
    for one in found:
        if one.before is None:
            click.echo(f"{one.kind}: never removed")
            continue
        span = f", from {one.oldest_at:%Y-%m-%d} to {one.newest_at:%Y-%m-%d}" if one.records else ""
        click.echo(f"{one.kind}: {one.records:,} before {one.before:%Y-%m-%d %H:%M} UTC{span}")
