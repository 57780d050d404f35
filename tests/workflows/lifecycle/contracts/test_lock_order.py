"""Contracts are locked in the order of their ids, also where a use case finds late that it needs another."""

from concurrent.futures import ThreadPoolExecutor
from time import monotonic, sleep

import pytest
from sqlalchemy import select, text

from tests.support.sample_desk import SampleDesk
from workflows.core.actors import SYSTEM
from workflows.core.desk import ATTEMPTS
from workflows.core.errors import NotFound
from workflows.core.transaction import Transaction
from workflows.lifecycle.contracts.rows import lock_contract, lock_contracts
from workflows.store import tables as t


def wait_for_a_lock(sample: SampleDesk) -> None:
    """Until a transaction of this database waits for a row."""
    waits = text(
        "SELECT count(*) FROM pg_stat_activity "
        "WHERE datname = current_database() AND wait_event_type = 'Lock'"
    )
    give_up_at = monotonic() + 120
    while monotonic() < give_up_at:
        with sample.desk.database.read() as connection:
            if connection.execute(waits).scalar_one():
                return
        sleep(0.02)
    raise AssertionError("nothing waits for a lock")


def test_a_contract_that_is_locked_elsewhere_is_waited_for_in_the_order_of_ids(sample: SampleDesk) -> None:
    if sample.desk.database.is_sqlite:
        pytest.skip("SQLite has one writer and no row locks")
    low, high = sorted(sample.sell("support_hours", minutes=60) for _ in range(2))
    runs: list[list[str]] = []

    def use_case(tx: Transaction) -> None:
        runs.append([])
        for contract in (high, low):
            runs[-1].append(lock_contract(tx, contract).id)

    with ThreadPoolExecutor(1) as pool:
        with sample.desk.write() as other:
            lock_contract(other, low)
            done = pool.submit(sample.desk.perform, SYSTEM, use_case)
            wait_for_a_lock(sample)
            # it waits without the other contract, so this one cannot deadlock with it
            free = select(t.contract.c.id).where(t.contract.c.id == high).with_for_update(nowait=True)
            assert other.connection.execute(free).scalar_one() == high
        done.result()
    assert runs == [[high], [high, low]]


def test_a_free_contract_is_locked_at_once_in_any_order(sample: SampleDesk) -> None:
    contracts = sorted(sample.sell("support_hours", minutes=60) for _ in range(4))
    runs = []

    def use_case(tx: Transaction) -> list[str]:
        runs.append(tx)
        first = lock_contract(tx, contracts[2])
        others = lock_contracts(tx, [contracts[0], contracts[3]])
        return [row.id for row in (first, *others, lock_contract(tx, contracts[1]))]

    order = sample.desk.perform(SYSTEM, use_case)
    assert order == [contracts[2], contracts[0], contracts[3], contracts[1]]
    assert len(runs) == 1


def test_a_contract_that_does_not_exist_is_not_found_out_of_order_either(sample: SampleDesk) -> None:
    contract = sample.sell("support_hours", minutes=60)
    runs = []

    def use_case(tx: Transaction) -> None:
        runs.append(tx)
        lock_contract(tx, contract)
        lock_contract(tx, "0" * 26)

    with pytest.raises(NotFound):
        sample.desk.perform(SYSTEM, use_case)
    assert len(runs) < ATTEMPTS
