"""The events of scenarios. Each is a form and the use case that it calls; a new event is one function here.

An event that fails raises the use case's own refusal, which a line may expect.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from tests.support.rate_cards import rate_card
from tests.support.scenarios.forms import BadValue, Cap, Form, GrantText, Moment, Quantity
from tests.support.scenarios.story import Story
from workflows.administration.settings import change_settings
from workflows.commands.contracts import (
    Adjust,
    AmendContract,
    BorrowTerms,
    CancelContract,
    CarryOverTerms,
    DecideTopUp,
    GrantGiven,
    Renew,
    SetAutoTopUp,
    TopUp,
)
from workflows.commands.service_requests import MergeRequest, SearchCoverage, SplitRequest
from workflows.commands.work import ChangeWork, DecideEntries, WorkGiven
from workflows.contracts.amending import amend_contract
from workflows.contracts.auto_top_up import confirm_top_up, set_auto_top_up
from workflows.contracts.use_cases import adjust, cancel_contract, enable_contract, renew, top_up
from workflows.service_requests.use_cases import search_or_assign
from workflows.store import tables as t
from workflows.work.approval import approve_work, reject_work
from workflows.work.merging import merge_requests, split_request
from workflows.work.queries import read_work
from workflows.work.use_cases import change_work, delete_work, log_work


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of an event: the split of work; the instant as of which the facts of the line are asked."""

    split: tuple[str, ...] | None = None
    as_of: datetime | None = None


NOTHING_MORE = Outcome()
Verb = Callable[..., Outcome | None]
VERBS: dict[str, Verb] = {}
SPLITS: set[str] = set()
"""The forms that say where minutes went."""


def event(form: str, *, splits: bool = False) -> Callable[[Verb], Verb]:
    """Register a function as what a form does; it gets the story and the form's values in order."""

    def register(verb: Verb) -> Verb:
        VERBS[form] = verb
        if splits:
            SPLITS.add(form)
        return verb

    return register


# ------------------------------------------------------------------ contracts


@event(
    "sell CONTRACT TYPE to HOLDER [from INSTANT] [until DAY] [time expired POLICY] [not enabled]"
    " [carry CAP for NUMBER] [borrow CAP] [with GRANTS]"
)
def sell(
    story: Story,
    name: str,
    type_key: str,
    holder: str,
    start: Moment | None,
    until: Moment | None,
    policy: str | None,
    not_enabled: bool,
    carry: Cap | None,
    months: int | None,
    borrow: Cap | None,
    grants: tuple[GrantText, ...] | None,
) -> None:
    terms: dict[str, Any] = {
        "starts_at": story.instant(start) if start else None,
        "ends_on": until.wall.date() if until else None,
        "time_expired": policy,
        "enable": False if not_enabled else None,
    }
    if carry is not None:
        terms["carry_over"] = CarryOverTerms.model_validate({"months": months, **_cap(carry)})
    if borrow is not None:
        terms["borrow"] = BorrowTerms.model_validate(_cap(borrow))
    given = grants or ()
    if any(one.monthly for one in given):
        if len(given) > 1:
            raise BadValue("What is sold by the month has one allocation.")
        terms["minutes"] = given[0].quantity.amount
    elif given:
        terms["grants"] = [_grant(story, one) for one in given]
    story.name_contract(name, story.sample.sell(type_key, to=story.holder(holder), **terms), given)


@event("rate QUANTITY an hour")
def rate(story: Story, quantity: Quantity) -> None:
    """From now on, all work has this rate by the standard rate card."""
    if quantity.unit != "money":
        raise BadValue("A rate is an amount of money, such as EUR 100.00.")
    story.sample.publish_rules(rate_cards__standard=rate_card(quantity.amount))


@event("no rate")
def no_rate(story: Story) -> None:
    story.sample.publish_rules()


@event("enable CONTRACT")
def enable(story: Story, contract: str) -> None:
    story.sample.do(enable_contract, story.contract(contract))


@event("top up CONTRACT with GRANTS")
def top_up_contract(story: Story, contract: str, grants: tuple[GrantText, ...]) -> None:
    for one in grants:
        command = TopUp(**_grant(story, one).model_dump())
        story.sample.do(top_up, story.contract(contract), command)
        story.name_grants(story.contract(contract), [one.name])


@event("CONTRACT tops up MODE QUANTITY at NUMBER [up to NUMBER a month]")
def auto_top_up(
    story: Story, contract: str, mode: str, quantity: Quantity, below: int, most: int | None
) -> None:
    terms = {"mode": mode, quantity.unit: quantity.amount, "below": below, "most_per_month": most or 1}
    command = SetAutoTopUp.model_validate({"auto_top_up": terms})
    story.sample.do(set_auto_top_up, story.contract(contract), command)


