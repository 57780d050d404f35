"""A desk with a record for every writing route, as a database to copy, and calls to its copies."""

import json
import re
import threading
from base64 import b64decode
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from io import BytesIO
from typing import Any

from flask import Flask
from werkzeug.test import TestResponse

from tests.support.api import ENVIRONMENT
from tests.support.bank_statements import bank_records
from tests.support.billing import ACCOUNTING
from tests.support.builders import RULES
from tests.support.faults import make_faulty
from tests.support.local_stripe import signature
from tests.support.pages import Page, new_session
from tests.support.postgres import PostgresServer
from tests.support.sample_desk import SampleDesk
from tests.web.faults.calls import LOGO, PARTS, Call
from web import create_app
from workflows.accounting_exports.use_cases import export_journals
from workflows.accounting_periods.use_cases import close_period
from workflows.administration.logo import store_logo
from workflows.billing.invoicing.drafts import create_invoice
from workflows.billing.issuing.use_cases import issue_invoice
from workflows.billing.overage.drafts import draft_overage
from workflows.billing.payments.payment_links.links import payment_link
from workflows.billing.payments.payment_links.stripe_checkout import StripeCheckout
from workflows.billing.payments.use_cases import record_payment
from workflows.billing.payments.write_offs import write_off_invoice
from workflows.billing.reminders.dunning_pause import pause_dunning
from workflows.billing.sold.recurring_sales import create_recurring_sale
from workflows.billing.sold.sold_once import add_sold_once
from workflows.billing.sold.to_invoice import draft_sold
from workflows.commands.accounting_exports import NewAccountingExport
from workflows.commands.accounting_periods import ChangePeriod
from workflows.commands.approvals import AskApproval
from workflows.commands.billing import (
    ChangeBilling,
    DraftOverage,
    DraftSold,
    InvoiceLineGiven,
    NewInvoice,
    NewPayment,
    PauseDunning,
    WriteOff,
)
from workflows.commands.contracts import (
    AutoTopUpGiven,
    CancelContract,
    HolderGiven,
    NewContract,
    SetAutoTopUp,
)
from workflows.commands.disputes import OpenDispute
from workflows.commands.fields import MoneyGiven, RateGiven
from workflows.commands.mail_templates import ChangeMailTemplate
from workflows.commands.people import EraseCustomer, SetLegalHold
from workflows.commands.quotes import NewQuote, QuoteLineGiven
from workflows.commands.selling import NewPrice, NewProduct, NewRecurringSale, NewSoldItem
from workflows.commands.service_requests import MergeRequest
from workflows.commands.webhooks import NewWebhook
from workflows.commands.work import ChangeWork
from workflows.contracts.auto_top_up import set_auto_top_up
from workflows.contracts.use_cases import cancel_contract
from workflows.core.desk import Desk
from workflows.core.payment_provider import Checkout, CheckoutRequest
from workflows.disputes.use_cases import open_dispute
from workflows.notifications.mail_links import make_approval_secret, make_quote_secret
from workflows.notifications.template_editing import change_mail_template
from workflows.notifications.webhooks.endpoints import create_webhook, send_test
from workflows.people.erasing import erase_customer
from workflows.people.legal_holds import set_legal_hold
from workflows.register.billing_details import change_billing_details
from workflows.rule_sets.folder import read_rules_folder
from workflows.rule_sets.proposals import submit_rule_set
from workflows.selling.price_list import add_price, create_product
from workflows.selling.quotes import create_quote, send_quote
from workflows.store import tables as t
from workflows.store.database import Database
from workflows.store.ids import new_id
from workflows.users.password_links import show_link
from workflows.users.passwords import HASHER
from workflows.users.tokens import NewToken, create_token
from workflows.views.billing import PaymentLinkView
from workflows.work.merging import merge_requests
from workflows.work.overage_approvals import ask_approval
from workflows.work.use_cases import change_work

