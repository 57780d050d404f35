"""A work entry locks each of its contracts once and reads the grants of each once, whatever it does."""

import json
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import event

from tests.support.sample_desk import MONDAY, SampleDesk
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
        given = parameters.values() if isinstance(parameters, dict) else parameters
        values = [value for one in given for value in texts_in(one)]
        if statement.startswith("SELECT contract.id, contract.number") and WHOLE_ROWS in statement:
            self.locked += values
        elif statement.startswith(("SELECT", "WITH")) and "FROM contract_grant" in statement:
            self.grants_read += [one for one in values if one in self.contracts]
        elif "FROM service_request" in statement and "FOR NO KEY UPDATE" in statement and not self.locked:
            self.requests_locked_before += 1


def texts_in(parameter: Any) -> list[str]:
    """The texts that a statement was given: a list of ids is one parameter, on SQLite as JSON."""
    if isinstance(parameter, str) and parameter.startswith("["):
        return list(json.loads(parameter))
    return [str(one) for one in parameter] if isinstance(parameter, list) else [str(parameter)]


@contextmanager
def counted(sample: SampleDesk) -> Iterator[Statements]:
    sent = Statements(contracts={row.id for row in sample.rows(t.contract)})
    engine = sample.desk.database.engine
    event.listen(engine, "before_cursor_execute", sent.listen)
    try:
        yield sent
    finally:
        event.remove(engine, "before_cursor_execute", sent.listen)


def entry_of(sample: SampleDesk, request: str) -> str:
    return str(max(sample.entries(request), key=lambda row: row.id).id)


def worked(minutes: int, **given: Any) -> Callable[[SampleDesk, str], None]:
    """Log minutes; `hours_ago` is when they were worked."""

    def act(sample: SampleDesk, request: str) -> None:
        at = sample.clock.now() - timedelta(hours=given.get("hours_ago", 0))
        sample.do_as(sample.technician, log_work, request, WorkGiven(minutes=minutes, worked_at=at))

    return act


def changed(minutes: int) -> Callable[[SampleDesk, str], None]:
    def act(sample: SampleDesk, request: str) -> None:
        sample.do_as(sample.technician, change_work, entry_of(sample, request), ChangeWork(minutes=minutes))

    return act


def deleted(sample: SampleDesk, request: str) -> None:
    sample.do_as(sample.technician, delete_work, entry_of(sample, request))


def one_contract(sample: SampleDesk) -> tuple[str, set[str]]:
    grants = [GrantGiven(minutes=20), GrantGiven(minutes=30), GrantGiven(minutes=100)]
    hours = sample.sell("support_hours", grants=grants)
    request = sample.log()
    sample.work(request, 40)
    return request, {hours}


def subscription(sample: SampleDesk) -> tuple[str, set[str]]:
    covering = sample.sell("subscription")
    request = sample.log()
    sample.work(request, 40)
    return request, {covering}


def used_up(sample: SampleDesk) -> tuple[str, set[str]]:
    """The policy takes the time past the end: it is carried, and no later contract is there to take it."""
    hours = sample.sell("support_hours", minutes=60)
    request = sample.log()
    sample.work(request, 90)
    return request, {hours}


def rolled_over(sample: SampleDesk) -> tuple[str, set[str]]:
    """The time carried from one contract was drawn from the holder's next."""
    hours = sample.sell("support_hours", minutes=30)
    request = sample.log()
    sample.work(request, 60)
    sample.clock.move(hours=1)
    following = sample.sell("support_hours", minutes=600)
    sample.clock.move(hours=1)
    return request, {hours, following}


def cascading(sample: SampleDesk) -> tuple[str, set[str]]:
    sample.set(cascade=True)
    contracts = {
        sample.sell("support_hours", minutes=20, to=("item", sample.laptop)),
        sample.sell("support_hours", minutes=30),
        sample.sell("support_hours", minutes=500, to=("org_unit", sample.site)),
    }
    request = sample.log()
    sample.work(request, 55)
    return request, contracts


def expired(sample: SampleDesk) -> tuple[str, set[str]]:
    """What is logged late was worked before the end: expired minutes are restored, then drawn."""
    hours = sample.sell("time_limited_subscription", minutes=600, ends_on=MONDAY.date())
    request = sample.log()
    sample.work(request, 60)
    sample.clock.at = MONDAY + timedelta(days=1)
    sample.work(request, 10, at=MONDAY)
    return request, {hours}


STORIES = (one_contract, subscription, used_up, rolled_over, cascading, expired)


@pytest.mark.parametrize(
    "act", [worked(25), changed(35), changed(5), deleted], ids=["log", "more", "less", "delete"]
)
@pytest.mark.parametrize("story", STORIES, ids=[one.__name__ for one in STORIES])
def test_each_contract_is_locked_once_and_its_grants_are_read_once(
    sample: SampleDesk,
    story: Callable[[SampleDesk], tuple[str, set[str]]],
    act: Callable[[SampleDesk, str], None],
) -> None:
    request, contracts = story(sample)
    with counted(sample) as sent:
        act(sample, request)
    assert sent.locked
    assert set(sent.locked) | set(sent.grants_read) <= contracts
    assert Counter(sent.locked).most_common(1)[0][1] == 1, sent.locked
    assert Counter(sent.grants_read) == Counter(sent.locked)
    if not sample.desk.database.is_sqlite:
        assert sent.requests_locked_before == 1


def test_work_from_an_earlier_hour_locks_the_later_contract_once_too(sample: SampleDesk) -> None:
    request, contracts = rolled_over(sample)
    with counted(sample) as sent:
        worked(25, hours_ago=2)(sample, request)
    assert Counter(sent.locked) == Counter(contracts)
    assert Counter(sent.grants_read) == Counter(contracts)


def test_payers_are_locked_in_the_order_of_their_ids(sample: SampleDesk) -> None:
    """The covering contract is the youngest, so that it would be locked first by its rank."""
    sample.set(cascade=True)
    sample.sell("support_hours", minutes=500, to=("org_unit", sample.site))
    sample.sell("support_hours", minutes=30)
    covering = sample.sell("support_hours", minutes=20, to=("item", sample.laptop))
    request = sample.log()
    assert sample.request(request).contract_id == covering
    with counted(sample) as sent:
        worked(60)(sample, request)
    assert sent.locked == sorted(sent.locked)
    assert len(sent.locked) == 3
    assert sample.allocations(entry_of(sample, request)) == [("grant", 20), ("grant", 30), ("grant", 10)]


def test_a_preview_locks_nothing_and_reads_the_grants_of_its_payers_once(sample: SampleDesk) -> None:
    request, contracts = cascading(sample)
    with counted(sample) as sent:
        command = WorkGiven(minutes=30, worked_at=sample.clock.now())
        planned = sample.see_as(sample.technician, preview_work, request, command)
    assert {payer.contract for payer in planned.payers} <= contracts
    assert Counter(sent.grants_read).most_common(1)[0][1] == 1
    assert sent.requests_locked_before == 0
