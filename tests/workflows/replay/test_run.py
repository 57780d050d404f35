"""Replay of stored history through other rules. The expected results were calculated manually."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

import pytest
from psycopg import RawCursor
from sqlalchemy import Connection, event

from engine.rulebook import RuleSetRefused, load_rule_set
from tests.support.replayed_rules import (
    ALWAYS,
    CUSTOMER_FIRST,
    EVENING,
    SHIPPED,
    VALID,
    charged_by,
    rate_card,
    rule,
    with_rules,
)
from tests.support.sample_desk import MONDAY, SampleDesk
from workflows.commands.contracts import CancelContract
from workflows.commands.service_requests import SearchCoverage
from workflows.contracts.use_cases import cancel_contract, enable_contract
from workflows.core.actors import SYSTEM
from workflows.core.errors import InvalidInput, NotAllowed
from workflows.replay.run import load_for_replay, replay
from workflows.service_requests.use_cases import search_or_assign
from workflows.store import tables as t
from workflows.views.replays import DifferenceView, SummaryView

END = MONDAY + timedelta(days=400)


def run(sample: SampleDesk, files: dict[str, str], **span: Any) -> tuple[SummaryView, list[DifferenceView]]:
    found: list[DifferenceView] = []
    rules = load_rule_set(files)
    span = {"from_": MONDAY, "to": END} | span
    return replay(sample.desk, rules, on_difference=found.append, **span), found


def number(sample: SampleDesk, contract: str) -> str:
    return str(sample.contract(contract).number)


def test_the_same_rules_change_nothing(sample: SampleDesk) -> None:
    sample.sell("support_hours", minutes=30)
    request = sample.log()
    sample.work(request, 50)
    sample.log(item=None)
    assert run(sample, SHIPPED)[1] == []
    summary, differences = run(sample, SHIPPED | {"variants/mine.json": SHIPPED["coverage.json"]})
    assert differences == []
    assert (summary.decisions, summary.differ, summary.by_another_rule) == (2, 0, 0)
    assert (summary.worked_minutes, summary.moves, summary.overage) == (0, [], [])


def test_customer_first_moves_named_decisions(sample: SampleDesk) -> None:
    """Item, customer and org unit have contracts; two requests have the item, one has none."""
    item = sample.sell("subscription", to=("item", sample.laptop))
    customer = sample.sell("subscription")
    sample.sell("subscription", to=("org_unit", sample.site))
    one, two = sample.log(), sample.log()
    sample.log(item=None)
    sample.work(one, 60)
    sample.work(one, 30)
    summary, differences = run(sample, CUSTOMER_FIRST)
    assert [(each.service_request, each.changes) for each in differences] == [
        (one, ["contract"]),
        (two, ["contract"]),
    ]
    for each in differences:
        assert (each.before.contract, each.before.contract_number) == (item, number(sample, item))
        assert (each.after.contract, each.after.contract_number) == (customer, number(sample, customer))
        assert (each.before.outcome, each.after.outcome) == ("covered", "covered")
        assert each.number == sample.request(str(each.service_request)).number
    first = differences[0]
    assert (first.worked_minutes, first.chargeable_before, first.chargeable_after) == (90, 90, 90)
    assert (first.minutes_before, first.minutes_after) == ({"covered": 90}, {"covered": 90})
    assert (summary.decisions, summary.differ, summary.moved_minutes) == (3, 2, 90)
    (move,) = summary.moves
    assert (move.decisions, move.moved_minutes) == (2, 90)
    assert (move.before.contract, move.after.contract) == (item, customer)


def test_the_same_result_by_another_rule_is_not_a_difference(sample: SampleDesk) -> None:
    sample.sell("subscription")
    sample.log()
    summary, differences = run(sample, with_rules(rule("mine", "cover_with", VALID)))
    assert differences == []
    assert (summary.differ, summary.by_another_rule) == (0, 1)


def test_a_span_is_half_open(sample: SampleDesk) -> None:
    sample.log()
    sample.clock.move(hours=1)
    later = sample.log()
    refuse = with_rules(rule("refuse", "refuse", ALWAYS, message="No"))
    at = sample.clock.now()
    assert run(sample, refuse, to=at)[0].decisions == 1
    assert [each.service_request for each in run(sample, refuse, from_=at)[1]] == [later]


def test_work_on_a_request_that_would_be_refused(sample: SampleDesk) -> None:
    """Printers are refused: the request would not exist, nor would anything that followed."""
    sample.sell("support_hours", minutes=100)
    printer = sample.item("P-1", customer=sample.ann, item_type="printer")
    refused = sample.log(item=printer)
    logged = sample.log()
    sample.work(refused, 40)
    sample.work(logged, 10)
    sample.do(search_or_assign, refused, SearchCoverage())
    sample.work(refused, 5)
    condition = ("item_type", "equal_to", "printer")
    files = with_rules(rule("no-printers", "refuse", condition, message="No"), before="item-valid")
    summary, differences = run(sample, files)
    assert [(each.service_request, each.after.outcome) for each in differences] == [(refused, "refused")] * 2
    assert [each.minutes_before for each in differences] == [{"grant": 40}, {"grant": 5}]
    assert [each.minutes_after for each in differences] == [{"not_worked": 40}, {"not_worked": 5}]
    assert (summary.differ, summary.moved_minutes, summary.minutes_after) == (2, 45, {"not_worked": 45})
    assert [move.decisions for move in summary.moves] == [2]


def test_a_refused_request_that_would_be_covered(sample: SampleDesk) -> None:
    files = with_rules(rule("no", "refuse", ALWAYS, message="No"))
    with sample.desk.write() as tx:
        tx.add(t.rule_set, version=load_rule_set(files).version, files=files, created_at=tx.now)
    sample.sell("subscription")
    version = load_rule_set(files).version
    sample.set()
    with sample.desk.write() as tx:
        tx.connection.execute(t.deployment.update().values(rule_set=version, generation=99))
    assert sample.try_log().service_request is None
    (each,) = run(sample, SHIPPED)[1]
    assert (each.service_request, each.number) == (None, None)
    assert (each.before.outcome, each.after.outcome) == ("refused", "covered")


def test_a_request_that_would_be_covered_needs_no_later_search(sample: SampleDesk) -> None:
    """Recorded: a rule created a contract, which was enabled. By the other rules the item's contract covers.

    The created contract would not exist, and the search when it was enabled would not have happened.
    """
    sample.sell("subscription", to=("item", sample.laptop), exclusions={"work_types": ["on_site"]})
    request = sample.log(work_type="on_site")
    (made,) = sample.rows(t.contract, made_by_rule=True)
    sample.do(enable_contract, made.id)
    sample.work(request, 30)
    excluded = rule("excluded-too", "cover_with", ("contract_standing", "equal_to", "excluded"))
    _, differences = run(sample, with_rules(excluded, before="item-valid"))
    item = sample.rows(t.contract, holder_kind="item")[0].id
    assert [(each.before.outcome, each.before.contract) for each in differences] == [
        ("created", None),
        ("covered", made.id),
    ]
    assert [(each.after.outcome, each.after.contract) for each in differences] == [("covered", item)] * 2
    assert differences[0].worked_minutes == 0
    assert (differences[1].minutes_before, differences[1].minutes_after) == ({"covered": 30}, {"covered": 30})


def test_a_request_that_would_wait_is_opened_by_its_later_search(sample: SampleDesk) -> None:
    """Recorded: it waits for the customer's pending contract. By the other rules one is created first."""
    pending = sample.sell("subscription", enable=False)
    request = sample.log()
    sample.do(enable_contract, pending)
    sample.work(request, 20)
    files = with_rules(
        rule("mine", "cover_with", VALID),
        rule("make", "create_contract", ("contract_validation", "is_true", True), type="per_request"),
    )
    summary, differences = run(sample, files)
    assert [(each.before.outcome, each.after.outcome) for each in differences] == [("waiting", "created")]
    assert (summary.decisions, summary.by_another_rule) == (2, 1)


