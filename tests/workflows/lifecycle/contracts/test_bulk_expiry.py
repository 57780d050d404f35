"""Contracts expired in bulk and one by one leave the same rows in every table, on both databases."""

import shutil
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from functools import partial
from itertools import product
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import make_url, select

from tests.support.builders import FixedClock
from tests.support.postgres import PostgresServer
from tests.support.sample_desk import MONDAY, SampleDesk
from workflows.commands.contracts import Adjust, GrantGiven, TopUp
from workflows.contracts.use_cases import adjust, enable_contract, top_up
from workflows.core.actors import SYSTEM
from workflows.core.desk import Desk
from workflows.jobs.definitions import JOBS, run_job
from workflows.lifecycle.contracts.bulk_expiry import ENDING, expire_due
from workflows.lifecycle.contracts.settlement import sync_contract_state
from workflows.notifications.messages import CONTRACT_EVENTS
from workflows.notifications.templates import TEMPLATES
from workflows.reports.audit import audit_desk
from workflows.store import tables as t
from workflows.store.database import Database
from workflows.store.ids import new_id

DAY = timedelta(days=1)
ENDS = (MONDAY + 65 * DAY, MONDAY + 75 * DAY)
"""The last days of the contracts; two, so that some have been over for longer than others."""
BEFORE_THE_ENDS, AFTER_THE_ENDS = MONDAY + 64 * DAY, MONDAY + 80 * DAY
TERMS: dict[str, dict[str, int]] = {
    "subscription": {},
    "time_limited_subscription": {"minutes": 90},
    "support_hours": {"minutes": 90},
    "support_hours_by_month": {"minutes": 45},
    "incident_pack": {"incidents": 3},
}


@pytest.fixture
def copy_database(request: pytest.FixtureRequest) -> Iterator[Callable[[str], str]]:
    """Call it with the URL of a database that is not in use for the URL of a copy."""
    copied: list[str] = []

    def copy(url: str) -> str:
        name = str(make_url(url).database)
        if url.startswith("sqlite"):
            return f"sqlite:///{shutil.copyfile(name, Path(name).with_suffix('.copy'))}"
        copied.append(server().create_database(name))
        return server().url(copied[-1])

    def server() -> PostgresServer:
        found: PostgresServer = request.getfixturevalue("postgres_server")
        return found

    yield copy
    for name in copied:
        server().drop_database(name)


def test_bulk_and_single_expiry_leave_the_same_rows_in_every_table(
    database_url: str, copy_database: Callable[[str], str]
) -> None:
    sample = SampleDesk(database_url)
    sold = Population(sample).sold
    sample.close()
    copied_url = copy_database(database_url)
    in_bulk = _expire(database_url, lambda desk: expire_due(desk, AFTER_THE_ENDS))
    one_by_one = _expire(copied_url, _expire_one_by_one)
    assert in_bulk.expired == one_by_one.expired
    assert set(sold) == set(in_bulk.expired)
    for name in t.metadata.tables:
        assert in_bulk.rows[name] == one_by_one.rows[name], name
    written = {name for name in t.metadata.tables if in_bulk.rows[name] != in_bulk.rows_before[name]}
    ledger = {"ledger_transaction", "ledger_posting", "ledger_chain"}
    assert written == {"contract", "grant_balance", "audit_event", "outbox", *ledger}


def test_a_bulk_expiry_of_contracts_in_force_is_clean_and_writes_nothing_twice(sample: SampleDesk) -> None:
    Population(sample)
    sample.clock.at = AFTER_THE_ENDS
    assert run_job(sample.desk, "expire_contracts") > 0
    assert sample.see(audit_desk).ok
    before = {name: sample.rows(table) for name, table in t.metadata.tables.items() if name != "job_status"}
    assert run_job(sample.desk, "expire_contracts") == 0
    assert before == {name: sample.rows(t.metadata.tables[name]) for name in before}


