"""A customer of whom every table has something, each personal value with a mark that nobody else has."""

import itertools
import json
from collections.abc import Iterator
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Table, inspect, select, text, update

from tests.support.sample_desk import SampleDesk
from workflows.billing.invoicing.drafts import create_invoice
from workflows.billing.issuing.use_cases import issue_invoice
from workflows.billing.issuing.voiding import void_invoice
from workflows.billing.payments.use_cases import record_payment, reverse_payment
from workflows.billing.payments.write_offs import write_off_invoice
from workflows.billing.sold.recurring_sales import create_recurring_sale
from workflows.billing.sold.sold_once import add_sold_once
from workflows.billing.sold.to_invoice import waive_sold
from workflows.commands.approvals import AnswerApproval, AskApproval
from workflows.commands.billing import (
    ChangeBilling,
    DocumentDiscountGiven,
    InvoiceLineGiven,
    NewInvoice,
    NewPayment,
    ReversePayment,
    VoidInvoice,
    WaiveSold,
    WriteOff,
)
from workflows.commands.contracts import AmendContract, CancelContract, HolderGiven, NewContract
from workflows.commands.disputes import AcceptStatement, DeclineDispute, OpenDispute
from workflows.commands.fields import MoneyGiven
from workflows.commands.quotes import DecideQuote, NewQuote, QuoteLineGiven
from workflows.commands.selling import NewRecurringSale, NewSoldItem
from workflows.commands.service_requests import AddNote
from workflows.contracts.acceptance import accept_statement
from workflows.contracts.amending import amend_contract
from workflows.contracts.use_cases import cancel_contract
from workflows.disputes.use_cases import decline_dispute, open_dispute
from workflows.people.kinds import PERSONAL, Kind, Theirs
from workflows.people.person import read_person
from workflows.people.registry import held_tables
from workflows.register.billing_details import change_billing_details
from workflows.selling.quote_decisions import decide_quote
from workflows.selling.quotes import create_quote, send_quote
from workflows.service_requests.use_cases import add_note
from workflows.store import tables as t
from workflows.store.erasure_triggers import ALL_ERASABLE
from workflows.store.ids import new_id
from workflows.work.overage_approvals import answer_approval, ask_approval

MARK = "zuqx"
"""No id has it by chance: there is no "u" in one."""
NAME = "Zuqxanna Zuqxberg"
EMAIL = "zuqxanna.zuqxberg@example.com"
MARKS = (f"{MARK}{place:04}" for place in itertools.count())
SECRETS = (f"{place:064}" for place in itertools.count())
IDENTIFYING = {("customer", "name"), ("user_account", "name"), ("password_request", "email")}
"""Columns by whose values rows are found to be theirs; they have a mark from the beginning."""
ONLY_SOME_ROWS = {("payment_allocation", "reason"), ("sold_item", "description"), ("audit_event", "details")}
"""Columns that a check leaves empty in some rows."""
EURO = MoneyGiven(amount_minor=100)


