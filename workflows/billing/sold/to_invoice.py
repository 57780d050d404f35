"""What was sold and is not invoiced yet: the list, a draft of it by customer, and what is not to be invoiced.

Source: product.md section 10.
"""

from collections.abc import Mapping
from datetime import timedelta
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import ColumnElement, Row, Select, and_, func, or_, select

from engine.invoices import SOLD_KINDS
from engine.periods import local_date
from workflows.billing.invoicing.draft_parts import DraftLine
from workflows.billing.invoicing.drafts import add_draft, draft_language, require_invoicing
from workflows.billing.invoicing.parties import checked_party, party_of
from workflows.billing.sold.overage_lines import OverageText, overage_texts
from workflows.billing.sold.sold_texts import description_text
from workflows.commands.billing import MOST_LINES, DraftSold, WaiveSold
from workflows.core.actors import OFFICE, PRICE_ROLES
from workflows.core.errors import NotFound, StateForbids, invalid
from workflows.core.paging import Sort, matches, read_page
from workflows.core.tax_rates import named_tax_rate
from workflows.core.transaction import Transaction
from workflows.languages.shipped_rules import rule_file_text
from workflows.languages.texts import Language, gettext, in_language
from workflows.languages.words import and_text, word
from workflows.lifecycle.service_requests.access import require_visible, visible_row
from workflows.lifecycle.service_requests.merged import visible_merged
from workflows.register.holder_names import holder_names, paid_by_name
from workflows.store import tables as t
from workflows.store.column_types import decimal_text
from workflows.views import DEFAULT_LIMIT, MoneyView, Page
from workflows.views.billing import SoldItemView

s, c, g, r = t.sold_item, t.contract, t.contract_grant, t.service_request
_own, _ordered = t.contract.alias("own"), t.contract.alias("ordered")
ORDERED_INSTEAD = (
    select(func.min(_ordered.c.number))
    .join(_own, _own.c.holder_id == _ordered.c.offered_for_id)
    .where(_own.c.id == s.c.contract_id, _own.c.holder_kind == "service_request", _own.c.made_by_rule)
    .where(_own.c.state == "pending", _ordered.c.state == "pending", ~_ordered.c.made_by_rule)
    .correlate(s)
    .scalar_subquery()
)
"""SQL: the contract that was ordered for a request in place of its own, while neither is in force."""
UNIT_CODES = {"piece": "C62", "hour": "HUR", "day": "DAY", "month": "MON", "year": "ANN", "km": "KMT"}
"""The codes of UN/ECE Recommendation 20 for units of the price list; any other is a piece on an invoice."""
ORDERS = {"sold_at": Sort(s.c.sold_at), "amount": Sort(s.c.amount_minor)}
STATES: Mapping[str, ColumnElement[bool]] = {
    "open": and_(s.c.invoice_id.is_(None), s.c.waived_at.is_(None), ORDERED_INSTEAD.is_(None)),
    "invoiced": s.c.invoice_id.is_not(None),
    "waived": or_(s.c.waived_at.is_not(None), and_(s.c.invoice_id.is_(None), ORDERED_INSTEAD.is_not(None))),
}


def list_sold_items(
    tx: Transaction,
    *,
    q: str | None = None,
    state: str | None = None,
    customer: str | None = None,
    org_unit: str | None = None,
    contract: str | None = None,
    kind: str | None = None,
    service_request: str | None = None,
    recurring_sale: str | None = None,
    order: str = "sold_at",
    limit: int = DEFAULT_LIMIT,
    cursor: str | None = None,
    counted: bool = False,
) -> Page[SoldItemView]:
    """A page of what was sold at a price; `state` open is what is to be invoiced.

    `q` searches the description, the numbers of the contract and of the service request, and who pays.
    Whoever sees a service request sees what was sold on it, also on those merged into it.
    Raises: NotAllowed; NotFound for a service request; InvalidInput for a state, an order or a cursor.
    """
    statement = _sold()
    if service_request is not None:
        statement = statement.where(s.c.service_request_id.in_(_with_merged(tx, service_request)))
    else:
        tx.require(*OFFICE)
    if q is not None:
        by_number = matches(q, s.c.description, c.c.number, r.c.number)
        statement = statement.where(or_(by_number, paid_by_name(tx, q, s)))
    if kind is not None:
        if kind not in SOLD_KINDS:
            raise invalid(
                "/kind",
                gettext("%(kind)s is not a valid kind.", kind=repr(kind)),
                gettext("Use one of %(sold_kinds)s.", sold_kinds=", ".join(SOLD_KINDS)),
            )
        statement = statement.where(s.c.kind == kind)
    if state is not None:
        if state not in STATES:
            raise invalid(
                "/state",
                gettext("%(state)s is not possible.", state=repr(state)),
                gettext("Use one of %(states)s.", states=", ".join(STATES)),
            )
        statement = statement.where(STATES[state])
    if customer is not None:
        statement = statement.where(s.c.customer_id == customer)
    if org_unit is not None:
        statement = statement.where(s.c.org_unit_id == org_unit)
    if recurring_sale is not None:
        statement = statement.where(s.c.recurring_sale_id == recurring_sale)
    if contract is not None:
        statement = statement.where(s.c.contract_id == contract)
    page = read_page(
        tx,
        statement,
        lambda row: row,
        orders=ORDERS,
        by_id=s.c.id,
        order=order,
        limit=limit,
        cursor=cursor,
        counted=counted,
    )
    names = holder_names(tx, {party_of(row) for row in page.items})
    return page.with_items([_view(tx, row, names) for row in page.items])


