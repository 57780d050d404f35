"""What a customer may not see by id is named to them nowhere, however records have moved between owners."""

import re
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import date
from itertools import count
from typing import Any
from urllib.parse import quote, unquote

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from werkzeug.routing import Rule

from engine.errors import DeskError
from engine.quotes import Decision
from tests.support.api import ApiClient, ApiClients
from tests.support.pages import Browser
from tests.support.sample_desk import SampleDesk
from tests.support.share import EVERY
from workflows.commands.approvals import AnswerApproval, AskApproval
from workflows.commands.contracts import Adjust, HolderGiven, NewContract, TakeContract
from workflows.commands.disputes import AcceptDispute, DeclineDispute, OpenDispute
from workflows.commands.fields import MoneyGiven
from workflows.commands.people import EraseCustomer, SetLegalHold
from workflows.commands.quotes import DecideQuote, NewQuote, QuoteLineGiven
from workflows.commands.register import ChangeCustomer, ChangeItem, ChangeOrgUnit, OwnerGiven
from workflows.commands.service_requests import (
    AddNote,
    ChangeServiceRequest,
    FireTrigger,
    MergeRequest,
    NewServiceRequest,
    SearchCoverage,
    SplitRequest,
)
from workflows.commands.work import ChangeWork
from workflows.contracts.offers import take_contract
from workflows.contracts.use_cases import adjust
from workflows.core.actors import Actor
from workflows.disputes.use_cases import accept_dispute, decline_dispute, open_dispute
from workflows.people.erasing import erase_customer
from workflows.people.legal_holds import set_legal_hold
from workflows.register import change_customer, change_item, change_org_unit
from workflows.selling.quote_decisions import decide_quote
from workflows.selling.quotes import create_quote, send_quote
from workflows.service_requests.log import log_service_request
from workflows.service_requests.use_cases import (
    add_note,
    change_service_request,
    fire_trigger,
    search_or_assign,
)
from workflows.store import tables as t
from workflows.work.merging import merge_requests, split_request
from workflows.work.overage_approvals import answer_approval, ask_approval
from workflows.work.use_cases import change_work

SERIAL = count(1)
TRIGGERS = ("start", "hold", "resume", "resolve", "close", "reopen", "cancel")
KIND_OF_ARGUMENT = {
    "service_request_id": "service_request",
    "service_request": "service_request",
    "contract_id": "contract",
    "contract": "contract",
    "customer_id": "customer",
    "item_id": "item",
    "org_unit_id": "org_unit",
    "decision": "decision",
    "entry_id": "entry",
    "entry": "entry",
    "approval_id": "approval",
    "approval": "approval",
    "quote_id": "quote",
    "dispute_id": "dispute",
    "dispute": "dispute",
    "quote": "quote",
}
ADDRESS = {
    "service_request": "/service-requests/{}",
    "contract": "/contracts/{}",
    "customer": "/customers/{}",
    "item": "/items/{}",
    "org_unit": "/org-units/{}",
    "quote": "/quotes/{}",
    "approval": "/approvals/{}",
    "dispute": "/disputes/{}",
}
FILTERS = {
    "/service-requests": ("customer", "item", "org_unit", "contract", "technician"),
    "/contracts": ("holder", "service_request"),
    "/items": ("owner", "for_customer"),
    "/org-units": ("parent", "within"),
    "/customers": ("org_unit",),
    "/quotes": ("customer", "org_unit"),
    "/approvals": ("customer", "service_request"),
    "/disputes": ("customer", "org_unit", "service_request", "contract"),
}


