"""What work at the very instant of a sale carries comes after it: the contract that was sold draws none."""

from datetime import timedelta

from tests.support.sample_desk import SampleDesk
from workflows.commands.contracts import CancelContract, HolderGiven, TransferContract
from workflows.commands.service_requests import SearchCoverage
from workflows.contracts.amending import transfer_contract
from workflows.contracts.queries import read_contract
from workflows.contracts.use_cases import cancel_contract
from workflows.reports.audit import audit_desk
from workflows.service_requests.use_cases import search_or_assign

DAY = timedelta(days=1)


def test_a_contract_of_the_same_instant_does_not_draw_what_is_carried_later(sample: SampleDesk) -> None:
    """The work is assigned to a contract that has ended; the other one gets its 9 minutes back for good."""
    now, laptop = sample.clock.now(), HolderGiven(item=sample.laptop)
    ended = sample.sell("support_hours", minutes=20, starts_at=now - 28 * DAY)
    request = sample.log()
    other = sample.sell("support_hours", minutes=9, starts_at=now - 5 * DAY, time_expired="ignore")
    sample.do(transfer_contract, other, TransferContract(holder=laptop, reason="Agreed"))
    moved = TransferContract(holder=laptop, reason="Agreed", effective_at=now - DAY)
    sample.do(transfer_contract, ended, moved)
    sample.do(cancel_contract, ended, CancelContract(reason="Agreed", effective_at=now - 3 * DAY))
    assert sample.work(request, 17) == [("grant", 9), ("ignored", 8)]
    opened_at = sample.request(request).opened_at
    again = SearchCoverage.model_validate({"contract": ended, "reason": "Agreed", "from": opened_at})
    sample.do(search_or_assign, request, again)
    view = sample.see(read_contract, other)
    assert (view.balance.minutes.available, view.carried_minutes) == (9, 17)
    assert sample.see(audit_desk).ok
