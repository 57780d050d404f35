"""Service request pages: logging, assigning, transitions and coverage."""

import json
from datetime import timedelta

import pytest

from tests.support.pages import Page
from tests.support.sample_desk import MONDAY
from tests.support.web_clients import WebClients
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


def test_logging_step_by_step_without_scripts(web: WebClients) -> None:
    sample = web.sample
    contract = sample.sell("support_hours", minutes=600)
    tom = web.technician
    page = tom.open("/requests/new")
    assert "Select a customer" in page
    found = tom.send(page, customer_q="ann@", step="find", subject="It beeps")
    assert found.status == 200
    form = found.form()
    assert form.values["subject"] == "It beeps"
    assert form.values["customer"] == f"customer:{sample.ann}"
    assert f"item:{sample.laptop}" in form.options["item"]
    assert f"Covered by {sample.contract(contract).number}" in found
    assert "10:00 of 10:00 left" in found
    done = tom.send(found, item=f"item:{sample.laptop}", priority="high")
    assert "has been logged." in done
    [request] = sample.rows(t.service_request)
    assert (request.subject, request.item_id, request.priority) == ("It beeps", sample.laptop, "high")
    assert done.path == f"/requests/{request.id}"


def test_the_customer_search_has_the_focus(web: WebClients) -> None:
    """Unless a customer is already selected, or an error has the focus."""
    tom = web.technician
    page = tom.open("/requests/new")
    assert page.html.count("autofocus") == 1
    assert "autofocus" not in tom.open(f"/requests/new?customer={web.sample.ann}").html
    assert "autofocus" not in tom.send(page, description="No subject").html


def test_an_expired_page_changes_nothing_and_says_so(web: WebClients) -> None:
    tom = web.technician
    page = tom.open(f"/requests/new?customer={web.sample.ann}")
    old = tom.send(page, subject="Typed before lunch", csrf_token="old")
    assert old.status == 422
    assert "This page expired. Please try again." in old
    assert "CSRF" not in old.text
    assert web.sample.rows(t.service_request) == []
    assert old.form().values["subject"] == "Typed before lunch"
    assert "has been logged." in tom.send(old)


def test_a_double_submit_logs_once(web: WebClients) -> None:
    sample = web.sample
    tom = web.technician
    page = tom.open(f"/requests/new?customer={sample.ann}")
    first = tom.send(page, subject="Once")
    second = tom.send(page, subject="Once")
    assert first.path == second.path
    assert len(sample.rows(t.service_request)) == 1
    other = tom.send(page, subject="Something else")
    assert other.status == 422
    assert "This form has already been submitted with other values." in other
    assert other.form().values["subject"] == "Something else"


def test_missing_fields_are_reported_and_typed_values_preserved(web: WebClients) -> None:
    tom = web.technician
    page = tom.send(tom.open("/requests/new"), description="A long story\n\nwith an end")
    assert page.status == 422
    assert 'id="subject-error"' in page.html
    assert 'id="customer-error"' in page.html
    assert page.form().values["description"] == "A long story\n\nwith an end"
    page = tom.send(page, subject="Short")
    assert page.status == 422
    assert 'id="customer-error"' in page.html


def test_without_a_contract_the_preview_shows_the_consequence(web: WebClients) -> None:
    page = web.technician.open(f"/requests/new?customer={web.sample.ann}")
    assert "No contract covers this yet" in page
    assert "Contract created" not in page
    assert "The request waits until it is enabled" in page


def test_a_refusing_rule_keeps_the_form_and_shows_its_message(web: WebClients) -> None:
    sample = web.sample
    sample.publish_rules(coverage=json.dumps(REFUSING))
    tom = web.technician
    page = tom.open(f"/requests/new?customer={sample.ann}")
    assert "Please buy a contract first." in page
    refused = tom.send(page, subject="Help")
    assert refused.status == 422
    assert refused.form().values["subject"] == "Help"
    assert sample.rows(t.service_request) == []


def test_the_coverage_preview_follows_the_selection(web: WebClients) -> None:
    sample = web.sample
    sample.sell("subscription", to=("item", sample.laptop))
    browser = web.technician
    base = f"/requests/coverage?customer=customer:{sample.ann}"
    assert "No contract covers this yet" in browser.open(base)
    covered = browser.open(f"{base}&item=item:{sample.laptop}&priority=high")
    assert "Covered by SUB-0001" in covered
    assert "<html" not in covered.html
    assert "Coverage is shown once the form is valid." in browser.open(f"{base}&priority=urgent")
    parties = browser.open(f"/requests/parties?customer=customer:{sample.ann}")
    assert "LAP-1" in parties


