"""Closing and reopening accounting periods: what is refused, and what becomes an adjustment."""

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy.exc import DBAPIError

from engine.accounting_periods import (
    LaterPeriodClosed,
    PeriodClosed,
    PeriodForbids,
    PeriodGap,
    PeriodNotOver,
    PeriodOpen,
)
from tests.support.sample_desk import SampleDesk
from workflows.accounting_periods.queries import list_adjustments, list_periods, read_period
from workflows.accounting_periods.use_cases import close_period, reopen_period
from workflows.commands.accounting_periods import ChangePeriod
from workflows.commands.contracts import CancelContract, TopUp
from workflows.commands.work import ChangeWork, WorkGiven
from workflows.contracts.queries import read_contract
from workflows.contracts.statement import read_statement
from workflows.contracts.use_cases import cancel_contract, top_up
from workflows.core.actors import SYSTEM
from workflows.core.config_version import bump_generation
from workflows.core.errors import NotAllowed, NotFound
from workflows.coverage.search import settle_due
from workflows.jobs.definitions import run_job
from workflows.reports.audit import audit_desk
from workflows.reports.impact_preview import preview_impact
from workflows.store import tables as t
from workflows.views.accounting_periods import AdjustmentView
from workflows.work.queries import preview_view, read_work
from workflows.work.use_cases import change_work, delete_work, preview_work

APRIL = datetime(2026, 4, 1, tzinfo=UTC)
LAST_OF_MARCH = APRIL - timedelta(microseconds=1)
WHY = ChangePeriod(reason="Month end")


@pytest.fixture
def march(sample: SampleDesk) -> SampleDesk:
    """Ann has 10 hours since 2 March, 60 minutes of them drawn on 10 March; it is 3 April."""
    sample.block = sample.sell("support_hours", minutes=600)  # type: ignore[attr-defined]
    sample.ticket = sample.log()  # type: ignore[attr-defined]
    sample.clock.at = datetime(2026, 3, 10, 9, tzinfo=UTC)
    sample.work(sample.ticket, 60)  # type: ignore[attr-defined]
    sample.clock.at = datetime(2026, 4, 3, 9, tzinfo=UTC)
    return sample


def close(sample: SampleDesk, month: str = "2026-03", why: ChangePeriod = WHY) -> None:
    sample.do_as(sample.finance, close_period, month, why)


def reopen(sample: SampleDesk, month: str = "2026-03") -> None:
    sample.do_as(sample.finance, reopen_period, month, ChangePeriod(reason="Too early"))


def available(sample: Any, at: datetime | None = None) -> int:
    view = sample.see(read_contract, sample.block, as_of=at)
    return int(view.balance.minutes.available)


# ------------------------------------------------------------------ closing


def test_a_closed_month_has_who_when_and_why(march: SampleDesk) -> None:
    close(march)
    period = march.see_as(march.finance, read_period, "2026-03")
    assert (period.state, period.closed_by, period.reason) == ("closed", march.finance.name, "Month end")
    assert (period.closed_at, period.ends_at) == (march.clock.now(), APRIL)
    reopen(march)
    period = march.see(read_period, "2026-03")
    assert (period.state, period.closed_by) == ("open", None)
    assert [(one.action, one.actor, one.reason) for one in period.history] == [
        ("reopened", march.finance.name, "Too early"),
        ("closed", march.finance.name, "Month end"),
    ]


def test_the_months_are_listed_with_what_can_be_done(march: SampleDesk) -> None:
    months = march.see(list_periods).items
    assert [(one.period, one.state, one.allowed_actions) for one in months] == [
        ("2026-04", "open", []),
        ("2026-03", "open", ["close"]),
    ]
    close(march)
    march.desk.refresh()
    months = march.see(list_periods).items
    assert [(one.period, one.allowed_actions) for one in months] == [("2026-04", []), ("2026-03", ["reopen"])]


def test_pages_of_months_join(march: SampleDesk) -> None:
    march.clock.at = datetime(2027, 3, 3, tzinfo=UTC)
    whole = [one.period for one in march.see(list_periods).items]
    pages, cursor = [], None
    while True:
        page = march.see(list_periods, limit=5, cursor=cursor)
        pages.append([one.period for one in page.items])
        if page.next_cursor is None:
            break
        cursor = page.next_cursor
    assert [len(one) for one in pages] == [5, 5, 3]
    assert [one for page in pages for one in page] == whole
    back = march.see(list_periods, limit=5, cursor=page.previous_cursor)
    assert [one.period for one in back.items] == pages[1]


