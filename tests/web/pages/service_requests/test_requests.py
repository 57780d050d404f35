"""Service request pages: logging, assigning, transitions and coverage."""

import json

from tests.support.front import Front
from workflows.store import tables as t

REFUSING = {
    "$schema": "schema/coverage.schema.json",
    "name": "Strict",
    "rank": ["ends_first"],
    "rules": [
        {
            "id": "refuse",
            "why": "Only by contract.",
            "conditions": {"all": [{"name": "contract_validation", "operator": "is_true"}]},
            "actions": [{"name": "refuse", "params": {"message": "Please buy a contract first."}}],
        }
    ],
    "examples": [],
}


# ------------------------------------------------------------------ logging


def test_logging_step_by_step_without_scripts(front: Front) -> None:
    office = front.office
    contract = office.sell("support_hours", minutes=600)
    tom = front.technician
    page = tom.open("/requests/new")
    assert "Select a customer" in page
    found = tom.send(page, customer_q="ann@", step="find", subject="It beeps")
    assert found.status == 200
    form = found.form()
    assert form.values["subject"] == "It beeps"
    assert form.values["customer"] == f"customer:{office.ann}"
    assert f"item:{office.laptop}" in form.options["item"]
    assert f"Covered by {office.contract(contract).number}" in found
    assert "10:00 of 10:00 left" in found
    done = tom.send(found, item=f"item:{office.laptop}", priority="high")
    assert "has been logged." in done
    [request] = office.rows(t.service_request)
    assert (request.subject, request.item_id, request.priority) == ("It beeps", office.laptop, "high")
    assert done.path == f"/requests/{request.id}"


def test_the_customer_search_has_the_focus(front: Front) -> None:
    """Unless a customer is already selected, or an error has the focus."""
    tom = front.technician
    page = tom.open("/requests/new")
    assert page.html.count("autofocus") == 1
    assert "autofocus" not in tom.open(f"/requests/new?customer={front.office.ann}").html
    assert "autofocus" not in tom.send(page, description="No subject").html


def test_an_expired_page_changes_nothing_and_says_so(front: Front) -> None:
    tom = front.technician
    page = tom.open(f"/requests/new?customer={front.office.ann}")
    old = tom.send(page, subject="Typed before lunch", csrf_token="old")
    assert old.status == 422
    assert "This page expired. Please try again." in old
    assert "CSRF" not in old.text
    assert front.office.rows(t.service_request) == []
    assert old.form().values["subject"] == "Typed before lunch"
    assert "has been logged." in tom.send(old)


def test_a_double_submit_logs_once(front: Front) -> None:
    office = front.office
    tom = front.technician
    page = tom.open(f"/requests/new?customer={office.ann}")
    first = tom.send(page, subject="Once")
    second = tom.send(page, subject="Once")
    assert first.path == second.path
    assert len(office.rows(t.service_request)) == 1
    other = tom.send(page, subject="Something else")
    assert other.status == 422
    assert "This form has already been submitted with other values." in other
    assert other.form().values["subject"] == "Something else"


def test_missing_fields_are_reported_and_typed_values_preserved(front: Front) -> None:
    tom = front.technician
    page = tom.send(tom.open("/requests/new"), description="A long story\n\nwith an end")
    assert page.status == 422
    assert 'id="subject-error"' in page.html
    assert 'id="customer-error"' in page.html
    assert page.form().values["description"] == "A long story\n\nwith an end"
    page = tom.send(page, subject="Short")
    assert page.status == 422
    assert 'id="customer-error"' in page.html


def test_without_a_contract_the_preview_shows_the_consequence(front: Front) -> None:
    page = front.technician.open(f"/requests/new?customer={front.office.ann}")
    assert "No contract covers this yet" in page
    assert "Contract created" not in page
    assert "The request waits until it is enabled" in page


def test_a_refusing_rule_keeps_the_form_and_shows_its_message(front: Front) -> None:
    office = front.office
    office.publish_rules(coverage=json.dumps(REFUSING))
    tom = front.technician
    page = tom.open(f"/requests/new?customer={office.ann}")
    assert "Please buy a contract first." in page
    refused = tom.send(page, subject="Help")
    assert refused.status == 422
    assert refused.form().values["subject"] == "Help"
    assert office.rows(t.service_request) == []