@dataclass
class Register:
    """The records of one random history, by kind; `words` are the texts that belong to a record.

    `hidden` are words that no customer may read, whomever they are about.
    """

    sample: SampleDesk
    actors: dict[str, Actor] = field(default_factory=dict)
    ids: dict[str, list[str]] = field(default_factory=lambda: defaultdict(list))
    words: dict[str, set[str]] = field(default_factory=dict)
    hidden: set[str] = field(default_factory=set)
    erased: set[str] = field(default_factory=set)

    def add(self, kind: str, record_id: str, *words: str) -> str:
        self.ids[kind].append(record_id)
        self.words.setdefault(record_id, set()).update(words)
        return record_id

    def one(self, kind: str, number: int) -> str:
        return self.ids[kind][number % len(self.ids[kind])]

    def org_unit(self, parent: str | None = None) -> str:
        code = f"unit{next(SERIAL)}zq"
        return self.add("org_unit", self.sample.org_unit(code, parent=parent), code, code.title())

    def customer(self, *org_units: str) -> str:
        name = f"Person{next(SERIAL)}zq"
        made = self.sample.customer(name, *org_units)
        self.actors[made] = self.sample.person("customer", name, customer=made)
        return self.add("customer", made, name, f"{name.lower()}@example.com")

    def item(self, **owner: str) -> str:
        number = f"ITEM{next(SERIAL)}zq"
        return self.add("item", self.sample.item(number, **owner), number)

    def hold(self, customer: str) -> None:
        """Set a legal hold on a customer."""
        reason = f"case{next(SERIAL)}zq"
        self.sample.do(set_legal_hold, customer, SetLegalHold(reason=reason))
        self.hidden.add(reason)

    def erase(self, customer: str) -> None:
        """Erase a customer who has nothing that stops it; they cannot log in any more."""
        reason, name = f"cause{next(SERIAL)}zq", self.sample.rows(t.customer, id=customer)[0].name
        self.sample.do(erase_customer, customer, EraseCustomer(name=name, reason=reason))
        self.erased.add(customer)
        self.hidden |= {reason, *self.words[customer]}

    def sell(self, type_key: str, kind: str, holder_id: str, **terms: Any) -> str:
        made = self.sample.sell(type_key, to=(kind, holder_id), **terms)
        return self.add("contract", made, self.sample.contract(made).number)

    def quote(self, customer: str) -> str:
        """A quote that was sent to a customer; staff accept it for them now and then."""
        subject, note = f"offer{next(SERIAL)}zq", f"terms{next(SERIAL)}zq"
        terms = NewContract(type="support_hours", holder=HolderGiven(customer=customer), minutes=60)
        line = QuoteLineGiven(contract=terms, unit_price=MoneyGiven(amount_minor=100))
        command = NewQuote(
            customer=customer, subject=subject, note=note, last_on=date(2030, 1, 1), lines=[line]
        )
        made = self.sample.do(send_quote, self.sample.do(create_quote, command))
        [row] = self.sample.rows(t.quote, id=made)
        return self.add("quote", made, subject, note, row.number)

    def log(self, actor: Actor, customer: str, item: str | None) -> str | None:
        subject, description = f"subject{next(SERIAL)}zq", f"description{next(SERIAL)}zq"
        command = NewServiceRequest(subject=subject, description=description, customer=customer, item=item)
        made = self.sample.do_as(actor, log_service_request, command).service_request
        if made is None:
            return None
        return self.add("service_request", made, subject, description, self.sample.request(made).number)


def open_register(sample: SampleDesk) -> Register:
    """Two sister org units below one parent, and a customer, an item, contracts and work of each."""
    register = Register(sample)
    parent = register.org_unit()
    for _ in range(2):
        unit = register.org_unit(parent)
        customer = register.customer(unit)
        item = register.item(customer=customer)
        register.sell("support_hours", "item", item, minutes=90)
        register.sell("incident_pack", "customer", customer, incidents=2)
    register.customer(register.org_unit())
    for customer in register.ids["customer"]:
        register.quote(customer)
    register.item(org_unit=parent)
    register.sell("support_hours", "org_unit", parent, minutes=600)
    items: list[str | None] = [*register.ids["item"][:2], None]
    for asking, about in zip(register.ids["customer"], items, strict=True):
        register.log(register.actors[asking], asking, about)
        with suppress(DeskError):
            work(register, len(register.ids["service_request"]) - 1, 0, 0)
    register.hold(register.ids["customer"][0])
    register.erase(register.customer(register.ids["org_unit"][0]))
    return register