def test_a_manually_assigned_contract_does_not_change(sample: SampleDesk) -> None:
    sample.sell("subscription", to=("item", sample.laptop))
    customer = sample.sell("subscription")
    request = sample.log()
    sample.do(search_or_assign, request, SearchCoverage(contract=customer, reason="Agreed"))
    sample.work(request, 25)
    summary, differences = run(sample, CUSTOMER_FIRST)
    assert [(each.cause, each.worked_minutes) for each in differences] == [("log", 0)]
    assert summary.decisions == 2


def test_a_search_after_a_cancellation_happens_only_if_that_contract_covers(sample: SampleDesk) -> None:
    """The item's contract is cancelled; by the other rules it covers nothing, so there is no new search."""
    item = sample.sell("subscription", to=("item", sample.laptop))
    customer = sample.sell("subscription")
    request = sample.log()
    sample.do(cancel_contract, item, CancelContract())
    assert sample.request(request).contract_id == customer
    summary, differences = run(sample, CUSTOMER_FIRST)
    assert [(each.cause, each.before.contract, each.after.contract) for each in differences] == [
        ("log", item, customer)
    ]
    assert summary.decisions == 2


def test_moved_work_is_priced_by_the_contract_it_moves_to(sample: SampleDesk) -> None:
    """60 minutes left of an item's hours at 90.00 an hour, billed: 100 minutes would be 60 and 40 over."""
    sample.set(invoices=True, time_expired_contract="bill", default_overage_rate_minor=6000)
    customer = sample.sell("subscription")
    item = sample.sell(
        "support_hours",
        to=("item", sample.laptop),
        minutes=60,
        enable=False,
        overage_rate={"amount_minor": 9000, "currency": "EUR"},
    )
    request = sample.log()
    assert sample.request(request).contract_id == customer
    sample.work(request, 70)
    sample.work(request, 30)
    sample.do(enable_contract, item)
    sample.clock.move(hours=1)
    sample.do(search_or_assign, request, SearchCoverage())
    pending_too = rule(
        "item-first",
        "cover_with",
        ("contract_holder", "equal_to", "item"),
    )
    summary, differences = run(sample, with_rules(pending_too, before="item-valid"))
    (each,) = differences
    assert (each.before.contract, each.after.contract) == (customer, item)
    assert each.minutes_before == {"covered": 100}
    assert each.minutes_after == {"grant": 60, "overage": 40}
    assert (each.overage_before.amount_minor, each.overage_after.amount_minor) == (0, 1500 + 4500)
    (overage,) = summary.overage
    assert (overage.currency, overage.before_minor, overage.after_minor, overage.change_minor) == (
        "EUR", 0, 6000, 6000,
    )  # fmt: skip