def test_a_contract_that_expires_a_second_time_gets_rows_of_its_own(sample: SampleDesk) -> None:
    """As after an operator's correction of its end: ids are not made from the contract's alone."""
    contract = sample.sell("support_hours", minutes=90, ends_on=MONDAY.date())
    for end in (MONDAY + DAY, MONDAY + 3 * DAY):
        with sample.desk.write() as tx:
            tx.change(t.contract, contract, state="active", expires_at=end, next_due_at=end)
        sample.clock.at = end
        assert run_job(sample.desk, "expire_contracts") == 1
    for table in (t.audit_event, t.outbox):
        [first, second] = [row for row in sample.rows(table, subject_id=contract) if "expired" in str(row)]
        assert first.id != second.id
        assert {len(first.id), len(second.id)} == {len(new_id())}


def test_the_holders_address_and_the_text_are_those_of_the_contract(sample: SampleDesk) -> None:
    contract = sample.sell("subscription", to=("item", sample.laptop), ends_on=MONDAY.date())
    number = sample.contract(contract).number
    sample.clock.at = MONDAY + DAY
    run_job(sample.desk, "expire_contracts")
    [message] = sample.rows(t.outbox, event="contract_expired")
    event, shipped = CONTRACT_EVENTS["expired"], TEMPLATES["contract_expired"]
    subject, body = shipped.subject, shipped.body
    assert (message.event, message.recipient) == (event, "ann@example.com")
    assert (message.subject, message.body) == (subject.format(number=number), body.format(number=number))
    assert message.payload == {"event": event, "contract": contract, "number": number, "state": "expired"}


class Population:
    """Contracts of every type and holder, in every state, with all that can be left in their grants."""

    def __init__(self, sample: SampleDesk) -> None:
        self.sample = sample
        self.sold: list[str] = []
        unowned = sample.item("SRV-1", org_unit=sample.site)
        holders = (
            ("customer", sample.customer("Zoë O'Neil", sample.parent)),
            ("item", sample.item("LAP-2", customer=sample.customer("Bob", sample.site))),
            ("item", unowned),
            ("org_unit", sample.org_unit("elsewhere")),
        )
        for type_key, holder, end in product(TERMS, holders, ENDS):
            self._sell(type_key, to=holder, ends_on=end.date())
        for type_key, holder in product(TERMS, holders[:2]):
            self._sell(type_key, to=holder, ends_on=ENDS[0].date(), enable=False)
        self._of_service_requests()
        self._several_grants(holders)
        self._in_use()
        sample.clock.at = BEFORE_THE_ENDS
        for name in JOBS:
            run_job(sample.desk, name)

    def _sell(self, type_key: str, **terms: Any) -> str:
        given = terms if "grants" in terms else TERMS.get(type_key, {}) | terms
        contract: str = self.sample.sell(type_key, **given)
        self.sold.append(contract)
        return contract

    def _of_service_requests(self) -> None:
        """Per-request contracts, pending and active. They have an end here, unlike by the shipped rules."""
        for enable in (False, True):
            [contract] = self.sample.rows(t.contract, holder_id=self.sample.log(item=None))
            if enable:
                self.sample.do(enable_contract, contract.id)
            with self.sample.desk.write() as tx:
                tx.change(t.contract, contract.id, expires_at=ENDS[0], next_due_at=ENDS[0])
            self.sold.append(contract.id)

    def _several_grants(self, holders: tuple[tuple[str, str], ...]) -> None:
        """Grants of the contract's own length, shorter, later, topped up, adjusted and withdrawn from."""
        for holder, end in product(holders, ENDS):
            grants = [
                GrantGiven(minutes=10),
                GrantGiven(minutes=20, expires_at=MONDAY + 30 * DAY),
                GrantGiven(minutes=30, effective_at=MONDAY + 40 * DAY),
            ]
            hours = self._sell("support_hours", to=holder, ends_on=end.date(), grants=grants)
            self.sample.do(top_up, hours, TopUp(minutes=40, expires_at=MONDAY + 50 * DAY))
            self.sample.do(adjust, hours, Adjust(minutes=-25, reason="Sold too many"))
            waiting = self._sell("support_hours", to=holder, ends_on=end.date(), grants=grants, enable=False)
            self.sample.do(adjust, waiting, Adjust(minutes=7, reason="A present"))

    def _in_use(self) -> None:
        """Minutes worked and used up, incidents held, settled and released, time carried over."""
        sample = self.sample
        for name, end in product(("Cleo", "Dora", "Emil"), ENDS):
            customer = sample.customer(f"{name} {end.day}", sample.site)
            pack = self._sell("incident_pack", to=("customer", customer), ends_on=end.date())
            held, settled, released = (sample.log(customer=customer, item=None) for _ in range(3))
            sample.fire(settled, "resolve", note="done")
            sample.fire(released, "cancel", reason="not needed")
            assert sample.request(held).contract_id == pack
        for minutes, end in product((30, 90, 120), ENDS):
            customer = sample.customer(f"Fay {minutes} {end.day}", sample.site)
            self._sell("time_limited_subscription", to=("customer", customer), ends_on=end.date())
            request = sample.log(customer=customer, item=None)
            sample.work(request, minutes)
            sample.fire(request, "resolve", note="done")


