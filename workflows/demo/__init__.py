"""The demonstration desk: four companies, contracts of every type in every state, two months of calls.

It is built through the use cases at past instants, with the jobs run between them as they would have been, so
that everything in it has its history, its decisions and its ledger. The same each time, but for the dates,
which are counted back from now.

people     who and what there is
stage      acts played by time, with the jobs between them
acts       what people do
contracts  what is sold, and how it ends
requests   what is asked for
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import or_, select, update

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
from workflows.demo.contracts import own_items, plan_contracts
from workflows.demo.people import LOGIN_CUSTOMERS, PEOPLE, SHARED, STAFF, STAFF_DOMAIN, UNITS
from workflows.demo.requests import notebook_of, plan_before_activation, plan_requests
from workflows.demo.timeline import Stage
from workflows.register import create_customer, create_item, create_org_unit
from workflows.rule_sets.publishing import publish_first
from workflows.store import tables as t
from workflows.store.truncate import empty_tables
from workflows.users.accounts import NewUser, create_user

__all__ = ["DEMO_PASSWORD", "LOGINS", "DemoLogin", "can_load_demo", "is_demo", "load_demo", "reset_demo"]

DEMO_PASSWORD = "coverdesk-demo"
SETTINGS = {
    "time_zone": "Europe/Berlin",
    "currency": "EUR",
    "company": {
        "name": "Kestrel IT Support GmbH",
        "address": "Hafenstraße 12\n20457 Hamburg",
        "email": "desk@coverdesk.example",
    },
}
SUBJECT = ("desk", "demonstration")
BEGUN, LOADED = "loading", "loaded"
LOADS_WITHIN = timedelta(minutes=2)


@dataclass(frozen=True, slots=True)
class DemoLogin:
    """Someone who can log in to the demonstration desk."""

    role: str
    email: str
    name: str


LOGINS = (
    *(DemoLogin(one.role, f"{one.key}@{STAFF_DOMAIN}", one.name) for one in STAFF[:4]),
    *(DemoLogin("customer", one.email, one.name) for one in PEOPLE if one.name == LOGIN_CUSTOMERS[0]),
)
"""One for each role."""


def load_demo(desk: Desk, *, password: str = DEMO_PASSWORD) -> tuple[DemoLogin, ...]:
    """Build the demonstration on an empty desk; answers a login for each role, all with this password.

    What a loading left that was killed on its way is emptied first.
    Raises: StateForbids on a desk that has records, or while another process loads; NoRuleSet.
    """
    files = dict(desk.refresh().rules.files)
    if desk.perform(SYSTEM, _is_cut_short):
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

    Raises: StateForbids on a desk that was not loaded as a demonstration; RuleSetRefused.
    """
    if not is_demo(desk):
        raise StateForbids(
            "This desk was not loaded as a demonstration, and is not emptied.",
            remedy="coverdesk demo load builds one in an empty database.",
            state="not_a_demonstration",
        )
    load_rule_set(files)
    _empty(desk, files)
    return load_demo(desk, password=password)


def can_load_demo(desk: Desk) -> bool:
    """Whether nobody has worked with the desk yet, or only a loading that was killed on its way."""
    return desk.perform(SYSTEM, lambda tx: _is_empty(tx) or _is_cut_short(tx))


def is_demo(desk: Desk) -> bool:
    """Whether the desk was loaded as a demonstration."""
    return desk.perform(SYSTEM, lambda tx: LOADED in _marks(tx))


# ------------------------------------------------------------------ from empty to full and back


def _build(desk: Desk, files: dict[str, str], password: str) -> None:
    stage = Stage(desk, desk.now(), Settings().merged(SETTINGS).zone)
    desk.perform(SYSTEM, lambda tx: _open(tx, stage, password), at=stage.at(66, 9))
    desk.refresh()
    plan_before_activation(stage)
    activate = ActivateBilling(time_expired_contract="rollover", contract_validation=True)
    stage.plan(stage.at(62, 9), "administrator", lambda tx: activate_billing(tx, activate), alone=True)
    plan_contracts(stage)
    plan_requests(stage, files)
    stage.play()


