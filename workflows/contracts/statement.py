"""The statement of a contract: its movements and changes until now, with the balance after each.

A page reads its own lines and one sum, whatever came before it. Source: product.md sections 7 and 8.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from functools import cached_property
from itertools import accumulate, dropwhile, groupby
from typing import Any

from sqlalchemy import ColumnElement, Row, Select, and_, case, false, func, select

from engine.ledger import MONEY_KINDS, Account
from engine.periods import first_instant_of
from workflows.contracts.acceptance import AcceptedStatement, latest_acceptance, statement_unit
from workflows.contracts.access import contract_row, up_to_date_contract
from workflows.contracts.pending_movements import PENDING, held_for_work, pending_among
from workflows.core.actors import sees_movements
from workflows.core.errors import invalid
from workflows.core.paging import Place, Sort, broken_cursor, read_cursor, require_limit
from workflows.core.transaction import Transaction
from workflows.coverage.exclusions import exclusions_of_movements
from workflows.languages.texts import gettext
from workflows.lifecycle.contracts.rows import contract_value
from workflows.lifecycle.service_requests.access import ANOTHER_REQUEST, Nameable, PersonNames
from workflows.store import tables as t
from workflows.views.contracts import AcceptanceView, StatementLine, StatementView

SAME_INSTANT = {"restore": 0, "carry_over": 1, "expire": 2}
"""The order of movements at the same instant; other kinds come after these."""

MOST_DIFFERENCES = 200
"""How many of the changes since an acceptance are shown."""

STEP = 500
"""How many movements are read at once where all are wanted."""

entry, leg, request = t.ledger_transaction, t.ledger_posting, t.service_request
BY_INSTANT = Sort(entry.c.effective_at)
ORDERS = ("effective_at", "-effective_at")


@dataclass(frozen=True, slots=True)
class ContractChange:
    """A change of the contract that moves nothing, with the fields of a movement."""

    id: str
    effective_at: datetime
    recorded_at: datetime
    kind: str
    why: str
    service_request_id: None = None
    request_number: None = None
    moved: int = 0
    held: bool = False
    is_change: bool = False


@dataclass(frozen=True, slots=True)
class Statement:
    """A statement whose lines are read while they are iterated, inside the transaction."""

    number: str
    unit: str
    currency: str | None
    lines: Iterator[StatementLine]


def read_statement(
    tx: Transaction,
    contract_id: str,
    *,
    from_: date | None = None,
    to: date | None = None,
    order: str = "effective_at",
    limit: int | None = None,
    cursor: str | None = None,
) -> StatementView:
    """The contract's movements until now, by effective instant; `from_` and `to` are days in the
    contract's time zone, both inclusive.

    The unit is whole minutes, incidents for packs, or minor units of money. Monthly grants that were created
    in advance appear when they begin: the running balance is that of the ledger as of each line. A line of a
    service request that the actor may not see stays, without the request's id and number. Without a `limit`
    all lines of the days are returned; the opening and closing balances are always those of the days.

    Raises:
        NotFound: there is no such contract, or the actor may not see it.
        InvalidInput: `order`, `limit` or `cursor` is not valid.

    Source: product.md sections 7 and 8.
    """
    if order not in ORDERS:
        raise invalid(
            "/order",
            gettext("%(order)s is not an order of a statement.", order=repr(order)),
            gettext("Use %(orders)s.", orders=" or ".join(ORDERS)),
        )
    if limit is not None:
        require_limit(limit)
    after = _place_after(cursor, order) if cursor is not None else None
    with up_to_date_contract(tx, contract_id) as fresh:
        ledger = _Ledger(fresh, contract_row(fresh, contract_id), from_, to)
        lines, more = ledger.page(limit, after, latest_first=order.startswith("-"))
        last = lines[-1] if more else None
        return StatementView(
            contract=ledger.row.id,
            number=ledger.row.number,
            unit=ledger.unit,
            currency=ledger.currency,
            opening_balance=ledger.opening_balance,
            closing_balance=ledger.stored_before(ledger.end),
            pending_amount=ledger.stored_before(ledger.end, "held") if ledger.unit != "incidents" else 0,
            lines=lines,
            next_cursor=Place(order, (last.effective_at,), last.transaction).cursor() if last else None,
            acceptance=ledger.acceptance(),
        )


def read_acceptance(tx: Transaction, contract_id: str) -> AcceptanceView:
    """The latest acceptance of a contract's statement, with what has changed since.

    Raises: NotFound, also if the actor may not see the contract; LookupError if it was never accepted.
    """
    found = _Ledger(tx, contract_row(tx, contract_id), None, None).acceptance()
    if found is None:
        raise LookupError(contract_id)
    return found


@contextmanager
def open_statement(
    tx: Transaction, contract_id: str, *, from_: date | None = None, to: date | None = None
) -> Iterator[Statement]:
    """The statement of the days, whose lines are read in steps while it is open.

    What is recorded meanwhile as of an instant that was passed is left out, so that each balance is the one
    before plus its movement. Raises: NotFound, also if the actor may not see the contract.
    """
    with up_to_date_contract(tx, contract_id) as fresh:
        ledger = _Ledger(fresh, contract_row(fresh, contract_id), from_, to)
        yield Statement(ledger.row.number, ledger.unit, ledger.currency, ledger.lines())


def _place_after(cursor: str, order: str) -> tuple[datetime, str]:
    """The instant and the id of the line that a cursor comes after. Raises: InvalidInput."""
    place = read_cursor(cursor, order, BY_INSTANT)
    if place.backward:
        raise broken_cursor()
    return place.keys[0], place.record_id


class _Ledger:
    """The movements of one contract in a span of days; without amounts for who may not see them."""

    def __init__(self, tx: Transaction, row: Row[Any], from_: date | None, to: date | None) -> None:
        zone = contract_value(row).zone
        self.tx, self.row = tx, row
        self.unit = statement_unit(row)
        self._excluded: dict[str, str] = {}
        self.sees_movements = sees_movements(tx.actor.role, self.unit)
        self.currency = row.currency if row.draws == "money" else None
        self.start = first_instant_of(from_, zone) if from_ else None
        now = tx.now + timedelta(microseconds=1)
        self.end = min(first_instant_of(to + timedelta(days=1), zone), now) if to else now

    @cached_property
    def _accepted(self) -> AcceptedStatement | None:
        return latest_acceptance(self.tx, self.row.id)

    def acceptance(self) -> AcceptanceView | None:
        """The latest acceptance, with what has changed since then of what was accepted."""
        found = self._accepted
        if found is None:
            return None
        rows = self._read(self._movements(found.changes).order_by(entry.c.sequence, entry.c.id))
        nameable = Nameable(self.tx, {"service_request": {one.service_request_id for one in rows}})
        pending = pending_among(self.tx, (one.id for one in rows[:MOST_DIFFERENCES] if one.held))
        balance, lines = found.row.balance, []
        for one in rows[:MOST_DIFFERENCES]:
            balance += int(one.moved)
            lines.append(self._shown(self._line(one, balance, nameable, pending)))
        return AcceptanceView(
            id=found.row.id,
            contract=self.row.id,
            up_to=found.row.up_to,
            accepted_at=found.row.accepted_at,
            accepted_by=PersonNames(self.tx, [found.row.customer_id])[found.row.accepted_by],
            unit=self.unit,
            balance=found.row.balance,
            lines=found.row.lines,
            heads=found.views(),
            intact=found.is_intact(self.tx),
            changes=len(rows),
            difference=sum(int(one.moved) for one in rows) if self.sees_movements else None,
            differences=lines,
        )

    @cached_property
    def opening_balance(self) -> int:
        """What was available when the first day began; 0 without a first day."""
        return self.sum_before(min(self.start, self.end)) if self.start else 0

    def sum_before(self, at: datetime) -> int:
        """What was available just before an instant: the sum of the postings until then."""
        total = _total(self._postings("available"), leg.c.effective_at < at)
        return int(self.tx.connection.execute(total).scalar_one())

    def stored_before(self, at: datetime, account: Account = "available") -> int:
        """The same from the stored balances, less the postings since then: cheap for an instant near now.

        One statement, so that both are of one instant. A property test holds the two to each other.
        """
        b = t.grant_balance.c
        stored = select(func.coalesce(func.sum(b[account]), 0)).where(
            b.contract_id == self.row.id, b.unit == self.unit
        )
        since = _total(self._postings(account), leg.c.effective_at >= at)
        balance = select(stored.scalar_subquery() - since.scalar_subquery())
        return int(self.tx.connection.execute(balance).scalar_one())

    def _postings(self, account: Account) -> ColumnElement[bool]:
        """SQL: a posting moves an account of the contract's grants."""
        grants = select(t.contract_grant.c.id).where(
            t.contract_grant.c.contract_id == self.row.id, t.contract_grant.c.unit == self.unit
        )
        return and_(leg.c.owner.in_(grants), leg.c.account == account)

    def page(
        self, limit: int | None, after: tuple[datetime, str] | None, *, latest_first: bool
    ) -> tuple[list[StatementLine], bool]:
        """Up to `limit` lines after the one of a cursor, and whether more follow."""
        if limit is None:
            found = list(self.lines())
            return self._after(found[::-1] if latest_first else found, after), False
        first, last = self._window(limit, after[0] if after else None, latest_first=latest_first)
        lines = []
        if first is not None:
            before = self.opening_balance if after is None and not latest_first else None
            if before is None:
                before = self.stored_before(first) if latest_first else self.sum_before(first)
            lines = self._lines(first, last, before)
        left = self._after(lines[::-1] if latest_first else lines, after)
        return [self._shown(one) for one in left[:limit]], len(left) > limit

    def lines(self) -> Iterator[StatementLine]:
        """All lines, the earliest first, read in steps."""
        at: datetime | None = None
        balance = self.opening_balance
        while True:
            first, last = self._window(STEP, at, latest_first=False, inclusive=False)
            if first is None:
                return
            lines = self._lines(first, last, balance)
            balance += sum(one.minutes + one.incidents + (one.money or 0) for one in lines)
            yield from map(self._shown, lines)
            at = last

    def _shown(self, line: StatementLine) -> StatementLine:
        return line if self.sees_movements else replace(line, money=None, balance_after=None)

    def _window(
        self, count: int, at: datetime | None, *, latest_first: bool, inclusive: bool = True
    ) -> tuple[datetime | None, datetime]:
        """The earliest and the latest instant of the next `count` + 1 movements and of all at `at` itself.

        They are those after `at`, or before it with `latest_first`. The first is None where there are none.
        """
        when = entry.c.effective_at
        beyond = () if at is None else (when < at if latest_first else when > at,)
        instants = self.tx.connection.execute(
            select(when)
            .where(*self._in_span(), *beyond)
            .order_by(when.desc() if latest_first else when)
            .limit(count + 1)
        ).scalars()
        changes = (one.effective_at for one in self._changes)
        if at is not None:
            changes = (one for one in changes if (one < at if latest_first else one > at))
        found = sorted([*instants, *changes], reverse=latest_first)[: count + 1]
        if at is not None and inclusive:
            found.append(at)
        return min(found, default=None), max(found, default=self.end)

    def _in_span(self) -> list[ColumnElement[bool]]:
        span = [
            entry.c.contract_id == self.row.id,
            entry.c.kind.not_in(MONEY_KINDS),
            entry.c.effective_at < self.end,
        ]
        return span if self.start is None else [*span, entry.c.effective_at >= self.start]

    def _lines(self, first: datetime, last: datetime, balance: int) -> list[StatementLine]:
        """All lines from one instant to another, both included; `balance` is what was available before."""
        movements = self._movements(
            *self._in_span(), entry.c.effective_at >= first, entry.c.effective_at <= last
        )
        rows = self._read(movements)
        nameable = Nameable(self.tx, {"service_request": {one.service_request_id for one in rows}})
        pending = pending_among(self.tx, (one.id for one in rows if one.held))
        changes = [one for one in self._changes if first <= one.effective_at <= last]
        shown: list[Row[Any] | ContractChange] = sorted([*rows, *changes], key=_instant)
        lines = []
        for _, group in groupby(shown, _instant):
            for one in _in_order(list(group), balance):
                balance += int(one.moved)
                lines.append(self._line(one, balance, nameable, pending))
        return lines

    @cached_property
    def _changes(self) -> list[ContractChange]:
        """The amendments, transfers and renewals that took effect in the days."""
        a, c, explained = t.contract_amendment.c, t.contract.c, self.tx.actor.is_staff
        amendments = self.tx.connection.execute(
            select(a.id, a.effective_at, a.created_at, a.kind, a.reason).where(a.contract_id == self.row.id)
        )
        renewals = self.tx.connection.execute(
            select(c.id, c.created_at, c.number).where(c.renewal_of_id == self.row.id)
        )
        found = [
            ContractChange(
                one.id, one.effective_at, one.created_at, one.kind, (one.reason or "") if explained else ""
            )
            for one in amendments
            if self.row.cancelled_at is None or one.effective_at <= self.row.cancelled_at
        ]
        found += [
            ContractChange(one.id, one.created_at, one.created_at, "renewed", one.number if explained else "")
            for one in renewals
        ]
        first = self.start
        return [
            one
            for one in found
            if one.effective_at < self.end and (first is None or one.effective_at >= first)
        ]

    def _movements(self, *where: ColumnElement[bool]) -> Select[Any]:
        """SQL: the contract's movements with what each moves, and whether it changes what was accepted."""
        moved = case(
            (and_(leg.c.account == "available", leg.c.unit == (self.currency or self.unit)), leg.c.amount),
            else_=0,
        )
        accepted = self._accepted
        changes = accepted.changes if accepted is not None else false()
        return (
            select(*_SHOWN, request.c.number.label("request_number"), func.sum(moved).label("moved"))
            .add_columns(held_for_work().label("held"), changes.label("is_change"))
            .join(leg, leg.c.transaction_id == entry.c.id)
            .outerjoin(request, request.c.id == entry.c.service_request_id)
            .where(*where)
            .group_by(entry.c.id, request.c.number)
        )

    def _read(self, movements: Select[Any]) -> Sequence[Row[Any]]:
        rows = self.tx.connection.execute(movements).all()
        self._excluded |= exclusions_of_movements(self.tx, rows)
        return rows

    def _line(
        self, row: Row[Any] | ContractChange, balance: int, nameable: Nameable, pending: set[str]
    ) -> StatementLine:
        return _statement_line(
            row, self.unit, self.currency, balance, nameable, row.id in pending, self._excluded.get(row.id)
        )

    @staticmethod
    def _after(lines: list[StatementLine], after: tuple[datetime, str] | None) -> list[StatementLine]:
        """The lines that follow the one of a cursor; all where there is no cursor. Raises: InvalidInput."""
        if after is None:
            return lines
        left = list(dropwhile(lambda one: one.transaction != after[1], lines))
        if not left:
            raise broken_cursor()
        return left[1:]


