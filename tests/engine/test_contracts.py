"""The dated state of a contract and the spans of its grants, at, just before and just after each boundary."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.contracts import Contract, Grant, Holder, StateAt, Window, dated_state, grant_window

DAY = timedelta(days=1)
TICK = timedelta(microseconds=1)
START = datetime(2026, 3, 1, tzinfo=UTC)
END = datetime(2026, 4, 1, tzinfo=UTC)
SOLD = START - 10 * DAY
CONTRACT = Contract(
    id="C1",
    number="SUB-0001",
    type="subscription",
    holder=Holder("customer", "ann"),
    created_at=SOLD,
    starts_at=START,
    expires_at=END,
    enabled_at=SOLD,
)
instants = st.integers(min_value=-40, max_value=80).map(lambda hours: START + timedelta(hours=hours * 12))
maybe = st.none() | instants


@pytest.mark.parametrize(
    ("at", "state"),
    [
        (START - TICK, StateAt("pending", "awaiting_start")),
        (START, StateAt("active")),
        (END - TICK, StateAt("active")),
        (END, StateAt("expired")),
        (END + TICK, StateAt("expired")),
    ],
)
def test_a_contract_is_active_from_its_start_until_just_before_its_end(at: datetime, state: StateAt) -> None:
    assert dated_state(CONTRACT, at) == state


@pytest.mark.parametrize("field", ["cancelled_at", "ended_at"])
def test_an_early_end_takes_effect_at_its_instant(field: str) -> None:
    ended = replace(CONTRACT, **{field: START + DAY})  # type: ignore[arg-type]  # both are instants
    assert dated_state(ended, START + DAY - TICK) == StateAt("active")
    assert (
        dated_state(ended, START + DAY).state == {"cancelled_at": "cancelled", "ended_at": "expired"}[field]
    )
    assert ended.window == Window(START, START + DAY)


def test_cancellation_takes_precedence_over_expiry_and_pending() -> None:
    cancelled = replace(CONTRACT, cancelled_at=START - DAY, enabled_at=None, payment_due=True)
    assert dated_state(cancelled, START - DAY - TICK).state == "pending"
    assert dated_state(cancelled, END + DAY) == StateAt("cancelled")
    assert cancelled.window == Window(START, START)


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"payment_due": True}, "awaiting_payment"),
        ({"payment_due": True, "paid_at": START + DAY + TICK}, "awaiting_payment"),
        ({"enabled_at": None}, "awaiting_enable"),
        ({"enabled_at": START + DAY + TICK}, "awaiting_enable"),
        ({"starts_at": START + DAY + TICK}, "awaiting_start"),
        ({"payment_due": True, "enabled_at": None, "starts_at": END - TICK}, "awaiting_payment"),
        ({"enabled_at": None, "starts_at": END - TICK}, "awaiting_enable"),
    ],
)
def test_a_pending_contract_has_its_reason(changes: dict[str, object], reason: str) -> None:
    pending = replace(CONTRACT, **changes)  # type: ignore[arg-type]  # a field of each type
    assert dated_state(pending, START + DAY) == StateAt("pending", reason)  # type: ignore[arg-type]


@pytest.mark.parametrize("field", ["paid_at", "enabled_at", "starts_at"])
def test_a_contract_is_active_from_the_instant_of_the_last_requirement(field: str) -> None:
    dates = {"paid_at": SOLD, field: START + DAY}
    dated = replace(CONTRACT, payment_due=True, **dates)  # type: ignore[arg-type]  # all are instants
    assert dated_state(dated, START + DAY - TICK).state == "pending"
    assert dated_state(dated, START + DAY) == StateAt("active")


def test_a_pending_contract_expires_too() -> None:
    assert dated_state(replace(CONTRACT, enabled_at=None), END).state == "expired"


@given(starts_at=instants, expires_at=maybe, cancelled_at=maybe, ended_at=maybe, at=instants)
def test_active_means_inside_the_window_and_an_end_is_final(
    starts_at: datetime,
    expires_at: datetime | None,
    cancelled_at: datetime | None,
    ended_at: datetime | None,
    at: datetime,
) -> None:
    contract = replace(
        CONTRACT,
        enabled_at=START - 40 * DAY,
        starts_at=starts_at,
        expires_at=expires_at,
        cancelled_at=cancelled_at,
        ended_at=ended_at,
    )
    assert (dated_state(contract, at).state == "active") == contract.window.contains(at)
    if dated_state(contract, at).state in ("expired", "cancelled"):
        assert dated_state(contract, at + DAY).state in ("expired", "cancelled")


@given(
    opens=maybe, closes=maybe, starts_at=instants, length_hours=st.none() | st.integers(0, 200), at=instants
)
def test_a_grant_can_be_drawn_in_the_intersection_of_its_span_and_its_contracts(
    opens: datetime | None,
    closes: datetime | None,
    starts_at: datetime,
    length_hours: int | None,
    at: datetime,
) -> None:
    until = None if length_hours is None else starts_at + timedelta(hours=length_hours)
    contract_window = Window(starts_at, until)
    grant = Grant("G", "C1", "minutes", 60, opens, closes)
    window = grant_window(grant, contract_window)
    own = Window(opens or starts_at, closes)
    both = own.contains(at) and contract_window.contains(at)
    assert (window is not None and window.contains(at)) == both
    if window is not None:
        assert window.until is None or window.start < window.until


def test_a_holders_key_names_its_kind() -> None:
    assert Holder("org_unit", "7").key == "org_unit:7"
