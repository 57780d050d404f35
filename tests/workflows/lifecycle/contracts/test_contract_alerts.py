"""Alerts about contracts through the use cases and the jobs, with their mail, on both databases."""

import json
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest

from tests.support.builders import RULES
from tests.support.sample_desk import MONDAY, SampleDesk
from workflows.administration.settings import change_settings
from workflows.commands.contracts import Renew, TopUp
from workflows.commands.work import ChangeWork
from workflows.contracts.use_cases import renew, top_up
from workflows.core.errors import InvalidInput
from workflows.jobs.definitions import next_due, run_job
from workflows.reports.alerts import list_alerts
from workflows.store import tables as t
from workflows.work.use_cases import change_work, delete_work

DAY, HOUR = timedelta(days=1), timedelta(hours=1)


def given(sample: SampleDesk, kind: str = "threshold", **where: Any) -> list[tuple[int, Any]]:
    rows = sorted(sample.rows(t.alert, kind=kind, **where), key=lambda row: row.id)
    return [(row.level, row.at) for row in rows]


def mails(sample: SampleDesk, event: str) -> list[Any]:
    rows = sample.rows(t.outbox, event=event)
    return sorted((row for row in rows if row.recipient is not None), key=lambda row: row.id)


def hours(sample: SampleDesk, count: int = 10, **terms: Any) -> tuple[str, str]:
    """A block of hours, and a request that it covers."""
    contract = sample.sell("support_hours", minutes=count * 60, **terms)
    return contract, sample.log()


def test_each_threshold_is_crossed_once(sample: SampleDesk) -> None:
    contract, request = hours(sample)
    sample.work(request, 449)
    assert given(sample) == []
    sample.clock.move(hours=1)
    sample.work(request, 1)
    assert given(sample) == [(75, MONDAY + HOUR)]
    sample.work(request, 80)
    assert given(sample) == [(75, MONDAY + HOUR)]
    sample.clock.move(hours=1)
    sample.work(request, 20)
    assert given(sample) == [(75, MONDAY + HOUR), (90, MONDAY + 2 * HOUR)]
    sample.work(request, 50)
    assert len(given(sample)) == 2
    assert run_job(sample.desk, "contract_alerts") == 0
    assert sample.contract(contract).alerted_percent == 90
    both = sorted([f"{sample.supervisor.id}@staff.example", f"{sample.finance.id}@staff.example"])
    written = mails(sample, "contract_threshold")
    assert [row.recipient for row in written] == [*both, *both]
    number = sample.contract(contract).number
    assert written[0].subject == f"Contract {number} (Ann) is 75% used"
    assert (
        written[0].body
        == f"Contract {number} (Ann) is 75% used: 150 minutes of 600 minutes can still be used."
    )


def test_two_thresholds_crossed_by_one_entry_are_one_message(sample: SampleDesk) -> None:
    _, request = hours(sample)
    sample.work(request, 560)
    assert [level for level, _ in given(sample)] == [75, 90]
    assert {row.subject.split(" is ")[1] for row in mails(sample, "contract_threshold")} == {"93% used"}


@pytest.mark.parametrize("kind", ["support_hours", "support_hours_by_month"])
def test_mails_name_the_holder_and_say_what_is_used_of_a_month(sample: SampleDesk, kind: str) -> None:
    number = sample.contract(sample.sell(kind, minutes=100)).number
    sample.work(sample.log(), 100)
    [subject] = {row.subject for row in mails(sample, "contract_threshold")}
    of_month, of_contract = (
        f"Contract {number} (Ann): 100% of this month is used", f"Contract {number} (Ann) is 100% used"
    )  # fmt: skip
    assert subject == (of_month if kind == "support_hours_by_month" else of_contract)


def test_the_instant_is_that_of_the_work_that_crossed(sample: SampleDesk) -> None:
    _, request = hours(sample, starts_on="2026-03-01")
    sample.clock.move(days=5)
    sample.work(request, 400, at=MONDAY + DAY)
    sample.work(request, 60, at=MONDAY + HOUR)
    assert given(sample) == [(75, MONDAY + DAY)]
    [row] = sample.see(list_alerts, kind="threshold").items
    assert row.recorded_at == MONDAY + 5 * DAY


