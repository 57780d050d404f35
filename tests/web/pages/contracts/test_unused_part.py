"""Crediting the unused part of a cancelled contract by its page: with the cancellation, or afterwards."""

from tests.support.billing import RATES
from tests.support.pages import Page
from tests.support.web_clients import WebClients
from workflows.billing.issuing.use_cases import issue_invoice
from workflows.billing.sold.to_invoice import draft_sold
from workflows.commands.billing import DraftSold
from workflows.commands.fields import MoneyGiven
from workflows.store import tables as t


def sold(web: WebClients) -> str:
    """A block of 600 minutes for 600.00 that is on an issued invoice; its page."""
    sample = web.sample
    sample.set(invoices=True, tax_rates=RATES)
    price = MoneyGiven(amount_minor=60_000)
    contract = sample.sell("support_hours", to=("customer", sample.ann), minutes=600, price=price)
    sample.do(issue_invoice, sample.do(draft_sold, DraftSold(customer=sample.ann, tax_rate="Standard")))
    return f"/contracts/{contract}"


def effect(web: WebClients, page: Page, action: str, **given: str) -> Page:
    form = page.form(f"/{action}")
    return Page(web.finance.client.post(f"{form.action}/effect", data={**form.values, **given}))


def test_the_unused_part_is_credited_with_the_cancellation(web: WebClients) -> None:
    path = sold(web)
    page = web.finance.open(path)
    assert "€600.00 of INV-2026-0001" in page
    given = {"cancel_credit_unused": "y", "cancel_reason": "Left"}
    preview = effect(web, page, "cancel", **given)
    sentence = "A credit note of €714.00 (€600.00 without tax) is issued for INV-2026-0001."
    assert sentence in preview
    assert len(web.sample.rows(t.invoice)) == 1
    done = web.finance.send(page, "/cancel", **given)
    assert "The contract has been cancelled." in done
    assert "Unused part credited" in done
    assert not done.has_form("/credit_unused")
    assert len(web.sample.rows(t.invoice, kind="credit_note")) == 1


def test_the_unused_part_is_credited_afterwards_once(web: WebClients) -> None:
    path = sold(web)
    page = web.finance.open(path)
    later = web.finance.send(
        page, "/cancel", cancel_credit_unused="y", cancel_effective_on="2026-12-31", cancel_reason="Left"
    )
    assert (later.status, "is not known yet" in later) == (422, True)
    cancelled = web.finance.send(page, "/cancel", cancel_reason="Left")
    assert not web.supervisor.open(path).has_form("/credit_unused")
    assert "A credit note of €714.00" in effect(web, cancelled, "credit_unused")
    done = web.finance.send(cancelled, "/credit_unused", credit_reason="Unused")
    assert "The unused part has been credited." in done
    again = web.finance.send(cancelled, "/credit_unused", credit_reason="Unused")
    assert "The unused part has been credited." in again
    assert len(web.sample.rows(t.invoice, kind="credit_note")) == 1


def test_a_supervisor_cancels_and_is_not_offered_the_credit(web: WebClients) -> None:
    page = web.supervisor.open(sold(web))
    assert "cancel_credit_unused" not in page.form("/cancel").values
    assert "Credit the unused part" not in page
