"""Coverage preview shown next to the form that logs a service request."""

from dataclasses import dataclass
from typing import Any

from engine.contracts import PER_REQUEST
from web.languages import Texts, gettext, mark
from web.pages.context import settings
from workflows.commands.service_requests import CoverageQuestion
from workflows.contracts.queries import contract_types, read_contract
from workflows.core.errors import NotFound
from workflows.core.transaction import Transaction
from workflows.coverage.explanation import DecisionText, describe_decision
from workflows.coverage.search import preview_coverage
from workflows.views.contracts import ContractDetail, ContractTypeView
from workflows.views.decisions import DecisionView

CONSEQUENCES = Texts(
    {
        "waiting": mark("The request will be locked until that contract is active."),
        "created": mark(
            "A contract for this request will be created. "
            "The request waits until it is enabled or another contract is chosen."
        ),
        "offered": mark("The request will wait until one of these contracts is chosen."),
        "refused": mark("The request cannot be logged."),
        "uncovered": mark("The request will be opened without a contract."),
    }
)


@dataclass(frozen=True, slots=True)
class Panel:
    """A previewed decision with its explanation. `contract` is None if the user may not see it."""

    decision: DecisionView
    explanation: DecisionText
    contract: ContractDetail | None
    consequence: str
    offers: list[ContractTypeView]


def panel(tx: Transaction, question: CoverageQuestion) -> Panel | None:
    """Preview the decision; None if contracts are switched off."""
    if not settings().contracts:
        return None
    decision = preview_coverage(tx, question)
    consequence = CONSEQUENCES.get(decision.outcome, "")
    if decision.outcome == "created" and decision.params.get("enable"):
        consequence = gettext("A contract for this request will be created and is active immediately.")
    explanation = describe_decision(tx, decision, tx.rules)
    return Panel(
        decision, explanation, seen_contract(tx, decision.contract), consequence, _offers(tx, decision)
    )


def _offers(tx: Transaction, decision: DecisionView) -> list[ContractTypeView]:
    """The contract types that the decision creates or offers."""
    wanted: list[Any] = []
    if decision.outcome == "created":
        wanted = [decision.params.get("type", PER_REQUEST)]
    elif decision.outcome == "offered":
        wanted = list(decision.params.get("types", []))
    return [one for one in contract_types(tx) if one.key in wanted]


def seen_contract(tx: Transaction, contract_id: str | None) -> ContractDetail | None:
    """The contract, or None if the user may not see it (it may belong to another holder)."""
    if contract_id is None:
        return None
    try:
        return read_contract(tx, contract_id)
    except NotFound:
        return None
