"""A plan by the grants that were read for an entry is the plan by all grants of the contract."""

from datetime import timedelta
from random import Random

import pytest

from engine.drawdown import plan_entry
from engine.payers import EntryToPay, TimeWorked
from engine.rulebook import ChargingFacts
from tests.support.sample_desk import SampleDesk
from workflows.commands.contracts import GrantGiven
from workflows.core.transaction import Transaction
from workflows.lifecycle.contracts.loaded import LoadedContract, LoadedContracts
from workflows.lifecycle.contracts.payers import payer_value

HOUR = timedelta(hours=1)
TRAVEL = {"name": "work_type", "operator": "equal_to", "value": "travel"}


def contract_with_many_grants(sample: SampleDesk, random: Random) -> str:
    """Some of the grants have ended, some are used up, some are to come; several open or close at once."""
    now = sample.clock.now()
    grants = []
    for _ in range(25):
        opens = random.choice([None, *range(-2, 6)])
        closes = random.choice([None, *range(3, 12)])
        grants.append(
            GrantGiven(
                minutes=random.randrange(1, 40),
                effective_at=None if opens is None else now + opens * HOUR,
                expires_at=None if closes is None else now + max(closes, (opens or 0) + 1) * HOUR,
                priority=random.choice([100, 100, 50, 200]),
                scope=random.choice([None, None, None, TRAVEL]),
            )
        )
    contract = sample.sell("support_hours", grants=grants)
    request = sample.log()
    for _ in range(4):
        sample.clock.move(hours=1)
        sample.work(request, random.randrange(20, 120))
    sample.clock.move(hours=3)
    return contract


def loaded(tx: Transaction, contract: str, work: TimeWorked | EntryToPay | None = None) -> LoadedContract:
    contracts = LoadedContracts(tx)
    [found] = contracts.load([contract])
    if work is not None:
        contracts.read_drawable_grants(work.started_at, work.ended_at, work.chargeable_minutes)
    return found


@pytest.mark.parametrize("seed", range(3))
def test_a_plan_by_some_grants_is_the_plan_by_all(sample: SampleDesk, seed: int) -> None:
    random = Random(seed)
    contract = contract_with_many_grants(sample, random)
    now = sample.clock.now()
    fewer = followed = 0
    with sample.desk.read() as tx:
        every = loaded(tx, contract)
        payer = payer_value(every.contract, every.draws, every.grants)
        for _ in range(90):
            start = now - random.randrange(0, 11) * HOUR / 2
            end = random.choice([None, start + random.randrange(1, 9) * HOUR / 2])
            facts = ChargingFacts(work_type=random.choice(["travel", "remote"]))
            minutes = random.choice([0, 1, 7, 60, 500])
            work = EntryToPay("", start, end, minutes, start, (contract,), facts=facts)
            some = loaded(tx, contract, work)
            few = payer_value(some.contract, some.draws, some.drawable_grants)
            assert plan_entry(work, {contract: few}) == plan_entry(work, {contract: payer})
            assert some.limits_at(tx.now) == every.limits_at(tx.now)
            assert some.next_edge_after(tx.now) == every.next_edge_after(tx.now)
            fewer += len(some.drawable_grants) < len(every.grants)
            if start < now - 3 * HOUR:
                followed += 1
                assert some.is_followed(tx, start)
                assert some.drawable_grants == every.grants, "read once, for all that is planned anew"
            later = tx.now + HOUR
            assert some.limits_at(later) == every.limits_at(later)
    assert fewer > 20
    assert followed > 20
    # what is due to expire is among the grants that were read
    sample.clock.move(hours=3)
    with sample.desk.write() as tx:
        some = loaded(tx, contract, TimeWorked(now, None, 1))
        some.expire(tx, tx.now)
        assert some.others is not None
        assert all(one.expiry_posted for one in loaded(tx, contract).grants if one.window.is_over(tx.now))


def test_work_on_a_contract_with_many_grants_reads_a_few(sample: SampleDesk) -> None:
    contract = sample.sell("support_hours", grants=[GrantGiven(minutes=10) for _ in range(400)])
    request = sample.log()
    assert sample.work(request, 25) == [("grant", 10), ("grant", 10), ("grant", 5)]
    with sample.desk.read() as tx:
        some = loaded(tx, contract, TimeWorked(tx.now, None, 12))
        assert len(some.drawable_grants) == 3, "the two that hold 12 minutes, and the first one"
        assert some.limits_at(tx.now).minutes_available == 4000 - 25
