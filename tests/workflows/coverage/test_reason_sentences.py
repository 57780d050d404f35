"""Every reason, of every holder, for every reader, is part of a whole sentence."""

from datetime import UTC, datetime
from itertools import product
from zoneinfo import ZoneInfo

import pytest

from engine.contracts import HOLDER_KINDS
from tests.support.sentences import faults_of
from workflows.coverage.explanation import PRECEDENCE_CODES, _Description, why_not
from workflows.coverage.reasons import RULED_OUT_TEXTS, reason_text
from workflows.views.decisions import CandidateView, DecisionView

UTC_ZONE = ZoneInfo("UTC")
AT = datetime(2026, 3, 31, 12, tzinfo=UTC)
IDS = {"service_request": "r1", "item": "i1", "customer": "c1", "org_unit": "u1"}
NAMES = {("item", "i1"): "LAP-1", ("customer", "c1"): "Emil Strand", ("org_unit", "u1"): "Acme"}
VALUES = {
    "rule_condition": "gold-first: priority is high",
    "condition": "minutes available is greater than 0",
    "type_not_in_force": "retired",
    "excluded_role": "technician",
    "excluded_priority": "low",
    "came_after": "SH-0002",
    "not_assigned": "SH-0002",
    "decided_before": "item-valid",
}
EXPECTED = {
    "expired": "ended on 31 March 2026",
    "cancelled": "was cancelled on 31 March 2026",
    "awaiting_start": "starts on 31 March 2026",
    "awaiting_payment": "is awaiting payment",
    "awaiting_enable": "is awaiting activation",
    "no_minutes_left": "has no minutes left",
    "no_money_left": "has no money left",
    "no_incidents_left": "has no incident left",
    "exhausted": "is used up",
    "outside_period": "ended on 31 March 2026",
    "service_request_closed": "ended when its service request was closed",
    "excluded_work_type": "does not cover the work type training",
    "excluded_role": "does not cover work of the role technician",
    "excluded_priority": "does not cover the priority low",
    "excluded_item_type": "does not cover items of the type training",
    "type_not_in_force": "has the type retired, which is not in the rule set",
    "came_after": "SH-0002 takes precedence",
    "decided_before": "the rule item-valid takes precedence",
    "rule_condition": "does not meet the condition “priority is high” of the rule gold-first",
    "condition": "does not meet the condition “minutes available is greater than 0”",
    "not_assigned": "SH-0002 was assigned by a supervisor",
}


def ruled_out(code: str) -> str:
    reason = {"code": code, "at": AT.isoformat(), "value": VALUES.get(code, "training")}
    return reason_text(reason, UTC_ZONE) or ""


def candidate(kind: str, code: str | None, *, number: str = "SUB-0001") -> CandidateView:
    text = ruled_out(code) if code else None
    return CandidateView(
        contract=number,
        number=number,
        type="subscription",
        holder_kind=kind,
        holder=IDS[kind],
        standing="valid" if code is None else "ended",
        standing_why=text,
        ruled_out_by=text,
        code=code,
    )


def decision(
    outcome: str, candidates: list[CandidateView], contract: str | None, *, stored: bool
) -> DecisionView:
    return DecisionView(
        id="d1" if stored else None,
        service_request="r1",
        decided_at=AT,
        as_of=AT,
        rule_set="v1",
        facts={"customer": "c1", "item": "i1", "org_unit": "u1"},
        candidates=candidates,
        rule="a-rule",
        why="A reason.",
        outcome=outcome,
        contract=contract,
        params={},
        cause="logged",
        actor="Ada",
        reason=None,
    )


def test_each_reason_has_its_text() -> None:
    assert EXPECTED.keys() == RULED_OUT_TEXTS.keys()
    assert {code: ruled_out(code) for code in EXPECTED} == EXPECTED


@pytest.mark.parametrize("reader", [None, "c1", "c2"])
@pytest.mark.parametrize("outcome", ["covered", "waiting", "created", "offered", "uncovered"])
def test_every_combination_is_a_whole_sentence(reader: str | None, outcome: str) -> None:
    order = ["item", "customer", "org_unit"]
    for kind, code, taken_kind, stored in product(
        HOLDER_KINDS, RULED_OUT_TEXTS, (*HOLDER_KINDS, None), (True, False)
    ):
        other = candidate(kind, code)
        taken = (
            candidate(taken_kind, None if outcome == "covered" else "awaiting_start", number="SH-0002")
            if taken_kind
            else None
        )
        found = [other] if taken is None else [other, taken]
        view = decision(outcome, found, taken.contract if taken else None, stored=stored)
        sentence = _Description(view, NAMES, reader).sentence(order)
        assert not faults_of(sentence), sentence
        if code not in PRECEDENCE_CODES:
            assert not faults_of(f"{why_not(other)}."), why_not(other)


def test_what_nobody_holds_is_named_with_a_noun() -> None:
    view = decision("created", [], None, stored=True)
    order = ["item", "customer", "org_unit"]
    assert _Description(view, NAMES, None).sentence(order) == (
        "No valid contract was found, so one was created for this request: the item has no contract; "
        "Emil Strand has no contract; Acme and the org units above it have no contract."
    )
    assert _Description(view, NAMES, "c1").sentence(order) == (
        "No valid contract was found, so one was created for this request: the item has no contract; "
        "you have no contract of your own; your organization has no contract that covers it."
    )
