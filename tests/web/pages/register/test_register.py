"""Directory pages: org units, customers and items; forms keep the typed values."""

import csv
import io
from zipfile import ZipFile

import pytest

from tests.support.web_clients import WebClients
from workflows.store import tables as t


def test_org_units_are_shown_as_a_tree(web: WebClients) -> None:
    page = web.technician.open("/org-units")
    assert page.text.index("Acme") < page.text.index("Acme-Berlin")
    assert "1 sub-unit" in page
    assert "New org unit" not in page
    assert "New org unit" in web.supervisor.open("/org-units")


def test_an_org_unit_is_added_below_a_parent_found_by_search(web: WebClients) -> None:
    page = web.supervisor.open("/org-units/new")
    found = web.supervisor.send(page, name="Acme Hamburg", code="ACME-HH", parent_q="berlin")
    assert found.status == 200
    assert "Org unit, acme-berlin" in found
    assert found.form().values["name"] == "Acme Hamburg"
    # a single result is selected automatically
    assert found.form().values["parent"] == f"org_unit:{web.sample.site}"
    done = web.supervisor.send(found)
    assert "Acme Hamburg has been added." in done
    [unit] = web.sample.rows(t.org_unit, code="ACME-HH")
    assert unit.parent_id == web.sample.site


def test_a_duplicate_code_is_reported_at_its_field(web: WebClients) -> None:
    page = web.supervisor.open("/org-units/new")
    wrong = web.supervisor.send(page, name="Another", code="acme")
    assert wrong.status == 422
    assert "There is another org unit with the code" in wrong
    assert 'id="code-error"' in wrong.html
    assert 'aria-describedby="code-help code-error"' in wrong.html
    assert wrong.form().values["name"] == "Another"


def test_a_cycle_of_org_units_is_refused(web: WebClients) -> None:
    sample = web.sample
    page = web.supervisor.open(f"/org-units/{sample.parent}/edit")
    found = web.supervisor.send(page, parent_q="acme-berlin")
    wrong = web.supervisor.send(found)
    assert wrong.status == 422
    assert "which is below it" in wrong


def test_an_org_unit_moves_to_the_top(web: WebClients) -> None:
    sample = web.sample
    page = web.supervisor.open(f"/org-units/{sample.site}/edit")
    assert page.form().values["parent"] == f"org_unit:{sample.parent}"
    assert "Saved." in web.supervisor.send(page, parent="")
    assert sample.rows(t.org_unit, id=sample.site)[0].parent_id is None


def test_a_customer_is_added_with_two_org_units(web: WebClients) -> None:
    sample = web.sample
    page = web.technician.open(f"/customers/new?org_unit={sample.site}")
    done = web.technician.send(
        page,
        name="Cy",
        email="cy@example.com",
        another_q="acme",
        another=f"org_unit:{sample.parent}",
        another_seen="acme",
    )
    assert "Cy has been added." in done
    [cy] = sample.rows(t.customer, email="cy@example.com")
    assert cy.org_unit_id == sample.site
    edit = web.technician.open(f"/customers/{cy.id}/edit")
    assert "Remove from Acme" in edit
    assert "Saved." in web.technician.send(edit, name="Cyril", leaves=sample.parent)
    assert len(sample.rows(t.customer_org_unit, customer_id=cy.id)) == 1


@pytest.mark.parametrize(
    ("email", "words"),
    [("", "This field is required."), ("not an address", "email"), ("ann@example.com", "another customer")],
)
def test_an_invalid_customer_email_is_reported(web: WebClients, email: str, words: str) -> None:
    wrong = web.technician.send(web.technician.open("/customers/new"), name="Dee", email=email)
    assert wrong.status == 422
    assert words in wrong
    assert wrong.form().values["name"] == "Dee"


def test_items_are_found_filtered_paged_and_exported(web: WebClients) -> None:
    sample = web.sample
    sample.set(contracts=False)
    for number in range(60):
        sample.item(f"WS-{number:02}", customer=sample.ann, item_type="workstation")
    sample.item("GL-1")
    first = web.technician.open("/items")
    assert "1–50 of 62 items" in first
    address = first.html.split('rel="next" href="')[1].split('"')[0].replace("&amp;", "&")
    second = web.technician.open(address)
    assert "51–62 of 62 items" in second
    assert "GL-1" in web.technician.open("/items?owner=none")
    assert "1 item" in web.technician.open("/items?owner=none")
    assert "WS-07" in web.technician.open("/items?q=07")
    assert "No matching items" in web.technician.open("/items?q=nothing-like-it")
    text = web.technician.client.get("/items?format=csv&item_type=workstation").get_data(as_text=True)
    rows = list(csv.reader(io.StringIO(text.removeprefix("\ufeff"))))
    assert len(rows) == 61
    assert rows[1] == ["WS-00", "Item WS-00", "workstation", "Ann"]


