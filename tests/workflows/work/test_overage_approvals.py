"""Asking the customer before work goes past what a contract pays, or past its limit."""

from datetime import timedelta
from typing import Any

import pytest

from engine.approvals import ApprovalAnswer
from tests.support.sample_desk import SampleDesk
from workflows.billing.overage.reading import read_uncharged
from workflows.commands.approvals import AnswerApproval, AskApproval
from workflows.commands.contracts import AmendContract, HolderGiven, NotToExceedGiven, TransferContract
from workflows.commands.fields import MoneyGranted, RateGiven
from workflows.commands.service_requests import MergeRequest
from workflows.commands.work import ChangeWork, DecideEntries, WorkGiven
from workflows.contracts.amending import amend_contract, transfer_contract
from workflows.core.actors import Actor
from workflows.core.errors import InvalidInput, NotAllowed, NotFound, StateForbids
from workflows.notifications.mail_links import make_approval_secret
from workflows.store import tables as t
from workflows.work.approval import reject_work
from workflows.work.approval_queries import approvals_of, list_approvals, read_approval
from workflows.work.beyond_contracts import ApprovalRequired
from workflows.work.merging import merge_requests
from workflows.work.overage_approvals import (
    ApprovalLinkNotValid,
    answer_approval,
    answer_by_link,
    ask_approval,
)
from workflows.work.queries import preview_view
from workflows.work.use_cases import change_work, delete_work, log_work, preview_change, preview_work


@pytest.fixture(autouse=True)
def asking(sample: SampleDesk) -> None:
    sample.set(overage="ask", invoices=True, default_overage_rate_minor=12_000)


def ann(sample: SampleDesk) -> Actor:
    return Actor(None, "Ann", "customer", sample.ann)


def log(sample: SampleDesk, request: str, minutes: int, **given: Any) -> str:
    given.setdefault("worked_at", sample.clock.now())
    return sample.do_as(sample.technician, log_work, request, WorkGiven(minutes=minutes, **given))


def ask(sample: SampleDesk, request: str, minutes: int | None = None, **given: Any) -> str:
    command = AskApproval(minutes=minutes, reason="The disk has to be restored.", **given)
    return sample.do_as(sample.technician, ask_approval, request, command)


def answer(sample: SampleDesk, approval: str, kind: ApprovalAnswer = "approved", **given: Any) -> str:
    return sample.do_as(ann(sample), answer_approval, approval, AnswerApproval(**given), kind, "192.0.2.1")


def seen(sample: SampleDesk, approval: str) -> Any:
    return sample.do_as(sample.technician, read_approval, approval)


def test_work_past_what_the_contract_pays_is_refused_until_the_customer_approves(sample: SampleDesk) -> None:
    sample.sell("support_hours", minutes=30)
    request = sample.log()
    with pytest.raises(ApprovalRequired) as refused:
        log(sample, request, 50)
    assert refused.value.values["missing_minutes"] == 20
    preview: Any = refused.value.values["preview"]
    assert [one.kind for one in preview.allocations] == ["grant", "carried"]
    assert sample.entries(request) == []
    approval = ask(sample, request, 60)
    assert seen(sample, approval).state == "asked"
    with pytest.raises(ApprovalRequired):
        log(sample, request, 50)
    answer(sample, approval, minutes=45, comment="No more")
    entry = log(sample, request, 50)
    found = seen(sample, approval)
    assert (found.state, found.approved_minutes, found.used_minutes, found.rest_minutes) == (
        "approved",
        45,
        20,
        25,
    )
    with pytest.raises(ApprovalRequired) as refused:
        log(sample, request, 30)
    assert refused.value.values["missing_minutes"] == 5
    log(sample, request, 25)
    assert seen(sample, approval).rest_minutes == 0
    sample.do_as(sample.technician, delete_work, entry)
    assert seen(sample, approval).rest_minutes == 45