@pytest.mark.parametrize(
    ("closed", "month", "refused", "remedy"),
    [
        ((), "2026-04", PeriodNotOver, "Close it on 2026-05-01 or later."),
        ((), "2199-12", PeriodNotOver, "Close it on 2200-01-01 or later."),
        (("2026-03",), "2026-03", PeriodClosed, "Close 2026-04 next, or reopen 2026-03."),
        (("2026-03",), "2025-11", PeriodClosed, "Close 2026-04 next, or reopen 2026-03."),
        (("2026-01",), "2026-03", PeriodGap, "Close 2026-02 first."),
    ],
)
def test_a_month_is_closed_once_in_order_when_it_is_over(
    march: SampleDesk, closed: tuple[str, ...], month: str, refused: type[PeriodForbids], remedy: str
) -> None:
    for one in closed:
        close(march, one)
    with pytest.raises(refused) as error:
        close(march, month)
    assert error.value.remedy == remedy
    assert {row.month for row in march.rows(t.accounting_period)} == set(closed)


def test_only_the_last_closed_month_is_reopened(march: SampleDesk) -> None:
    with pytest.raises(PeriodOpen):
        reopen(march)
    close(march, "2026-02")
    close(march, "2026-03")
    with pytest.raises(LaterPeriodClosed) as error:
        reopen(march, "2026-02")
    assert error.value.remedy == "Reopen 2026-03 first."
    with pytest.raises(PeriodOpen):
        reopen(march, "2026-04")
    reopen(march, "2026-03")
    reopen(march, "2026-02")


@pytest.mark.parametrize("month", ["2026-13", "2026-00", "2026-3", "march", "1969-12", "2200-01", "٢٠٢٦-٠٣"])
def test_what_is_no_month_is_not_found(march: SampleDesk, month: str) -> None:
    for use_case in (close_period, reopen_period):
        with pytest.raises(NotFound):
            march.do_as(march.finance, use_case, month, WHY)


def test_only_finance_and_administrators_close_a_month(march: SampleDesk) -> None:
    for person in (march.supervisor, march.technician):
        for use_case in (close_period, reopen_period):
            with pytest.raises(NotAllowed):
                march.do_as(person, use_case, "2026-03", WHY)
        with pytest.raises(NotAllowed):
            march.see_as(person, list_periods)
    march.do(close_period, "2026-03", WHY)


def test_what_is_due_is_done_before_a_month_is_closed(march: SampleDesk) -> None:
    top = TopUp(minutes=30, expires_at=datetime(2026, 3, 20, tzinfo=UTC))
    march.clock.at = datetime(2026, 3, 11, 9, tzinfo=UTC)
    march.do(top_up, march.block, top)  # type: ignore[attr-defined]
    march.clock.at = datetime(2026, 4, 3, 9, tzinfo=UTC)
    close(march)
    [expired] = march.rows(t.ledger_transaction, kind="expire")
    assert expired.effective_at == datetime(2026, 3, 20, tzinfo=UTC)
    assert expired.actor == SYSTEM.name
    assert march.rows(t.ledger_adjustment) == []


def test_a_month_begins_where_the_one_before_ended_whatever_the_time_zone_is_now(march: SampleDesk) -> None:
    close(march, "2026-02")
    march.set(time_zone="Europe/Berlin")
    close(march)
    period = march.see(read_period, "2026-03")
    assert period.starts_at == datetime(2026, 3, 1, tzinfo=UTC)
    assert period.ends_at == APRIL - timedelta(hours=2)


# ------------------------------------------------------------------ adjustments


def changes(sample: Any) -> dict[str, Any]:
    """Every kind of change that reaches back into March."""
    at = datetime(2026, 3, 9, 9, tzinfo=UTC)
    entry = next(one for one in sample.entries(sample.ticket) if one.worked_minutes == 60)
    return {
        "late": lambda: sample.work(sample.ticket, 45, at=at),
        "edited": lambda: sample.do(change_work, entry.id, ChangeWork(minutes=20)),
        "moved": lambda: sample.do(
            change_work, entry.id, ChangeWork(worked_at=datetime(2026, 4, 2, tzinfo=UTC))
        ),
        "deleted": lambda: sample.do(delete_work, entry.id),
        "top-up": lambda: sample.do(top_up, sample.block, TopUp(minutes=30, effective_at=at)),
    }