def log(register: Register, a: int, b: int, c: int) -> None:
    customer = register.one("customer", a)
    actor = register.actors[customer] if c % 2 else register.sample.technician
    register.log(actor, customer, [None, *register.ids["item"]][b % (len(register.ids["item"]) + 1)])


def work(register: Register, a: int, b: int, _c: int) -> None:
    note = f"work{next(SERIAL)}zq"
    request = register.one("service_request", a)
    register.sample.work(request, 10 + b, note=note)
    register.words[request].add(note)


def move_work(register: Register, a: int, b: int, _c: int) -> None:
    """The note of the entry is then that of the other request."""
    request, other = register.one("service_request", a), register.one("service_request", b)
    rows = [row for row in register.sample.entries(request) if row.deleted_at is None]
    if not rows or request == other:
        return
    entry = min(rows, key=lambda row: row.id)
    command = ChangeWork(service_request=other)
    register.sample.do_as(register.sample.supervisor, change_work, entry.id, command)
    register.words[request].discard(entry.note)
    register.words[other].add(entry.note)


def write_note(register: Register, a: int, b: int, c: int) -> None:
    note = f"note{next(SERIAL)}zq"
    request = register.one("service_request", a)
    customer = str(register.sample.request(request).customer_id)
    actor = register.actors[customer] if b % 2 else register.sample.technician
    register.sample.do_as(actor, add_note, request, AddNote(body=note, public=bool(c % 2)))
    register.words[request].add(note)


def fire(register: Register, a: int, b: int, _c: int) -> None:
    text, request = f"reason{next(SERIAL)}zq", register.one("service_request", a)
    trigger = TRIGGERS[b % len(TRIGGERS)]
    reason = "customer" if trigger == "hold" else text
    command = FireTrigger.model_validate({"trigger": trigger, "note": text, "reason": reason})
    register.sample.do_as(register.sample.technician, fire_trigger, request, command)
    register.words[request].add(text)


def move_request(register: Register, a: int, b: int, _c: int) -> None:
    command = ChangeServiceRequest(customer=register.one("customer", b))
    register.sample.do(change_service_request, register.one("service_request", a), command)


def merge(register: Register, a: int, b: int, _c: int) -> None:
    """Both histories have the reason; a reader of either may read it."""
    request, other = register.one("service_request", a), register.one("service_request", b)
    reason = f"merged{next(SERIAL)}"
    command = MergeRequest(into=other, reason=reason)
    register.sample.do_as(register.sample.supervisor, merge_requests, request, command)


def split(register: Register, a: int, _b: int, _c: int) -> None:
    merged = [row.id for row in register.sample.rows(t.service_request) if row.merged_into_id is not None]
    if merged:
        request = sorted(merged)[a % len(merged)]
        register.sample.do_as(register.sample.supervisor, split_request, request, SplitRequest())


def move_item(register: Register, a: int, b: int, c: int) -> None:
    kind = "customer" if c % 2 else "org_unit"
    owner = OwnerGiven(**{kind: register.one(kind, b)})
    register.sample.do(change_item, register.one("item", a), ChangeItem(owner=owner))


def move_customer(register: Register, a: int, b: int, c: int) -> None:
    units = {register.one("org_unit", b): None, register.one("org_unit", c): None}
    register.sample.do(change_customer, register.one("customer", a), ChangeCustomer(org_units=list(units)))


def move_org_unit(register: Register, a: int, b: int, c: int) -> None:
    parent = None if c % 3 == 0 else register.one("org_unit", b)
    register.sample.do(change_org_unit, register.one("org_unit", a), ChangeOrgUnit(parent=parent))