def test_a_correction_uses_and_gives_back(sample: SampleDesk) -> None:
    sample.sell("support_hours", minutes=30)
    request = sample.log()
    approval = ask(sample, request, 60)
    answer(sample, approval)
    entry = log(sample, request, 50)
    sample.do_as(sample.technician, change_work, entry, ChangeWork(minutes=40))
    assert seen(sample, approval).rest_minutes == 50
    with pytest.raises(ApprovalRequired):
        sample.do_as(sample.technician, change_work, entry, ChangeWork(minutes=100))
    sample.do_as(sample.technician, change_work, entry, ChangeWork(minutes=90))
    assert seen(sample, approval).rest_minutes == 0


def test_a_late_entry_that_pushes_another_one_past_the_contract_is_asked_for(sample: SampleDesk) -> None:
    sample.sell("support_hours", minutes=30)
    request = sample.log()
    sample.clock.move(hours=2)
    log(sample, request, 30)
    early = sample.clock.now() - timedelta(hours=1)
    with pytest.raises(ApprovalRequired):
        log(sample, request, 20, worked_at=early)
    approval = ask(sample, request, 20)
    answer(sample, approval)
    log(sample, request, 20, worked_at=early)
    assert seen(sample, approval).rest_minutes == 0


def test_an_approval_in_money_counts_down_by_the_price_of_an_hour(sample: SampleDesk) -> None:
    sample.sell("support_hours", minutes=30, time_expired="bill", overage_rate=RateGiven(amount_minor=6_000))
    request = sample.log()
    approval = ask(sample, request, amount=MoneyGranted(amount_minor=3_000))
    answer(sample, approval)
    log(sample, request, 50)
    found = seen(sample, approval)
    assert (found.used_amount.amount_minor, found.rest_amount.amount_minor) == (2_000, 1_000)
    with pytest.raises(ApprovalRequired):
        log(sample, request, 11)


def test_work_beyond_approval_is_marked_mailed_and_not_billed_until_approved(sample: SampleDesk) -> None:
    sample.sell("support_hours", minutes=30, time_expired="bill", overage_rate=RateGiven(amount_minor=6_000))
    request = sample.log()
    entry = log(sample, request, 50, beyond_approval="The server was down.")
    [row] = sample.rows(t.work_entry, id=entry)
    assert (row.unapproved_minutes, row.unapproved_reason) == (20, "The server was down.")
    assert sample.rows(t.outbox, event="work_beyond_approval")
    later = sample.clock.now() + timedelta(days=60)
    assert sample.do(read_uncharged, before=later) == []
    approval = ask(sample, request, 60)
    answer(sample, approval)
    assert sample.rows(t.work_entry, id=entry)[0].unapproved_minutes is None
    assert seen(sample, approval).rest_minutes == 40
    assert [one.minutes for one in sample.do(read_uncharged, before=later)] == [20]


@pytest.mark.parametrize("kind", ["subscription", "support_hours"])
def test_what_went_past_a_limit_in_an_emergency_is_approved_afterwards(sample: SampleDesk, kind: str) -> None:
    minutes = 600 if kind == "support_hours" else None
    sample.sell(kind, not_to_exceed=NotToExceedGiven(per="contract", minutes=30), minutes=minutes)
    request = sample.log()
    entry = log(sample, request, 50, beyond_approval="The server was down.")
    assert sample.rows(t.work_entry, id=entry)[0].unapproved_minutes == 20
    answer(sample, ask(sample, request, 15))
    assert sample.rows(t.work_entry, id=entry)[0].unapproved_minutes == 5
    answer(sample, ask(sample, request, 30))
    assert sample.rows(t.work_entry, id=entry)[0].unapproved_minutes is None
    assert [seen(sample, one.id).rest_minutes for one in sample.rows(t.approval)] == [0, 25]


