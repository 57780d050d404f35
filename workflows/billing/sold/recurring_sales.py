"""Recurring sales: agreeing and ending them, and making each period a sold item when it is due.

A period is made once: its sale is locked, and remembers up to which day its periods are made.
Source: product.md section 10.
"""

from dataclasses import replace
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import Row, select

from engine.periods import local_date
from engine.quantities import round_half_up
from engine.recognition import first_unused_day
from engine.recurring_sales import RecurringTerms, SalePeriod, next_period
from workflows.billing.invoicing.drafts import require_invoicing
from workflows.billing.invoicing.parties import checked_party, party_of
from workflows.billing.sold.sold_texts import part_of_period
from workflows.commands.selling import EndRecurringSale, NewRecurringSale, SoldItemGiven
from workflows.core.actors import OFFICE
from workflows.core.errors import NotFound, StateForbids, VersionChanged, invalid
from workflows.core.numbering import next_number
from workflows.core.transaction import Transaction
from workflows.languages.texts import gettext
from workflows.lifecycle.contracts.rows import contract_value
from workflows.lifecycle.contracts.sold_items import party_columns, payer_of
from workflows.lifecycle.contracts.sold_once import priced_once
from workflows.store import tables as t
from workflows.store.column_types import decimal_text
from workflows.store.compiled_statements import next_version
from workflows.store.ids import new_id
from workflows.views import MoneyView
from workflows.views.billing import EndedPeriodView

rs, s, c = t.recurring_sale, t.sold_item, t.contract
SUBJECT = "recurring_sale"
NUMBER_PREFIX = "RS"
MICROSECOND = timedelta(microseconds=1)
FIELDS_OF_ITEM = ("product", "description", "quantity", "unit", "unit_price", "tax_rate")


def create_recurring_sale(tx: Transaction, command: NewRecurringSale) -> str:
    """Agree on a recurring sale; returns its id. Periods that are due already are made by the job.

    Raises:
        NotAllowed: the actor is no administrator, supervisor or finance.
        StateForbids: invoices are off, or the contract is over.
        InvalidInput: the customer, contract, product or tax rate does not exist, there is no price, or the
            last day is before the first.
    """
    tx.require(*OFFICE)
    require_invoicing(tx)
    contract = _contract(tx, command.contract) if command.contract is not None else None
    party = _payer_of(tx, contract) if contract is not None else None
    if party is None:
        party = checked_party(tx, command.customer, command.org_unit)
    zone = tx.settings.zone
    starts_on = command.starts_on or local_date(tx.now, zone)
    if command.last_on is not None and command.last_on < starts_on:
        raise invalid("/last_on", gettext("The last day is before the first."), gettext("Give a later one."))
    given = command.given()
    wanted = SoldItemGiven(**{name: given[name] for name in FIELDS_OF_ITEM if name in given})
    item = priced_once(tx, wanted, starts_on)
    columns = item.columns()
    del columns["kind"]
    values = {
        **columns,
        "every": command.every,
        "timing": command.timing,
        "billing_day": command.billing_day or starts_on.day,
        "starts_on": starts_on,
        "until_on": command.last_on + timedelta(days=1) if command.last_on is not None else None,
    }
    ends_on = end_of_contract(contract) if contract is not None else None
    terms = _earlier_end(
        RecurringTerms(
            starts_on,
            values["until_on"],
            command.every,
            values["billing_day"],
            command.timing,
            columns["amount_minor"],
        ),
        ends_on,
    )
    first = next_period(terms)
    if first is None:
        raise StateForbids(
            gettext("The contract is over before the first day."),
            remedy=gettext("Give an earlier first day."),
            state="ended",
        )
    sale_id, number = new_id(), next_number(tx, NUMBER_PREFIX)
    tx.add(
        rs,
        id=sale_id,
        number=number,
        **party_columns(*party),
        contract_id=command.contract,
        **values,
        currency=tx.settings.currency,
        time_zone=zone.key,
        next_due_at=first.due_at(zone),
        created_at=tx.now,
        created_by=tx.actor.name,
    )
    tx.audit(SUBJECT, sale_id, "created", number=number, every=command.every)
    return sale_id


