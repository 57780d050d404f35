"""The coverage of a service request as text, including when its contract has ended."""

from dataclasses import dataclass

from engine.service_requests import FINISHED_STATES
from web.pages.context import now, settings, zone
from web.pages.wording.formats import day_text
from web.pages.wording.labels import OUTCOMES, Label, label_of
from workflows.views.contracts import ContractDetail
from workflows.views.service_requests import CoverageView, ServiceRequestView

AFTER_END = {
    "rollover": "is carried forward to the holder’s next contract",
    "ignore": "is recorded but not billed",
    "bill": "is billed at the overage rate",
}


@dataclass(frozen=True, slots=True)
class CoverageStatus:
    """The coverage label and, if the contract has ended, how it ended and what happens to further work."""

    label: Label
    ended: str
    time_after_end: str


def describe_coverage_status(
    request: ServiceRequestView, contract: ContractDetail | None
) -> CoverageStatus | None:
    """The coverage status of a request; `contract` is None if the user may not see it."""
    cover = request.coverage
    if cover is None:
        return None
    label = label_of(OUTCOMES, cover.outcome)
    if cover.contract_over is None:
        return CoverageStatus(label, "", "")
    number = cover.contract_number or "a contract"
    how = _how(cover, contract)
    if request.state in FINISHED_STATES:
        return CoverageStatus(Label(label.text, label.icon, "neutral"), f"{number} {how}.", "")
    ended = Label("Coverage has ended", "empty", "error")
    return CoverageStatus(ended, f"{number} {how}.", _time_after_end(contract))


def describe_unlock_condition(request: ServiceRequestView, contract: ContractDetail | None) -> str:
    """What unlocks a waiting request, as the end of a sentence; "" if it is not locked."""
    if request.state != "pending_no_contract" or request.coverage is None:
        return ""
    if contract is None or contract.state != "pending":
        offered = request.coverage.outcome == "offered"
        return f"as soon as {'one of these contracts is chosen' if offered else 'a contract covers it'}"
    if contract.pending_reason == "awaiting_start":
        today = now().astimezone(zone()).date()
        return f"when {contract.number} starts on {day_text(contract.starts_on, today)}"
    if contract.pending_reason == "awaiting_payment":
        return f"when finance records the payment for {contract.number}"
    return f"when {contract.number} is enabled by finance or a supervisor"


def _how(cover: CoverageView, contract: ContractDetail | None) -> str:
    today = now().astimezone(zone()).date()
    if cover.contract_over == "expired" and cover.contract_ends_on is not None:
        return f"ended on {day_text(cover.contract_ends_on, today)}"
    if cover.contract_over == "cancelled":
        at = contract.cancelled_at if contract is not None else None
        return f"was cancelled on {day_text(at.astimezone(zone()).date(), today)}" if at else "was cancelled"
    return "is used up" if cover.contract_over == "exhausted" else "ended with its request"


def _time_after_end(contract: ContractDetail | None) -> str:
    """What happens to further work. Source: product.md section 7."""
    policy = (contract.time_expired if contract is not None else None) or settings().time_expired_contract
    if policy is None:
        return ""
    time_after_end = AFTER_END[policy]
    if settings().cascade:
        return (
            "Further work is drawn from the next valid contract, if there is one. "
            f"Otherwise it {time_after_end}."
        )
    return f"Further work {time_after_end}."
