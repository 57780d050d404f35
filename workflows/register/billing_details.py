"""How customers and org units are addressed on invoices. Source: product.md section 10."""

from typing import Any

from sqlalchemy import ColumnElement, Row, bindparam, case, exists, func, or_, select

from workflows.commands.billing import ChangeBilling
from workflows.commands.fields import MoneyGiven
from workflows.core.actors import OFFICE
from workflows.core.erased import require_not_erased
from workflows.core.errors import VersionChanged, invalid
from workflows.core.transaction import Transaction
from workflows.languages.formats import money_text
from workflows.languages.texts import SOURCE, gettext, in_language
from workflows.register.records import locked, one_row
from workflows.store import tables as t
from workflows.store.column_types import Id
from workflows.store.compiled_statements import Prepared, next_version
from workflows.store.ids import new_id
from workflows.views import MoneyView
from workflows.views.billing import BillingView

b = t.billing_details
PARTIES = {"customer": t.customer, "org_unit": t.org_unit}
COLUMNS = {"customer": b.c.customer_id, "org_unit": b.c.org_unit_id}
FIELDS = (
    "name", "street", "postal_code", "city", "country", "vat_id", "email", "order_number",
    "buyer_reference", "language",
)  # fmt: skip


def read_billing_details(tx: Transaction, kind: str, party_id: str) -> BillingView:
    """The billing details of a customer or an org unit; empty, with version 0, where none were given.

    Raises: NotAllowed; NotFound.
    """
    tx.require(*OFFICE)
    table = PARTIES[kind]
    one_row(tx, select(table.c.id).where(table.c.id == party_id), table)
    row = billing_row(tx, kind, party_id)
    budget = None
    if row is not None and row.order_budget_minor is not None:
        budget = MoneyView(row.order_budget_minor, row.order_budget_currency)
    invoiced = None
    if row is not None and row.order_number and budget is not None:
        minor = invoiced_on_order(tx, (kind, party_id), row.order_number, budget.currency)
        invoiced = MoneyView(minor, budget.currency)
    return BillingView(
        **{name: (getattr(row, name) if row is not None else None) or "" for name in FIELDS},
        version=row.version if row is not None else 0,
        order_budget=budget,
        order_invoiced=invoiced,
    )


def payer_has_order_budget() -> ColumnElement[bool]:
    """SQL: whether the order number in the billing details of who pays an invoice has a budget.

    It is of a statement that reads `invoice`.
    """
    i = t.invoice.c
    return or_(
        *(
            exists(
                select(b.c.id)
                .where(column == i[column.name], b.c.order_budget_minor.is_not(None))
                .correlate(t.invoice)
            )
            for column in COLUMNS.values()
        )
    )


def invoiced_on_order(tx: Transaction, party: tuple[str, str], order_number: str, currency: str) -> int:
    """What was invoiced to somebody on an order number, without tax and less credit notes, in minor units."""
    i = t.invoice.c
    kind, party_id = party
    net = case((i.kind == "credit_note", -i.net_minor), else_=i.net_minor)
    found = select(func.coalesce(func.sum(net), 0)).where(
        (i.customer_id if kind == "customer" else i.org_unit_id) == party_id,
        i.number.is_not(None),
        i.order_number == order_number,
        i.currency == currency,
    )
    return int(tx.connection.execute(found).scalar_one())


def change_billing_details(
    tx: Transaction, kind: str, party_id: str, command: ChangeBilling, expected_version: int | None = None
) -> BillingView:
    """Change the fields that were given; null or an empty text removes one.

    Issued invoices keep what they had. Raises: NotAllowed; NotFound; CustomerErased; VersionChanged.
    """
    tx.require(*OFFICE)
    locked(tx, PARTIES[kind], party_id, None)
    if kind == "customer":
        require_not_erased(tx, party_id)
    row = billing_row(tx, kind, party_id)
    version = row.version if row is not None else 0
    if expected_version not in (None, version):
        raise VersionChanged(
            gettext("The billing details have been changed in the meantime."),
            remedy=gettext("Read them again and repeat the change."),
            version=version,
        )
    given = {name: value or None for name, value in command.given().items()}
    if "order_budget" in given:
        del given["order_budget"]
        given |= _budget_columns(tx, command.order_budget)
    changed = {
        name: [getattr(row, name, None), value]
        for name, value in given.items()
        if getattr(row, name, None) != value
    }
    if changed:
        if row is None:
            tx.add(b, id=new_id(), **{f"{kind}_id": party_id}, **given)
        else:
            tx.change(b, row.id, **given, version=next_version(b))
        if "order_budget_minor" in changed:
            changed["order_budget"] = [_budget_text(row), _budget_text(billing_row(tx, kind, party_id))]
            del changed["order_budget_minor"]
        changed.pop("order_budget_currency", None)
        tx.audit(kind, party_id, "billing details changed", **changed)
    return read_billing_details(tx, kind, party_id)


def _budget_columns(tx: Transaction, given: MoneyGiven | None) -> dict[str, Any]:
    """The columns of an order's budget. Raises: InvalidInput in another currency than the desk's, or of 0."""
    if given is None:
        return {"order_budget_minor": None, "order_budget_currency": None}
    currency = tx.settings.currency
    if given.currency not in (None, currency):
        raise invalid(
            "/order_budget/currency",
            gettext("The budget of an order is in %(currency)s.", currency=currency),
            gettext("Give it in this currency."),
        )
    if not given.amount_minor:
        raise invalid(
            "/order_budget/amount_minor",
            gettext("A budget must be more than 0."),
            gettext("Leave it out where there is none."),
        )
    return {"order_budget_minor": given.amount_minor, "order_budget_currency": currency}


def _budget_text(row: Row[Any] | None) -> str | None:
    if row is None or row.order_budget_minor is None:
        return None
    with in_language(SOURCE):
        return money_text(row.order_budget_minor, row.order_budget_currency)


def billing_row(tx: Transaction, kind: str, party_id: str) -> Row[Any] | None:
    """The row of a party's billing details, None if there are none."""
    return _DETAILS[kind].first(tx.connection, {"party": party_id})


_DETAILS = {
    kind: Prepared(select(b).where(column == bindparam("party", type_=Id)))
    for kind, column in COLUMNS.items()
}
