"""`coverdesk customers`: what is held on a customer. Erasing one is in `erasure`."""

from pathlib import Path

import click

from web.cli import erasure
from web.cli.desk import desk_of, environment, operator
from web.cli.storage import stopped_by_signals
from workflows.people.export import export_to_file


@click.group(epilog="Example: coverdesk customers export 01m8ryzs9xx1zk29kd8bmgrev2 --output export.zip")
def customers() -> None:
    """Customers and what is held on them."""


@customers.command(
    epilog="Example: coverdesk customers export 01m8ryzs9xx1zk29kd8bmgrev2 --output export.zip"
)
@click.argument("customer_id", metavar="ID")
@click.option(
    "--output",
    metavar="FILE",
    type=click.Path(path_type=Path, dir_okay=False),
    required=True,
    help="A new file, which only its owner can read.",
)
def export(customer_id: str, output: Path) -> None:
    """Write everything that is held on a customer to a ZIP file of JSON, CSV and documents.

    ID is in the address of the customer's page. That it was exported is written in the audit trail.
    """
    desk = desk_of(environment())
    with stopped_by_signals():
        size_bytes = export_to_file(desk, operator(), customer_id, output)
    click.echo(f"{output}: {size_bytes:,} bytes.", err=True)


for command in erasure.COMMANDS:
    customers.add_command(command)