def test_minutes_are_not_drawn_twice(sample: SampleDesk) -> None:
    """Of two requests of 40 minutes that move to 60 minutes of hours, the second finds 20."""
    sample.set(time_expired_contract="ignore")
    item = sample.sell("subscription", to=("item", sample.laptop))
    sample.sell("support_hours", minutes=60)
    for _ in range(2):
        sample.work(sample.log(), 40)
    assert sample.rows(t.service_request)[0].contract_id == item
    summary, differences = run(sample, CUSTOMER_FIRST)
    assert [each.minutes_after for each in differences] == [{"grant": 40}, {"grant": 20, "ignored": 20}]
    assert summary.minutes_after == {"grant": 60, "ignored": 20}


def test_minutes_that_are_no_longer_drawn_are_available_to_others(sample: SampleDesk) -> None:
    """Item and customer have 60 minutes each. By the other rules the two requests swap their contracts.

    The first uses up the customer's hours, so the second draws from the item's, which were given back.
    """
    hours = sample.sell("support_hours", to=("item", sample.laptop), minutes=60)
    mine = sample.sell("support_hours", minutes=60)
    one = sample.log()
    sample.work(one, 60)
    sample.clock.move(hours=1)
    two = sample.log()
    assert (sample.request(one).contract_id, sample.request(two).contract_id) == (hours, mine)
    sample.work(two, 50)
    summary, differences = run(sample, CUSTOMER_FIRST)
    assert [(each.service_request, each.after.contract) for each in differences] == [
        (one, mine),
        (two, hours),
    ]
    assert [each.minutes_after for each in differences] == [{"grant": 60}, {"grant": 50}]
    assert (summary.minutes_before, summary.minutes_after) == ({"grant": 110}, {"grant": 110})


def test_an_incident_taken_by_an_earlier_request_is_not_available(sample: SampleDesk) -> None:
    """A pack of one incident: by the other rules the first request takes it, and the second finds none."""
    item = sample.sell("subscription", to=("item", sample.laptop))
    pack = sample.sell("incident_pack", incidents=1)
    one, two, three = sample.log(), sample.log(), sample.log(item=None)
    assert sample.request(three).contract_id == pack
    summary, differences = run(sample, CUSTOMER_FIRST)
    found = {each.service_request: (each.before.contract, each.after.contract) for each in differences}
    assert found[one] == (item, pack)
    assert two not in found
    assert found[three][0] == pack
    assert found[three][1] is None
    assert summary.differ == 2


