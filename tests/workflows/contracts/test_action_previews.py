"""The preview of each action on a contract is what the action does; one that is refused changes nothing."""

from datetime import date, timedelta
from functools import partial
from typing import Any

import pytest

from engine.errors import DeskError
from tests.support.sample_desk import MONDAY, SampleDesk
from workflows.billing.contract_actions import perform_action, preview_action
from workflows.commands.contracts import (
    Adjust,
    AmendContract,
    CancelContract,
    EnableContract,
    Exclusions,
    HolderGiven,
    Renew,
    TopUp,
    TransferContract,
)
from workflows.reports.audit import audit_desk
from workflows.reports.impact_preview import preview_impact
from workflows.store import tables as t
from workflows.views.service_requests import MovedWorkView

DAY = timedelta(days=1)
YEAR: dict[str, Any] = {"starts_on": date(2026, 3, 1), "ends_on": date(2027, 2, 28)}
EARLIER = MONDAY + DAY


def worked_desk(sample: SampleDesk) -> str:
    """A contract of 60 minutes with work of 30, 20 and 40 minutes on two requests, and another after it."""
    contract = sample.sell("time_limited_subscription", minutes=60, time_expired="ignore", **YEAR)
    first, second = sample.log(), sample.log(item=None)
    sample.sell("support_hours", minutes=600)
    sample.clock.move(days=5)
    sample.work(first, 30, at=MONDAY)
    sample.work(second, 20, at=MONDAY + 2 * DAY)
    sample.work(first, 40, at=MONDAY + 3 * DAY)
    return contract


def everything(sample: SampleDesk) -> dict[str, list[str]]:
    return {table.name: sorted(map(str, sample.rows(table))) for table in t.metadata.sorted_tables}


def slices_of(sample: SampleDesk) -> dict[str, list[tuple[Any, ...]]]:
    """What each entry is drawn from; not by which grant: a new one has another id in the preview."""
    found: dict[str, list[tuple[Any, ...]]] = {}
    for row in sample.rows(t.work_allocation, reversed_at=None):
        found.setdefault(row.work_entry_id, []).append((row.kind, row.contract_id, row.minutes))
    return {entry: sorted(slices, key=str) for entry, slices in found.items()}


def changed(before: dict[str, Any], after: dict[str, Any]) -> dict[str, Any]:
    return {entry: slices for entry, slices in after.items() if slices != before[entry]}


def previewed_slices(moves: list[MovedWorkView]) -> dict[str, list[tuple[Any, ...]]]:
    return {
        one.id: sorted(((it.kind, it.contract, it.minutes) for it in one.after), key=str) for one in moves
    }


ACTIONS: dict[str, Any] = {
    "top up": TopUp(minutes=90, effective_at=EARLIER),
    "grant": Adjust(minutes=15, effective_at=EARLIER, reason="Goodwill"),
    "withdraw": Adjust(minutes=-5, reason="Agreed"),
    "withdraw a used grant": Adjust(minutes=-30, grant="{grant}", reason="Entered twice"),
    "renew": Renew(minutes=30),
    "amend the policy": AmendContract(effective_at=EARLIER, time_expired="rollover", reason="Agreed"),
    "exclude": AmendContract(
        effective_at=EARLIER, exclusions=Exclusions(roles=["technician"]), reason="Agreed"
    ),
    "transfer": TransferContract(holder=HolderGiven(customer="bob"), effective_at=EARLIER, reason="Sold"),
    "transfer now": TransferContract(holder=HolderGiven(customer="bob"), reason="Sold"),
    "cancel": CancelContract(effective_at=EARLIER, reason="Moved away"),
    "cancel now": CancelContract(reason="Moved away"),
}
MOVES_WORK = {"top up", "grant", "withdraw a used grant", "amend the policy", "exclude", "transfer", "cancel"}


