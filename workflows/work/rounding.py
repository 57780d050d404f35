"""Entries of one service request that are rounded together: the place of each in their running sum.

The rounding of an entry is stored in its terms. When an entry is logged late, changed or deleted, what was
worked before the later ones is no longer what they were charged by: these are charged again.
Source: product.md section 7 (From worked to chargeable minutes).
"""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from sqlalchemy import Row, select

from engine.quantities import Rounding
from engine.rounding import WorkToRound, minutes_before
from workflows.core.transaction import Transaction
from workflows.store import tables as t
from workflows.work.charging_terms import ChargingTerms, stored_terms

AS_WORKED = Rounding()
"""For an entry of an older program, which stored no terms: it counts for the others and stays as it is."""
NOT_SAVED = "~"
"""In place of an id for an entry that is not saved yet. It sorts after all ids."""


def rounded_with_others(
    tx: Transaction, request_id: str, terms: ChargingTerms, worked_at: datetime, entry: Row[Any] | None = None
) -> ChargingTerms:
    """The terms of an entry with the minutes that were worked before it and are rounded together with it.

    `worked_at` (aware UTC) is the instant at which it counts; `entry` is None for one that is not saved yet.
    """
    if terms.rounding.scope == "entry":
        return replace(terms, before_minutes=0) if terms.before_minutes else terms
    own_id, recorded_at = (entry.id, entry.created_at) if entry is not None else (NOT_SAVED, tx.now)
    own = WorkToRound(own_id, worked_at, recorded_at, 0, terms.rounding, terms.time_zone)
    others = [_as_work(row, tx) for row in _billable_entries(tx, request_id) if row.id != own_id]
    return replace(terms, before_minutes=minutes_before([*others, own])[own_id])


def entries_with_another_place(tx: Transaction, request_id: str) -> list[tuple[Row[Any], ChargingTerms]]:
    """The entries of a request before which other minutes are worked now than they were charged by.

    Each with its terms, as they have to be now; in the order in which the work was done.
    """
    rows = _billable_entries(tx, request_id)
    now = minutes_before(_as_work(row, tx) for row in rows)
    moved = []
    for row in rows:
        if row.charged_by is not None and row.charged_by["before_minutes"] != now[row.id]:
            moved.append((row, replace(stored_terms(row.charged_by), before_minutes=now[row.id])))
    return moved


def _billable_entries(tx: Transaction, request_id: str) -> Sequence[Row[Any]]:
    e = t.work_entry
    billable = select(e).where(e.c.service_request_id == request_id, e.c.deleted_at.is_(None), e.c.billable)
    return tx.connection.execute(billable.order_by(e.c.started_at, e.c.created_at, e.c.id)).all()


def _as_work(row: Row[Any], tx: Transaction) -> WorkToRound:
    terms = stored_terms(row.charged_by) if row.charged_by is not None else None
    return WorkToRound(
        row.id,
        row.started_at,
        row.created_at,
        row.worked_minutes,
        terms.rounding if terms is not None else AS_WORKED,
        terms.time_zone if terms is not None else tx.settings.time_zone,
    )