PASSWORD = "a very long password"
TABLES = [table for table in t.metadata.sorted_tables if table.name != "idempotency_key"]
RANDOM = {"password_hash", "token_hash", "hash", "secret", "milliseconds"}
"""Columns whose values differ each time: what is drawn at random, and what a clock measured."""
NEW_NAMES = re.compile(r"\b[0-9a-z]{26}\b|\bSR-\d+\b|\bcvd_[\w-]+")
WEBHOOK_SECRET = "whsec_of_the_stage"
WITHOUT_KEY = {
    "/account/password",
    "/account/tokens",
    "/login",
    "/quote",
    "/password/forgotten",
    "/password/new",
    "/users/<user_id>/password-link/show",
}
"""Forms whose first answer is not given again: it ends the session, shows a text once, or is for nobody who
is logged in."""
Contents = dict[str, list[str]]

CLOSURES = """BEGIN:VCALENDAR
VERSION:2.0
PRODID:test
BEGIN:VEVENT
UID:1
DTSTART;VALUE=DATE:20260501
SUMMARY:Company day
END:VEVENT
END:VCALENDAR
"""


class StageCheckout(StripeCheckout):
    """Stripe, whose pages are made here instead: each link has its own, so that calls can be compared."""

    def __init__(self) -> None:
        super().__init__("sk_test_of_the_stage", WEBHOOK_SECRET, "http://127.0.0.1:9")

    def create_checkout(self, request: CheckoutRequest) -> Checkout:
        page = f"https://pay.example/{request.link_id}"
        return Checkout(f"cs-{request.link_id}", page, datetime(2190, 1, 1, tzinfo=UTC))


@dataclass
class Stage:
    """The database to copy, its records by name, and the application that is used with each copy."""

    server: PostgresServer
    template: str
    sample: SampleDesk
    records: dict[str, Any]
    app: Flask
    known: set[str]

    def text(self, given: Any) -> Any:
        """Fill the names of records in."""
        if isinstance(given, dict):
            return {name: self.text(value) for name, value in given.items()}
        if isinstance(given, list):
            return [self.text(value) for value in given]
        if not isinstance(given, str):
            return given
        if given == "{files}":
            return self.records["files"]
        if given == "{edited_slas}":
            return self.records["edited_slas"]
        return given.format(**self.records)

    def address(self, rule: str, call: Call) -> str:
        """The address of a route, with the records that the call is about."""
        parts = {**PARTS, **call.path}
        return re.sub(r"<(\w+)>", lambda part: str(self.records.get(parts[part[1]], parts[part[1]])), rule)

    @contextmanager
    def copy(self, call: Call) -> Iterator["Copy"]:
        """A desk on a copy of the database that is prepared for the call; its connections are faulty."""
        name = self.server.create_database(self.template)
        database = Database(self.server.url(name), pool_size=5)
        make_faulty(database.engine)
        if call.prepares:
            with database.write() as connection:
                connection.exec_driver_sql(self.text(call.prepares))
        desk = Desk(database, self.sample.clock, sandbox=True, rules_folder=RULES)
        desk.payments = StageCheckout()
        # settings and rules are asked for each time, so that each call has as many statements as before
        desk.configs.newest_for_seconds = 0
        desk.refresh()
        self.app.extensions["coverdesk"] = desk
        try:
            yield Copy(self, database)
        finally:
            database.dispose()
            self.server.drop_database(name)


@dataclass
class Copy:
    """A copy of the stage in use."""

    stage: Stage
    database: Database

    def contents(self) -> Contents:
        """Every row of every table as text, without what is new each time: ids, numbers and hashes."""
        with self.database.snapshot() as connection:
            return {
                table.name: sorted(self._row(row._asdict()) for row in connection.execute(table.select()))
                for table in TABLES
            }

    def _row(self, values: dict[str, Any]) -> str:
        text = str(
            {name: "#" if name in RANDOM and value is not None else value for name, value in values.items()}
        )
        return NEW_NAMES.sub(lambda name: name[0] if name[0] in self.stage.known else "#", text)


