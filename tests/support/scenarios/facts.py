"""What a scenario may expect of contracts, grants, service requests and holders, and how it is asked.

Contracts and grants are asked as of any instant, service requests as of now.
"""

from datetime import datetime
from typing import Any

from tests.support.scenarios.forms import BadValue, Form, Moment
from tests.support.scenarios.story import Story, UnknownName
from workflows.contracts.queries import read_contract
from workflows.service_requests.queries import read_service_request
from workflows.views.contracts import ContractDetail, UnitBalance
from workflows.work.queries import read_work

NUMBERS = ("purchased", "drawn", "held", "available", "expired")
FACTS = tuple(
    Form(text)
    for text in (
        *(f"{one} NUMBER" for one in NUMBERS),
        "carried NUMBER",
        "carried over NUMBER",
        "borrowed NUMBER",
        "is WORD",
        "awaits WORD",
        "starts DAY",
        "ends DAY",
        "covered by CONTRACT",
        "waits for CONTRACT",
        "uncovered",
    )
)
HOLDERS = ("ann", "laptop", "site", "acme")


def actual(story: Story, subject: str, form: Form, as_of: datetime | None) -> str:
    """The fact as it is, in the words of its form. Raises: UnknownName, BadValue."""
    word = form.text.split()[0]
    if subject in HOLDERS:
        answers = _of_holder(story, subject, as_of)
    elif subject in story.requests:
        if as_of is not None:
            raise BadValue("A service request is asked as of now.")
        answers = _of_request(story, subject)
    elif subject in story.entries:
        answers = {"is": f"is {story.sample.see(read_work, story.entry(subject)).state}"}
    elif subject in story.contracts:
        view = story.sample.see(read_contract, story.contract(subject), as_of=as_of)
        answers = _of_contract(story, view)
    else:
        answers = _of_grant(story, subject, as_of)
    if word not in answers:
        raise BadValue(f"{subject} has no fact {form.text!r}; it has {', '.join(answers)}.")
    return answers[word]


def expected(values: list[Any], form: Form) -> str:
    """The words of a fact as `actual` gives them."""
    shown = [one.wall.date().isoformat() if isinstance(one, Moment) else str(one) for one in values]
    return " ".join([*form.text.split()[: -1 if values else None], *shown])


def _of_contract(story: Story, view: ContractDetail) -> dict[str, str]:
    balance = view.balance.of(view.draws)
    reason = (view.pending_reason or "nothing").removeprefix("awaiting_")
    last_day = view.ends_on.isoformat() if view.ends_on else "never"
    return {
        **_numbers(balance),
        "carried": f"carried over {view.carried_over_minutes}",
        "borrowed": f"borrowed {view.borrowed_minutes}",
        "is": f"is {view.state}",
        "awaits": f"awaits {reason}",
        "starts": f"starts {view.starts_on.isoformat()}",
        "ends": f"ends {last_day}",
    }


def _of_grant(story: Story, name: str, as_of: datetime | None) -> dict[str, str]:
    """One that has not begun holds nothing yet."""
    contract_id, grant_id = story.contract_of_grant(name)
    view = story.sample.see(read_contract, contract_id, as_of=as_of)
    found = [one.balance for one in view.grants if one.id == grant_id]
    return _numbers(found[0] if found else UnitBalance())


def _of_request(story: Story, name: str) -> dict[str, str]:
    view = story.sample.see(read_service_request, story.request(name))
    outcome = view.coverage.outcome if view.coverage else "uncovered"
    contract = story.contract_name(view.coverage.contract if view.coverage else None)
    shown = {
        "covered": f"covered by {contract}",
        "waiting": f"waits for {contract}",
        "created": f"waits for {contract}",
    }.get(outcome, outcome)
    return {"is": f"is {view.state}", **dict.fromkeys(("covered", "waits", "uncovered"), shown)}


def _of_holder(story: Story, name: str, as_of: datetime | None) -> dict[str, str]:
    """Carried minutes are shown with each contract of the holder."""
    _, holder_id = story.holder(name)
    for contract_id in story.contracts.values():
        view = story.sample.see(read_contract, contract_id, as_of=as_of)
        if holder_id in view.holder.values():
            return {"carried": f"carried {view.carried_minutes}"}
    raise UnknownName(f"No line has sold {name} a contract.")


def _numbers(balance: UnitBalance) -> dict[str, str]:
    return {one: f"{one} {getattr(balance, one)}" for one in NUMBERS}
