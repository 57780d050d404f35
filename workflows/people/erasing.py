"""Erasing a customer: what identifies them is replaced for good, what was done and charged stays.

All of it is one transaction: it is done or it is not, a retry after a crash begins anew, and the proof says
exactly what was done. A customer is one person, so that it has thousands of rows, not millions.
Source: product.md section 15.
"""

from collections.abc import Sequence
from datetime import date
from typing import Any

from sqlalchemy import Row, func, select

from workflows.commands.people import EraseCustomer
from workflows.core.errors import NotFound, StateForbids, invalid
from workflows.core.numbering import next_count
from workflows.core.paging import Sort, read_page
from workflows.core.transaction import Transaction
from workflows.languages.texts import gettext
from workflows.people.person import Person, read_person
from workflows.people.registry import GROUPS
from workflows.people.replacing import counted, forget_search_words, overwriting, plan_replacement
from workflows.people.stopping import what_stops
from workflows.register.records import locked
from workflows.store import tables as t
from workflows.views import DEFAULT_LIMIT, Page
from workflows.views.erasures import ErasedRecords, ErasurePreview, ErasureStop, ErasureView

SERIES = "erasure"
ERASED_EVENT = "erased"
e = t.erasure


class ErasureStopped(StateForbids):
    """The customer cannot be erased yet; `stops` says why, what to do, and from when it is possible."""

    code = "erasure-stopped"


def erase_customer(tx: Transaction, customer_id: str, command: EraseCustomer) -> ErasureView:
    """Erase a customer; the same again returns the first proof.

    Raises:
        NotAllowed: the actor is no administrator.
        NotFound: there is no such customer.
        InvalidInput: the name is not the customer's, or the reason names them.
        ErasureStopped: something stops it; all of that is said at once.
    """
    tx.require("administrator")
    row = locked(tx, t.customer, customer_id, None)
    done = _find(tx, customer_id)
    if done is not None:
        return done
    person = read_person(tx, customer_id)
    _check(row, person, command)
    stops = what_stops(tx, person)
    if stops:
        raise _stopped(stops)
    number = next_count(tx, SERIES)
    with overwriting(tx):
        tx.add(t.erasure_begun, number=number)
        steps = plan_replacement(tx, person, number)
        counts = counted((step.table, step.apply(tx)) for step in steps)
        forget_search_words(tx)
    tx.add(
        e,
        number=number,
        customer_id=customer_id,
        erased_at=tx.now,
        recorded_at=tx.recorded_at,
        erased_by=tx.actor.name,
        reason=command.reason,
        counts=counts,
    )
    tx.audit("customer", customer_id, ERASED_EVENT, records=sum(counts.values()))
    return read_erasure(tx, customer_id)


def preview_erasure(tx: Transaction, customer_id: str) -> ErasurePreview:
    """What an erasure would replace, and all that stops it. Raises: NotAllowed; NotFound."""
    tx.require("administrator")
    done = _find(tx, customer_id)
    if done is not None:
        return ErasurePreview(customer_id, grouped(done.rows), [], None, done)
    person = read_person(tx, customer_id)
    number = tx.connection.execute(select(func.coalesce(func.max(e.c.number), 0) + 1)).scalar_one()
    steps = plan_replacement(tx, person, number)
    counts = counted((step.table, step.count(tx)) for step in steps)
    stops = what_stops(tx, person)
    return ErasurePreview(customer_id, grouped(counts), stops, _possible_on(stops), None)


def read_erasure(tx: Transaction, customer_id: str) -> ErasureView:
    """The proof that a customer was erased. Raises: NotAllowed; NotFound if they are not."""
    tx.require("administrator")
    done = _find(tx, customer_id)
    if done is None:
        raise NotFound(gettext("This customer has not been erased."))
    return done


def list_erasures(
    tx: Transaction,
    *,
    order: str = "-number",
    limit: int = DEFAULT_LIMIT,
    cursor: str | None = None,
    counted: bool = False,
) -> Page[ErasureView]:
    """A page of the proofs, the latest first. Raises: NotAllowed unless the actor is an administrator."""
    tx.require("administrator")
    return read_page(
        tx,
        select(e, e.c.customer_id.label("id")),
        _view,
        orders={"number": Sort(e.c.number)},
        by_id=e.c.customer_id,
        order=order,
        limit=limit,
        cursor=cursor,
        counted=counted,
    )


def grouped(rows: dict[str, int]) -> list[ErasedRecords]:
    """Rows by table as rows by subject; one that has none is left out."""
    sums = [(group, sum(rows.get(one.table.name, 0) for one in tables)) for group, tables in GROUPS.items()]
    return [ErasedRecords(group=group, records=records) for group, records in sums if records]


def _check(row: Row[Any], person: Person, command: EraseCustomer) -> None:
    """Check that the name was typed, and that the reason, which is stored, has none. Raises: InvalidInput."""
    if command.name.strip().casefold() != row.name.strip().casefold():
        raise invalid(
            "/name",
            gettext("This is not the name of the customer."),
            gettext("Type %(name)s to confirm.", name=row.name),
        )
    reason = command.reason.casefold()
    if any(one.casefold() in reason for one in (*person.called, *person.emails, row.email)):
        raise invalid(
            "/reason",
            gettext("The reason is stored: it must not name the customer."),
            gettext("Leave the name and the address out."),
        )


def _stopped(stops: Sequence[ErasureStop]) -> ErasureStopped:
    return ErasureStopped(
        " ".join(
            [gettext("The customer cannot be erased yet."), *(f"{one.detail} {one.remedy}" for one in stops)]
        ),
        state="stopped",
        stops=[
            {
                "kind": one.kind,
                "detail": one.detail,
                "remedy": one.remedy,
                "possible_on": one.possible_on.isoformat() if one.possible_on else None,
                "records": one.records,
            }
            for one in stops
        ],
    )


def _possible_on(stops: Sequence[ErasureStop]) -> date | None:
    """From when it is possible, where only time stops it."""
    days = [one.possible_on for one in stops]
    return max((day for day in days if day is not None), default=None) if None not in days else None


def _find(tx: Transaction, customer_id: str) -> ErasureView | None:
    row = tx.connection.execute(select(e).where(e.c.customer_id == customer_id)).one_or_none()
    return _view(row) if row is not None else None


def _view(row: Row[Any]) -> ErasureView:
    return ErasureView(
        number=row.number,
        customer=row.customer_id,
        erased_at=row.erased_at,
        recorded_at=row.recorded_at,
        erased_by=row.erased_by,
        reason=row.reason,
        rows=row.counts,
    )