def test_a_top_up_alone_lets_a_threshold_be_given_again(sample: SampleDesk) -> None:
    contract, request = hours(sample)
    sample.work(request, 300)
    sample.work(request, 160)
    entry = max(sample.entries(request), key=lambda row: row.id)
    sample.do_as(sample.technician, change_work, entry.id, ChangeWork(minutes=100))
    assert sample.contract(contract).alerted_percent == 75
    sample.do_as(sample.technician, change_work, entry.id, ChangeWork(minutes=160))
    assert [level for level, _ in given(sample)] == [75], "a correction does not give it again"
    sample.clock.move(days=1)
    sample.do(top_up, contract, TopUp(minutes=600))
    assert sample.contract(contract).alerted_percent is None
    [row] = sample.rows(t.alert, kind="threshold")
    assert row.cleared_at == MONDAY + DAY
    sample.work(request, 440)
    assert given(sample) == [(75, MONDAY), (75, MONDAY + DAY)]


def test_a_top_up_that_leaves_the_use_above_clears_nothing(sample: SampleDesk) -> None:
    contract, request = hours(sample)
    sample.work(request, 590)
    sample.do(top_up, contract, TopUp(minutes=60))
    assert sample.contract(contract).alerted_percent == 75
    assert [row.level for row in sample.rows(t.alert, cleared_at=None)] == [75]
    sample.work(request, 10)
    assert [level for level, _ in given(sample)] == [75, 90, 90]


def test_incidents_that_are_held_count_as_used(sample: SampleDesk) -> None:
    sample.sell("incident_pack", incidents=4)
    for number in range(3):
        sample.log(f"Request {number}")
    sample.clock.move(hours=1)
    assert run_job(sample.desk, "contract_alerts") == 1
    assert given(sample) == [(75, MONDAY)]
    assert [level for level, _ in given(sample)] == [75]


def test_each_month_has_its_own_thresholds(sample: SampleDesk) -> None:
    sample.sell("support_hours_by_month", minutes=100, starts_on="2026-03-01", ends_on="2026-05-31")
    request = sample.log()
    sample.work(request, 80)
    sample.clock.at = MONDAY.replace(month=4)
    for job in ("settle_contracts", "contract_alerts"):
        run_job(sample.desk, job)
    sample.work(request, 70)
    assert [level for level, _ in given(sample)] == [75]
    sample.work(request, 10)
    assert given(sample) == [(75, MONDAY), (75, MONDAY.replace(month=4))]


def test_new_thresholds_are_found_by_the_job(sample: SampleDesk) -> None:
    contract, request = hours(sample)
    sample.work(request, 300)
    sample.clock.move(days=1)
    sample.do(change_settings, {"alert_thresholds": [50, 20, 90]})
    assert run_job(sample.desk, "contract_alerts") == 1
    assert run_job(sample.desk, "contract_alerts") == 0
    assert given(sample) == [(20, MONDAY), (50, MONDAY)]
    assert sample.contract(contract).alerted_percent == 50


def test_entries_at_once_cross_a_threshold_once(sample: SampleDesk) -> None:
    _, request = hours(sample)
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda _: sample.work(request, 60), range(10)))
    assert [level for level, _ in given(sample)] == [75, 90]


# ------------------------------------------------------------------ the end ahead


def test_the_end_ahead_is_warned_of_at_its_instant(sample: SampleDesk) -> None:
    sample.do(change_settings, {"expiry_alert_days": [30, 7], "customer_alerts": True})
    contract = sample.sell("subscription", starts_on="2026-03-01", ends_on="2026-05-31")
    end = sample.contract(contract).expires_at
    assert sample.see(next_due) == end - 30 * DAY
    sample.clock.at = end - 30 * DAY - timedelta(seconds=1)
    assert run_job(sample.desk, "contract_alerts") == 0
    sample.clock.at = end - 5 * DAY
    assert run_job(sample.desk, "contract_alerts") == 2
    assert run_job(sample.desk, "contract_alerts") == 0
    assert given(sample, "expiring") == [(30, end - 30 * DAY), (7, end - 7 * DAY)]
    written = mails(sample, "contract_expiring")
    assert [row.created_at for row in written] == [end - 30 * DAY] * 3 + [end - 7 * DAY] * 3
    number = sample.contract(contract).number
    assert {row.subject for row in written} == {f"Contract {number} (Ann) ends on 2026-05-31"}
    assert "ann@example.com" in {row.recipient for row in written}


