"""How a coverage decision comes about: the rules in order, each with its contracts, until one holds.

By the rule set in force or by any other, for a service request that is only asked about, or for a decision
that was made: then with its own facts and contracts, as they stood. Source: product.md section 6, and the
coverage explorer.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any, Literal

from sqlalchemy import Row, select

from engine.coverage import ASSIGNED_MANUALLY, NO_RULE, OWN_CONTRACT_RULE, CoverageDecision, find_coverage
from engine.facts import Candidate
from engine.rulebook import RuleSet
from engine.rulebook.evaluation.trace import Asked, Step, trace
from workflows.commands.service_requests import CoverageQuestion
from workflows.core.actors import STAFF, SUPERVISORS
from workflows.core.errors import NotFound
from workflows.core.transaction import Transaction
from workflows.coverage.decisions import decision_view, preview_view
from workflows.coverage.explanation import CandidateText, DecisionText, describe_decision
from workflows.coverage.facts import facts_of
from workflows.coverage.reasons import ruled_out_words
from workflows.coverage.search import decide, decide_question
from workflows.coverage.snapshot import facts_from, held_from
from workflows.lifecycle.service_requests.access import require_visible
from workflows.rule_sets.versions import RuleVersions
from workflows.store import tables as t
from workflows.views.decisions import DecisionView

Status = Literal["holds", "passed", "unreached"]


@dataclass(frozen=True, slots=True)
class AskedView:
    """A contract at one step: `unmet` is why the step leaves it, `standing_why` why it is not valid."""

    contract: str
    number: str
    type: str
    holder_kind: str
    standing: str
    standing_why: str | None
    unmet: str | None
    taken: bool


@dataclass(frozen=True, slots=True)
class StepView:
    """One rule of the set. After the one that holds, the others are not reached."""

    rule: str
    why: str
    action: str
    needs_contract: bool
    status: Status
    unmet: str | None
    asked: list[AskedView]


@dataclass(frozen=True, slots=True)
class ExplanationView:
    """A decision that is only shown, in words and with its steps."""

    decision: DecisionView
    told: DecisionText
    rules_name: str
    steps: list[StepView]


@dataclass(frozen=True, slots=True)
class AgainView:
    """A decision that was made, and how it comes about; `same` tells that it comes out as it did."""

    made: DecisionView
    explanation: ExplanationView
    same: bool


def explain_coverage(
    tx: Transaction, question: CoverageQuestion, rules: RuleSet | None = None
) -> ExplanationView:
    """Decide for a question and tell step by step how, for staff; by the rules in force or by others.

    Raises: StateForbids while contracts are off; InvalidInput for a customer or item that is not there.
    """
    tx.require(*STAFF)
    with _under(tx, rules or tx.rules) as deciding:
        return _explained(tx, decide_question(tx, question), deciding)


def explain_decision(tx: Transaction, decision_id: str, rules: RuleSet | None = None) -> AgainView:
    """Make a kept decision again by its own rule set, or by another one, and tell how, for staff.

    What a supervisor assigned by hand is searched, so that one sees what the rules alone come to.
    Raises: NotFound; RuleSetGone; RuleSetRefused where its rule set can no longer be read.
    """
    tx.require(*STAFF)
    row = _row(tx, decision_id)
    deciding = rules or RuleVersions(tx.runner).load(row.rule_set)
    decision = find_coverage(facts_from(row.facts), held_from(row.candidates), deciding)
    return AgainView(
        made=decision_view(row, tx),
        explanation=_explained(tx, decision, deciding),
        same=row.rule != ASSIGNED_MANUALLY and _comes_to(decision) == _came_to(row),
    )


def contracts_that_fit(tx: Transaction, service_request_id: str) -> list[CandidateText]:
    """The contracts that a search for a logged request would look at now, for whoever may assign one.

    None while contracts are off or no rules can be read. Raises: NotFound.
    """
    tx.require(*SUPERVISORS)
    request = require_visible(tx, service_request_id)
    if not tx.settings.contracts or tx.config.rule_set is None:
        return []
    found = preview_view(tx, decide(tx, facts_of(tx, request)))
    return describe_decision(tx, found, tx.rules).candidates


# ------------------------------------------------------------------ steps


def _explained(tx: Transaction, decision: CoverageDecision, rules: RuleSet) -> ExplanationView:
    candidates = [verdict.candidate for verdict in decision.candidates]
    own = [one for one in candidates if one.holder_kind == "service_request"]
    others = [one for one in candidates if one.holder_kind != "service_request"]
    own_valid = decision.rule == OWN_CONTRACT_RULE and decision.outcome == "covered"
    own_awaited = decision.rule == OWN_CONTRACT_RULE and not own_valid
    steps: list[StepView] = []
    if own:
        steps.append(_own_step(tx, own, decision, "holds" if own_valid else "passed"))
    decided = own_valid
    for step in trace(rules.coverage, decision.facts, others):
        holds = not decided and step.rule.id == decision.rule
        status: Status = "unreached" if decided else "passed"
        steps.append(_view(tx, step, "holds" if holds else status, decision.contract if holds else None))
        decided = decided or holds
    if own_awaited:
        steps.append(_own_step(tx, own, decision, "holds"))
    elif decision.rule == NO_RULE:
        steps.append(StepView(NO_RULE, decision.why, "what no rule catches", False, "holds", None, []))
    view = preview_view(tx, decision)
    return ExplanationView(view, describe_decision(tx, view, rules), rules.coverage.name, steps)


def _own_step(
    tx: Transaction, own: Sequence[Candidate], decision: CoverageDecision, status: Status
) -> StepView:
    """The contract of the service request itself: it comes before the rules, or is waited for after them."""
    holds = status == "holds"
    asked = [
        _asked(tx, Asked(one, None if one.contract == decision.contract and holds else "contract is valid"))
        for one in own
    ]
    why = decision.why if holds else "The service request’s own contract comes before the rules."
    taken = [replace(one, taken=one.contract == decision.contract and holds) for one in asked]
    return StepView(OWN_CONTRACT_RULE, why, "its own contract", True, status, None, taken)


def _view(tx: Transaction, step: Step, status: Status, taken: str | None) -> StepView:
    return StepView(
        rule=step.rule.id,
        why=step.rule.why,
        action=step.rule.action.label,
        needs_contract=step.rule.action.needs_contract,
        status=status,
        unmet=step.unmet,
        asked=[replace(_asked(tx, one), taken=one.candidate.contract == taken) for one in step.asked],
    )


def _asked(tx: Transaction, one: Asked) -> AskedView:
    return AskedView(
        contract=one.candidate.contract,
        number=one.candidate.number,
        type=one.candidate.type,
        holder_kind=one.candidate.holder_kind,
        standing=one.candidate.standing,
        standing_why=_standing_why(tx, one.candidate),
        unmet=one.unmet,
        taken=False,
    )


def _standing_why(tx: Transaction, candidate: Candidate) -> str | None:
    reason = candidate.ruled_out
    if reason is None:
        return None
    return ruled_out_words(reason.code, reason.at, reason.value, tx.settings.zone)


# ------------------------------------------------------------------ helpers


@contextmanager
def _under(tx: Transaction, rules: RuleSet) -> Iterator[RuleSet]:
    """Let a reading transaction decide by a rule set, as if that were in force."""
    config = tx.config
    tx.config = replace(config, rule_set=rules)
    try:
        yield rules
    finally:
        tx.config = config


def _row(tx: Transaction, decision_id: str) -> Row[Any]:
    d = t.coverage_decision
    row = tx.connection.execute(select(d).where(d.c.id == decision_id)).one_or_none()
    if row is None:
        raise NotFound("There is no such decision.")
    return row


def _comes_to(decision: CoverageDecision) -> tuple[object, ...]:
    return (decision.outcome, None if decision.outcome == "created" else decision.contract, decision.params)


def _came_to(row: Row[Any]) -> tuple[object, ...]:
    return (row.outcome, None if row.outcome == "created" else row.contract_id, row.params)
