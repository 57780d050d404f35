"""Automatic top-ups: once for each time that a contract falls to its threshold, as its terms say.

The job calls `top_up_when_low` for each contract that is low; a row of `auto_top_up` prevents a second time
until another grant has opened. A grant holds from the instant of the work that crossed the threshold on.
Source: product.md section 5 (top up).
"""

from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Row, and_, exists, func, or_, select, update

from engine.auto_top_up import COUNTED_STATES, AutoTopUpState, AutoTopUpTerms
from engine.contracts import Contract, amount_text, dated_state
from engine.periods import first_instant_of, local_date
from workflows.commands.contracts import DecideTopUp, SetAutoTopUp
from workflows.contracts.awaited_top_ups import has_to_be_paid, sell_awaited
from workflows.contracts.permitted_actions import SELLERS
from workflows.contracts.use_cases import action_forbidden, locked_contract
from workflows.core.actors import PRICE_ROLES, STAFF
from workflows.core.errors import NotFound, StateForbids
from workflows.core.transaction import Transaction
from workflows.coverage.search import redraw_and_cover, settle_and_cover
from workflows.languages.texts import gettext
from workflows.languages.words import word
from workflows.lifecycle.contracts.alerts import ALERTED_STATES, grants_opened, use_crossed_at
from workflows.lifecycle.contracts.auto_top_up_terms import auto_top_up_terms, stored_auto_top_up
from workflows.lifecycle.contracts.connected_work import changed_since
from workflows.lifecycle.contracts.grants import add_grant
from workflows.lifecycle.contracts.loaded import LoadedContract, load_contract
from workflows.lifecycle.contracts.open_grants import is_open_at
from workflows.lifecycle.contracts.rows import contract_value
from workflows.lifecycle.contracts.sale_prices import contract_price
from workflows.lifecycle.contracts.sold_items import waive_sale
from workflows.notifications.alerts import UnitAmount, notify_auto_top_up
from workflows.register.holder_names import holder_name
from workflows.store import tables as t
from workflows.store.compiled_statements import next_version
from workflows.store.ids import new_id
from workflows.views import MoneyView
from workflows.views.contracts import AutoTopUpView

a, b, c = t.auto_top_up.c, t.grant_balance.c, t.contract.c
OVER = ("expired", "cancelled")
NO_QUANTITY = 1
"""Stored with a warning whose terms have no amount; nothing reads it."""


def set_auto_top_up(tx: Transaction, contract_id: str, command: SetAutoTopUp) -> str:
    """Set or clear the terms of a contract's automatic top-up, from now on; returns its id.

    Where the contract is low already, they apply at once.
    Raises: NotAllowed; NotFound; StateForbids if it is over; InvalidInput for terms that do not fit it.
    """
    tx.require(*SELLERS)
    row = locked_contract(tx, contract_id)
    if dated_state(contract_value(row), tx.now).state in OVER:
        raise action_forbidden(tx, row, "auto-top-up")
    wanted = stored_auto_top_up(tx, command.auto_top_up, row.draws)
    if wanted == row.auto_top_up:
        return contract_id
    version = next_version(t.contract)
    tx.change(t.contract, contract_id, auto_top_up=wanted, auto_top_up_since=tx.now, version=version)
    tx.audit(
        "contract",
        contract_id,
        "automatic top-up set",
        before=row.auto_top_up,
        after=wanted,
        reason=command.reason or None,
    )
    settle_and_cover(tx, contract_id)
    top_up_when_low(tx, contract_id)
    return contract_id


