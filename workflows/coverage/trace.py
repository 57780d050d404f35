"""Traces of coverage decisions: the rules in order, each with its contracts, until one matches.

A trace uses the rule set in force or any other one. It explains the decision for a hypothetical service
request, or a stored decision with the facts and contracts stored with it. Source: product.md section 6.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any, Literal

from sqlalchemy import Row, select

from engine.contracts import HolderKind
from engine.coverage import ASSIGNED_MANUALLY, NO_RULE, OWN_CONTRACT_RULE, CoverageDecision, find_coverage
from engine.facts import Candidate, Standing
from engine.rulebook import RuleSet
from engine.rulebook.evaluation.trace import Asked, Step, holders_meant, standings_meant, trace
from workflows.commands.service_requests import CoverageQuestion
from workflows.core.actors import STAFF, SUPERVISORS
from workflows.core.errors import NotFound
from workflows.core.transaction import Transaction
from workflows.coverage.decisions import decision_view, preview_view
from workflows.coverage.explanation import CandidateText, DecisionText, describe_decision
from workflows.coverage.reasons import why_text
from workflows.coverage.search import decide, decide_question
from workflows.coverage.snapshot import candidates_from, facts_from
from workflows.languages.texts import gettext
from workflows.lifecycle.service_requests.access import require_visible
from workflows.lifecycle.service_requests.facts import facts_of
from workflows.rule_sets.versions import RuleVersions
from workflows.store import tables as t
from workflows.views.decisions import DecisionView

Status = Literal["holds", "passed", "unreached"]
StandingWhy = Mapping[str, str | None]
"""Why each contract that is not valid is not, by its id."""


@dataclass(frozen=True, slots=True)
class AskedView:
    """A contract at one step. `unmet` is the condition it fails, `standing_why` why it is not valid."""

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
    """One rule of the set; the rules after the one that matches are not reached.

    `holders` and `standings` are those of the contracts that it may take; empty where it needs none.
    """

    rule: str
    why: str
    action: str
    needs_contract: bool
    status: Status
    unmet: str | None
    asked: list[AskedView]
    holders: Sequence[HolderKind] = ()
    standings: Sequence[Standing] = ()


@dataclass(frozen=True, slots=True)
class ExplanationView:
    """A decision that is not stored, with its description and steps."""

    decision: DecisionView
    text: DecisionText
    rules_name: str
    steps: list[StepView]


@dataclass(frozen=True, slots=True)
class RepeatedView:
    """A stored decision and its explanation; `same` is true if the result has not changed."""

    made: DecisionView
    explanation: ExplanationView
    same: bool


def explain_coverage(
    tx: Transaction, question: CoverageQuestion, rules: RuleSet | None = None
) -> ExplanationView:
    """Decide a question and explain each step, by `rules` or else by the rule set in force.

    Raises:
        NotAllowed: the actor is a customer.
        StateForbids: contracts are off.
        InvalidInput: the customer, org unit or item does not exist or does not fit.

    Source: product.md section 6.
    """
    tx.require(*STAFF)
    with _deciding_by(tx, rules or tx.rules) as deciding:
        return _explained(tx, decide_question(tx, question), deciding)


def explain_decision(tx: Transaction, decision_id: str, rules: RuleSet | None = None) -> RepeatedView:
    """Make a stored decision again and explain each step, by `rules` or else by its own rule set.

    For an assignment by a supervisor it shows what the rules alone would decide.

    Raises:
        NotAllowed: the actor is a customer.
        NotFound: there is no such decision.
        RuleSetGone: its rule set is no longer stored.
        RuleSetRefused: its rule set can no longer be read.
    """
    tx.require(*STAFF)
    row = _row(tx, decision_id)
    deciding = rules or RuleVersions(tx.runner).load(row.rule_set)
    facts = facts_from(row.facts)
    decision = find_coverage(facts, candidates_from(row.candidates, facts.time_zone), deciding)
    return RepeatedView(
        made=decision_view(row, tx),
        explanation=_explained(tx, decision, deciding),
        same=row.rule != ASSIGNED_MANUALLY and _result_of(decision) == _stored_result(row),
    )


def contracts_that_fit(tx: Transaction, service_request_id: str) -> list[CandidateText]:
    """The contracts that a search for a logged request would consider now, to assign one of them.

    It is empty while contracts are off or if the rules cannot be read. Raises: NotAllowed; NotFound.
    """
    tx.require(*SUPERVISORS)
    request = require_visible(tx, service_request_id)
    if not tx.settings.contracts or tx.config.rule_set is None:
        return []
    found = preview_view(tx, decide(tx, facts_of(tx, request)))
    return describe_decision(tx, found, tx.rules).candidates


def _explained(tx: Transaction, decision: CoverageDecision, rules: RuleSet) -> ExplanationView:
    candidates = [verdict.candidate for verdict in decision.candidates]
    own = [one for one in candidates if one.holder_kind == "service_request"]
    others = [one for one in candidates if one.holder_kind != "service_request"]
    own_valid = decision.rule == OWN_CONTRACT_RULE and decision.outcome == "covered"
    own_awaited = decision.rule == OWN_CONTRACT_RULE and not own_valid
    view = preview_view(tx, decision)
    reasons = {one.contract: one.standing_why for one in view.candidates}
    steps: list[StepView] = []
    if own:
        steps.append(_own_step(reasons, own, decision, "holds" if own_valid else "passed"))
    decided = own_valid
    for step in trace(rules.coverage, decision.facts, others):
        holds = not decided and step.rule.id == decision.rule
        status: Status = "unreached" if decided else "passed"
        steps.append(_view(reasons, step, "holds" if holds else status, decision.contract if holds else None))
        decided = decided or holds
    if own_awaited:
        steps.append(_own_step(reasons, own, decision, "holds"))
    elif decision.rule == NO_RULE:
        steps.append(StepView(NO_RULE, view.why, gettext("no rule matches"), False, "holds", None, []))
    return ExplanationView(view, describe_decision(tx, view, rules), rules.coverage.name, steps)


def _own_step(
    reasons: StandingWhy, own: Sequence[Candidate], decision: CoverageDecision, status: Status
) -> StepView:
    """The step for the request's own contract: before the rules if valid, after them if waited for."""
    holds = status == "holds"
    asked = [
        _asked(
            reasons,
            Asked(one, None if one.contract == decision.contract and holds else "contract is valid"),
        )
        for one in own
    ]
    why = gettext("The service request’s own contract is checked before the rules.")
    if holds:
        why = why_text(decision.why)
    taken = [replace(one, taken=one.contract == decision.contract and holds) for one in asked]
    return StepView(OWN_CONTRACT_RULE, why, gettext("Use its own contract"), True, status, None, taken)


