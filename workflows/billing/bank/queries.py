"""Reading bank statements and their entries, for finance and administrators."""

from collections.abc import Iterable, Sequence
from datetime import date
from typing import Any

from sqlalchemy import Row, Text, cast, func, select

from engine.bank_statements import ENTRY_STATES, UNDECIDED
from workflows.billing.bank.entries import entry_row, may_decide, standing_payments
from workflows.billing.invoicing.actions import CASHIERS, ISSUERS
from workflows.billing.invoicing.parties import party_of
from workflows.billing.payments.payable import in_parts
from workflows.core.errors import NotFound, invalid
from workflows.core.paging import Sort, matches, read_page
from workflows.core.transaction import Transaction
from workflows.languages.texts import gettext
from workflows.register.holder_names import holder_names
from workflows.store import tables as t
from workflows.views import DEFAULT_LIMIT, MOST_LIMIT, MoneyView, Page
from workflows.views.bank_statements import (
    BankEntryView,
    BankStatementDetail,
    BankStatementView,
    CandidateView,
    EntryCounts,
    StatementAccountView,
)

s, e, i = t.bank_statement, t.bank_entry, t.invoice
READERS = ISSUERS
STATEMENT_ORDERS = {"uploaded_at": Sort(s.c.uploaded_at)}
ENTRY_ORDERS = {
    "booked_on": Sort(e.c.booked_on),
    "amount": Sort(e.c.amount_minor),
    "position": Sort(e.c.position),
}
ACTIONS = ("assign", "set-aside")
ALTERNATIVES = ("amount", "payer_and_amount")


def list_statements(
    tx: Transaction,
    *,
    order: str = "-uploaded_at",
    limit: int = DEFAULT_LIMIT,
    cursor: str | None = None,
    counted: bool = False,
) -> Page[BankStatementView]:
    """A page of the uploaded statements. Raises: NotAllowed; InvalidInput for an order or a cursor."""
    tx.require(*READERS)
    page = read_page(
        tx,
        select(s),
        lambda row: row,
        orders=STATEMENT_ORDERS,
        by_id=s.c.id,
        order=order,
        limit=limit,
        cursor=cursor,
        counted=counted,
    )
    counts = _counts(tx, [row.id for row in page.items])
    return page.with_items([BankStatementView(**_fields(row, counts)) for row in page.items])


def read_statement(tx: Transaction, statement_id: str) -> BankStatementDetail:
    """One statement with the first entries that were matched, are offered or left.

    Raises: NotAllowed; NotFound.
    """
    row = require_statement(tx, statement_id)
    shown: dict[str, Any] = {
        state: list_entries(tx, statement=statement_id, state=state, order="position", limit=MOST_LIMIT).items
        for state in ("matched", *UNDECIDED)
    }
    return BankStatementDetail(**_fields(row, _counts(tx, [row.id])) | shown)


def require_statement(tx: Transaction, statement_id: str) -> Row[Any]:
    """The row of a statement. Raises: NotAllowed; NotFound."""
    tx.require(*READERS)
    row = tx.connection.execute(select(s).where(s.c.id == statement_id)).one_or_none()
    if row is None:
        raise NotFound(
            gettext("There is no such bank statement."),
            remedy=gettext("Look it up in the list of statements."),
        )
    return row


def list_entries(
    tx: Transaction,
    *,
    q: str | None = None,
    statement: str | None = None,
    state: str | None = None,
    order: str = "booked_on",
    limit: int = DEFAULT_LIMIT,
    cursor: str | None = None,
    counted: bool = False,
) -> Page[BankEntryView]:
    """A page of entries; `state` is one of theirs, or `undecided` for those offered or left.

    `q` searches who paid, their IBAN, the reference and the texts.
    Raises: NotAllowed; InvalidInput for a state, an order or a cursor.
    """
    tx.require(*READERS)
    found = select(e)
    if q is not None:
        found = found.where(matches(q, e.c.party, e.c.party_iban, e.c.reference, cast(e.c.texts, Text)))
    if statement is not None:
        found = found.where(e.c.statement_id == statement)
    if state == "undecided":
        found = found.where(e.c.state.in_(UNDECIDED))
    elif state is not None:
        if state not in ENTRY_STATES:
            states = ", ".join(("undecided", *ENTRY_STATES))
            raise invalid(
                "/state",
                gettext("%(state)s is not possible.", state=repr(state)),
                gettext("Use one of %(states)s.", states=states),
            )
        found = found.where(e.c.state == state)
    page = read_page(
        tx,
        found,
        lambda row: row,
        orders=ENTRY_ORDERS,
        by_id=e.c.id,
        order=order,
        limit=limit,
        cursor=cursor,
        counted=counted,
    )
    return page.with_items(_entry_views(tx, page.items))


