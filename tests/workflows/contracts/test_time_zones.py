"""A contract keeps the days it was sold with when the provider's time zone changes afterwards."""

from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from engine.periods import Duration, contract_end, first_instant_of, last_included_day, months_between
from tests.support.sample_desk import MONDAY, SampleDesk
from workflows.commands.contracts import Renew
from workflows.contracts.queries import read_contract
from workflows.contracts.statement import read_statement
from workflows.contracts.use_cases import renew
from workflows.coverage.decisions import decisions_of
from workflows.coverage.trace import explain_decision
from workflows.jobs.definitions import run_job
from workflows.service_requests.queries import read_service_request
from workflows.store import tables as t

ZONES = (
    "UTC",
    "Europe/Berlin",
    "America/New_York",
    "America/St_Johns",
    "Asia/Kolkata",
    "Pacific/Auckland",
    "Pacific/Kiritimati",
    "Pacific/Pago_Pago",
    "Africa/Cairo",
)
NEW_YEARS_EVE = date(2026, 12, 31)


@pytest.fixture
def database_url(sqlite_database_url: str) -> str:
    """Only on SQLite: nothing here depends on the database."""
    return sqlite_database_url


def grant_spans(sample: SampleDesk, contract_id: str) -> list[tuple[datetime, datetime]]:
    rows = sample.rows(t.contract_grant, contract_id=contract_id)
    return sorted((row.effective_at, row.expires_at) for row in rows)


@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    sold_in=st.sampled_from(ZONES),
    moved_to=st.sampled_from(ZONES),
    first=st.dates(date(2026, 3, 5), date(2027, 3, 31)),
    months=st.integers(1, 14),
    moves_before_start=st.booleans(),
)
def test_months_and_days_are_those_of_the_zone_in_which_it_was_sold(
    sample: SampleDesk, sold_in: str, moved_to: str, first: date, months: int, moves_before_start: bool
) -> None:
    sample.clock.at = MONDAY
    sample.set(time_zone=sold_in)
    zone = ZoneInfo(sold_in)
    last = last_included_day(first, Duration(months=months))
    terms: dict[str, Any] = {"starts_on": first, "ends_on": last}
    monthly = sample.sell("support_hours_by_month", **terms, minutes=100)
    yearly = sample.sell("subscription", **terms)
    if moves_before_start:
        sample.set(time_zone=moved_to)
    assert sample.see(read_contract, monthly).balance.minutes.purchased == 0
    sample.clock.at = first_instant_of(first, zone)
    assert sample.see(read_contract, monthly, as_of=sample.clock.at).balance.minutes.purchased == 100
    run_job(sample.desk, "settle_contracts")
    sample.set(time_zone=moved_to)

    expected = months_between(first_instant_of(first, zone), contract_end(last, zone), zone)
    assert len(expected) == months
    assert grant_spans(sample, monthly) == [(one.start, one.end) for one in expected]
    for contract in (monthly, yearly):
        view = sample.see(read_contract, contract)
        assert (view.state, view.starts_on, view.ends_on, view.time_zone) == ("active", first, last, sold_in)
    successor = sample.see(read_contract, sample.do(renew, monthly, Renew()))
    assert successor.starts_on == last + timedelta(days=1)
    assert successor.ends_on == last_included_day(successor.starts_on, Duration(months=months))
    sold_now = sample.see(read_contract, sample.sell("subscription", **terms))
    assert (sold_now.starts_on, sold_now.ends_on, sold_now.time_zone) == (first, last, moved_to)

    sample.clock.at = contract_end(last, zone)
    run_job(sample.desk, "expire_contracts")
    states = {sample.see(read_contract, contract).state for contract in (monthly, yearly)}
    assert states == {"expired"}
    statement = sample.see(read_statement, monthly, from_=first, to=last)
    assert [one.minutes for one in statement.lines if one.minutes > 0] == [100] * months
    day = sample.see(read_statement, monthly, from_=first, to=first)
    assert [one.minutes for one in day.lines if one.kind == "grant"] == [100]


def test_a_request_and_its_decision_name_the_day_it_was_sold_with(sample: SampleDesk) -> None:
    sample.set(time_zone="Europe/Berlin")
    ended = sample.sell("subscription", starts_on=date(2025, 1, 1), ends_on=date(2025, 12, 31))
    covering = sample.sell("subscription", starts_on=date(2026, 1, 1), ends_on=NEW_YEARS_EVE)
    sample.set(time_zone="America/New_York")
    request = sample.log()
    view = sample.see(read_service_request, request)
    assert view.coverage is not None
    assert (view.coverage.contract, view.coverage.contract_ends_on) == (covering, NEW_YEARS_EVE)
    listed = sample.see(decisions_of, request)[0]
    why = {one.contract: one.ruled_out_by for one in listed.candidates}
    assert why[ended] == "ended on 31 December 2025"
    assert listed.id is not None
    asked = [one for step in sample.see(explain_decision, listed.id).explanation.steps for one in step.asked]
    assert {one.standing_why for one in asked if one.contract == ended} == {"ended on 31 December 2025"}


def test_a_logged_answer_names_the_same_day_as_a_later_read(sample: SampleDesk) -> None:
    """The answer to a covered call is made from what was written, without another query."""
    sample.set(time_zone="Pacific/Auckland")
    sample.sell("subscription", starts_on=date(2026, 1, 1), ends_on=NEW_YEARS_EVE)
    sample.set(time_zone="UTC")
    logged = sample.try_log()
    assert logged.service_request is not None
    assert logged.view is not None
    assert logged.view.coverage is not None
    assert logged.view.coverage.contract_ends_on == NEW_YEARS_EVE
    assert logged.view == sample.see_as(sample.technician, read_service_request, logged.service_request)


def test_six_months_are_six_grants(sample: SampleDesk) -> None:
    """The case by which this was found: the change made a seventh month of a few hours."""
    sample.set(time_zone="Europe/Berlin")
    sold = sample.sell(
        "support_hours_by_month", starts_on=date(2026, 4, 1), ends_on=date(2026, 9, 30), minutes=100
    )
    sample.set(time_zone="America/New_York")
    sample.clock.at = datetime(2026, 3, 31, 22, 0, tzinfo=UTC)
    run_job(sample.desk, "settle_contracts")
    assert len(grant_spans(sample, sold)) == 6
    assert sample.see(read_contract, sold).ends_on == date(2026, 9, 30)
