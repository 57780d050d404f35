"""The page of exports for the accounting program: what is pending, what is missing, the batches and files."""

from tests.support.web_clients import WebClients
from tests.workflows.accounting_exports.test_exports import MAPPED
from workflows.billing.invoicing.drafts import create_invoice
from workflows.billing.issuing.use_cases import issue_invoice
from workflows.commands.billing import InvoiceLineGiven, NewInvoice
from workflows.commands.fields import MoneyGiven
from workflows.store import tables as t

PATH = "/accounting-exports?export_format=datev&to_on=2026-03-02"


def issue(web: WebClients) -> None:
    line = InvoiceLineGiven(
        description="Parts", quantity="1", unit_price=MoneyGiven(amount_minor=1_000), tax_rate="No tax"
    )
    draft = web.sample.do(create_invoice, NewInvoice(customer=web.sample.ann, lines=[line]))
    web.sample.do(issue_invoice, draft)


def test_what_is_missing_is_named_and_then_exported_once(web: WebClients) -> None:
    web.sample.set(invoices=True)
    issue(web)
    page = web.finance.open(PATH)
    assert "These accounts have no number: Receivables, Revenue." in page
    assert "DATEV: number of the tax adviser, DATEV: number of the client" in page
    assert "Export 1 transaction" not in page
    form = web.administrator.open("/settings")
    codes = "receivable; 10000\nrevenue; 8400\ntax S:19; 1776"
    given = {"account_codes": codes, "datev_consultant": "1001", "datev_client": "7"}
    saved = web.administrator.send(form, **given)
    assert saved.form().values["account_codes"] == codes
    page = web.finance.open(PATH)
    assert "Export 1 transaction" in page
    done = web.finance.send(page, "/accounting-exports")
    assert "DATEV-0001" in done
    again = web.finance.send(page, "/accounting-exports")
    assert "DATEV-0001" in again
    [made] = web.sample.rows(t.accounting_export)
    answer = web.finance.client.get(f"/accounting-exports/{made.id}/file")
    assert answer.data == made.content
    assert made.file_name in answer.headers["Content-Disposition"]
    assert "Everything up to" in web.finance.open(PATH)
    assert "DATEV-0001,datev" in web.finance.client.get("/accounting-exports?format=csv").get_data(
        as_text=True
    )


def test_bad_input_is_named(web: WebClients) -> None:
    web.sample.set(invoices=True, **MAPPED)
    issue(web)
    assert "would end in the future" in web.finance.open("/accounting-exports?to_on=2199-01-01")
    page = web.finance.open(PATH)
    refused = web.finance.send(page, "/accounting-exports", to_on="2026-03-03")
    assert (refused.status, "would end in the future" in refused) == (422, True)
    form = web.administrator.open("/settings")
    for line in ("receivable", "profit; 1", "revenue S:19; 1", "cash; 1\ncash; 2"):
        wrong = web.administrator.send(form, account_codes=line)
        assert (wrong.status, wrong.form().values["account_codes"]) == (422, line)
