"""A grant that work has drawn from is withdrawn: the work is drawn again, as if the grant were smaller."""

from datetime import date, timedelta
from itertools import permutations
from typing import Any

import pytest

from tests.support.sample_desk import MONDAY, SampleDesk
from workflows.accounting_periods.use_cases import close_period
from workflows.commands.accounting_periods import ChangePeriod
from workflows.commands.contracts import Adjust, CarryOverTerms, TopUp
from workflows.contracts.queries import read_contract
from workflows.contracts.use_cases import adjust, top_up
from workflows.core.errors import InvalidInput
from workflows.reports.audit import audit_desk
from workflows.store import tables as t

DAY = timedelta(days=1)
MONTHS: dict[str, Any] = {
    "starts_on": date(2026, 3, 1),
    "ends_on": date(2026, 5, 31),
    "carry_over": CarryOverTerms(months=1),
}
ORDERS = list(permutations(["work", "late", "withdraw"]))
WORKED = {"work": (50, 3 * DAY), "late": (40, DAY)}


def topped_up(sample: SampleDesk, contract: str, minutes: int, **terms: Any) -> str:
    """Add a grant; returns its id."""
    before = {one.id for one in sample.rows(t.contract_grant, contract_id=contract)}
    sample.do(top_up, contract, TopUp(minutes=minutes, **terms))
    [grant] = {one.id for one in sample.rows(t.contract_grant, contract_id=contract)} - before
    return str(grant)


def taken(sample: SampleDesk) -> list[tuple[Any, ...]]:
    rows = sample.rows(t.work_allocation, reversed_at=None)
    return sorted((row.kind, row.grant_id or "", row.minutes, row.effective_at) for row in rows)


@pytest.mark.parametrize("approval", [False, True])
def test_work_and_a_withdrawal_in_any_order_end_the_same(sample: SampleDesk, approval: bool) -> None:
    """60 from the top-up that is drawn first; of 50 + 40 of work, 30 of it and the contract's 20 pay 50."""
    sample.set(work_approval=approval)
    ends: list[list[tuple[Any, ...]]] = []
    for order in ORDERS:
        customer = sample.customer(f"Customer {len(ends)}", sample.site)
        contract = sample.sell(
            "support_hours", to=("customer", customer), minutes=20, starts_at=sample.clock.now()
        )
        first = sample.grants(contract)[0].grant_id
        began_at = sample.clock.now()
        grant = topped_up(sample, contract, 60, expires_at=began_at + 200 * DAY)
        request = sample.log(customer=customer, item=None)
        sample.clock.move(days=5)
        for event in order:
            if event == "withdraw":
                sample.do(adjust, contract, Adjust(minutes=-30, grant=grant, reason="Entered twice"))
            else:
                minutes, after = WORKED[event]
                sample.work(request, minutes, at=began_at + after)
        names = {grant: "top-up", first: "sold", "": ""}
        rows = sample.rows(t.work_allocation, reversed_at=None)
        entries = {one.id for one in sample.entries(request)}
        ends.append(
            sorted(
                (row.kind, names[row.grant_id or ""], row.minutes, row.effective_at - began_at)
                for row in rows
                if row.work_entry_id in entries
            )
        )
        view = sample.see(read_contract, contract)
        assert (view.state, view.balance.minutes.purchased) == ("exhausted", 50)
        assert view.carried_minutes == 40
    late, later = DAY, 3 * DAY
    assert ends[0] == [
        ("carried", "", 40, later),
        ("grant", "sold", 10, late),
        ("grant", "sold", 10, later),
        ("grant", "top-up", 30, late),
    ]
    assert all(one == ends[0] for one in ends)
    assert sample.see(audit_desk).ok


