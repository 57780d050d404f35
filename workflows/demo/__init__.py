"""The demonstration desk: four companies, contracts of every type in every state, two months of calls.

It is built through the use cases at past instants, and the jobs run in between as they would have, so
everything in it has its history, decisions and ledger. It is the same each time, except for the dates, which
are relative to now.

people     staff, customers, org units and items
timeline   runs planned actions in time order, with the jobs in between
actions    what people do, as functions that plan actions
contracts  the contracts and their states
prices     the price list
billing    the invoices and what becomes of them, and renewals ahead of the end
invoice_checks  a rule by which a large draft waits for finance, and such a draft
approvals  a contract that asks before more is spent, and what its customer is asked
quotes     quotes in each state
requests   the service requests
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import case, or_, select, update

from engine.rulebook import load_rule_set
from workflows.administration.activation import activate_billing
from workflows.administration.settings import change_settings
from workflows.commands.administration import ActivateBilling
from workflows.commands.register import NewCustomer, NewItem, NewOrgUnit, OwnerGiven
from workflows.core.actors import SYSTEM, Actor
from workflows.core.config_version import config_in_force
from workflows.core.desk import Desk
from workflows.core.errors import StateForbids
from workflows.core.settings import Settings
from workflows.core.transaction import Transaction
from workflows.demo.accounting import plan_month_end
from workflows.demo.approvals import ITEM as ASKING_ITEM
from workflows.demo.approvals import plan_approvals
from workflows.demo.bank_statements import plan_bank_statement
from workflows.demo.billing import (
    ACCOUNTING_SETTINGS,
    BILLING_SETTINGS,
    SELLER,
    STANDARD,
    plan_billing,
    plan_german_invoice,
    plan_recurring_sales,
    plan_renewals,
    plan_sold_once,
)
from workflows.demo.contracts import own_items, plan_contracts
from workflows.demo.invoice_checks import plan_unusual_draft, with_invoice_check
from workflows.demo.people import LOGIN_CUSTOMERS, PEOPLE, SHARED, STAFF, STAFF_DOMAIN, UNITS
from workflows.demo.prices import plan_prices
from workflows.demo.quotes import plan_quotes
from workflows.demo.rates import CURRENCY, plan_rate_card, with_rate_card
from workflows.demo.requests import notebook_of, plan_before_activation, plan_requests
from workflows.demo.timeline import Timeline
from workflows.register import create_customer, create_item, create_org_unit
from workflows.rule_sets.publishing import publish_first
from workflows.store import tables as t
from workflows.store.truncate import empty_tables
from workflows.users.accounts import NewUser, create_user

__all__ = ["DEMO_PASSWORD", "LOGINS", "DemoLogin", "can_load_demo", "is_demo", "load_demo", "reset_demo"]

DEMO_PASSWORD = "coverdesk-demo"
SETTINGS = {
    "time_zone": "Europe/Berlin",
    "currency": CURRENCY,
    "company": {"name": "Kestrel IT Support GmbH", "email": "desk@coverdesk.example", **SELLER},
    **BILLING_SETTINGS,
    **ACCOUNTING_SETTINGS,
}
SUBJECT = ("desk", "demonstration")
STARTED, LOADED = "loading", "loaded"
LOAD_TIMEOUT = timedelta(minutes=2)


@dataclass(frozen=True, slots=True)
class DemoLogin:
    """A user who can log in to the demonstration desk."""

    role: str
    email: str
    name: str


LOGINS = (
    *(DemoLogin(one.role, f"{one.key}@{STAFF_DOMAIN}", one.name) for one in STAFF[:4]),
    *(DemoLogin("customer", one.email, one.name) for one in PEOPLE if one.name == LOGIN_CUSTOMERS[0]),
)
"""One for each role."""


def load_demo(desk: Desk, *, password: str = DEMO_PASSWORD) -> tuple[DemoLogin, ...]:
    """Build the demonstration on an empty desk; returns a login for each role, all with this password.

    The rest of an interrupted load is deleted first.

    Raises:
        StateForbids: the desk has records, or another process is loading.
        NoRuleSet: no rule set has been published.
    """
    files = dict(desk.refresh().rules.files)
    if desk.perform(SYSTEM, _is_interrupted):
        _empty(desk, files)
    desk.perform(SYSTEM, _begin)
    try:
        _build(desk, files, password)
    except BaseException:
        _empty(desk, files)
        raise
    desk.perform(SYSTEM, _finish)
    return LOGINS


def reset_demo(desk: Desk, files: dict[str, str], *, password: str = DEMO_PASSWORD) -> tuple[DemoLogin, ...]:
    """Empty a demonstration desk and build it again, with these rule files in force.

    Raises:
        StateForbids: the desk was not loaded as a demonstration.
        RuleSetRefused: the rule files have errors.
    """
    if not is_demo(desk):
        raise StateForbids(
            "This desk was not loaded as a demonstration, so it cannot be reset.",
            remedy="Run coverdesk demo load on an empty database.",
            state="not_a_demonstration",
        )
    load_rule_set(files)
    _empty(desk, files)
    return load_demo(desk, password=password)


def can_load_demo(desk: Desk) -> bool:
    """Whether the desk is empty, or only has the rest of an interrupted load."""
    return desk.perform(SYSTEM, lambda tx: _is_empty(tx) or _is_interrupted(tx))


def is_demo(desk: Desk) -> bool:
    """Whether the desk was loaded as a demonstration."""
    return desk.perform(SYSTEM, lambda tx: LOADED in _progress(tx))


def _build(desk: Desk, files: dict[str, str], password: str) -> None:
    timeline = Timeline(desk, desk.now(), Settings().merged(SETTINGS).zone)
    desk.perform(SYSTEM, lambda tx: _create_first_day(tx, timeline, password), at=timeline.at(66, 9))
    desk.refresh()
    plan_before_activation(timeline)
    activate = ActivateBilling(time_expired_contract="rollover", contract_validation=True)
    timeline.plan(
        timeline.at(62, 9), "administrator", lambda tx: activate_billing(tx, activate), is_exclusive=True
    )
    files = with_invoice_check(with_rate_card(files))
    plan_rate_card(timeline, files)
    plan_contracts(timeline)
    plan_requests(timeline, files)
    plan_prices(timeline)
    plan_billing(timeline)
    plan_german_invoice(timeline)
    plan_unusual_draft(timeline, STANDARD)
    plan_renewals(timeline)
    plan_sold_once(timeline)
    plan_recurring_sales(timeline)
    plan_approvals(timeline)
    plan_quotes(timeline)
    plan_month_end(timeline)
    plan_bank_statement(timeline)
    timeline.run()


def _begin(tx: Transaction) -> None:
    """Claim an empty desk: only one of several processes succeeds."""
    config_in_force(tx, to_change=True)
    if not _is_empty(tx) or _progress(tx):
        raise StateForbids(
            "The desk is not empty, or another process is loading the demonstration.",
            remedy="Set COVERDESK_DATABASE_URL to a new database, or wait for the other process.",
            state="not_empty",
        )
    tx.audit(*SUBJECT, STARTED)


def _progress(tx: Transaction) -> dict[str, datetime]:
    """The steps of loading a demonstration that were recorded here, with their instants."""
    event = t.audit_event
    rows = tx.connection.execute(
        select(event.c.action, event.c.recorded_at).where(
            event.c.subject_kind == SUBJECT[0], event.c.subject_id == SUBJECT[1]
        )
    )
    return {row.action: row.recorded_at for row in rows}


def _is_empty(tx: Transaction) -> bool:
    """Whether there are no users, register records, contracts or service requests."""
    tables = (t.user_account, t.org_unit, t.customer, t.item, t.contract, t.service_request)
    any_of = [select(table.c.id).limit(1).scalar_subquery().is_not(None) for table in tables]
    return not tx.connection.execute(select(or_(*any_of))).scalar()


def _is_interrupted(tx: Transaction) -> bool:
    """Whether a load was interrupted a while ago and no other users have been added since."""
    progress = _progress(tx)
    if LOADED in progress or STARTED not in progress or tx.real_now - progress[STARTED] < LOAD_TIMEOUT:
        return False
    ours = {f"{one.key}@{STAFF_DOMAIN}" for one in STAFF} | {one.email for one in PEOPLE}
    return set(tx.connection.execute(select(t.user_account.c.email)).scalars()) <= ours


def _empty(desk: Desk, files: dict[str, str]) -> None:
    desk.perform(SYSTEM, lambda tx: empty_tables(tx.connection))
    desk.refresh()
    publish_first(desk, files)


def _create_first_day(tx: Transaction, timeline: Timeline, password: str) -> None:
    """Create the settings, the staff and the register."""
    change_settings(tx, SETTINGS)
    for one in STAFF:
        email = f"{one.key}@{STAFF_DOMAIN}"
        user_id = create_user(tx, NewUser(email=email, name=one.name, role=one.role, password=password))
        timeline.people[one.key] = Actor(user_id, one.name, one.role)
    for unit in UNITS:
        parent = timeline.ids[f"unit:{unit.parent}"] if unit.parent is not None else None
        made = create_org_unit(tx, NewOrgUnit(code=unit.code, name=unit.name, parent=parent))
        timeline.ids[f"unit:{unit.code}"] = made
    _create_customers(tx, timeline, password)
    _create_items(tx, timeline)


def _create_customers(tx: Transaction, timeline: Timeline, password: str) -> None:
    for person in PEOPLE:
        units = [timeline.ids[f"unit:{code}"] for code in person.units]
        command = NewCustomer(email=person.email, name=person.name, org_units=units)
        customer_id = create_customer(tx, command)
        user_id = None
        if person.name in LOGIN_CUSTOMERS:
            login = NewUser(email=person.email, name=person.name, role="customer", password=password)
            user_id = create_user(tx, login)
        timeline.ids[f"person:{person.name}"] = customer_id
        timeline.people[f"customer:{person.name}"] = Actor(user_id, person.name, "customer", customer_id)


def _create_items(tx: Transaction, timeline: Timeline) -> None:
    for person in PEOPLE:
        number = notebook_of(person)
        owner = OwnerGiven(customer=timeline.ids[f"person:{person.name}"])
        name = f"Notebook of {person.name}"
        command = NewItem(number=number, name=name, item_type="notebook", owner=owner)
        timeline.ids[f"item:{number}"] = create_item(tx, command)
    for thing in (*SHARED, *own_items(), ASKING_ITEM):
        owner = OwnerGiven(org_unit=timeline.ids[f"unit:{thing.owner}"])
        command = NewItem(number=thing.number, name=thing.name, item_type=thing.item_type, owner=owner)
        timeline.ids[f"item:{thing.number}"] = create_item(tx, command)


def _finish(tx: Transaction) -> None:
    """Mark all messages of the two months as written to the log: the demonstration sends none."""
    o = t.outbox
    tx.connection.execute(
        update(o)
        .where(o.c.delivered_at.is_(None))
        .values(
            delivered_at=o.c.created_at,
            delivered_by=case((o.c.recipient.is_not(None), "log")),
            next_attempt_at=None,
            attempts=1,
        )
    )
    tx.audit(*SUBJECT, LOADED)
