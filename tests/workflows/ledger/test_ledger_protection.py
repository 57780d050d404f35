"""The database refuses to change the ledger; the audit finds the changes that it cannot refuse."""

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import Table, insert, text, update
from sqlalchemy.exc import DBAPIError

from engine.ledger import LedgerTransaction, move, reversal_of
from tests.support.billing import ACCOUNTING
from tests.support.sample_desk import MONDAY, SampleDesk
from tests.support.unique_keys import unique_keys
from workflows.accounting_exports.use_cases import export_journals
from workflows.accounting_periods.use_cases import close_period
from workflows.billing.invoicing.drafts import create_invoice
from workflows.billing.issuing.use_cases import issue_invoice
from workflows.billing.payments.use_cases import record_payment, reverse_payment
from workflows.commands.accounting_exports import NewAccountingExport
from workflows.commands.accounting_periods import ChangePeriod
from workflows.commands.approvals import AnswerApproval, AskApproval
from workflows.commands.billing import InvoiceLineGiven, NewInvoice, NewPayment, ReversePayment
from workflows.commands.contracts import AmendContract, HolderGiven, NewContract
from workflows.commands.disputes import AcceptStatement
from workflows.commands.fields import MoneyGiven, RateGiven
from workflows.commands.margins import NewCostRate
from workflows.commands.people import EraseCustomer
from workflows.commands.quotes import DecideQuote, NewQuote, QuoteLineGiven
from workflows.contracts.acceptance import accept_statement
from workflows.contracts.amending import amend_contract
from workflows.core.transaction import Transaction
from workflows.jobs.definitions import run_job
from workflows.ledger.journal import read_transactions, record
from workflows.margins.cost_rates import add_cost_rate
from workflows.people.erasing import erase_customer
from workflows.reports.audit import audit_desk
from workflows.selling.quote_decisions import decide_quote
from workflows.selling.quotes import create_quote, send_quote
from workflows.store import tables as t
from workflows.store.database import Database
from workflows.store.ids import new_id
from workflows.store.multi_table_insert import NewRow, insert_rows
from workflows.users.accounts import ChangeUser, change_user
from workflows.work.overage_approvals import answer_approval, ask_approval

FORBIDDEN = "append-only"
PLACE: dict[str, Any] = {"chain_id": "G", "sequence": 1, "hash": bytes(32)}
"""A place in a chain, which the database does not verify."""


def reverse(tx: Transaction, transaction_id: str) -> None:
    original = read_transactions(tx, [transaction_id])[transaction_id].entry
    record(tx, reversal_of(transaction_id, original, cause="test", why="test"))


@pytest.fixture
def busy(sample: SampleDesk) -> SampleDesk:
    """A desk with a row in each append-only table."""
    contract = sample.sell("support_hours", minutes=30)
    sample.do(amend_contract, contract, AmendContract(sla="gold", reason="Agreed"))
    sample.sell("incident_pack", to=("item", sample.laptop), incidents=2)
    sample.work(sample.log(), 20)
    sample.do(close_period, "2026-02", ChangePeriod())
    request = sample.log(item=None)
    sample.work(request, 5, at=MONDAY - timedelta(days=7))
    sample.work(request, 50)
    sample.publish_rules()
    with sample.desk.write() as tx:
        tx.add(
            t.setting_change,
            id=new_id(),
            key="cascade",
            old_value=False,
            new_value=True,
            changed_by="the administrator",
            changed_at=tx.now,
        )
    sample.do(change_user, str(sample.person("technician").id), ChangeUser(role="supervisor"))
    run_job(sample.desk, "take_checkpoint")
    add_billing_rows(sample)
    add_accepted_quote(sample)
    add_used_approval(sample)
    sold = sample.sell("support_hours", to=("customer", sample.ann), minutes=10)
    sample.do_as(
        sample.person("customer", "Ann", customer=sample.ann), accept_statement, sold, AcceptStatement()
    )
    sample.do(erase_customer, sample.customer("Eve"), EraseCustomer(name="Eve", reason="Asked for it"))
    return sample


def add_used_approval(sample: SampleDesk) -> None:
    """An approval of time beyond a contract that was given, and used by work."""
    sample.set(overage="ask")
    holder = ("customer", sample.customer("Rita"))
    sample.sell("support_hours", to=holder, minutes=10)
    request = sample.log(customer=holder[1], item=None)
    approval = sample.do(ask_approval, request, AskApproval(minutes=30, reason="The disk"))
    sample.do(answer_approval, approval, AnswerApproval(name="Rita"), "approved", "192.0.2.1")
    sample.work(request, 20)
    sample.set(overage="go_on")


