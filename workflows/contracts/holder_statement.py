"""The statement of a holder: each grant of all its contracts, line by line, with the balance after each.

Contracts that were held earlier, or have been held since a transfer, appear with the lines of that time.
Source: product.md sections 7 and 8.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date, timedelta
from typing import Any, get_args

from sqlalchemy import ColumnElement, Row, Select, and_, case, func, literal, or_, select

from engine.contracts import UNITS, Holder, HolderKind
from engine.ledger import GRANT_ACCOUNTS, MONEY_KINDS, Kind
from engine.periods import first_instant_of
from workflows.contracts.acceptance import latest_acceptance
from workflows.contracts.access import up_to_date_contract, visible_contracts
from workflows.contracts.pending_movements import PENDING, held_for_work, pending_among
from workflows.core.actors import sees_movements
from workflows.core.errors import NotFound, invalid
from workflows.core.paging import broken_cursor, require_limit
from workflows.core.transaction import Transaction
from workflows.coverage.exclusions import exclusions_of_movements
from workflows.languages.texts import gettext
from workflows.lifecycle.service_requests.access import ANOTHER_REQUEST, Nameable, may_name
from workflows.register.holder_names import holder_names
from workflows.store import tables as t
from workflows.store.column_types import Instant
from workflows.views.contracts import HolderStatementLine, HolderStatementView

KINDS: tuple[str, ...] = tuple(kind for kind in get_args(Kind) if kind not in MONEY_KINDS)
entry, leg, grant, request = t.ledger_transaction, t.ledger_posting, t.contract_grant, t.service_request
c, past = t.contract, t.contract_past_holder
NO_GRANT = "~"
"""Sorts after every id: movements without a grant, such as carried time, come last of a contract."""
SPACE = "."
"""Between the two ids of a cursor."""


def read_holder_statement(
    tx: Transaction,
    kind: HolderKind,
    holder_id: str,
    *,
    from_: date | None = None,
    to: date | None = None,
    contract: str | None = None,
    movement: str | None = None,
    limit: int | None = None,
    cursor: str | None = None,
) -> HolderStatementView:
    """The movements of a holder's contracts until now: by contract, grant and effective instant.

    `from_` and `to` are days in the provider's time zone, both inclusive; `contract` is the id of one of the
    contracts, `movement` a kind of movement. Balances are those of the grant, in its unit (whole minutes,
    incidents or minor units of money), whatever is filtered out. Without a `limit` all lines are returned.

    Raises:
        NotFound: there is no such holder, or the actor may not see it.
        InvalidInput: `movement`, `limit` or `cursor` is not valid.

    Source: product.md sections 7 and 8.
    """
    if limit is not None:
        require_limit(limit)
    given: dict[str, Any] = {"from_": from_, "to": to, "contract": contract, "movement": movement}
    with _up_to_date(tx, Holder(kind, holder_id)) as (fresh, name):
        statement = _lines(fresh, Holder(kind, holder_id), **given, after=cursor)
        rows = fresh.connection.execute(statement if limit is None else statement.limit(limit + 1)).all()
        shown = rows if limit is None else rows[:limit]
        more = len(rows) > len(shown)
        return HolderStatementView(
            holder={kind: holder_id},
            holder_name=name,
            lines=_views(fresh, shown),
            next_cursor=f"{shown[-1].id}{SPACE}{shown[-1].grant_key}" if more else None,
        )


@contextmanager
def _up_to_date(tx: Transaction, holder: Holder) -> Iterator[tuple[Transaction, str]]:
    """A transaction in which everything due of the holder's contracts has been done, and its name."""
    if holder.kind == "service_request" or not may_name(tx, holder.kind, holder.id):
        raise NotFound(gettext("There is no such holder."), remedy=gettext("Look it up first."))
    name = holder_names(tx, [holder]).get(holder)
    if name is None:
        raise NotFound(gettext("There is no such holder."), remedy=gettext("Look it up first."))
    held = select(c.c.id).where(
        c.c.holder_kind == holder.kind, c.c.holder_id == holder.id, visible_contracts(tx)
    )
    one = tx.connection.execute(held.limit(1)).scalar()
    if one is None:
        yield tx, name
        return
    with up_to_date_contract(tx, one) as fresh:
        yield fresh, name