def top_up_when_low(tx: Transaction, contract_id: str) -> bool:
    """Do what the terms of a contract say where it is low; returns whether anything was done.

    Raises: NotFound.
    """
    row = locked_contract(tx, contract_id)
    terms, loaded = auto_top_up_terms(row), load_contract(tx, contract_id)
    if terms is None or loaded.state not in ALERTED_STATES:
        return False
    totals = loaded.open_totals(tx.now)
    if not terms.is_low(totals.available):
        return False
    month = _month(loaded.contract, tx.now)
    made = select(func.count()).where(
        a.contract_id == contract_id, a.month == month, a.state.in_(COUNTED_STATES), ~_is_by_hand()
    )
    state = terms.outcome(int(tx.connection.execute(made).scalar_one()))
    if not _is_new(tx, loaded, state):
        return False
    due_at = _due_at(tx, row, loaded, terms)
    price_minor = top_up_price(tx, row, terms, due_at)
    quantity = terms.quantity or NO_QUANTITY
    grant_id = None
    awaits_payment = state == "issued" and has_to_be_paid(tx, loaded.contract, price_minor)
    if awaits_payment:
        state = "draft"
    elif state == "issued":
        grant_id = _grant(tx, row, quantity, price_minor, due_at)
    top_up_id = _record(
        tx,
        loaded,
        state=state,
        unit=row.draws,
        quantity=quantity,
        available=totals.available,
        price_minor=price_minor,
        currency=tx.settings.currency if price_minor is not None else None,
        due_at=due_at,
        grant_id=grant_id,
        created_at=tx.now,
    )
    if state == "draft":
        # its invoice is drafted with it; what has no price, or nobody who pays, is no sale
        sell_awaited(tx, row, top_up_id, price_minor)
    left = amount_text(totals.available, row.draws, row.currency)
    tx.audit("contract", contract_id, f"automatic top-up {state}", left=left, grant=grant_id)
    notify_auto_top_up(
        tx,
        loaded.contract,
        state,
        UnitAmount(totals.available, row.draws, row.currency),
        UnitAmount(terms.quantity, row.draws, row.currency) if terms.quantity else None,
        holder_name=holder_name(tx, loaded.contract.holder),
    )
    if grant_id is not None:
        redraw_and_cover(tx, changed_since(contract_id, due_at))
        settle_and_cover(tx, contract_id)
    return True


def order_top_up(tx: Transaction, contract_id: str, quantity: int, price_minor: int) -> str:
    """Prepare a top-up that the contract's holder has ordered; returns the contract's id.

    `quantity` is in what the contract draws: whole minutes, incidents or minor units. The top-up takes the
    place of what was done for the contract since its last grant opened. Where its payment is required, it is
    sold at once, and added when its invoice is processed; else it awaits that someone confirms it.
    Raises: NotFound; StateForbids if it is over, or a top-up of it waits already.
    """
    row = locked_contract(tx, contract_id)
    loaded = load_contract(tx, contract_id)
    if loaded.state in OVER or row.draws == "nothing":
        raise StateForbids(
            gettext("%(number)s is %(state)s.", number=row.number, state=word(loaded.state)),
            remedy=gettext("Buy a contract."),
            state=loaded.state,
        )
    waits = select(a.id).where(a.contract_id == contract_id, a.state == "draft")
    if tx.connection.execute(waits.limit(1)).first() is not None:
        raise StateForbids(
            gettext("A top-up of %(number)s waits for its confirmation already.", number=row.number),
            remedy=gettext("Wait for it, or ask us."),
            state="draft",
        )
    available = loaded.open_totals(tx.now).available
    top_up_id = _record(
        tx,
        loaded,
        state="draft",
        unit=row.draws,
        quantity=quantity,
        available=available,
        price_minor=price_minor,
        currency=tx.settings.currency,
        due_at=tx.now,
        created_at=tx.now,
        decided_at=None,
        decided_by=None,
        reason=f"Ordered by {tx.actor.name}",
    )
    if has_to_be_paid(tx, loaded.contract, price_minor):
        sell_awaited(tx, row, top_up_id, price_minor)
    amount = amount_text(quantity, row.draws, row.currency)
    tx.audit("contract", contract_id, "top-up ordered", quantity=amount)
    notify_auto_top_up(
        tx,
        loaded.contract,
        "draft",
        UnitAmount(available, row.draws, row.currency),
        UnitAmount(quantity, row.draws, row.currency),
        holder_name=holder_name(tx, loaded.contract.holder),
    )
    return contract_id


