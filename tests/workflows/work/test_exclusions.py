"""Work that a charging rule excludes from its contract: who pays for it instead."""

import json
from datetime import timedelta
from itertools import permutations
from typing import Any

import pytest

from tests.support.sample_desk import MONDAY, SampleDesk
from workflows.commands.contracts import TopUp
from workflows.commands.work import ChangeWork, WorkGiven
from workflows.contracts.use_cases import top_up
from workflows.reports.audit import audit_desk
from workflows.rule_sets.publishing import check_rules
from workflows.work.queries import list_work, preview_view
from workflows.work.use_cases import change_work, log_work, preview_work

TRAVEL = {"all": [{"name": "work_type", "operator": "equal_to", "value": "travel"}]}
EVENING = {"all": [{"name": "calendars", "operator": "contains", "value": "after_hours"}]}


def excluding(conditions: dict[str, Any], examples: tuple[dict[str, Any], ...] = (), **params: Any) -> str:
    rule = {
        "id": "out",
        "why": "Not part of the contract.",
        "conditions": conditions,
        "actions": [{"name": "exclude", "params": params}],
    }
    return json.dumps({"rules": [rule], "examples": list(examples)})


def log_travel(sample: SampleDesk, request: str, minutes: int, at: Any = None) -> str:
    command = WorkGiven(minutes=minutes, worked_at=at or sample.clock.now(), work_type="travel")
    return str(sample.do_as(sample.technician, log_work, request, command))


def shown(sample: SampleDesk, request: str, command: WorkGiven) -> Any:
    return sample.see_as(sample.supervisor, lambda tx: preview_view(tx, preview_work(tx, request, command)))


@pytest.mark.parametrize(
    ("then", "expected"),
    [
        ("next_contract", [("grant", 40), ("ignored", 20)]),
        ("bill", [("overage", 60)]),
        ("free", [("ignored", 60)]),
    ],
)
def test_what_becomes_of_excluded_work_is_what_the_rule_says(
    sample: SampleDesk, then: str, expected: list[tuple[str, int]]
) -> None:
    sample.publish_rules(charging=excluding(TRAVEL, then=then))
    covering = sample.sell("support_hours", minutes=600)
    following = sample.sell("support_hours", minutes=40, to=("org_unit", sample.site))
    request = sample.log()
    command = WorkGiven(minutes=60, worked_at=sample.clock.now(), work_type="travel")
    previewed = shown(sample, request, command)
    assert [(one.kind, one.minutes) for one in previewed.allocations] == expected
    entry = log_travel(sample, request, 60)
    assert sample.allocations(entry) == expected
    assert sample.work(request, 30) == [("grant", 30)]
    assert [grant.consumed for grant in sample.grants(covering)] == [30]
    assert [grant.consumed for grant in sample.grants(following)] == [40 if then == "next_contract" else 0]
    [seen] = [one for one in sample.see(list_work, request).items if one.id == entry]
    assert (seen.segments[0].excluded, seen.charge_why) == (then, "Not part of the contract.")
    assert sample.see(audit_desk).ok


def test_only_the_excluded_part_of_an_entry_is_taken_out(sample: SampleDesk) -> None:
    sample.publish_rules(charging=excluding(EVENING, then="bill", percent=150))
    sample.sell("support_hours", minutes=600)
    request = sample.log()
    sample.clock.move(days=1)
    at_four = MONDAY.replace(hour=16, minute=0)
    assert sample.work_span(request, at_four, minutes=120) == [("grant", 60), ("overage", 90)]


def test_any_order_ends_the_same_with_the_contract_that_follows(sample: SampleDesk) -> None:
    """A late entry and a late top-up of the next contract draw again what is excluded from the first one."""
    sample.publish_rules(charging=excluding(TRAVEL, then="next_contract"))
    ends = set()
    for number, order in enumerate(permutations([(1, 30), (2, 40), (3, 0), (4, 50)])):
        sample.clock.at = sample.clock.at.replace(hour=9, minute=0) + timedelta(days=10)
        start = sample.clock.now()
        ann = sample.customer(f"Customer {number}", sample.site)
        sample.sell("support_hours", minutes=600, to=("customer", ann), ends_on=(start + timedelta(9)).date())
        following = sample.sell("support_hours", minutes=60, to=("customer", ann))
        request = sample.log(customer=ann, item=None)
        sample.clock.move(hours=5)
        for hours, minutes in order:
            at = start + timedelta(hours=hours)
            if minutes:
                log_travel(sample, request, minutes, at)
            else:
                sample.do(top_up, following, TopUp(minutes=30, effective_at=at))
        entries = sorted(sample.entries(request), key=lambda row: row.started_at)
        ends.add(tuple(tuple(sample.allocations(row.id)) for row in entries))
        assert sum(grant.consumed for grant in sample.grants(following)) == 90
    assert len(ends) == 1
    assert sample.see(audit_desk).ok


def test_a_change_of_the_work_type_moves_the_time_back(sample: SampleDesk) -> None:
    sample.publish_rules(charging=excluding(TRAVEL, then="next_contract"))
    covering = sample.sell("support_hours", minutes=600)
    sample.sell("support_hours", minutes=600, to=("org_unit", sample.site))
    request = sample.log()
    entry = log_travel(sample, request, 60)
    sample.do_as(sample.technician, change_work, entry, ChangeWork(work_type="remote"))
    assert [grant.consumed for grant in sample.grants(covering)] == [60]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (excluding(TRAVEL, then="nobody"), '"nobody" is not a valid way of handling excluded time'),
        (excluding(TRAVEL), '"then" is missing'),
        (excluding(TRAVEL, then="bill", percent=1001), "1001 is out of range"),
    ],
)
def test_mistakes_in_exclusions_are_named(sample: SampleDesk, text: str, words: str) -> None:
    in_force = sample.see(lambda tx: dict(tx.rules.files))
    found = sample.see(check_rules, in_force | {"charging.json": text})
    assert any(words in one.message for one in found.problems), found.problems


def test_an_example_says_what_becomes_of_the_time(sample: SampleDesk) -> None:
    def checked(**charge: Any) -> list[str]:
        example = {"name": "Travel", "facts": {"work_type": "travel"}, "charge": charge}
        files = sample.see(lambda tx: dict(tx.rules.files))
        files["charging.json"] = excluding(TRAVEL, (example,), then="bill")
        return [one.message for one in sample.see(check_rules, files).problems]

    assert checked(percent=100, rule="out", excluded="bill") == []
    assert checked(percent=100, rule="out") == [
        'Example "Travel" expects 100 % by rule "out", '
        'but the result is 100 %, excluded: bill, by rule "out". '
        "Correct the rules or the example."
    ]