def _lines(
    tx: Transaction,
    holder: Holder,
    *,
    from_: date | None,
    to: date | None,
    contract: str | None,
    movement: str | None,
    after: str | None,
) -> Select[Any]:
    """The statement of all lines that the filters select, in order, after the one of a cursor."""
    if movement is not None and movement not in KINDS:
        raise invalid(
            "/kind",
            gettext("%(movement)s is not a kind of movement.", movement=repr(movement)),
            gettext("Use one of %(kinds)s.", kinds=", ".join(KINDS)),
        )
    lines = _numbered(tx, holder).cte("lines")
    wanted: list[ColumnElement[bool]] = []
    zone = tx.settings.zone
    if from_ is not None:
        wanted.append(lines.c.effective_at >= first_instant_of(from_, zone))
    if to is not None:
        wanted.append(lines.c.effective_at < first_instant_of(to + timedelta(days=1), zone))
    if contract is not None:
        wanted.append(lines.c.contract_id == contract)
    if movement is not None:
        wanted.append(lines.c.kind == movement)
    if after is not None:
        transaction, found, grant_key = after.partition(SPACE)
        place = select(lines.c.place).where(lines.c.id == transaction, lines.c.grant_key == grant_key)
        if not found or tx.connection.execute(place).scalar() is None:
            raise broken_cursor()
        wanted.append(lines.c.place > place.scalar_subquery())
    return select(lines).where(*wanted).order_by(lines.c.place)


def _numbered(tx: Transaction, holder: Holder) -> Select[Any]:
    """Each movement of each grant with the grant's balance after it, and its place in the whole statement."""
    moved = _movements(tx, holder).subquery("moved")
    m = moved.c
    grant_of, as_recorded = (m.contract_id, m.grant_key), (m.effective_at, m.recorded_at, m.id)
    running = func.sum(m.moved).over(partition_by=grant_of, order_by=as_recorded).label("running")
    summed = select(moved, running).subquery("summed")
    m = summed.c
    # as recorded, so that a correction follows what it corrects; where the grant would then have less than
    # nothing, what an instant adds comes first
    lowest = func.min(m.running).over(partition_by=(m.contract_id, m.grant_key, m.effective_at))
    added_first = case((lowest < 0, m.is_less), else_=0).label("added_first")
    movements = select(summed, added_first).subquery("movements")
    m = movements.c
    in_grant = (m.effective_at, m.added_first, m.recorded_at, m.id)
    return select(
        movements,
        func.sum(m.moved).over(partition_by=(m.contract_id, m.grant_key), order_by=in_grant).label("balance"),
        func.row_number().over(order_by=(m.sold_at, m.contract_id, m.grant_key, *in_grant)).label("place"),
    )


def _movements(tx: Transaction, holder: Holder) -> Select[Any]:
    """One row for each ledger transaction and grant that it moves, or without a grant if it moves none."""
    held = _held_spans(tx, holder).subquery("held")
    moved = func.sum(case((leg.c.account == "available", leg.c.amount), else_=0))
    moves_grant = and_(leg.c.transaction_id == entry.c.id, leg.c.account.in_(GRANT_ACCOUNTS))
    return (
        select(
            entry.c.id,
            entry.c.contract_id,
            entry.c.effective_at,
            entry.c.recorded_at,
            entry.c.kind,
            entry.c.cause,
            entry.c.why,
            entry.c.service_request_id,
            func.coalesce(leg.c.owner, NO_GRANT).label("grant_key"),
            held.c.number.label("contract_number"),
            held.c.draws,
            held.c.currency,
            held.c.sold_at,
            request.c.number.label("request_number"),
            case((grant.c.rest_of_id.is_not(None), "carry_over"), else_=grant.c.kind).label("grant_kind"),
            grant.c.reason.label("grant_reason"),
            moved.label("moved"),
            held_for_work().label("held"),
            case((moved < 0, 1), else_=0).label("is_less"),
        )
        .select_from(held)
        .join(
            entry,
            and_(
                entry.c.contract_id == held.c.id,
                entry.c.kind.not_in(MONEY_KINDS),
                or_(held.c.since.is_(None), entry.c.effective_at >= held.c.since),
                or_(held.c.until.is_(None), entry.c.effective_at < held.c.until),
                entry.c.effective_at <= tx.now,
            ),
        )
        .outerjoin(leg, moves_grant)
        .outerjoin(grant, grant.c.id == leg.c.owner)
        .outerjoin(request, request.c.id == entry.c.service_request_id)
        .group_by(
            entry.c.id,
            leg.c.owner,
            held.c.number,
            held.c.draws,
            held.c.currency,
            held.c.sold_at,
            request.c.number,
            grant.c.kind,
            grant.c.rest_of_id,
            grant.c.reason,
        )
    )