def end_recurring_sale(
    tx: Transaction, sale_id: str, command: EndRecurringSale, expected_version: int | None = None
) -> str:
    """End a sale with a day, which is still sold; returns its id.

    Of its periods that are sold items and on no invoice, those that reach beyond are reduced by days, and
    those after it are not to be invoiced. What is on an invoice stays: finance credits it.
    Raises: NotAllowed; NotFound; VersionChanged; StateForbids if it has ended by then; InvalidInput for a day
    before the first one.
    """
    tx.require(*OFFICE)
    row = locked_sale(tx, sale_id)
    if expected_version not in (None, row.version):
        raise VersionChanged(
            gettext("The sale has been changed in the meantime."),
            remedy=gettext("Read it again and repeat the change."),
            version=row.version,
        )
    until_on = _new_end(row, command.last_on)
    for period in ended_periods(tx, row, until_on):
        if period.change == "waived":
            reason = f"{row.number} ended with {command.last_on}"
            tx.change(s, period.sold, waived_at=tx.now, waived_by=tx.actor.name, waive_reason=reason)
        elif period.change == "reduced":
            left = next_period(_earlier_end(terms_of(tx, row), until_on), period.first_on)
            if left is not None:
                tx.change(s, period.sold, **_period_columns(row, left), version=next_version(s))
    tx.change(
        rs,
        sale_id,
        until_on=until_on,
        ended_at=tx.now,
        ended_by=tx.actor.name,
        end_reason=command.reason,
        version=next_version(rs),
    )
    _set_next(tx, locked_sale(tx, sale_id))
    tx.audit(SUBJECT, sale_id, "ended", last_on=str(command.last_on), reason=command.reason)
    return sale_id


def make_period(tx: Transaction, sale_id: str) -> bool:
    """Make the period that is due by now a sold item, once; returns whether one was made.

    Whoever comes second waits for the lock, and finds that nothing is due any more.
    """
    row = locked_sale(tx, sale_id)
    if row.next_due_at is None or row.next_due_at > tx.now:
        return False
    period = next_period(terms_of(tx, row), row.made_until_on)
    if period is None:
        tx.change(rs, sale_id, next_due_at=None)
        return False
    if period.amount_minor:  # a few days of a small price may be nothing
        _add_period(tx, row, period)
    tx.change(rs, sale_id, made_until_on=period.until_on)
    _set_next(tx, locked_sale(tx, sale_id))
    return True


def ended_periods(tx: Transaction, row: Row[Any], until_on: date) -> list[EndedPeriodView]:
    """What an end before the day `until_on` does to the periods that are sold items already, in order."""
    terms = _earlier_end(terms_of(tx, row), until_on)
    beyond = select(s).where(s.c.recurring_sale_id == row.id, s.c.service_until > until_on)
    found = []
    for item in tx.connection.execute(beyond.where(s.c.waived_at.is_(None)).order_by(s.c.service_from)):
        left = next_period(terms, item.service_from)
        change = "reduced" if left is not None and left.amount_minor else "waived"
        found.append(
            EndedPeriodView(
                item.id,
                item.service_from,
                item.service_until - timedelta(days=1),
                MoneyView(item.amount_minor, item.currency),
                MoneyView(left.amount_minor if left is not None else 0, item.currency),
                "to_credit" if item.invoice_id is not None else change,
                item.invoice_id,
            )
        )
    return found


def terms_of(tx: Transaction, row: Row[Any]) -> RecurringTerms:
    """The terms of a sale; one that goes with a contract ends with it."""
    terms = stored_terms(row)
    if row.contract_id is None:
        return terms
    return _earlier_end(terms, end_of_contract(_contract(tx, row.contract_id)))


def stored_terms(row: Row[Any]) -> RecurringTerms:
    """The terms of a sale as agreed."""
    return RecurringTerms(
        row.starts_on, row.until_on, row.every, row.billing_day, row.timing, row.amount_minor
    )


def locked_sale(tx: Transaction, sale_id: str) -> Row[Any]:
    """The row of a sale, locked until the transaction ends. Raises: NotFound."""
    row = tx.connection.execute(select(rs).where(rs.c.id == sale_id).with_for_update()).one_or_none()
    if row is None:
        raise no_sale()
    return row