@pytest.mark.parametrize(
    ("what", "on_1_april", "today"),
    [
        ("late", 495, 495),
        ("edited", 580, 580),
        ("moved", 600, 540),
        ("deleted", 600, 600),
        ("top-up", 570, 570),
    ],
)
def test_a_change_of_a_closed_month_becomes_an_adjustment(
    march: SampleDesk, what: str, on_1_april: int, today: int
) -> None:
    close(march)
    changes(march)[what]()
    assert available(march, LAST_OF_MARCH) == 540
    assert (available(march, APRIL), available(march)) == (on_1_april, today)
    adjustments = march.see(list_adjustments, "2026-03").items
    assert adjustments
    for one in adjustments:
        assert one.effective_at == APRIL
        assert one.belongs_at is not None
        assert one.belongs_at < APRIL
        assert one.why.startswith("Adjustment for 2026-03: ")
    assert march.see(audit_desk).ok


def test_statement_lines_of_a_closed_month_stay(march: SampleDesk) -> None:
    close(march)
    before = march.see(read_statement, march.block, to=LAST_OF_MARCH.date()).lines  # type: ignore[attr-defined]
    changes(march)["late"]()
    changes(march)["top-up"]()
    after = march.see(read_statement, march.block).lines  # type: ignore[attr-defined]
    assert after[: len(before)] == before
    assert [(one.effective_at, one.minutes, one.balance_after) for one in after[len(before) :]] == [
        (APRIL, -45, 495),
        (APRIL, 30, 525),
    ]


def test_an_entry_over_the_end_of_a_closed_month_is_split(march: SampleDesk) -> None:
    march.do(top_up, march.block, TopUp(minutes=100, effective_at=APRIL))  # type: ignore[attr-defined]
    close(march)
    march.work_span(march.ticket, APRIL - timedelta(minutes=20), minutes=50)  # type: ignore[attr-defined]
    assert available(march, LAST_OF_MARCH) == 540
    assert available(march, APRIL) == 540 + 100 - 50
    assert {one.belongs_at for one in march.see(list_adjustments, "2026-03").items} == {
        APRIL - timedelta(minutes=20)
    }


def test_an_entry_at_the_first_instant_of_the_open_month_is_no_adjustment(march: SampleDesk) -> None:
    close(march)
    march.work(march.ticket, 5, at=APRIL)  # type: ignore[attr-defined]
    march.work(march.ticket, 5, at=LAST_OF_MARCH)  # type: ignore[attr-defined]
    assert [one.belongs_at for one in march.see(list_adjustments, "2026-03").items] == [LAST_OF_MARCH]


def test_a_cancellation_keeps_the_closed_month(march: SampleDesk) -> None:
    close(march)
    march.do(cancel_contract, march.block, CancelContract(reason="Agreed"))  # type: ignore[attr-defined]
    assert available(march, LAST_OF_MARCH) == 540
    assert available(march) == 0
    assert march.see(audit_desk).ok


def test_a_cancellation_as_of_a_closed_month_keeps_its_balances(march: SampleDesk) -> None:
    close(march)
    on_20_march = datetime(2026, 3, 20, tzinfo=UTC)
    march.do(cancel_contract, march.block, CancelContract(reason="Agreed", effective_at=on_20_march))  # type: ignore[attr-defined]
    as_of_march = march.see(read_contract, march.block, as_of=LAST_OF_MARCH)  # type: ignore[attr-defined]
    assert (as_of_march.state, as_of_march.balance.minutes.available) == ("cancelled", 540)
    as_of_april = march.see(read_contract, march.block, as_of=APRIL)  # type: ignore[attr-defined]
    assert (as_of_april.balance.minutes.available, as_of_april.balance.minutes.expired) == (0, 540)
    assert march.see(audit_desk).ok


def test_an_adjustment_of_a_month_that_is_closed_since_is_adjusted_in_the_next(march: SampleDesk) -> None:
    close(march)
    changes(march)["late"]()
    march.clock.at = datetime(2026, 5, 4, tzinfo=UTC)
    close(march, "2026-04")
    late = next(one for one in march.entries(march.ticket) if one.chargeable_minutes == 45)  # type: ignore[attr-defined]
    march.do(delete_work, late.id)
    may = datetime(2026, 5, 1, tzinfo=UTC)
    assert available(march, LAST_OF_MARCH) == 540
    assert available(march, may - timedelta(microseconds=1)) == 495
    assert available(march, may) == 540
    [first, second] = sorted(march.see(list_adjustments, "2026-03").items, key=lambda one: one.effective_at)
    assert (first.effective_at, second.effective_at) == (APRIL, may)
    assert second.reverses == first.id
    assert second.belongs_at == first.belongs_at
    assert march.see(audit_desk).ok


