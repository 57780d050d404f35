"""How a coverage decision comes about: the rules in order, each with its contracts, until one holds.

Source: product.md section 6, and the coverage explorer.
"""

from dataclasses import dataclass
from typing import Literal

from engine.coverage import OWN_CONTRACT_RULE
from engine.facts import Candidate
from engine.rulebook.trace import Step, trace
from workflows.commands import CoverageQuestion
from workflows.coverage import decide_question
from workflows.decisions import DecisionView, preview_view, ruled_out_words
from workflows.desk import Transaction


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
    """One rule of the set in force. After the one that holds, the others are not reached."""

    rule: str
    why: str
    action: str
    needs_contract: bool
    status: Literal["holds", "passed", "unreached"]
    unmet: str | None
    asked: list[AskedView]


@dataclass(frozen=True, slots=True)
class ExplanationView:
    """A decision that is only shown, with its steps."""

    decision: DecisionView
    rules_name: str
    steps: list[StepView]


def explain_coverage(tx: Transaction, question: CoverageQuestion) -> ExplanationView:
    """Decide for a question and tell step by step how, for staff.

    Raises: StateForbids while contracts are off; InvalidInput for a customer or item that is not there.
    """
    tx.require("administrator", "finance", "supervisor", "technician")
    decision = decide_question(tx, question)
    candidates = [verdict.candidate for verdict in decision.candidates]
    book = tx.rules.coverage
    steps: list[StepView] = []
    decided = decision.rule == OWN_CONTRACT_RULE
    for step in trace(book, decision.facts, candidates):
        holds = not decided and step.rule.id == decision.rule
        status: Literal["holds", "passed", "unreached"] = "unreached" if decided else "passed"
        steps.append(_view(tx, step, "holds" if holds else status, decision.contract if holds else None))
        decided = decided or holds
    return ExplanationView(preview_view(tx, decision), book.name, steps)


def _view(
    tx: Transaction, step: Step, status: Literal["holds", "passed", "unreached"], taken: str | None
) -> StepView:
    return StepView(
        rule=step.rule.id,
        why=step.rule.why,
        action=step.rule.action.label,
        needs_contract=step.rule.action.needs_contract,
        status=status,
        unmet=step.unmet,
        asked=[
            AskedView(
                contract=one.candidate.contract,
                number=one.candidate.number,
                type=one.candidate.type,
                holder_kind=one.candidate.holder_kind,
                standing=one.candidate.standing,
                standing_why=_standing_why(tx, one.candidate),
                unmet=one.unmet,
                taken=one.candidate.contract == taken,
            )
            for one in step.asked
        ],
    )


def _standing_why(tx: Transaction, candidate: Candidate) -> str | None:
    reason = candidate.ruled_out
    if reason is None:
        return None
    return ruled_out_words(reason.code, reason.at, reason.value, tx.settings.zone)