def test_a_customer_logs_only_for_themselves(web: WebClients) -> None:
    sample = web.sample
    sample.sell("subscription")
    page = web.ann.open(f"/requests/new?item={sample.laptop}")
    assert page.form().values["item"] == f"item:{sample.laptop}"
    assert "Covered by" in page
    assert "customer_q" not in page.html
    other = sample.customer("Bob")
    done = web.ann.send(page, subject="Mine", customer=f"customer:{other}")
    assert "has been logged." in done, done.text
    assert sample.rows(t.service_request)[0].customer_id == sample.ann


# ------------------------------------------------------------------ the queue


def test_assigning_from_the_queue_returns_to_the_queue(web: WebClients) -> None:
    request = web.sample.log("Take me")
    tom = web.technician
    assert "No requests assigned to you" in tom.open("/requests?view=mine")
    page = tom.open("/requests?view=unassigned&priority=normal")
    back = tom.send(page, "/take")
    assert back.answer.request.full_path == "/requests?view=unassigned&priority=normal"
    assert "Assigned to you." in back
    assert "Take me" in tom.open("/requests?view=mine")
    assert web.sample.request(request).technician_id == web.sample.technician.id


def test_the_queue_filters(web: WebClients) -> None:
    records = web.records
    tom = web.technician
    mine, bobs = "The laptop is slow", "Bob's printer"
    contract = web.sample.contract(records.contract).number
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


def test_only_allowed_transitions_are_offered(web: WebClients) -> None:
    request = web.sample.log()
    page = web.technician.open(f"/requests/{request}")
    offered = {
        name
        for name in ("start", "hold", "resume", "resolve", "close", "reopen", "cancel")
        if page.has_form(f"/moves/{name}")
    }
    assert offered == {"cancel"}
    web.sample.sell("subscription")
    page = web.technician.open(f"/requests/{request}")
    offered = {
        name
        for name in ("start", "hold", "resume", "resolve", "close", "reopen", "cancel")
        if page.has_form(f"/moves/{name}")
    }
    assert offered == {"start", "hold", "resolve", "cancel"}


def test_a_request_from_start_to_closed(web: WebClients) -> None:
    sample = web.sample
    sample.sell("subscription")
    request = sample.log()
    tom = web.technician
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
    assert "Part replaced" in web.ann.open(f"/requests/{request}")
    reopened = web.ann.send(web.ann.open(f"/requests/{request}"), "/moves/reopen", reopen_note="Again!")
    assert "Reopened." in reopened
    page = tom.send(tom.open(f"/requests/{request}"), "/moves/resolve", resolve_note="Now really")
    page = tom.send(page, "/moves/close")
    assert "Closed" in page
    assert sample.request(request).state == "closed"


def test_an_outdated_transition_is_refused(web: WebClients) -> None:
    web.sample.sell("subscription")
    request = web.sample.log()
    stale = web.technician.open(f"/requests/{request}")
    web.sample.fire(request, "cancel", reason="Not needed")
    late = web.technician.send(stale, "/moves/start")
    assert late.status == 422
    assert "The trigger start is not possible: the service request is cancelled." in late


def test_customers_are_not_offered_staff_transitions(web: WebClients) -> None:
    request = web.sample.log()
    page = web.ann.open(f"/requests/{request}")
    assert not any(
        page.has_form(f"/moves/{name}") for name in ("start", "hold", "resolve", "close", "cancel")
    )
    token = page.form("/logout").values["csrf_token"]
    sent = {"cancel_csrf_token": token, "cancel_reason": "Found it myself"}
    answer = web.ann.client.post(f"/requests/{request}/moves/cancel", data=sent)
    assert answer.status_code == 403
    assert web.sample.request(request).state == "pending_no_contract"


def test_internal_notes_are_hidden_from_customers(web: WebClients) -> None:
    request = web.sample.log()
    tom = web.technician
    tom.send(tom.open(f"/requests/{request}"), "/notes", note_body="We call you", note_public="y")
    tom.send(tom.open(f"/requests/{request}"), "/notes", note_body="Difficult person", note_public=None)
    page = web.ann.open(f"/requests/{request}")
    assert "We call you" in page
    assert "Difficult" not in page
    web.ann.send(page, "/notes", note_body="Thank you\n\n<b>all</b>")
    shown = tom.open(f"/requests/{request}")
    assert "<b>all</b>" in shown
    assert "&lt;b&gt;" in shown.html
    empty = tom.send(shown, "/notes", note_body="")
    assert empty.status == 422


# ------------------------------------------------------------------ coverage


