"""Where the minutes of a work entry go, on a real database."""

from datetime import timedelta

import pytest

from tests.support.sample_desk import MONDAY, SampleDesk
from workflows.commands.contracts import GrantGiven
from workflows.commands.work import ChangeWork
from workflows.store import tables as t
from workflows.work.use_cases import change_work, delete_work


def test_minutes_are_drawn_to_the_last_and_the_rest_is_carried(sample: SampleDesk) -> None:
    hours = sample.sell("support_hours", minutes=100)
    request = sample.log()
    assert sample.work(request, 60) == [("grant", 60)]
    assert sample.work(request, 60) == [("grant", 40), ("carried", 20)]
    assert sample.contract(hours).state == "exhausted"
    assert sample.carried(f"customer:{sample.ann}") == 20
    assert sample.request(request).state == "open"


def test_carried_minutes_are_drawn_first_from_the_holders_next_contract(sample: SampleDesk) -> None:
    sample.sell("support_hours", minutes=30)
    request = sample.log()
    sample.work(request, 50)
    sample.clock.move(days=1)
    following = sample.sell("support_hours", minutes=60)
    assert sample.carried(f"customer:{sample.ann}") == 0
    assert [(grant.available, grant.consumed) for grant in sample.grants(following)] == [(40, 20)]


@pytest.mark.parametrize(("policy", "kind"), [("rollover", "carried"), ("ignore", "ignored")])
def test_the_policy_takes_the_time_past_the_end(sample: SampleDesk, policy: str, kind: str) -> None:
    sample.set(time_expired_contract=policy)
    sample.sell("time_limited_subscription", minutes=600, ends_on=MONDAY.date())
    request = sample.log()
    sample.clock.at = MONDAY + timedelta(days=1)
    midnight = MONDAY.replace(hour=0) + timedelta(days=1)
    assert sample.work_span(request, midnight - timedelta(minutes=30), minutes=90) == [
        ("grant", 30),
        (kind, 60),
    ]


def test_a_contracts_own_policy_comes_before_the_setting(sample: SampleDesk) -> None:
    sample.sell("support_hours", minutes=10, time_expired="ignore")
    assert sample.work(sample.log(), 15) == [("grant", 10), ("ignored", 5)]


def test_grants_burn_by_expiry_then_start(sample: SampleDesk) -> None:
    later, sooner = MONDAY + timedelta(days=60), MONDAY + timedelta(days=30)
    hours = sample.sell(
        "support_hours",
        grants=[
            GrantGiven(minutes=50),
            GrantGiven(minutes=20, expires_at=later),
            GrantGiven(minutes=10, expires_at=sooner),
        ],
    )
    request = sample.log()
    assert sample.work(request, 25) == [("grant", 10), ("grant", 15)]
    left = sorted(grant.available for grant in sample.grants(hours))
    assert left == [0, 5, 50]


def test_subscriptions_cover_without_drawing(sample: SampleDesk) -> None:
    sample.sell("subscription")
    assert sample.work(sample.log(), 45) == [("covered", 45)]
    assert sample.rows(t.ledger_transaction, kind="draw") == []


def test_an_entry_logged_late_draws_from_what_had_expired(sample: SampleDesk) -> None:
    hours = sample.sell("time_limited_subscription", minutes=60, ends_on=MONDAY.date())
    request = sample.log()
    sample.clock.at = MONDAY + timedelta(days=2)
    assert sample.work(request, 20, at=MONDAY) == [("grant", 20)]
    [grant] = sample.grants(hours)
    assert (grant.available, grant.consumed, grant.expired) == (0, 20, 40)


def test_a_corrected_entry_is_reversed_and_drawn_anew(sample: SampleDesk) -> None:
    hours = sample.sell("support_hours", minutes=100)
    request = sample.log()
    sample.work(request, 60)
    [entry] = sample.entries(request)
    sample.do_as(sample.technician, change_work, entry.id, ChangeWork(minutes=25))
    assert sample.allocations(entry.id) == [("grant", 25)]
    assert [grant.available for grant in sample.grants(hours)] == [75]
    assert sample.request(request).worked_minutes == 25
    sample.do_as(sample.technician, delete_work, entry.id)
    assert [grant.available for grant in sample.grants(hours)] == [100]


def test_correcting_carried_time_takes_it_back_from_the_next_contract(sample: SampleDesk) -> None:
    sample.sell("support_hours", minutes=30)
    request = sample.log()
    sample.work(request, 30)
    sample.work(request, 40)
    sample.clock.move(hours=1)
    following = sample.sell("support_hours", minutes=60)
    assert [grant.available for grant in sample.grants(following)] == [20]
    entry = max(sample.entries(request), key=lambda row: row.id)
    sample.do_as(sample.technician, change_work, entry.id, ChangeWork(minutes=15))
    assert [grant.available for grant in sample.grants(following)] == [45]
    assert sample.carried(f"customer:{sample.ann}") == 0


def test_a_pack_holds_settles_and_releases(sample: SampleDesk) -> None:
    pack = sample.sell("incident_pack", incidents=2)
    first, second, third = sample.log(), sample.log(), sample.log()
    assert [(grant.available, grant.held) for grant in sample.grants(pack)] == [(0, 2)]
    assert sample.request(third).outcome == "created"
    sample.fire(first, "cancel", reason="solved itself")
    assert sample.request(third).contract_id == pack
    for one in (second, third):
        sample.fire(one, "resolve", note="done")
        sample.fire(one, "close")
    assert [(grant.available, grant.held, grant.consumed) for grant in sample.grants(pack)] == [(0, 0, 2)]
    assert sample.contract(pack).state == "exhausted"
    sample.fire(third, "reopen")
    assert [(grant.held, grant.consumed) for grant in sample.grants(pack)] == [(1, 1)]
    assert sample.contract(pack).state == "active"


def test_every_months_allocation_is_a_grant_of_its_own(sample: SampleDesk) -> None:
    monthly = sample.sell("support_hours_by_month", minutes=120, ends_on=(MONDAY + timedelta(days=60)).date())
    grants = sorted(sample.grants(monthly), key=lambda grant: grant.opens_at)
    assert [grant.available for grant in grants] == [120, 120]
    assert grants[0].closes_at == grants[1].opens_at
    assert grants[-1].closes_at == sample.contract(monthly).expires_at


def test_the_database_refuses_to_change_the_ledger(sample: SampleDesk) -> None:
    sample.sell("support_hours", minutes=10)
    for statement in (
        "UPDATE ledger_posting SET amount = 1",
        "DELETE FROM ledger_transaction",
        "DELETE FROM contract_grant",
    ):
        with pytest.raises(Exception, match="append-only"), sample.desk.write() as tx:
            tx.connection.exec_driver_sql(statement)


def test_cascade_lets_the_next_valid_contract_take_the_rest(sample: SampleDesk) -> None:
    sample.set(cascade=True)
    sample.sell("support_hours", to=("item", sample.laptop), minutes=20)
    second = sample.sell("support_hours", minutes=100)
    assert sample.work(sample.log(), 50) == [("grant", 20), ("grant", 30)]
    assert [grant.available for grant in sample.grants(second)] == [70]