@contextmanager
def open_stage(server: PostgresServer, template: str) -> Iterator[Stage]:
    """The stage; its database is dropped at the end."""
    name = server.create_database(template)
    sample = SampleDesk(server.url(name))
    records = _fill(sample)
    known = set(NEW_NAMES.findall(str([sample.rows(table) for table in t.metadata.sorted_tables])))
    desk = Desk(sample.desk.database, sample.clock, sandbox=True)
    desk.payments = StageCheckout()
    app = create_app(desk, ENVIRONMENT)
    sample.close()
    try:
        yield Stage(server, name, sample, records, app, known)
    finally:
        server.drop_database(name)


def _fill(sample: SampleDesk) -> dict[str, Any]:
    files, now = read_rules_folder(RULES), sample.clock.now()
    old = sample.publish({**files, "slas.json": files["slas.json"] + "\n"}, "An older one")
    version = sample.publish(files, "The shipped ones")
    sample.set(two_person_publishing=True)
    edited = {**files, "slas.json": files["slas.json"] + "\n\n"}
    proposal = sample.do_as(sample.person("administrator", "Another"), submit_rule_set, edited, "Proposed")
    sample.set(two_person_publishing=False)
    sample.set(contracts=False)
    global_item = sample.item("GLOBAL")
    sample.set(contracts=True)
    bob, carl = sample.customer("Bob"), sample.customer("Carl")
    contract = sample.sell("support_hours", minutes=600)
    sample.sell("incident_pack", to=("customer", carl), incidents=1)
    request = sample.log("The laptop is slow")
    sample.fire(request, "start")
    sample.work(request, 45)
    second, merged = sample.log("The screen flickers"), sample.log("The laptop is slow again")
    sample.work(merged, 15)
    sample.do(merge_requests, merged, MergeRequest(into=request))
    waiting = sample.log("Bob's printer", customer=bob, item=None)
    pending = sample.sell("subscription", to=("customer", bob), enable=False)
    ending = sample.sell("subscription", to=("org_unit", sample.parent), ends_on=(now + timedelta(20)).date())
    product = sample.do(create_product, NewProduct(code="SETUP", label="Setting up", kind="one_off"))
    to_come = NewPrice(
        price=MoneyGiven(amount_minor=100), first_on=date(2027, 1, 1), last_on=date(2027, 12, 31)
    )
    price = sample.do(add_price, product, to_come)
    quote, open_quote = _quotes(sample)
    approval = sample.do(ask_approval, request, AskApproval(minutes=60, reason="The disk"))
    draft = AutoTopUpGiven(mode="draft", below=5000, minutes=60)
    sample.do(set_auto_top_up, contract, SetAutoTopUp(auto_top_up=draft))
    token = sample.do(create_token, NewToken(email=_email(sample, str(sample.administrator.id))))
    webhook, _ = sample.do(create_webhook, NewWebhook(url="https://hooks.example/old"))
    delivery = sample.do(send_test, webhook)
    sample.do(change_mail_template, "sla_breach", ChangeMailTemplate(subject="Late: {number}"))
    replay, message = new_id(), new_id()
    with sample.desk.write() as tx:
        tx.change(t.webhook_delivery, delivery, state="set_aside", next_attempt_at=None)
        tx.change(t.user_account, str(sample.administrator.id), password_hash=HASHER.hash(PASSWORD))
        tx.add(
            t.rule_replay,
            id=replay,
            version=version,
            files=files,
            from_at=now - timedelta(days=1),
            to_at=now,
            asked_by="the administrator",
            asked_at=now,
            state="running",
            runner=new_id(),
            beat_at=now,
        )
        tx.add(
            t.outbox,
            id=message,
            event="opened",
            recipient="ann@example.com",
            subject="Hello",
            body="Hello",
            payload={},
            created_at=now,
            attempts=9,
        )
    invoices = _add_invoices(sample, bob, request)
    sample.do(store_logo, b64decode(LOGO))
    sample.do(close_period, "2026-01", ChangePeriod(reason="Month end"))
    tokens = {
        role: sample.do(create_token, NewToken(email=_email(sample, str(getattr(sample, role).id)))).text
        for role in ("administrator", "finance", "supervisor", "technician")
    }
    sessions = {role: new_session(sample.desk, getattr(sample, role)) for role in tokens}
    ann = sample.person("customer", "Ann", customer=sample.ann)
    tokens["customer"] = sample.do(create_token, NewToken(email=_email(sample, str(ann.id)))).text
    sessions["customer"] = new_session(sample.desk, ann)
    offer = NewProduct(
        code="OFFER", label="A year", kind="contract_type", contract_type="subscription", offered=True
    )
    offered = sample.do(create_product, offer)
    of_today = NewPrice(price=MoneyGiven(amount_minor=500), first_on=date(2026, 1, 1))
    sample.do(add_price, offered, of_today)
    link = sample.do(show_link, str(sample.technician.id), None).url.rpartition("=")[2]
    return {
        **bank_records(sample),
        "ann": sample.ann,
        "bob": bob,
        "carl": carl,
        "eve": sample.customer("Eve"),
        "held": _held(sample),
        "erased": _erased(sample),
        "org_unit": sample.site,
        **invoices,
        "item": sample.laptop,
        "global_item": global_item,
        "contract": contract,
        "pending": pending,
        "ending": ending,
        "service_request": request,
        "period": "2026-01",
        "entry": str(sample.entries(request)[0].id),
        "dispute": sample.do(
            open_dispute, OpenDispute(work_entry=str(sample.entries(request)[0].id), reason="Too long")
        ),
        "invoice_line": str(sample.rows(t.invoice_line, invoice_id=invoices["issued_invoice"])[0].id),
        "decision": str(sample.rows(t.coverage_decision)[0].id),
        "waiting": waiting,
        "second": second,
        "second_number": str(sample.request(second).number),
        "merged": merged,
        "product": product,
        "price": price,
        "approval": approval,
        "approval_link": sample.do(make_approval_secret, str(sample.rows(t.approval_link)[0].id)),
        "quote": quote,
        "open_quote": open_quote,
        "quote_link": sample.do(make_quote_secret, str(sample.rows(t.quote_link)[0].id)),
        "proposal": proposal.proposal,
        "replay": replay,
        "message": message,
        "token": token.id,
        "prepared_top_up": str(sample.rows(t.auto_top_up)[0].id),
        "user": str(sample.technician.id),
        "version": version,
        "old_version": old,
        "files": {**files, "slas.json": files["slas.json"] + "\n\n\n"},
        "calendar": "after_hours",
        "closures": CLOSURES,
        "edited_slas": files["slas.json"] + "\n\n\n",
        "link": link,
        "template": "sla_breach",
        "webhook": webhook,
        "delivery": delivery,
        "session": str(sample.rows(t.login_session, user_id=sample.supervisor.id)[0].id),
        "email": _email(sample, str(sample.administrator.id)),
        "password": PASSWORD,
        "new_password": "another long password",
        "tokens": tokens,
        "users": {role: str(getattr(sample, role).id) for role in tokens if role != "customer"}
        | {"customer": str(ann.id)},
        "offered_product": offered,
        "sessions": sessions,
    }