def read_sold_item(tx: Transaction, sold_item_id: str) -> SoldItemView:
    """Something that was sold. Raises: NotAllowed; NotFound, also on a request that the actor may not see."""
    row = tx.connection.execute(_sold().where(s.c.id == sold_item_id)).one_or_none()
    if row is None:
        raise not_sold()
    if row.service_request_id is None:
        tx.require(*OFFICE)
    elif visible_row(tx, row.service_request_id) is None:
        raise not_sold()
    return _view(tx, row, holder_names(tx, {party_of(row)}))


def draft_sold(tx: Transaction, command: DraftSold) -> str:
    """Write a draft of what was sold to a customer and is not invoiced yet; returns the draft's id.

    Each is a line at its price. Its tax rate is the one that is named, else that of the item, else the first
    of the settings. What was sold on a service request names that.
    Raises:
        NotAllowed: the actor is no administrator, supervisor or finance.
        StateForbids: invoices are off, or nothing is to be invoiced.
        InvalidInput: the customer or the tax rate does not exist, or something named is not to be invoiced.
    """
    tx.require(*OFFICE)
    require_invoicing(tx)
    return write_sold(tx, checked_party(tx, command.customer, command.org_unit), command)


def write_sold(tx: Transaction, party: tuple[str, str], command: DraftSold) -> str:
    """The same for one who pays, for a use case that its actor is allowed.

    Raises: InvalidInput; StateForbids if nothing is to be invoiced.
    """
    rows = _open_of(tx, party, command)
    currencies = sorted({row.currency for row in rows})
    if len(currencies) > 1:
        raise invalid(
            "/sold",
            gettext("It was sold in %(currencies)s.", currencies=and_text(currencies)),
            gettext("Name what was sold in one currency: an invoice has one."),
        )
    language = draft_language(tx, party, command)
    texts = overage_texts(tx, [row.id for row in rows if row.kind == "overage"], language)
    lines = [_line(tx, row, command.tax_rate, texts.get(row.id), language) for row in rows]
    return add_draft(tx, party, currencies[0], lines, terms=command)


def waive_sold(tx: Transaction, sold_item_id: str, command: WaiveSold) -> str:
    """Take something off the list of what is to be invoiced; returns its id.

    Raises: NotAllowed; NotFound; StateForbids if it is invoiced or waived already.
    """
    tx.require("administrator", "finance")
    row = tx.connection.execute(select(s).where(s.c.id == sold_item_id).with_for_update()).one_or_none()
    if row is None:
        raise not_sold()
    if row.invoice_id is not None or row.waived_at is not None:
        state = "invoiced" if row.invoice_id is not None else "waived"
        raise StateForbids(gettext("It is %(state)s already.", state=word(state)), remedy="", state=state)
    tx.change(s, row.id, waived_at=tx.now, waived_by=tx.actor.name, waive_reason=command.reason)
    audit_sold(tx, row, "not to be invoiced", reason=command.reason)
    return sold_item_id


def audit_sold(tx: Transaction, row: Row[Any], done: str, **values: Any) -> None:
    """Add what was done with something sold to the trail of its contract or service request."""
    kind, subject = (
        ("contract", row.contract_id)
        if row.contract_id is not None
        else ("service_request", row.service_request_id)
    )
    if subject is not None:
        tx.audit(kind, subject, done, sold=row.id, **values)


def not_sold() -> NotFound:
    """The error for something that was not sold, or that the actor may not see."""
    return NotFound(
        gettext("There is nothing sold with this id."),
        remedy=gettext("Look it up in the list of what was sold."),
    )


def _with_merged(tx: Transaction, service_request_id: str) -> list[str]:
    found = require_visible(tx, service_request_id).id
    return [found, *visible_merged(tx, found)]


def _sold() -> Select[Any]:
    contract = (
        c.c.number.label("contract_number"),
        c.c.type.label("contract_type"),
        c.c.state.label("contract_state"),
        c.c.starts_at,
        c.c.expires_at,
        c.c.time_zone,
    )
    joined = s.outerjoin(c, c.c.id == s.c.contract_id).outerjoin(g, g.c.id == s.c.grant_id)
    joined = joined.outerjoin(r, r.c.id == s.c.service_request_id)
    request = r.c.number.label("request_number")
    instead = ORDERED_INSTEAD.label("ordered_instead")
    return select(s, *contract, g.c.quantity.label("granted"), request, instead).select_from(joined)


