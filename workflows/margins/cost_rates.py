"""Cost rates: giving one, and reading them. They are never changed; a later one from the same day holds."""

from typing import Any

from sqlalchemy import Row, func, select

from engine.cost_rates import CostRate
from engine.currencies import money_text
from engine.periods import first_instant_of, local_date
from workflows.commands.margins import NewCostRate
from workflows.core.actors import DESK, Role
from workflows.core.errors import invalid
from workflows.core.paging import Sort, read_page
from workflows.core.transaction import Transaction
from workflows.languages.texts import gettext
from workflows.languages.words import word
from workflows.margins.work_costs import work_costs
from workflows.reports.months import months_since
from workflows.store import tables as t
from workflows.store.ids import new_id
from workflows.views import DEFAULT_LIMIT, MoneyView, Page
from workflows.views.margins import CostMoved, CostRatePreview, CostRateView

ACCOUNTANTS: tuple[Role, ...] = ("finance", "administrator")
k, u = t.cost_rate, t.user_account
ORDERS = {"from_on": Sort(k.c.from_on), "recorded_at": Sort(k.c.recorded_at)}


def add_cost_rate(tx: Transaction, command: NewCostRate) -> str:
    """Give what an hour costs from a day on; returns the rate's id.

    From a day that has gone by it prices the work since then again, as the audit trail then says.
    Raises: NotAllowed; InvalidInput for a technician who does not exist, a role that does no work, another
    currency than the desk's, or a day that has gone by unless past margins are to change.
    """
    _check(tx, command)
    currency, is_past = tx.settings.currency, _is_past(tx, command)
    if is_past and not command.changes_past:
        raise invalid(
            "/from_on",
            gettext("A rate from a day that has gone by changes past margins."),
            gettext("Give today or a later day, or say that past margins are to change."),
        )
    moved = _moved(tx, command) if is_past else None
    rate_id = new_id()
    tx.add(
        k,
        id=rate_id,
        technician_id=command.technician,
        role=command.role,
        per_hour_minor=command.per_hour.amount_minor,
        currency=currency,
        from_on=command.from_on,
        reason=command.reason or None,
        recorded_at=tx.now,
        recorded_by=tx.actor.name,
    )
    reason = command.reason or None
    tx.audit("cost_rate", rate_id, "added", from_on=command.from_on.isoformat(), reason=reason)
    if moved is not None:
        tx.audit(
            "cost_rate",
            rate_id,
            "past work re-priced",
            from_on=command.from_on.isoformat(),
            contracts=moved.contracts,
            months=len(moved.months),
            cost=[
                money_text(moved.cost_minor_before, currency),
                money_text(moved.cost_minor_after, currency),
            ],
            reason=reason,
        )
    return rate_id


def preview_cost_rate(tx: Transaction, command: NewCostRate) -> CostRatePreview:
    """What a rate would move of the cost of work since its first day, whether or not it asks for that.

    Nothing is saved. Raises: NotAllowed; InvalidInput, as `add_cost_rate`, but not for the day.
    """
    _check(tx, command)
    return _moved(tx, command)


def list_cost_rates(
    tx: Transaction,
    *,
    order: str = "-from_on",
    limit: int = DEFAULT_LIMIT,
    cursor: str | None = None,
    counted: bool = False,
) -> Page[CostRateView]:
    """A page of the rates, the latest day first. Raises: NotAllowed; InvalidInput for an order."""
    tx.require(*ACCOUNTANTS)
    return read_page(
        tx,
        select(k, u.c.name.label("technician_name")).outerjoin(u, u.c.id == k.c.technician_id),
        _view,
        orders=ORDERS,
        by_id=k.c.id,
        order=order,
        limit=limit,
        cursor=cursor,
        counted=counted,
    )


def read_cost_rate(tx: Transaction, rate_id: str) -> CostRateView:
    """A rate that exists. Raises: NotAllowed."""
    tx.require(*ACCOUNTANTS)
    found = select(k, u.c.name.label("technician_name")).outerjoin(u, u.c.id == k.c.technician_id)
    return _view(tx.connection.execute(found.where(k.c.id == rate_id)).one())