def test_the_approvals_of_a_merged_request_are_shown_where_they_count(sample: SampleDesk) -> None:
    sample.sell("support_hours", minutes=30)
    merged, request = sample.log(), sample.log("The same disk")
    approval = ask(sample, merged, 60)
    sample.do_as(sample.supervisor, merge_requests, merged, MergeRequest(into=request))
    for actor in (sample.technician, ann(sample)):
        assert [one.id for one in sample.do_as(actor, approvals_of, request)] == [approval]
        found = sample.do_as(actor, lambda tx: list_approvals(tx, service_request=request))
        assert [(one.id, one.state) for one in found.items] == [(approval, "asked")]
    answer(sample, approval)
    log(sample, request, 50)
    assert seen(sample, approval).rest_minutes == 40


@pytest.mark.parametrize(("per", "third"), [("contract", True), ("month", True), ("service_request", False)])
def test_limits_count_over_their_scope(sample: SampleDesk, per: Any, third: bool) -> None:
    sample.sell("subscription", not_to_exceed=NotToExceedGiven(per=per, minutes=60))
    first, second = sample.log(), sample.log("Another one")
    log(sample, first, 60)
    with pytest.raises(ApprovalRequired):
        log(sample, first, 1)
    if third:
        with pytest.raises(ApprovalRequired):
            log(sample, second, 1)
    else:
        log(sample, second, 60)
    approval = ask(sample, first, 30)
    answer(sample, approval)
    entry = log(sample, first, 20)
    assert seen(sample, approval).rest_minutes == 10
    sample.do_as(sample.technician, delete_work, entry)
    assert seen(sample, approval).rest_minutes == 30


def test_a_limit_in_money_counts_what_grants_of_money_pay(sample: SampleDesk) -> None:
    sample.set(overage="go_on")
    contract = sample.sell("subscription", overage="ask")
    limit = NotToExceedGiven(per="month", amount=MoneyGranted(amount_minor=1_000))
    sample.do(amend_contract, contract, AmendContract(not_to_exceed=limit, reason="As agreed"))
    request = sample.log()
    log(sample, request, 600)
    assert sample.contract(contract).not_to_exceed["amount_minor"] == 1_000


def test_notify_writes_to_the_customer_and_lets_the_work_go_on(sample: SampleDesk) -> None:
    sample.sell("support_hours", minutes=30, overage="notify")
    request = sample.log()
    log(sample, request, 50)
    [mail] = sample.rows(t.outbox, event="work_beyond")
    assert mail.recipient == sample.rows(t.customer, id=sample.ann)[0].email


def test_an_approval_lapses(sample: SampleDesk) -> None:
    sample.sell("support_hours", minutes=30)
    request = sample.log()
    approved, open_one = ask(sample, request, 60), ask(sample, request, 60)
    answer(sample, approved)
    sample.clock.move(days=14)
    assert (seen(sample, approved).state, seen(sample, open_one).state) == ("lapsed", "lapsed")
    with pytest.raises(StateForbids):
        answer(sample, open_one)
    with pytest.raises(ApprovalRequired):
        log(sample, request, 50)
    listed = sample.do_as(sample.technician, list_approvals, state="lapsed")
    assert {one.id for one in listed.items} == {approved, open_one}


def test_who_may_answer(sample: SampleDesk) -> None:
    request = sample.log()
    approval = ask(sample, request, 60)
    bob = Actor(None, "Bob", "customer", sample.customer("Bob", sample.site))
    with pytest.raises(NotFound):
        sample.do_as(bob, answer_approval, approval, AnswerApproval(), "approved", "")
    with pytest.raises(NotAllowed):
        sample.do_as(sample.technician, answer_approval, approval, AnswerApproval(name="Ann"), "approved", "")
    with pytest.raises(InvalidInput):
        sample.do(answer_approval, approval, AnswerApproval(), "approved", "")
    with pytest.raises(InvalidInput):
        answer(sample, approval, minutes=61)
    answer(sample, approval, "declined", comment="Too much")
    answer(sample, approval, "declined")
    with pytest.raises(StateForbids):
        answer(sample, approval)
    assert seen(sample, approval).comment == "Too much"
    assert sample.do_as(bob, list_approvals).items == []


