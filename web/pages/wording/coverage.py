"""The coverage of a service request as text, including when its contract has ended."""

from dataclasses import dataclass

from engine.service_requests import FINISHED_STATES
from web.languages import Texts, gettext, mark
from web.pages.context import now, settings, zone
from web.pages.wording.formats import day_text
from web.pages.wording.labels import OUTCOMES, Label, label_of
from workflows.coverage.unlocking import AwaitedContract, unlock_condition
from workflows.views.contracts import ContractDetail
from workflows.views.service_requests import CoverageView, ServiceRequestView

AFTER_END = Texts(
    {
        "rollover": mark("Further work is carried forward to the holder’s next contract."),
        "ignore": mark("Further work is recorded but not billed."),
        "bill": mark("Further work is billed at the overage rate."),
    }
)
AFTER_END_OR_NEXT = Texts(
    {
        "rollover": mark(
            "Further work is drawn from the next valid contract, if there is one. "
            "Otherwise it is carried forward to the holder’s next contract."
        ),
        "ignore": mark(
            "Further work is drawn from the next valid contract, if there is one. "
            "Otherwise it is recorded but not billed."
        ),
        "bill": mark(
            "Further work is drawn from the next valid contract, if there is one. "
            "Otherwise it is billed at the overage rate."
        ),
    }
)
"""Where work may be drawn from another contract once the first has ended."""


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
    how = _how(cover, contract)
    if request.state in FINISHED_STATES:
        return CoverageStatus(Label(label.text, label.icon, "neutral"), how, "")
    ended = Label(gettext("Coverage has ended"), "empty", "error")
    return CoverageStatus(ended, how, _time_after_end(contract))


def describe_unlock_condition(request: ServiceRequestView, contract: ContractDetail | None) -> str:
    """What unlocks a waiting request, as the end of a sentence; "" if it is not locked."""
    if request.state != "pending_no_contract" or request.coverage is None:
        return ""
    awaited = None
    if contract is not None and contract.state == "pending":
        day = day_text(contract.starts_on, now().astimezone(zone()).date())
        awaited = AwaitedContract(contract.number, contract.pending_reason, day)
    return unlock_condition(request.coverage.outcome, awaited)


def _how(cover: CoverageView, contract: ContractDetail | None) -> str:
    """How the contract ended, as a sentence."""
    number = cover.contract_number or gettext("a contract")
    today = now().astimezone(zone()).date()
    if cover.contract_over == "expired" and cover.contract_ends_on is not None:
        day = day_text(cover.contract_ends_on, today)
        return gettext("%(number)s ended on %(day)s.", number=number, day=day)
    if cover.contract_over == "cancelled":
        at = contract.cancelled_at if contract is not None else None
        if at is None:
            return gettext("%(number)s was cancelled.", number=number)
        day = day_text(at.astimezone(zone()).date(), today)
        return gettext("%(number)s was cancelled on %(day)s.", number=number, day=day)
    if cover.contract_over == "exhausted":
        return gettext("%(number)s is used up.", number=number)
    return gettext("%(number)s ended with its request.", number=number)


def _time_after_end(contract: ContractDetail | None) -> str:
    """What happens to further work. Source: product.md section 7."""
    policy = (contract.time_expired if contract is not None else None) or settings().time_expired_contract
    if policy is None:
        return ""
    return AFTER_END_OR_NEXT[policy] if settings().cascade else AFTER_END[policy]
