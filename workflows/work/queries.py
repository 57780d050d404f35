"""Reading work entries with their allocations, and showing the preview of one."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime
from functools import cache
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, Row, Select, and_, bindparam, case, or_, select

from engine.charging import Segment
from engine.payers import Slice
from engine.work_approval import WORK_ENTRY_STATES, WorkEntryState
from workflows.charging.terms import changed_since
from workflows.core.actors import PRICE_ROLES, STAFF, sees_movements
from workflows.core.errors import NotFound, invalid
from workflows.core.paging import Sort, read_page
from workflows.core.transaction import Transaction
from workflows.coverage.exclusions import exclusion_text, exclusion_texts
from workflows.languages.texts import gettext
from workflows.ledger.adjustments import Adjustment, Adjustments
from workflows.lifecycle.contracts.charged_entry import segments_of
from workflows.lifecycle.contracts.grants import grants_by_contract, limits_at
from workflows.lifecycle.contracts.month_rules import is_ahead, lending_months
from workflows.lifecycle.contracts.redraw_reading import slice_of
from workflows.lifecycle.service_requests.access import Nameable, require_visible
from workflows.store import tables as t
from workflows.store.column_types import Id, text_constant
from workflows.store.compiled_statements import Prepared
from workflows.store.id_lists import among, id_list
from workflows.views import DEFAULT_LIMIT, MoneyView, Page
from workflows.views.accounting_periods import AdjustmentView
from workflows.views.service_requests import (
    AllocationView,
    ListedWorkView,
    MovedWorkView,
    RecalculatedView,
    RecalculationView,
    SegmentView,
    WorkEntryView,
    WorkPreview,
)
from workflows.work.entries import needs_reason
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
    request = require_visible(tx, service_request_id)
    page = read_page(
        tx,
        _select_work(to_staff=tx.actor.is_staff).where(e.c.service_request_id == request.id),
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
    rows = _one_entry(tx.actor.is_staff).all(tx.connection, {"id": entry_id})
    if not rows:
        raise NotFound(gettext("There is no such work entry."))
    if not tx.actor.is_staff:  # staff see every service request
        require_visible(tx, rows[0].service_request_id)
    return _work_views(tx, rows[:1], [row for row in rows if row.work_entry_id is not None])[0]


@cache
def _one_entry(to_staff: bool) -> Prepared:
    """One entry with each of its allocations, which have no name of a column in common but `id`.

    The tables are joined one by one: SQLite would read all allocations for a joined query of them.
    """
    a, c = t.work_allocation, t.contract
    return Prepared(
        _select_work(to_staff=to_staff)
        .add_columns(*(column for column in _allocation_columns() if column is not a.c.id))
        .outerjoin(a, and_(a.c.work_entry_id == e.c.id, a.c.reversed_at.is_(None)))
        .outerjoin(c, c.c.id == a.c.contract_id)
        .where(e.c.id == bindparam("id", type_=Id, required=True))
        .order_by(*_AS_TAKEN)
    )


def list_all_work(
    tx: Transaction,
    *,
    state: WorkEntryState | None = None,
    technician: str | None = None,
    customer: str | None = None,
    q: str | None = None,
    order: str = "started_at",
    limit: int = DEFAULT_LIMIT,
    cursor: str | None = None,
    counted: bool = False,
) -> Page[ListedWorkView]:
    """A page of the work entries of all service requests, in one state or in any.

    `technician` and `customer` are ids; `q` is part of a service request's number or subject, or of a
    customer's or technician's name.
    Raises: NotAllowed for customers; InvalidInput for `state`, `order`, `limit` or `cursor`.
    """
    tx.require(*STAFF)
    if state is not None and state not in WORK_ENTRY_STATES:
        raise invalid(
            "/state",
            gettext("%(state)s is not a valid state.", state=repr(state)),
            gettext("Use one of %(work_entry_states)s.", work_entry_states=", ".join(WORK_ENTRY_STATES)),
        )
    r, c, u = t.service_request.c, t.customer.c, t.user_account.c
    wanted = _select_listed(tx)
    if state is not None:
        wanted = wanted.where(e.c.state == state)
    if state in ("submitted", "rejected"):
        wanted = wanted.where(t.NOT_APPROVED_WORK)
    if technician is not None:
        wanted = wanted.where(e.c.technician_id == technician)
    if customer is not None:
        wanted = wanted.where(r.customer_id == customer)
    if q is not None:
        texts = (r.number, r.subject, c.name, u.name)
        wanted = wanted.where(or_(*(text.icontains(q, autoescape=True) for text in texts)))
    page = read_page(
        tx,
        wanted,
        lambda row: row,
        orders=ORDERS,
        by_id=e.c.id,
        order=order,
        limit=limit,
        cursor=cursor,
        counted=counted,
    )
    return page.with_items(_listed_views(tx, page.items))


def read_listed_work(tx: Transaction, entry_id: str) -> ListedWorkView:
    """One work entry with its service request. Raises: NotAllowed for customers; NotFound."""
    tx.require(*STAFF)
    row = tx.connection.execute(_select_listed(tx).where(e.c.id == entry_id)).one_or_none()
    if row is None:
        raise NotFound(gettext("There is no such work entry."))
    return _listed_views(tx, [row])[0]


def _select_listed(tx: Transaction) -> Select[Any]:
    r, c = t.service_request, t.customer
    return (
        _select_work(to_staff=tx.actor.is_staff)
        .add_columns(r.c.number.label("request_number"), r.c.subject, r.c.customer_id)
        .add_columns(c.c.name.label("customer_name"))
        .join(r, r.c.id == e.c.service_request_id)
        .join(c, c.c.id == r.c.customer_id)
    )


def _listed_views(tx: Transaction, rows: Sequence[Row[Any]]) -> list[ListedWorkView]:
    views = _work_views(tx, rows)
    return [
        ListedWorkView(row.request_number, row.subject, row.customer_id, row.customer_name, view)
        for row, view in zip(rows, views, strict=True)
    ]


def preview_view(tx: Transaction, planned: Planned) -> WorkPreview:
    """A planned split as shown before saving, with what each contract that pays would have left."""
    leaves, entry = _leaves(tx, planned), planned.entry
    excluded = None
    if _has_ignored(planned.slices):
        excluded = exclusion_text(tx, planned.terms.stored(), entry.worked_from, entry.worked_type)
    moved_excluded = _moved_exclusions(tx, planned.moved)
    moved = [piece for one in planned.moved for piece in (*one.before, *one.after)]
    allocations = _Allocations(tx, [*planned.slices, *moved])
    return WorkPreview(
        worked_minutes=planned.worked.worked_minutes,
        chargeable_minutes=planned.worked.chargeable_minutes,
        charge_why=planned.worked.charge_why,
        segments=segment_views(tx, planned.worked.segments),
        price=_price(tx, planned.worked.segments),
        allocations=allocations.of(planned.slices, excluded),
        leaves={one: left for one, left in leaves.items() if isinstance(left, int)},
        leaves_money={one: left for one, left in leaves.items() if isinstance(left, MoneyView)},
        moves=[_moved_view(one, allocations, moved_excluded) for one in planned.moved],
        adjustment=_adjustment_view(Adjustments(tx).at(_earliest(planned))),
        approval=planned.required,
        changed_since=changed_since(tx, planned.terms, planned.entry.worked_from),
    )


def _leaves(tx: Transaction, planned: Planned) -> dict[str, int | MoneyView]:
    """What the contracts that pay for a planned entry would have left: whole minutes, or money."""
    taken: dict[str, int] = {}
    before = [*planned.before, *(piece for one in planned.moved for piece in one.before)]
    after = [*planned.slices, *(piece for one in planned.moved for piece in one.after)]
    months = lending_months(tx, [*before, *after])
    for sign, pieces in ((1, after), (-1, before)):
        for piece in pieces:
            if piece.kind == "grant" and piece.contract and not is_ahead(piece, months):
                taken[piece.contract] = taken.get(piece.contract, 0) + sign * piece.drawn
    currencies = {one.contract: one.amount.currency for one in planned.slices if one.amount is not None}
    own = {piece.contract for piece in planned.slices}
    grants = grants_by_contract(tx, taken) if taken else {}
    leaves: dict[str, int | MoneyView] = {}
    for contract_id, drawn in taken.items():
        has = limits_at(grants.get(contract_id, []), tx.now)
        currency = currencies.get(contract_id)
        if contract_id not in own:
            continue
        if currency is not None and not sees_movements(tx.actor.role, "money"):
            continue  # what is left before and after is the price of the work
        if currency is not None:
            leaves[contract_id] = MoneyView(max(0, has.money_available - drawn), currency)
        else:
            leaves[contract_id] = max(0, has.minutes_available - drawn)
    return leaves


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
    excluded = _moved_exclusions(tx, found.moved)
    return RecalculationView(
        [_recalculated_view(tx, one, allocations) for one in found.entries],
        [_moved_view(one, allocations, excluded) for one in found.moved],
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
        before=allocations.of(one.before, exclusion_texts(tx, [entry.id]).get(entry.id)),
        after=allocations.of(
            one.after, exclusion_text(tx, one.charged.terms.stored(), entry.started_at, entry.work_type)
        ),
    )


def _moved_exclusions(tx: Transaction, moved: Sequence[MovedWork]) -> dict[str, str]:
    """Why contracts exclude the entries of which time is not billed before or after the move."""
    return exclusion_texts(tx, (one.entry for one in moved if _has_ignored((*one.before, *one.after))))


def _moved_view(one: MovedWork, allocations: "_Allocations", excluded: Mapping[str, str]) -> MovedWorkView:
    return MovedWorkView(
        id=one.entry,
        service_request=one.service_request,
        service_request_number=one.service_request_number,
        started_at=one.started_at,
        before=allocations.of(one.before, excluded.get(one.entry)),
        after=allocations.of(one.after, excluded.get(one.entry)),
    )


def _select_work(*, to_staff: bool) -> Select[Any]:
    """The entries that are not deleted; a customer does not see those that were rejected."""
    u = t.user_account
    return (
        select(*_SHOWN, u.c.name.label("technician_name"))
        .join(u, u.c.id == e.c.technician_id)
        .where(e.c.deleted_at.is_(None) if to_staff else t.COUNTED_WORK)
    )


def _work_views(
    tx: Transaction, rows: Sequence[Any], allocated: Sequence[Any] | None = None
) -> list[WorkEntryView]:
    """The views of entries. `allocated` are the rows of their allocations; by default they are read."""
    found: dict[str, list[Slice]] = {}
    contracts: dict[str, _Contract] = {}
    if allocated is None:
        ids = {"entries": id_list([row.id for row in rows], is_sqlite=tx.is_sqlite)}
        allocated = _allocations(tx.is_sqlite).all(tx.connection, ids) if rows else []
    for one in allocated:
        found.setdefault(one.work_entry_id, []).append(slice_of(one))
        if one.contract_id is not None:
            contracts[one.contract_id] = _Contract(one.contract_number, one.lends, one.by_month)
    allocations = _Allocations(tx, [piece for pieces in found.values() for piece in pieces], contracts)
    excluded = exclusion_texts(tx, (entry for entry, pieces in found.items() if _has_ignored(pieces)))
    adjustments = Adjustments(tx)
    # the time counts on the request that is left, what was written belongs to the one that it came from
    origins = Nameable(tx, {"service_request": {row.merged_from_id for row in rows}})
    readable = {
        row.id: not row.merged_from_id or origins.may("service_request", row.merged_from_id) for row in rows
    }
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
            not_billable_reason=row.not_billable_reason if readable[row.id] else None,
            work_type=row.work_type,
            note=row.note if readable[row.id] else None,
            segments=segment_views(tx, segments_of(row)),
            price=_price(tx, segments_of(row)),
            allocations=allocations.of(found.get(row.id, []), excluded.get(row.id)),
            created_at=row.created_at,
            version=row.version,
            state=row.state,
            decided_at=row.decided_at,
            decided_by=row.decided_by if tx.actor.is_staff else None,
            decision_reason=row.decision_reason if tx.actor.is_staff else None,
            needs_reason=tx.actor.is_staff and needs_reason(tx, row),
            adjustment=_adjustment_view(adjustments.at(row.started_at)),
            unapproved_minutes=row.unapproved_minutes or 0,
            unapproved_reason=row.unapproved_reason if tx.actor.is_staff and row.unapproved_minutes else None,
        )
        for row in rows
    ]


@cache
def _allocations(is_sqlite: bool) -> Prepared:
    """What is drawn for entries, whose ids are bound to `entries`, as it was taken."""
    a, c = t.work_allocation, t.contract
    return Prepared(
        select(*_allocation_columns())
        .select_from(a)
        .outerjoin(c, c.c.id == a.c.contract_id)
        .where(among(a.c.work_entry_id, "entries", is_sqlite=is_sqlite), a.c.reversed_at.is_(None))
        .order_by(*_AS_TAKEN)
    )


def _allocation_columns() -> list[ColumnElement[Any]]:
    """The columns of allocations, with those of their contracts."""
    c = t.contract.c
    return [
        *t.work_allocation.c,
        c.number.label("contract_number"),
        c.borrow.is_not(None).label("lends"),
        c.monthly_minutes.is_not(None).label("by_month"),
    ]


_AS_TAKEN = (
    t.work_allocation.c.effective_at,
    case((t.work_allocation.c.kind.in_([text_constant("grant"), text_constant("covered")]), 0), else_=1),
    t.work_allocation.c.id,
)
"""The order of an entry's allocations. A slice that is drawn again has a later id than one that stays."""


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