def test_the_link_answers_once(sample: SampleDesk) -> None:
    request = sample.log()
    approval = ask(sample, request, 60)
    [link] = sample.rows(t.approval_link)
    secret = sample.do(make_approval_secret, link.id)
    command = AnswerApproval(name="Ann Jones", minutes=30)
    nobody = Actor(None, "Nobody", "customer")
    with pytest.raises(ApprovalLinkNotValid):
        sample.do_as(nobody, answer_by_link, "wrong", command, "approved", "")
    sample.do_as(nobody, answer_by_link, secret, command, "approved", "192.0.2.1")
    [stored] = sample.rows(t.approval_answer)
    assert (stored.way, stored.name, stored.minutes, stored.address) == ("link", "Ann Jones", 30, "192.0.2.1")
    with pytest.raises(StateForbids):
        sample.do_as(nobody, answer_by_link, secret, command, "declined", "")
    assert seen(sample, approval).state == "approved"


def test_a_rejected_entry_gives_back_what_it_used(sample: SampleDesk) -> None:
    sample.set(work_approval=True)
    sample.sell("support_hours", minutes=30)
    request = sample.log()
    approval = ask(sample, request, 60)
    answer(sample, approval)
    entry = log(sample, request, 50)
    assert seen(sample, approval).rest_minutes == 40
    sample.do(reject_work, DecideEntries(ids=[entry]))
    assert seen(sample, approval).rest_minutes == 60


# ------------------------------------------------------------------ the preview


FIGURES = ("contract", "beyond_minutes", "approved_minutes", "missing_minutes", "service_requests")


def announced(sample: SampleDesk, use_case: Any, subject: str, command: Any) -> Any:
    """What the preview says of the customer's approval."""
    who = sample.technician
    return sample.see_as(who, lambda tx: preview_view(tx, use_case(tx, subject, command))).approval


def refused_as_announced(
    sample: SampleDesk, preview: Any, use_case: Any, subject: str, command: Any
) -> ApprovalRequired:
    """Check that saving is refused with what the preview has said, and show the error."""
    before = announced(sample, preview, subject, command)
    with pytest.raises(ApprovalRequired) as refused:
        sample.do_as(sample.technician, use_case, subject, command)
    found = refused.value
    assert before.is_refused
    assert {name: getattr(before, name) for name in FIGURES} == {name: found.values[name] for name in FIGURES}
    assert f"{before.detail} {before.remedy}" == str(found)
    return found


def given_work(sample: SampleDesk, minutes: int, **given: Any) -> WorkGiven:
    given.setdefault("worked_at", sample.clock.now())
    return WorkGiven(minutes=minutes, **given)


def test_the_preview_says_that_saving_would_be_refused(sample: SampleDesk) -> None:
    sample.sell("support_hours", minutes=30)
    request = sample.log()
    assert announced(sample, preview_work, request, given_work(sample, 30)) is None
    refused_as_announced(sample, preview_work, log_work, request, given_work(sample, 50))
    urgent = announced(sample, preview_work, request, given_work(sample, 50, beyond_approval="It is down."))
    assert (urgent.is_refused, urgent.missing_minutes, urgent.service_request) == (False, 20, request)
    approval = ask(sample, request, 15)
    answer(sample, approval)
    found = announced(sample, preview_work, request, given_work(sample, 50))
    assert (found.beyond_minutes, found.approved_minutes, found.missing_minutes) == (20, 15, 5)
    refused_as_announced(sample, preview_work, log_work, request, given_work(sample, 50))
    assert announced(sample, preview_work, request, given_work(sample, 45)) is None
    assert sample.entries(request) == []
    assert seen(sample, approval).rest_minutes == 15


