"""What stops an erasure, all of it at once, in words: what it is, what to do, and from when it is possible.

Source: product.md section 15.
"""

from collections.abc import Iterator, Sequence
from datetime import date, timedelta
from typing import Any

from sqlalchemy import ColumnElement, and_, func, or_, select, union_all

from engine.periods import Duration, last_included_day, local_date
from engine.service_requests import NOT_ENDED_STATES
from workflows.billing.overage.reading import read_uncharged
from workflows.core.transaction import Transaction
from workflows.languages.formats import day_text
from workflows.languages.texts import gettext, ngettext
from workflows.lifecycle.contracts.rows import has_not_ended
from workflows.people.person import Person
from workflows.people.registry import rows_of
from workflows.store import tables as t
from workflows.views.erasures import ErasureStop

MOST_NAMED = 5
"""So many records are named in words; all of them in `records`."""


def what_stops(tx: Transaction, person: Person) -> list[ErasureStop]:
    """Everything that stops the erasure of a customer now; empty if nothing does."""
    return list(_stops(tx, person))


def _stops(tx: Transaction, person: Person) -> Iterator[ErasureStop]:
    yield from _legal_hold(tx, person)
    yield from _retention(tx, person)
    yield from _open_records(tx, person)
    yield from _unbilled(tx, person)


def _legal_hold(tx: Transaction, person: Person) -> Iterator[ErasureStop]:
    h = t.legal_hold
    row = tx.connection.execute(
        select(h).where(h.c.customer_id == person.id, h.c.lifted_at.is_(None))
    ).one_or_none()
    if row is not None:
        since = day_text(local_date(row.set_at, tx.settings.zone))
        yield ErasureStop(
            "legal_hold",
            gettext(
                "There is a legal hold, set by %(name)s on %(day)s (%(reason)s).",
                name=row.set_by,
                day=since,
                reason=row.reason,
            ),
            gettext("Lift the legal hold once it is no longer needed."),
            None,
            [],
        )


def _retention(tx: Transaction, person: Person) -> Iterator[ErasureStop]:
    """Documents and payments that must be retained: the last one decides from when it is possible."""
    years = tx.settings.invoice_retention_years
    if not years:
        return
    i, p = t.invoice.c, t.payment.c
    documents = select(i.number.label("text"), i.issued_on.label("at_on")).where(
        i.customer_id == person.id, i.number.is_not(None)
    )
    payments = select(p.reference, p.received_on).where(p.customer_id == person.id)
    today = local_date(tx.now, tx.settings.zone)
    retained = [
        (free_on, row.text)
        for row in tx.connection.execute(union_all(documents, payments))
        if (free_on := _years_after(row.at_on, years)) > today
    ]
    if not retained:
        return
    last = max(free_on for free_on, _ in retained)
    numbers = tx.connection.execute(documents.order_by(i.issued_on, i.number)).all()
    records = [row.text for row in numbers if _years_after(row.at_on, years) > today]
    yield ErasureStop(
        "retention",
        ngettext(
            "Invoices, credit notes and payments are retained for %(num)s year.",
            "Invoices, credit notes and payments are retained for %(num)s years.",
            years,
        ),
        gettext("Erase the customer on or after %(day)s.", day=day_text(last)),
        last,
        records,
    )


def _years_after(day: date, years: int) -> date:
    """The first day that is so many years after a day; 1 March where there is no 29 February."""
    return last_included_day(day, Duration(years=years)) + timedelta(days=1)