def _erased(sample: SampleDesk) -> str:
    erased = sample.customer("Fred")
    sample.do(erase_customer, erased, EraseCustomer(name="Fred", reason="Asked for it"))
    return erased


def _held(sample: SampleDesk) -> str:
    """A customer with a legal hold."""
    held = sample.customer("Hera")
    sample.do(set_legal_hold, held, SetLegalHold(reason="Case 12"))
    return held


def _quotes(sample: SampleDesk) -> tuple[str, str]:
    """A draft, and a quote of a contract that was sent; both to Ann."""
    item = QuoteLineGiven(description="A visit", unit_price=MoneyGiven(amount_minor=100))
    contract = NewContract(type="subscription", holder=HolderGiven(customer=sample.ann))
    offered = QuoteLineGiven(contract=contract, unit_price=MoneyGiven(amount_minor=100))
    made = [
        sample.do(
            create_quote,
            NewQuote(customer=sample.ann, subject="Support", last_on=date(2027, 12, 31), lines=[line]),
        )
        for line in (item, offered)
    ]
    sample.do(send_quote, made[1])
    return made[0], made[1]


def _add_invoices(sample: SampleDesk, bob: str, request: str) -> dict[str, str]:
    """A draft, an e-invoice that was issued and paid in part, and sales that are to be invoiced."""
    address: dict[str, Any] = {"street": "Main Street 1", "city": "Berlin", "country": "DE"}
    seller = {**address, "name": "Northwind", "email": "billing@northwind.example", "tax_number": "37/123"}
    sample.set(invoices=True, company=seller, e_invoices="en16931", **ACCOUNTING)
    buyer = ChangeBilling(**address, email="invoices@ann.example", buyer_reference="B-1")
    sample.do(change_billing_details, "customer", sample.ann, buyer)
    line = InvoiceLineGiven(
        description="Parts", quantity="1", unit_price=MoneyGiven(amount_minor=1000), tax_rate="No tax"
    )
    draft, issued, written_off, online = (
        sample.do(create_invoice, NewInvoice(customer=sample.ann, lines=[line])) for _ in range(4)
    )
    sample.do(issue_invoice, issued)
    sample.set(e_invoices="off")
    sample.do(issue_invoice, written_off)
    sample.do(issue_invoice, online)
    sample.desk.payments = StageCheckout()
    link = payment_link(sample.desk, sample.finance, online, "https://desk.example")
    sample.do(write_off_invoice, written_off, WriteOff(reason="Insolvent"))
    paid = NewPayment(amount=MoneyGiven(amount_minor=400), received_on=sample.clock.now().date())
    payment = sample.do_as(sample.finance, record_payment, issued, paid)
    sample.do(pause_dunning, issued, PauseDunning(reason="Asked for time", until=date(2027, 12, 31)))
    sample.sell("subscription", to=("customer", bob), price=MoneyGiven(amount_minor=500), enable=False)
    rate = RateGiven(amount_minor=6000)
    dora = sample.customer("Dora")
    sample.sell("support_hours", to=("customer", dora), minutes=1, time_expired="bill", overage_rate=rate)
    sample.work(sample.log("Beyond the contract", customer=dora, item=None), 31)
    gus = sample.customer("Gus")
    sample.sell("support_hours", to=("customer", gus), minutes=1, time_expired="bill", overage_rate=rate)
    shorter = sample.log("Shorter than billed", customer=gus, item=None)
    sample.work(shorter, 31)
    sample.do(issue_invoice, sample.do(draft_overage, DraftOverage(customer=gus, month="2026-03")))
    sample.do(change_work, sample.entries(shorter)[0].id, ChangeWork(minutes=11, reason="Shorter"))
    cancelled = sample.sell(
        "subscription", to=("customer", sample.ann), price=MoneyGiven(amount_minor=500), enable=True
    )
    sold = [row.id for row in sample.rows(t.sold_item, contract_id=cancelled)]
    sample.do(issue_invoice, sample.do(draft_sold, DraftSold(customer=sample.ann, sold=sold)))
    sample.do(cancel_contract, cancelled, CancelContract(reason="Customer left"))
    wanted = NewAccountingExport(format="datev", to_on=sample.clock.now().date())
    cable = NewSoldItem(description="A cable", unit_price=MoneyGiven(amount_minor=500), bill_to="org_unit")
    item = sample.do(add_sold_once, request, cable)
    hosting = NewRecurringSale(
        customer=bob, description="Hosting", unit_price=MoneyGiven(amount_minor=500), every="month"
    )
    return {
        "dora": dora,
        "accounting_export": sample.do(export_journals, wanted)[0],
        "cancelled": cancelled,
        "draft_invoice": draft,
        "issued_invoice": issued,
        "written_off_invoice": written_off,
        "payment": payment,
        "notice": _paid(link),
        "sold_item": str(sample.rows(t.sold_item, invoice_id=None)[0].id),
        "request_sold_item": str(item),
        "owed_item": str(sample.rows(t.sold_item, customer_id=gus, kind="overage")[0].id),
        "recurring_sale": sample.do(create_recurring_sale, hosting),
    }