def confirm_top_up(tx: Transaction, contract_id: str, top_up_id: str, command: DecideTopUp) -> str:
    """Add the grant of a top-up that was prepared, from the instant on at which it was due.

    Where its payment is required, it is sold instead, and added when its invoice is processed. One whose
    invoice is drafted already stays on it.
    Returns the contract's id. Raises: NotAllowed; NotFound; StateForbids if it was decided, awaits its
    payment, or the contract is over.
    """
    contract, found = _prepared(tx, contract_id, top_up_id)
    row = locked_contract(tx, contract_id)
    if dated_state(contract, tx.now).state in OVER:
        raise action_forbidden(tx, row, "top-up")
    sale = _sale_of(tx, found.id)
    if sale is None and has_to_be_paid(tx, contract, found.price_minor):
        sell_awaited(tx, row, found.id, found.price_minor)
        _decide(tx, found, command, state="draft")
        return contract_id
    if has_to_be_paid(tx, contract, found.price_minor):
        _refuse_sold(sale)
    _deliver(tx, row, found, is_sold=sale is None, command=command)
    return contract_id


def deliver_top_up(tx: Transaction, top_up_id: str) -> None:
    """Add the grant of a top-up whose payment was awaited, from the instant on at which it was due.

    For the processing of its invoice. Raises: StateForbids if the contract is over.
    """
    found = tx.connection.execute(select(t.auto_top_up).where(a.id == top_up_id)).one()
    row = locked_contract(tx, found.contract_id)
    if dated_state(contract_value(row), tx.now).state in OVER:
        raise action_forbidden(tx, row, "top-up")
    _deliver(tx, row, found, is_sold=False, command=DecideTopUp())


def decline_top_up(tx: Transaction, contract_id: str, top_up_id: str, command: DecideTopUp) -> str:
    """Leave out a top-up that was prepared; the next one comes after another grant has opened.

    It is no longer to be invoiced. Returns the contract's id.
    Raises: NotAllowed; NotFound; StateForbids if it was decided, or is on an invoice.
    """
    contract, found = _prepared(tx, contract_id, top_up_id)
    sale = _sale_of(tx, found.id)
    if sale is not None and sale.invoice_id is not None:
        if has_to_be_paid(tx, contract, found.price_minor):
            _refuse_sold(sale)
        raise StateForbids(
            gettext("The top-up is on an invoice."),
            remedy=gettext("Take it off the draft, or void the invoice, and then decline it."),
            state="invoiced",
        )
    waive_sale(tx, contract_id, "Declined", top_up_id=found.id)
    _decide(tx, found, command, state="declined")
    return contract_id


def list_auto_top_ups(tx: Transaction, contract_id: str) -> list[AutoTopUpView]:
    """What was done for a contract, the latest first; at most 100. Raises: NotAllowed for customers."""
    tx.require(*STAFF)
    priced = tx.actor.role in PRICE_ROLES
    rows = tx.connection.execute(
        select(t.auto_top_up, _is_sold().label("awaits_payment"))
        .where(a.contract_id == contract_id)
        .order_by(a.due_at.desc(), a.id.desc())
    ).fetchmany(100)
    return [
        AutoTopUpView(
            id=row.id,
            state=row.state,
            due_at=row.due_at,
            unit=row.unit,
            quantity=row.quantity if row.state != "warned" else None,
            available=row.available,
            price=MoneyView(row.price_minor, row.currency)
            if priced and row.price_minor is not None
            else None,
            grant=row.grant_id,
            decided_at=row.decided_at,
            decided_by=row.decided_by,
            reason=row.reason,
            by_hand=row.grants_opened is None,
            awaits_payment=row.awaits_payment and row.state == "draft" and tx.settings.payment_required,
        )
        for row in rows
    ]


