"""Erasing a customer: nothing of them is left, what was done and charged stays, and what stops it says so."""

from typing import Any

import pytest

from tests.support.marked_customer import NAME, MarkedCustomer, marks_left
from tests.support.sample_desk import SampleDesk
from workflows.commands.people import EraseCustomer
from workflows.coverage.verification import verify_decisions
from workflows.people.erasing import erase_customer
from workflows.people.kinds import Kind
from workflows.people.registry import held_tables
from workflows.reports.audit import audit_desk
from workflows.store import tables as t

REASON = "They asked for it"
STAYS: dict[str, str] = {}


@pytest.fixture
def marked(sample: SampleDesk) -> MarkedCustomer:
    return MarkedCustomer(sample)


def test_no_value_of_theirs_is_left_anywhere_and_everything_verifies(marked: MarkedCustomer) -> None:
    sample = marked.sample
    personal = {
        (one.table.name, name)
        for one in held_tables()
        for name in one.of_kind(*(set(Kind) - {Kind.SECRET, Kind.REFERENCE, Kind.ACTOR, Kind.STAFF}))
    }
    # a code of two letters is no mark
    assert personal - marked.mark() == {("billing_details", "country")}
    before = _figures(sample)
    proof = sample.do(erase_customer, marked.id, EraseCustomer(name=NAME.lower(), reason=REASON))
    with sample.desk.database.read() as connection:
        assert marks_left(connection) == []
    view = sample.see(audit_desk)
    assert (view.ok, view.differences) == (True, [])
    differences: list[Any] = []
    assert verify_decisions(sample.desk, differences.append).differ == 0
    assert _figures(sample) == before
    assert proof.rows


def _figures(sample: SampleDesk) -> list[Any]:
    tables = (t.ledger_posting, t.grant_balance, t.work_allocation, t.invoice_tax, t.ledger_chain)
    invoices = [(row.number, row.total_minor, row.issued_on) for row in sample.rows(t.invoice)]
    return [*(sample.rows(table) for table in tables), invoices]
