"""New terms and new holders of contracts from an instant on; the old ones stay readable as of their time."""

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from tests.support.sample_desk import MONDAY, SampleDesk
from workflows.billing.contract_actions import preview_action
from workflows.commands.contracts import (
    AmendContract,
    CancelContract,
    Exclusions,
    HolderGiven,
    Renew,
    TransferContract,
)
from workflows.commands.fields import MoneyGiven
from workflows.contracts.amending import amend_contract, transfer_contract
from workflows.contracts.queries import contract_audit, read_contract
from workflows.contracts.statement import read_statement
from workflows.contracts.use_cases import cancel_contract, renew
from workflows.core.actors import Actor
from workflows.core.errors import Conflict, InvalidInput, NotAllowed, StateForbids
from workflows.jobs.definitions import run_job
from workflows.reports.audit import audit_desk
from workflows.reports.impact_preview import preview_impact
from workflows.store import tables as t

DAY = timedelta(days=1)
YEAR: dict[str, Any] = {"starts_on": date(2026, 3, 1), "ends_on": date(2027, 2, 28)}
MAY = datetime(2026, 5, 1, tzinfo=UTC)


def amend(sample: SampleDesk, contract: str, **terms: Any) -> None:
    sample.do(amend_contract, contract, AmendContract(reason="Agreed", **terms))


def transfer(sample: SampleDesk, contract: str, holder: dict[str, str], **when: Any) -> None:
    command = TransferContract(holder=HolderGiven(**holder), reason="Sold", **when)
    sample.do(transfer_contract, contract, command)


def settle(sample: SampleDesk, at: datetime) -> None:
    """Move the clock to an instant and run the job of contracts."""
    sample.clock.at = at
    run_job(sample.desk, "settle_contracts")


def terms(sample: SampleDesk, contract: str, at: datetime | None = None) -> tuple[Any, ...]:
    seen = sample.see(read_contract, contract, as_of=at)
    price = seen.price.amount_minor if seen.price else None
    return seen.sla, price, seen.time_expired, seen.ends_on, seen.exclusions


def drawn(sample: SampleDesk, contract: str) -> int:
    return sum(row.consumed for row in sample.grants(contract))


def slices(sample: SampleDesk, request: str, day: int) -> list[tuple[str, int]]:
    """What the request's entry of a day is drawn from, days counted from Monday."""
    (entry,) = (row for row in sample.entries(request) if row.started_at == MONDAY + day * DAY)
    return sorted(sample.allocations(entry.id))


# ------------------------------------------------------------------ amend


def test_terms_change_at_their_instant(sample: SampleDesk) -> None:
    contract = sample.sell("subscription", **YEAR, sla="standard", price=MoneyGiven(amount_minor=100))
    amend(sample, contract, effective_on=date(2026, 5, 1), sla="gold", price=MoneyGiven(amount_minor=120))
    ends = date(2027, 2, 28)
    assert terms(sample, contract) == ("standard", 100, None, ends, {})
    assert terms(sample, contract, MAY) == ("gold", 120, None, ends, {})
    settle(sample, MAY)
    assert sample.contract(contract).sla == "gold"
    assert terms(sample, contract) == ("gold", 120, None, ends, {})
    assert terms(sample, contract, MAY - DAY) == ("standard", 100, None, ends, {})
    assert sample.contract(contract).amends_at is None


def test_terms_change_as_of_an_earlier_instant_and_in_any_order(sample: SampleDesk) -> None:
    contract = sample.sell("subscription", **YEAR, sla="standard")
    sample.clock.at = MAY
    amend(sample, contract, effective_at=MONDAY + 30 * DAY, sla="gold")
    amend(sample, contract, effective_at=MONDAY + 10 * DAY, sla=None)
    found = [terms(sample, contract, MONDAY + days * DAY)[0] for days in (0, 10, 29, 30, 60)]
    assert found == ["standard", None, None, "gold", "gold"]
    assert sample.contract(contract).sla == "gold"