def no_sale() -> NotFound:
    """The error for a recurring sale that does not exist, or that the actor may not see."""
    return NotFound(
        gettext("There is no such recurring sale."), remedy=gettext("Look it up by its number in the list.")
    )


def _new_end(row: Row[Any], last_on: date) -> date:
    """The first day after an end. Raises: InvalidInput; StateForbids if the sale ends before it anyway."""
    if last_on < row.starts_on:
        raise invalid(
            "/last_on",
            gettext("It starts on %(starts_on)s.", starts_on=row.starts_on),
            gettext("Give that day or a later one."),
        )
    until_on = last_on + timedelta(days=1)
    if row.until_on is not None and row.until_on <= until_on:
        raise StateForbids(
            gettext(
                "%(number)s ends with %(until_on)s already.",
                number=row.number,
                until_on=row.until_on - timedelta(days=1),
            ),
            remedy=gettext("Give an earlier day."),
            state="ended",
        )
    return until_on


def _set_next(tx: Transaction, row: Row[Any]) -> None:
    following = next_period(terms_of(tx, row), row.made_until_on)
    due_at: datetime | None = following.due_at(ZoneInfo(row.time_zone)) if following is not None else None
    tx.change(rs, row.id, next_due_at=due_at)


def _add_period(tx: Transaction, row: Row[Any], period: SalePeriod) -> None:
    contract = _contract(tx, row.contract_id) if row.contract_id is not None else None
    party = (_payer_of(tx, contract) if contract is not None else None) or party_of(row)
    tx.add(
        s,
        id=new_id(),
        kind="recurring",
        contract_id=row.contract_id,
        recurring_sale_id=row.id,
        product_id=row.product_id,
        **party_columns(*party),
        currency=row.currency,
        tax_name=row.tax_name,
        **_period_columns(row, period),
        sold_on=period.due_on,
        sold_at=tx.now,
        sold_by=tx.actor.name,
    )


def _period_columns(row: Row[Any], period: SalePeriod) -> dict[str, Any]:
    """The columns of a sold item for a period; a part of a whole one is one piece that says its days."""
    columns: dict[str, Any] = {
        "description": row.description,
        "quantity": row.quantity,
        "unit": row.unit,
        "unit_price_minor": row.unit_price_minor,
    }
    if period.share != 1:
        days = (period.until_on - period.from_on).days
        many = f"{decimal_text(row.quantity)} × " if row.quantity != 1 else ""
        columns = {
            "description": part_of_period(
                f"{many}{row.description}", days, round_half_up(days / period.share)
            ),
            "quantity": Decimal(1),
            "unit": "piece",
            "unit_price_minor": period.amount_minor,
        }
    return {
        **columns,
        "amount_minor": period.amount_minor,
        "service_from": period.from_on,
        "service_until": period.until_on,
    }


def _contract(tx: Transaction, contract_id: str) -> Row[Any]:
    row = tx.connection.execute(select(c).where(c.c.id == contract_id)).one_or_none()
    if row is None:
        raise invalid(
            "/contract", gettext("There is no contract with this id."), gettext("Look it up in the list.")
        )
    return row


def _payer_of(tx: Transaction, contract: Row[Any]) -> tuple[str, str] | None:
    return payer_of(tx, contract_value(contract).holder)


def end_of_contract(row: Row[Any]) -> date | None:
    """The first day on which a contract is over; the day of a cancellation counts as gone by."""
    zone = ZoneInfo(row.time_zone)
    over_at = row.cancelled_at or row.ended_at
    if over_at is not None:
        return first_unused_day(over_at, zone)
    if row.expires_at is None:
        return None
    return local_date(row.expires_at - MICROSECOND, zone) + timedelta(days=1)


def _earlier_end(terms: RecurringTerms, ends_on: date | None) -> RecurringTerms:
    """The terms with this end, unless theirs is earlier."""
    if ends_on is None or (terms.until_on is not None and terms.until_on <= ends_on):
        return terms
    return replace(terms, until_on=ends_on)
