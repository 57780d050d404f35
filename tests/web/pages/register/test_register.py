"""Directory pages: org units, customers and items; forms keep the typed values."""

import csv
import io

import pytest

from tests.support.front import Front
from workflows.store import tables as t


def test_org_units_are_shown_as_a_tree(front: Front) -> None:
    page = front.technician.open("/org-units")
    assert page.text.index("Acme") < page.text.index("Acme-Berlin")
    assert "1 sub-unit" in page
    assert "New org unit" not in page
    assert "New org unit" in front.supervisor.open("/org-units")


def test_an_org_unit_is_added_below_a_parent_found_by_search(front: Front) -> None:
    page = front.supervisor.open("/org-units/new")
    found = front.supervisor.send(page, name="Acme Hamburg", code="ACME-HH", parent_q="berlin")
    assert found.status == 200
    assert "Org unit, acme-berlin" in found
    assert found.form().values["name"] == "Acme Hamburg"
    # a single result is selected automatically
    assert found.form().values["parent"] == f"org_unit:{front.office.site}"
    done = front.supervisor.send(found)
    assert "Acme Hamburg has been added." in done
    [unit] = front.office.rows(t.org_unit, code="ACME-HH")
    assert unit.parent_id == front.office.site


def test_a_duplicate_code_is_reported_at_its_field(front: Front) -> None:
    page = front.supervisor.open("/org-units/new")
    wrong = front.supervisor.send(page, name="Another", code="acme")
    assert wrong.status == 422
    assert "There is another org unit with the code" in wrong
    assert 'id="code-error"' in wrong.html
    assert 'aria-describedby="code-help code-error"' in wrong.html
    assert wrong.form().values["name"] == "Another"


def test_a_cycle_of_org_units_is_refused(front: Front) -> None:
    office = front.office
    page = front.supervisor.open(f"/org-units/{office.parent}/edit")
    found = front.supervisor.send(page, parent_q="acme-berlin")
    wrong = front.supervisor.send(found)
    assert wrong.status == 422
    assert "which is below it" in wrong


def test_an_org_unit_moves_to_the_top(front: Front) -> None:
    office = front.office
    page = front.supervisor.open(f"/org-units/{office.site}/edit")
    assert page.form().values["parent"] == f"org_unit:{office.parent}"
    assert "Saved." in front.supervisor.send(page, parent="")
    assert office.rows(t.org_unit, id=office.site)[0].parent_id is None


def test_a_customer_is_added_with_two_org_units(front: Front) -> None:
    office = front.office
    page = front.technician.open(f"/customers/new?org_unit={office.site}")
    done = front.technician.send(
        page,
        name="Cy",
        email="cy@example.com",
        another_q="acme",
        another=f"org_unit:{office.parent}",
        another_seen="acme",
    )
    assert "Cy has been added." in done
    [cy] = office.rows(t.customer, email="cy@example.com")
    assert cy.org_unit_id == office.site
    edit = front.technician.open(f"/customers/{cy.id}/edit")
    assert "Remove from Acme" in edit
    assert "Saved." in front.technician.send(edit, name="Cyril", leaves=office.parent)
    assert len(office.rows(t.customer_org_unit, customer_id=cy.id)) == 1


@pytest.mark.parametrize(
    ("email", "words"),
    [("", "This field is required."), ("not an address", "email"), ("ann@example.com", "another customer")],
)
def test_an_invalid_customer_email_is_reported(front: Front, email: str, words: str) -> None:
    wrong = front.technician.send(front.technician.open("/customers/new"), name="Dee", email=email)
    assert wrong.status == 422
    assert words in wrong
    assert wrong.form().values["name"] == "Dee"


