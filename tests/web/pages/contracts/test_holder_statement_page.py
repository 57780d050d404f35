"""The pages of a holder's statement, with their filters and downloads."""

import pytest

from tests.support.web_clients import WebClients
from workflows.commands.contracts import TopUp
from workflows.contracts.use_cases import top_up


@pytest.mark.parametrize("holders", ["customers", "items", "org-units"])
def test_the_statement_of_each_kind_of_holder(web: WebClients, holders: str) -> None:
    sample = web.sample
    kind, holder, page = {
        "customers": ("customer", sample.ann, f"/customers/{sample.ann}"),
        "items": ("item", sample.laptop, f"/items/{sample.laptop}"),
        "org-units": ("org_unit", sample.site, f"/org-units/{sample.site}"),
    }[holders]
    empty = web.supervisor.open(f"/{holders}/{holder}/statement")
    assert "No entries yet." in empty
    sample.sell("support_hours", to=(kind, holder), minutes=600)
    sample.work(sample.log(), 90)
    assert f"/{holders}/{holder}/statement" in web.supervisor.open(page).html
    shown = web.supervisor.open(f"/{holders}/{holder}/statement")
    assert "Initial grant" in shown
    assert "+10:00" in shown
    assert "8:30" in shown
    draws = web.supervisor.open(f"/{holders}/{holder}/statement?kind=draw&from=2026-03-01")
    assert "8:30" in draws
    assert "Sold with the contract" not in draws
    assert f"/{holders}/{holder}/statement.csv?from=2026-03-01&amp;kind=draw" in draws.html
    text = web.supervisor.client.get(f"/{holders}/{holder}/statement.csv?kind=draw").text
    assert len(text.splitlines()) == 2
    document = web.supervisor.client.get(f"/{holders}/{holder}/statement.pdf")
    assert document.mimetype == "application/pdf"
    assert document.data.startswith(b"%PDF-")


def test_a_customer_sees_their_own_statement_only(web: WebClients) -> None:
    sample = web.sample
    sample.sell("support_hours", minutes=600)
    bob = sample.customer("Bob", sample.org_unit("other"))
    assert "+10:00" in web.ann.open(f"/customers/{sample.ann}/statement")
    for suffix in ("", ".csv", ".pdf"):
        assert web.ann.client.get(f"/customers/{bob}/statement{suffix}").status_code == 404


def test_a_contract_has_its_statement_as_pdf(web: WebClients) -> None:
    contract = web.sample.sell("support_hours", minutes=600)
    assert f"/contracts/{contract}/statement.pdf" in web.ann.open(f"/contracts/{contract}").html
    document = web.ann.client.get(f"/contracts/{contract}/statement.pdf")
    assert document.data.startswith(b"%PDF-")


def test_lines_that_belong_to_no_grant_are_shown_under_a_heading_of_their_own(web: WebClients) -> None:
    """Time that was carried forward, beside the contract's grants and a top-up with its reason."""
    sample = web.sample
    contract = sample.sell("support_hours", minutes=10)
    sample.work(sample.log(), 30)
    sample.do(top_up, contract, TopUp(minutes=60, reason="Agreed by phone"))
    for browser in (web.supervisor, web.ann):
        shown = browser.open(f"/customers/{sample.ann}/statement")
        assert "Without a grant" in shown
        assert "0:20 carried over to the holder's next contract" in shown
        assert "Top-up: Agreed by phone" in shown