def test_the_coverage_preview_follows_the_selection(front: Front) -> None:
    office = front.office
    office.sell("subscription", to=("item", office.laptop))
    browser = front.technician
    base = f"/requests/coverage?customer=customer:{office.ann}"
    assert "No contract covers this yet" in browser.open(base)
    covered = browser.open(f"{base}&item=item:{office.laptop}&priority=high")
    assert "Covered by SUB-0001" in covered
    assert "<html" not in covered.html
    assert "Coverage is shown once the form is valid." in browser.open(f"{base}&priority=urgent")
    parties = browser.open(f"/requests/parties?customer=customer:{office.ann}")
    assert "LAP-1" in parties


def test_a_customer_logs_only_for_themselves(front: Front) -> None:
    office = front.office
    office.sell("subscription")
    page = front.ann.open(f"/requests/new?item={office.laptop}")
    assert page.form().values["item"] == f"item:{office.laptop}"
    assert "Covered by" in page
    assert "customer_q" not in page.html
    other = office.customer("Bob")
    done = front.ann.send(page, subject="Mine", customer=f"customer:{other}")
    assert "has been logged." in done, done.text
    assert office.rows(t.service_request)[0].customer_id == office.ann


# ------------------------------------------------------------------ the queue


def test_assigning_from_the_queue_returns_to_the_queue(front: Front) -> None:
    request = front.office.log("Take me")
    tom = front.technician
    assert "No requests assigned to you" in tom.open("/requests?view=mine")
    page = tom.open("/requests?view=unassigned&priority=normal")
    back = tom.send(page, "/take")
    assert back.answer.request.full_path == "/requests?view=unassigned&priority=normal"
    assert "Assigned to you." in back
    assert "Take me" in tom.open("/requests?view=mine")
    assert front.office.request(request).technician_id == front.office.technician.id


def test_the_queue_filters(front: Front) -> None:
    records = front.records
    tom = front.technician
    mine, bobs = "The laptop is slow", "Bob's printer"
    contract = front.office.contract(records.contract).number
    for query, there, gone in [
        ("view=open", (mine, bobs), ()),
        ("view=open&state=in_progress", (mine,), (bobs,)),
        ("view=open&q=printer", (bobs,), (mine,)),
        (f"view=open&contract={contract}", (mine,), (bobs,)),
        (f"view=open&contract={contract.lower()}", (mine,), (bobs,)),
        (f"view=open&contract={records.contract}", (mine,), (bobs,)),
        ("view=open&contract=SH-9999", (), (mine, bobs)),
        ("view=open&org_unit=acme", (mine,), (bobs,)),
        ("view=open&org_unit=nowhere", (), (mine, bobs)),
        (f"view=open&customer={records.other_customer}", (bobs,), (mine,)),
        (f"view=open&item={records.item}", (mine,), (bobs,)),
        ("view=nothing-known", (mine,), ()),
    ]:
        page = tom.open(f"/requests?{query}")
        assert page.status == 200, query
        for words in there:
            assert words in page, query
        for words in gone:
            assert words not in page, query
    assert tom.open("/requests?state=lost").status == 422
    assert tom.open("/requests?cursor=broken").status == 422


# ------------------------------------------------------------------ transitions


def test_only_allowed_transitions_are_offered(front: Front) -> None:
    request = front.office.log()
    page = front.technician.open(f"/requests/{request}")
    offered = {
        name
        for name in ("start", "hold", "resume", "resolve", "close", "reopen", "cancel")
        if page.has_form(f"/moves/{name}")
    }
    assert offered == {"cancel"}
    front.office.sell("subscription")
    page = front.technician.open(f"/requests/{request}")
    offered = {
        name
        for name in ("start", "hold", "resume", "resolve", "close", "reopen", "cancel")
        if page.has_form(f"/moves/{name}")
    }
    assert offered == {"start", "hold", "resolve", "cancel"}


def test_a_request_from_start_to_closed(front: Front) -> None:
    office = front.office
    office.sell("subscription")
    request = office.log()
    tom = front.technician
    page = tom.send(tom.open(f"/requests/{request}"), "/moves/start")
    assert "Work started." in page
    blank = tom.send(page, "/moves/hold")
    assert blank.status == 422
    assert "Select an option." in blank
    page = tom.send(blank, "/moves/hold", hold_reason="supplier", hold_note="The part is ordered")
    assert "On hold, supplier" in page
    assert "Waiting for a supplier" in page
    page = tom.send(page, "/moves/resume")
    silent = tom.send(page, "/moves/resolve", resolve_note="  ")
    assert silent.status == 422
    page = tom.send(silent, "/moves/resolve", resolve_note="Part replaced")
    assert "Part replaced" in front.ann.open(f"/requests/{request}")
    reopened = front.ann.send(front.ann.open(f"/requests/{request}"), "/moves/reopen", reopen_note="Again!")
    assert "Reopened." in reopened
    page = tom.send(tom.open(f"/requests/{request}"), "/moves/resolve", resolve_note="Now really")
    page = tom.send(page, "/moves/close")
    assert "Closed" in page
    assert office.request(request).state == "closed"


