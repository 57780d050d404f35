"""Statements of holders and contracts by the API: JSON, CSV and PDF."""

import re
from typing import Any

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


def test_days_in_reversed_order_are_refused_by_every_route(sample: SampleDesk) -> None:
    api = ApiClients(sample)
    paths = api.nobody.client.get("/api/openapi.json").get_json()["paths"]
    by_days = [path for path, methods in paths.items() if _takes_days(methods.get("get", {}))]
    assert len(by_days) >= 13
    for path in by_days:
        url = re.sub(r"{\w+}", "any", path.removeprefix("/api/v1"))
        refused = api.supervisor.get(f"{url}?from=2027-05-01&to=2027-01-01")
        assert refused.status_code == 422, path
        assert [one["pointer"] for one in refused.get_json()["errors"]] == ["/to"], path
        assert api.supervisor.get(f"{url}?from=2027-05-01&to=2027-05-01").status_code != 422, path


def _takes_days(operation: Any) -> bool:
    formats = {one["name"]: str(one["schema"]) for one in operation.get("parameters", [])}
    return all("'date'" in formats.get(name, "") for name in ("from", "to"))