def read_entry(tx: Transaction, entry_id: str) -> BankEntryView:
    """One entry. Raises: NotAllowed; NotFound."""
    tx.require(*READERS)
    return _entry_views(tx, [entry_row(tx, entry_id)])[0]


def invoices_by_number(tx: Transaction, numbers: Iterable[str]) -> dict[str, str]:
    """The ids of the invoices with these numbers, in whatever case, by number. Raises: NotAllowed."""
    tx.require(*READERS)
    found: dict[str, str] = {}
    for part in in_parts(sorted({one.upper() for one in numbers})):
        rows = tx.connection.execute(select(i.c.number, i.c.id).where(i.c.number.in_(part)))
        found |= {row.number: row.id for row in rows}
    return found


def _counts(tx: Transaction, statements: Sequence[str]) -> dict[str, EntryCounts]:
    found = (
        select(e.c.statement_id, e.c.state, func.count().label("number"))
        .where(e.c.statement_id.in_(statements))
        .group_by(e.c.statement_id, e.c.state)
    )
    counts: dict[str, dict[str, int]] = {}
    for row in tx.connection.execute(found):
        counts.setdefault(row.statement_id, {})[row.state] = row.number
    return {one: EntryCounts(**counts.get(one, {})) for one in statements}


def _fields(row: Row[Any], counts: dict[str, EntryCounts]) -> dict[str, Any]:
    return {
        "id": row.id,
        "file_name": row.file_name,
        "format": row.format,
        "accounts": [_account(one) for one in row.accounts],
        "entry_count": row.entry_count,
        "known_count": row.known_count,
        "counts": counts[row.id],
        "uploaded_at": row.uploaded_at,
        "uploaded_by": row.uploaded_by,
    }


def _account(stored: dict[str, Any]) -> StatementAccountView:
    def day(name: str) -> date | None:
        return date.fromisoformat(stored[name]) if stored[name] is not None else None

    def money(name: str) -> MoneyView | None:
        return MoneyView(stored[name], stored["currency"]) if stored[name] is not None else None

    return StatementAccountView(
        stored["account"],
        stored["currency"],
        stored["statement_id"],
        day("from_on"),
        day("until_on"),
        money("opening_minor"),
        money("closing_minor"),
        stored.get("left_out", []),  # missing where the file was uploaded before lines could be left out
    )


def _entry_views(tx: Transaction, rows: Sequence[Row[Any]]) -> list[BankEntryView]:
    candidates = _candidates(tx, {one for row in rows for one in row.candidates})
    payments = standing_payments(tx, [row.id for row in rows])
    return [_entry_view(tx, row, candidates, payments.get(row.id, [])) for row in rows]


def _entry_view(
    tx: Transaction, row: Row[Any], candidates: dict[str, CandidateView], payments: list[str]
) -> BankEntryView:
    possible = tx.actor.role in CASHIERS and may_decide(row, payments)
    return BankEntryView(
        id=row.id,
        statement=row.statement_id,
        number=row.number,
        account=row.account,
        amount=MoneyView(row.amount_minor, row.currency),
        booked_on=row.booked_on,
        texts=list(row.texts),
        reference=row.reference,
        party=row.party,
        party_iban=row.party_iban,
        bank_reference=row.bank_reference,
        is_reversal=row.is_reversal,
        batch=row.batch,
        state=row.state,
        reason=row.reason,
        together=bool(row.candidates) and row.reason not in ALTERNATIVES,
        has_more=row.has_more,
        candidates=sorted((candidates[one] for one in row.candidates), key=lambda one: one.number),
        payments=payments,
        decided_at=row.decided_at,
        decided_by=row.decided_by,
        decision_reason=row.decision_reason,
        allowed_actions=list(ACTIONS) if possible else [],
        version=row.version,
    )


def _candidates(tx: Transaction, invoices: Iterable[str]) -> dict[str, CandidateView]:
    rows: list[Row[Any]] = []
    for part in in_parts(sorted(invoices)):
        rows += tx.connection.execute(select(i).where(i.c.id.in_(part)))
    names = holder_names(tx, {party_of(row) for row in rows})
    return {
        row.id: CandidateView(
            row.id,
            row.number,
            names.get(party_of(row), ""),
            row.issued_on,
            MoneyView(row.open_minor, row.currency),
        )
        for row in rows
    }