class MarkedCustomer:
    """The customer `id` of a desk, with a login; all that was begun for them is finished."""

    def __init__(self, sample: SampleDesk) -> None:
        self.sample = sample
        sample.set(invoices=True, overage="ask", customer_alerts=True)
        self.id = sample.customer(NAME, sample.site)
        self.actor = sample.person("customer", NAME, customer=self.id)
        self.item = sample.item("ZUQX-1", customer=self.id)
        self.contract = self._contract_with_work()
        self.invoice = self._invoices()
        self._quote()
        self._finish()
        sample.clock.move(days=2)
        with sample.desk.write() as tx:
            for table, values in list(self._further_rows()):
                tx.add(table, **values)
        sample.clock.move(days=11 * 366)

    # -------------------------------------------------------------- what was done for them

    def _contract_with_work(self) -> str:
        sample, holder = self.sample, ("customer", self.id)
        contract = sample.sell("support_hours", to=holder, minutes=30)
        sample.do(amend_contract, contract, AmendContract(sla="gold", reason=f"{MARK} agreed"))
        self.request = sample.log(
            f"{MARK} does not start", customer=self.id, item=self.item, description=f"{MARK} smoke"
        )
        sample.do_as(self.actor, add_note, self.request, AddNote(body=f"{MARK} wrote this", public=True))
        sample.do(add_note, self.request, AddNote(body=f"{MARK} is upset", public=False))
        sample.work(self.request, 20, note=f"{MARK} talked")
        approval = sample.do(ask_approval, self.request, AskApproval(minutes=30, reason=f"{MARK} disk"))
        answer = AnswerApproval(comment=f"{MARK} yes")
        sample.do_as(self.actor, answer_approval, approval, answer, "approved", f"{MARK}.0.0.1")
        sample.work(self.request, 20)
        entry = sample.entries(self.request)[0].id
        dispute = sample.do_as(
            self.actor, open_dispute, OpenDispute(work_entry=entry, reason=f"{MARK} was not there")
        )
        sample.do(decline_dispute, dispute, DeclineDispute(reason=f"{MARK} was"))
        sold = NewSoldItem(description=f"{MARK} keyboard", unit_price=EURO)
        sample.do(add_sold_once, self.request, sold)
        sample.do_as(self.actor, accept_statement, contract, AcceptStatement())
        sample.fire(self.request, "resolve", note=f"{MARK} new disk")
        sample.fire(self.request, "close")
        return contract

    def _invoices(self) -> str:
        sample = self.sample
        details = ChangeBilling(
            name=f"{MARK} GmbH",
            street=f"{MARK} street 1",
            city=MARK,
            email=f"{MARK}@example.com",
        )
        sample.do(change_billing_details, "customer", self.id, details)
        line = InvoiceLineGiven(description=f"{MARK} parts", quantity="1", unit_price=EURO, tax_rate="No tax")
        discount = DocumentDiscountGiven(reason=f"{MARK} is loyal", percent="10")
        command = NewInvoice(customer=self.id, lines=[line], note=f"{MARK} thanks", discounts=[discount])
        paid, written_off = (sample.do(create_invoice, command) for _ in range(2))
        received = NewPayment(
            amount=MoneyGiven(amount_minor=90), received_on=sample.clock.now().date(), reference=f"{MARK} ref"
        )
        for invoice in (paid, written_off):
            sample.do_as(sample.finance, issue_invoice, invoice)
        first = sample.do_as(sample.finance, record_payment, paid, received)
        sample.do_as(sample.finance, reverse_payment, first, ReversePayment(reason=f"{MARK} bounced"))
        sample.do_as(sample.finance, record_payment, paid, received)
        sample.do_as(sample.finance, write_off_invoice, written_off, WriteOff(reason=f"{MARK} is broke"))
        return paid

    def _quote(self) -> None:
        sample = self.sample
        contract = NewContract(type="support_hours", minutes=60, holder=HolderGiven(customer=self.id))
        line = QuoteLineGiven(contract=contract, unit_price=EURO)
        command = NewQuote(
            customer=self.id,
            subject=f"{MARK} support",
            note=f"{MARK} as we said",
            last_on=sample.clock.now().date(),
            lines=[line],
        )
        quote = sample.do(send_quote, sample.do(create_quote, command))
        sample.do_as(self.actor, decide_quote, quote, DecideQuote(comment=f"{MARK} ok"), "accepted", MARK)
        sale = NewRecurringSale(
            customer=self.id,
            description=f"{MARK} phone",
            unit_price=EURO,
            every="month",
            last_on=sample.clock.now().date(),
        )
        sample.do(create_recurring_sale, sale)

    def _finish(self) -> None:
        sample = self.sample
        for contract in sample.rows(t.contract, holder_id=self.id):
            sample.do(cancel_contract, contract.id, CancelContract(reason=f"{MARK} left"))
        for draft in sample.rows(t.invoice, customer_id=self.id, state="draft"):
            sample.do(void_invoice, draft.id, VoidInvoice(reason=f"{MARK} left"))
        for sold in sample.rows(t.sold_item, customer_id=self.id, waived_at=None, invoice_id=None):
            sample.do(waive_sold, sold.id, WaiveSold(reason=f"{MARK} left"))
        with sample.desk.write() as tx:
            tx.connection.execute(update(t.recurring_sale).values(next_due_at=None))

    def _further_rows(self) -> Iterator[tuple[Table, dict[str, Any]]]:
        """Rows that need a browser, a bank or a payment provider to come about."""
        now, me, user = self.sample.clock.now(), self.id, str(self.actor.id)
        yield from self._rows_of_login(now, user)
        yield row(
            t.idempotency_key,
            user_id=user,
            key="K",
            role="customer",
            customer_id=me,
            request="POST /x",
            body_hash="0",
            status=201,
            answer=f'{{"name": "{MARK}"}}',
            stored_at=now,
        )
        yield row(
            t.imported_record,
            source="other",
            kind="customer",
            external_key=MARK,
            record_id=me,
            imported_at=now,
        )
        lifted = {"set_at": now, "set_by": "x", "lifted_at": now, "lifted_by": "x"}
        yield row(t.legal_hold, id=new_id(), customer_id=me, reason=MARK, **lifted)
        yield row(
            t.auto_top_up,
            id=new_id(),
            contract_id=self.contract,
            month="2026-03",
            state="declined",
            unit="minutes",
            quantity=1,
            available=0,
            due_at=now,
            created_at=now,
            reason=MARK,
            decided_by="x",
        )
        link = {"recipient": MARK, "created_at": now, "expires_at": now}
        version = self.sample.rows(t.quote_version)[0].id
        approval = self.sample.rows(t.approval)[0].id
        yield row(t.quote_link, id=new_id(), version_id=version, token_hash=next(SECRETS), **link)
        yield row(t.approval_link, id=new_id(), approval_id=approval, token_hash=next(SECRETS), **link)
        yield from self._rows_of_invoice(now)

    def _rows_of_login(self, now: datetime, user: str) -> Iterator[tuple[Table, dict[str, Any]]]:
        token = {"user_id": user, "token_hash": next(SECRETS)}
        yield row(t.api_token, id=new_id(), name=MARK, created_at=now, **token)
        yield row(
            t.login_session,
            id=new_id(),
            epoch=0,
            created_at=now,
            last_seen_at=now,
            address=MARK,
            user_agent=MARK,
            **token,
        )
        yield row(t.known_device, last_used_at=now, **token)
        link = {"purpose": "reset", "by_mail": False, "created_at": now}
        yield row(t.password_link, id=new_id(), user_id=user, **link)
        yield row(t.password_request, id=new_id(), email=EMAIL, address=MARK, asked_at=now)
        yield row(t.user_role_change, id=new_id(), user_id=user, old_role="technician", changed_at=now)

    def _rows_of_invoice(self, now: datetime) -> Iterator[tuple[Table, dict[str, Any]]]:
        payment = self.sample.rows(t.payment, customer_id=self.id)[-1].id
        statement, entry = new_id(), new_id()
        yield row(
            t.invoice_confirmation,
            id=new_id(),
            invoice_id=self.invoice,
            invoice_version=1,
            reason=MARK,
            rules=[],
            confirmed_by="x",
            confirmed_at=now,
        )
        yield row(
            t.invoice_reminder,
            id=new_id(),
            invoice_id=self.invoice,
            stage=1,
            due_at=now,
            recorded_at=now,
            recipient=MARK,
            open_minor=1,
        )
        yield row(
            t.payment_link,
            id=new_id(),
            invoice_id=self.invoice,
            provider="stripe",
            amount_minor=100,
            currency="EUR",
            created_at=now,
            created_by=NAME,
        )
        yield row(
            t.bank_statement,
            id=statement,
            file_name="x",
            content_hash="0",
            format="camt.053",
            accounts=[],
            entry_count=1,
            known_count=0,
            uploaded_at=now,
            uploaded_by="x",
        )
        texts = dict.fromkeys(("reference", "party", "party_iban", "bank_reference", "decision_reason"), MARK)
        yield row(
            t.bank_entry,
            id=entry,
            statement_id=statement,
            position=1,
            number="1",
            entry_key="0",
            account="A",
            currency="EUR",
            amount_minor=100,
            booked_on=now.date(),
            texts=[MARK],
            is_reversal=False,
            batch=0,
            state="matched",
            reason="",
            candidates=[],
            has_more=False,
            decided_at=now,
            decided_by="x",
            **texts,
        )
        yield row(t.bank_entry_payment, entry_id=entry, payment_id=payment)

    # -------------------------------------------------------------- marks

    def mark(self) -> set[tuple[str, str]]:
        """Put a mark of its own into each personal value; returns tables and columns that have some.

        The database's protection is off meanwhile. Names beside what was done have one already.
        """
        sample, marked = self.sample, set()
        person = sample.see(read_person, self.id)
        with sample.desk.database.write() as connection:
            triggers = _disable_protection(connection)
            for one in held_tables():
                rows = connection.execute(select(one.table).where(one.rows(person))).mappings().all()
                for found in rows:
                    values = dict(self._marked(one, found))
                    marked |= {(one.table.name, name) for name in values}
                    changed = {name: value for name, value in values.items() if value != found[name]}
                    if changed:
                        same = [column == found[column.name] for column in one.table.primary_key]
                        connection.execute(update(one.table).where(*same).values(**changed))
            e_invoice = {"e_invoice_profile": "en16931", "e_invoice_rules": "1"}
            connection.execute(update(t.invoice).where(t.invoice.c.id == self.invoice).values(**e_invoice))
            _enable_protection(connection, triggers)
        return marked

    def _marked(self, one: Theirs, found: Any) -> Iterator[tuple[str, Any]]:
        for name, kind in one.columns.items():
            value, column = found[name], one.table.c[name]
            if kind not in PERSONAL or (value is None and (one.table.name, name) in ONLY_SOME_ROWS):
                continue
            if kind in (Kind.ACTOR, Kind.STAFF):
                if value is not None and MARK in value.lower():
                    yield name, value
            elif kind is Kind.JSON:
                yield name, _marked_json(value or {}, name)
            elif kind is Kind.WORDS:
                yield name, f" {next(MARKS)} "
            elif (one.table.name, name) in IDENTIFYING:
                yield name, value
            elif (column.type.length or 99) > 10:  # type: ignore[attr-defined]
                yield name, f"{next(MARKS)}@example.com" if kind is Kind.EMAIL else next(MARKS)