def _view(reasons: StandingWhy, step: Step, status: Status, taken: str | None) -> StepView:
    needs_contract = step.rule.action.needs_contract
    return StepView(
        rule=step.rule.id,
        why=step.rule.why,
        action=step.rule.action.label,
        needs_contract=needs_contract,
        status=status,
        unmet=step.unmet,
        asked=[replace(_asked(reasons, one), taken=one.candidate.contract == taken) for one in step.asked],
        holders=holders_meant(step.rule) if needs_contract else (),
        standings=standings_meant(step.rule) if needs_contract else (),
    )


def _asked(reasons: StandingWhy, one: Asked) -> AskedView:
    return AskedView(
        contract=one.candidate.contract,
        number=one.candidate.number,
        type=one.candidate.type,
        holder_kind=one.candidate.holder_kind,
        standing=one.candidate.standing,
        standing_why=reasons.get(one.candidate.contract),
        unmet=one.unmet,
        taken=False,
    )


@contextmanager
def _deciding_by(tx: Transaction, rules: RuleSet) -> Iterator[RuleSet]:
    """Let a read transaction decide as if `rules` were in force."""
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
        raise NotFound(gettext("There is no such decision."))
    return row


def _result_of(decision: CoverageDecision) -> tuple[object, ...]:
    return (decision.outcome, None if decision.outcome == "created" else decision.contract, decision.params)


def _stored_result(row: Row[Any]) -> tuple[object, ...]:
    return (row.outcome, None if row.outcome == "created" else row.contract_id, row.params)