def test_an_outdated_transition_is_refused(front: Front) -> None:
    front.office.sell("subscription")
    request = front.office.log()
    stale = front.technician.open(f"/requests/{request}")
    front.office.fire(request, "cancel", reason="Not needed")
    late = front.technician.send(stale, "/moves/start")
    assert late.status == 422
    assert "The trigger start is not possible: the service request is cancelled." in late


def test_customers_are_not_offered_staff_transitions(front: Front) -> None:
    request = front.office.log()
    page = front.ann.open(f"/requests/{request}")
    assert not any(
        page.has_form(f"/moves/{name}") for name in ("start", "hold", "resolve", "close", "cancel")
    )
    token = page.form("/logout").values["csrf_token"]
    sent = {"cancel_csrf_token": token, "cancel_reason": "Found it myself"}
    answer = front.ann.client.post(f"/requests/{request}/moves/cancel", data=sent)
    assert answer.status_code == 403
    assert front.office.request(request).state == "pending_no_contract"


def test_internal_notes_are_hidden_from_customers(front: Front) -> None:
    request = front.office.log()
    tom = front.technician
    tom.send(tom.open(f"/requests/{request}"), "/notes", note_body="We call you", note_public="y")
    tom.send(tom.open(f"/requests/{request}"), "/notes", note_body="Difficult person", note_public=None)
    page = front.ann.open(f"/requests/{request}")
    assert "We call you" in page
    assert "Difficult" not in page
    front.ann.send(page, "/notes", note_body="Thank you\n\n<b>all</b>")
    shown = tom.open(f"/requests/{request}")
    assert "<b>all</b>" in shown
    assert "&lt;b&gt;" in shown.html
    empty = tom.send(shown, "/notes", note_body="")
    assert empty.status == 422


# ------------------------------------------------------------------ coverage


def test_the_coverage_card_shows_reason_and_other_candidates(front: Front) -> None:
    office = front.office
    ended = office.sell(
        "subscription", to=("item", office.laptop), starts_on="2025-01-01", ends_on="2025-12-31"
    )
    taken = office.sell("support_hours", minutes=600)
    request = office.log()
    page = front.technician.open(f"/requests/{request}")
    assert "The customer has a valid contract." in page
    assert "10:00 of 10:00 left" in page
    assert "Other contracts considered" in page
    number = office.contract(ended).number
    assert f"{number} Subscription item LAP-1 Item LAP-1 Ended It ended on 31 December 2025" in page
    assert office.contract(taken).number in page
    seen = front.ann.open(f"/requests/{request}")
    assert "Other contracts considered" in seen
    assert "rule set" not in seen


def test_a_per_request_contract_is_chosen_for_a_waiting_request(front: Front) -> None:
    request = front.office.log()
    page = front.supervisor.open(f"/requests/{request}")
    assert "Waiting for a contract" in page
    assert not page.has_form("/work")
    assert not front.technician.open(f"/requests/{request}").has_form("/coverage/take")
    blank = front.supervisor.send(page, "/coverage/take")
    assert blank.status == 422
    done = front.supervisor.send(blank, "/coverage/take", take_type="per_request")
    assert "The contract has been created." in done
    assert front.office.request(request).state == "open"


def test_a_customer_orders_a_contract_and_the_desk_enables_it(front: Front) -> None:
    office = front.office
    request = office.log()
    page = front.ann.open(f"/requests/{request}")
    ordered = front.ann.send(
        page, "/coverage/take", take_type="subscription", take_holder=f"item:{office.laptop}"
    )
    assert "Contract ordered. The service desk will enable it." in ordered
    [contract] = office.rows(t.contract, type="subscription")
    assert (contract.holder_id, contract.state) == (office.laptop, "pending")
    shown = front.supervisor.open(f"/contracts/{contract.id}")
    assert "awaiting activation" in shown
    assert "The contract is now active." in front.supervisor.send(shown, "/enable")
    assert office.request(request).state == "open"