def test_changes_of_a_contract_are_lines_of_its_statement(sample: SampleDesk) -> None:
    """They move nothing, stand at their instant, and show customers no reason."""
    contract = sample.sell("time_limited_subscription", minutes=600, **YEAR)
    sample.work(sample.log(), 30)
    sample.clock.move(days=3)
    amend(sample, contract, ends_on=date(2026, 12, 31), effective_at=MONDAY - DAY)
    amend(sample, contract, ends_on=date(2026, 11, 30), effective_at=MONDAY + 9 * DAY)
    transfer(sample, contract, {"org_unit": sample.site}, effective_at=MONDAY + DAY)
    sample.do(renew, contract, Renew())
    expected = [
        ("grant", 600, "Sold with the contract", True),
        ("amended", 0, "Agreed", False),
        ("draw", -30, "Work on SR-1001", True),
        ("transferred", 0, "Sold", False),
        ("renewed", 0, "TLS-0002", False),
    ]

    def lines(actor: Any) -> list[tuple[Any, ...]]:
        seen = sample.see_as(actor, read_statement, contract)
        return [(one.kind, one.minutes, one.why, one.posted) for one in seen.lines]

    assert lines(sample.technician) == expected
    carl = sample.customer("Carl", sample.site)
    sample.set(customers_see_org_unit=True)
    customer = Actor("carl", "Carl", "customer", carl)
    assert lines(customer) == [
        (kind, moved, why if posted else "", posted) for kind, moved, why, posted in expected
    ]


def test_an_amendment_needs_a_reason_and_is_in_the_history(sample: SampleDesk) -> None:
    contract = sample.sell("support_hours", minutes=60)
    with pytest.raises(ValueError, match="reason"):
        AmendContract(sla="gold")  # type: ignore[call-arg]
    amend(sample, contract, sla="gold", time_expired="ignore")
    last = sample.see(contract_audit, contract)[0]
    assert (last.action, last.actor, last.details["reason"]) == ("amended", "the administrator", "Agreed")
    assert last.details["sla"] == ["standard", "gold"]
    assert last.details["time_expired"] == [None, "ignore"]


def test_work_since_an_amendment_is_drawn_again_by_the_new_terms(sample: SampleDesk) -> None:
    """Work that becomes excluded, then work that no longer is: of the latter the contract has no slice."""
    contract = sample.sell("support_hours", minutes=600)
    request = sample.log()
    sample.clock.move(days=5)
    for day in (1, 2, 3):
        sample.work(request, 10 * day, at=MONDAY + day * DAY)
    assert drawn(sample, contract) == 60
    amend(sample, contract, effective_at=MONDAY + 2 * DAY, exclusions=Exclusions(roles=["technician"]))
    assert drawn(sample, contract) == 10
    assert [slices(sample, request, day) for day in (1, 2)] == [[("grant", 10)], [("ignored", 20)]]
    amend(sample, contract, effective_at=MONDAY + 3 * DAY, exclusions=None)
    assert drawn(sample, contract) == 40
    assert sample.see(audit_desk).ok


def test_work_before_a_later_amendment_is_drawn_again_by_one_that_is_recorded_last(
    sample: SampleDesk,
) -> None:
    """The terms in force stay as they are; those of the days in between change."""
    contract = sample.sell("support_hours", minutes=600, exclusions=Exclusions(roles=["technician"]))
    request = sample.log()
    sample.clock.move(days=5)
    for day in (1, 3):
        sample.work(request, 10 * day, at=MONDAY + day * DAY)
    assert drawn(sample, contract) == 0
    amend(sample, contract, effective_at=MONDAY + 2 * DAY, exclusions=Exclusions(roles=["supervisor"]))
    assert drawn(sample, contract) == 30
    amend(sample, contract, effective_at=MONDAY, exclusions=Exclusions(work_types=["travel"]))
    assert drawn(sample, contract) == 40
    assert sample.see(audit_desk).ok


@pytest.mark.parametrize("late", [False, True])
def test_what_becomes_of_the_rest_is_by_the_terms_of_the_instant_worked(
    sample: SampleDesk, late: bool
) -> None:
    """The same whether the policy changes before or after the work is entered."""
    contract = sample.sell("support_hours", minutes=30)
    request = sample.log()
    sample.clock.move(days=5)
    if not late:
        amend(sample, contract, effective_at=MONDAY + 2 * DAY, time_expired="ignore")
    for day in (1, 3):
        sample.work(request, 40, at=MONDAY + day * DAY)
    if late:
        assert sample.carried(f"customer:{sample.ann}") == 50
        amend(sample, contract, effective_at=MONDAY + 2 * DAY, time_expired="ignore")
    assert slices(sample, request, 1) == [("carried", 10), ("grant", 30)]
    assert slices(sample, request, 3) == [("ignored", 40)]
    assert sample.carried(f"customer:{sample.ann}") == 10
    assert sample.see(audit_desk).ok


