"""Work past what contracts pay, or past their limits: refused until the customer approves, or mailed to them.

It is checked once work is posted, from the slices before and after, while request and contracts are locked:
a refusal rolls everything back. Contracts whose policy is "go_on" cost nothing here.
Source: product.md section 7 (Asking before more is spent).
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

from sqlalchemy import Row, and_, case, select

from engine.approvals import ApprovalUse, NotToExceed, OverageTerms, minutes_for, use_approvals
from engine.charging import price_minor
from engine.payers import Slice
from engine.quantities import hours_text
from workflows.core.actors import PRICE_ROLES
from workflows.core.errors import StateForbids
from workflows.core.transaction import Transaction
from workflows.languages.texts import gettext
from workflows.lifecycle.contracts.charged_entry import NOT_STORED, segments_of
from workflows.lifecycle.contracts.limits import counted_sum, month_of
from workflows.lifecycle.contracts.loaded import DrawnEntry, LoadedContracts
from workflows.notifications.approvals import notify_beyond, notify_beyond_approval
from workflows.store import tables as t
from workflows.views import MoneyView
from workflows.views.service_requests import RequiredApproval
from workflows.work.approval_uses import (
    Returned,
    lock_approvals,
    lock_free_entries,
    rests_of,
    returned,
    store_returned,
    store_uses,
)
from workflows.work.planning import Planned
from workflows.work.queries import preview_view

a, e = t.work_allocation, t.work_entry
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
    """What an entry beyond a contract uses of approvals, and the minutes that these do not have."""

    beyond: Beyond
    uses: list[ApprovalUse]
    missing: int


class Settlement(NamedTuple):
    """What work means for approvals: what returns to them, what is used, and what the customer hears of."""

    returned: list[Returned]
    asked: list[Settled]
    noticed: list[Beyond]

    @property
    def missing(self) -> list[Settled]:
        """What no approval has."""
        return [one for one in self.asked if one.missing]


class _Drawn(NamedTuple):
    """The entries that were drawn again, each once; `left` are the slices that a moved entry had elsewhere.

    `is_posted` is whether the slices after it are posted; otherwise it is a preview.
    """

    entries: list[DrawnEntry]
    own: str
    left: Sequence[Slice]
    is_posted: bool


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
    if not contracts.guarded:
        return
    found = _settlement(tx, contracts, entry_id, moves=moves, is_posted=True)
    missing = found.missing
    if missing and emergency is None:
        raise _refusal(tx, request, missing, _as_posted(contracts, entry_id, planned))
    for one in found.returned:
        store_returned(tx, one)
    for asked in found.asked:
        store_uses(tx, asked.beyond.drawn.entry, asked.uses)
    for beyond in found.noticed:
        notify_beyond(tx, beyond.drawn.row, beyond.terms.number, beyond.minutes)
    for lacking in missing:
        _mark(tx, lacking.beyond, lacking.missing, emergency or "")


def required_approval(
    tx: Transaction,
    request: Row[Any],
    contracts: LoadedContracts,
    *,
    entry_id: str = NOT_STORED,
    emergency: str | None = None,
    moves: bool = False,
) -> RequiredApproval | None:
    """Why saving previewed work would be refused by `settle_beyond`, or None if it would not be.

    With `emergency`, what would be marked as beyond approval.
    """
    if not contracts.guarded:
        return None
    missing = _settlement(tx, contracts, entry_id, moves=moves, is_posted=False).missing
    return _required(tx, request, missing, emergency=emergency) if missing else None


def settle_unapproved(tx: Transaction, request_id: str) -> None:
    """Count the work of a locked service request that was logged in emergencies against a new approval.

    The earliest is first. What it covers is billed from now on. The price of an hour is that of the contract
    that lacked the time, or where an entry went past a limit, of the one that covers or pays it.
    """
    is_rest = case((a.c.kind.in_(REST_KINDS), 1), else_=0)
    rows = tx.connection.execute(
        select(e.c.id, e.c.unapproved_minutes, e.c.segments, a.c.contract_id)
        .join(a, and_(a.c.work_entry_id == e.c.id, a.c.reversed_at.is_(None)))
        .where(e.c.service_request_id == request_id, e.c.unapproved_minutes.is_not(None), t.COUNTED_WORK)
        .order_by(e.c.started_at, e.c.id, is_rest, a.c.id)
    ).all()
    for row in {one.id: one for one in rows}.values():
        minutes = row.unapproved_minutes
        rate = _contract_rate(tx, row.contract_id) or _card_rate(row.segments)
        uses, missing = use_approvals(rests_of(tx, request_id), minutes, rate)
        if uses:
            store_uses(tx, row.id, uses)
            tx.change(e, row.id, unapproved_minutes=missing or None)
            tx.audit("work_entry", row.id, "approved by the customer", minutes=minutes - missing)


def rate_of_request(tx: Transaction, request: Row[Any]) -> tuple[int | None, str]:
    """The price of an hour past what the covering contract pays, in minor units of a currency."""
    settings = tx.settings
    rate = _contract_rate(tx, request.contract_id) if request.contract_id else None
    return rate or settings.default_overage_rate_minor, settings.currency


# ------------------------------------------------------------------ what is beyond


def _settlement(
    tx: Transaction, contracts: LoadedContracts, entry_id: str, *, moves: bool, is_posted: bool
) -> Settlement:
    """What the work that was drawn for an entry means for approvals; nothing is stored."""
    drawn = _merged(contracts.drawn, entry_id, moves=moves, is_posted=is_posted)
    returning: dict[str, int | None] = {entry_id: None} if moves else {}
    asked: list[Beyond] = []
    noticed: list[Beyond] = []
    for one in drawn.entries:
        if not one.after:
            returning[one.entry] = None
            continue
        for contract_id, terms in contracts.guarded.items():
            found = _beyond(tx, one, contract_id, terms, drawn)
            if found.minutes < 0:
                before = returning.get(one.entry, 0)
                returning[one.entry] = None if before is None else before - found.minutes
            elif found.minutes > 0 and one.row is not None:
                (asked if terms.policy == "ask" else noticed).append(found)
    returning.pop(NOT_STORED, None)
    lock_approvals(tx, {one.drawn.row.id for one in asked})
    changed = {*returning, *(one.drawn.entry for one in asked)}
    lock_free_entries(tx, changed - {entry_id})
    back = [returned(tx, entry, minutes) for entry, minutes in returning.items()]
    pending = [use for one in back for use in one.uses]
    settled = []
    for found in asked:
        rests = rests_of(tx, found.drawn.row.id, pending)
        uses, missing = use_approvals(rests, found.minutes, found.rate_minor)
        pending += uses
        settled.append(Settled(found, uses, missing))
    return Settlement(back, settled, noticed)


def _merged(drawn: Iterable[DrawnEntry], own: str, *, moves: bool, is_posted: bool) -> _Drawn:
    """Each entry once, as it was before all of it and is now; one that moves had nothing where it is now."""
    found: dict[str, DrawnEntry] = {}
    for one in drawn:
        first = found.get(one.entry)
        found[one.entry] = one if first is None else one._replace(before=first.before)
    left: Sequence[Slice] = ()
    if moves and own in found:
        left = found[own].before
        found[own] = found[own]._replace(before=())
    return _Drawn(list(found.values()), own, left, is_posted)


def _beyond(tx: Transaction, one: DrawnEntry, contract_id: str, terms: OverageTerms, drawn: _Drawn) -> Beyond:
    segments = segments_of(_with_segments(one.row)) if one.row is not None else ()
    card = next((piece.rate_minor for piece in reversed(segments) if piece.rate_minor), None)
    rate = terms.rate_minor or card
    free = sum(piece.chargeable_minutes for piece in segments if piece.excluded == "free")
    minutes = _rest(one.after, contract_id, free) - _rest(one.before, contract_id, free)
    is_own = one.entry == drawn.own
    if is_own and terms.limit is not None and any(piece.contract == contract_id for piece in one.after):
        past = _past_limit(tx, one, contract_id, terms.limit, drawn, rate)
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
    limit: NotToExceed,
    drawn: _Drawn,
    rate: int | None,
) -> int:
    """By how many minutes an entry takes a contract further past its limit."""
    in_money = limit.amount_minor is not None
    month = month_of(tx, one.row.worked_from) if limit.per == "month" else None
    by_request = limit.per == "service_request"

    def counts(piece: Slice) -> bool:
        inside = month is None or month.begin <= piece.effective_at < month.end
        return piece.contract == contract_id and inside

    def sum_of(slices: Iterable[Slice]) -> int:
        own = [piece for piece in slices if counts(piece)]
        if not in_money:
            return sum(piece.minutes for piece in own)
        drawn_minor = sum(piece.amount.amount_minor for piece in own if piece.amount is not None)
        billed = sum(piece.minutes for piece in own if piece.kind == "overage")
        return drawn_minor + price_minor(billed, rate or 0)

    here = [other for other in drawn.entries if not by_request or _request(other) in (None, one.row.id)]
    change = sum(sum_of(other.after) - sum_of(other.before) for other in here)
    request_id = one.row.id if by_request else None
    after = counted_sum(tx, contract_id, limit, rate or 0, month=month, request_id=request_id)
    if not drawn.is_posted:
        after += change - (0 if by_request else sum_of(drawn.left))
    past = limit.past(after - change, after)
    if not in_money or past <= 0:
        return past
    minutes = sum(piece.minutes for piece in one.after if piece.contract == contract_id)
    entry_rate = rate or max(1, sum_of(one.after) * 60 // max(1, minutes))
    return min(minutes, minutes_for(past, entry_rate))


def _request(one: DrawnEntry) -> str | None:
    return one.row.id if one.row is not None else None


def _contract_rate(tx: Transaction, contract_id: str) -> int | None:
    c = t.contract.c
    found = tx.connection.execute(select(c.overage_rate_minor).where(c.id == contract_id)).scalar()
    return found or tx.settings.default_overage_rate_minor


def _card_rate(segments: Sequence[dict[str, Any]] | None) -> int | None:
    return next((one["rate_minor"] for one in reversed(segments or ()) if one.get("rate_minor")), None)


# ------------------------------------------------------------------ without an approval


def _mark(tx: Transaction, beyond: Beyond, minutes: int, reason: str) -> None:
    """Mark work that was logged in an emergency: nothing of it is billed until the customer approves it."""
    entry_id = beyond.drawn.entry
    has = tx.connection.execute(select(e.c.unapproved_minutes).where(e.c.id == entry_id)).scalar() or 0
    tx.change(e, entry_id, unapproved_minutes=has + minutes, unapproved_reason=reason)
    tx.audit("work_entry", entry_id, "logged beyond approval", minutes=minutes, reason=reason)
    notify_beyond_approval(tx, beyond.drawn.row, entry_id, minutes, reason)


def _as_posted(contracts: LoadedContracts, entry_id: str, planned: Planned | None) -> Planned | None:
    """A planned entry with the slices that were posted for it."""
    own = next((one for one in reversed(contracts.drawn) if one.entry == entry_id), None)
    if planned is None or own is None:
        return planned
    return replace(planned, slices=tuple(own.after), before=tuple(own.after))


def _refusal(
    tx: Transaction, request: Row[Any], missing: Sequence[Settled], planned: Planned | None
) -> ApprovalRequired:
    required = _required(tx, request, missing)
    values: dict[str, Any] = {"preview": preview_view(tx, planned)} if planned is not None else {}
    return ApprovalRequired(
        required.detail,
        remedy=required.remedy,
        state=request.state,
        contract=required.contract,
        beyond_minutes=required.beyond_minutes,
        approved_minutes=required.approved_minutes,
        missing_minutes=required.missing_minutes,
        missing_amount=required.missing_amount,
        service_requests=required.service_requests,
        **values,
    )


def _required(
    tx: Transaction, request: Row[Any], missing: Sequence[Settled], *, emergency: str | None = None
) -> RequiredApproval:
    """What no approval has, in words: of the request itself first."""
    own = next((one for one in missing if one.beyond.drawn.row.id == request.id), missing[0])
    beyond, lacks = own.beyond, own.missing
    numbers = {one.beyond.drawn.row.number for one in missing if one.beyond.drawn.row.id != request.id}
    texts = {
        "time": hours_text(beyond.minutes),
        "number": beyond.terms.number,
        "lacks": hours_text(lacks),
    }
    if emergency is None:
        detail = gettext(
            "%(time)s is past what %(number)s pays or past its limit, and the customer has not approved "
            "%(lacks)s of it.",
            **texts,
        )
        remedy = gettext("Ask for an approval, or, in an emergency, log it beyond approval with a reason.")
    else:
        detail = gettext(
            "%(time)s is past what %(number)s pays or past its limit: %(lacks)s of it will be marked as "
            "beyond approval, and not billed until the customer approves it.",
            **texts,
        )
        remedy = gettext("Ask for an approval.")
    return RequiredApproval(
        detail=detail,
        remedy=remedy,
        is_refused=emergency is None,
        service_request=beyond.drawn.row.id,
        contract=beyond.terms.number,
        beyond_minutes=beyond.minutes,
        approved_minutes=beyond.minutes - lacks,
        missing_minutes=lacks,
        missing_amount=_amount(tx, lacks, beyond),
        service_requests=sorted(numbers),
    )


def _amount(tx: Transaction, minutes: int, beyond: Beyond) -> MoneyView | None:
    """What minutes cost, for those who see prices."""
    if beyond.rate_minor is None or tx.actor.role not in PRICE_ROLES:
        return None
    return MoneyView(price_minor(minutes, beyond.rate_minor), beyond.terms.currency)