def test_a_short_contract_is_warned_of_once_at_its_start(sample: SampleDesk) -> None:
    sample.do(change_settings, {"expiry_alert_days": [30, 7]})
    sample.sell("subscription", ends_on="2026-03-06")
    assert run_job(sample.desk, "contract_alerts") == 1
    assert [level for level, _ in given(sample, "expiring")] == [7]
    assert run_job(sample.desk, "contract_alerts") == 0


def test_a_renewed_contract_is_not_warned_of(sample: SampleDesk) -> None:
    contract = sample.sell("subscription", starts_on="2026-03-01", ends_on="2026-04-30")
    sample.do(renew, contract, Renew())
    sample.clock.at = sample.contract(contract).expires_at - DAY
    assert run_job(sample.desk, "contract_alerts") == 0


def test_an_end_that_has_passed_is_not_warned_of(sample: SampleDesk) -> None:
    contract = sample.sell("subscription", starts_on="2026-03-01", ends_on="2026-04-30")
    sample.clock.at = sample.contract(contract).expires_at
    assert run_job(sample.desk, "contract_alerts") == 0


# ------------------------------------------------------------------ the projected exhaustion


def test_projected_exhaustion_is_warned_of_once_until_a_top_up(sample: SampleDesk) -> None:
    contract, request = hours(sample, 20)
    sample.clock.move(days=10)
    sample.work(request, 600)
    # 600 minutes in ten days and nine hours, as it began at midnight: as long again
    assert run_job(sample.desk, "exhaustion_alerts") == 1
    assert run_job(sample.desk, "exhaustion_alerts") == 0
    [row] = sample.rows(t.alert, kind="exhaustion")
    assert (row.at, row.due_at) == (sample.clock.at, sample.clock.at + 10 * DAY + 9 * HOUR)
    assert mails(sample, "contract_exhaustion")
    sample.do(top_up, contract, TopUp(minutes=60))
    assert run_job(sample.desk, "exhaustion_alerts") == 1
    assert sample.rows(t.alert, id=row.id)[0].cleared_at == sample.clock.at
    sample.do(change_settings, {"exhaustion_alert_days": None})
    sample.do(top_up, contract, TopUp(minutes=1))
    assert run_job(sample.desk, "exhaustion_alerts") == 0


def test_a_contract_type_asks_for_a_warning_of_its_own(sample: SampleDesk) -> None:
    def asking_for(days: int | None) -> None:
        key = "contract_types/support_hours.json"
        changed = {**json.loads((RULES / key).read_text()), "exhaustion_alert_days": days}
        sample.publish_rules(contract_types__support_hours=json.dumps(changed))

    _, request = hours(sample, 20)
    sample.clock.move(days=10)
    sample.work(request, 600)
    # used up in ten days and nine hours
    for days in (0, 10):
        asking_for(days)
        assert run_job(sample.desk, "exhaustion_alerts") == 0
    asking_for(11)
    sample.do(change_settings, {"exhaustion_alert_days": None})
    assert run_job(sample.desk, "exhaustion_alerts") == 1
    [row] = sample.rows(t.alert, kind="exhaustion")
    assert row.level == 11


def test_two_processes_warn_once(sample: SampleDesk) -> None:
    sample.sell("subscription", to=("org_unit", sample.parent), ends_on="2026-03-20")
    _, request = hours(sample)
    sample.clock.move(days=7)
    sample.work(request, 300)
    jobs = ["contract_alerts", "exhaustion_alerts"] * 3
    with ThreadPoolExecutor(6) as pool:
        counts = list(pool.map(lambda job: run_job(sample.desk, job), jobs))
    assert sum(counts) == 2
    assert len(given(sample, "expiring")) == len(given(sample, "exhaustion")) == 1


def test_a_deleted_entry_leaves_the_alert(sample: SampleDesk) -> None:
    _, request = hours(sample)
    sample.work(request, 500)
    sample.do_as(sample.technician, delete_work, sample.entries(request)[0].id)
    sample.work(request, 500)
    assert [level for level, _ in given(sample)] == [75]


def test_an_unknown_kind_is_refused(sample: SampleDesk) -> None:
    with pytest.raises(InvalidInput, match="is not a kind of alert"):
        sample.see(list_alerts, kind="loud")
