"""The statement of a holder: all contracts, grant by grant, with the balance after each line."""

from datetime import date
from io import BytesIO
from itertools import groupby
from random import Random
from typing import Any

import pytest

from engine.contracts import HolderKind
from tests.support.sample_desk import MONDAY, SampleDesk
from tests.workflows.contracts.test_statement_pages import pack_history, random_history
from web.statement_documents import contract_pdf, holder_pdf
from web.statement_pdf import MOST_LINES, Column, statement_pdf
from workflows.commands.contracts import HolderGiven, TopUp, TransferContract
from workflows.contracts.amending import transfer_contract
from workflows.contracts.holder_statement import read_holder_statement
from workflows.contracts.statement import read_statement
from workflows.contracts.use_cases import top_up
from workflows.core.errors import InvalidInput, NotFound
from workflows.store import tables as t
from workflows.views.contracts import HolderStatementLine


def statement(sample: SampleDesk, **filters: Any) -> list[HolderStatementLine]:
    return sample.see(read_holder_statement, "customer", sample.ann, **filters).lines


def test_each_grant_ends_with_its_balance(sample: SampleDesk) -> None:
    """Over random histories: the last line of each grant has what is stored, and each line the one before."""
    random = Random(7)
    random_history(sample, random)
    pack_history(sample, random)
    lines = statement(sample)
    stored = {row.grant_id: row.available for row in sample.rows(t.grant_balance)}
    seen = {}
    for (_, grant), group in groupby(lines, lambda line: (line.contract, line.grant)):
        balance = 0
        for line in group:
            if grant is not None:
                balance += line.minutes + line.incidents
                assert line.balance_after == balance >= 0
        if grant is not None:
            assert grant not in seen
            seen[grant] = balance
    assert seen == {grant: seen[grant] for grant in stored if grant in seen}
    assert all(stored[grant] == balance for grant, balance in seen.items())


def test_a_holders_lines_are_those_of_its_contracts(sample: SampleDesk) -> None:
    contract = random_history(sample, Random(8))
    whole = [line for line in sample.see(read_statement, contract).lines if line.posted]
    lines = statement(sample)
    assert {line.transaction for line in lines} == {line.transaction for line in whole}
    assert sum(line.minutes for line in lines) == sum(line.minutes for line in whole)


def test_pages_are_parts_of_the_whole(sample: SampleDesk) -> None:
    random_history(sample, Random(9))
    whole, parts, cursor = statement(sample), [], None
    while True:
        page = sample.see(read_holder_statement, "customer", sample.ann, limit=7, cursor=cursor)
        parts += page.lines
        cursor = page.next_cursor
        if cursor is None:
            break
    assert parts == whole
    for broken in ("", "x", "x.y", ".", f"{whole[0].transaction}."):
        with pytest.raises(InvalidInput, match="not a cursor"):
            statement(sample, limit=7, cursor=broken)


def test_filters_keep_the_balances(sample: SampleDesk) -> None:
    contract = sample.sell("support_hours", minutes=600)
    other = sample.sell("support_hours", minutes=60)
    request = sample.log()
    for _ in range(3):
        sample.clock.move(days=1)
        sample.work(request, 10)
    whole = statement(sample)
    assert [line.kind for line in whole] == ["grant", "draw", "draw", "draw", "grant"]
    draws = statement(sample, movement="draw", from_=date(2026, 3, 4))
    assert [line.balance_after for line in draws] == [580, 570]
    assert statement(sample, to=date(2026, 3, 3)) == [whole[0], whole[1], whole[4]]
    assert {line.contract for line in statement(sample, contract=other)} == {other}
    assert statement(sample, contract=contract, movement="expire") == []
    with pytest.raises(InvalidInput, match="'nothing' is not a kind of movement"):
        statement(sample, movement="nothing")


def test_a_transferred_contract_is_in_both_statements_with_its_time(sample: SampleDesk) -> None:
    contract = sample.sell("support_hours", minutes=600)
    sample.clock.move(days=2)
    command = TransferContract(holder=HolderGiven(item=sample.laptop), reason="Sold")
    sample.do(transfer_contract, contract, command)
    sample.clock.move(days=1)
    sample.do(top_up, contract, TopUp(minutes=60))
    assert [(line.kind, line.minutes) for line in statement(sample)] == [("grant", 600)]
    later = sample.see(read_holder_statement, "item", sample.laptop).lines
    assert [(line.kind, line.minutes) for line in later] == [("grant", 60)]


def test_who_may_see_it(sample: SampleDesk) -> None:
    sample.sell("support_hours", minutes=600)
    bob = sample.customer("Bob", sample.org_unit("other"))
    ann, stranger = (
        sample.person("customer", name, customer=one) for name, one in (("Ann", sample.ann), ("Bob", bob))
    )
    assert len(sample.see_as(ann, read_holder_statement, "customer", sample.ann).lines) == 1
    holders: list[tuple[HolderKind, str]] = [
        ("customer", sample.ann),
        ("item", sample.laptop),
        ("customer", "nobody"),
    ]
    for kind, holder in holders:
        with pytest.raises(NotFound):
            sample.see_as(stranger, read_holder_statement, kind, holder)
    with pytest.raises(NotFound):
        sample.see(read_holder_statement, "customer", "nobody")


def test_documents(sample: SampleDesk) -> None:
    """A4, with pages that are numbered, the font in the file, and letters beyond Latin-1."""
    contract = sample.sell("support_hours", minutes=6000)
    sample.do(top_up, contract, TopUp(minutes=5, reason="Žluťoučký kůň – 5 € “navíc”"))
    request = sample.log()
    for _ in range(60):
        sample.work(request, 1)
    for document in (
        sample.see(contract_pdf, contract),
        sample.see(holder_pdf, "customer", sample.ann),
        sample.see(holder_pdf, "customer", sample.ann, from_=date(2026, 3, 1), to=date(2026, 3, 2)),
    ):
        assert document.startswith(b"%PDF-")
        assert b"/FontFile2" in document
        assert b"SourceSansPro" in document
        assert b"/Count 3" in document or b"/Count 2" in document
        assert b"595.28 841.89" in document
        assert len(BytesIO(document).getvalue()) < 200_000


def test_a_document_has_a_limit() -> None:
    rows = [["2026-03-02", "5:00"]] * (MOST_LINES + 1)
    columns = [Column("Date", 10), Column("Change", 10, "RIGHT")]
    with pytest.raises(InvalidInput, match="at most 2,000 lines"):
        statement_pdf(
            title="Statement", facts=[], columns=columns, rows=rows, sender="Acme", created_at=MONDAY
        )
