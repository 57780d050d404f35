"""A loaded contract stays what the database would return, through every change that is made with it."""

from datetime import timedelta

import pytest

from engine.ledger import LedgerTransaction, move
from tests.support.sample_desk import MONDAY, SampleDesk
from workflows.commands.contracts import GrantGiven
from workflows.core.errors import NotFound
from workflows.core.transaction import Transaction
from workflows.lifecycle.contracts.loaded import LoadedContract, LoadedContracts, load_contract
from workflows.lifecycle.contracts.settlement import sync_loaded


def assert_as_stored(tx: Transaction, loaded: LoadedContract) -> None:
    stored = load_contract(tx, loaded.id)
    assert loaded.grants == stored.grants
    assert (loaded.contract, loaded.state, loaded.activated_at, loaded.next_due_at) == (
        stored.contract,
        stored.state,
        stored.activated_at,
        stored.next_due_at,
    )


def test_movements_and_expiry_are_applied_to_what_was_read(sample: SampleDesk) -> None:
    end = MONDAY + timedelta(days=2)
    hours = sample.sell(
        "support_hours", grants=[GrantGiven(minutes=20, expires_at=end), GrantGiven(minutes=30)]
    )
    with sample.desk.write() as tx:
        loaded = load_contract(tx, hours)
        first, second = (one.grant.id for one in loaded.grants)
        for grant, minutes in ((first, 5), (second, 30)):
            drawn = move("minutes", minutes, (grant, "available"), (grant, "consumed"))
            loaded.record(tx, LedgerTransaction("draw", MONDAY, drawn, cause="test", why="Work"))
            assert_as_stored(tx, loaded)
    sample.clock.at = end
    with sample.desk.write() as tx:
        loaded = load_contract(tx, hours)
        assert loaded.next_due_at == end
        sync_loaded(tx, loaded)
        assert [(one.grant.available, one.expired, one.expiry_posted) for one in loaded.grants] == [
            (0, 15, True),
            (0, 0, False),
        ]
        assert loaded.state == "exhausted"
        assert_as_stored(tx, loaded)


def test_months_that_are_granted_at_the_start_are_read(sample: SampleDesk) -> None:
    first_day = (MONDAY + timedelta(days=1)).date()
    last_day = (MONDAY + timedelta(days=60)).date()
    monthly = sample.sell("support_hours_by_month", minutes=60, starts_on=first_day, ends_on=last_day)
    sample.clock.move(days=2)
    with sample.desk.write() as tx:
        loaded = load_contract(tx, monthly)
        assert loaded.grants == []
        assert sync_loaded(tx, loaded)
        assert len(loaded.grants) == 2
        assert_as_stored(tx, loaded)


def test_changes_made_elsewhere_are_seen_after_forgetting(sample: SampleDesk) -> None:
    hours = sample.sell("support_hours", minutes=30)
    with sample.desk.write() as tx:
        contracts = LoadedContracts(tx)
        [grant] = contracts[hours].grants
        other = load_contract(tx, hours)
        drawn = move("minutes", 10, (grant.grant.id, "available"), (grant.grant.id, "consumed"))
        other.record(tx, LedgerTransaction("draw", MONDAY, drawn, cause="test", why="Work"))
        assert contracts[hours].grants == [grant]
        contracts[hours].forget_grants()
        assert_as_stored(tx, contracts[hours])
        contracts.forget()
        assert_as_stored(tx, contracts[hours])


def test_an_unknown_contract_is_not_found(sample: SampleDesk) -> None:
    hours = sample.sell("support_hours", minutes=30)
    with sample.desk.read() as tx:
        for wanted in (["none"], [hours, "none"]):
            with pytest.raises(NotFound):
                LoadedContracts(tx).load(wanted)
