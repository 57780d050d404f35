"""Every kept decision made again, by its own rule set and from its own facts: the answer must be the same.

Source: product.md section 6, which has each decision name its rule set and keep its facts.
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
from workflows.coverage.snapshot import facts_from, held_from, verdict_json
from workflows.rule_sets.versions import RuleSetGone, RuleVersions

Progress = Callable[[int, int], None]


@dataclass(frozen=True, slots=True)
class Differs:
    """A decision that does not come out as it was kept: what of it, kept and made again."""

    decision: str
    service_request: str | None
    what: str
    kept: str
    again: str


@dataclass(frozen=True, slots=True)
class Verified:
    """How many decisions were made again, and how many of them came out otherwise."""

    decisions: int
    differ: int


def verify_decisions(
    desk: Desk,
    tell: Callable[[Differs], None],
    *,
    from_: datetime | None = None,
    to: datetime | None = None,
    progress: Progress | None = None,
) -> Verified:
    """Make every decision of [from_, to) again and `tell` of each that differs. Reads only.

    What a supervisor assigned is compared with the same assignment over the same candidates; a contract
    that a rule made is known by the decision alone, so that its terms are compared and not its id.
    """
    versions = RuleVersions(desk)
    total = count_decisions(desk, from_, to) if progress is not None else 0
    done = differ = 0
    for rows in decision_batches(desk, from_, to):
        for row in rows:
            differences = list(_differences(row, versions))
            for one in differences:
                tell(one)
            differ += bool(differences)
        done += len(rows)
        if progress is not None:
            progress(done, max(total, done))
    return Verified(done, differ)


def _differences(row: Row[Any], versions: RuleVersions) -> Iterator[Differs]:
    try:
        again = _again(row, versions.load(row.rule_set))
    except (RuleSetGone, RuleSetRefused) as error:
        yield Differs(row.id, row.service_request_id, "rule_set", row.rule_set, str(error).partition("\n")[0])
        return
    except (KeyError, TypeError, ValueError) as error:
        reason = f"{type(error).__name__}: {error}"
        yield Differs(row.id, row.service_request_id, "facts", "kept", f"cannot be read: {reason}")
        return
    compared: list[tuple[str, object, object]] = [
        ("outcome", row.outcome, again.outcome),
        ("rule", row.rule, again.rule),
        ("why", row.why, again.why),
        ("params", row.params, again.params),
    ]
    if again.outcome != "created":
        compared.append(("contract", row.contract_id, again.contract))
    for what, kept, made in compared:
        if kept != made:
            yield Differs(row.id, row.service_request_id, what, str(kept), str(made))
    yield from _candidates_differ(row, again)


def _again(row: Row[Any], rules: RuleSet) -> CoverageDecision:
    decision = find_coverage(facts_from(row.facts), held_from(row.candidates), rules)
    return assign_manually(decision, row.contract_id) if row.rule == ASSIGNED_MANUALLY else decision


def _candidates_differ(row: Row[Any], again: CoverageDecision) -> Iterator[Differs]:
    made = [verdict_json(one) for one in again.candidates]
    snapshot_order = [one["contract"] for one in row.candidates]
    order = [one["contract"] for one in made]
    if order != snapshot_order:
        yield Differs(row.id, row.service_request_id, "candidates", str(snapshot_order), str(order))
        return
    for kept, new in zip(row.candidates, made, strict=True):
        for name, value in kept.items():
            if new.get(name) != value:
                what = f"{kept['number']}.{name}"
                yield Differs(row.id, row.service_request_id, what, str(value), str(new.get(name)))
