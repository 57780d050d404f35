"""A small desk in this process, called by a client of its web application, without sockets."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any

from flask.testing import FlaskClient

from bench.databases import Databases, Kind
from bench.serving import PROJECT
from engine.hash_chain import content_hash, next_hash
from web import create_app
from web.environment import Environment
from workflows.administration.activation import activate_billing
from workflows.commands.administration import ActivateBilling
from workflows.commands.contracts import GrantGiven, HolderGiven, NewContract
from workflows.commands.register import NewCustomer
from workflows.commands.service_requests import NewServiceRequest
from workflows.contracts.use_cases import create_contract
from workflows.core.actors import SYSTEM, Actor
from workflows.core.desk import Desk
from workflows.core.transaction import Transaction
from workflows.register import create_customer
from workflows.rule_sets.folder import read_rules_folder
from workflows.rule_sets.publishing import publish_first
from workflows.service_requests.log import log_service_request
from workflows.store import tables as t
from workflows.store.database import Database
from workflows.store.ids import new_id
from workflows.users.accounts import NewUser, create_user
from workflows.users.tokens import NewToken, create_token

EMAIL, PASSWORD = "bench@example.com", "only for the benchmark"
EACH = timedelta(minutes=30)


@dataclass(frozen=True, slots=True)
class SmallDesk:
    """A desk with contracts on, and a client with the token of an administrator."""

    desk: Desk
    client: FlaskClient
    actor: Actor
    token: str
    _numbers: "count[int]" = field(default_factory=lambda: count(1))

    def get(self, path: str) -> Any:
        """Return the JSON of an API call. Raises: RuntimeError unless it succeeds."""
        return self._call("GET", path)

    def post(self, path: str, body: dict[str, Any]) -> Any:
        """Return the JSON of an API call. Raises: RuntimeError unless it succeeds."""
        return self._call("POST", path, body)

    def _call(self, method: str, path: str, body: dict[str, Any] | None = None) -> Any:
        response = self.client.open(
            f"/api/v1{path}", method=method, json=body, headers={"Authorization": f"Bearer {self.token}"}
        )
        if response.status_code >= 300:
            raise RuntimeError(f"{method} {path}: {response.status} {response.text}")
        return response.json

    def covered_request(self, grants: int, *, minutes: int = 1_000_000) -> tuple[str, str]:
        """Create a customer with a contract of so many grants; return it and a request that it covers.

        `minutes` are those of all grants together.
        """
        number = next(self._numbers)
        made = NewCustomer(email=f"customer{number}@example.com", name=f"Customer {number}")
        customer = self.desk.perform(self.actor, lambda tx: create_customer(tx, made))
        sold = NewContract(
            type="support_hours",
            holder=HolderGiven(customer=customer),
            starts_at=datetime.now(UTC) - timedelta(days=400),
            grants=[GrantGiven(minutes=minutes // grants) for _ in range(grants)],
        )
        contract = self.desk.perform(self.actor, lambda tx: create_contract(tx, sold))
        asked = NewServiceRequest(subject="It does not start", customer=customer)
        logged = self.desk.perform(self.actor, lambda tx: log_service_request(tx, asked))
        assert logged.service_request is not None
        return contract, logged.service_request

    def add_work(self, contract: str, service_request: str, entries: int) -> None:
        """Add work entries of a minute, each half an hour after the one before, with what they drew.

        They are written as the product writes them, but at once.
        """
        now = datetime.now(UTC)
        with self.desk.write(self.actor) as tx:
            grant = tx.connection.execute(
                t.contract_grant.select().where(t.contract_grant.c.contract_id == contract)
            ).one()
            technician = str(self.actor.id)
            instants = [now - EACH * (number + 1) for number in reversed(range(entries))]
            rows = [_worked(grant.id, contract, service_request, technician, at) for at in instants]
            _chain(tx, contract, [row["ledger_transaction"][0] for row in rows])
            for table in (t.work_entry, t.ledger_posting, t.ledger_transaction, t.work_allocation):
                tx.add_all(table, [values for row in rows for values in row[table.name]])
            b = t.grant_balance
            tx.connection.execute(
                b.update()
                .where(b.c.grant_id == grant.id)
                .values(available=b.c.available - entries, consumed=b.c.consumed + entries)
            )


def _chain(tx: Transaction, contract: str, rows: list[dict[str, Any]]) -> None:
    """Append rows to the chain of a contract, with hashes of which no audit is run."""
    chain = t.ledger_chain
    head = tx.connection.execute(chain.select().where(chain.c.id == contract)).one()
    sequence, last = head.sequence, head.hash
    for row in rows:
        sequence, last = sequence + 1, next_hash(last, content_hash(row["id"]))
        row |= {"chain_id": contract, "sequence": sequence, "hash": last}
    tx.connection.execute(chain.update().where(chain.c.id == contract).values(sequence=sequence, hash=last))


def _worked(
    grant: str, contract: str, service_request: str, technician: str, at: datetime
) -> dict[str, list[dict[str, Any]]]:
    entry, transaction = new_id(), new_id()
    moved = {"transaction_id": transaction, "owner": grant, "unit": "minutes", "effective_at": at}
    return {
        "work_entry": [
            {
                "id": entry,
                "service_request_id": service_request,
                "technician_id": technician,
                "started_at": at,
                "worked_minutes": 1,
                "chargeable_minutes": 1,
                "created_at": at,
                "created_by": "bench",
            }
        ],
        "ledger_posting": [
            {**moved, "leg": 0, "account": "available", "amount": -1},
            {**moved, "leg": 1, "account": "consumed", "amount": 1},
        ],
        "ledger_transaction": [
            {
                "id": transaction,
                "kind": "draw",
                "effective_at": at,
                "recorded_at": at,
                "cause": f"work_entry:{entry}",
                "actor": "bench",
                "why": "Work",
                "contract_id": contract,
                "service_request_id": service_request,
            }
        ],
        "work_allocation": [
            {
                "id": new_id(),
                "work_entry_id": entry,
                "kind": "grant",
                "contract_id": contract,
                "grant_id": grant,
                "minutes": 1,
                "effective_at": at,
                "transaction_id": transaction,
            }
        ],
    }


@contextmanager
def small_desk(found: Databases, kind: Kind) -> Iterator[SmallDesk]:
    """Provide a desk with the shipped rules in force and contracts on, on a new database."""
    with found.new(kind) as database:
        yield open_desk(database)


def open_desk(database: Database) -> SmallDesk:
    """Put the shipped rules in force, switch contracts on, and create an administrator with a token."""
    desk = Desk(database)
    publish_first(desk, read_rules_folder(PROJECT / "rules"))
    desk.refresh()
    desk.perform(SYSTEM, lambda tx: activate_billing(tx, ActivateBilling(time_expired_contract="rollover")))
    account = NewUser(email=EMAIL, role="administrator", password=PASSWORD)
    user = desk.perform(SYSTEM, lambda tx: create_user(tx, account))
    token = desk.perform(SYSTEM, lambda tx: create_token(tx, NewToken(email=EMAIL))).text
    desk.refresh()
    app = create_app(desk, Environment(secret_key="only for the benchmark", log_format="json"))
    return SmallDesk(desk, app.test_client(), Actor(user, EMAIL, "administrator"), token)


def refresh_statistics(database: Database) -> None:
    """Let PostgreSQL analyse its tables, as it does by itself a minute later."""
    if not database.is_sqlite:
        with database.autocommit() as connection:
            connection.exec_driver_sql("VACUUM ANALYZE")
