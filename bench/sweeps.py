"""Bulk expiry: `expire_due` against raw SQL and an ORM loop, on a desk with a million contracts.

Each run expires the contracts that are due at an instant of its own, so that every run finds contracts in
the same tables that are not expired yet; they are scattered over the whole table.
"""

from collections.abc import Iterator
from datetime import datetime
from functools import partial

from sqlalchemy import Engine, text
from sqlalchemy.orm import Session

from bench import by_orm
from bench.candidates import FixedClock
from bench.databases import Databases, Kind, plain_engine
from bench.dataset import fill_due
from bench.memory import memory_of
from bench.options import Options
from bench.rounds import Result, Rounds, alternate
from workflows.core.desk import Desk
from workflows.lifecycle.contracts.bulk_expiry import expire_due
from workflows.store.column_types import EPOCH, MICROSECOND
from workflows.store.database import Database

FEW, MANY = 1_000, 100_000
FEW_ROUNDS, MANY_ROUNDS = 7, 3
FEW_GOAL, MANY_GOAL = 1.3, 2.0
ORM_GOAL = 7.0
MEMORY_GOAL = 1.2
WARM_UP = 1


def measure(found: Databases, options: Options) -> Iterator[Result]:
    """Measure the expiry of 1,000 and of 100,000 contracts of a million; fewer on a smaller desk."""
    few, many = min(FEW, options.contracts // 500), min(MANY, options.contracts // 10)
    few_sweeps, many_sweeps = 4 * (FEW_ROUNDS + WARM_UP), 3 * MANY_ROUNDS
    for kind in found.kinds:
        with found.new(kind) as database:
            due = [few] * few_sweeps + [many] * many_sweeps + [many // 40, many // 4]
            instants = iter(fill_due(database, options.contracts, due))
            desk = Desk(database, FixedClock())
            yield from _few(kind, desk, instants, few)
            yield from _many(kind, desk, instants, many)
            yield _memory(kind, database, instants, many // 4)


def _few(kind: Kind, desk: Desk, due: Iterator[datetime], count: int) -> Iterator[Result]:
    with plain_engine(desk.database) as engine:
        rounds = alternate(
            [
                lambda: _check_count(count, expire_due(desk, next(due))),
                lambda: _check_count(count, same_rows_by_sql(desk, next(due))),
                lambda: _check_count(count, least_by_sql(desk, next(due))),
                lambda: _check_count(count, _by_orm(engine, next(due))),
            ],
            FEW_ROUNDS,
            warm_up=WARM_UP,
        )
    yield from _against_sql(kind, rounds, count, FEW_GOAL)
    yield rounds.result(
        f"expiry of {count:,}, {kind}", "an ORM loop", (">=", ORM_GOAL), baseline=3, unit="times faster"
    )


def _many(kind: Kind, desk: Desk, due: Iterator[datetime], count: int) -> Iterator[Result]:
    rounds = alternate(
        [
            lambda: _check_count(count, expire_due(desk, next(due))),
            lambda: _check_count(count, same_rows_by_sql(desk, next(due))),
            lambda: _check_count(count, least_by_sql(desk, next(due))),
        ],
        MANY_ROUNDS,
        warm_up=0,
    )
    yield from _against_sql(kind, rounds, count, MANY_GOAL)


def _memory(kind: Kind, database: Database, due: Iterator[datetime], count: int) -> Result:
    url = database.url.render_as_string(hide_password=False)
    tenth, whole = (memory_of(partial(_expire, next(due), expired), url) for expired in (count // 10, count))
    return Result(
        f"memory of the expiry of {count:,}, {kind}",
        f"of {count // 10:,}: {tenth.peak_bytes / 2**20:.0f} MiB",
        ("<=", MEMORY_GOAL),
        whole.peak_bytes / tenth.peak_bytes,
        note=str(whole),
    )


def _expire(at: datetime, count: int, database: Database) -> None:
    """Expire in the process whose memory is measured."""
    _check_count(count, expire_due(Desk(database, FixedClock()), at))


def _against_sql(kind: Kind, rounds: Rounds, count: int, goal: float) -> Iterator[Result]:
    what = f"expiry of {count:,}, {kind}"
    seconds = rounds.median_seconds(0)
    yield rounds.result(
        what,
        "raw SQL, the same rows with hashes",
        ("<=", goal),
        note=f"{seconds / count * 1e6:.0f} µs per contract",
    )
    yield rounds.result(what, "raw SQL, only one row per grant and the contract", None, baseline=2)


def _check_count(expected: int, count: int) -> None:
    if count != expected:
        raise AssertionError(
            f"{count} contracts were expired instead of {expected}: the sides are not comparable."
        )


def _by_orm(engine: Engine, at: datetime) -> int:
    with Session(engine) as session:
        return by_orm.expire_due(session, at)


CONTENT = "'expire-' || b.grant_id || ' ' || b.available || ' ' || b.closes_at"
OBJECT, HASH_OF_CONTENT, HASH_OF_BOTH = "json_object", "HASH_OF_CONTENT", "HASH_OF_BOTH"
ON_SQLITE = {
    HASH_OF_CONTENT: f"sha256_of({CONTENT})",
    HASH_OF_BOTH: "sha256_of(ledger_chain.hash, excluded.hash)",
}
ON_POSTGRESQL = {
    OBJECT: "jsonb_build_object",
    HASH_OF_CONTENT: f"sha256(convert_to({CONTENT}, 'UTF8'))",
    HASH_OF_BOTH: "sha256(ledger_chain.hash || excluded.hash)",
}
"""What is different in the statements of each database."""
DUE = (
    "{c}.next_due_at = {c}.expires_at AND {c}.next_due_at <= :at "
    "AND {c}.state IN ('pending', 'active', 'exhausted')"
)
OF_CONTRACT = f"FROM contract WHERE {DUE.format(c='contract')}"
OF_GRANT = (
    "FROM contract c JOIN grant_balance b ON b.contract_id = c.id "
    f"WHERE b.available > 0 AND NOT b.expiry_posted AND {DUE.format(c='c')}"
)

POSTINGS = f"""
    INSERT INTO ledger_posting (transaction_id, leg, owner, account, unit, amount, effective_at)
    SELECT 'expire-' || b.grant_id, 0, b.grant_id, 'available', b.unit, -b.available, b.closes_at {OF_GRANT}
    UNION ALL
    SELECT 'expire-' || b.grant_id, 1, b.grant_id, 'expired', b.unit, b.available, b.closes_at {OF_GRANT}
"""
HEADS = f"""
    INSERT INTO ledger_chain (id, sequence, hash) SELECT c.id, 1, {HASH_OF_CONTENT} {OF_GRANT}
    ON CONFLICT (id) DO UPDATE SET sequence = ledger_chain.sequence + 1, hash = {HASH_OF_BOTH}
"""
TRANSACTIONS = f"""
    INSERT INTO ledger_transaction (id, kind, effective_at, recorded_at, cause, actor, why, contract_id,
        chain_id, sequence, hash)
    SELECT 'expire-' || b.grant_id, 'expire', b.closes_at, :at, 'contract:' || c.id, 'Coverdesk',
        'Expired unused', c.id, c.id, h.sequence, h.hash
    {OF_GRANT.replace("WHERE", "JOIN ledger_chain h ON h.id = c.id WHERE")}
"""
BALANCES = f"""
    UPDATE grant_balance SET expired = expired + available, available = 0, expiry_posted = true
    WHERE NOT expiry_posted AND contract_id IN (SELECT id {OF_CONTRACT})
"""
TRAIL = f"""
    INSERT INTO audit_event (id, subject_kind, subject_id, action, actor, at, recorded_at)
    SELECT 'end-' || id, 'contract', id, 'expired', 'Coverdesk', expires_at, :at {OF_CONTRACT}
"""
MESSAGES = f"""
    INSERT INTO outbox (id, event, recipient, subject, body, payload, subject_kind, subject_id, created_at,
        next_attempt_at, attempts)
    SELECT 'end-' || c.id, 'contract_expired', coalesce(p.email, o.email),
        'Contract ' || c.number || ' has ended', 'Your contract ' || c.number || ' has ended.',
        {OBJECT}('event', 'contract_expired', 'contract', c.id, 'number', c.number, 'state', 'expired'),
        'contract', c.id, :at, :at, 0
    FROM contract c
    LEFT JOIN customer p ON c.holder_kind = 'customer' AND p.id = c.holder_id
    LEFT JOIN item i ON c.holder_kind = 'item' AND i.id = c.holder_id
    LEFT JOIN customer o ON o.id = i.owner_customer_id
    WHERE {DUE.format(c="c")}
"""
CONTRACTS = f"""
    UPDATE contract SET state = 'expired', next_due_at = NULL, version = version + 1
    WHERE {DUE.format(c="contract")}
"""
ONE_ROW_A_GRANT = f"""
    INSERT INTO audit_event (id, subject_kind, subject_id, action, actor, at, recorded_at)
    SELECT 'end-' || b.grant_id, 'grant', b.grant_id, 'expired', 'Coverdesk', b.closes_at, :at {OF_GRANT}
"""


def same_rows_by_sql(desk: Desk, at: datetime) -> int:
    """Write the same rows as the product, with one statement per table."""
    return _run(desk, at, (POSTINGS, HEADS, TRANSACTIONS, BALANCES, TRAIL, MESSAGES, CONTRACTS))


def least_by_sql(desk: Desk, at: datetime) -> int:
    """Write the minimum of an expiry: one row per grant, and the contract's state."""
    return _run(desk, at, (ONE_ROW_A_GRANT, CONTRACTS))


def _run(desk: Desk, at: datetime, statements: tuple[str, ...]) -> int:
    is_sqlite = desk.database.is_sqlite
    bound = (at - EPOCH) // MICROSECOND if is_sqlite else at
    count = 0
    with desk.database.write() as connection:
        for statement in statements:
            sql = statement
            for name, value in (ON_SQLITE if is_sqlite else ON_POSTGRESQL).items():
                sql = sql.replace(name, value)
            count = connection.execute(text(sql), {"at": bound}).rowcount
    return count