def test_a_supervisor_assigns_another_contract_with_a_reason(front: Front) -> None:
    office = front.office
    first = office.sell("subscription")
    request = office.log()
    second = office.sell("support_hours", to=("org_unit", office.parent), minutes=60)
    assert office.request(request).contract_id == first
    page = front.supervisor.open(f"/requests/{request}")
    again = front.supervisor.send(page, "/coverage/search")
    assert "Coverage has been searched again." in again
    silent = front.supervisor.send(again, "/coverage/assign", assign_contract=second)
    assert silent.status == 422
    done = front.supervisor.send(
        silent, "/coverage/assign", assign_contract=second, assign_reason="Agreed by phone"
    )
    assert "The contract has been assigned." in done
    assert "Agreed by phone" in done
    assert office.request(request).contract_id == second
    assert not front.technician.open(f"/requests/{request}").has_form("/coverage/assign")


def test_changing_the_item_searches_coverage_again(front: Front) -> None:
    office = front.office
    contract = office.sell("subscription", to=("item", office.laptop))
    request = office.log(item=None)
    page = front.technician.open(f"/requests/{request}/edit")
    done = front.technician.send(page, item=f"item:{office.laptop}", subject="About the laptop")
    assert "Saved." in done
    assert "About the laptop" in done
    assert office.request(request).contract_id == contract
    untouched = front.technician.send(front.technician.open(f"/requests/{request}/edit"))
    assert untouched.status == 200
    assert len(office.rows(t.coverage_decision)) == 2


def test_the_explorer_shows_the_status_of_each_rule(front: Front) -> None:
    office = front.office
    office.sell("subscription", to=("org_unit", office.parent))
    page = front.technician.open(f"/coverage?customer=customer:{office.ann}&item=item:{office.laptop}")
    assert page.html.count('<li class="passed">') == 2
    assert page.html.count('<li class="holds">') == 1
    assert page.html.count('<li class="unreached">') == 5
    assert "SUB-0001 Subscription is selected." in page
    before = front.technician.open(f"/coverage?customer=customer:{office.ann}&at=2025-01-01T00:00")
    assert "As of 1 Jan 2025" in before
    assert "Covered" not in before.text.split("As of 1 Jan")[0].split("Coverage explorer")[-1]
    assert front.technician.open(f"/coverage?customer=customer:{office.ann}&at=soon").status == 422
    assert front.technician.open("/coverage?customer_q=ann").text.count("Ann") >= 1


def test_a_stopped_target_has_no_due_time(front: Front) -> None:
    front.office.sell("subscription", sla="gold")
    request = front.office.log("Slow")
    assert 'title="due ' in front.technician.open("/requests?view=open").html
    front.office.fire(request, "hold", reason="supplier")
    page = front.technician.open("/requests?view=open")
    assert "clock stopped" in page
    assert "postponed" in page
    assert 'title="due ' not in page.html


def test_the_customers_own_items_are_listed_first(front: Front) -> None:
    office = front.office
    for index in range(9):
        office.item(f"CAM-{index}", org_unit=office.site)
    page = front.ann.open("/requests/new")
    offered = page.form().options["item"]
    assert offered[0] == f"item:{office.laptop}"
    assert len(offered) == 9  # eight, and none
    about = front.ann.open("/").html.partition('id="about"')[2]
    assert 0 < about.index(f"/items/{office.laptop}") < about.index("CAM-0")


def test_the_coverage_preview_keeps_the_capital_of_a_month(front: Front) -> None:
    front.office.sell("support_hours", minutes=60, ends_on="2026-05-31")
    page = front.technician.open(f"/requests/new?customer={front.office.ann}")
    assert "Until 31 May." in page


def test_concurrent_edits_of_different_fields_are_both_saved(front: Front) -> None:
    request = front.office.log("It does not start")
    first, second = (who.open(f"/requests/{request}/edit") for who in (front.supervisor, front.technician))
    assert "Saved." in front.supervisor.send(first, subject="The motor does not start")
    assert "Saved." in front.technician.send(second, priority="high")
    stored = front.office.request(request)
    assert (stored.subject, stored.priority) == ("The motor does not start", "high")


def test_concurrent_edits_of_the_same_field_are_reported(front: Front) -> None:
    request = front.office.log("It does not start")
    first, second = (who.open(f"/requests/{request}/edit") for who in (front.supervisor, front.technician))
    assert "Saved." in front.supervisor.send(first, subject="The motor does not start", priority="low")
    late = front.technician.send(second, subject="It smells")
    assert late.status == 422
    assert "Someone else has changed this. Save again to keep your version." in late
    assert late.form().values["subject"] == "It smells"
    assert "Saved." in front.technician.send(late)
    stored = front.office.request(request)
    assert (stored.subject, stored.priority) == ("It smells", "low")