def _paid(link: PaymentLinkView) -> str:
    """An event that a link was paid, as Stripe writes it."""
    session = {
        "id": f"cs-{link.id}",
        "object": "checkout.session",
        "client_reference_id": link.id,
        "payment_status": "paid",
        "payment_intent": "pi_1",
        "amount_total": link.amount.amount_minor,
        "currency": link.amount.currency.lower(),
    }
    return json.dumps({"id": "evt_1", "type": "checkout.session.completed", "data": {"object": session}})


def _email(sample: SampleDesk, user_id: str) -> str:
    return str(sample.rows(t.user_account, id=user_id)[0].email)


@dataclass(frozen=True)
class Sent:
    """A call as it is sent: with the values of its page, and the key that makes it happen once, if any."""

    stage: Stage
    method: str
    address: str
    role: str
    values: Any
    is_api: bool
    key: str | None = None
    session: str = ""
    file: bytes = b""

    def __call__(self) -> TestResponse:
        """Send it, and wait for the threads that it has started."""
        answer = self._send()
        for thread in threading.enumerate():
            if thread.name == "replay":
                thread.join()
        return answer

    def _send(self) -> TestResponse:
        client = self.stage.app.test_client()
        if self.role == "provider":
            signed = {"Stripe-Signature": signature(self.file, WEBHOOK_SECRET)}
            return client.post(self.address, data=self.file, content_type="application/json", headers=signed)
        if self.is_api:
            headers = {"Authorization": f"Bearer {self.stage.records['tokens'][self.role]}"}
            if self.key is not None:
                headers["Idempotency-Key"] = self.key
            if self.file:
                return client.post(
                    self.address, data=self.file, content_type="application/xml", headers=headers
                )
            return client.open(self.address, method=self.method, json=self.values, headers=headers)
        client.set_cookie("session", self.session)
        # a file is read by each call, so each has its own
        files = {
            name: (BytesIO(value), name) for name, value in self.values.items() if isinstance(value, bytes)
        }
        if self.file:
            files["upload"] = (BytesIO(self.file), "file")
        return client.post(self.address, data={**self.values, **files})

    def with_key(self, key: str) -> "Sent":
        return replace(self, key=key)