class Outcome:
    """What an expiry left: the contracts that it expired, and the rows of every table before and after it."""

    def __init__(self, expired: list[str], before: dict[str, list[str]], after: dict[str, list[str]]) -> None:
        self.expired, self.rows_before, self.rows = expired, before, after


def _expire(database_url: str, expire: Callable[[Desk], Any]) -> Outcome:
    desk = Desk(Database(database_url, pool_size=2), FixedClock(AFTER_THE_ENDS))
    ids = _ids(desk)
    before, due = _rows(desk, ids), _due(desk, AFTER_THE_ENDS)
    expire(desk)
    assert _due(desk, AFTER_THE_ENDS) == []
    after = _rows(desk, ids)
    with desk.read(SYSTEM) as tx:
        assert audit_desk(tx).differences == []
    desk.database.dispose()
    return Outcome(due, before, after)


def _due(desk: Desk, at: datetime) -> list[str]:
    c = t.contract.c
    with desk.database.read() as connection:
        due = select(c.id).where(ENDING, c.next_due_at <= at).order_by(c.id)
        return list(connection.execute(due).scalars())


def _expire_one_by_one(desk: Desk) -> None:
    for contract_id in _due(desk, AFTER_THE_ENDS):
        sync = partial(sync_contract_state, contract_id=contract_id)
        desk.perform(SYSTEM, sync, at=AFTER_THE_ENDS, job="expire_contracts")


def _ids(desk: Desk) -> set[str]:
    with desk.database.read() as connection:
        return {
            row_id
            for table in t.metadata.tables.values()
            if "id" in table.c
            for row_id in connection.execute(select(table.c.id)).scalars()
        }


def _rows(desk: Desk, ids: set[str]) -> dict[str, list[str]]:
    """The rows of every table as the driver reads them, sorted; ids that are not in `ids` become names."""
    with desk.database.read() as connection:
        found = {
            name: [dict(row) for row in connection.exec_driver_sql(f"SELECT * FROM {name}").mappings().all()]
            for name in t.metadata.tables
        }
    names = _names_of_new_ids(found, ids)
    assert len(set(names.values())) == len(names)
    return {
        name: sorted(repr({key: _named(value, names) for key, value in row.items()}) for row in rows)
        for name, rows in found.items()
    }


def _named(value: Any, names: dict[str, str]) -> Any:
    if isinstance(value, bytes):
        # the ids are in what is hashed; the audit has verified it
        return "a hash"
    return names.get(value, value) if isinstance(value, str) else value


def _names_of_new_ids(found: dict[str, list[dict[str, Any]]], ids: set[str]) -> dict[str, str]:
    """What a generated id is the id of: an event, a message or a ledger transaction, by its subject."""
    names = {
        row["id"]: f"new {name} of {row['subject_id']}"
        for name in ("audit_event", "outbox")
        for row in found[name]
        if row["id"] not in ids
    }
    for leg in found["ledger_posting"]:
        if leg["transaction_id"] not in ids:
            names[leg["transaction_id"]] = f"new transaction of {leg['owner']} at {leg['effective_at']}"
    return names
