"""Verification: each stored decision is made again by its rule set and facts, and must have the same result.

Source: product.md section 6.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Row

from engine.coverage import ASSIGNED_MANUALLY, CoverageDecision, assign_manually, find_coverage
from engine.rulebook import RuleSet, RuleSetRefused
from workflows.core.desk import Desk
from workflows.coverage.decision_stream import count_decisions, decision_batches
from workflows.coverage.snapshot import candidates_from, facts_from, verdict_json
from workflows.rule_sets.versions import RuleSetGone, RuleVersions

Progress = Callable[[int, int], None]


@dataclass(frozen=True, slots=True)
class DecisionDifference:
    """A decision that differs from what was stored: `what` differs, with its stored and its new value."""

    decision: str
    service_request: str | None
    what: str
    stored: str
    again: str


@dataclass(frozen=True, slots=True)
class VerificationResult:
    """The number of decisions that were made again, and how many of them differ."""

    decisions: int
    differ: int


def verify_decisions(
    desk: Desk,
    on_difference: Callable[[DecisionDifference], None],
    *,
    from_: datetime | None = None,
    to: datetime | None = None,
    progress: Progress | None = None,
) -> VerificationResult:
    """Make every decision of [from_, to) again; `on_difference` gets each difference. It writes nothing.

    An assignment by a supervisor is repeated with the same candidates. For a contract that a rule created,
    its terms are compared but not its id, which the rules do not determine. Instants are aware UTC.

    Source: product.md section 6.
    """
    versions = RuleVersions(desk)
    total = count_decisions(desk, from_, to) if progress is not None else 0
    done = differ = 0
    for rows in decision_batches(desk, from_, to):
        for row in rows:
            differences = list(_differences(row, versions))
            for one in differences:
                on_difference(one)
            differ += bool(differences)
        done += len(rows)
        if progress is not None:
            progress(done, max(total, done))
    return VerificationResult(done, differ)


def _differences(row: Row[Any], versions: RuleVersions) -> Iterator[DecisionDifference]:
    try:
        again = _decide_again(row, versions.load(row.rule_set))
    except (RuleSetGone, RuleSetRefused) as error:
        yield DecisionDifference(
            row.id, row.service_request_id, "rule_set", row.rule_set, str(error).partition("\n")[0]
        )
        return
    except (KeyError, TypeError, ValueError) as error:
        reason = f"{type(error).__name__}: {error}"
        yield DecisionDifference(
            row.id, row.service_request_id, "facts", "stored", f"cannot be read: {reason}"
        )
        return
    compared: list[tuple[str, object, object]] = [
        ("outcome", row.outcome, again.outcome),
        ("rule", row.rule, again.rule),
        ("why", row.why, again.why),
        ("params", row.params, again.params),
    ]
    if again.outcome != "created":
        compared.append(("contract", row.contract_id, again.contract))
    for what, stored, made in compared:
        if stored != made:
            yield DecisionDifference(row.id, row.service_request_id, what, str(stored), str(made))
    yield from _candidate_differences(row, again)


def _decide_again(row: Row[Any], rules: RuleSet) -> CoverageDecision:
    facts = facts_from(row.facts)
    decision = find_coverage(facts, candidates_from(row.candidates, facts.time_zone), rules)
    return assign_manually(decision, row.contract_id) if row.rule == ASSIGNED_MANUALLY else decision


def _candidate_differences(row: Row[Any], again: CoverageDecision) -> Iterator[DecisionDifference]:
    made = [verdict_json(one, again.facts.time_zone) for one in again.candidates]
    snapshot_order = [one["contract"] for one in row.candidates]
    order = [one["contract"] for one in made]
    if order != snapshot_order:
        yield DecisionDifference(
            row.id, row.service_request_id, "candidates", str(snapshot_order), str(order)
        )
        return
    for stored, new in zip(row.candidates, made, strict=True):
        for name, value in stored.items():
            if new.get(name) != value:
                what = f"{stored['number']}.{name}"
                yield DecisionDifference(row.id, row.service_request_id, what, str(value), str(new.get(name)))