def test_the_preview_of_a_late_entry_names_the_requests_that_it_pushes_past(sample: SampleDesk) -> None:
    sample.sell("support_hours", minutes=30)
    first, second = sample.log(), sample.log("Another one")
    sample.clock.move(hours=2)
    log(sample, first, 30)
    late = given_work(sample, 20, worked_at=sample.clock.now() - timedelta(hours=1))
    found = refused_as_announced(sample, preview_work, log_work, second, late)
    assert found.values["service_requests"] == [sample.request(first).number]
    assert announced(sample, preview_work, second, late).service_request == first


def test_the_preview_of_a_change_says_it_and_its_refusal_shows_the_split(sample: SampleDesk) -> None:
    sample.sell("support_hours", minutes=30)
    request = sample.log()
    approval = ask(sample, request, 10)
    answer(sample, approval)
    entry = log(sample, request, 40)
    assert announced(sample, preview_change, entry, ChangeWork(note="Longer")) is None
    assert announced(sample, preview_change, entry, ChangeWork(minutes=35)) is None
    refused = refused_as_announced(sample, preview_change, change_work, entry, ChangeWork(minutes=100))
    preview: Any = refused.values["preview"]
    assert [(one.kind, one.minutes) for one in preview.allocations] == [("grant", 30), ("carried", 70)]
    assert (preview.worked_minutes, list(preview.leaves.values())) == (100, [0])


@pytest.mark.parametrize("per", ["contract", "month", "service_request"])
def test_a_moved_entry_counts_against_the_limit_where_it_goes(sample: SampleDesk, per: Any) -> None:
    sample.sell("subscription", not_to_exceed=NotToExceedGiven(per=per, minutes=60))
    first, second = sample.log(), sample.log("Another one")
    if per == "service_request":
        log(sample, second, 30)
    entry = log(sample, first, 50)
    if per == "service_request":
        change = ChangeWork(service_request=second)
        refused = refused_as_announced(sample, preview_change, change_work, entry, change)
        assert refused.values["missing_minutes"] == 20
        approval = ask(sample, second, 20)
        answer(sample, approval)
        sample.do_as(sample.technician, change_work, entry, change)
        assert seen(sample, approval).rest_minutes == 0
    change = ChangeWork(minutes=70)
    refused = refused_as_announced(sample, preview_change, change_work, entry, change)
    assert refused.values["missing_minutes"] == (20 if per == "service_request" else 10)


def test_a_limit_in_money_is_announced_alike(sample: SampleDesk) -> None:
    limit = NotToExceedGiven(per="contract", amount=MoneyGranted(amount_minor=2_000))
    sample.sell(
        "support_hours",
        minutes=30,
        time_expired="bill",
        overage_rate=RateGiven(amount_minor=6_000),
        not_to_exceed=limit,
    )
    request = sample.log()
    answer(sample, ask(sample, request, 10))
    refused_as_announced(sample, preview_work, log_work, request, given_work(sample, 65))
    log(sample, request, 40)
    refused_as_announced(sample, preview_work, log_work, request, given_work(sample, 15))


def test_a_contract_that_has_gone_to_another_customer_loses_its_number(sample: SampleDesk) -> None:
    contract = sample.sell("support_hours", minutes=30)
    request = sample.log()
    approval = ask(sample, request, 60)
    number = sample.contract(contract).number
    assert sample.do_as(ann(sample), read_approval, approval).preview.contract_number == number
    holder = HolderGiven(customer=sample.customer("Bob", sample.site))
    sample.do(transfer_contract, contract, TransferContract(holder=holder, reason="Agreed"))
    of_ann = [
        sample.do_as(ann(sample), read_approval, approval),
        *sample.see_as(ann(sample), list_approvals).items,
        *sample.see_as(ann(sample), approvals_of, request),
    ]
    assert [one.preview.contract_number for one in of_ann] == [None] * 3
    assert seen(sample, approval).preview.contract_number == number
