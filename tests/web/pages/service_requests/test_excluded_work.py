"""Work that the covering contract excludes: the same words say so wherever the time is shown."""

from typing import Any

import pytest

from tests.support.api import ApiClients
from tests.support.web_clients import WebClients
from workflows.commands.contracts import AmendContract, Exclusions
from workflows.contracts.amending import amend_contract

NOT_BILLED = "0:30 recorded, not billed"


@pytest.mark.parametrize(
    ("exclusions", "words"),
    [
        ({"work_types": ["on_site"]}, "SH-0001 does not cover the work type on_site"),
        ({"roles": ["technician"]}, "SH-0001 does not cover work of the role technician"),
    ],
)
def test_why_no_contract_pays(web: WebClients, exclusions: dict[str, Any], words: str) -> None:
    sample, api = web.sample, ApiClients(web.sample)
    sample.set(work_approval=True, time_expired_contract="ignore")
    contract = sample.sell("support_hours", minutes=600, exclusions=Exclusions(**exclusions))
    request = sample.log()
    given = {"minutes": 30, "worked_at": sample.clock.now().isoformat(), "work_type": "on_site"}
    path = f"/service-requests/{request}/work"
    preview = api.technician.post(f"{path}/preview", given).get_json()
    assert [one["why"] for one in preview["allocations"]] == [words]
    page = web.technician.open(f"/requests/{request}")
    sent = {**page.form("/work").values, "work_minutes": "0:30", "work_work_type": "on_site"}
    live = web.technician.client.post(f"/requests/{request}/work/preview", data=sent)
    assert f"{NOT_BILLED} ({words})" in live.get_data(as_text=True)
    entry = api.technician.post(path, given).get_json()
    for answer in (entry, api.technician.get(f"/work/{entry['id']}").get_json()):
        assert [one["why"] for one in answer["allocations"]] == [words]
    sample.clock.move(hours=1)
    # what is excluded from now on does not change what held for earlier work
    sample.do(amend_contract, contract, AmendContract(exclusions=Exclusions(), reason="All work."))
    for browser in (web.technician, web.ann):
        assert f"{NOT_BILLED} ({words})" in browser.open(f"/requests/{request}")
    for address in ("/work-approval", "/work-approval?format=csv"):
        assert f"{NOT_BILLED} ({words})" in web.supervisor.open(address)
    edited = web.technician.open(f"/requests/{request}/work/{entry['id']}")
    assert f"Current allocation: {NOT_BILLED} ({words})" in edited


def test_the_statement_of_the_contract_that_lacks_the_rest(web: WebClients) -> None:
    sample, api = web.sample, ApiClients(web.sample)
    sample.set(cascade=True)
    sample.sell("support_hours", minutes=600, exclusions=Exclusions(work_types=["on_site"]))
    other = sample.sell("support_hours", to=("org_unit", sample.site), minutes=20)
    sample.work(sample.log(), 30, work_type="on_site")
    words = "0:10 recorded as uncovered (SH-0001 does not cover the work type on_site)"
    for holder in (f"/contracts/{other}", f"/org-units/{sample.site}"):
        lines = api.supervisor.get(f"{holder}/statement").get_json()["lines"]
        assert [one["why"] for one in lines if one["kind"] == "ignore"] == [words]
        assert words in api.supervisor.get(f"{holder}/statement.csv").text
    for page in (f"/contracts/{other}", f"/org-units/{sample.site}/statement"):
        assert words in web.supervisor.open(page)


def test_time_that_no_contract_was_asked_for_says_nothing(web: WebClients) -> None:
    sample = web.sample
    sample.set(contract_validation=False)
    request = sample.log()
    sample.work(request, 30)
    assert f"{NOT_BILLED}" in (page := web.supervisor.open(f"/requests/{request}"))
    assert f"{NOT_BILLED} (" not in page