def costing_people(tx: Transaction) -> list[tuple[str, str]]:
    """The ids and names of those who work on service requests, by name. Raises: NotAllowed."""
    tx.require(*ACCOUNTANTS)
    found = select(u.c.id, u.c.name).where(u.c.role.in_(DESK)).order_by(func.lower(u.c.name), u.c.id)
    return [(row.id, row.name) for row in tx.connection.execute(found)]


def cost_rates(tx: Transaction) -> list[CostRate]:
    """All rates in the desk's currency, as the engine takes them."""
    rows = tx.connection.execute(
        select(k).where(k.c.currency == tx.settings.currency).order_by(k.c.recorded_at, k.c.id)
    )
    return [
        CostRate(
            row.technician_id,
            row.role,
            first_instant_of(row.from_on, tx.settings.zone),
            row.per_hour_minor,
            number,
        )
        for number, row in enumerate(rows)
    ]


def _check(tx: Transaction, command: NewCostRate) -> None:
    tx.require(*ACCOUNTANTS)
    currency = tx.settings.currency
    if command.per_hour.currency not in (None, currency):
        raise invalid(
            "/per_hour/currency",
            gettext("The desk's currency is %(currency)s.", currency=currency),
            gettext("Give it in %(currency)s.", currency=currency),
        )
    if command.technician is not None and not _is_staff(tx, command.technician):
        raise invalid(
            "/technician",
            gettext("There is no such technician."),
            gettext("Give the id of a member of staff."),
        )
    if command.role is not None and command.role not in DESK:
        raise invalid(
            "/role",
            gettext("The role %(role)s does no work.", role=word(command.role)),
            gettext("Use one of %(desk)s.", desk=", ".join(DESK)),
        )


def _is_past(tx: Transaction, command: NewCostRate) -> bool:
    return command.from_on < local_date(tx.now, tx.settings.zone)


def _moved(tx: Transaction, command: NewCostRate) -> CostRatePreview:
    """What the margins since the rate's first day, or since the first work, become by it."""
    rates, zone = cost_rates(tx), tx.settings.zone
    new = CostRate(
        command.technician,
        command.role,
        first_instant_of(command.from_on, zone),
        command.per_hour.amount_minor,
        len(rates),
    )
    first_at = tx.connection.execute(
        select(func.min(t.work_entry.c.started_at)).where(t.COUNTED_WORK)
    ).scalar()
    span = (
        months_since(tx, max(command.from_on, local_date(first_at, zone))) if first_at is not None else None
    )
    months: list[CostMoved] = []
    contracts: set[str] = set()
    if span is not None:
        before, after = work_costs(tx, span, rates), work_costs(tx, span, [*rates, new])
        for month, ends_at in zip(span.names, span.ends_at, strict=True):
            moved = [key for key in after if key[1] == month and after[key] != before[key]]
            contracts |= {contract for contract, _ in moved}
            if moved:
                months.append(
                    CostMoved(
                        month=month,
                        contracts=len(moved),
                        worked=sum(after[key]["worked"] for key in moved),
                        cost_minor_before=sum(before[key]["cost_minor"] for key in moved),
                        cost_minor_after=sum(after[key]["cost_minor"] for key in moved),
                        closed=tx.config.closed_until is not None and ends_at <= tx.config.closed_until,
                    )
                )
    return CostRatePreview(
        currency=tx.settings.currency,
        asks=_is_past(tx, command),
        contracts=len(contracts),
        cost_minor_before=sum(one.cost_minor_before for one in months),
        cost_minor_after=sum(one.cost_minor_after for one in months),
        months=months,
    )


def _is_staff(tx: Transaction, user_id: str) -> bool:
    found = select(u.c.id).where(u.c.id == user_id, u.c.role != "customer")
    return tx.connection.execute(found).scalar() is not None


def _view(row: Row[Any]) -> CostRateView:
    return CostRateView(
        id=row.id,
        technician=row.technician_id,
        technician_name=row.technician_name,
        role=row.role,
        per_hour=MoneyView(row.per_hour_minor, row.currency),
        from_on=row.from_on,
        reason=row.reason,
        recorded_at=row.recorded_at,
        recorded_by=row.recorded_by,
    )
