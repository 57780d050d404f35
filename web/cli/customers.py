"""`coverdesk customers`: what is held on customers."""

import click

from web.cli import erasure


@click.group(epilog="Example: coverdesk customers erasures")
def customers() -> None:
    """Customers and what is held on them."""


for command in erasure.COMMANDS:
    customers.add_command(command)
