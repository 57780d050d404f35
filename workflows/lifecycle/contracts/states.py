"""The state of contracts as of an instant, as SQL over rows of `contract`. Source: product.md section 5."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import ColumnElement, and_, case, exists, func, literal, or_, select, true

from workflows.lifecycle.contracts.open_grants import is_open_at
from workflows.store import tables as t
from workflows.store.column_types import Instant

c = t.contract


def state_as_of(at: datetime, *, never_used_up: Sequence[str] = ()) -> ColumnElement[str]:
    """SQL: the state of a contract at `at`, from its dates and then its balance.

    Contracts of the types `never_used_up` are not exhausted: they wait for their next monthly grant.
    """
    now = literal(at, Instant)
    b = t.grant_balance
    something_left = exists(
        select(b.c.grant_id).where(
            b.c.contract_id == c.c.id,
            b.c.unit == c.c.draws,
            or_(and_(b.c.available > 0, is_open_at(now)), and_(b.c.held > 0, b.c.unit == "incidents")),
        )
    )
    return case(
        (c.c.cancelled_at <= now, "cancelled"),
        (or_(c.c.ended_at <= now, c.c.expires_at <= now), "expired"),
        (awaits_payment(at), "pending"),
        (or_(c.c.enabled_at.is_(None), c.c.enabled_at > now, c.c.starts_at > now), "pending"),
        (and_(c.c.draws != "nothing", c.c.type.not_in(never_used_up), ~something_left), "exhausted"),
        else_="active",
    )


def awaits_payment(at: datetime) -> ColumnElement[bool]:
    """SQL: a contract is pending at `at` because its payment has not been recorded."""
    now = literal(at, Instant)
    is_over = or_(c.c.cancelled_at <= now, c.c.ended_at <= now, c.c.expires_at <= now)
    unpaid = and_(c.c.payment_due, or_(c.c.paid_at.is_(None), c.c.paid_at > now))
    return and_(unpaid, func.coalesce(~is_over, true()))
