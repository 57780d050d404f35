"""Reading quotes: as staff see them, and as the customer to whom they were sent.

States are computed from instants, so they are right whether or not the job has recorded a lapse.
"""

from collections import defaultdict
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Row, Select, and_, case, func, or_, select

from engine.invoicing import TaxRate, tax_subtotals
from engine.quotes import QUOTE_STATES
from workflows.core.actors import OFFICE
from workflows.core.errors import NotAllowed, invalid
from workflows.core.paging import Sort, matches, read_page
from workflows.core.transaction import Transaction
from workflows.languages.texts import gettext
from workflows.selling.quotes import no_such_quote, own_quotes, times_of
from workflows.store import tables as t
from workflows.store.column_types import decimal_text
from workflows.views import DEFAULT_LIMIT, MoneyView, Page
from workflows.views.quotes import (
    QuoteDecisionView,
    QuoteLineView,
    QuoteRow,
    QuoteTaxView,
    QuoteVersionView,
    QuoteView,
)

q, v, e, l = t.quote.c, t.quote_version.c, t.quote_decision.c, t.quote_line.c  # noqa: E741 -- a line
ORDERS = {
    "created_at": Sort(q.created_at),
    "number": Sort(q.number),
    "lapses_at": Sort(v.lapses_at, nullable=True),
}


def list_quotes(
    tx: Transaction,
    *,
    q: str | None = None,
    customer: str | None = None,
    org_unit: str | None = None,
    number: str | None = None,
    state: str | None = None,
    order: str = "-created_at",
    limit: int = DEFAULT_LIMIT,
    cursor: str | None = None,
    counted: bool = False,
) -> Page[QuoteRow]:
    """A page of quotes with their latest version; a customer sees their own, once sent.

    `q` searches number, subject and party. Raises: NotAllowed; InvalidInput for a state, order or cursor.
    """
    statement = _visible(tx)
    quote = t.quote.c
    if q is not None:
        statement = statement.where(
            matches(q, quote.number, v.subject, func.coalesce(t.customer.c.name, t.org_unit.c.name))
        )
    for column, value in ((quote.customer_id, customer), (quote.org_unit_id, org_unit)):
        if value is not None:
            statement = statement.where(column == value)
    if number is not None:
        statement = statement.where(quote.number == number)
    if state is not None:
        if state not in QUOTE_STATES:
            raise invalid(
                "/state",
                gettext("%(state)s is not a valid state.", state=repr(state)),
                gettext("Use one of %(quote_states)s.", quote_states=", ".join(QUOTE_STATES)),
            )
        statement = statement.where(_state_as_of(tx.now) == state)
    return read_page(
        tx,
        statement,
        lambda row: _row(tx, row),
        orders=ORDERS,
        by_id=quote.id,
        order=order,
        limit=limit,
        cursor=cursor,
        counted=counted,
    )


def read_quote(tx: Transaction, quote_id: str) -> QuoteView:
    """One quote with its versions, the latest first.

    Raises: NotAllowed; NotFound, also if it is another customer's.
    """
    row = tx.connection.execute(_visible(tx).where(t.quote.c.id == quote_id)).one_or_none()
    if row is None:
        raise no_such_quote()
    return _view(tx, row, sent_only=not tx.actor.is_staff)


def read_linked_quote(tx: Transaction, quote_id: str, number: int) -> QuoteView:
    """A quote as the holder of a link sees it: the link's version alone."""
    row = tx.connection.execute(_joined(v.number == number).where(t.quote.c.id == quote_id)).one()
    view = _view(tx, row, sent_only=True)
    only = [one for one in view.versions if one.number == number]
    actions = ["accept", "decline"] if only[0].state == "sent" else []
    return QuoteView(**{**_fields(view), "versions": only, "allowed_actions": actions})


def _fields(view: QuoteView) -> dict[str, Any]:
    return {name: getattr(view, name) for name in QuoteView.__dataclass_fields__}


