"""Withdrawing from a contract: of what is left, or from one grant, also what work has drawn of it.

Source: product.md sections 5 and 7.
"""

from datetime import datetime
from typing import Any

from sqlalchemy import Row

from engine.burn_order import burn_order
from engine.contracts import Contract, Unit
from engine.ledger import LedgerTransaction, move
from workflows.commands.contracts import Adjust
from workflows.contracts.effective_dates import effective_instant, pointer_of
from workflows.core.errors import InvalidInput, invalid
from workflows.core.transaction import Transaction
from workflows.coverage.search import redraw_and_cover
from workflows.languages.formats import amount_text
from workflows.languages.texts import gettext
from workflows.ledger.journal import lowest_balance_since, record
from workflows.lifecycle.contracts.connected_work import Change, Withdrawal
from workflows.lifecycle.contracts.grants import StoredGrant, read_grants
from workflows.lifecycle.contracts.rows import contract_value
from workflows.lifecycle.contracts.sold_items import waive_sale


def withdraw(tx: Transaction, row: Row[Any], unit: Unit, quantity: int, command: Adjust) -> None:
    """Withdraw a quantity (above zero) from a locked contract, now or as of an earlier instant.

    Raises: InvalidInput: less is there than would be withdrawn, the instant is in the future, or the grant is
    not the contract's; Conflict: work that cannot be drawn again has used too much of the grant.
    """
    at = effective_instant(tx, contract_value(row), command)
    if at > tx.now:
        raise invalid(
            pointer_of(command),
            gettext("A withdrawal cannot take effect in the future."),
            gettext("Withdraw now, or cancel the contract on that day."),
        )
    if command.grant is None:
        _withdraw_what_is_left(tx, row, unit, quantity, at, command.reason)
    else:
        _withdraw_from_grant(tx, row, unit, quantity, at, command)


def _withdraw_what_is_left(
    tx: Transaction, row: Row[Any], unit: Unit, quantity: int, at: datetime, reason: str
) -> None:
    """Withdraw from available grants, last in burn order first: those that are drawn first stay untouched."""
    grants = [one for one in read_grants(tx, row.id) if not one.window.is_over(tx.now)]
    grants.sort(key=lambda one: burn_order(one.window, one.grant.id, one.grant.priority))
    free = {one.grant.id: one.grant.available for one in grants}
    if at < tx.now:
        free = {grant_id: lowest_balance_since(tx, grant_id, "available", at) for grant_id in free}
    _refuse_too_much(row, unit, quantity, sum(free.values()), by_grant=False)
    rest = quantity
    postings: list[Any] = []
    for one in reversed(grants):
        amount = min(rest, free[one.grant.id])
        if amount:
            postings += move(
                one.grant.posting_unit, amount, (one.grant.id, "available"), (one.grant.id, "sold")
            )
            rest -= amount
    entry = LedgerTransaction("withdraw", at, tuple(postings), cause=f"contract:{row.id}", why=reason)
    record(tx, entry, contract_id=row.id)


def _withdraw_from_grant(
    tx: Transaction, row: Row[Any], unit: Unit, quantity: int, at: datetime, command: Adjust
) -> None:
    """Withdraw from one grant for all of its time; what work has drawn of it is drawn again without it.

    Incidents are not drawn for work: of these only what is left can be withdrawn.
    """
    contract = contract_value(row)
    stored = next((one for one in read_grants(tx, row.id) if one.grant.id == command.grant), None)
    if stored is None:
        raise invalid(
            "/grant",
            gettext("%(number)s has no grant with this id.", number=row.number),
            gettext("Give the id of one of its grants."),
        )
    if stored.rest_of is not None:
        raise invalid(
            "/grant",
            gettext("This grant has what a month left to later months."),
            gettext("Withdraw from the allocation of that month."),
        )
    there = stored.grant.available if unit == "incidents" else stored.purchased + stored.expired
    _refuse_too_much(row, unit, quantity, there, by_grant=True)
    since = min(stored.opens_at, tx.now)
    taken = Withdrawal(
        row.id, stored.grant.id, quantity, _posted_at(tx, contract, stored, at, command), command.reason
    )
    if quantity == stored.purchased + stored.expired and stored.kind == "top_up":
        waive_sale(tx, row.id, command.reason, grant_id=stored.grant.id)
    cause = f"contract:{row.id}"
    redraw_and_cover(tx, Change(since, cause, frozenset({row.id}), moves_boundaries=True, withdrawal=taken))


def _posted_at(
    tx: Transaction, contract: Contract, stored: StoredGrant, at: datetime, command: Adjust
) -> datetime:
    """The instant as of which a withdrawal from a grant is posted: while the grant is there.

    A grant that has closed loses it as of its end, one that has not opened yet as of its start.
    Raises: InvalidInput for an instant that is given and before the grant.
    """
    granted_at = stored.grant.effective_at or min(contract.starts_at, tx.now)
    is_given = command.effective_at is not None or command.effective_on is not None
    if is_given and at < granted_at and granted_at <= tx.now:
        raise invalid(
            pointer_of(command),
            gettext("The grant did not exist yet."),
            gettext("Give a later one, or leave it out to withdraw now."),
        )
    at = max(at, granted_at)
    return at if stored.closes_at is None else max(min(at, stored.closes_at), granted_at)


def _refuse_too_much(row: Row[Any], unit: Unit, quantity: int, there: int, *, by_grant: bool) -> None:
    """Check that there is as much as would be withdrawn. Raises: InvalidInput."""
    may_name_grant = not by_grant and unit != "incidents"
    if there == 0:
        raise InvalidInput(
            gettext("Nothing is left that can be withdrawn."),
            remedy=gettext("Give the grant: work that it has paid is then drawn again without it.")
            if may_name_grant
            else gettext("Move, change or delete the work that has used it first."),
            pointer=f"/{unit}",
        )
    if quantity > there:
        raise invalid(
            f"/{unit}",
            gettext("Only %(amount)s can be withdrawn.", amount=amount_text(there, unit, row.currency)),
            gettext("Withdraw less, or give the grant: work that it has paid is then drawn again without it.")
            if may_name_grant
            else gettext("Withdraw less."),
        )