@event("confirm the top-up of CONTRACT")
def confirm(story: Story, contract: str) -> None:
    [row] = story.sample.rows(t.auto_top_up, contract_id=story.contract(contract), state="draft")
    story.sample.do(confirm_top_up, story.contract(contract), row.id, DecideTopUp())


@event("withdraw QUANTITY from CONTRACT")
def withdraw(story: Story, quantity: Quantity, contract: str) -> None:
    command = Adjust.model_validate({**_amount(quantity, -1), "reason": "Agreed with the customer"})
    story.sample.do(adjust, story.contract(contract), command)


@event("withdraw QUANTITY of GRANT from CONTRACT")
def withdraw_from_grant(story: Story, quantity: Quantity, grant: str, contract: str) -> None:
    terms = {**_amount(quantity, -1), "grant": story.grants[grant], "reason": "Entered twice"}
    story.sample.do(adjust, story.contract(contract), Adjust.model_validate(terms))


@event("renew CONTRACT as CONTRACT with GRANT")
def renew_contract(story: Story, contract: str, name: str, grant: str) -> None:
    renewed = story.sample.do(renew, story.contract(contract), Renew())
    story.name_contract(name, renewed, ())
    story.name_grants(renewed, [grant])


@event("cancel contract CONTRACT")
def cancel(story: Story, contract: str) -> None:
    story.sample.do(cancel_contract, story.contract(contract), CancelContract(reason="Sold by mistake"))


@event("end CONTRACT with DAY")
def amend_end(story: Story, contract: str, last: Moment) -> None:
    command = AmendContract(ends_on=last.wall.date(), reason="Agreed with the customer")
    story.sample.do(amend_contract, story.contract(contract), command)


# ------------------------------------------------------------------ service requests


@event("log REQUEST [without item]")
def log(story: Story, name: str, without_item: bool) -> None:
    item = {"item": None} if without_item else {}
    story.name_request(name, story.sample.log(name, **item))


@event("start REQUEST")
def start_request(story: Story, request: str) -> None:
    story.sample.fire(story.request(request), "start")


@event("resolve REQUEST")
def resolve(story: Story, request: str) -> None:
    story.sample.fire(story.request(request), "resolve", note="Done")


@event("close REQUEST")
def close(story: Story, request: str) -> None:
    story.sample.fire(story.request(request), "close")


@event("reopen REQUEST")
def reopen(story: Story, request: str) -> None:
    story.sample.fire(story.request(request), "reopen")
    story.name_created_contract(request)


@event("assign CONTRACT to REQUEST")
def assign(story: Story, contract: str, request: str) -> None:
    command = SearchCoverage(contract=story.contract(contract), reason="Agreed with the customer")
    story.sample.do_as(story.sample.supervisor, search_or_assign, story.request(request), command)


@event("cancel request REQUEST")
def cancel_request(story: Story, request: str) -> None:
    story.sample.fire(story.request(request), "cancel", reason="Solved itself")


@event("merge REQUEST into REQUEST")
def merge(story: Story, request: str, into: str) -> None:
    command = MergeRequest(into=story.request(into))
    story.sample.do_as(story.sample.supervisor, merge_requests, story.request(request), command)


@event("split REQUEST")
def split(story: Story, request: str) -> None:
    story.sample.do_as(story.sample.supervisor, split_request, story.request(request), SplitRequest())
    story.name_created_contract(request)


# ------------------------------------------------------------------ work


@event("work MINUTES on REQUEST [at INSTANT] [of type WORD] [as ENTRY]", splits=True)
def work(
    story: Story, minutes: int, request: str, at: Moment | None, work_type: str | None, name: str | None
) -> Outcome:
    worked_at = story.instant(at) if at else story.sample.desk.now()
    return _work(story, request, WorkGiven(minutes=minutes, worked_at=worked_at, work_type=work_type), name)


@event("work from INSTANT to INSTANT on REQUEST [as ENTRY]", splits=True)
def work_span(story: Story, start: Moment, end: Moment, request: str, name: str | None) -> Outcome:
    command = WorkGiven(started_at=story.instant(start), ended_at=story.instant(end))
    return _work(story, request, command, name)


@event("change ENTRY to MINUTES", splits=True)
def change_minutes(story: Story, entry: str, minutes: int) -> Outcome:
    return _change(story, entry, ChangeWork(minutes=minutes))