def api_call(stage: Stage, route: str, call: Call) -> Sent:
    """A call of the API as it is sent, without a key."""
    method, _, rule = route.partition(" ")
    address = f"/api/v1{stage.address(rule, call)}"
    file = stage.text(call.file).encode()
    return Sent(stage, method, address, call.role, stage.text(call.sends), is_api=True, file=file)


def page_call(stage: Stage, rule: str, call: Call) -> Sent:
    """A form as it is sent: with the session and the values of the page that has it; or a signed notice."""
    if call.role == "provider":
        file = stage.text(call.file).encode()
        return Sent(stage, "POST", rule, call.role, {}, is_api=False, key="the event", file=file)
    client = stage.app.test_client()
    if call.role != "nobody":
        with client.session_transaction() as session:
            session["_user_id"] = stage.records["sessions"][call.role]
            session["_fresh"] = True
    address = stage.address(rule, call)
    opens = stage.text(call.opens)
    page = Page(client.get(opens or ("/login" if call.role == "nobody" else "/account")))
    values = _values_of(page, address, opens) if opens else {}
    values |= stage.text(call.sends)
    # a form has its token and its key under the prefix of its fields
    token = next(form.values["csrf_token"] for form in page.forms if "csrf_token" in form.values)
    prefixes = {"", *(name.partition("_")[0] + "_" for name in values)}
    values |= {f"{prefix}csrf_token": token for prefix in prefixes}
    values = {f"{prefix}key": "a key" for prefix in prefixes} | values
    cookie = client.get_cookie("session")
    key = None if rule in WITHOUT_KEY else "a key"
    own = cookie.value if cookie else ""
    if call.file:
        values["upload"] = stage.text(call.file).encode()
    return Sent(stage, "POST", address, call.role, values, is_api=False, key=key, session=own)


def _values_of(page: Page, address: str, opens: str) -> dict[str, Any]:
    """The values of the form that is sent to this address, as its page has them."""
    form = next(one for one in page.forms if one.method == "post" and (one.action or opens) == address)
    return {name: value for name, value in form.values.items() if value is not None}