def test_minutes_used_by_an_earlier_request_are_not_available(sample: SampleDesk) -> None:
    """By the other rules the first request uses up the customer's hours, so the item's cover the next."""
    item = sample.sell("subscription", to=("item", sample.laptop))
    hours = sample.sell("support_hours", minutes=60)
    one = sample.log()
    sample.clock.move(hours=1)
    sample.work(one, 60)
    sample.clock.move(hours=1)
    two = sample.log()
    _, differences = run(sample, CUSTOMER_FIRST)
    assert [(each.service_request, each.after.contract) for each in differences] == [(one, hours)]
    assert sample.request(two).contract_id == item


def test_differences_by_other_charging_rules(sample: SampleDesk) -> None:
    """Travel at half: 60 minutes of a request become 30, and all other work is charged as before."""
    sample.sell("support_hours", minutes=600)
    one, two = sample.log(), sample.log()
    sample.work(one, 60, work_type="travel")
    sample.work(two, 45)
    charging = json.loads(SHIPPED["charging.json"])
    charging["rules"] = [
        {
            "id": "travel",
            "why": "Travel counts half.",
            "conditions": {"all": [{"name": "work_type", "operator": "equal_to", "value": "travel"}]},
            "actions": [{"name": "charge_percent", "params": {"percent": 50}}],
        }
    ]
    charging.pop("examples", None)
    files = SHIPPED | {"charging.json": json.dumps(charging | {"examples": []})}
    summary, differences = run(sample, files)
    (each,) = differences
    assert (each.service_request, each.changes) == (one, ["charge"])
    assert (each.worked_minutes, each.chargeable_before, each.chargeable_after) == (60, 60, 30)
    assert (each.minutes_before, each.minutes_after) == ({"grant": 60}, {"grant": 30})
    assert (summary.differ, summary.charged_otherwise, summary.moved_minutes) == (0, 1, 0)


def test_other_rates_and_percentages_move_the_price_of_each_segment(sample: SampleDesk) -> None:
    """An hour of the day at 60.00 and one of the evening at 90.00; then at 80.00 and 150 %."""
    sample.publish_rules(rate_cards__standard=rate_card(6_000, 9_000))
    sample.sell("support_hours", minutes=600)
    request, other = sample.log(), sample.log()
    sample.clock.move(days=1)
    sample.work_span(request, MONDAY.replace(hour=16, minute=0), minutes=120)
    sample.work(other, 30, at=MONDAY.replace(hour=10))
    in_force = sample.see(lambda tx: dict(tx.rules.files))
    files = in_force | {
        "rate_cards/standard.json": rate_card(6_000, 8_000),
        "charging.json": charged_by(rule("evening", "charge_percent", EVENING, percent=150)),
    }
    summary, (each,) = run(sample, files)
    assert (each.service_request, each.changes) == (request, ["charge"])
    assert (each.chargeable_before, each.chargeable_after) == (120, 150)
    assert (each.minutes_before, each.minutes_after) == ({"grant": 120}, {"grant": 150})
    assert each.price_before
    assert each.price_after
    prices = (each.price_before.amount_minor, each.price_after.amount_minor, each.price_after.currency)
    assert prices == (15_000, 18_000, "EUR")
    [price] = summary.prices
    assert (price.before_minor, price.after_minor, price.change_minor) == (15_000, 18_000, 3_000)
    assert run(sample, in_force)[1] == []


def test_other_rates_alone_move_money_and_no_minute(sample: SampleDesk) -> None:
    sample.sell("support_hours", minutes=600)
    request = sample.log()
    sample.work(request, 30)
    in_force = sample.see(lambda tx: dict(tx.rules.files))
    summary, (each,) = run(sample, in_force | {"rate_cards/standard.json": rate_card(6_001, 6_001)})
    assert (each.changes, each.minutes_before, each.minutes_after) == (
        ["charge"],
        {"grant": 30},
        {"grant": 30},
    )
    assert each.price_before
    assert each.price_after
    assert (each.price_before.amount_minor, each.price_after.amount_minor) == (0, 3_001)
    assert summary.charged_otherwise == 1


@pytest.mark.parametrize(
    ("then", "expected"),
    [("next_contract", {"grant": 40, "ignored": 20}), ("bill", {"overage": 60}), ("free", {"ignored": 60})],
)
def test_work_that_other_rules_exclude(sample: SampleDesk, then: str, expected: dict[str, int]) -> None:
    sample.sell("support_hours", minutes=600)
    sample.sell("support_hours", minutes=40, to=("org_unit", sample.site))
    request = sample.log()
    sample.work(request, 60, work_type="travel")
    travel = rule("out", "exclude", ("work_type", "equal_to", "travel"), then=then)
    in_force = sample.see(lambda tx: dict(tx.rules.files))
    _, (each,) = run(sample, in_force | {"charging.json": charged_by(travel)})
    assert (each.changes, each.minutes_before, each.minutes_after) == (["charge"], {"grant": 60}, expected)