def test_the_preview_of_an_amendment_shows_the_work_that_moves(sample: SampleDesk) -> None:
    contract = sample.sell("support_hours", minutes=600)
    request = sample.log()
    sample.clock.move(days=5)
    sample.work(request, 30, at=MONDAY + DAY)
    command = AmendContract(effective_at=MONDAY, exclusions=Exclusions(roles=["technician"]), reason="Agreed")
    seen = preview_impact(sample.desk, sample.supervisor, lambda tx: preview_action(tx, contract, command))
    (moved,) = seen.moves
    assert [(one.kind, one.minutes) for one in (*moved.before, *moved.after)] == [
        ("grant", 30), ("ignored", 30)
    ]  # fmt: skip
    (after,) = (one.after for one in seen.contracts if one.after.id == contract)
    assert drawn(sample, contract) == 30
    sample.do_as(sample.supervisor, amend_contract, contract, command)
    assert slices(sample, request, 1) == [("ignored", 30)]
    assert sample.see(read_contract, contract).balance.minutes == after.balance


def test_a_late_entry_is_charged_by_the_terms_of_its_time(sample: SampleDesk) -> None:
    contract = sample.sell("support_hours", minutes=600)
    request = sample.log()
    sample.clock.move(days=5)
    amend(sample, contract, exclusions=Exclusions(roles=["technician"]))
    assert sample.work(request, 30, at=MONDAY + DAY) == [("grant", 30)]
    assert sample.work(request, 20) == [("ignored", 20)]


def test_another_service_level_moves_open_targets(sample: SampleDesk) -> None:
    contract = sample.sell("subscription", **YEAR, sla="standard")
    request = sample.log()
    before = sample.request(request)
    amend(sample, contract, sla="gold")
    after = sample.request(request)
    assert (before.sla, after.sla) == ("standard", "gold")
    assert after.resolution_due_at < before.resolution_due_at


def test_the_end_of_a_contract_moves(sample: SampleDesk) -> None:
    contract = sample.sell("time_limited_subscription", minutes=600, **YEAR)
    request = sample.log()
    sample.work(request, 30)
    sample.clock.move(days=10)
    amend(sample, contract, ends_on=date(2026, 4, 30))
    assert terms(sample, contract)[3] == date(2026, 4, 30)
    settle(sample, MAY - DAY)
    amend(sample, contract, ends_on=date(2026, 12, 31))
    settle(sample, MAY + DAY)
    assert sample.see(read_contract, contract).state == "active"
    assert sample.work(request, 20) == [("grant", 20)]
    sample.clock.at = datetime(2027, 1, 1, tzinfo=UTC)
    run_job(sample.desk, "expire_contracts")
    after = sample.see(read_contract, contract)
    assert (after.state, after.balance.minutes.drawn, after.balance.minutes.expired) == ("expired", 50, 550)
    assert sample.see(audit_desk).ok


def test_months_are_added_and_taken_away_with_the_end(sample: SampleDesk) -> None:
    contract = sample.sell("support_hours_by_month", minutes=60, **YEAR)

    def months() -> int:
        return len(
            [one for one in sample.grants(contract) if one.available and one.opens_at != one.closes_at]
        )

    assert months() == 12
    for last_day, count in [
        (date(2027, 4, 30), 14),
        (date(2026, 6, 30), 4),
        (date(2026, 8, 31), 6),
        (date(2027, 2, 28), 12),
    ]:
        sample.clock.move(hours=1)
        amend(sample, contract, ends_on=last_day)
        assert months() == count, last_day
        assert sample.see(audit_desk).ok
    amend(sample, contract, ends_on=date(2027, 1, 15))
    with pytest.raises(InvalidInput, match="only a part of one"):
        amend(sample, contract, ends_on=date(2027, 3, 31))