@pytest.mark.parametrize("job", ["expire_contracts", None])
def test_an_expiry_that_comes_late_is_adjusted_in_bulk_as_one_by_one(
    march: SampleDesk, job: str | None
) -> None:
    """Closing does first what is due; here the job comes late all the same."""
    march.clock.at = datetime(2026, 3, 11, tzinfo=UTC)
    ending = march.sell("time_limited_subscription", minutes=30, ends_on=date(2026, 3, 20))
    march.clock.at = datetime(2026, 4, 3, tzinfo=UTC)
    with march.desk.write() as tx:
        row = {"month": "2026-03", "starts_at": APRIL - timedelta(days=31), "ends_at": APRIL}
        tx.add(t.accounting_period, **row, closed_at=tx.now, closed_by="finance")
        bump_generation(tx)
    march.desk.refresh()
    if job is not None:
        run_job(march.desk, job)
    else:
        march.do(settle_due, ending)
    [expired] = march.rows(t.ledger_transaction, kind="expire")
    assert (expired.effective_at, expired.why) == (APRIL, "Adjustment for 2026-03: Expired unused")
    [adjustment] = march.rows(t.ledger_adjustment)
    assert adjustment.transaction_id == expired.id
    assert adjustment.belongs_at == datetime(2026, 3, 21, tzinfo=UTC)
    assert march.see(audit_desk).ok


def test_adjustments_return_to_a_reopened_month(march: SampleDesk) -> None:
    close(march)
    changes(march)["late"]()
    changes(march)["deleted"]()
    today = available(march)
    reopen(march)
    assert available(march) == today
    assert available(march, datetime(2026, 3, 9, 10, tzinfo=UTC)) == 600 - 45
    assert available(march, LAST_OF_MARCH) == 600 - 45
    close(march)
    changes(march)["late"]()
    reopen(march)
    assert available(march, LAST_OF_MARCH) == available(march) == 600 - 45 - 45
    assert march.see(audit_desk).ok


def test_the_database_refuses_a_transaction_in_a_closed_month(march: SampleDesk) -> None:
    close(march)
    legs = [("sold", -1), ("available", 1)]
    with march.desk.database.write() as connection:
        connection.execute(
            t.ledger_posting.insert(),
            [
                {"transaction_id": "x", "leg": leg, "owner": "o", "account": account, "unit": "minutes",
                 "amount": amount, "effective_at": LAST_OF_MARCH}
                for leg, (account, amount) in enumerate(legs)
            ],
        )  # fmt: skip
        row = {"id": "x", "kind": "draw", "effective_at": LAST_OF_MARCH, "recorded_at": APRIL, "cause": "c",
               "actor": "a", "why": "w", "chain_id": "o", "sequence": 1, "hash": bytes(32)}  # fmt: skip
        with pytest.raises(DBAPIError, match="effective in a closed accounting period"):
            connection.execute(t.ledger_transaction.insert().values(**row))
        connection.rollback()


# ------------------------------------------------------------------ previews


def test_the_preview_names_the_adjustment(march: SampleDesk) -> None:
    command = WorkGiven(minutes=45, worked_at=datetime(2026, 3, 9, 9, tzinfo=UTC))

    def preview(given: WorkGiven) -> Any:
        with march.desk.read(march.technician) as tx:
            return preview_view(tx, preview_work(tx, march.ticket, given)).adjustment  # type: ignore[attr-defined]

    assert preview(command) is None
    close(march)
    march.desk.refresh()
    assert (preview(command).period, preview(command).effective_at) == ("2026-03", APRIL)
    assert preview(WorkGiven(minutes=45, worked_at=APRIL)) is None
    [entry] = march.entries(march.ticket)  # type: ignore[attr-defined]
    assert march.see(read_work, entry.id).adjustment == AdjustmentView("2026-03", APRIL)


def test_the_preview_of_a_top_up_names_the_adjustment(march: SampleDesk) -> None:
    close(march)
    march.desk.refresh()
    command = TopUp(minutes=30, effective_at=datetime(2026, 3, 9, 9, tzinfo=UTC))
    effects = preview_impact(
        march.desk,
        march.administrator,
        lambda tx: top_up(tx, march.block, command),  # type: ignore[attr-defined]
    )
    assert [(one.period, one.effective_at) for one in effects.adjustments] == [("2026-03", APRIL)]
    assert march.rows(t.ledger_adjustment) == []