def test_with_cascade_the_next_contract_takes_the_rest(sample: SampleDesk) -> None:
    sample.set(cascade=True)
    sample.sell("support_hours", to=("item", sample.laptop), minutes=500)
    sample.sell("support_hours", minutes=20)
    request = sample.log()
    sample.work(request, 50)
    (each,) = run(sample, CUSTOMER_FIRST)[1]
    assert (each.minutes_before, each.minutes_after) == ({"grant": 50}, {"grant": 50})


def tables(sample: SampleDesk) -> dict[str, list[Any]]:
    return {table.name: sample.rows(table) for table in t.metadata.sorted_tables}


def test_it_writes_nothing_and_is_repeatable(sample: SampleDesk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("workflows.coverage.decision_stream.BATCH", 2)
    sample.sell("support_hours", to=("item", sample.laptop), minutes=100)
    sample.sell("incident_pack", incidents=2)
    for _ in range(5):
        sample.work(sample.log(), 30)
        sample.clock.move(hours=1)
    before = tables(sample)
    first = run(sample, CUSTOMER_FIRST)
    assert len(first[1]) > 1
    assert run(sample, CUSTOMER_FIRST) == first
    monkeypatch.setattr("workflows.coverage.decision_stream.BATCH", 100)
    assert run(sample, CUSTOMER_FIRST) == first
    assert tables(sample) == before


def test_batches_use_an_index_where_postgresql_has_no_statistics(
    postgres_database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It would scan so few rows, and it would scan a long history in each batch before it is analysed."""
    sample = SampleDesk(postgres_database_url)
    sample.sell("support_hours", minutes=600)
    sample.sell("support_hours", to=("item", sample.laptop), minutes=600)
    for _ in range(6):
        sample.work(sample.log(), 15)
    monkeypatch.setattr("workflows.coverage.decision_stream.BATCH", 2)
    with plans(sample) as seen:
        summary, _ = run(sample, CUSTOMER_FIRST)
    assert summary.differ == summary.decisions == 6
    large = ("coverage_decision", "work_entry", "work_allocation", "contract", "grant_balance")
    for table in large:
        asked = [
            plan for statement, plan in seen if f"FROM {table}" in statement or f"JOIN {table}" in statement
        ]
        assert asked, table
        assert not [plan for plan in asked if "Seq Scan" in plan], table
    batches = [plan for statement, plan in seen if "LIMIT" in statement]
    assert len(batches) == 4
    assert not [plan for plan in batches if "Sort" in plan]
    sample.close()


@contextmanager
def plans(sample: SampleDesk) -> Iterator[list[tuple[str, str]]]:
    """The statements that are executed, each with PostgreSQL's plan at that moment."""
    seen: list[tuple[str, str]] = []

    def explain(connection: Connection, cursor: Any, statement: str, parameters: Any, *_: Any) -> None:
        if statement.startswith("SELECT"):
            # the driver's own placeholders are numbered where the statement bypasses Core
            driver: Any = connection.connection.driver_connection
            explaining = cursor or RawCursor(driver)
            plan = explaining.execute(f"EXPLAIN {statement}", parameters).fetchall()
            seen.append((statement, "\n".join(line for (line,) in plan)))

    engine = sample.desk.database.engine
    event.listen(engine, "before_cursor_execute", explain)
    yield seen
    event.remove(engine, "before_cursor_execute", explain)


def test_progress_is_reported(sample: SampleDesk) -> None:
    sample.log()
    steps: list[tuple[int, int]] = []
    run(sample, CUSTOMER_FIRST, progress=lambda done, total: steps.append((done, total)))
    assert steps == [(1, 1)]


def test_permission_and_refusals(sample: SampleDesk) -> None:
    with sample.desk.read(sample.supervisor) as tx, pytest.raises(NotAllowed):
        load_for_replay(tx, SHIPPED, MONDAY, END)
    with sample.desk.read(SYSTEM) as tx:
        with pytest.raises(InvalidInput):
            load_for_replay(tx, SHIPPED, END, END)
        with pytest.raises(RuleSetRefused):
            load_for_replay(tx, SHIPPED | {"coverage.json": "{"}, MONDAY, END)
        assert load_for_replay(tx, SHIPPED, MONDAY, END).version
