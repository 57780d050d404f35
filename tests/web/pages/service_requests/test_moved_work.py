"""Moving a work entry to another service request, by page and by API."""

from typing import Any

from tests.support.api import ApiClients
from tests.support.web_clients import WebClients
from workflows.commands.service_requests import SearchCoverage
from workflows.service_requests.use_cases import search_or_assign


def two_requests(web: WebClients) -> tuple[str, str, str, list[str]]:
    """Two requests, an entry of 50 minutes on the first, and the numbers of the contracts that cover them."""
    sample = web.sample
    blocks = [
        sample.sell("support_hours", minutes=600),
        sample.sell("support_hours", minutes=600, to=("org_unit", sample.site)),
    ]
    first, second = sample.log("It does not start"), sample.log("It is noisy")
    command = SearchCoverage(contract=blocks[1], reason="Agreed")
    sample.do_as(sample.supervisor, search_or_assign, second, command)
    sample.work(first, 50)
    return first, second, sample.entries(first)[0].id, [sample.contract(one).number for one in blocks]


def test_an_entry_is_moved_by_the_number_of_the_other_request(web: WebClients) -> None:
    sample = web.sample
    first, second, entry, contracts = two_requests(web)
    number, other = sample.request(first).number, sample.request(second).number
    page = web.technician.open(f"/requests/{first}/work/{entry}")
    assert page.form().values["number"] == number
    unknown = web.technician.send(page, number="SR-9999")
    assert unknown.status == 422
    assert "There is no such service request. Look it up by its number in the list." in unknown
    previewed = web.technician.send(page, number=other.lower(), step="preview")
    assert f"Preview: 0:50 from {contracts[1]} (leaves 9:10)." in previewed
    assert previewed.form().values["number"] == other.lower()
    done = web.technician.send(previewed, number=other)
    assert f"Work entry moved to {other}: 0:50 from {contracts[1]}." in done
    assert f"Work moved here from {number}" in done
    assert f"Work moved away to {other}" in web.technician.open(f"/requests/{first}")
    # the number alone was changed: sent again, the form changes nothing more
    again = web.technician.send(previewed, number=other)
    assert "Nothing was changed." in again


def test_an_entry_is_moved_by_the_api(web: WebClients) -> None:
    first, second, entry, _ = two_requests(web)
    api = ApiClients(web.sample)
    preview = api.technician.post(f"/work/{entry}/preview", {"service_request": second})
    assert preview.json is not None
    moved = api.technician.patch(f"/work/{entry}", {"service_request": second})
    assert moved.json is not None
    assert (moved.status_code, moved.json["service_request"]) == (200, second)
    assert moved.json["allocations"] == preview.json["allocations"]
    work: Any = api.technician.get(f"/service-requests/{second}/work").json
    assert [one["id"] for one in work["items"]] == [entry]
    history: Any = api.technician.get(f"/service-requests/{first}/history").json
    line = history["items"][-1]
    assert (line["trigger"], line["other_service_request"]) == ("work_moved_away", second)
    values: list[Any] = ["nobody", "", None, 7, [], "x" * 100]
    for value in values:
        refused = api.technician.patch(f"/work/{entry}", {"service_request": value})
        assert refused.status_code == 422
        assert refused.json is not None
        assert [one["pointer"] for one in refused.json["errors"]] == ["/service_request"]
