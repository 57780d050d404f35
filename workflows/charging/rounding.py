"""Entries of one service request that are rounded together: the place of each in their running sum.

The rounding of an entry is stored in its terms. When an entry is logged late, changed or deleted, what was
worked before the later ones is no longer what they were charged by: these are charged and drawn again.
Source: product.md section 7 (From worked to chargeable minutes).
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from sqlalchemy import Row, select

from engine.quantities import Rounding
from engine.rounding import WorkToRound, minutes_before
from workflows.charging.terms import ChargingTerms, stored_terms
from workflows.core.transaction import Transaction
from workflows.lifecycle.contracts.charged_entry import NOT_STORED
from workflows.store import tables as t

AS_WORKED = Rounding()
"""For an entry of an older program, which stored no terms: it counts for the others and stays as it is."""


def round_with_others(
    tx: Transaction,
    request: Row[Any],
    terms: ChargingTerms,
    *,
    started_at: datetime,
    worked_minutes: int | None,
    entry: Row[Any] | None = None,
) -> tuple[ChargingTerms, list[tuple[Row[Any], ChargingTerms]]]:
    """The terms of an entry with the minutes worked before it, and the entries that it moves in their sum.

    `started_at` (aware UTC) is the instant at which it counts, `worked_minutes` are None if it is not
    billable or is deleted; `entry` is its row, None for one that is not saved yet. The other entries are in
    the order in which the work was done, each with its terms as they have to be now.
    """
    if terms.rounding.scope == "entry":
        terms = replace(terms, before_minutes=0) if terms.before_minutes else terms
        if not request.rounds_together:
            return terms, []
    own_id, recorded_at = (entry.id, entry.created_at) if entry is not None else (NOT_STORED, tx.now)
    rows = [row for row in billable_entries(tx, request.id) if row.id != own_id]
    work = [_as_work(row, tx) for row in rows]
    if worked_minutes is not None:
        work.append(
            WorkToRound(own_id, started_at, recorded_at, worked_minutes, terms.rounding, terms.time_zone)
        )
    before = minutes_before(work)
    moved = [
        (row, replace(stored_terms(row.charged_by), before_minutes=before[row.id]))
        for row in rows
        if row.charged_by is not None and row.charged_by["before_minutes"] != before[row.id]
    ]
    return replace(terms, before_minutes=before.get(own_id, 0)), moved


def rounded_under(
    tx: Transaction, request: Row[Any], terms: Mapping[str, ChargingTerms]
) -> list[tuple[Row[Any], ChargingTerms]]:
    """The billable entries of a request that other terms or another place in their sum charge otherwise.

    Some of them have these `terms` now, by their ids; the others have those that are stored with them.
    """
    rows = [row for row in billable_entries(tx, request.id) if row.charged_by is not None]
    now = {row.id: terms.get(row.id) or stored_terms(row.charged_by) for row in rows}
    before = minutes_before(
        WorkToRound(
            row.id,
            row.started_at,
            row.created_at,
            row.worked_minutes,
            now[row.id].rounding,
            now[row.id].time_zone,
        )
        for row in rows
    )
    placed = [(row, replace(now[row.id], before_minutes=before[row.id])) for row in rows]
    return [(row, one) for row, one in placed if row.id in terms or one != stored_terms(row.charged_by)]


def billable_entries(tx: Transaction, request_id: str) -> Sequence[Row[Any]]:
    """The billable work entries of a service request, in the order in which the work was done."""
    e = t.work_entry
    billable = select(e).where(e.c.service_request_id == request_id, t.COUNTED_WORK, e.c.billable)
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