def low_contracts(tx: Transaction, at: datetime) -> list[str]:
    """The ids of the contracts for which `top_up_when_low` has something to do at `at` (aware UTC)."""
    left = (
        select(func.coalesce(func.sum(b.available), 0))
        .where(b.contract_id == c.id, b.unit == c.draws, is_open_at(at))
        .correlate(t.contract)
        .scalar_subquery()
    )
    opened = (
        select(func.count())
        .where(b.contract_id == c.id, b.opens_at <= at)
        .correlate(t.contract)
        .scalar_subquery()
    )
    # in the zone of the desk: a contract's own month may begin some hours earlier or later
    month = f"{local_date(at, tx.settings.zone):%Y-%m}"
    # a warning does not count once the terms do more
    is_final = or_(a.state != "warned", c.auto_top_up["mode"].as_string() == "warn")
    is_done = exists(
        select(a.id).where(
            a.contract_id == c.id,
            or_(
                and_(a.grants_opened == opened, or_(a.state != "capped", a.month == month), is_final),
                _waits_by_hand(),
            ),
        )
    )
    low = and_(left <= c.auto_top_up["below"].as_integer(), ~is_done)
    wanted = select(c.id).where(c.auto_top_up.is_not(None), c.state.in_(ALERTED_STATES), low)
    return list(tx.connection.execute(wanted.order_by(c.id)).scalars())


def _is_new(tx: Transaction, loaded: LoadedContract, outcome: AutoTopUpState) -> bool:
    """Whether nothing was done since the last grant opened, and none sold by hand awaits its payment.

    What a month's limit prevented counts for that month; a warning and that, not for other terms since.
    """
    month = _month(loaded.contract, tx.now)
    counts = or_(
        a.state.not_in(("warned", "capped")),
        and_(a.state == outcome, or_(a.state == "warned", a.month == month)),
    )
    done = select(a.id).where(
        a.contract_id == loaded.id,
        or_(and_(a.grants_opened == grants_opened(loaded, tx.now), counts), _waits_by_hand()),
    )
    return tx.connection.execute(done.limit(1)).first() is None


def _record(tx: Transaction, loaded: LoadedContract, **values: Any) -> str:
    """Store what was done since the last grant opened, instead of what was in this month; returns its id."""
    key = {
        "contract_id": loaded.id,
        "grants_opened": grants_opened(loaded, tx.now),
        "month": _month(loaded.contract, tx.now),
    }
    done = select(a.id).where(*(t.auto_top_up.c[name] == value for name, value in key.items()))
    earlier: str | None = tx.connection.execute(done).scalar()
    if earlier is not None:
        tx.change(t.auto_top_up, earlier, **values)
        return earlier
    top_up_id = new_id()
    tx.add(t.auto_top_up, id=top_up_id, **key, **values)
    return top_up_id


def _is_by_hand() -> ColumnElement[bool]:
    """SQL: a top-up was sold by hand, whatever was left of the contract."""
    return a.grants_opened.is_(None)


def _waits_by_hand() -> ColumnElement[bool]:
    """SQL: a top-up that was sold by hand awaits its payment."""
    return and_(_is_by_hand(), a.state == "draft")


def _due_at(tx: Transaction, row: Row[Any], loaded: LoadedContract, terms: AutoTopUpTerms) -> datetime:
    """The instant of the work that left no more than the threshold.

    Not before the terms held, nor before the month in which it is made.
    """
    totals = loaded.open_totals(tx.now)
    zone = loaded.contract.zone
    month_begins_at = first_instant_of(local_date(tx.now, zone).replace(day=1), zone)
    left = min(terms.below, totals.purchased)
    crossed_at = use_crossed_at(tx, loaded, tx.now, left)
    instants = [crossed_at, month_begins_at, loaded.contract.starts_at]
    since: datetime | None = row.auto_top_up_since
    if since is not None:
        instants.append(since)
    return min(tx.now, max(instants))


def top_up_price(tx: Transaction, row: Row[Any], terms: AutoTopUpTerms, at: datetime) -> int | None:
    """What a top-up costs in minor units: as its terms say, else the price list on the day it is due."""
    if terms.price_minor is not None or terms.quantity is None:
        return terms.price_minor
    day = local_date(at, contract_value(row).zone)
    entry = contract_price(tx, "top_up", row.type, terms.quantity, day)
    return entry.amount_minor if entry is not None else None


def _sale_of(tx: Transaction, top_up_id: str) -> Row[Any] | None:
    """What a top-up that awaits its payment was sold as; None if it was not."""
    sold = select(t.sold_item).where(t.sold_item.c.top_up_id == top_up_id)
    return tx.connection.execute(sold).one_or_none()


