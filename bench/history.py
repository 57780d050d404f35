"""A history of decisions and work entries of any length.

A few hundred service requests are logged and worked on through the product's use cases; their rows are then
copied repeatedly, each time a week earlier.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from sqlalchemy import Table, insert, select

from bench.dataset import Size, customer_number, record_id
from workflows.commands.service_requests import NewServiceRequest
from workflows.commands.work import WorkGiven
from workflows.core.actors import Actor
from workflows.core.desk import Desk
from workflows.core.transaction import Transaction
from workflows.service_requests.log import log_service_request
from workflows.store import tables as t
from workflows.store.database import Database
from workflows.store.ids import new_id
from workflows.work.use_cases import log_work

LOGGED = 400
WORKED_ON = 3, 5
"""Three of five open ones."""
WEEK = timedelta(days=7)
COPIED = (t.service_request, t.coverage_decision, t.work_entry, t.work_allocation)
INSTANTS = ("opened_at", "decided_at", "started_at", "ended_at", "created_at", "effective_at")


def make_history(url: str, size: Size, with_packs: Sequence[str], decisions: int) -> None:
    """Create at least this many decisions, all in the past, including some of customers with packs."""
    desk = Desk(Database(url))
    with desk.read() as tx:
        user = tx.connection.execute(
            select(t.user_account).where(t.user_account.c.role == "technician")
        ).one()
    technician = Actor(user.id, user.email, "technician")
    for number in range(LOGGED):
        # With and without items; none to a dozen candidates, including requests that nothing covers.
        item = record_id("i", number) if number % 4 < 2 else None
        customer = record_id("p", customer_number(size, number))
        if number % 4 == 3:
            customer = with_packs[number % len(with_packs)]
        _log(desk, technician, number, customer, item)
    with desk.read() as tx:
        made = _CreatedRows({table.name: _rows(tx, table) for table in COPIED})
    if not desk.database.is_sqlite:
        _disable_analyze(desk.database)
    copies = -(-decisions // len(made.rows["coverage_decision"]))
    for weeks in range(1, copies):
        with desk.write() as tx:
            for table, rows in made.copy(weeks):
                tx.connection.execute(insert(table), rows)
    desk.database.dispose()


def _log(desk: Desk, technician: Actor, number: int, customer: str, item: str | None) -> None:
    command = NewServiceRequest(subject=f"It does not start, {number}", customer=customer, item=item)
    logged = desk.perform(technician, lambda tx: log_service_request(tx, command)).service_request
    if logged is None or number % WORKED_ON[1] >= WORKED_ON[0]:
        return

    def work(tx: Transaction) -> None:
        state = tx.connection.execute(
            select(t.service_request.c.state).where(t.service_request.c.id == logged)
        ).scalar_one()
        if state == "open":
            log_work(tx, logged, WorkGiven(minutes=15 * (1 + number % 4), worked_at=tx.now))

    desk.perform(technician, work)


@dataclass(frozen=True, slots=True)
class _CreatedRows:
    """The rows created through the product, by table."""

    rows: Mapping[str, list[dict[str, Any]]]

    def copy(self, weeks: int) -> Iterator[tuple[Table, list[dict[str, Any]]]]:
        """Yield copies of all rows, this many weeks earlier, with new ids in the same order."""
        old = sorted(row["id"] for rows in self.rows.values() for row in rows)
        new = {id: new_id() for id in old}
        for table in COPIED:
            copies = []
            for row in self.rows[table.name]:
                changed: dict[str, Any] = {
                    name: new[value] for name, value in row.items() if _is_id_in(value, new)
                }
                changed |= {name: row[name] - weeks * WEEK for name in INSTANTS if row.get(name) is not None}
                if "number" in row:
                    changed["number"] = f"W{weeks}-{row['number']}"
                if "transaction_id" in row:
                    # The ledger is not copied.
                    changed["transaction_id"] = None
                copies.append(row | changed)
            yield table, copies


def _is_id_in(value: object, ids: Mapping[str, str]) -> bool:
    return isinstance(value, str) and value in ids


def _rows(tx: Transaction, table: Table) -> list[dict[str, Any]]:
    return [dict(row) for row in tx.connection.execute(select(table).order_by(table.c.id)).mappings()]


def _disable_analyze(database: Database) -> None:
    with database.write() as connection:
        for table in COPIED:
            connection.exec_driver_sql(f"ALTER TABLE {table.name} SET (autovacuum_enabled = off)")