def test_the_coverage_card_shows_reason_and_other_candidates(web: WebClients) -> None:
    sample = web.sample
    ended = sample.sell(
        "subscription", to=("item", sample.laptop), starts_on="2025-01-01", ends_on="2025-12-31"
    )
    taken = sample.sell("support_hours", minutes=600)
    request = sample.log()
    page = web.technician.open(f"/requests/{request}")
    assert "The customer has a valid contract." in page
    assert "10:00 of 10:00 left" in page
    assert "Other contracts considered" in page
    number = sample.contract(ended).number
    assert f"{number} Subscription item LAP-1 Item LAP-1 Ended It ended on 31 December 2025" in page
    assert sample.contract(taken).number in page
    seen = web.ann.open(f"/requests/{request}")
    assert "Other contracts considered" in seen
    assert "rule set" not in seen


def test_a_per_request_contract_is_chosen_for_a_waiting_request(web: WebClients) -> None:
    request = web.sample.log()
    page = web.supervisor.open(f"/requests/{request}")
    assert "Waiting for a contract" in page
    assert not page.has_form("/work")
    blank = web.supervisor.send(page, "/coverage/take")
    assert blank.status == 422
    done = web.supervisor.send(blank, "/coverage/take", take_type="per_request")
    assert "The contract has been created." in done
    assert web.sample.request(request).state == "open"


@pytest.mark.parametrize("role", ["ann", "technician"])
def test_who_does_not_sell_orders_a_contract_and_the_desk_enables_it(web: WebClients, role: str) -> None:
    sample = web.sample
    request = sample.log()
    client = getattr(web, role)
    page = client.open(f"/requests/{request}")
    assert ("Price on request." in page) == (role == "ann")
    ordered = client.send(
        page, "/coverage/take", take_type="subscription", take_holder=f"item:{sample.laptop}"
    )
    assert "Ordered. It takes effect once it is paid or confirmed." in ordered
    assert "Ordered for this request, which opens once it is valid: SUB-0001 Subscription" in ordered
    [contract] = sample.rows(t.contract, type="subscription")
    assert (contract.holder_id, contract.state) == (sample.laptop, "pending")
    shown = web.supervisor.open(f"/contracts/{contract.id}")
    assert "awaiting activation" in shown
    assert "The contract is now active." in web.supervisor.send(shown, "/enable")
    assert sample.request(request).state == "open"


def test_a_supervisor_assigns_another_contract_with_a_reason(web: WebClients) -> None:
    sample = web.sample
    first = sample.sell("subscription")
    request = sample.log()
    second = sample.sell("support_hours", to=("org_unit", sample.parent), minutes=60)
    assert sample.request(request).contract_id == first
    page = web.supervisor.open(f"/requests/{request}")
    again = web.supervisor.send(page, "/coverage/search")
    assert "Coverage has been searched again." in again
    silent = web.supervisor.send(again, "/coverage/assign", assign_contract=second)
    assert silent.status == 422
    done = web.supervisor.send(
        silent, "/coverage/assign", assign_contract=second, assign_reason="Agreed by phone"
    )
    assert "The contract has been assigned." in done
    assert "Agreed by phone" in done
    assert sample.request(request).contract_id == second
    assert not web.technician.open(f"/requests/{request}").has_form("/coverage/assign")


def test_an_assignment_moves_what_was_worked_or_only_work_from_now_on(web: WebClients) -> None:
    """By the page: the preview names the entries that move; an instant goes with its option only."""
    sample, sue = web.sample, web.supervisor
    first, second = (sample.sell("support_hours", minutes=600) for _ in range(2))
    request = sample.log()
    sample.clock.move(days=3)
    sample.work(request, 30, at=MONDAY + timedelta(days=1))
    page = sue.open(f"/requests/{request}")
    chosen = {"assign_contract": second, "assign_reason": "Agreed"}
    form, effect = "/coverage/assign", f"/requests/{request}/coverage/assign/effect"
    now, all_work = (
        Page(sue.client.post(effect, data={**page.form(form).values, **chosen, "assign_extent": extent}))
        for extent in ("now", "logging")
    )
    assert "drawn from elsewhere" not in now
    assert "1 work entry is drawn from elsewhere:" in all_work
    number = sample.request(request).number
    assert f"{number}, 3 Mar 2026, 10:00 CET: 0:30 from SH-0001 → 0:30 from SH-0002" in all_work
    for extent, instant in (("instant", ""), ("now", "2026-03-03T09:00")):
        wrong = sue.send(page, form, **chosen, assign_extent=extent, assign_from_at=instant)
        assert wrong.status == 422
        assert "Give an instant with “From an earlier instant”, and only with it." in wrong
    early = sue.send(page, form, **chosen, assign_extent="instant", assign_from_at="2026-02-01T09:00")
    assert f"{number} was logged after that." in early
    assert sum(row.consumed for row in sample.grants(first)) == 30
    done = sue.send(page, form, **chosen, assign_extent="logging")
    assert "The contract has been assigned." in done
    # in the activity, and with the coverage
    assert done.text.count("It covers work from 2 Mar 2026, 10:00 CET on.") == 2
    assert sum(row.consumed for row in sample.grants(second)) == 30