def _open_records(tx: Transaction, person: Person) -> Iterator[ErasureStop]:
    """Contracts, service requests, invoices, recurring sales and disputes that have to be finished first."""
    c, r, i, sale, d = t.contract, t.service_request, t.invoice, t.recurring_sale, t.dispute
    # one that is used up counts where it is topped up by itself
    counts = or_(c.c.state != "exhausted", c.c.auto_top_up.is_not(None))
    if contracts := _numbers(tx, c, person, and_(has_not_ended(tx), counts)):
        detail = ngettext(
            "%(num)s contract is valid or still to begin: %(listed)s.",
            "%(num)s contracts are valid or still to begin: %(listed)s.",
            len(contracts),
            listed=_listed(contracts),
        )
        remedy = gettext("First cancel or transfer what is valid, or wait for its end.")
        yield ErasureStop("contracts", detail, remedy, None, contracts)
    if requests := _numbers(tx, r, person, r.c.state.in_(NOT_ENDED_STATES)):
        detail = ngettext(
            "%(num)s service request is not closed: %(listed)s.",
            "%(num)s service requests are not closed: %(listed)s.",
            len(requests),
            listed=_listed(requests),
        )
        yield ErasureStop(
            "service_requests", detail, gettext("First close or cancel what is open."), None, requests
        )
    if invoices := _numbers(tx, i, person, and_(i.c.state == "issued", i.c.open_minor > 0)):
        detail = ngettext(
            "%(num)s invoice is not paid: %(listed)s.",
            "%(num)s invoices are not paid: %(listed)s.",
            len(invoices),
            listed=_listed(invoices),
        )
        yield ErasureStop(
            "invoices",
            detail,
            gettext("First record the payment of what is open, or write it off."),
            None,
            invoices,
        )
    if sales := _numbers(tx, sale, person, sale.c.next_due_at.is_not(None)):
        detail = ngettext(
            "%(num)s recurring sale goes on: %(listed)s.",
            "%(num)s recurring sales go on: %(listed)s.",
            len(sales),
            listed=_listed(sales),
        )
        yield ErasureStop("recurring_sales", detail, gettext("First end what goes on."), None, sales)
    if disputes := _count(tx, d, and_(rows_of(d, person), d.c.state == "open")):
        detail = ngettext("%(num)s dispute is not decided.", "%(num)s disputes are not decided.", disputes)
        yield ErasureStop(
            "disputes", detail, gettext("First accept or decline what is not decided."), None, []
        )


def _unbilled(tx: Transaction, person: Person) -> Iterator[ErasureStop]:
    """What is on no issued invoice yet, and credit that none has used."""
    i, s, credit = t.invoice, t.sold_item, t.customer_credit
    if drafts := _count(tx, i, and_(rows_of(i, person), i.c.state == "draft")):
        detail = ngettext(
            "%(num)s draft of an invoice is not issued.",
            "%(num)s drafts of invoices are not issued.",
            drafts,
        )
        yield ErasureStop("drafts", detail, gettext("First issue or void what is a draft."), None, [])
    to_invoice = and_(s.c.customer_id == person.id, s.c.invoice_id.is_(None), s.c.waived_at.is_(None))
    if sold := _count(tx, s, to_invoice):
        detail = ngettext(
            "%(num)s item that was sold is not invoiced.",
            "%(num)s items that were sold are not invoiced.",
            sold,
        )
        remedy = gettext("First invoice what was sold, or mark it as not to be invoiced.")
        yield ErasureStop("to_invoice", detail, remedy, None, [])
    if read_uncharged(tx, party=("customer", person.id)):
        detail = gettext("Time worked past contracts is not billed yet.")
        yield ErasureStop("time_to_bill", detail, gettext("Bill it first."), None, [])
    if _count(tx, credit, and_(credit.c.customer_id == person.id, credit.c.open_minor > 0)):
        detail = gettext("There is credit that no invoice has used.")
        remedy = gettext("Use it on an invoice, or reverse the payment that left it.")
        yield ErasureStop("credit", detail, remedy, None, [])


def _numbers(tx: Transaction, table: Any, person: Person, where: ColumnElement[bool]) -> list[str]:
    """The numbers of records of theirs, in order."""
    found = select(table.c.number).where(rows_of(table, person), where).order_by(table.c.number)
    return list(tx.connection.execute(found).scalars())


def _count(tx: Transaction, table: Any, where: ColumnElement[bool]) -> int:
    found = select(func.count()).select_from(table).where(where)
    return int(tx.connection.execute(found).scalar_one())


def _listed(records: Sequence[str]) -> str:
    """The first of the records in words: "SH-0001, SH-0002, …"."""
    more = ["…"] if len(records) > MOST_NAMED else []
    return ", ".join([*records[:MOST_NAMED], *more])