def add_accepted_quote(sample: SampleDesk) -> None:
    """A quote that was accepted, and so made a contract and the draft of an invoice."""
    sample.set(invoices=True)
    holder = HolderGiven(customer=sample.customer("Quinn"))
    contract = NewContract(type="subscription", holder=holder)
    line = QuoteLineGiven(contract=contract, unit_price=MoneyGiven(amount_minor=100))
    today = sample.clock.now().date()
    command = NewQuote(customer=sample.ann, subject="Support", last_on=today, lines=[line])
    quote = sample.do(send_quote, sample.do(create_quote, command))
    sample.do(decide_quote, quote, DecideQuote(), "accepted", "192.0.2.1")
    sample.set(invoices=False)


def add_billing_rows(sample: SampleDesk) -> None:
    """An invoice that was paid, reminded of and exported, and whose payment was reversed; and a cost rate."""
    sample.set(invoices=True, **ACCOUNTING)
    line = InvoiceLineGiven(
        description="Parts", quantity="1", unit_price=MoneyGiven(amount_minor=100), tax_rate="No tax"
    )
    draft = sample.do(create_invoice, NewInvoice(customer=sample.ann, lines=[line]))
    invoice = sample.do_as(sample.finance, issue_invoice, draft)
    received = NewPayment(amount=MoneyGiven(amount_minor=100), received_on=sample.clock.now().date())
    payment = sample.do_as(sample.finance, record_payment, invoice, received)
    sample.do_as(sample.finance, reverse_payment, payment, ReversePayment(reason="Bounced"))
    today = sample.clock.now().date()
    sample.do(export_journals, NewAccountingExport(format="csv", to_on=today))
    rate = NewCostRate(role="technician", per_hour=RateGiven(amount_minor=3000), from_on=today)
    sample.do(add_cost_rate, rate)
    with sample.desk.write() as tx:
        tx.add(
            t.invoice_reminder,
            id=new_id(),
            invoice_id=invoice,
            stage=1,
            due_at=tx.now,
            recorded_at=tx.now,
            open_minor=100,
            fee_invoice_id=invoice,
        )
    sample.set(invoices=False)


def refused(sample: SampleDesk, statement: Any, match: str) -> None:
    before = sample.see(audit_desk)
    forbidden(sample, statement, match)
    assert sample.see(audit_desk) == before


def forbidden(sample: SampleDesk, statement: Any, match: str = FORBIDDEN) -> None:
    with pytest.raises(DBAPIError, match=match), sample.desk.write() as tx:
        tx.connection.execute(statement)


def test_no_row_of_an_append_only_table_is_updated_or_deleted(busy: SampleDesk) -> None:
    before = busy.see(audit_desk)
    for name in t.APPEND_ONLY:
        table = t.metadata.tables[name]
        rows = busy.rows(table)
        assert rows, f"no row in {name} to try"
        key = next(iter(table.primary_key.columns))
        forbidden(busy, update(table).values({key.name: key}))
        forbidden(busy, table.delete())
        forbidden(busy, table.delete().where(key == getattr(rows[0], key.name)))
        if not busy.desk.database.is_sqlite:
            forbidden(busy, text(f"TRUNCATE {name} CASCADE"))
        assert busy.rows(table) == rows, name
    assert busy.see(audit_desk) == before


def test_no_row_of_an_append_only_table_is_replaced(busy: SampleDesk) -> None:
    with busy.desk.write() as tx:
        reverse(tx, busy.rows(t.ledger_transaction, kind="draw")[0].id)
    before = busy.see(audit_desk)
    for name in t.APPEND_ONLY:
        no_row_is_replaced(busy, t.metadata.tables[name])
    assert busy.see(audit_desk) == before


def no_row_is_replaced(busy: SampleDesk, table: Table) -> None:
    database, rows = busy.desk.database, busy.rows(table)
    if not database.is_sqlite:
        for statement in merges(table, database):
            forbidden(busy, text(statement))
            assert busy.rows(table) == rows, statement
        return
    # a connection of another program has none of the settings of ours
    with closing(sqlite3.connect(str(database.url.database), isolation_level=None)) as other:
        for statement, values in replacements(table, other):
            with pytest.raises(sqlite3.IntegrityError, match=FORBIDDEN):
                other.execute(statement, values)
            with pytest.raises(DBAPIError, match=FORBIDDEN), database.write() as connection:
                connection.exec_driver_sql(statement, values)
            assert busy.rows(table) == rows, statement


