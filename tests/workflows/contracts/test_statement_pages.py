"""Pages of a statement, and of the work of a request, are parts of the whole, with the same balances."""

from collections.abc import Iterator
from datetime import timedelta
from random import Random
from typing import Any

import pytest

from engine.periods import local_date
from tests.support.api import ApiClients
from tests.support.sample_desk import SampleDesk
from workflows.commands.contracts import Adjust, AmendContract, GrantGiven, TopUp
from workflows.commands.fields import MoneyGiven
from workflows.commands.work import ChangeWork, WorkGiven
from workflows.contracts.amending import amend_contract
from workflows.contracts.queries import read_contract
from workflows.contracts.statement import open_statement, read_statement
from workflows.contracts.use_cases import adjust, top_up
from workflows.core.errors import InvalidInput
from workflows.core.transaction import Transaction
from workflows.store import tables as t
from workflows.views.contracts import StatementLine, StatementView
from workflows.work.queries import list_work
from workflows.work.use_cases import change_work, delete_work, log_work


def random_history(sample: SampleDesk, random: Random) -> str:
    """A contract with grants that open and end, top-ups, late work, corrections, terms. Returns its id."""
    now = sample.clock.now
    grants = [GrantGiven(minutes=random.randrange(10, 200)) for _ in range(2)]
    grants += [
        GrantGiven(minutes=50, effective_at=opens_at, expires_at=opens_at + timedelta(hours=30))
        for opens_at in (now() + timedelta(hours=hour) for hour in (0, 10, 30))
    ]
    contract = sample.sell("support_hours", grants=grants)
    request = sample.log()
    entries: list[str] = []
    for _ in range(25):
        sample.clock.move(minutes=random.choice([0, 0, 30, 600]))
        action = random.choice(["work"] * 6 + ["change", "delete", "top up", "adjust", "amend"])
        at = now() - timedelta(minutes=random.choice([0, 0, 60, 1500]))
        if action == "work":
            command = WorkGiven(minutes=random.randrange(1, 60), worked_at=at)
            entries.append(sample.do_as(sample.technician, log_work, request, command))
        elif action == "change" and entries:
            sample.do_as(sample.technician, change_work, random.choice(entries), ChangeWork(minutes=7))
        elif action == "delete" and entries:
            sample.do_as(sample.technician, delete_work, entries.pop(random.randrange(len(entries))))
        elif action == "top up":
            sample.do(top_up, contract, TopUp(minutes=random.randrange(1, 90)))
        elif action == "adjust":
            sample.do(adjust, contract, Adjust(minutes=random.randrange(1, 9), reason="a gift"))
        elif action == "amend":
            price = MoneyGiven(amount_minor=random.randrange(10**6))
            sample.do(amend_contract, contract, AmendContract(price=price, reason="agreed"))
    return contract


def pack_history(sample: SampleDesk, random: Random) -> str:
    contract = sample.sell("incident_pack", incidents=30)
    for _ in range(15):
        sample.clock.move(minutes=random.choice([0, 30]))
        sample.fire(sample.log(), "cancel", reason="not needed")
    return contract


def pages(sample: SampleDesk, contract: str, limit: int, **span: Any) -> Iterator[StatementView]:
    cursor: str | None = None
    while True:
        page = sample.see(read_statement, contract, limit=limit, cursor=cursor, **span)
        yield page
        cursor = page.next_cursor
        if cursor is None:
            return


def lines_in_steps(tx: Transaction, /, contract: str, **span: Any) -> list[StatementLine]:
    with open_statement(tx, contract, **span) as statement:
        return list(statement.lines)


