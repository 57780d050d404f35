"""Reading work entries with their allocations, and showing the preview of one."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Row, Select, case, select

from engine.charging import Segment
from engine.drawdown import Slice
from workflows.core.actors import PRICE_ROLES
from workflows.core.errors import NotFound
from workflows.core.paging import Sort, read_page
from workflows.core.transaction import Transaction
from workflows.ledger.adjustments import Adjustment, Adjustments
from workflows.lifecycle.contracts.charged_entry import segments_of
from workflows.lifecycle.contracts.grants import grants_by_contract, limits_at
from workflows.lifecycle.service_requests.access import Nameable, require_visible
from workflows.service_requests.queries import contract_numbers
from workflows.store import tables as t
from workflows.views import DEFAULT_LIMIT, MoneyView, Page
from workflows.views.accounting_periods import AdjustmentView
from workflows.views.service_requests import (
    AllocationView,
    MovedWorkView,
    RecalculatedView,
    RecalculationView,
    SegmentView,
    WorkEntryView,
    WorkPreview,
)
from workflows.work.planning import MovedWork, Planned
from workflows.work.recalculation import Recalculated, Recalculation

e = t.work_entry
_SHOWN = [column for column in e.c if column.name != "charged_by"]
"""The terms of an entry are not shown, and reading the JSON of each row takes a third of a page's time."""
ORDERS = {"started_at": Sort(e.c.started_at)}


def list_work(
    tx: Transaction,
    service_request_id: str,
    *,
    order: str = "started_at",
    limit: int = DEFAULT_LIMIT,
    cursor: str | None = None,
) -> Page[WorkEntryView]:
    """A page of the work entries of a service request, by the instant worked.

    Raises: NotFound; InvalidInput for `order`, `limit` or `cursor`.
    """
    require_visible(tx, service_request_id)
    page = read_page(
        tx,
        _select_work().where(e.c.service_request_id == service_request_id),
        lambda row: row,
        orders=ORDERS,
        by_id=e.c.id,
        order=order,
        limit=limit,
        cursor=cursor,
    )
    return Page(_work_views(tx, page.items), page.next_cursor)


def read_work(tx: Transaction, entry_id: str) -> WorkEntryView:
    """One work entry. Raises: NotFound."""
    row = tx.connection.execute(_select_work().where(t.work_entry.c.id == entry_id)).one_or_none()
    if row is None:
        raise NotFound("There is no such work entry.")
    require_visible(tx, row.service_request_id)
    return _work_views(tx, [row])[0]


def preview_view(tx: Transaction, planned: Planned) -> WorkPreview:
    """A planned split as shown before saving; `leaves` is the minutes that each contract would have left."""
    taken: dict[str, int] = {}
    before = [*planned.before, *(piece for one in planned.moved for piece in one.before)]
    given_back = [piece._replace(minutes=-piece.minutes) for piece in before]
    taken_by_others = [piece for one in planned.moved for piece in one.after]
    for piece in (*planned.slices, *given_back, *taken_by_others):
        if piece.kind == "grant" and piece.contract:
            taken[piece.contract] = taken.get(piece.contract, 0) + piece.minutes
    grants = grants_by_contract(tx, taken) if taken else {}
    leaves = {}
    for contract_id, minutes in taken.items():
        has = limits_at(grants.get(contract_id, []), tx.now)
        leaves[contract_id] = max(0, has.minutes_available - minutes)
    own = {piece.contract for piece in planned.slices}
    moved = [piece for one in planned.moved for piece in (*one.before, *one.after)]
    allocations = _Allocations(tx, [*planned.slices, *moved])
    return WorkPreview(
        worked_minutes=planned.worked.worked_minutes,
        chargeable_minutes=planned.worked.chargeable_minutes,
        charge_why=planned.worked.charge_why,
        segments=segment_views(tx, planned.worked.segments),
        price=_price(tx, planned.worked.segments),
        allocations=allocations.of(planned.slices),
        leaves={one: left for one, left in leaves.items() if one in own},
        moves=[_moved_view(one, allocations) for one in planned.moved],
        adjustment=_adjustment_view(Adjustments(tx).at(_earliest(planned))),
    )


def _earliest(planned: Planned) -> datetime | None:
    """The earliest instant at which a planned entry, or another that it moves, moves minutes."""
    moved = [piece for one in planned.moved for piece in (*one.before, *one.after)]
    instants = [piece.effective_at for piece in (*planned.slices, *moved) if piece.kind != "covered"]
    return min(instants, default=None)


def _adjustment_view(found: Adjustment | None) -> AdjustmentView | None:
    return AdjustmentView(*found) if found is not None else None


def recalculation_view(tx: Transaction, found: Recalculation) -> RecalculationView:
    """A recalculation as shown before it is made."""
    splits = [*(split for one in found.entries for split in (one.before, one.after))]
    splits += [split for one in found.moved for split in (one.before, one.after)]
    allocations = _Allocations(tx, [piece for split in splits for piece in split])
    return RecalculationView(
        [_recalculated_view(tx, one, allocations) for one in found.entries],
        [_moved_view(one, allocations) for one in found.moved],
    )