def sell(register: Register, a: int, b: int, c: int) -> None:
    kind = ("item", "customer", "org_unit")[a % 3]
    type_key, terms = (
        ("subscription", {}),
        ("support_hours", {"minutes": 60}),
        ("incident_pack", {"incidents": 3}),
        ("support_hours_by_month", {"minutes": 120}),
    )[c % 4]
    register.sell(type_key, kind, register.one(kind, b), **terms)


def take(register: Register, a: int, b: int, c: int) -> None:
    request = register.one("service_request", a)
    type_key = ("per_request", "support_hours", "incident_pack")[b % 3]
    customer = str(register.sample.request(request).customer_id)
    actor = register.actors[customer] if c % 2 else register.sample.supervisor
    register.sample.do_as(actor, take_contract, request, TakeContract(type=type_key))


def assign(register: Register, a: int, b: int, c: int) -> None:
    contract = register.one("contract", b) if c % 2 else None
    command = SearchCoverage(contract=contract, reason="As agreed")
    register.sample.do(search_or_assign, register.one("service_request", a), command)


def withdraw(register: Register, a: int, _b: int, _c: int) -> None:
    register.sample.do(adjust, register.one("contract", a), Adjust(minutes=-5, reason="Goodwill"))


def offer(register: Register, a: int, _b: int, _c: int) -> None:
    register.quote(register.one("customer", a))


def accept_offer(register: Register, a: int, b: int, _c: int) -> None:
    quote = register.one("quote", a)
    decision: Decision = "accepted" if b % 2 else "declined"
    register.sample.do(decide_quote, quote, DecideQuote(), decision, "192.0.2.1")


def ask(register: Register, a: int, b: int, _c: int) -> None:
    """Staff ask for an approval, and record the answer now and then."""
    reason = f"reason{next(SERIAL)}zq"
    request = register.one("service_request", a)
    made = register.sample.do(ask_approval, request, AskApproval(minutes=30, reason=reason))
    register.add("approval", made, reason)
    if b % 2:
        command = AnswerApproval(name="Someone", minutes=20)
        register.sample.do(answer_approval, made, command, "approved", "192.0.2.1")


def object_to(register: Register, a: int, b: int, c: int) -> None:
    """A customer objects to work on a request, or to a line of a contract, that they see."""
    reason = f"objection{next(SERIAL)}zq"
    actor = register.actors[register.one("customer", b)]
    if c % 2:
        found = [row.id for row in register.sample.entries(register.one("service_request", a))]
        about = {"work_entry": min(found)} if found else {}
    else:
        contract = register.one("contract", a)
        lines = [row.id for row in register.sample.rows(t.ledger_transaction, contract_id=contract)]
        about = {"statement_line": max(lines)} if lines else {}
    if about:
        command = OpenDispute(reason=reason, **about)
        register.add("dispute", register.sample.do_as(actor, open_dispute, command), reason)


def decide(register: Register, a: int, b: int, _c: int) -> None:
    if not register.ids["dispute"]:
        return
    dispute, supervisor = register.one("dispute", a), register.sample.supervisor
    if b % 2:
        register.sample.do_as(supervisor, accept_dispute, dispute, AcceptDispute())
    else:
        register.sample.do_as(supervisor, decline_dispute, dispute, DeclineDispute(reason="As agreed"))


def switch_setting(register: Register, a: int, _b: int, _c: int) -> None:
    register.sample.set(customers_see_org_unit=bool(a % 2))


def let_time_pass(register: Register, a: int, _b: int, _c: int) -> None:
    register.sample.clock.move(days=a % 20)


STEPS: tuple[Callable[[Register, int, int, int], None], ...] = (
    log,
    work,
    move_work,
    write_note,
    fire,
    move_request,
    merge,
    split,
    move_item,
    move_customer,
    move_org_unit,
    sell,
    take,
    assign,
    withdraw,
    offer,
    accept_offer,
    ask,
    object_to,
    decide,
    switch_setting,
    let_time_pass,
)
NUMBERS = st.integers(0, 30)
HISTORIES = st.lists(st.tuples(st.sampled_from(STEPS), NUMBERS, NUMBERS, NUMBERS), min_size=8, max_size=25)


