"""Pages of disputes: objecting where the record is, the list, the decision with its effect, the statement."""

import pytest

from tests.support.pages import Page
from tests.support.web_clients import WebClients


@pytest.fixture
def desk(web: WebClients) -> WebClients:
    """Ann's request with an entry."""
    return web


def objected(desk: WebClients, reason: str = "The call took ten minutes.") -> str:
    """Ann objects to the entry by its link; returns the address of the dispute."""
    page = desk.ann.open(f"/requests/{desk.records.service_request}")
    address = f"/disputes/new?work_entry={desk.records.entry}"
    assert address in page.html
    form = desk.ann.open(address).form("/disputes/new")
    assert desk.ann.client.post(address, data={**form.values, "reason": ""}).status_code == 422
    answer = desk.ann.client.post(address, data={**form.values, "reason": reason})
    assert answer.status_code == 302
    return str(answer.headers["Location"])


def test_a_customer_objects_and_reads_the_decision(desk: WebClients) -> None:
    address = objected(desk)
    shown = desk.ann.open(address)
    assert "The call took ten minutes." in shown
    assert "/accept" not in shown.html
    assert "In dispute" in desk.ann.open(f"/requests/{desk.records.service_request}")
    assert "In dispute" in desk.supervisor.open(f"/requests/{desk.records.service_request}")
    assert "Open disputes" in desk.finance.open("/")
    listed = desk.finance.open("/disputes")
    assert "1 dispute" in listed
    csv = desk.finance.client.get("/disputes?format=csv").get_data(as_text=True)
    assert "work_entry" in csv
    assert "No matching disputes" in desk.finance.open("/disputes?q=nothing-like-it")
    page = desk.supervisor.open(f"{address}/decline")
    sent = {**page.form("/decline").values, "reason": "It is in the log."}
    done = Page(desk.supervisor.client.post(f"{address}/decline", data=sent, follow_redirects=True))
    assert "The dispute is declined." in done
    assert "It is in the log." in desk.ann.open(address)
    assert "It is decided already." in desk.supervisor.open(f"{address}/decline")
    again = {**desk.supervisor.open(f"{address}/decline").form("/decline").values, "reason": "Once more"}
    assert desk.supervisor.client.post(f"{address}/decline", data=again).status_code == 422


def test_the_acceptance_is_previewed(desk: WebClients) -> None:
    address = objected(desk)
    page = desk.supervisor.open(f"{address}/accept")
    sent = {**page.form("/accept").values, "minutes": "0:10", "reason": "You are right."}
    shown = Page(desk.supervisor.client.post(f"{address}/accept/preview", data=sent))
    assert desk.records.entry
    assert shown.status == 200
    wrong = {**sent, "minutes": "99:00"}
    assert "Give fewer" in Page(desk.supervisor.client.post(f"{address}/accept", data=wrong))
    done = Page(desk.supervisor.client.post(f"{address}/accept", data=sent, follow_redirects=True))
    assert "The dispute is accepted." in done
    assert "0:10 of the entry is left." in done


def test_a_statement_is_accepted_and_its_changes_shown(desk: WebClients) -> None:
    address = f"/contracts/{desk.records.contract}"
    page = desk.ann.open(address)
    form = page.form("/statement/accept")
    done = Page(desk.ann.client.post(f"{address}/statement/accept", data=form.values, follow_redirects=True))
    assert "The statement is accepted." in done
    assert "Accepted up to" in done
    assert "It rests on transaction" in desk.finance.open(address)
    dispute = objected(desk)
    sent = desk.supervisor.open(f"{dispute}/accept").form("/accept").values
    desk.supervisor.client.post(f"{dispute}/accept", data=sent)
    after = desk.ann.open(address)
    assert "changed it since" in after
    assert "Changes what was accepted" in after
    assert not desk.supervisor.open(address).has_form("/statement/accept")


def test_what_others_have_is_not_found(desk: WebClients) -> None:
    address = objected(desk)
    assert desk.ann.open(f"{address}/accept").status == 403
    assert desk.ann.open("/disputes/nothing").status == 404
    assert desk.ann.open("/disputes/new?work_entry=nothing").status == 404
    assert desk.ann.open("/disputes/new").status == 404
    assert desk.ann.open("/disputes/new?invoice_line=nothing").status == 404