def replacements(table: Table, connection: sqlite3.Connection) -> Iterator[tuple[str, tuple[Any, ...]]]:
    """Statements of SQLite that would replace a row: any, and one that has one key of a row and no other."""
    everything = f"SELECT * FROM {table.name} WHERE true"
    yield f"INSERT OR REPLACE INTO {table.name} {everything}", ()
    yield f"INSERT INTO {table.name} {everything} ON CONFLICT DO UPDATE SET rowid = -9", ()
    yield f"UPDATE OR REPLACE {table.name} SET rowid = (SELECT max(rowid) FROM {table.name})", ()
    keys = [("rowid",), *unique_keys(table)]
    connection.row_factory = sqlite3.Row
    for key in keys:
        given = " AND ".join(f"{name} IS NOT NULL" for name in key)
        row = connection.execute(f"SELECT rowid, * FROM {table.name} WHERE {given} LIMIT 1").fetchone()
        assert row is not None, f"no row of {table.name} has a {key}"
        others = {name for other in keys if other != key for name in other} - set(key)
        values = {**row, **{name: 9999 if name in NUMBERS else "another" for name in others}}
        columns, marks = ", ".join(values), ", ".join("?" * len(values))
        yield f"INSERT OR REPLACE INTO {table.name} ({columns}) VALUES ({marks})", tuple(values.values())


NUMBERS = ("rowid", "leg", "number", "sequence", "stage")


def merges(table: Table, database: Database) -> Iterator[str]:
    """Statements of PostgreSQL that would change the rows that are there."""
    name, key = table.name, table.primary_key.columns.keys()
    same = f"{key[0]} = excluded.{key[0]}"
    yield f"INSERT INTO {name} SELECT * FROM {name} ON CONFLICT ({', '.join(key)}) DO UPDATE SET {same}"
    yield f"TRUNCATE {name} CASCADE"
    if (database.engine.dialect.server_version_info or (0,)) >= (15,):
        same = " AND ".join(f"old.{column} = new.{column}" for column in key)
        merge = f"MERGE INTO {name} old USING {name} new ON {same} WHEN MATCHED THEN"
        yield f"{merge} UPDATE SET {key[0]} = new.{key[0]}"
        yield f"{merge} DELETE"


def test_the_ledger_the_history_and_the_audit_trail_are_append_only() -> None:
    assert {
        "ledger_transaction",
        "ledger_posting",
        "contract_grant",
        "coverage_decision",
        "service_request_history",
        "audit_event",
        "setting_change",
    } <= set(t.APPEND_ONLY)


# A ledger transaction balances and takes no posting afterwards


def write_transaction(sample: SampleDesk, *legs: tuple[str, str, int]) -> None:
    """Write legs (account, unit, amount) of a fictitious owner, then their transaction."""
    transaction_id = new_id()
    rows = [
        {
            "transaction_id": transaction_id,
            "leg": index,
            "owner": "G",
            "account": account,
            "unit": unit,
            "amount": amount,
            "effective_at": MONDAY,
        }
        for index, (account, unit, amount) in enumerate(legs)
    ]
    with sample.desk.write() as tx:
        if rows:
            tx.connection.execute(insert(t.ledger_posting), rows)
        tx.add(
            t.ledger_transaction,
            id=transaction_id,
            kind="draw",
            effective_at=MONDAY,
            recorded_at=MONDAY,
            cause="test",
            actor="test",
            why="test",
            **PLACE,
        )


@pytest.mark.parametrize(
    "legs",
    [
        (),
        (("available", "minutes", 5),),
        (("available", "minutes", 5), ("consumed", "minutes", -4)),
        (("available", "minutes", 5), ("consumed", "incidents", -5)),
        (
            ("available", "minutes", 5),
            ("consumed", "minutes", -5),
            ("available", "incidents", 1),
            ("held", "incidents", -2),
        ),
    ],
)
def test_a_transaction_that_does_not_sum_to_zero_is_refused(
    sample: SampleDesk, legs: tuple[tuple[str, str, int], ...]
) -> None:
    with pytest.raises(DBAPIError, match="sum to zero"):
        write_transaction(sample, *legs)
    assert sample.rows(t.ledger_posting) == []