@given(history=HISTORIES, sees_org_unit=st.booleans())
@settings(
    max_examples=6 if EVERY else 2,
    deadline=None,
    derandomize=True,
    phases=[Phase.explicit, Phase.generate],
    suppress_health_check=[
        HealthCheck.function_scoped_fixture,
        HealthCheck.too_slow,
        HealthCheck.data_too_large,
    ],
)
def test_what_a_customer_may_not_see_is_named_nowhere(
    sample: SampleDesk, history: list[Any], sees_org_unit: bool
) -> None:
    sample.set(customers_see_org_unit=sees_org_unit)
    register = open_register(sample)
    for step, a, b, c in history:
        with suppress(DeskError):
            step(register, a, b, c)
    add_made_records(register)
    api = ApiClients(sample)
    for customer, actor in register.actors.items():
        if customer not in register.erased:
            Reader(register, customer, api.client_of(actor), Browser(sample, actor, api.app)).check()


@pytest.mark.parametrize(("by_way_of", "way_back"), [(False, False), (True, False), (False, True)])
def test_colleagues_see_of_a_merged_request_only_what_their_org_unit_has(
    sample: SampleDesk, by_way_of: bool, way_back: bool
) -> None:
    """Ann belongs to two org units; a colleague in each sees what was logged for that one."""
    sample.set(customers_see_org_unit=True)
    register = Register(sample)
    units = [register.org_unit() for _ in range(2)]
    ann, *colleagues = (register.customer(*of) for of in (units, units[:1], units[1:]))
    register.item(customer=ann)
    register.sell("support_hours", "customer", ann, minutes=600)
    requests = []
    for number, unit in enumerate([units[0], units[1], units[1] if by_way_of else units[0]]):
        request = register.log(sample.technician, ann, None)
        assert request is not None
        sample.do(change_service_request, request, ChangeServiceRequest(org_unit=unit))
        requests.append(request)
        for step in (work, write_note, fire):
            step(register, number, 0, 1)
    left, merged, other = requests
    merges = [(merged, other), (other, left)] if by_way_of else [(merged, left), (other, left)]
    for one, into in merges:
        merge(register, requests.index(one), requests.index(into), 0)
    if way_back:
        sample.do_as(sample.supervisor, split_request, merged, SplitRequest())
    add_made_records(register)
    api = ApiClients(sample)
    readers = [
        Reader(register, one, api.client_of(actor), Browser(sample, actor, api.app))
        for one, actor in register.actors.items()
    ]
    for reader in readers:
        reader.check()
    own, of_first, of_second = (reader.visible.intersection(requests) for reader in readers)
    assert own == {*requests}
    assert of_first == ({left} if by_way_of else {left, other})
    assert of_second == ({merged, other} if by_way_of else {merged})
    for colleague, unseen in zip(colleagues, (merged, left), strict=True):
        client = api.client_of(register.actors[colleague])
        number = sample.request(unseen).number
        assert client.get(f"/service-requests?number={number}").json == {"items": [], "next_cursor": None}
    theirs = api.client_of(register.actors[colleagues[1]]).get(f"/service-requests/{merged}").json
    assert theirs is not None
    assert (theirs["id"], theirs["merged_into"]) == (merged, other if by_way_of else None)


def add_made_records(register: Register) -> None:
    """Add what the use cases made themselves: contracts of requests, decisions and work entries."""
    sample = register.sample
    requests = set(register.ids["service_request"])
    for row in sample.rows(t.contract):
        ours = row.holder_id in requests or row.offered_for_id in requests or row.price_source == "quote"
        if ours and row.id not in register.ids["contract"]:
            register.add("contract", row.id, row.number)
    for kind, table in (("decision", t.coverage_decision), ("entry", t.work_entry)):
        register.ids[kind] = [row.id for row in sample.rows(table) if row.service_request_id in requests]