def row(table: Table, **values: Any) -> tuple[Table, dict[str, Any]]:
    return table, values


def _marked_json(value: Any, name: str) -> Any:
    if name == "answer":
        return json.dumps({"name": next(MARKS)})
    if isinstance(value, list):
        return [next(MARKS)]
    return (
        {**value, "name": [next(MARKS), next(MARKS)], "of": {"reason": next(MARKS)}}
        if name != "buyer"
        else {
            **value,
            "name": next(MARKS),
        }
    )


def _disable_protection(connection: Connection) -> list[str]:
    """Disable the triggers that refuse changes, not those of the search. Returns SQLite's statements."""
    if connection.dialect.name != "sqlite":
        for name in (*t.APPEND_ONLY, *ALL_ERASABLE):
            connection.execute(text(f"ALTER TABLE {name} DISABLE TRIGGER USER"))
        return []
    found = connection.execute(text("SELECT name, sql FROM sqlite_master WHERE type = 'trigger'")).all()
    dropped = [trigger for trigger in found if "_search_" not in trigger.name]
    for trigger in dropped:
        connection.execute(text(f"DROP TRIGGER {trigger.name}"))
    return [trigger.sql for trigger in dropped]


def _enable_protection(connection: Connection, triggers: list[str]) -> None:
    if connection.dialect.name != "sqlite":
        for name in (*t.APPEND_ONLY, *ALL_ERASABLE):
            connection.execute(text(f"ALTER TABLE {name} ENABLE TRIGGER USER"))
    for statement in triggers:
        connection.exec_driver_sql(statement)


def marks_left(connection: Connection) -> list[str]:
    """Where a mark is left: every value of every table, those of full-text indexes too."""
    left = []
    for name in _every_table(connection):
        for found in connection.execute(text(f'SELECT * FROM "{name}"')).mappings():
            for column, value in found.items():
                shown = bytes(value) if isinstance(value, bytes | memoryview) else repr(value).encode()
                if MARK.encode() in shown.lower():
                    left.append(f"{name}.{column}: {shown[:80]!r}")
    return left


def _every_table(connection: Connection) -> list[str]:
    if connection.dialect.name != "sqlite":
        return inspect(connection).get_table_names()
    found = text("SELECT name FROM sqlite_master WHERE type = 'table' AND sql NOT LIKE 'CREATE VIRTUAL%'")
    return list(connection.execute(found).scalars())