@pytest.mark.parametrize("history", [random_history, pack_history])
@pytest.mark.parametrize("seed", range(2))
def test_pages_are_parts_of_the_statement_with_its_balances(
    sample: SampleDesk, monkeypatch: pytest.MonkeyPatch, history: Any, seed: int
) -> None:
    contract = history(sample, Random(seed))
    whole = sample.see(read_statement, contract)
    balance = 0
    for line in whole.lines:
        balance += line.minutes + line.incidents
        assert line.balance_after == balance
    assert whole.closing_balance == balance
    current = sample.see(read_contract, contract).balance
    assert balance == (current.minutes.available or current.incidents.available)
    zone = sample.desk.config.settings.zone
    days = sorted({local_date(line.effective_at, zone) for line in whole.lines})
    monkeypatch.setattr("workflows.contracts.statement.STEP", 2)
    for from_, to in [(None, None), (days[len(days) // 2], None), (None, days[0]), (days[-1], days[-1])]:
        span: dict[str, Any] = {"from_": from_, "to": to}
        part = sample.see(read_statement, contract, **span)
        inside = [
            line
            for line in whole.lines
            if (from_ is None or local_date(line.effective_at, zone) >= from_)
            and (to is None or local_date(line.effective_at, zone) <= to)
        ]
        assert part.lines == inside
        assert sample.see(lines_in_steps, contract, **span) == inside
        for limit in (1, 4, 200):
            for order, expected in (("effective_at", inside), ("-effective_at", inside[::-1])):
                found = list(pages(sample, contract, limit, order=order, **span))
                assert [line for page in found for line in page.lines] == expected
                assert all(len(page.lines) <= limit for page in found)
                assert {(page.opening_balance, page.closing_balance) for page in found} == {
                    (part.opening_balance, part.closing_balance)
                }
        first, last = inside[0], inside[-1]
        assert first.balance_after is not None
        assert part.opening_balance == first.balance_after - first.minutes - first.incidents
        assert part.closing_balance == last.balance_after


def test_a_cursor_that_is_not_of_the_statement_is_refused(sample: SampleDesk) -> None:
    contract = sample.sell("support_hours", minutes=600)
    request = sample.log()
    for _ in range(3):
        sample.work(request, 5)
    other = sample.sell("support_hours", minutes=600)
    cursor = sample.see(read_statement, contract, limit=2).next_cursor
    wrong: tuple[tuple[str, dict[str, Any]], ...] = (
        (other, {"limit": 2, "cursor": cursor}),
        (contract, {"limit": 2, "cursor": "nonsense"}),
        (contract, {"limit": 2, "order": "-effective_at", "cursor": cursor}),
        (contract, {"limit": 0}),
        (contract, {"order": "kind"}),
    )
    for of, given in wrong:
        with pytest.raises(InvalidInput):
            sample.see(read_statement, of, **given)


def test_work_and_notes_are_lists_with_pages_in_the_api(sample: SampleDesk) -> None:
    sample.sell("support_hours", minutes=600)
    request = sample.log()
    for minutes in range(1, 8):
        sample.clock.move(minutes=minutes)
        sample.work(request, minutes)
    api = ApiClients(sample).technician
    for body in "abc":
        assert api.post(f"/service-requests/{request}/notes", {"body": body}).status_code == 201
    for path, values in (("work", [*range(1, 8)]), ("notes", ["a", "b", "c"])):
        field = "worked_minutes" if path == "work" else "body"
        seen: list[Any] = []
        url = f"/service-requests/{request}/{path}?limit=2"
        more = ""
        while True:
            page: Any = api.get(url + more).json
            assert len(page["items"]) <= 2
            seen += [one[field] for one in page["items"]]
            if page["next_cursor"] is None:
                break
            more = f"&cursor={page['next_cursor']}"
        assert seen == values
        assert api.get(f"/service-requests/{request}/{path}?limit=201").status_code == 422
    newest = api.get(f"/service-requests/{request}/work?limit=1&order=-started_at").json
    assert newest is not None
    assert newest["items"][0]["worked_minutes"] == 7
    statement = api.get(
        f"/contracts/{sample.rows(t.contract)[0].id}/statement?limit=3&order=-effective_at"
    ).json
    assert statement is not None
    assert [line["minutes"] for line in statement["lines"]] == [-7, -6, -5]
    assert statement["next_cursor"]


def test_work_of_a_page_names_its_contracts_with_two_statements(sample: SampleDesk) -> None:
    sample.sell("support_hours", minutes=600)
    request = sample.log()
    for _ in range(5):
        sample.work(request, 3)
    views = sample.see(list_work, request).items
    assert [[one.contract_number for one in view.allocations] for view in views] == [["SH-0001"]] * 5
