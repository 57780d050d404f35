"""The version of the configuration: a number that rises with each change of settings or rules.

Every call compares it with what its process has loaded, so that all processes follow within one call. A
transaction that changes settings or rules locks its row, as does one that depends on a setting not changing.
"""

from sqlalchemy import select, update
from sqlalchemy.dialects.postgresql import insert as insert_or_skip
from sqlalchemy.dialects.sqlite import insert as insert_or_skip_on_sqlite

from workflows.core.config import Config
from workflows.core.settings import Settings
from workflows.core.transaction import Transaction
from workflows.store import tables as t


def settings_in_force(tx: Transaction) -> Settings:
    """The settings as committed, locked against change until this transaction ends."""
    return config_in_force(tx, to_change=False).settings


def config_in_force(tx: Transaction, *, to_change: bool) -> Config:
    """Settings and rules as committed, locked against change by others until this transaction ends.

    The transaction's `config`, which was read before it began, is replaced where another has changed it
    since. With `to_change` others cannot lock it at all, else they can for reading.
    """
    _make_row(tx)
    row = select(t.deployment.c.generation).with_for_update(read=not to_change)
    generation = tx.connection.execute(row).scalar_one()
    if generation != tx.config.generation:
        tx.config = tx.runner.configs.load(tx.connection, tx.config)
    return tx.config


def bump_generation(tx: Transaction, **columns: object) -> None:
    """Make all processes load settings and rules again; `columns` of the deployment change with it."""
    _make_row(tx)
    generation = t.deployment.c.generation
    tx.connection.execute(update(t.deployment).values(generation=generation + 1, **columns))


def _make_row(tx: Transaction) -> None:
    if tx.connection.execute(select(t.deployment.c.id)).one_or_none() is None:
        skipping = insert_or_skip_on_sqlite if tx.is_sqlite else insert_or_skip
        tx.connection.execute(skipping(t.deployment).values(id=1, generation=0).on_conflict_do_nothing())