def _open_of(tx: Transaction, party: tuple[str, str], command: DraftSold) -> list[Row[Any]]:
    kind, party_id = party
    column = s.c.customer_id if kind == "customer" else s.c.org_unit_id
    statement = _sold().where(STATES["open"], column == party_id).order_by(s.c.sold_at, s.c.id)
    # what is changed at the same moment is invoiced as it is afterwards
    statement = statement.with_for_update(of=s)
    if command.sold is None:
        rows = list(tx.connection.execute(statement.limit(MOST_LINES)))
        if not rows:
            raise StateForbids(
                gettext("Nothing is to be invoiced to this customer."), remedy="", state="invoiced"
            )
        return rows
    found = {row.id: row for row in tx.connection.execute(statement.where(s.c.id.in_(command.sold)))}
    for position, sold_item_id in enumerate(command.sold):
        if sold_item_id not in found:
            raise invalid(
                f"/sold/{position}",
                gettext("Nothing with this id is to be invoiced to this customer."),
                gettext("Look it up in the list of what was sold."),
            )
    return list(found.values())


def _line(
    tx: Transaction, row: Row[Any], tax_rate: str | None, overage: OverageText | None, language: Language
) -> DraftLine:
    rate = named_tax_rate(tx, tax_rate or row.tax_name or tx.settings.tax_rates[0].name, "/tax_rate")
    if overage is not None:
        return overage.line(row.id, rate)
    is_item = row.description is not None
    with in_language(language):
        description = _description(tx, row)
    return DraftLine(
        description=description,
        quantity=row.quantity if is_item else Decimal(1),
        unit_price_minor=row.unit_price_minor if is_item else row.amount_minor,
        unit=UNIT_CODES.get(row.unit, "C62"),
        tax_name=rate.name,
        tax=rate.rate,
        **_service_days(row),
        sold_item_id=row.id,
    )


def _description(tx: Transaction, row: Row[Any]) -> str:
    """What a line says: the contract, and what a top-up added; or what was sold, on which request."""
    if row.description is not None:
        text = description_text(row.kind, row.description)
        if row.request_number is None:
            return text
        return gettext("%(label)s: %(text)s", label=row.request_number, text=text)
    terms = tx.rules.contract_types.get(row.contract_type)
    label = rule_file_text(terms.label) if terms is not None else row.contract_type
    if row.kind == "top_up":
        return gettext("Top-up of %(contract)s (%(label)s)", contract=row.contract_number, label=label)
    if row.kind == "renewal":
        return gettext("%(contract)s %(label)s (renewal)", contract=row.contract_number, label=label)
    return f"{row.contract_number} {label}"


def _service_days(row: Row[Any]) -> dict[str, Any]:
    """The first and the last day of a contract's period; nothing for a top-up or without an end.

    What was sold once has its day, and a recurring sale its period.
    """
    if row.service_from is not None:
        return {"service_from": row.service_from, "service_to": row.service_until - timedelta(days=1)}
    if row.sold_on is not None:
        return {"service_from": row.sold_on, "service_to": row.sold_on}
    if row.kind == "top_up" or row.expires_at is None:
        return {}
    zone = ZoneInfo(row.time_zone)
    return {
        "service_from": local_date(row.starts_at, zone),
        "service_to": local_date(row.expires_at - timedelta(microseconds=1), zone),
    }


def _view(tx: Transaction, row: Row[Any], names: dict[tuple[str, str], str]) -> SoldItemView:
    sells, sees_prices = tx.actor.role in OFFICE, tx.actor.role in PRICE_ROLES

    def money(amount_minor: int | None) -> MoneyView | None:
        return MoneyView(amount_minor, row.currency) if sees_prices and amount_minor is not None else None

    state, reason = ("invoiced" if row.invoice_id is not None else "open"), row.waive_reason
    if row.invoice_id is None and row.waived_at is not None:
        state = "waived"
    elif row.invoice_id is None and row.ordered_instead is not None:
        state = "waived"
        reason = gettext("%(number)s was ordered for the same request.", number=row.ordered_instead)

    return SoldItemView(
        id=row.id,
        kind=row.kind,
        contract=row.contract_id,
        contract_number=row.contract_number,
        contract_type=row.contract_type,
        contract_state=row.contract_state,
        service_request=row.service_request_id,
        service_request_number=row.request_number,
        product=row.product_id,
        description=row.description,
        quantity=decimal_text(row.quantity) if row.quantity is not None else None,
        unit=row.unit,
        unit_price=money(row.unit_price_minor),
        tax_rate=row.tax_name,
        sold_on=row.sold_on,
        recurring_sale=row.recurring_sale_id,
        service_from=row.service_from,
        service_to=row.service_until - timedelta(days=1) if row.service_until is not None else None,
        customer=row.customer_id if tx.actor.is_staff else None,
        org_unit=row.org_unit_id if tx.actor.is_staff else None,
        party_name=names.get(party_of(row), "") if tx.actor.is_staff else "",
        amount=money(row.amount_minor),
        sold_at=row.sold_at,
        sold_by=row.sold_by if tx.actor.is_staff else "",
        state=state,
        invoice=row.invoice_id if sells else None,
        waive_reason=reason if sells else None,
        version=row.version,
    )
