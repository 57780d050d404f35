"""Contracts and grants pay only for work for which they are valid, by its type and the role of who did it."""

from typing import Any

import pytest

from tests.support.sample_desk import MONDAY, SampleDesk
from workflows.commands.contracts import Exclusions, GrantGiven
from workflows.commands.service_requests import ChangeServiceRequest
from workflows.commands.work import ChangeWork
from workflows.reports.audit import audit_desk
from workflows.service_requests.use_cases import change_service_request
from workflows.work.use_cases import change_work

ON_SITE = {"name": "work_type", "operator": "equal_to", "value": "on_site"}


@pytest.mark.parametrize(
    ("exclusions", "work", "then"),
    [
        ({"work_types": ["on_site"]}, {}, [("grant", 20), ("grant", 40)]),
        ({"work_types": ["on_site"]}, {"work_type": "on_site"}, [("carried", 40), ("grant", 20)]),
        ({"roles": ["technician"]}, {}, [("carried", 40), ("grant", 20)]),
        ({"roles": ["supervisor"]}, {}, [("grant", 20), ("grant", 40)]),
    ],
)
def test_cascade_passes_over_contracts_that_exclude_the_work(
    sample: SampleDesk, exclusions: dict[str, Any], work: dict[str, Any], then: list[tuple[str, int]]
) -> None:
    sample.set(cascade=True)
    sample.sell("support_hours", minutes=20)
    sample.sell(
        "support_hours", to=("org_unit", sample.site), minutes=600, exclusions=Exclusions(**exclusions)
    )
    request = sample.log()
    assert sorted(sample.work(request, 60, **work)) == then
    assert sample.see(audit_desk).ok


@pytest.mark.parametrize(
    ("cascade", "then"), [(True, [("grant", 20), ("ignored", 10)]), (False, [("ignored", 30)])]
)
def test_cascade_passes_over_a_covering_contract_that_excludes_the_work(
    sample: SampleDesk, cascade: bool, then: list[tuple[str, int]]
) -> None:
    sample.set(cascade=cascade, time_expired_contract="rollover")
    covering = sample.sell("support_hours", minutes=600, exclusions=Exclusions(work_types=["on_site"]))
    other = sample.sell("support_hours", to=("org_unit", sample.site), minutes=20)
    request = sample.log()
    assert sorted(sample.work(request, 30, work_type="on_site")) == then
    [entry] = sample.entries(request)
    # also where the entry was drawn before, in whatever order things are entered
    for work_type, drawn in (("remote", [30, 0]), ("on_site", [0, 20 if cascade else 0])):
        sample.do_as(sample.technician, change_work, entry.id, ChangeWork(work_type=work_type))
        assert [row.consumed for one in (covering, other) for row in sample.grants(one)] == drawn
    assert sample.see(audit_desk).ok


def test_cascade_asks_by_the_work_type_of_the_entry_and_not_of_the_request(sample: SampleDesk) -> None:
    sample.set(cascade=True)
    sample.sell("support_hours", minutes=20)
    sample.sell(
        "support_hours",
        to=("org_unit", sample.site),
        minutes=600,
        exclusions=Exclusions(work_types=["on_site"]),
    )
    request = sample.log(work_type="on_site")
    assert sorted(sample.work(request, 60, work_type="remote")) == [("grant", 20), ("grant", 40)]
    assert sample.work(request, 30) == [("carried", 30)]


def test_another_work_type_is_drawn_from_the_grants_whose_scope_holds(sample: SampleDesk) -> None:
    contract = sample.sell(
        "support_hours", grants=[GrantGiven(minutes=60, priority=1, scope=ON_SITE), GrantGiven(minutes=60)]
    )
    request = sample.log()
    sample.work(request, 30, work_type="remote")
    [entry] = sample.entries(request)

    def drawn() -> list[int]:
        return [row.consumed for row in sorted(sample.grants(contract), key=lambda row: row.priority)]

    assert drawn() == [0, 30]
    sample.do_as(sample.technician, change_work, entry.id, ChangeWork(work_type="on_site"))
    assert drawn() == [30, 0]
    assert sample.see(audit_desk).ok


def test_a_work_type_that_a_request_gets_later_moves_no_earlier_work(sample: SampleDesk) -> None:
    """Work that was logged without a work type has none, whatever its request has by now."""
    contract = sample.sell("support_hours", minutes=600, exclusions=Exclusions(work_types=["on_site"]))
    request = sample.log()
    sample.work(request, 30, at=MONDAY)
    sample.clock.move(days=1)
    change = ChangeServiceRequest(work_type="on_site")
    sample.do_as(sample.technician, change_service_request, request, change)
    other = sample.log()
    sample.work(other, 10, at=MONDAY)
    assert sum(row.consumed for row in sample.grants(contract)) == 40
    [entry] = sample.entries(request)
    sample.do_as(sample.technician, change_work, entry.id, ChangeWork(minutes=40, worked_at=MONDAY))
    assert sum(row.consumed for row in sample.grants(contract)) == 50
    assert sample.see(audit_desk).ok
