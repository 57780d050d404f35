"""The audit with all chains and the draw-down planned again, against reading the same rows; and its memory.

The ledger is that of contracts with work of 19 entries each. The audit must find no difference in it.
"""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

from sqlalchemy import Connection

from bench.copied_contracts import copy_contracts
from bench.databases import Databases, Kind, plain_engine
from bench.memory import memory_of
from bench.options import Options
from bench.rounds import Result, alternate
from bench.small_desk import SmallDesk, refresh_statistics, small_desk
from workflows.core.actors import SYSTEM
from workflows.core.desk import Desk
from workflows.ledger.audit import audit_ledger
from workflows.reports.audit import audit_desk
from workflows.store.database import Database

FEWEST = 10_000
ENTRIES, ENTRY_MINUTES = 19, 30
GRANTS = 2
POSTINGS_EACH = 2 * (GRANTS + ENTRIES)
GOAL = 6.0
MEMORY_GOAL = 1.2
MAX_ROUNDS = 5
ROWS_AT_ONCE = 1_000

LEDGER = (
    "SELECT id, kind, effective_at, recorded_at, cause, idempotency_key, reverses_id, contract_id, "
    "service_request_id, chain_id, sequence, hash FROM ledger_transaction ORDER BY chain_id, sequence, id",
    "SELECT transaction_id, leg, owner, account, unit, amount, effective_at FROM ledger_posting "
    "ORDER BY transaction_id, leg",
    "SELECT id, sequence, hash FROM ledger_chain ORDER BY id",
    "SELECT g.id, g.contract_id, g.unit, g.quantity, b.grant_id, b.contract_id, b.unit, b.available, b.held, "
    "b.consumed, b.expired FROM contract_grant g JOIN grant_balance b ON b.grant_id = g.id ORDER BY g.id",
    "SELECT id, work_entry_id, kind, contract_id, grant_id, minutes, effective_at, transaction_id, "
    "reversed_at FROM work_allocation ORDER BY id",
)
"""What the audit of the ledger reads, each row once."""
WORK = (
    "SELECT * FROM contract ORDER BY id",
    "SELECT g.*, b.* FROM contract_grant g JOIN grant_balance b ON b.grant_id = g.id ORDER BY g.id",
    "SELECT e.id, e.started_at, e.ended_at, e.chargeable_minutes, e.charged_by, e.created_at, e.work_type, "
    "r.id, r.number, r.customer_id, r.item_id, r.org_unit_id, r.priority, r.work_type, r.channel, "
    "r.opened_at FROM work_entry e JOIN service_request r ON r.id = e.service_request_id ORDER BY e.id",
)
"""What planning again reads as well, each row once."""


def measure(found: Databases, options: Options) -> Iterator[Result]:
    """Measure CPU and memory of audits on each database."""
    sizes = [size for size in (FEWEST, 10 * FEWEST, 100 * FEWEST) if size < options.postings]
    for kind in found.kinds:
        with small_desk(found, kind) as desk:
            url = desk.desk.database.url.render_as_string(hide_password=False)
            original = _worked_contract(desk)
            made, peaks = 1, []
            for postings in [*sizes, options.postings]:
                copies = postings // POSTINGS_EACH - made
                copy_contracts(desk.desk.database, *original, copies, first=made)
                made += copies
                refresh_statistics(desk.desk.database)
                peaks.append((postings, memory_of(_audit_all, url)))
            yield from _against_reading(found, kind, desk, made * POSTINGS_EACH, options)
            first = peaks[0][1]
            for postings, peak in peaks[1:]:
                yield Result(
                    f"memory of an audit of {postings:,} postings, {kind}",
                    f"of {peaks[0][0]:,}: {first.peak_bytes / 2**20:.0f} MiB",
                    ("<=", MEMORY_GOAL),
                    peak.peak_bytes / first.peak_bytes,
                    note=str(peak),
                )


def _against_reading(
    found: Databases, kind: Kind, desk: SmallDesk, postings: int, options: Options
) -> Iterator[Result]:
    with plain_engine(desk.desk.database) as engine, engine.connect() as connection:
        rounds = alternate(
            [
                partial(_audit, desk.desk, postings),
                partial(_read, connection, (*LEDGER, *WORK)),
                partial(_audit_without_work, desk.desk, postings),
                partial(_read, connection, LEDGER),
            ],
            min(options.rounds, MAX_ROUNDS),
            clock=partial(found.cpu_seconds, kind),
        )
    yield rounds.result(
        f"audit of {postings:,} postings with its work, {kind}",
        "reading the same rows, raw driver; CPU",
        ("<=", GOAL),
        note=f"{rounds.median_seconds(0) / postings * 1e6:.0f} µs per posting",
    )
    yield rounds.result(
        f"audit of {postings:,} postings without its work, {kind}",
        "reading the same rows, raw driver; CPU",
        None,
        side=2,
        baseline=3,
        note=f"{rounds.median_seconds(2) / postings * 1e6:.0f} µs per posting",
    )


def _worked_contract(desk: SmallDesk) -> tuple[str, str]:
    """Create a contract of which the work has used up the first grant and half of the second."""
    total = ENTRIES * ENTRY_MINUTES
    contract, request = desk.covered_request(GRANTS, minutes=GRANTS * (total // ENTRY_MINUTES // 3 * 2) * 30)
    first = datetime.now(UTC) - timedelta(days=ENTRIES)
    for number in range(ENTRIES):
        at = (first + timedelta(days=number)).isoformat()
        desk.post(f"/service-requests/{request}/work", {"minutes": ENTRY_MINUTES, "worked_at": at})
    return contract, request


def _audit(desk: Desk, postings: int) -> None:
    with desk.read() as tx:
        view = audit_desk(tx)
    _must_be_right(view, postings)


def _audit_without_work(desk: Desk, postings: int) -> None:
    with desk.read() as tx:
        view = audit_ledger(tx)
    _must_be_right(view, postings)


def _must_be_right(view: Any, postings: int) -> None:
    if not view.ok or view.postings != postings:
        raise AssertionError(f"{view.postings:,} of {postings:,} postings; {view.differences[:3]}")


def _audit_all(database: Database) -> None:
    """Audit in the process whose memory is measured."""
    desk = Desk(database)
    desk.refresh()
    with desk.read(SYSTEM) as tx:
        view = audit_desk(tx)
    if not view.ok:
        raise AssertionError(f"{view.difference_count} differences: {view.differences[:3]}")


def _read(connection: Connection, statements: tuple[str, ...]) -> None:
    driver: Any = connection.connection.driver_connection
    for statement in statements:
        # A named cursor of psycopg reads in batches, too; the driver of SQLite always does.
        cursor = driver.cursor() if connection.dialect.name == "sqlite" else driver.cursor(name="raw")
        cursor.execute(statement)
        while cursor.fetchmany(ROWS_AT_ONCE):
            pass
        cursor.close()
