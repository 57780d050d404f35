"""Changing terms, transferring, renewing with an uplift and cancelling later, by the contract's page."""

from typing import Any

from tests.support.web_clients import WebClients
from workflows.store import tables as t


def test_terms_and_holder_are_changed_by_the_page(web: WebClients) -> None:
    sample = web.sample
    contract = sample.sell("subscription", starts_on="2026-03-01", ends_on="2027-02-28")
    path = f"/contracts/{contract}"
    page = web.supervisor.open(path)
    wrong = web.supervisor.send(page, "/amend", amend_reason="Agreed")
    assert "Nothing would change" in wrong
    done = web.supervisor.send(page, "/amend", amend_sla="gold", amend_reason="Agreed")
    assert "The terms have been changed." in done
    assert "Service level: Standard → Gold" in done
    assert sample.contract(contract).sla == "gold"
    assert sample.contract(contract).expires_at is not None
    same = web.supervisor.send(
        done, "/transfer", transfer_holder=f"customer:{sample.ann}", transfer_reason="Sold"
    )
    assert "SUB-0001 is already held by Ann" in same
    moved = web.supervisor.send(
        done, "/transfer", transfer_holder=f"item:{sample.laptop}", transfer_reason="Sold"
    )
    assert "The contract has been transferred." in moved
    assert "Transferred" in moved
    later = web.supervisor.send(
        moved, "/cancel", cancel_effective_on="2026-12-31", cancel_reason="No longer needed"
    )
    assert "The contract will be cancelled on that day." in later
    assert "To be cancelled" in later


def test_a_renewal_with_uplift_and_a_common_end(web: WebClients) -> None:
    sample = web.sample
    terms: dict[str, Any] = {"starts_on": "2026-03-01", "ends_on": "2027-02-28"}
    contract = sample.sell("subscription", **terms, price={"amount_minor": 36_500})
    other = sample.sell("subscription", starts_on="2026-06-01", ends_on="2027-05-31")
    page = web.supervisor.open(f"/contracts/{contract}")
    for percent in ("1001", "-3", "much"):
        wrong = web.supervisor.send(page, "/renew", renew_uplift_percent=percent)
        assert wrong.status == 422
        assert wrong.form("/renew").values["renew_uplift_percent"] == percent
    unknown = web.supervisor.send(page, "/renew", renew_co_terminate_with="SUB-9999")
    assert "There is no contract with this id" in unknown
    done = web.supervisor.send(
        page,
        "/renew",
        renew_uplift_percent="3,5 %",
        renew_co_terminate_with=sample.contract(other).number.lower(),
    )
    assert "This contract renews SUB-0001." in done
    (renewed,) = sample.rows(t.contract, renewal_of_id=contract)
    assert renewed.price_minor == 9_496  # 365.00 and 3.5 %, for 92 of 366 days


def test_a_price_and_an_overage_rate_are_changed_and_a_price_may_be_nothing(web: WebClients) -> None:
    contract = web.sample.sell("support_hours", minutes=60)
    page = web.supervisor.open(f"/contracts/{contract}")
    given = {"amend_price": "0", "amend_overage_rate": "95.50", "amend_reason": "Agreed"}
    done = web.supervisor.send(page, "/amend", **given)
    row = web.sample.contract(contract)
    assert (row.price_minor, row.overage_rate_minor) == (0, 9550)
    assert "€95.50" in done
    web.supervisor.send(done, "/amend", amend_price="", amend_reason="Agreed")
    row = web.sample.contract(contract)
    assert (row.price_minor, row.overage_rate_minor) == (None, 9550)