def _recalculated_view(tx: Transaction, one: Recalculated, allocations: "_Allocations") -> RecalculatedView:
    entry, worked = one.charged.entry, one.charged.worked
    return RecalculatedView(
        id=entry.id,
        started_at=entry.started_at,
        worked_minutes=entry.worked_minutes,
        chargeable_before=entry.chargeable_minutes,
        chargeable_after=worked.chargeable_minutes,
        charge_why=worked.charge_why,
        price_before=_price(tx, segments_of(entry)),
        price_after=_price(tx, worked.segments),
        before=allocations.of(one.before),
        after=allocations.of(one.after),
    )


def _moved_view(one: MovedWork, allocations: "_Allocations") -> MovedWorkView:
    return MovedWorkView(
        id=one.entry,
        service_request=one.service_request,
        service_request_number=one.service_request_number,
        started_at=one.started_at,
        before=allocations.of(one.before),
        after=allocations.of(one.after),
    )


def _select_work() -> Select[Any]:
    u = t.user_account
    return (
        select(*_SHOWN, u.c.name.label("technician_name"))
        .join(u, u.c.id == e.c.technician_id)
        .where(e.c.deleted_at.is_(None))
    )


def _work_views(tx: Transaction, rows: Sequence[Row[Any]]) -> list[WorkEntryView]:
    a = t.work_allocation
    found: dict[str, list[Slice]] = {}
    if rows:
        drawn = tx.connection.execute(
            select(a)
            .where(a.c.work_entry_id.in_([row.id for row in rows]), a.c.reversed_at.is_(None))
            # as they were taken: a slice that is drawn again has a later id than one that stays
            .order_by(a.c.effective_at, case((a.c.kind.in_(("grant", "covered")), 0), else_=1), a.c.id)
        )
        for one in drawn:
            piece = Slice(one.kind, one.contract_id, one.grant_id, one.minutes, one.effective_at)
            found.setdefault(one.work_entry_id, []).append(piece)
    allocations = _Allocations(tx, [piece for pieces in found.values() for piece in pieces])
    adjustments = Adjustments(tx)
    return [
        WorkEntryView(
            id=row.id,
            service_request=row.service_request_id,
            technician=row.technician_id,
            technician_name=row.technician_name,
            started_at=row.started_at,
            ended_at=row.ended_at,
            worked_minutes=row.worked_minutes,
            chargeable_minutes=row.chargeable_minutes,
            charge_why=row.charge_why,
            billable=row.billable,
            work_type=row.work_type,
            note=row.note,
            segments=segment_views(tx, segments_of(row)),
            price=_price(tx, segments_of(row)),
            allocations=allocations.of(found.get(row.id, [])),
            created_at=row.created_at,
            version=row.version,
            adjustment=_adjustment_view(adjustments.at(row.started_at)),
        )
        for row in rows
    ]


def segment_views(tx: Transaction, segments: Sequence[Segment]) -> list[SegmentView]:
    """Segments as they are shown; rates and prices only to those who see prices."""
    priced = tx.actor.role in PRICE_ROLES
    return [
        SegmentView(
            one.start,
            one.end,
            one.worked_minutes,
            one.rounded_minutes,
            one.percent,
            one.chargeable_minutes,
            one.rule,
            one.why,
            _money(one.rate_minor, one.currency) if priced else None,
            one.rate_rule if priced else None,
            _money(one.price_minor, one.currency) if priced else None,
            one.excluded,
        )
        for one in segments
    ]


def _price(tx: Transaction, segments: Sequence[Segment]) -> MoneyView | None:
    """The price of an entry, for those who see prices; None if one of its segments has none."""
    prices = [one.price_minor for one in segments if one.price_minor is not None]
    if not segments or len(prices) < len(segments) or tx.actor.role not in PRICE_ROLES:
        return None
    return _money(sum(prices), segments[0].currency)


def _money(amount_minor: int | None, currency: str | None) -> MoneyView | None:
    return MoneyView(amount_minor, currency) if amount_minor is not None and currency is not None else None


class _Allocations:
    """Turns slices into allocations; those that only the calendar cut are added up.

    A contract that may not be named to the actor is left out with its grant; the minutes stay.
    """

    def __init__(self, tx: Transaction, slices: Sequence[Slice]) -> None:
        """Look up the contracts of all slices, by one statement or two."""
        contracts = {piece.contract for piece in slices if piece.contract is not None}
        self._nameable = Nameable(tx, {"contract": contracts})
        self._numbers = contract_numbers(
            tx, {contract for contract in contracts if self._nameable.may("contract", contract)}
        )

    def of(self, slices: Sequence[Slice]) -> list[AllocationView]:
        """The allocations of one entry's slices, which are among those looked up."""
        sums: dict[tuple[str, str | None, str | None], int] = {}
        for piece in slices:
            contract_id = self._nameable.id("contract", piece.contract)
            key = (piece.kind, contract_id, piece.grant if contract_id else None)
            sums[key] = sums.get(key, 0) + piece.minutes
        return [
            AllocationView(kind, contract, self._numbers.get(contract or ""), grant, minutes)
            for (kind, contract, grant), minutes in sums.items()
        ]
