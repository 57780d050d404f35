"""Suggested work types, and the wording of the coverage preview."""

import re

from tests.support.pages import Page
from tests.support.web_clients import WebClients
from workflows.commands.contracts import Exclusions


def suggested(page: Page) -> list[str]:
    lists = re.findall(r'<datalist id="(\w+)-known">(.*?)</datalist>', page.html)
    for field, _ in lists:
        assert f'list="{field}-known"' in page.html
    return re.findall(r'<option value="(\w+)">', lists[0][1]) if lists else []


def test_known_work_types_are_suggested(web: WebClients) -> None:
    sample = web.sample
    assert suggested(web.technician.open("/requests/new")) == []
    sample.sell("subscription", exclusions=Exclusions(work_types=["training"]))
    request = sample.log(work_type="on_site")
    sample.work(request, 30, work_type="remote")
    entry = sample.entries(request)[0].id
    known = ["on_site", "remote", "training"]
    for path in (
        "/requests/new",
        "/coverage",
        f"/requests/{request}",
        f"/requests/{request}/edit",
        f"/requests/{request}/work/{entry}",
    ):
        assert suggested(web.technician.open(path)) == known, path
    assert "In use: on_site, remote, training." in web.supervisor.open("/contracts/new")
    assert suggested(web.ann.open("/requests/new")) == []


def test_the_preview_uses_the_wording_of_the_request_page(web: WebClients) -> None:
    sample = web.sample
    sample.sell("subscription", to=("org_unit", sample.site))
    ask = f"/requests/new?customer={sample.ann}&item={sample.laptop}"
    sentence = "of org unit Acme-Berlin: the item has no contract; Ann has no contract."
    assert f"Covered by SUB-0001 {sentence}" in web.technician.open(ask)
    assert f"Covered by SUB-0001 {sentence}" in web.technician.open(f"/requests/{sample.log()}")
    bob = sample.customer("Bob")
    panel = web.technician.open(f"/requests/new?customer={bob}")
    assert (
        "No valid contract was found, so one will be created for this request: Bob has no contract." in panel
    )