def _held_spans(tx: Transaction, holder: Holder) -> Any:
    """The contracts that the holder has or had and that the actor may see: [since, until), NULL is open."""
    sees = visible_contracts(tx)
    facts = (c.c.id, c.c.number, c.c.draws, c.c.currency, c.c.created_at.label("sold_at"))
    now = select(*facts, c.c.held_since.label("since"), literal(None, Instant).label("until")).where(
        c.c.holder_kind == holder.kind, c.c.holder_id == holder.id, sees
    )
    earlier = (
        select(*facts, past.c.held_from.label("since"), past.c.held_until.label("until"))
        .join(past, past.c.contract_id == c.c.id)
        .where(past.c.holder_kind == holder.kind, past.c.holder_id == holder.id, sees)
    )
    return now.union_all(earlier)


def _views(tx: Transaction, rows: Any) -> list[HolderStatementLine]:
    nameable = Nameable(tx, {"service_request": {row.service_request_id for row in rows}})
    pending = pending_among(tx, (row.id for row in rows if row.held))
    changes = _changes(tx, {row.contract_id for row in rows})
    shows_money = sees_movements(tx.actor.role, "money")
    excluded = exclusions_of_movements(tx, rows)
    return [
        _view(row, nameable, row.id in pending, row.id in changes, shows_money, excluded.get(row.id))
        for row in rows
    ]


def _changes(tx: Transaction, contracts: set[str]) -> set[str]:
    """The ledger transactions that change what was accepted of the contracts' statements."""
    found: set[str] = set()
    for contract_id in sorted(contracts):
        accepted = latest_acceptance(tx, contract_id)
        if accepted is not None:
            found.update(tx.connection.execute(select(entry.c.id).where(accepted.changes)).scalars())
    return found


def _view(
    row: Row[Any],
    nameable: Nameable,
    is_pending: bool,
    is_change: bool,
    shows_money: bool,
    excluded: str | None,
) -> HolderStatementLine:
    moved, request_id = int(row.moved), row.service_request_id
    is_named = request_id is None or nameable.may("service_request", request_id)
    has_grant = row.grant_key != NO_GRANT
    unit = row.draws if row.draws in UNITS else "minutes"
    is_shown = shows_money or unit != "money"
    return HolderStatementLine(
        transaction=row.id,
        contract=row.contract_id,
        contract_number=row.contract_number,
        grant=row.grant_key if has_grant else None,
        grant_kind=row.grant_kind,
        grant_reason=row.grant_reason,
        unit=unit,
        currency=row.currency if unit == "money" else None,
        effective_at=row.effective_at,
        recorded_at=row.recorded_at,
        kind=row.kind,
        service_request=request_id if is_named else None,
        service_request_number=row.request_number if is_named else None,
        another_service_request=not is_named,
        minutes=moved if unit == "minutes" else 0,
        incidents=moved if unit == "incidents" else 0,
        money=(moved if unit == "money" else 0) if is_shown else None,
        balance_after=int(row.balance) if has_grant and is_shown else None,
        why=(row.why if is_named else row.why.replace(row.request_number, ANOTHER_REQUEST))
        + (f" ({excluded})" if excluded and is_named else "")
        + (f", {PENDING}" if is_pending else ""),
        pending=is_pending,
        since_acceptance=is_change,
    )