def test_changing_the_item_searches_coverage_again(web: WebClients) -> None:
    sample = web.sample
    contract = sample.sell("subscription", to=("item", sample.laptop))
    request = sample.log(item=None)
    page = web.technician.open(f"/requests/{request}/edit")
    done = web.technician.send(page, item=f"item:{sample.laptop}", subject="About the laptop")
    assert "Saved." in done
    assert "About the laptop" in done
    assert sample.request(request).contract_id == contract
    untouched = web.technician.send(web.technician.open(f"/requests/{request}/edit"))
    assert untouched.status == 200
    assert len(sample.rows(t.coverage_decision)) == 2


def test_the_explorer_shows_the_status_of_each_rule(web: WebClients) -> None:
    sample = web.sample
    sample.sell("subscription", to=("org_unit", sample.parent))
    page = web.technician.open(f"/coverage?customer=customer:{sample.ann}&item=item:{sample.laptop}")
    assert page.html.count('<li class="passed">') == 2
    assert page.html.count('<li class="holds">') == 1
    assert page.html.count('<li class="unreached">') == 5
    assert "SUB-0001 Subscription is selected." in page
    before = web.technician.open(f"/coverage?customer=customer:{sample.ann}&at=2025-01-01T00:00")
    assert "As of 1 Jan 2025" in before
    assert "Covered" not in before.text.split("As of 1 Jan")[0].split("Coverage explorer")[-1]
    assert web.technician.open(f"/coverage?customer=customer:{sample.ann}&at=soon").status == 422
    assert web.technician.open("/coverage?customer_q=ann").text.count("Ann") >= 1


def test_a_stopped_target_has_no_due_time(web: WebClients) -> None:
    web.sample.sell("subscription", sla="gold")
    request = web.sample.log("Slow")
    assert 'title="due ' in web.technician.open("/requests?view=open").html
    web.sample.fire(request, "hold", reason="supplier")
    page = web.technician.open("/requests?view=open")
    assert "clock stopped" in page
    assert "postponed" in page
    assert 'title="due ' not in page.html


def test_the_customers_own_items_are_listed_first(web: WebClients) -> None:
    sample = web.sample
    for index in range(9):
        sample.item(f"CAM-{index}", org_unit=sample.site)
    page = web.ann.open("/requests/new")
    offered = page.form().options["item"]
    assert offered[0] == f"item:{sample.laptop}"
    assert len(offered) == 9  # eight, and none
    about = web.ann.open("/").html.partition('id="about"')[2]
    assert 0 < about.index(f"/items/{sample.laptop}") < about.index("CAM-0")


def test_the_coverage_preview_keeps_the_capital_of_a_month(web: WebClients) -> None:
    web.sample.sell("support_hours", minutes=60, ends_on="2026-05-31")
    page = web.technician.open(f"/requests/new?customer={web.sample.ann}")
    assert "Until 31 May." in page


def test_concurrent_edits_of_different_fields_are_both_saved(web: WebClients) -> None:
    request = web.sample.log("It does not start")
    first, second = (who.open(f"/requests/{request}/edit") for who in (web.supervisor, web.technician))
    assert "Saved." in web.supervisor.send(first, subject="The motor does not start")
    assert "Saved." in web.technician.send(second, priority="high")
    stored = web.sample.request(request)
    assert (stored.subject, stored.priority) == ("The motor does not start", "high")


def test_concurrent_edits_of_the_same_field_are_reported(web: WebClients) -> None:
    request = web.sample.log("It does not start")
    first, second = (who.open(f"/requests/{request}/edit") for who in (web.supervisor, web.technician))
    assert "Saved." in web.supervisor.send(first, subject="The motor does not start", priority="low")
    late = web.technician.send(second, subject="It smells")
    assert late.status == 422
    assert "Someone else has changed this. Save again to keep your version." in late
    assert late.form().values["subject"] == "It smells"
    assert "Saved." in web.technician.send(late)
    stored = web.sample.request(request)
    assert (stored.subject, stored.priority) == ("It smells", "low")