class Reader:
    """A customer who opens every address with every id, and looks for what they may not see."""

    def __init__(self, register: Register, customer: str, caller: ApiClient, browser: Browser) -> None:
        self.register = register
        self.customer = customer
        self.client = caller
        self.browser = browser
        self.visible = {
            record_id
            for kind, address in ADDRESS.items()
            for record_id in register.ids[kind]
            if caller.get(address.format(record_id)).status_code == 200
        }
        self.secrets = self._secrets()

    def check(self) -> None:
        for path in self._paths():
            answer = self.browser.client.get(
                path, headers={"Authorization": f"Bearer {self.client.token}"} if "/api/" in path else {}
            )
            assert answer.status_code < 500, path
            # the lines of a PDF are compressed; they are those of the CSV file beside it
            read_as = "latin-1" if answer.mimetype == "application/pdf" else "utf-8"
            found = self.secrets & tokens(answer.get_data().decode(read_as))
            # a page repeats the address by which it was asked for
            assert not found - tokens(unquote(path)), path
        self._check_filters()

    def _secrets(self) -> set[str]:
        """Ids and words of all records that are not there for the reader."""
        register, secrets = self.register, set(self.register.hidden)
        for kind in ADDRESS:
            for record_id in register.ids[kind]:
                if record_id in self.visible:
                    continue
                words = register.words[record_id]
                if kind == "contract" and self._may_name_contract(record_id):
                    continue
                if kind == "customer" and self._asks_for_a_visible_request(record_id):
                    # a visible request names its customer, not the mail address
                    secrets |= {one for one in words if "@" in one}
                    continue
                secrets |= {record_id, *words}
        return secrets

    def _may_name_contract(self, contract_id: str) -> bool:
        """A contract covers a visible request: it may be named if its holder is there for the reader."""
        return str(self.register.sample.contract(contract_id).holder_id) in self.visible

    def _asks_for_a_visible_request(self, customer: str) -> bool:
        requests = (one for one in self.register.ids["service_request"] if one in self.visible)
        return any(self.register.sample.request(one).customer_id == customer for one in requests)

    def _paths(self) -> Iterator[str]:
        for rule in self.browser.app.url_map.iter_rules():
            if "GET" in (rule.methods or ()) and rule.endpoint != "static":
                yield from self._filled(rule)
        for word in sorted(self.secrets | {"zq"}):
            yield f"/search?q={quote(word)}"
            yield f"/api/v1/service-requests?q={quote(word)}"
        for page in ("/requests?view=all", "/contracts?view=", "/items?order=name"):
            yield page
            yield f"{page}&format=csv"

    def _filled(self, rule: Rule) -> Iterator[str]:
        kinds = [KIND_OF_ARGUMENT.get(name) for name in rule.arguments]
        if not kinds:
            yield rule.rule
        elif len(kinds) == 1 and kinds[0] is not None:
            (name,) = rule.arguments
            for record_id in self.register.ids[kinds[0]]:
                yield re.sub(rf"<(\w+:)?{name}>", record_id, rule.rule)

    def _check_filters(self) -> None:
        """A filter by what may not be seen finds as much as one by what does not exist."""
        everything = [one for kind in ADDRESS for one in self.register.ids[kind]]
        for path, names in FILTERS.items():
            for name in names:
                none = self.client.get(f"{path}?{name}=nothing").get_data()
                for record_id in self.secrets.intersection(everything):
                    assert self.client.get(f"{path}?{name}={record_id}").get_data() == none, (path, name)


def tokens(text: str) -> set[str]:
    """The words of a text; ids, numbers and mail addresses are one word each."""
    return {one.strip(".-") for one in re.findall(r"[\w@.\-]+", text)}