def test_ends_that_cannot_be(sample: SampleDesk) -> None:
    contract = sample.sell("time_limited_subscription", minutes=600, **YEAR)
    request = sample.log()
    sample.clock.move(days=40)
    sample.work(request, 30)
    for ends_on, when, refused in [
        (date(2026, 3, 5), {}, "end before the change takes effect"),
        (date(2026, 3, 5), {"effective_on": date(2026, 3, 3)}, "a day that has passed"),
        (None, {}, "need a last day"),
    ]:
        with pytest.raises(InvalidInput, match=refused):
            amend(sample, contract, ends_on=ends_on, **when)
    hours = sample.sell("support_hours", minutes=60)
    amend(sample, hours, ends_on=date(2026, 12, 31))
    amend(sample, hours, ends_on=None)
    assert sample.contract(hours).expires_at is None
    sample.do(renew, contract, Renew())
    with pytest.raises(Conflict, match="has been renewed by TLS-0002"):
        amend(sample, contract, ends_on=date(2027, 3, 31))


def test_amendments_that_cannot_be(sample: SampleDesk) -> None:
    contract = sample.sell("subscription", **YEAR, sla="gold")
    cases: list[tuple[dict[str, Any], str]] = [
        ({"sla": "gold"}, "Nothing would change"),
        ({}, "Nothing would change"),
        ({"sla": "brass"}, "no service level 'brass'"),
        ({"time_expired": "bill"}, "invoices, which are off"),
        ({"price": MoneyGiven(amount_minor=1, currency="USD")}, "currency is EUR"),
        ({"sla": None, "effective_on": date(2026, 2, 1)}, "starts on 2026-03-01"),
        ({"sla": None, "effective_on": date(2027, 3, 1)}, "over by then"),
    ]
    for given, refused in cases:
        with pytest.raises(InvalidInput, match=refused):
            amend(sample, contract, **given)
    assert sample.rows(t.contract_amendment) == []
    with pytest.raises(NotAllowed):
        sample.do_as(sample.technician, amend_contract, contract, AmendContract(sla=None, reason="x"))
    sample.do(cancel_contract, contract, CancelContract())
    with pytest.raises(StateForbids, match="SUB-0001 cannot be amended: it is cancelled"):
        amend(sample, contract, sla=None)


# ------------------------------------------------------------------ transfer


def test_coverage_and_waiting_requests_follow_a_transfer(sample: SampleDesk) -> None:
    bob = sample.customer("Bob", sample.org_unit("other"))
    contract = sample.sell("support_hours", minutes=600)
    covered = sample.log()
    waiting = sample.log(customer=bob, item=None)
    assert sample.request(waiting).state == "pending_no_contract"
    transfer(sample, contract, {"customer": bob})
    assert sample.request(covered).contract_id is None
    assert sample.request(waiting).contract_id == contract
    assert sample.see(read_contract, contract).holder == {"customer": bob}
    last = sample.see(contract_audit, contract)[0]
    assert (last.action, last.details["holder"]) == ("transferred", ["Ann", "Bob"])


def test_a_request_that_the_new_holder_contains_stays_covered(sample: SampleDesk) -> None:
    contract = sample.sell("support_hours", minutes=600)
    request = sample.log()
    transfer(sample, contract, {"org_unit": sample.parent})
    assert sample.request(request).contract_id == contract


def test_a_transfer_on_a_later_day(sample: SampleDesk) -> None:
    bob = sample.customer("Bob", sample.org_unit("other"))
    contract = sample.sell("support_hours", minutes=600)
    covered, waiting = sample.log(), sample.log(customer=bob, item=None)
    command = TransferContract(holder=HolderGiven(customer=bob), reason="Sold", effective_on=MAY.date())
    seen = preview_impact(sample.desk, sample.supervisor, lambda tx: preview_action(tx, contract, command))
    transfer(sample, contract, {"customer": bob}, effective_on=MAY.date())
    assert sample.see(read_contract, contract).holder == {"customer": sample.ann}
    settle(sample, MAY)
    assert sample.see(read_contract, contract).holder == {"customer": bob}
    assert sample.see(read_contract, contract, as_of=MAY - DAY).holder == {"customer": sample.ann}
    assert seen.effective_at == MAY
    then = {one.after.id: one.after.contract for one in seen.requests}
    assert then == {covered: None, waiting: contract}
    assert {one: sample.request(one).contract_id for one in then} == then