def test_formulas_are_escaped_in_csv(web: WebClients) -> None:
    page = web.technician.open("/items/new")
    sent = {"number": "F-1", "name": "=1+1", "item_type": "server", "owner": f"customer:{web.sample.ann}"}
    web.technician.send(page, **sent)
    text = web.technician.client.get("/items?format=csv").get_data(as_text=True)
    assert "F-1,'=1+1,server" in text


def test_while_contracts_are_on_an_item_needs_an_owner(web: WebClients) -> None:
    page = web.technician.open("/items/new")
    wrong = web.technician.send(page, number="X-1", name="X", item_type="server")
    assert wrong.status == 422
    assert "every item needs an owner" in wrong
    assert 'id="owner-error"' in wrong.html


def test_empty_lists_explain_what_they_list(web: WebClients) -> None:
    cy = web.sample.person("customer", "Cy", customer=web.sample.customer("Cy"))
    browser = web.browser(cy)
    assert "No items are registered for you" in browser.open("/")
    assert "You and your items have no active contracts." in browser.open("/")
    assert "No requests yet" in browser.open("/requests?view=all")
    assert "No contracts yet" in browser.open("/contracts")
    assert "No items yet" in browser.open("/items")


def test_picker_results_are_a_fragment(web: WebClients) -> None:
    page = web.technician.open("/pick/owner?kinds=customer,org_unit&owner_q=ac")
    assert page.status == 200
    assert "<html" not in page.html
    assert "Acme-Berlin" in page
    assert "Ann" not in page
    assert web.technician.open("/pick/owner?kinds=user").status == 404
    assert web.technician.open("/pick/x%22%3E?kinds=customer").status == 404


def test_search_opens_an_exact_number_and_lists_other_results(web: WebClients) -> None:
    records = web.records
    number = web.sample.request(records.service_request).number
    assert web.technician.open(f"/search?q={number.lower()}").path == f"/requests/{records.service_request}"
    contract = web.sample.contract(records.contract).number
    assert web.technician.open(f"/search?q={contract}").path == f"/contracts/{records.contract}"
    page = web.technician.open("/search?q=laptop")
    assert "The laptop is slow" in page
    assert "No results for “zzz”" in web.technician.open("/search?q=zzz")
    assert web.technician.open("/search?q=%25_%5C%27%22%3Cb%3E").status == 200


def test_concurrent_edits_of_different_fields_are_both_saved(web: WebClients) -> None:
    sample = web.sample
    for path, one, other in (
        (f"/items/{sample.laptop}", {"name": "Field laptop"}, {"item_type": "tablet"}),
        (f"/customers/{sample.ann}", {"name": "Ann Other"}, {"email": "ann.other@example.com"}),
        (f"/org-units/{sample.site}", {"name": "The site"}, {"code": "SITE-2"}),
    ):
        first, second = (who.open(f"{path}/edit") for who in (web.supervisor, web.administrator))
        assert "Saved." in web.supervisor.send(first, **one)
        assert "Saved." in web.administrator.send(second, **other)
        values = web.supervisor.open(f"{path}/edit").form().values
        assert {**one, **other}.items() <= values.items()
        third = web.supervisor.open(f"{path}/edit")
        assert "Saved." in web.supervisor.send(third)


def test_concurrent_edits_of_the_same_field_are_reported(web: WebClients) -> None:
    path = f"/items/{web.sample.laptop}/edit"
    first, second = (who.open(path) for who in (web.supervisor, web.administrator))
    assert "Saved." in web.supervisor.send(first, name="Laptop of Ann")
    late = web.administrator.send(second, name="Laptop of Bob")
    assert "Someone else has changed this." in late
    assert "Saved." in web.administrator.send(late)


def test_an_administrator_exports_what_is_held_on_a_customer(web: WebClients) -> None:
    assert "Export personal data" not in web.supervisor.open(f"/customers/{web.sample.ann}")
    address = f"/customers/{web.sample.ann}/personal-data"
    assert address in web.administrator.open(f"/customers/{web.sample.ann}").html
    page = web.administrator.open(address)
    assert "Service requests and work" in page
    sent = web.administrator.client.post(f"{address}/export", data=page.form("export").values)
    saved_as = f'attachment; filename="personal-data-{web.sample.ann}-'
    assert sent.headers["Content-Disposition"].startswith(saved_as)
    with ZipFile(io.BytesIO(sent.data)) as archive:
        assert "csv/customer.csv" in archive.namelist()
    assert "Personal data exported" in web.administrator.open("/audit")