def _is_sold() -> ColumnElement[bool]:
    """SQL: a top-up was sold to be invoiced before it has its grant, and is not waived."""
    s = t.sold_item.c
    return exists(select(s.id).where(s.top_up_id == a.id, s.waived_at.is_(None)))


def _refuse_sold(sale: Row[Any] | None) -> None:
    """Raise StateForbids for a top-up that awaits its payment, unless it is not to be invoiced."""
    if sale is not None and sale.waived_at is None:
        raise StateForbids(
            gettext("The top-up awaits its payment: it is added when its invoice is processed."),
            remedy=gettext("Process its invoice once it is paid, or take it off what is to be invoiced."),
            state="awaiting_payment",
        )


def _add(tx: Transaction, row: Row[Any], found: Row[Any], *, is_sold: bool, command: DecideTopUp) -> str:
    """Add the grant of a prepared top-up, and draw again what it pays; returns the grant's id."""
    at, terms = found.due_at, {}
    if found.grants_opened is None:
        terms = {
            "reason": found.reason,
            "expires_at": found.expires_at,
            "priority": found.priority,
            "scope": found.scope,
        }
    grant_id = _grant(tx, row, found.quantity, found.price_minor, at, is_sold=is_sold, **terms)
    _decide(tx, found, command, state="issued", grant_id=grant_id)
    redraw_and_cover(tx, changed_since(row.id, at))
    settle_and_cover(tx, row.id)
    return grant_id


def _deliver(tx: Transaction, row: Row[Any], found: Row[Any], *, is_sold: bool, command: DecideTopUp) -> None:
    """Add the grant of a prepared top-up, and note it with what the top-up was sold as, if it was."""
    grant_id = _add(tx, row, found, is_sold=is_sold, command=command)
    sold = t.sold_item
    tx.connection.execute(update(sold).where(sold.c.top_up_id == found.id).values(grant_id=grant_id))


def _grant(
    tx: Transaction,
    row: Row[Any],
    quantity: int,
    price_minor: int | None,
    at: datetime,
    *,
    is_sold: bool = True,
    reason: str | None = "Topped up automatically",
    **terms: Any,
) -> str:
    return add_grant(
        tx,
        contract_value(row),
        unit=row.draws,
        currency=row.currency if row.draws == "money" else None,
        quantity=quantity,
        kind="top_up",
        effective_at=at,
        price_minor=price_minor,
        reason=reason,
        is_sold=is_sold,
        **terms,
    )


def _prepared(tx: Transaction, contract_id: str, top_up_id: str) -> tuple[Contract, Row[Any]]:
    """A contract, locked, and a top-up of it that waits. Raises: NotAllowed; NotFound; StateForbids."""
    tx.require(*SELLERS)
    contract = contract_value(locked_contract(tx, contract_id))
    wanted = select(t.auto_top_up).where(a.id == top_up_id, a.contract_id == contract_id)
    found = tx.connection.execute(wanted).one_or_none()
    if found is None:
        raise NotFound(
            gettext("There is no such top-up."), remedy=gettext("Look at the contract's list of top-ups.")
        )
    if found.state != "draft":
        raise StateForbids(
            gettext("The top-up is %(state)s by %(name)s.", state=word(found.state), name=found.decided_by)
            if found.decided_by
            else gettext("The top-up is %(state)s.", state=word(found.state)),
            remedy=gettext("Only one that was prepared can be decided."),
            state=found.state,
        )
    return contract, found


def _decide(tx: Transaction, found: Row[Any], command: DecideTopUp, *, state: str, **values: Any) -> None:
    reason = command.reason or found.reason
    tx.change(
        t.auto_top_up,
        found.id,
        state=state,
        decided_at=tx.now,
        decided_by=tx.actor.name,
        reason=reason,
        **values,
    )
    if found.grants_opened is None:
        action = "topped up" if state == "issued" else "top-up declined"
        values |= {"unit": found.unit, "quantity": found.quantity, "grant": values.pop("grant_id", None)}
    else:
        action = f"automatic top-up {state}"
    tx.audit("contract", found.contract_id, action, reason=reason, **values)


def _month(contract: Contract, at: datetime) -> str:
    return f"{local_date(at, contract.zone):%Y-%m}"