def _has_ignored(slices: Iterable[Slice]) -> bool:
    """Whether some time is recorded and not billed."""
    return any(one.kind == "ignored" for one in slices)


class _Contract(NamedTuple):
    """What allocations say of a contract; `lends`: its months may be drawn ahead."""

    number: str
    lends: bool
    by_month: bool


def _contracts(tx: Transaction, ids: Collection[str]) -> dict[str, _Contract]:
    c = t.contract.c
    by_month = c.monthly_minutes.is_not(None).label("by_month")
    wanted = select(c.id, c.number, c.borrow.is_not(None).label("lends"), by_month).where(c.id.in_(ids))
    rows = tx.connection.execute(wanted) if ids else ()
    return {row.id: _Contract(row.number, row.lends, row.by_month) for row in rows}


class _Allocations:
    """Turns slices into allocations; those that only the calendar cut are added up.

    A contract that may not be named to the actor is left out with its grant; the minutes stay. So is what a
    contract in money pays, for those who see no prices.
    """

    def __init__(
        self, tx: Transaction, slices: Sequence[Slice], contracts: Mapping[str, _Contract] | None = None
    ) -> None:
        """`contracts` are those of all slices by id; by default they are looked up."""
        if contracts is None:
            contracts = _contracts(tx, {piece.contract for piece in slices if piece.contract is not None})
        self._months = lending_months(tx, slices) if any(one.lends for one in contracts.values()) else {}
        self._by_month = {contract for contract, one in contracts.items() if one.by_month}
        self._priced = tx.actor.role in PRICE_ROLES
        self._nameable = Nameable(tx, {"contract": contracts})
        self._numbers = {
            contract: one.number
            for contract, one in contracts.items()
            if self._nameable.may("contract", contract)
        }

    def of(self, slices: Sequence[Slice], excluded: str | None = None) -> list[AllocationView]:
        """The allocations of one entry's slices, which are among those looked up.

        `excluded` is why the covering contract excludes the entry, if it does.
        """
        sums: dict[tuple[str, str | None, str | None, str | None, bool, bool], tuple[int, int]] = {}
        for piece in slices:
            contract_id = self._nameable.id("contract", piece.contract)
            amount = piece.amount
            currency = amount.currency if amount is not None else None
            grant = piece.grant if contract_id else None
            key = (piece.kind, contract_id, grant, currency, is_ahead(piece, self._months), piece.held)
            minutes, minor = sums.get(key, (0, 0))
            sums[key] = (minutes + piece.minutes, minor + (amount.amount_minor if amount is not None else 0))
        return [
            AllocationView(
                kind=kind,
                contract=contract,
                contract_number=self._numbers.get(contract or ""),
                grant=grant,
                minutes=minutes,
                amount=_money(minor, currency) if self._priced else None,
                borrowed=ahead,
                held=held,
                by_month=kind == "carried" and contract in self._by_month,
                why=excluded if kind == "ignored" else None,
            )
            for (kind, contract, grant, currency, ahead, held), (minutes, minor) in sums.items()
        ]