def _begin(tx: Transaction) -> None:
    """Claim an empty desk: of two that try, one goes on."""
    config_in_force(tx, to_change=True)
    if not _is_empty(tx) or _marks(tx):
        raise StateForbids(
            "The desk is not empty, or another process loads the demonstration now.",
            remedy="Set COVERDESK_DATABASE_URL to a new database, or wait for the other one.",
            state="not_empty",
        )
    tx.audit(*SUBJECT, BEGUN)


def _marks(tx: Transaction) -> dict[str, datetime]:
    """How far a demonstration was loaded here, and when."""
    event = t.audit_event
    rows = tx.connection.execute(
        select(event.c.action, event.c.recorded_at).where(
            event.c.subject_kind == SUBJECT[0], event.c.subject_id == SUBJECT[1]
        )
    )
    return {row.action: row.recorded_at for row in rows}


def _is_empty(tx: Transaction) -> bool:
    """No people, no things, nothing sold, nothing asked."""
    tables = (t.user_account, t.org_unit, t.customer, t.item, t.contract, t.service_request)
    any_of = [select(table.c.id).limit(1).scalar_subquery().is_not(None) for table in tables]
    return not tx.connection.execute(select(or_(*any_of))).scalar()


def _is_cut_short(tx: Transaction) -> bool:
    """A loading was killed, too long ago to be still at it, and nobody else has come to the desk since."""
    marks = _marks(tx)
    if LOADED in marks or BEGUN not in marks or tx.real_now - marks[BEGUN] < LOADS_WITHIN:
        return False
    ours = {f"{one.key}@{STAFF_DOMAIN}" for one in STAFF} | {one.email for one in PEOPLE}
    return set(tx.connection.execute(select(t.user_account.c.email)).scalars()) <= ours


def _empty(desk: Desk, files: dict[str, str]) -> None:
    desk.perform(SYSTEM, lambda tx: empty_tables(tx.connection))
    desk.refresh()
    publish_first(desk, files)


# ------------------------------------------------------------------ the first day


def _open(tx: Transaction, stage: Stage, password: str) -> None:
    """Settings, staff, and the registers."""
    change_settings(tx, SETTINGS)
    for one in STAFF:
        email = f"{one.key}@{STAFF_DOMAIN}"
        user_id = create_user(tx, NewUser(email=email, name=one.name, role=one.role, password=password))
        stage.people[one.key] = Actor(user_id, one.name, one.role)
    for unit in UNITS:
        parent = stage.ids[f"unit:{unit.parent}"] if unit.parent is not None else None
        made = create_org_unit(tx, NewOrgUnit(code=unit.code, name=unit.name, parent=parent))
        stage.ids[f"unit:{unit.code}"] = made
    _open_customers(tx, stage, password)
    _open_items(tx, stage)


def _open_customers(tx: Transaction, stage: Stage, password: str) -> None:
    for person in PEOPLE:
        units = [stage.ids[f"unit:{code}"] for code in person.units]
        command = NewCustomer(email=person.email, name=person.name, org_units=units)
        customer_id = create_customer(tx, command)
        user_id = None
        if person.name in LOGIN_CUSTOMERS:
            login = NewUser(email=person.email, name=person.name, role="customer", password=password)
            user_id = create_user(tx, login)
        stage.ids[f"person:{person.name}"] = customer_id
        stage.people[f"customer:{person.name}"] = Actor(user_id, person.name, "customer", customer_id)


def _open_items(tx: Transaction, stage: Stage) -> None:
    for person in PEOPLE:
        number = notebook_of(person)
        owner = OwnerGiven(customer=stage.ids[f"person:{person.name}"])
        name = f"Notebook of {person.name}"
        command = NewItem(number=number, name=name, item_type="notebook", owner=owner)
        stage.ids[f"item:{number}"] = create_item(tx, command)
    for thing in (*SHARED, *own_items()):
        owner = OwnerGiven(org_unit=stage.ids[f"unit:{thing.owner}"])
        command = NewItem(number=thing.number, name=thing.name, item_type=thing.item_type, owner=owner)
        stage.ids[f"item:{thing.number}"] = create_item(tx, command)


def _finish(tx: Transaction) -> None:
    """What was written to customers in those two months has been read by now."""
    o = t.outbox
    tx.connection.execute(
        update(o)
        .where(o.c.delivered_at.is_(None))
        .values(delivered_at=o.c.created_at, next_attempt_at=None, attempts=1)
    )
    tx.audit(*SUBJECT, LOADED)