def test_items_are_found_filtered_paged_and_exported(front: Front) -> None:
    office = front.office
    office.set(contracts=False)
    for number in range(60):
        office.item(f"WS-{number:02}", customer=office.ann, item_type="workstation")
    office.item("GL-1")
    first = front.technician.open("/items")
    assert "1–50 of 62 items" in first
    address = first.html.split('rel="next" href="')[1].split('"')[0].replace("&amp;", "&")
    second = front.technician.open(address)
    assert "51–62 of 62 items" in second
    assert "GL-1" in front.technician.open("/items?owner=none")
    assert "1 item" in front.technician.open("/items?owner=none")
    assert "WS-07" in front.technician.open("/items?q=07")
    assert "No matching items" in front.technician.open("/items?q=nothing-like-it")
    text = front.technician.client.get("/items?format=csv&item_type=workstation").get_data(as_text=True)
    rows = list(csv.reader(io.StringIO(text.removeprefix("\ufeff"))))
    assert len(rows) == 61
    assert rows[1] == ["WS-00", "Item WS-00", "workstation", "Ann"]


def test_formulas_are_escaped_in_csv(front: Front) -> None:
    page = front.technician.open("/items/new")
    sent = {"number": "F-1", "name": "=1+1", "item_type": "server", "owner": f"customer:{front.office.ann}"}
    front.technician.send(page, **sent)
    text = front.technician.client.get("/items?format=csv").get_data(as_text=True)
    assert "F-1,'=1+1,server" in text


def test_while_contracts_are_on_an_item_needs_an_owner(front: Front) -> None:
    page = front.technician.open("/items/new")
    wrong = front.technician.send(page, number="X-1", name="X", item_type="server")
    assert wrong.status == 422
    assert "every item needs an owner" in wrong
    assert 'id="owner-error"' in wrong.html


def test_empty_lists_explain_what_they_list(front: Front) -> None:
    cy = front.office.person("customer", "Cy", customer=front.office.customer("Cy"))
    browser = front.browser(cy)
    assert "No items are registered for you" in browser.open("/")
    assert "You and your items have no active contracts." in browser.open("/")
    assert "No requests yet" in browser.open("/requests?view=all")
    assert "No contracts yet" in browser.open("/contracts")
    assert "No items yet" in browser.open("/items")


def test_picker_results_are_a_fragment(front: Front) -> None:
    page = front.technician.open("/pick/owner?kinds=customer,org_unit&owner_q=ac")
    assert page.status == 200
    assert "<html" not in page.html
    assert "Acme-Berlin" in page
    assert "Ann" not in page
    assert front.technician.open("/pick/owner?kinds=user").status == 404
    assert front.technician.open("/pick/x%22%3E?kinds=customer").status == 404


def test_search_opens_an_exact_number_and_lists_other_results(front: Front) -> None:
    records = front.records
    number = front.office.request(records.service_request).number
    assert front.technician.open(f"/search?q={number.lower()}").path == f"/requests/{records.service_request}"
    contract = front.office.contract(records.contract).number
    assert front.technician.open(f"/search?q={contract}").path == f"/contracts/{records.contract}"
    page = front.technician.open("/search?q=laptop")
    assert "The laptop is slow" in page
    assert "No results for “zzz”" in front.technician.open("/search?q=zzz")
    assert front.technician.open("/search?q=%25_%5C%27%22%3Cb%3E").status == 200


def test_concurrent_edits_of_different_fields_are_both_saved(front: Front) -> None:
    office = front.office
    for path, one, other in (
        (f"/items/{office.laptop}", {"name": "Field laptop"}, {"item_type": "tablet"}),
        (f"/customers/{office.ann}", {"name": "Ann Other"}, {"email": "ann.other@example.com"}),
        (f"/org-units/{office.site}", {"name": "The site"}, {"code": "SITE-2"}),
    ):
        first, second = (who.open(f"{path}/edit") for who in (front.supervisor, front.administrator))
        assert "Saved." in front.supervisor.send(first, **one)
        assert "Saved." in front.administrator.send(second, **other)
        values = front.supervisor.open(f"{path}/edit").form().values
        assert {**one, **other}.items() <= values.items()
        third = front.supervisor.open(f"{path}/edit")
        assert "Saved." in front.supervisor.send(third)


def test_concurrent_edits_of_the_same_field_are_reported(front: Front) -> None:
    path = f"/items/{front.office.laptop}/edit"
    first, second = (who.open(path) for who in (front.supervisor, front.administrator))
    assert "Saved." in front.supervisor.send(first, name="Laptop of Ann")
    late = front.administrator.send(second, name="Laptop of Bob")
    assert "Someone else has changed this." in late
    assert "Saved." in front.administrator.send(late)