def test_a_posting_of_zero_is_refused(sample: SampleDesk) -> None:
    with pytest.raises(DBAPIError, match=r"ck_ledger_posting_amount|amount <> 0"):
        write_transaction(sample, ("available", "minutes", 0), ("consumed", "minutes", 0))


@pytest.mark.parametrize("amounts", [(7,), (7, -7)])
def test_a_posting_to_an_existing_transaction_is_refused(busy: SampleDesk, amounts: tuple[int, ...]) -> None:
    written = busy.rows(t.ledger_transaction)[0]
    legs = [
        {
            "transaction_id": written.id,
            "leg": 90 + index,
            "owner": "G",
            "account": "available",
            "unit": "minutes",
            "amount": amount,
            "effective_at": written.effective_at,
        }
        for index, amount in enumerate(amounts)
    ]
    refused(busy, insert(t.ledger_posting).values(legs), "no further posting")


def fictitious_legs(transaction_id: str, amounts: tuple[int, ...], *, first_leg: int = 0) -> list[NewRow]:
    """Legs of a fictitious owner."""
    return [
        (
            t.ledger_posting,
            {
                "transaction_id": transaction_id,
                "leg": leg,
                "owner": "G",
                "account": "available",
                "unit": "minutes",
                "amount": amount,
                "effective_at": MONDAY,
            },
        )
        for leg, amount in enumerate(amounts, first_leg)
    ]


def transaction_row(transaction_id: str) -> NewRow:
    texts = {"kind": "draw", "cause": "test", "actor": "test", "why": "test"}
    return t.ledger_transaction, {
        "id": transaction_id,
        "effective_at": MONDAY,
        "recorded_at": MONDAY,
        **texts,
        **PLACE,
    }


def test_a_posting_to_a_transaction_of_the_same_database_transaction_is_refused(sample: SampleDesk) -> None:
    """By the statement after the one that inserted the ledger transaction."""
    with sample.desk.write() as tx:
        insert_rows(tx.connection, [*fictitious_legs("T", (5, -5)), transaction_row("T")])
        with pytest.raises(DBAPIError, match="no further posting"):
            insert_rows(tx.connection, fictitious_legs("T", (7, -7), first_leg=2))
        tx.connection.rollback()
    assert sample.rows(t.ledger_posting) == []


def test_a_transaction_inserted_with_its_postings_by_one_statement_must_balance(sample: SampleDesk) -> None:
    with pytest.raises(DBAPIError, match="sum to zero"), sample.desk.write() as tx:
        insert_rows(tx.connection, [*fictitious_legs("T", (5, -4)), transaction_row("T")])
    assert sample.rows(t.ledger_posting) == []


def test_a_posting_without_a_transaction_is_refused_at_commit(sample: SampleDesk) -> None:
    leg = {
        "transaction_id": "none",
        "leg": 0,
        "owner": "G",
        "account": "available",
        "unit": "minutes",
        "amount": 1,
        "effective_at": MONDAY,
    }
    with pytest.raises(DBAPIError, match=r"(?i)foreign key"), sample.desk.write() as tx:
        tx.connection.execute(insert(t.ledger_posting), leg)
    assert sample.rows(t.ledger_posting) == []


def test_a_transaction_is_reversed_once_and_a_key_is_used_once(busy: SampleDesk) -> None:
    busy.sell("support_hours", minutes=90)
    for _ in range(2):
        busy.work(busy.log(item=None), 5)
    # so that the balance of the grant would allow another reversal
    draw = busy.rows(t.ledger_transaction, kind="draw")[-1]
    with busy.desk.write() as tx:
        reverse(tx, draw.id)
    with pytest.raises(DBAPIError, match=r"(?i)unique"), busy.desk.write() as tx:
        reverse(tx, draw.id)
    granted = busy.rows(t.ledger_transaction, kind="grant")[0]
    [grant] = [leg.owner for leg in busy.rows(t.ledger_posting, transaction_id=granted.id, leg=1)]
    entry = LedgerTransaction(
        "grant",
        MONDAY,
        move("minutes", 1, (grant, "sold"), (grant, "available")),
        "test",
        "test",
        key=granted.idempotency_key,
    )
    with pytest.raises(DBAPIError, match=r"(?i)unique"), busy.desk.write() as tx:
        record(tx, entry)


# No balance falls below zero


