"""Statements of holders and contracts by the API: JSON, CSV and PDF."""

from tests.support.api import ApiClients
from tests.support.sample_desk import SampleDesk


def test_a_holders_statement_as_json_csv_and_pdf(sample: SampleDesk) -> None:
    sample.sell("support_hours", minutes=600, to=("org_unit", sample.site))
    path = f"/org-units/{sample.site}/statement"
    client = ApiClients(sample).supervisor
    found = client.get(path).get_json()
    assert found["holder"] == {"org_unit": sample.site}
    assert [line["balance_after"] for line in found["lines"]] == [600]
    text = client.get(f"{path}.csv")
    assert text.mimetype == "text/csv"
    assert text.text.splitlines()[1].startswith("SH-0001,sold,")
    document = client.get(f"{path}.pdf")
    assert document.mimetype == "application/pdf"
    assert document.data.startswith(b"%PDF-")
    assert client.get(f"{path}?kind=nothing").status_code == 422
    assert client.get(f"{path}?cursor=nothing").status_code == 422
    assert client.get("/org-units/nothing/statement").status_code == 404