# ------------------------------------------------------------------ statements


def _joined(version: ColumnElement[bool]) -> Select[Any]:
    """SQL: quotes with one version each, its decision and the name of the party."""
    return (
        select(
            t.quote,
            t.quote_version.c.id.label("version_id"),
            *(
                v[name].label(f"v_{name}" if name in ("number", "created_at", "created_by") else name)
                for name in (
                    "number", "subject", "last_on", "net_minor", "tax_minor", "total_minor", "sent_at",
                    "lapses_at", "superseded_at",
                )
            ),
            e.decision,
            e.decided_at,
            func.coalesce(t.customer.c.name, t.org_unit.c.name).label("party_name"),
        )
        .select_from(t.quote)
        .join(t.quote_version, and_(v.quote_id == q.id, version))
        .join(t.quote_decision, e.version_id == v.id, isouter=True)
        .join(t.customer, t.customer.c.id == q.customer_id, isouter=True)
        .join(t.org_unit, t.org_unit.c.id == q.org_unit_id, isouter=True)
    )  # fmt: skip


def _visible(tx: Transaction) -> Select[Any]:
    """SQL: the quotes that the actor may see, with the latest version; for customers the latest sent.

    Raises: NotAllowed for technicians, who see no prices.
    """
    if tx.actor.role == "technician":
        raise NotAllowed(
            gettext("The role technician sees no prices."),
            remedy=gettext("Ask a supervisor, finance or an administrator."),
        )
    other = t.quote_version.alias()
    numbers = select(func.max(other.c.number)).where(other.c.quote_id == q.id)
    if not tx.actor.is_staff:
        numbers = numbers.where(other.c.sent_at.is_not(None))
    statement = _joined(v.number == numbers.correlate(t.quote).scalar_subquery())
    return statement if tx.actor.is_staff else statement.where(own_quotes(tx))


def _state_as_of(at: datetime) -> ColumnElement[str]:
    """SQL: the state of a version now; the same as `engine.quotes.QuoteTimes.state_as_of`."""
    ended_first = or_(v.superseded_at.is_(None), v.lapses_at <= v.superseded_at)
    return case(
        (v.sent_at.is_(None), "draft"),
        (e.decision.is_not(None), e.decision),
        (and_(v.lapses_at <= at, ended_first), "lapsed"),
        (v.superseded_at.is_not(None), "superseded"),
        else_="sent",
    )


# ------------------------------------------------------------------ views


def _row(tx: Transaction, row: Row[Any]) -> QuoteRow:
    return QuoteRow(
        id=row.id,
        number=row.number,
        customer=row.customer_id,
        org_unit=row.org_unit_id,
        party_name=row.party_name,
        state=times_of(row).state_as_of(tx.now),
        latest=row.v_number,
        subject=row.subject,
        total=MoneyView(row.total_minor, row.currency),
        last_on=row.last_on,
        sent_at=row.sent_at,
        created_at=row.created_at,
        created_by=row.created_by if tx.actor.is_staff else "",
        version=row.version,
    )


def _view(tx: Transaction, row: Row[Any], *, sent_only: bool) -> QuoteView:
    statement = (
        select(t.quote_version, *(one for one in e if one.name not in ("version_id", "quote_id")))
        .select_from(t.quote_version)
        .join(t.quote_decision, e.version_id == v.id, isouter=True)
        .where(v.quote_id == row.id)
        .order_by(v.number.desc())
    )
    rows = tx.connection.execute(statement.where(v.sent_at.is_not(None)) if sent_only else statement).all()
    lines = _lines(tx, [one.id for one in rows])
    versions = [_version(tx, one, lines[one.id], row.currency) for one in rows]
    return QuoteView(
        **asdict_shallow(_row(tx, row)),
        versions=versions,
        invoice=_invoice(tx, row.id),
        allowed_actions=_actions(tx, versions),
    )


