"""Actions of the request page: confirmation, assigning a person, logging time and resolving in one go."""

from tests.support.web_clients import WebClients
from workflows.store import tables as t


def test_saving_time_confirms_at_the_top_of_the_page(web: WebClients) -> None:
    """Without a place in the address, the browser shows the top, where the message is."""
    web.sample.sell("subscription")
    request = web.sample.log()
    tom = web.technician
    page = tom.open(f"/requests/{request}")
    for ending, values, words in (
        ("/work", {"work_minutes": "0:30"}, "0:30 logged: 0:30 covered"),
        ("/notes", {"note_body": "We call you"}, "The note has been added."),
    ):
        form = page.form(ending)
        answer = tom.client.post(form.action, data={**form.values, **values})
        assert answer.headers["Location"] == f"/requests/{request}"
        page = tom.open(f"/requests/{request}")
        assert page.html.index('class="notice success"') < page.html.index("<h1>")
        assert words in page
    [entry] = web.sample.entries(request)
    [note] = web.sample.rows(t.service_request_note)
    for anchor in (f"entry-{entry.id}", f"note-{note.id}"):
        assert f'<li id="{anchor}">' in page.html


def test_a_supervisor_assigns_a_person_on_the_page(web: WebClients) -> None:
    sample = web.sample
    request = sample.log()
    tina = sample.person("technician", "Tina")
    page = web.supervisor.open(f"/requests/{request}")
    offered = page.form("/assignee").options["assignee_technician"]
    assert set(offered) == {
        "",
        str(tina.id),
        *(str(one.id) for one in (sample.technician, sample.supervisor, sample.administrator)),
    }
    done = web.supervisor.send(page, "/assignee", assignee_technician=tina.id)
    assert "Assigned to Tina." in done
    assert sample.request(request).technician_id == tina.id
    nobody = web.supervisor.send(done, "/assignee", assignee_technician="")
    assert "The request is now unassigned." in nobody
    assert sample.request(request).technician_id is None
    unknown = web.supervisor.send(nobody, "/assignee", assignee_technician="someone")
    assert unknown.status == 422


def test_a_technician_takes_a_request_but_assigns_nobody(web: WebClients) -> None:
    request = web.sample.log()
    page = web.technician.open(f"/requests/{request}")
    assert not page.has_form("/assignee")
    form = page.form("/take")
    sent = {**form.values, "assignee_csrf_token": form.values["csrf_token"]}
    answer = web.technician.client.post(f"/requests/{request}/assignee", data=sent)
    assert answer.status_code == 403
    assert "Assigned to you." in web.technician.send(page, "/take")


def test_time_is_logged_and_the_request_resolved_in_one_go(web: WebClients) -> None:
    sample = web.sample
    sample.sell("support_hours", minutes=600)
    request = sample.log()
    tom = web.technician
    page = tom.open(f"/requests/{request}")
    sent = {"work_minutes": "0:30", "work_note": "Cleaned", "step": "resolve"}
    done = tom.send(page, "/work", **sent, work_resolution="The fan is clean")
    assert "Resolved. 0:30 logged: 0:30 from SH-0001." in done
    stored = sample.request(request)
    assert (stored.state, stored.resolution, stored.worked_minutes) == ("resolved", "The fan is clean", 30)
    again = tom.send(page, "/work", **sent, work_resolution="The fan is clean")
    assert "Resolved. 0:30 logged" in again
    assert len(sample.entries(request)) == 1


def test_without_a_resolution_nothing_is_saved_and_all_errors_are_shown(web: WebClients) -> None:
    sample = web.sample
    sample.sell("support_hours", minutes=600)
    request = sample.log()
    tom = web.technician
    page = tom.send(tom.open(f"/requests/{request}"), "/work", work_minutes="0:30", step="resolve")
    assert page.status == 422
    assert 'id="work_resolution-error"' in page.html
    assert page.form("/work").values["work_minutes"] == "0:30"
    both = tom.send(page, "/work", work_minutes="soon", step="resolve")
    assert 'id="work_minutes-error"' in both.html
    assert (sample.request(request).state, sample.entries(request)) == ("open", [])


def test_a_resolved_request_offers_time_alone(web: WebClients) -> None:
    sample = web.sample
    sample.sell("subscription")
    request = sample.log()
    sample.fire(request, "resolve", note="Done")
    page = web.technician.open(f"/requests/{request}")
    assert page.has_form("/work")
    assert "work_resolution" not in page.form("/work").values
    late = web.technician.send(page, "/work", work_minutes="0:10", step="resolve", work_resolution="Again")
    assert late.status == 422
    assert sample.entries(request) == []


def test_a_waiting_request_has_the_choice_of_a_contract_in_the_main_column(web: WebClients) -> None:
    request = web.sample.log()
    html = web.supervisor.open(f"/requests/{request}").html
    main, side = html.split('<div class="columns">')[1].split("\n  <div>\n")[1:3]
    assert 'id="coverage"' in main
    assert main.index('id="coverage"') < main.index('id="activity"')
    assert 'id="facts"' in side
    web.sample.sell("subscription")
    html = web.supervisor.open(f"/requests/{request}").html
    main, side = html.split('<div class="columns">')[1].split("\n  <div>\n")[1:3]
    assert 'id="coverage"' in side


def test_the_customer_of_a_waiting_request_is_reminded_once(web: WebClients) -> None:
    request = web.sample.log()
    tom, sue = web.technician, web.supervisor
    page, hers = tom.open(f"/requests/{request}"), sue.open(f"/requests/{request}")
    assert "was last reminded" not in page
    done, _ = (tom.send(page, "/coverage/remind") for _ in range(2))  # a double click
    assert "The customer has been reminded by mail." in done
    assert "Customer reminded of the missing contract" in done
    assert f"The customer was last reminded now by {web.sample.technician.name}." in done
    refused = sue.send(hers, "/coverage/remind")
    assert refused.status == 422
    assert f"{web.sample.technician.name} has just reminded the customer." in refused
    assert len(web.sample.rows(t.outbox, event="request_reminded")) == 1
    again = sue.send(refused, "/coverage/remind")
    assert "The customer has been reminded by mail." in again
    assert len(web.sample.rows(t.outbox, event="request_reminded")) == 2
    assert not web.ann.open(f"/requests/{request}").has_form("/coverage/remind")
    web.sample.sell("subscription")
    assert not tom.open(f"/requests/{request}").has_form("/coverage/remind")
