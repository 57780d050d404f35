"""Work past what contracts pay, or past their limits: refused until the customer approves, or mailed to them.

It is checked once work is posted, from the slices before and after, while request and contracts are locked:
a refusal rolls everything back. Contracts whose policy is "go_on" cost nothing here.
Source: product.md section 7 (Asking before more is spent).
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, Row, and_, func, or_, select

from engine.accounting_periods import end_of_month
from engine.approvals import (
    ApprovalUse,
    ApprovedRest,
    NotToExceed,
    OverageTerms,
    give_back,
    minutes_for,
    use_approvals,
)
from engine.charging import price_minor
from engine.payers import Slice
from engine.periods import first_instant_of, local_date
from engine.quantities import hours_text
from workflows.core.actors import PRICE_ROLES
from workflows.core.errors import StateForbids
from workflows.core.transaction import Transaction
from workflows.languages.texts import gettext
from workflows.lifecycle.contracts.charged_entry import segments_of
from workflows.lifecycle.contracts.loaded import DrawnEntry, LoadedContracts
from workflows.notifications.approvals import notify_beyond, notify_beyond_approval
from workflows.service_requests.closing import is_importing_history
from workflows.store import tables as t
from workflows.store.ids import new_id
from workflows.views import MoneyView
from workflows.work.planning import Planned
from workflows.work.queries import preview_view

a, e, p, answer, u = t.work_allocation, t.work_entry, t.approval, t.approval_answer, t.approval_use
REST_KINDS = ("carried", "ignored", "overage")


class ApprovalRequired(StateForbids):
    """The work is past what the contract pays, or past its limit, and the customer has not approved it."""

    code = "approval-required"


@dataclass(frozen=True, slots=True)
class Beyond:
    """Whole minutes of an entry past what a contract pays or past its limit, with the price of an hour."""

    drawn: DrawnEntry
    terms: OverageTerms
    minutes: int
    rate_minor: int | None


class Settled(NamedTuple):
    """Minutes of an entry that approvals do not have."""

    beyond: Beyond
    missing: int


def settle_beyond(
    tx: Transaction,
    request: Row[Any],
    contracts: LoadedContracts,
    *,
    entry_id: str,
    emergency: str | None = None,
    planned: Planned | None = None,
    moves: bool = False,
) -> None:
    """Count work that was posted against the customer's approvals, as far as it is past what contracts pay.

    `entry_id` is the entry that is logged or changed on `request`, whose `planned` split the error shows;
    `emergency` is why it could not wait for an approval. `moves`: it comes from another request, whose
    approvals get back what it used. What entries no longer need returns to the approvals.
    Raises: ApprovalRequired.
    """
    if not contracts.guarded or is_importing_history(tx):
        return
    drawn = _merged(contracts.drawn)
    asked: list[Beyond] = []
    noticed: list[Beyond] = []
    for one in drawn:
        if moves and one.entry == entry_id:
            release_all(tx, entry_id)
            one = one._replace(before=())
        if not one.after:
            release_all(tx, one.entry)
            continue
        for contract_id, terms in contracts.guarded.items():
            found = _beyond(tx, one, contract_id, terms, drawn, is_own=one.entry == entry_id)
            if found.minutes < 0:
                _release(tx, one.entry, -found.minutes)
            elif found.minutes > 0 and one.row is not None:
                (asked if terms.policy == "ask" else noticed).append(found)
    for found in noticed:
        notify_beyond(tx, found.drawn.row, found.terms.number, found.minutes)
    missing = [Settled(found, _use(tx, found)) for found in asked]
    missing = [one for one in missing if one.missing]
    if missing and emergency is None:
        raise _refusal(tx, request, missing, planned)
    for beyond, minutes in missing:
        _mark(tx, beyond, minutes, emergency or "")


def release_all(tx: Transaction, entry_id: str) -> None:
    """Give everything back to the approvals that an entry uses which no longer counts."""
    _release(tx, entry_id, None)


def settle_unapproved(tx: Transaction, request_id: str) -> None:
    """Count the work of a locked service request that was logged in emergencies against a new approval.

    The earliest is first. What it covers is billed from now on.
    """
    rows = tx.connection.execute(
        select(e.c.id, e.c.unapproved_minutes, e.c.segments, a.c.contract_id, a.c.minutes)
        .join(a, and_(a.c.work_entry_id == e.c.id, a.c.reversed_at.is_(None), a.c.kind.in_(REST_KINDS)))
        .where(e.c.service_request_id == request_id, e.c.unapproved_minutes.is_not(None), t.COUNTED_WORK)
        .order_by(e.c.started_at, e.c.id, a.c.id)
    ).all()
    for row in {one.id: one for one in rows}.values():
        minutes = row.unapproved_minutes
        rate = _contract_rate(tx, row.contract_id) or _card_rate(row.segments)
        uses, missing = use_approvals(_rests(tx, request_id), minutes, rate)
        if uses:
            _add_uses(tx, row.id, uses)
            tx.change(e, row.id, unapproved_minutes=missing or None)
            tx.audit("work_entry", row.id, "approved by the customer", minutes=minutes - missing)


def rate_of_request(tx: Transaction, request: Row[Any]) -> tuple[int | None, str]:
    """The price of an hour past what the covering contract pays, in minor units of a currency."""
    settings = tx.settings
    rate = _contract_rate(tx, request.contract_id) if request.contract_id else None
    return rate or settings.default_overage_rate_minor, settings.currency


# ------------------------------------------------------------------ what is beyond


def _merged(drawn: Iterable[DrawnEntry]) -> list[DrawnEntry]:
    """Each entry once, as it was before all of it and is now."""
    found: dict[str, DrawnEntry] = {}
    for one in drawn:
        first = found.get(one.entry)
        found[one.entry] = one if first is None else one._replace(before=first.before)
    return list(found.values())


def _beyond(
    tx: Transaction,
    one: DrawnEntry,
    contract_id: str,
    terms: OverageTerms,
    drawn: Sequence[DrawnEntry],
    *,
    is_own: bool,
) -> Beyond:
    segments = segments_of(_with_segments(one.row)) if one.row is not None else ()
    card = next((piece.rate_minor for piece in reversed(segments) if piece.rate_minor), None)
    rate = terms.rate_minor or card
    free = sum(piece.chargeable_minutes for piece in segments if piece.excluded == "free")
    minutes = _rest(one.after, contract_id, free) - _rest(one.before, contract_id, free)
    if is_own and terms.limit is not None and any(piece.contract == contract_id for piece in one.after):
        past = _past_limit(tx, one, contract_id, terms, terms.limit, drawn, rate)
        minutes = max(minutes, past) if max(minutes, past) > 0 else min(minutes, past)
    return Beyond(one, terms, minutes, rate)


def _with_segments(row: Any) -> Any:
    """A row as `segments_of` reads it: without segments of its own it has none that matters here."""
    return row if row.segments is not None else _NO_SEGMENTS


class _NoSegments:
    segments: tuple[Any, ...] = ()


_NO_SEGMENTS = _NoSegments()


def _rest(slices: Iterable[Slice], contract_id: str, free: int) -> int:
    """The minutes that a contract covers but nothing pays, less those that a rule gives away."""
    own = [one for one in slices if one.contract == contract_id and one.kind in REST_KINDS]
    ignored = sum(one.minutes for one in own if one.kind == "ignored")
    return sum(one.minutes for one in own) - min(free, ignored)


def _past_limit(
    tx: Transaction,
    one: DrawnEntry,
    contract_id: str,
    terms: OverageTerms,
    limit: NotToExceed,
    drawn: Sequence[DrawnEntry],
    rate: int | None,
) -> int:
    """By how many minutes an entry takes a contract further past its limit."""
    in_money = limit.amount_minor is not None
    scope: list[ColumnElement[bool]] = [a.c.contract_id == contract_id, a.c.reversed_at.is_(None)]
    begin = end = None
    if limit.per == "month":
        zone = tx.settings.zone
        first = local_date(one.row.worked_from, zone).replace(day=1)
        begin, end = first_instant_of(first, zone), end_of_month(first, zone)
        scope += [a.c.effective_at >= begin, a.c.effective_at < end]
    if limit.per == "service_request":
        scope.append(e.c.service_request_id == one.row.id)

    def counts(piece: Slice) -> bool:
        inside = begin is None or end is None or begin <= piece.effective_at < end
        return piece.contract == contract_id and inside

    def sum_of(slices: Iterable[Slice]) -> int:
        own = [piece for piece in slices if counts(piece)]
        if not in_money:
            return sum(piece.minutes for piece in own)
        drawn_minor = sum(piece.amount.amount_minor for piece in own if piece.amount is not None)
        billed = sum(piece.minutes for piece in own if piece.kind == "overage")
        return drawn_minor + price_minor(billed, rate or 0)

    after = _stored_sum(tx, scope, rate or 0, in_money=in_money)
    here = [
        other for other in drawn if limit.per != "service_request" or _request(other) in (None, one.row.id)
    ]
    delta = sum(sum_of(other.after) - sum_of(other.before) for other in here)
    past = limit.past(after - delta, after)
    if not in_money or past <= 0:
        return past
    minutes = sum(piece.minutes for piece in one.after if piece.contract == contract_id)
    entry_rate = rate or max(1, sum_of(one.after) * 60 // max(1, minutes))
    return min(minutes, minutes_for(past, entry_rate))


def _request(one: DrawnEntry) -> str | None:
    return one.row.id if one.row is not None else None


def _stored_sum(tx: Transaction, scope: list[ColumnElement[bool]], rate: int, *, in_money: bool) -> int:
    billed = func.sum(a.c.minutes).filter(a.c.kind == "overage")
    sums = (func.sum(a.c.amount_minor), billed) if in_money else (func.sum(a.c.minutes),)
    found = tx.connection.execute(
        select(*(func.coalesce(one, 0) for one in sums)).join(e, e.c.id == a.c.work_entry_id).where(*scope)
    ).one()
    if not in_money:
        return int(found[0])
    return int(found[0]) + price_minor(int(found[1]), rate)


def _contract_rate(tx: Transaction, contract_id: str) -> int | None:
    c = t.contract.c
    found = tx.connection.execute(select(c.overage_rate_minor).where(c.id == contract_id)).scalar()
    return found or tx.settings.default_overage_rate_minor


def _card_rate(segments: Sequence[dict[str, Any]] | None) -> int | None:
    return next((one["rate_minor"] for one in reversed(segments or ()) if one.get("rate_minor")), None)


# ------------------------------------------------------------------ what approvals have


def _rests(tx: Transaction, request_id: str) -> list[ApprovedRest]:
    """What is left of the approvals of a service request that count now; locked until the transaction ends.

    Those of the requests that were merged into it count as well. The first to lapse is used first.
    """
    r = t.service_request.c
    requests = select(r.id).where(or_(r.id == request_id, r.merged_into_id == request_id))
    locked = tx.connection.execute(
        select(p.c.id).where(p.c.service_request_id.in_(requests)).order_by(p.c.id).with_for_update()
    ).scalars()
    ids = list(locked)
    if not ids:
        return []
    rows = tx.connection.execute(
        select(
            p.c.id,
            answer.c.minutes,
            answer.c.amount_minor,
            func.coalesce(func.sum(u.c.minutes), 0).label("used_minutes"),
            func.coalesce(func.sum(u.c.amount_minor), 0).label("used_minor"),
        )
        .join(answer, answer.c.approval_id == p.c.id)
        .outerjoin(u, u.c.approval_id == p.c.id)
        .where(p.c.id.in_(ids), answer.c.answer == "approved", p.c.lapses_at > tx.now)
        .group_by(p.c.id, p.c.lapses_at, answer.c.minutes, answer.c.amount_minor)
        .order_by(p.c.lapses_at, p.c.id)
    )
    return [
        ApprovedRest(
            row.id,
            None if row.minutes is None else row.minutes - int(row.used_minutes),
            None if row.amount_minor is None else row.amount_minor - int(row.used_minor),
        )
        for row in rows
    ]


def _use(tx: Transaction, beyond: Beyond) -> int:
    """Use approvals for what is beyond; returns the minutes that they do not have."""
    uses, missing = use_approvals(_rests(tx, beyond.drawn.row.id), beyond.minutes, beyond.rate_minor)
    _add_uses(tx, beyond.drawn.entry, uses)
    return missing


def _add_uses(tx: Transaction, entry_id: str, uses: Iterable[ApprovalUse]) -> None:
    for one in uses:
        tx.add(
            u,
            id=new_id(),
            approval_id=one.approval,
            work_entry_id=entry_id,
            minutes=one.minutes,
            amount_minor=one.amount_minor,
            used_at=tx.now,
            recorded_by=tx.actor.name,
        )


def _release(tx: Transaction, entry_id: str, minutes: int | None) -> None:
    """Give minutes of an entry back, all of them for None: first what nobody has approved."""
    unapproved = tx.connection.execute(select(e.c.unapproved_minutes).where(e.c.id == entry_id)).scalar() or 0
    rows = tx.connection.execute(
        select(u.c.approval_id, func.sum(u.c.minutes), func.sum(u.c.amount_minor), func.max(u.c.id))
        .where(u.c.work_entry_id == entry_id)
        .group_by(u.c.approval_id)
        .having(func.sum(u.c.minutes) > 0)
        .order_by(func.max(u.c.id))
    )
    used = [
        ApprovalUse(approval, int(count), None if amount is None else int(amount))
        for approval, count, amount, _ in rows
    ]
    if minutes is None:
        minutes = unapproved + sum(one.minutes for one in used)
    if unapproved:
        left = max(0, unapproved - minutes)
        tx.change(e, entry_id, unapproved_minutes=left or None)
    _add_uses(tx, entry_id, give_back(used, max(0, minutes - unapproved)))


# ------------------------------------------------------------------ without an approval


def _mark(tx: Transaction, beyond: Beyond, minutes: int, reason: str) -> None:
    """Mark work that was logged in an emergency: nothing of it is billed until the customer approves it."""
    entry_id = beyond.drawn.entry
    has = tx.connection.execute(select(e.c.unapproved_minutes).where(e.c.id == entry_id)).scalar() or 0
    tx.change(e, entry_id, unapproved_minutes=has + minutes, unapproved_reason=reason)
    tx.audit("work_entry", entry_id, "logged beyond approval", minutes=minutes, reason=reason)
    notify_beyond_approval(tx, beyond.drawn.row, entry_id, minutes, reason)


def _refusal(
    tx: Transaction, request: Row[Any], missing: Sequence[Settled], planned: Planned | None
) -> ApprovalRequired:
    own = next((one for one in missing if one.beyond.drawn.row.id == request.id), missing[0])
    beyond, lacks = own
    number = beyond.terms.number
    others = sorted({one.beyond.drawn.row.number for one in missing if one.beyond.drawn.row.id != request.id})
    values: dict[str, Any] = {}
    if planned is not None:
        after = tuple(beyond.drawn.after)
        values["preview"] = preview_view(tx, replace(planned, slices=after, before=after))
    detail = gettext(
        "%(time)s is past what %(number)s pays or past its limit, and the customer has not approved "
        "%(lacks)s of it.",
        time=hours_text(beyond.minutes),
        number=number,
        lacks=hours_text(lacks),
    )
    return ApprovalRequired(
        detail,
        remedy=gettext("Ask for an approval, or, in an emergency, log it beyond approval with a reason."),
        state=request.state,
        contract=number,
        beyond_minutes=beyond.minutes,
        approved_minutes=beyond.minutes - lacks,
        missing_minutes=lacks,
        missing_amount=_amount(tx, lacks, beyond),
        service_requests=others,
        **values,
    )


def _amount(tx: Transaction, minutes: int, beyond: Beyond) -> MoneyView | None:
    """What minutes cost, for those who see prices."""
    if beyond.rate_minor is None or tx.actor.role not in PRICE_ROLES:
        return None
    return MoneyView(price_minor(minutes, beyond.rate_minor), beyond.terms.currency)
