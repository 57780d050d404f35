"""Where the minutes of a work entry go, on a real database."""

from datetime import timedelta

import pytest

from tests.support.office import MONDAY, Office
from workflows.commands.contracts import GrantGiven
from workflows.commands.work import ChangeWork
from workflows.store import tables as t
from workflows.work.use_cases import change_work, delete_work


def test_minutes_are_drawn_to_the_last_and_the_rest_is_carried(office: Office) -> None:
    hours = office.sell("support_hours", minutes=100)
    request = office.log()
    assert office.work(request, 60) == [("grant", 60)]
    assert office.work(request, 60) == [("grant", 40), ("carried", 20)]
    assert office.contract(hours).state == "exhausted"
    assert office.carried(f"customer:{office.ann}") == 20
    assert office.request(request).state == "open"


def test_carried_minutes_are_drawn_first_from_the_holders_next_contract(office: Office) -> None:
    office.sell("support_hours", minutes=30)
    request = office.log()
    office.work(request, 50)
    office.clock.move(days=1)
    following = office.sell("support_hours", minutes=60)
    assert office.carried(f"customer:{office.ann}") == 0
    assert [(grant.available, grant.consumed) for grant in office.grants(following)] == [(40, 20)]


@pytest.mark.parametrize(("policy", "kind"), [("rollover", "carried"), ("ignore", "ignored")])
def test_the_policy_takes_the_time_past_the_end(office: Office, policy: str, kind: str) -> None:
    office.set(time_expired_contract=policy)
    office.sell("time_limited_subscription", minutes=600, ends_on=MONDAY.date())
    request = office.log()
    office.clock.at = MONDAY + timedelta(days=1)
    midnight = MONDAY.replace(hour=0) + timedelta(days=1)
    assert office.work_span(request, midnight - timedelta(minutes=30), minutes=90) == [
        ("grant", 30),
        (kind, 60),
    ]


def test_a_contracts_own_policy_comes_before_the_setting(office: Office) -> None:
    office.sell("support_hours", minutes=10, time_expired="ignore")
    assert office.work(office.log(), 15) == [("grant", 10), ("ignored", 5)]


def test_grants_burn_by_expiry_then_start(office: Office) -> None:
    later, sooner = MONDAY + timedelta(days=60), MONDAY + timedelta(days=30)
    hours = office.sell(
        "support_hours",
        grants=[
            GrantGiven(minutes=50),
            GrantGiven(minutes=20, expires_at=later),
            GrantGiven(minutes=10, expires_at=sooner),
        ],
    )
    request = office.log()
    assert office.work(request, 25) == [("grant", 10), ("grant", 15)]
    left = sorted(grant.available for grant in office.grants(hours))
    assert left == [0, 5, 50]


def test_subscriptions_cover_without_drawing(office: Office) -> None:
    office.sell("subscription")
    assert office.work(office.log(), 45) == [("covered", 45)]
    assert office.rows(t.ledger_transaction, kind="draw") == []


def test_an_entry_logged_late_draws_from_what_had_expired(office: Office) -> None:
    hours = office.sell("time_limited_subscription", minutes=60, ends_on=MONDAY.date())
    request = office.log()
    office.clock.at = MONDAY + timedelta(days=2)
    assert office.work(request, 20, at=MONDAY) == [("grant", 20)]
    [grant] = office.grants(hours)
    assert (grant.available, grant.consumed, grant.expired) == (0, 20, 40)


def test_a_corrected_entry_is_reversed_and_drawn_anew(office: Office) -> None:
    hours = office.sell("support_hours", minutes=100)
    request = office.log()
    office.work(request, 60)
    [entry] = office.entries(request)
    office.do_as(office.technician, change_work, entry.id, ChangeWork(minutes=25))
    assert office.allocations(entry.id) == [("grant", 25)]
    assert [grant.available for grant in office.grants(hours)] == [75]
    assert office.request(request).worked_minutes == 25
    office.do_as(office.technician, delete_work, entry.id)
    assert [grant.available for grant in office.grants(hours)] == [100]


def test_correcting_carried_time_takes_it_back_from_the_next_contract(office: Office) -> None:
    office.sell("support_hours", minutes=30)
    request = office.log()
    office.work(request, 30)
    office.work(request, 40)
    office.clock.move(hours=1)
    following = office.sell("support_hours", minutes=60)
    assert [grant.available for grant in office.grants(following)] == [20]
    entry = max(office.entries(request), key=lambda row: row.id)
    office.do_as(office.technician, change_work, entry.id, ChangeWork(minutes=15))
    assert [grant.available for grant in office.grants(following)] == [45]
    assert office.carried(f"customer:{office.ann}") == 0


def test_a_pack_holds_settles_and_releases(office: Office) -> None:
    pack = office.sell("incident_pack", incidents=2)
    first, second, third = office.log(), office.log(), office.log()
    assert [(grant.available, grant.held) for grant in office.grants(pack)] == [(0, 2)]
    assert office.request(third).outcome == "created"
    office.fire(first, "cancel", reason="solved itself")
    assert office.request(third).contract_id == pack
    for one in (second, third):
        office.fire(one, "resolve", note="done")
        office.fire(one, "close")
    assert [(grant.available, grant.held, grant.consumed) for grant in office.grants(pack)] == [(0, 0, 2)]
    assert office.contract(pack).state == "exhausted"
    office.fire(third, "reopen")
    assert [(grant.held, grant.consumed) for grant in office.grants(pack)] == [(1, 1)]
    assert office.contract(pack).state == "active"


def test_every_months_allocation_is_a_grant_of_its_own(office: Office) -> None:
    monthly = office.sell("support_hours_by_month", minutes=120, ends_on=(MONDAY + timedelta(days=60)).date())
    grants = sorted(office.grants(monthly), key=lambda grant: grant.opens_at)
    assert [grant.available for grant in grants] == [120, 120]
    assert grants[0].closes_at == grants[1].opens_at
    assert grants[-1].closes_at == office.contract(monthly).expires_at


def test_the_database_refuses_to_change_the_ledger(office: Office) -> None:
    office.sell("support_hours", minutes=10)
    for statement in (
        "UPDATE ledger_posting SET amount = 1",
        "DELETE FROM ledger_transaction",
        "DELETE FROM contract_grant",
    ):
        with pytest.raises(Exception, match="append-only"), office.desk.write() as tx:
            tx.connection.exec_driver_sql(statement)


def test_cascade_lets_the_next_valid_contract_take_the_rest(office: Office) -> None:
    office.set(cascade=True)
    office.sell("support_hours", to=("item", office.laptop), minutes=20)
    second = office.sell("support_hours", minutes=100)
    assert office.work(office.log(), 50) == [("grant", 20), ("grant", 30)]
    assert [grant.available for grant in office.grants(second)] == [70]