def asdict_shallow(row: QuoteRow) -> dict[str, Any]:
    """The fields of a row by name, without turning values into dictionaries."""
    return {name: getattr(row, name) for name in QuoteRow.__dataclass_fields__}


def _actions(tx: Transaction, versions: Sequence[QuoteVersionView]) -> list[str]:
    """What the actor may do now, by the states of the versions."""
    states = [one.state for one in versions]
    can_decide = "sent" in states
    if not tx.actor.is_staff:
        return ["accept", "decline"] if can_decide else []
    if tx.actor.role not in (*OFFICE, "system") or "accepted" in states:
        return []
    sends = ["send"] if states[0] in ("draft", "sent") else []
    return ["change", *sends, *(["accept", "decline"] if can_decide else [])]


def _invoice(tx: Transaction, quote_id: str) -> str | None:
    made = t.quote_invoice.c
    wanted = select(made.invoice_id).where(made.quote_id == quote_id)
    found: str | None = tx.connection.execute(wanted).scalar() if tx.actor.is_staff else None
    return found


def _lines(tx: Transaction, version_ids: Sequence[str]) -> dict[str, list[Row[Any]]]:
    found: defaultdict[str, list[Row[Any]]] = defaultdict(list)
    made, c = t.quote_contract.c, t.contract.c
    rows = tx.connection.execute(
        select(t.quote_line, made.contract_id, c.number.label("contract_number"))
        .select_from(t.quote_line)
        .join(t.quote_contract, made.line_id == l.id, isouter=True)
        .join(t.contract, c.id == made.contract_id, isouter=True)
        .where(l.version_id.in_(version_ids))
        .order_by(l.version_id, l.position)
    )
    for row in rows:
        found[row.version_id].append(row)
    return found


def _version(tx: Transaction, row: Row[Any], lines: Sequence[Row[Any]], currency: str) -> QuoteVersionView:
    parts = [
        (TaxRate(one.tax_category, one.tax_percent, one.tax_reason), int(one.net_minor)) for one in lines
    ]
    is_staff = tx.actor.is_staff
    return QuoteVersionView(
        number=row.number,
        state=times_of(row).state_as_of(tx.now),
        subject=row.subject,
        note=row.note,
        last_on=row.last_on,
        lapses_at=row.lapses_at,
        lines=[_line(one, currency) for one in lines],
        taxes=[
            QuoteTaxView(
                decimal_text(one.rate),
                MoneyView(one.base_minor, currency),
                MoneyView(one.tax_minor, currency),
                one.reason,
            )
            for one in tax_subtotals(parts)
        ],
        net=MoneyView(row.net_minor, currency),
        tax=MoneyView(row.tax_minor, currency),
        total=MoneyView(row.total_minor, currency),
        created_at=row.created_at,
        created_by=row.created_by if is_staff else "",
        sent_at=row.sent_at,
        sent_to=row.sent_to if is_staff else None,
        decision=None
        if row.decision is None
        else QuoteDecisionView(
            decision=row.decision,
            decided_at=row.decided_at,
            way=row.way,
            name=row.name,
            recorded_by=row.recorded_by if is_staff else "",
            statement=row.statement,
            comment=row.comment,
            recipient=row.recipient if is_staff else None,
            address=row.address if is_staff else None,
        ),
    )


def _line(row: Row[Any], currency: str) -> QuoteLineView:
    return QuoteLineView(
        id=row.id,
        kind=row.kind,
        description=row.description,
        quantity=decimal_text(row.quantity),
        unit=row.unit,
        unit_price=MoneyView(row.unit_price_minor, currency),
        discount_percent=decimal_text(row.discount_percent) if row.discount_percent is not None else None,
        net=MoneyView(row.net_minor, currency),
        tax_rate=row.tax_name,
        tax_percent=decimal_text(row.tax_percent),
        product=row.product_id,
        contract_terms=row.contract_terms,
        contract=row.contract_id,
        contract_number=row.contract_number,
    )
