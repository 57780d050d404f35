"""The commands of `coverdesk customers` that erase a customer, and set and lift a legal hold."""

import sys

import click

from web.cli.desk import desk_of, environment, fail, operator
from workflows.commands.people import EraseCustomer, SetLegalHold
from workflows.people.erasing import erase_customer, list_erasures, preview_erasure
from workflows.people.legal_holds import lift_legal_hold, set_legal_hold
from workflows.views.erasures import ErasurePreview, ErasureView

PAGE_SIZE = 200


@click.command(epilog='Example: coverdesk customers erase ID --name "Ann Smith" --reason "Asked for it"')
@click.argument("customer_id", metavar="ID")
@click.option("--name", help="The customer's name, to confirm it.  [default: asked for]")
@click.option("--reason", help="Why. It is stored: leave the name out.")
@click.option("--preview", is_flag=True, help="Only show what it would change, and what stops it.")
def erase(customer_id: str, name: str | None, reason: str | None, preview: bool) -> None:
    """Replace for good what identifies a customer.

    Numbers, amounts, minutes and decisions stay. With --preview it exits 1 if something stops it.
    """
    desk = desk_of(environment())
    with desk.read(operator()) as tx:
        found = preview_erasure(tx, customer_id)
    if preview or found.erasure is not None:
        _print_preview(found)
        sys.exit(1 if found.stops else 0)
    if reason is None:
        fail("Give a reason: --reason TEXT.")
    if name is None:
        if not sys.stdin.isatty():
            fail("Give the name of the customer, to confirm it: --name NAME.")
        name = click.prompt("Name of the customer, to confirm it", err=True)
    command = EraseCustomer(name=str(name), reason=reason)
    proof = desk.perform(operator(), lambda tx: erase_customer(tx, customer_id, command))
    _print_proof(proof)


@click.command(epilog="Example: coverdesk customers erasures")
def erasures() -> None:
    """List the erased customers: number, id, when, by whom, why."""
    desk, cursor = desk_of(environment()), None
    while True:
        with desk.read(operator()) as tx:
            page = list_erasures(tx, limit=PAGE_SIZE, cursor=cursor)
        for one in page.items:
            click.echo(
                f"{one.number:<6}  {one.customer}  {one.erased_at.isoformat()}  {one.erased_by}  {one.reason}"
            )
        cursor = page.next_cursor
        if cursor is None:
            return


@click.command(epilog='Example: coverdesk customers hold ID --reason "Case 12 O 34/26"')
@click.argument("customer_id", metavar="ID")
@click.option("--reason", required=True, help="Why what is held must stay.")
def hold(customer_id: str, reason: str) -> None:
    """Set a legal hold: the customer is not erased until it is lifted."""
    command = SetLegalHold(reason=reason)
    desk_of(environment()).perform(operator(), lambda tx: set_legal_hold(tx, customer_id, command))
    click.echo("The legal hold is set.", err=True)


@click.command(epilog="Example: coverdesk customers lift-hold ID")
@click.argument("customer_id", metavar="ID")
def lift_hold(customer_id: str) -> None:
    """Lift the legal hold of a customer."""
    desk_of(environment()).perform(operator(), lambda tx: lift_legal_hold(tx, customer_id))
    click.echo("The legal hold is lifted.", err=True)


COMMANDS = (erase, erasures, hold, lift_hold)


def _print_preview(preview: ErasurePreview) -> None:
    if preview.erasure is not None:
        _print_proof(preview.erasure)
        return
    for one in preview.records:
        click.echo(f"{one.group:<20} {one.records:>8,}")
    for stop in preview.stops:
        click.echo(f"{stop.detail} {stop.remedy}", err=True)


def _print_proof(proof: ErasureView) -> None:
    for table, rows in proof.rows.items():
        click.echo(f"{table:<28} {rows:>8,}")
    click.echo(
        f"Erased as number {proof.number} by {proof.erased_by}, {proof.erased_at.isoformat()}.", err=True
    )