_SHOWN: tuple[ColumnElement[Any], ...] = (
    entry.c.id,
    entry.c.effective_at,
    entry.c.recorded_at,
    entry.c.kind,
    entry.c.cause,
    entry.c.why,
    entry.c.service_request_id,
)


def _total(*where: ColumnElement[bool]) -> Select[Any]:
    return select(func.coalesce(func.sum(leg.c.amount), 0)).where(*where)


def _instant(row: Row[Any] | ContractChange) -> datetime:
    at: datetime = row.effective_at
    return at


def _in_order(rows: list[Row[Any] | ContractChange], balance: int) -> list[Row[Any] | ContractChange]:
    """The movements of one instant as they were recorded, so that a correction follows what it corrects.

    A month ends before the next one begins. If that would show a negative balance, additions come first.
    """
    rows.sort(key=lambda one: (SAME_INSTANT.get(one.kind, 3), one.recorded_at, one.id))
    if any(balance + moved < 0 for moved in accumulate(int(one.moved) for one in rows)):
        rows.sort(key=lambda one: (one.moved < 0, one.recorded_at, one.id))
    return rows


def _statement_line(
    row: Row[Any] | ContractChange,
    unit: str,
    currency: str | None,
    balance: int,
    nameable: Nameable,
    is_pending: bool,
    excluded: str | None,
) -> StatementLine:
    moved = int(row.moved)
    is_named = row.service_request_id is None or nameable.may("service_request", row.service_request_id)
    return StatementLine(
        transaction=row.id,
        effective_at=row.effective_at,
        recorded_at=row.recorded_at,
        kind=row.kind,
        service_request=row.service_request_id if is_named else None,
        service_request_number=row.request_number if is_named else None,
        another_service_request=not is_named,
        minutes=moved if unit == "minutes" else 0,
        incidents=moved if unit == "incidents" else 0,
        money=moved if unit == "money" else 0,
        currency=currency,
        balance_after=balance,
        why=(row.why if is_named else row.why.replace(str(row.request_number), ANOTHER_REQUEST))
        + (f" ({excluded})" if excluded and is_named else "")
        + (f", {PENDING}" if is_pending else ""),
        pending=is_pending,
        since_acceptance=bool(row.is_change),
        posted=not isinstance(row, ContractChange),
    )
