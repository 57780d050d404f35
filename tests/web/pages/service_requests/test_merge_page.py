"""Merging two service requests and splitting them again, by page and by API."""

from typing import Any

from tests.support.api import ApiClients
from tests.support.web_clients import WebClients
from tests.web.pages.service_requests.test_moved_work import two_requests


def test_a_request_is_merged_and_split_by_the_pages(web: WebClients) -> None:
    sample = web.sample
    first, second, _, contracts = two_requests(web)
    number, other = sample.request(first).number, sample.request(second).number
    assert not web.technician.open(f"/requests/{first}").has_form("/merge")
    page = web.supervisor.open(f"/requests/{first}")
    wrong = web.supervisor.send(page, "/merge", merge_into="SR-9999")
    assert wrong.status == 422
    assert "There is no such service request." in wrong
    itself = web.supervisor.send(page, "/merge", merge_into=number)
    assert f"{number} cannot be merged into itself." in itself
    form = page.form("/merge")
    effect = web.supervisor.client.post(
        f"/requests/{first}/merge/effect", data={**form.values, "merge_into": other.lower()}
    ).get_data(as_text=True)
    assert "1 service request is cancelled, and leads to the other:" in effect
    assert "1 work entry moves to the other request:" in effect
    assert f"{number} → {other}" in effect
    assert f"0:50 from {contracts[0]} → 0:50 from {contracts[1]}" in effect
    assert sample.request(first).merged_into_id is None
    done = web.supervisor.send(page, "/merge", merge_into=other, merge_reason="The same fault")
    assert done.path == f"/requests/{second}"
    assert "both numbers lead here" in done
    assert f"Merged here: {number}" in done
    for browser in (web.technician, web.ann):
        for opened in (f"/requests/{first}", f"/search?q={number}"):
            shown = browser.open(opened)
            assert f"{other} It is noisy" in shown
            assert f"{number} It does not start" in shown
    assert f"{number} was merged into this request." in web.technician.open(f"/requests/{first}")
    assert "Split" not in web.technician.open(f"/requests/{second}")
    assert web.technician.open(f"/requests/{first}/split").status == 403
    split = web.supervisor.open(f"/requests/{first}/split")
    assert f"1 service request is a request of its own again, covered by {contracts[0]}:" in split
    assert f"0:50 from {contracts[1]} → 0:50 from {contracts[0]}" in split
    back = web.supervisor.send(split, reason="Another fault")
    assert back.path == f"/requests/{first}"
    assert f"{number} is a request of its own again." in back
    assert f"Split from {other}" in back
    assert f"Split off: {number}" in web.technician.open(f"/requests/{second}")
    assert web.supervisor.open(f"/requests/{first}/split").status == 409


def test_a_request_is_merged_and_split_by_the_api(web: WebClients) -> None:
    first, second, entry, _ = two_requests(web)
    api = ApiClients(web.sample)
    path = f"/service-requests/{first}"
    preview: Any = api.supervisor.post(f"{path}/merge/preview", {"into": second}).json
    assert [(one["id"], one["moved_from"] is not None) for one in preview["moves"]] == [(entry, True)]
    assert api.technician.post(f"{path}/merge", {"into": second}).status_code == 403
    body = {"into": second, "reason": "The same fault"}
    merged = [api.supervisor.post(f"{path}/merge", body, Idempotency_Key="once") for _ in range(2)]
    assert [(one.status_code, (one.json or {})["id"]) for one in merged] == [(200, second)] * 2
    assert merged[1].headers["Idempotency-Replayed"] == "true"
    found: Any = api.technician.get(path).json
    assert (found["id"], found["worked_minutes"]) == (second, 50)
    number = web.sample.request(first).number
    listed: Any = api.technician.get(f"/service-requests?number={number}").json
    assert [one["id"] for one in listed["items"]] == [second]
    cancelled: Any = api.technician.get("/service-requests?state=cancelled").json
    assert [(one["id"], one["merged_into"]) for one in cancelled["items"]] == [(first, second)]
    members: Any = api.technician.get(f"/service-requests/{second}/merged").json
    assert [(one["number"], one["reason"]) for one in members["items"]] == [(number, "The same fault")]
    wrong: list[Any] = [{"into": first}, {"into": "nobody"}, {"into": None}, {"into": 7}, {}]
    for one in wrong:
        refused = api.supervisor.post(f"/service-requests/{second}/merge", one)
        assert refused.status_code == 422, one
        assert (refused.json or {})["errors"][0]["pointer"] == "/into"
    again = api.supervisor.post(f"{path}/merge", {"into": second})
    assert again.status_code == 409
    assert api.supervisor.post(f"{path}/split/preview", {}).status_code == 200
    split: Any = api.supervisor.post(f"{path}/split", {"reason": "Another fault"}).json
    assert (split["id"], split["state"], split["worked_minutes"]) == (first, "open", 50)
    assert api.supervisor.post(f"{path}/split", {}).status_code == 409
    assert api.supervisor.post("/service-requests/nobody/split", {}).status_code == 404
