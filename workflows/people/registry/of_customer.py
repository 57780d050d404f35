"""Conditions: which records are a customer's, by the way that leads from the record to them.

What is held by somebody else is not theirs, even where it was their own service request once: a request
belongs to the customer that it has now, with its history, notes and work. A line of a contract or an invoice
that names a request is theirs only if the request is.
"""

from collections.abc import Callable
from typing import Any

from sqlalchemy import ColumnElement, Select, and_, or_, select

from workflows.people.kinds import Rows
from workflows.people.person import Person
from workflows.store import tables as t

Ids = Callable[[Person], Select[Any]]


def requests(person: Person) -> Select[Any]:
    """SQL: the ids of their service requests."""
    return select(t.service_request.c.id).where(t.service_request.c.customer_id == person.id)


def items(person: Person) -> Select[Any]:
    """SQL: the ids of their items."""
    return select(t.item.c.id).where(t.item.c.owner_customer_id == person.id)


def contracts(person: Person) -> Select[Any]:
    """SQL: the ids of the contracts that they, their items or their service requests hold now."""
    return select(t.contract.c.id).where(held_by(t.contract)(person))


def invoices(person: Person) -> Select[Any]:
    """SQL: the ids of their invoices and credit notes, drafts too."""
    return select(t.invoice.c.id).where(t.invoice.c.customer_id == person.id)


def payments(person: Person) -> Select[Any]:
    """SQL: the ids of their payments."""
    return select(t.payment.c.id).where(t.payment.c.customer_id == person.id)


def quotes(person: Person) -> Select[Any]:
    """SQL: the ids of the quotes to them."""
    return select(t.quote.c.id).where(t.quote.c.customer_id == person.id)


def quote_versions(person: Person) -> Select[Any]:
    """SQL: the ids of the versions of their quotes."""
    return select(t.quote_version.c.id).where(t.quote_version.c.quote_id.in_(quotes(person)))


def work_entries(person: Person) -> Select[Any]:
    """SQL: the ids of the work entries on their service requests."""
    return select(t.work_entry.c.id).where(t.work_entry.c.service_request_id.in_(requests(person)))


def approvals(person: Person) -> Select[Any]:
    """SQL: the ids of the approvals that were asked for on their service requests."""
    return select(t.approval.c.id).where(t.approval.c.service_request_id.in_(requests(person)))


def disputes(person: Person) -> Select[Any]:
    """SQL: the ids of the disputes that they opened, or that are about their service requests."""
    return select(t.dispute.c.id).where(is_dispute_of(person))


def sold_items(person: Person) -> Select[Any]:
    """SQL: the ids of what was sold to them, or on their service requests."""
    return select(t.sold_item.c.id).where(is_sold_to(person))


def transactions(person: Person) -> Select[Any]:
    """SQL: the ids of the ledger's transactions that are theirs."""
    return select(t.ledger_transaction.c.id).where(is_posted_for(person))


def acceptances(person: Person) -> Select[Any]:
    """SQL: the ids of the statements that they accepted."""
    return select(t.statement_acceptance.c.id).where(t.statement_acceptance.c.customer_id == person.id)


def by(column: ColumnElement[Any]) -> Rows:
    """SQL: the column is the customer's id."""
    return lambda person: column == person.id


def through(column: ColumnElement[Any], ids: Ids) -> Rows:
    """SQL: the column is the id of one of their records."""
    return lambda person: column.in_(ids(person))


def by_user(column: ColumnElement[Any]) -> Rows:
    """SQL: the column is the id of one of their logins."""
    return lambda person: column.in_(person.users)


def by_email(column: ColumnElement[Any]) -> Rows:
    """SQL: the column is an address that only they have had."""
    return lambda person: column.in_(person.emails)


def any_of(*several: Rows) -> Rows:
    """SQL: at least one of the conditions holds."""
    return lambda person: or_(*(one(person) for one in several))


def held_by(table: Any) -> Rows:
    """SQL: a row's holder is the customer, one of their items, or one of their service requests."""

    def held(person: Person) -> ColumnElement[bool]:
        kind, holder = table.c.holder_kind, table.c.holder_id
        return or_(
            and_(kind == "customer", holder == person.id),
            and_(kind == "item", holder.in_(items(person))),
            and_(kind == "service_request", holder.in_(requests(person))),
        )

    return held


def of_request_else(request: ColumnElement[Any], otherwise: Rows) -> Rows:
    """SQL: the row's service request is theirs; where it has none, `otherwise` holds."""
    return lambda person: or_(request.in_(requests(person)), and_(request.is_(None), otherwise(person)))


def is_posted_for(person: Person) -> ColumnElement[bool]:
    """SQL: a ledger transaction is about their service request, else about their contract or account."""
    posted, legs = t.ledger_transaction.c, t.ledger_posting.c
    # money without a contract is in the chain of who pays
    mine = select(legs.transaction_id).where(legs.owner == person.id)
    of_account = and_(posted.contract_id.is_(None), posted.id.in_(mine))
    return of_request_else(
        posted.service_request_id, lambda one: or_(posted.contract_id.in_(contracts(one)), of_account)
    )(person)


def is_sold_to(person: Person) -> ColumnElement[bool]:
    """SQL: something was sold to them, or to others on their service request."""
    sold = t.sold_item.c
    return or_(sold.customer_id == person.id, sold.service_request_id.in_(requests(person)))


def is_dispute_of(person: Person) -> ColumnElement[bool]:
    """SQL: they opened the dispute, or it is about their service request."""
    opened = t.dispute.c
    return or_(opened.customer_id == person.id, opened.service_request_id.in_(requests(person)))


SUBJECTS: dict[str, Ids] = {
    "service_request": requests,
    "contract": contracts,
    "item": items,
    "invoice": invoices,
    "payment": payments,
    "quote": quotes,
    "work_entry": work_entries,
    "dispute": disputes,
    "approval": approvals,
    "recurring_sale": lambda person: select(t.recurring_sale.c.id).where(
        t.recurring_sale.c.customer_id == person.id
    ),
    "bank_entry": lambda person: select(t.bank_entry_payment.c.entry_id).where(
        t.bank_entry_payment.c.payment_id.in_(payments(person))
    ),
}
"""The records that events and messages are about, by the name of their kind."""
NOT_THEIR_SUBJECTS = frozenset(
    (
        "accounting_export", "accounting_period", "bank_statement", "cost_rate", "desk", "login",
        "mail_template", "org_unit", "product", "rule_proposal", "rule_set", "rules_folder", "webhook",
    )
)  # fmt: skip
"""Kinds of records of which none is a customer's."""


def about(kind: ColumnElement[Any], record_id: ColumnElement[Any]) -> Rows:
    """SQL: an event or a message is about them or one of their records."""

    def theirs(person: Person) -> ColumnElement[bool]:
        return or_(
            and_(kind == "customer", record_id == person.id),
            and_(kind == "user", record_id.in_(person.users)),
            *(and_(kind == name, record_id.in_(ids(person))) for name, ids in SUBJECTS.items()),
        )

    return theirs