@pytest.mark.parametrize("name", ACTIONS)
def test_the_preview_of_an_action_is_what_it_does(sample: SampleDesk, name: str) -> None:
    contract = worked_desk(sample)
    command = ACTIONS[name]
    if isinstance(command, TransferContract):
        bob = sample.customer("Bob", sample.org_unit("other"))
        command = command.model_copy(update={"holder": HolderGiven(customer=bob)})
    if name == "withdraw":
        sample.do(perform_action, contract, TopUp(minutes=50))
    if name == "withdraw a used grant":
        [grant] = sample.grants(contract)
        command = command.model_copy(update={"grant": grant.grant_id})
    stored, before = everything(sample), slices_of(sample)
    seen = preview_impact(sample.desk, sample.supervisor, lambda tx: preview_action(tx, contract, command))
    assert everything(sample) == stored
    sample.do_as(sample.supervisor, perform_action, contract, command)
    assert previewed_slices(seen.moves) == changed(before, slices_of(sample))
    assert bool(seen.moves) == (name in MOVES_WORK)
    for effect in seen.contracts:
        rows = sample.rows(t.contract, id=effect.after.id)
        balance = effect.after.balance
        assert [row.state for row in rows] == ([effect.after.state] if effect.before else [])
        if effect.before is not None:
            grants = sample.grants(effect.after.id)
            assert (balance.available, balance.drawn, balance.expired) == tuple(
                sum(getattr(row, account) for row in grants)
                for account in ("available", "consumed", "expired")
            )
    for request in seen.requests:
        assert sample.request(request.after.id).contract_id == request.after.contract
    assert sample.see(audit_desk).ok


REFUSED: list[tuple[Any, str, str]] = [
    (TopUp(), "/minutes", "Minutes must not be zero"),
    (TopUp(incidents=5), "/incidents", "measured in minutes"),
    (TopUp(minutes=5, effective_at=MONDAY - 30 * DAY), "/effective_at", "starts on 2026-03-01"),
    (TopUp(minutes=5, effective_at=MONDAY, expires_at=MONDAY), "/expires_at", "would expire before"),
    (Adjust(reason="Nothing"), "/minutes", "Minutes must not be zero"),
    (Adjust(minutes=-1000, reason="Too much"), "/minutes", "can be withdrawn"),
    (Renew(co_terminate_with="{other}"), "/co_terminate_with", "is not held by the holder of"),
    (AmendContract(reason="Nothing"), "", "Nothing would change"),
    (
        AmendContract(sla="gold", reason="Early", effective_at=MONDAY - 30 * DAY),
        "/effective_at",
        "starts on 2026-03-01",
    ),
    (AmendContract(ends_on=date(2026, 3, 3), reason="Gone by"), "/ends_on", "Give a later day"),
    (
        TransferContract(holder=HolderGiven(customer="{ann}"), reason="The same"),
        "/holder/customer",
        "is already held by Ann",
    ),
    (
        CancelContract(effective_at=MONDAY + 1000 * DAY, reason="Later"),
        "/effective_at",
        "The contract is over by then",
    ),
    (EnableContract(), "", "cannot be enabled"),
]


@pytest.mark.parametrize(("command", "pointer", "words"), REFUSED)
def test_an_action_that_is_refused_changes_nothing(
    sample: SampleDesk, command: Any, pointer: str, words: str
) -> None:
    """By its preview and by itself, with the same error, which names the field."""
    contract = worked_desk(sample)
    bob = sample.customer("Bob", sample.site)
    other = sample.sell("subscription", to=("customer", bob), **YEAR)
    given = command.model_dump_json(by_alias=True, exclude_unset=True)
    given = given.replace("{other}", other).replace("{ann}", sample.ann)
    command = type(command).model_validate_json(given)
    stored = everything(sample)
    errors = []
    for act in (preview_action, perform_action):
        with pytest.raises(DeskError, match=words) as refused:
            preview_impact(
                sample.desk, sample.supervisor, partial(act, contract_id=contract, command=command)
            )
        errors.append((str(refused.value), refused.value.values.get("pointer", "")))
        with pytest.raises(DeskError, match=words):
            sample.do_as(sample.supervisor, act, contract, command)
    assert errors[0] == errors[1]
    assert errors[0][1] == pointer
    assert everything(sample) == stored
