"""The deployment's generation: it grows with each change of settings or rules.

Every call compares it with what its process has loaded, so that all processes follow within one call.
Whoever changes settings or rules, or decides on a setting that must not change meanwhile, holds its row.
"""

from sqlalchemy import select, update
from sqlalchemy.dialects.postgresql import insert as insert_or_skip
from sqlalchemy.dialects.sqlite import insert as insert_or_skip_on_sqlite

from workflows.core.config import Config
from workflows.core.settings import Settings
from workflows.core.transaction import Transaction
from workflows.store import tables as t


def settings_in_force(tx: Transaction) -> Settings:
    """The settings as committed, which no one changes before this transaction ends."""
    return config_in_force(tx, to_change=False).settings


def config_in_force(tx: Transaction, *, to_change: bool) -> Config:
    """Settings and rules as committed, held against change by others until this transaction ends.

    A transaction's own `config` was read before it began; another may have changed it since.
    """
    _make_row(tx)
    row = select(t.deployment.c.generation).with_for_update(read=not to_change)
    generation = tx.connection.execute(row).scalar_one()
    if generation != tx.config.generation:
        tx.config = tx.runner.configs.load(tx.connection, tx.config)
    return tx.config


def bump_generation(tx: Transaction, **columns: object) -> None:
    """Tell all processes that settings or rules are new; `columns` of the deployment change with it."""
    _make_row(tx)
    generation = t.deployment.c.generation
    tx.connection.execute(update(t.deployment).values(generation=generation + 1, **columns))


def _make_row(tx: Transaction) -> None:
    if tx.connection.execute(select(t.deployment.c.id)).one_or_none() is None:
        skipping = insert_or_skip_on_sqlite if tx.is_sqlite else insert_or_skip
        tx.connection.execute(skipping(t.deployment).values(id=1, generation=0).on_conflict_do_nothing())
