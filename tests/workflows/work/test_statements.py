"""A work entry locks each of its contracts once and reads the grants of each once, whatever it does."""

from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import event

from tests.support.office import MONDAY, Office
from workflows.commands.contracts import GrantGiven
from workflows.commands.work import ChangeWork, WorkGiven
from workflows.store import tables as t
from workflows.work.use_cases import change_work, delete_work, log_work, preview_work

WHOLE_ROWS = "FROM contract \nWHERE contract.id "


@dataclass
class Statements:
    """The ids of the contracts that were locked and whose grants were read, in the order of the statements.

    SQLite has no FOR UPDATE: there every read of whole contract rows counts as a lock.
    """

    locked: list[str] = field(default_factory=list)
    grants_read: list[str] = field(default_factory=list)
    requests_locked_before: int = 0
    contracts: set[str] = field(default_factory=set)

    def listen(self, _c: Any, _k: Any, statement: str, parameters: Any, *_: Any) -> None:
        values = [str(one) for one in (parameters.values() if isinstance(parameters, dict) else parameters)]
        if statement.startswith("SELECT contract.id, contract.number") and WHOLE_ROWS in statement:
            self.locked += values
        elif statement.startswith("SELECT") and "FROM contract_grant" in statement:
            self.grants_read += [one for one in values if one in self.contracts]
        elif "FROM service_request" in statement and "FOR UPDATE" in statement and not self.locked:
            self.requests_locked_before += 1


@contextmanager
def counted(office: Office) -> Iterator[Statements]:
    sent = Statements(contracts={row.id for row in office.rows(t.contract)})
    engine = office.desk.database.engine
    event.listen(engine, "before_cursor_execute", sent.listen)
    try:
        yield sent
    finally:
        event.remove(engine, "before_cursor_execute", sent.listen)


def entry_of(office: Office, request: str) -> str:
    return str(max(office.entries(request), key=lambda row: row.id).id)


def worked(minutes: int, **given: Any) -> Callable[[Office, str], None]:
    """Log minutes; `hours_ago` is when they were worked."""

    def act(office: Office, request: str) -> None:
        at = office.clock.now() - timedelta(hours=given.get("hours_ago", 0))
        office.do_as(office.technician, log_work, request, WorkGiven(minutes=minutes, worked_at=at))

    return act


def changed(minutes: int) -> Callable[[Office, str], None]:
    def act(office: Office, request: str) -> None:
        office.do_as(office.technician, change_work, entry_of(office, request), ChangeWork(minutes=minutes))

    return act


def deleted(office: Office, request: str) -> None:
    office.do_as(office.technician, delete_work, entry_of(office, request))


def one_contract(office: Office) -> tuple[str, set[str]]:
    grants = [GrantGiven(minutes=20), GrantGiven(minutes=30), GrantGiven(minutes=100)]
    hours = office.sell("support_hours", grants=grants)
    request = office.log()
    office.work(request, 40)
    return request, {hours}


def subscription(office: Office) -> tuple[str, set[str]]:
    covering = office.sell("subscription")
    request = office.log()
    office.work(request, 40)
    return request, {covering}


def used_up(office: Office) -> tuple[str, set[str]]:
    """The policy takes the time past the end: it is carried, and no later contract is there to take it."""
    hours = office.sell("support_hours", minutes=60)
    request = office.log()
    office.work(request, 90)
    return request, {hours}


def rolled_over(office: Office) -> tuple[str, set[str]]:
    """The time carried from one contract was drawn from the holder's next."""
    hours = office.sell("support_hours", minutes=30)
    request = office.log()
    office.work(request, 60)
    office.clock.move(hours=1)
    following = office.sell("support_hours", minutes=600)
    office.clock.move(hours=1)
    return request, {hours, following}


def cascading(office: Office) -> tuple[str, set[str]]:
    office.set(cascade=True)
    contracts = {
        office.sell("support_hours", minutes=20, to=("item", office.laptop)),
        office.sell("support_hours", minutes=30),
        office.sell("support_hours", minutes=500, to=("org_unit", office.site)),
    }
    request = office.log()
    office.work(request, 55)
    return request, contracts


def expired(office: Office) -> tuple[str, set[str]]:
    """What is logged late was worked before the end: expired minutes are restored, then drawn."""
    hours = office.sell("time_limited_subscription", minutes=600, ends_on=MONDAY.date())
    request = office.log()
    office.work(request, 60)
    office.clock.at = MONDAY + timedelta(days=1)
    office.work(request, 10, at=MONDAY)
    return request, {hours}


STORIES = (one_contract, subscription, used_up, rolled_over, cascading, expired)


@pytest.mark.parametrize(
    "act", [worked(25), changed(35), changed(5), deleted], ids=["log", "more", "less", "delete"]
)
@pytest.mark.parametrize("story", STORIES, ids=[one.__name__ for one in STORIES])
def test_each_contract_is_locked_once_and_its_grants_are_read_once(
    office: Office, story: Callable[[Office], tuple[str, set[str]]], act: Callable[[Office, str], None]
) -> None:
    request, contracts = story(office)
    with counted(office) as sent:
        act(office, request)
    assert sent.locked
    assert set(sent.locked) | set(sent.grants_read) <= contracts
    assert Counter(sent.locked).most_common(1)[0][1] == 1, sent.locked
    assert Counter(sent.grants_read) == Counter(sent.locked)
    if not office.desk.database.is_sqlite:
        assert sent.requests_locked_before == 1


def test_work_from_an_earlier_hour_locks_the_later_contract_once_too(office: Office) -> None:
    request, contracts = rolled_over(office)
    with counted(office) as sent:
        worked(25, hours_ago=2)(office, request)
    assert Counter(sent.locked) == Counter(contracts)
    assert Counter(sent.grants_read) == Counter(contracts)


def test_payers_are_locked_in_the_order_of_their_ids(office: Office) -> None:
    """The covering contract is the youngest, so that it would be locked first by its rank."""
    office.set(cascade=True)
    office.sell("support_hours", minutes=500, to=("org_unit", office.site))
    office.sell("support_hours", minutes=30)
    covering = office.sell("support_hours", minutes=20, to=("item", office.laptop))
    request = office.log()
    assert office.request(request).contract_id == covering
    with counted(office) as sent:
        worked(60)(office, request)
    assert sent.locked == sorted(sent.locked)
    assert len(sent.locked) == 3
    assert office.allocations(entry_of(office, request)) == [("grant", 20), ("grant", 30), ("grant", 10)]


def test_a_preview_locks_nothing_and_reads_the_grants_of_its_payers_once(office: Office) -> None:
    request, contracts = cascading(office)
    with counted(office) as sent:
        command = WorkGiven(minutes=30, worked_at=office.clock.now())
        planned = office.see_as(office.technician, preview_work, request, command)
    assert {payer.contract for payer in planned.payers} <= contracts
    assert Counter(sent.grants_read).most_common(1)[0][1] == 1
    assert sent.requests_locked_before == 0