def test_a_late_entry_finds_who_held_the_contract_then(sample: SampleDesk) -> None:
    """By cascade: the contract was Ann's when she was helped, whoever has it when that is logged."""
    sample.set(cascade=True)
    bob = sample.customer("Bob", sample.org_unit("other"))
    first = sample.sell("support_hours", minutes=10)
    second = sample.sell("support_hours", minutes=600)
    request = sample.log()
    assert sample.request(request).contract_id == first
    sample.clock.move(days=5)
    transfer(sample, second, {"customer": bob})
    assert sample.work(request, 30, at=MONDAY + DAY) == [("grant", 10), ("grant", 20)]
    assert sample.work(request, 5) == [("carried", 5)]
    assert sample.carried(f"customer:{sample.ann}") == 5
    assert sample.carried(f"customer:{bob}") == 0


def test_a_transfer_as_of_an_earlier_instant(sample: SampleDesk) -> None:
    """The new coverage holds from that instant, and work since then is paid by it."""
    bob = sample.customer("Bob", sample.org_unit("other"))
    contract, second = (sample.sell("support_hours", minutes=600) for _ in range(2))
    request = sample.log()
    sample.clock.move(days=9)
    for day in (0, 2):
        sample.work(request, 30, at=MONDAY + day * DAY)
    command = TransferContract(
        holder=HolderGiven(customer=bob), effective_at=MONDAY + DAY, reason="Sold by mistake"
    )
    seen = preview_impact(sample.desk, sample.supervisor, lambda tx: preview_action(tx, contract, command))
    assert [(one.before[0].contract, one.after[0].contract) for one in seen.moves] == [(contract, second)]
    sample.do_as(sample.supervisor, transfer_contract, contract, command)
    assert [drawn(sample, one) for one in (contract, second)] == [30, 30]
    balances = {one.after.id: one.after.balance for one in seen.contracts}
    assert balances == {one: sample.see(read_contract, one).balance.minutes for one in (contract, second)}
    decision = sample.rows(t.coverage_decision, id=sample.request(request).decision_id)[0]
    assert decision.holds_from == MONDAY + DAY
    assert sample.see(read_contract, contract, as_of=MONDAY).holder == {"customer": sample.ann}
    assert sample.see(audit_desk).ok


def test_a_transfer_frees_the_contract_that_covers_the_work_since(sample: SampleDesk) -> None:
    """The other contract had paid what the transferred one lacked. The order makes no difference."""

    def end(name: str, *, late: bool) -> tuple[Any, ...]:
        eva, bob = (
            sample.customer(f"{one} {name}", sample.org_unit(f"{one} {name}")) for one in ("Eva", "Bob")
        )
        terms: dict[str, Any] = {"to": ("customer", eva), "starts_on": date(2026, 3, 1)}
        contract, second = (sample.sell("support_hours", minutes=minutes, **terms) for minutes in (100, 60))
        request = sample.log(customer=eva, item=None)
        if not late:
            sample.work(request, 180, at=MONDAY - DAY)
            assert (drawn(sample, contract), drawn(sample, second)) == (100, 60)
        transfer(sample, contract, {"customer": bob}, effective_at=MONDAY - DAY)
        if late:
            sample.work(request, 180, at=MONDAY - DAY)
        (entry,) = sample.entries(request)
        paid = [drawn(sample, one) for one in (contract, second)]
        return sample.allocations(entry.id), paid, sample.carried(f"customer:{eva}")

    ends = [end(name, late=late) for name, late in (("in order", False), ("late", True))]
    assert ends[0] == ends[1]
    assert ends[0][1:] == ([0, 60], 120)
    assert sample.see(audit_desk).ok


def test_what_is_carried_stays_with_who_held_the_contract_then(sample: SampleDesk) -> None:
    """A late entry from before the transfer is carried by the holder of that time, later work by the new."""
    bob = sample.customer("Bob", sample.site)
    contract = sample.sell("support_hours", minutes=10)
    request = sample.log(item=None)
    sample.clock.move(days=3)
    transfer(sample, contract, {"org_unit": sample.site})
    assert sample.request(request).contract_id == contract
    sample.clock.move(days=2)
    sample.work(request, 25, at=MONDAY + 4 * DAY)
    sample.work(request, 25, at=MONDAY + DAY)
    assert sample.carried(f"customer:{sample.ann}") == 15
    assert sample.carried(f"org_unit:{sample.site}") == 25
    renewed = sample.sell("support_hours", minutes=100, to=("org_unit", sample.site))
    other = sample.sell("support_hours", minutes=100, to=("customer", bob))
    own = sample.sell("support_hours", minutes=100)
    assert [drawn(sample, one) for one in (renewed, other, own)] == [25, 0, 15]
    assert sample.see(audit_desk).ok