def test_what_is_withdrawn_of_a_closed_month_is_an_adjustment(sample: SampleDesk) -> None:
    """The balance of the closed month stays; the allocations of today are those without the grant."""
    contract = sample.sell("support_hours", minutes=20)
    grant = topped_up(sample, contract, 60, expires_at=MONDAY + 300 * DAY)
    request = sample.log()
    sample.work(request, 50, at=MONDAY)
    sample.clock.at = MONDAY + 40 * DAY
    month = MONDAY.strftime("%Y-%m")
    sample.do_as(sample.finance, close_period, month, ChangePeriod(reason="Over"))
    before = sample.see(read_contract, contract, as_of=MONDAY + 20 * DAY).balance.minutes
    sample.do(adjust, contract, Adjust(minutes=-60, grant=grant, reason="Entered twice"))
    assert sample.see(read_contract, contract, as_of=MONDAY + 20 * DAY).balance.minutes == before
    assert [one[0::2][:2] for one in taken(sample)] == [("carried", 30), ("grant", 20)]
    assert sample.see(read_contract, contract).balance.minutes.purchased == 20
    assert sample.see(audit_desk).ok


def test_a_top_up_that_is_withdrawn_is_not_to_be_invoiced(sample: SampleDesk) -> None:
    """Half of it still is, at its price; nothing of it is not."""
    sample.set(invoices=True)
    contract = sample.sell("support_hours", minutes=20)
    price: Any = {"amount_minor": 9000, "currency": "EUR"}
    grant = topped_up(sample, contract, 60, price=price)
    sample.work(sample.log(), 50)
    sample.do(adjust, contract, Adjust(minutes=-30, grant=grant, reason="Half of it"))
    assert [row.waived_at for row in sample.rows(t.sold_item, grant_id=grant)] == [None]
    sample.do(adjust, contract, Adjust(minutes=-30, grant=grant, reason="All of it"))
    [sold] = sample.rows(t.sold_item, grant_id=grant)
    assert (sold.waive_reason, sold.waived_by) == ("All of it", sample.administrator.name)


def test_what_is_refused_of_a_withdrawal_from_a_grant(sample: SampleDesk) -> None:
    contract = sample.sell("support_hours", minutes=60)
    other = sample.sell("support_hours_by_month", minutes=60, **MONTHS)
    pack = sample.sell("incident_pack", incidents=1)
    [grant], [incidents] = sample.grants(contract), sample.grants(pack)
    foreign = sample.grants(other)[0].grant_id
    rest = next(one.id for one in sample.rows(t.contract_grant, contract_id=other) if one.rest_of_id)
    late = topped_up(sample, contract, 5, effective_at=MONDAY)
    cases: list[tuple[str, dict[str, Any], str, str]] = [
        (contract, {"minutes": -61, "grant": grant.grant_id}, "/minutes", "Only 60 minutes can be withdrawn"),
        (contract, {"minutes": -5, "grant": foreign}, "/grant", "has no grant with this id"),
        (contract, {"minutes": -5, "grant": "nothing"}, "/grant", "has no grant with this id"),
        (contract, {"minutes": 5, "grant": grant.grant_id}, "/grant", "Only a withdrawal takes from a grant"),
        (other, {"minutes": -5, "grant": rest}, "/grant", "what a month left to later months"),
        (
            pack,
            {"incidents": -2, "grant": incidents.grant_id},
            "/incidents",
            "Only 1 incident can be withdrawn",
        ),
        (
            contract,
            {"minutes": -5, "grant": late, "effective_at": MONDAY - timedelta(minutes=1)},
            "/effective_at",
            "did not exist yet",
        ),
    ]
    stored = sample.rows(t.ledger_transaction)
    for contract_id, given, pointer, words in cases:
        with pytest.raises(InvalidInput, match=words) as refused:
            sample.do(adjust, contract_id, Adjust(**given, reason="Wrong"))
        assert refused.value.values["pointer"] == pointer
    assert sample.rows(t.ledger_transaction) == stored


def test_a_held_incident_is_not_withdrawn(sample: SampleDesk) -> None:
    pack = sample.sell("incident_pack", incidents=1)
    [grant] = sample.grants(pack)
    sample.log()
    with pytest.raises(InvalidInput, match="Nothing is left"):
        sample.do(adjust, pack, Adjust(incidents=-1, grant=grant.grant_id, reason="Wrong"))