@event("change the note of ENTRY", splits=True)
def change_note(story: Story, entry: str) -> Outcome:
    return _change(story, entry, ChangeWork(note="Described better"))


@event("move ENTRY to REQUEST", splits=True)
def move_entry(story: Story, entry: str, request: str) -> Outcome:
    return _change(story, entry, ChangeWork(service_request=story.request(request)))


@event("correct ENTRY to MINUTES", splits=True)
def correct_minutes(story: Story, entry: str, minutes: int) -> Outcome:
    """The technician corrects an entry of their own."""
    sample = story.sample
    sample.do_as(sample.technician, change_work, story.entry(entry), ChangeWork(minutes=minutes))
    return _split(story, story.entry(entry))


@event("approve ENTRIES")
def approve(story: Story, entries: tuple[str, ...]) -> None:
    _decide(story, approve_work, entries)


@event("reject ENTRIES")
def reject(story: Story, entries: tuple[str, ...]) -> None:
    _decide(story, reject_work, entries)


@event("switch approval WORD")
def switch_approval(story: Story, word: str) -> None:
    story.sample.do(change_settings, {"work_approval": word == "on"})


@event("delete ENTRY")
def delete(story: Story, entry: str) -> None:
    story.sample.do_as(
        story.sample.supervisor, lambda tx: delete_work(tx, story.entry(entry), reason="Logged twice")
    )


def _work(story: Story, request: str, command: WorkGiven, name: str | None) -> Outcome:
    sample = story.sample
    entry = sample.do_as(sample.technician, log_work, story.request(request), command)
    if name is not None:
        story.name_entry(name, entry)
    return _split(story, entry)


def _change(story: Story, name: str, command: ChangeWork) -> Outcome:
    """A supervisor corrects an entry of the technician."""
    command = command.model_copy(update={"reason": "Agreed with the customer"})
    story.sample.do_as(story.sample.supervisor, change_work, story.entry(name), command)
    return _split(story, story.entry(name))


def _decide(story: Story, use_case: Callable[..., Any], names: tuple[str, ...]) -> None:
    """A supervisor approves or rejects entries."""
    command = DecideEntries(ids=[story.entry(name) for name in names], reason="Seen")
    story.sample.do_as(story.sample.supervisor, use_case, command)


def _split(story: Story, entry: str) -> Outcome:
    parts = []
    for one in story.sample.see(read_work, entry).allocations:
        where = one.kind
        if one.kind == "grant":
            where = story.grant_names(str(one.contract))[str(one.grant)]
        elif one.kind == "covered":
            where = f"covered by {story.contract_name(one.contract)}"
        held = " held" if one.held else ""
        if one.amount is None:
            parts.append(f"{where} {one.minutes}{held}")
        else:
            whole, part = divmod(one.amount.amount_minor, 100)
            parts.append(f"{where} {whole}.{part:02d} for {one.minutes}{held}")
    return Outcome(split=tuple(parts))


# ------------------------------------------------------------------ time


@event("jobs")
def jobs(story: Story) -> None:
    story.run_jobs()


@event("check [as of INSTANT]")
def check(story: Story, as_of: Moment | None) -> Outcome:
    return Outcome(as_of=story.instant(as_of) if as_of else None)


# ------------------------------------------------------------------ helpers


def _grant(story: Story, one: GrantText) -> GrantGiven:
    if one.monthly:
        raise BadValue(f"{one.name}: only what is sold comes by the month.")
    return GrantGiven.model_validate(
        {
            **_amount(one.quantity),
            "effective_at": story.instant(one.effective) if one.effective else None,
            "expires_at": story.until(one.until) if one.until else None,
            **({"priority": one.priority} if one.priority is not None else {}),
            "scope": _only(one.work_type) if one.work_type else None,
        }
    )


def _amount(quantity: Quantity, sign: int = 1) -> dict[str, Any]:
    """A quantity as a field of a command."""
    amount = sign * quantity.amount
    if quantity.unit == "money":
        return {"money": {"amount_minor": amount, "currency": "EUR"}}
    return {quantity.unit: amount}


def _cap(cap: Cap) -> dict[str, int | None]:
    return {"cap_minutes": cap.minutes, "cap_percent": cap.percent}


def _only(work_type: str) -> dict[str, Any]:
    """The scope of a grant for work of one type."""
    return {"all": [{"name": "work_type", "operator": "equal_to", "value": work_type}]}


EVENTS = tuple(Form(text) for text in VERBS)