def test_carried_minutes_move_to_who_held_the_contract_at_the_instant_worked(sample: SampleDesk) -> None:
    """Nothing else about the entries differs: the same contract covers them, and it has nothing left."""
    contract = sample.sell("support_hours_by_month", minutes=10, **YEAR)
    request = sample.log(item=None)
    sample.clock.move(days=5)
    for day in (1, 3):
        sample.work(request, 25, at=MONDAY + day * DAY)
    assert sample.carried(f"customer:{sample.ann}") == 40
    transfer(sample, contract, {"org_unit": sample.site}, effective_at=MONDAY + 2 * DAY)
    assert sample.request(request).contract_id == contract
    assert sample.carried(f"customer:{sample.ann}") == 15
    assert sample.carried(f"org_unit:{sample.site}") == 25
    own = sample.sell("support_hours", minutes=100)
    assert (drawn(sample, own), sample.carried(f"customer:{sample.ann}")) == (15, 0)
    settle(sample, datetime(2026, 4, 1, tzinfo=UTC))
    assert sample.carried(f"org_unit:{sample.site}") == 15
    assert sample.see(audit_desk).ok


def test_a_transfer_before_work_on_finished_requests_is_refused(sample: SampleDesk) -> None:
    """Finished requests are not searched again: the error names them, and nothing changes."""
    bob = sample.customer("Bob", sample.org_unit("other"))
    contract = sample.sell("support_hours", minutes=600)
    request = sample.log()
    sample.work(request, 30)
    sample.fire(request, "resolve", note="Done")
    sample.fire(request, "close")
    sample.clock.move(days=9)
    with pytest.raises(InvalidInput) as refused:
        transfer(sample, contract, {"customer": bob}, effective_at=MONDAY)
    number = sample.request(request).number
    assert (
        f"SH-0001 has paid for requests that are finished since then: {number} on 2026-03-02 09:00."
        in str(refused.value)
    )
    assert refused.value.values["pointer"] == "/effective_at"
    assert sample.rows(t.contract_amendment) == []
    transfer(sample, contract, {"customer": bob}, effective_at=MONDAY + DAY)
    assert drawn(sample, contract) == 30


def test_transfers_that_cannot_be(sample: SampleDesk) -> None:
    contract = sample.sell("support_hours", minutes=600)
    own = sample.sell("per_request", to=("service_request", sample.log(item=None)))
    for holder, refused in [
        ({"customer": sample.ann}, "SH-0001 is already held by Ann"),
        ({"customer": "nobody"}, "There is no customer with this id"),
        ({"service_request": sample.log()}, "cannot be held by a service request"),
    ]:
        with pytest.raises(InvalidInput, match=refused):
            transfer(sample, contract, holder)
    with pytest.raises(InvalidInput, match="starts on"):
        transfer(sample, contract, {"item": sample.laptop}, effective_on=date(2026, 1, 1))
    with pytest.raises(StateForbids, match="It belongs to its service request"):
        transfer(sample, own, {"customer": sample.ann})
    assert sample.rows(t.contract_amendment) == []


def test_a_transfer_before_the_last_one_is_refused(sample: SampleDesk) -> None:
    contract = sample.sell("support_hours", minutes=600)
    sample.clock.move(days=5)
    transfer(sample, contract, {"item": sample.laptop})
    with pytest.raises(InvalidInput, match="SH-0001 has been transferred since then"):
        transfer(sample, contract, {"org_unit": sample.site}, effective_at=MONDAY + DAY)


def test_two_transfers_at_one_instant(sample: SampleDesk) -> None:
    contract = sample.sell("support_hours", minutes=600)
    transfer(sample, contract, {"item": sample.laptop})
    transfer(sample, contract, {"org_unit": sample.site})
    assert sample.see(read_contract, contract).holder == {"org_unit": sample.site}
    sample.clock.move(days=1)
    assert sample.see(read_contract, contract, as_of=MONDAY - DAY).holder == {"customer": sample.ann}