@pytest.mark.parametrize("account", ["available", "held", "consumed", "expired"])
def test_no_account_of_a_grant_falls_below_zero(busy: SampleDesk, account: str) -> None:
    balance = t.grant_balance.c[account]
    refused(
        busy, update(t.grant_balance).values({account: -1}), rf"ck_grant_balance_{account}|{account} >= 0"
    )
    refused(busy, update(t.grant_balance).values({account: balance - 1_000_000}), "grant_balance")


def test_drawing_more_than_is_available_or_carried_writes_nothing(busy: SampleDesk) -> None:
    grant = next(one.grant_id for one in busy.rows(t.grant_balance) if one.unit == "minutes")
    holder = f"customer:{busy.ann}"
    carried = busy.carried(holder)
    assert carried > 0
    before = busy.see(audit_desk)
    for postings in (
        move("minutes", 1_000, (grant, "available"), (grant, "consumed")),
        move("minutes", carried + 1, (holder, "carried"), ("contract:x", "carried_drawn")),
    ):
        entry = LedgerTransaction("draw", MONDAY, postings, "test", "test")
        with pytest.raises(DBAPIError, match=r"(?i)check"), busy.desk.write() as tx:
            record(tx, entry)
    assert busy.see(audit_desk) == before


# The audit finds the changes that the database cannot refuse


def tamper_grant(sample: SampleDesk, **values: Any) -> Callable[[], None]:
    def do() -> None:
        grant = next(one for one in sample.rows(t.grant_balance) if one.unit == "minutes")
        with sample.desk.write() as tx:
            tx.connection.execute(
                update(t.grant_balance).where(t.grant_balance.c.grant_id == grant.grant_id).values(**values)
            )

    return do


@pytest.mark.parametrize("account", ["available", "held", "consumed", "expired"])
def test_the_audit_finds_a_balance_that_was_tampered_with(busy: SampleDesk, account: str) -> None:
    assert busy.see(audit_desk).ok
    grant = next(one for one in busy.rows(t.grant_balance) if one.unit == "minutes")
    stored = getattr(grant, account)
    tamper_grant(busy, **{account: stored + 7})()
    view = busy.see(audit_desk)
    assert not view.ok
    found = {(one.what, one.record, one.stored, one.posted) for one in view.differences}
    assert (f"grant {account}", grant.grant_id, stored + 7, stored) in found


def test_the_audit_finds_carried_minutes_and_holds_that_the_postings_contradict(busy: SampleDesk) -> None:
    with busy.desk.write() as tx:
        tx.connection.execute(update(t.carried_balance).values(minutes=t.carried_balance.c.minutes + 1))
        tx.connection.execute(update(t.incident_hold).values(state="released"))
    whats = {one.what for one in busy.see(audit_desk).differences}
    assert {"carried minutes", "incidents held"} <= whats


DRAWN_OTHERWISE = {"draw-down of a work entry", "draw of carried minutes"}
"""What the audit names where the draw-down comes out otherwise than it is posted."""


def test_the_audit_finds_a_deleted_balance(busy: SampleDesk) -> None:
    grant = next(one for one in busy.rows(t.grant_balance) if one.unit == "minutes")
    with busy.desk.write() as tx:
        tx.connection.execute(t.grant_balance.delete().where(t.grant_balance.c.grant_id == grant.grant_id))
    first, *others = busy.see(audit_desk).differences
    assert (first.what, first.record) == ("grant without a balance", grant.grant_id)
    # without its balance, the grant can no longer pay for what it paid for
    assert {one.what for one in others} <= DRAWN_OTHERWISE
    assert any(grant.grant_id in str(one.stored) for one in others)


def test_the_audit_finds_changed_minutes_of_a_work_entry(busy: SampleDesk) -> None:
    with busy.desk.write() as tx:
        tx.connection.execute(
            update(t.work_entry).values(chargeable_minutes=t.work_entry.c.chargeable_minutes + 1)
        )
    view = busy.see(audit_desk)
    found = {one.what for one in view.differences}
    assert {"work entry's allocations", "draw-down of a work entry"} <= found
    assert found <= {"work entry's allocations", *DRAWN_OTHERWISE}


def test_the_audit_changes_nothing_and_can_be_repeated(busy: SampleDesk) -> None:
    first = busy.see(audit_desk)
    assert first.ok
    assert first.transactions > 0
    assert first.postings >= 2 * first.transactions
    busy.clock.move(days=400)
    assert busy.see(audit_desk) == first
