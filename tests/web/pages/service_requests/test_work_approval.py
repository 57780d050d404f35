"""The pages of the approval of work entries: the list, the effect, the decision, and what others see."""

import csv
from io import StringIO

import pytest

from tests.support.pages import Page
from tests.support.web_clients import WebClients
from workflows.store import tables as t


@pytest.fixture
def desk(web: WebClients) -> WebClients:
    """Ann's contract of ten hours, and a request with an hour and a half, which await approval."""
    sample = web.sample
    sample.set(work_approval=True)
    sample.sell("support_hours", minutes=600)
    request = sample.log("The printer is slow")
    sample.work(request, 60, note="Looked at it")
    sample.clock.move(hours=1)
    sample.work(request, 30)
    return web


def entries(desk: WebClients) -> list[str]:
    return [row.id for row in sorted(desk.sample.rows(t.work_entry), key=lambda row: row.started_at)]


def test_the_list_shows_what_awaits_approval(desk: WebClients) -> None:
    page = desk.supervisor.open("/work-approval")
    assert "Entries to approve" in page
    assert "SR-1001 The printer is slow Looked at it" in page
    assert "1:00 from SH-0001 (held until approved)" in page
    assert "2 work entries" in page
    answer = desk.supervisor.client.get("/work-approval?format=csv").get_data(as_text=True)
    rows = list(csv.DictReader(StringIO(answer.removeprefix("\ufeff"))))
    assert [(row["service_request"], row["worked"], row["state"]) for row in rows] == [
        ("SR-1001", "1:00", "submitted"),
        ("SR-1001", "0:30", "submitted"),
    ]
    assert "No matching entries" in desk.supervisor.open("/work-approval?q=nothing")
    assert "No rejected entries" in desk.supervisor.open("/work-approval?state=rejected")
    technician = desk.technician.open("/work-approval")
    assert "SR-1001 The printer is slow" in technician
    assert "Approve selected" not in technician


def test_several_entries_are_approved_after_their_effect_is_shown(desk: WebClients) -> None:
    first, second = entries(desk)
    chosen = f"/work-approval/approve?entry={first}&entry={second}"
    page = desk.supervisor.open(chosen)
    assert "Approve 2 entries" in page
    assert "1:30 worked. Nothing is saved until you confirm." in page
    form = page.form("/approve")
    sent = {**form.values, "entry": [first, second]}
    shown = Page(desk.supervisor.client.post("/work-approval/approve/preview", data=sent))
    assert "1 hour 30 minutes held in SH-0001 will be drawn; 8:30 will be left." in shown
    done = Page(desk.supervisor.client.post("/work-approval/approve", data=sent, follow_redirects=True))
    assert "2 entries approved." in done
    approved = desk.technician.open("/work-approval?state=approved")
    assert "1:00 1:00 from SH-0001 Approved" in approved
    assert approved.text.index("0:30 from SH-0001") < approved.text.index("1:00 from SH-0001")  # latest first
    assert "No entries to approve" in done
    again = Page(desk.supervisor.client.post("/work-approval/approve", data=sent, follow_redirects=True))
    assert "2 entries approved." in again
    assert {row.state for row in desk.sample.rows(t.work_entry)} == {"approved"}


def test_a_rejection_needs_a_reason_and_shows_what_moves(desk: WebClients) -> None:
    first, _ = entries(desk)
    page = desk.supervisor.open(f"/work-approval/reject?entry={first}")
    sent = {**page.form("/reject").values, "entry": first}
    shown = Page(desk.supervisor.client.post("/work-approval/reject/preview", data=sent))
    assert "1 hour will return to SH-0001; 9:30 will be left." in shown
    assert "1 email will be sent." in shown
    refused = Page(desk.supervisor.client.post("/work-approval/reject", data=sent))
    assert refused.status == 422
    assert "This field is required." in refused
    sent["reason"] = "On the wrong request"
    done = Page(desk.supervisor.client.post("/work-approval/reject", data=sent, follow_redirects=True))
    assert "1 entry rejected." in done
    rejected = desk.technician.open("/work-approval?state=rejected")
    assert "On the wrong request" in rejected


def test_entries_that_were_decided_meanwhile_are_named(desk: WebClients) -> None:
    first, second = entries(desk)
    form = desk.supervisor.open(f"/work-approval/approve?entry={first}&entry={second}").form("/approve")
    desk.administrator.client.post(
        "/work-approval/approve",
        data={
            **desk.administrator.open(f"/work-approval/approve?entry={first}").form("/approve").values,
            "entry": first,
        },
    )
    sent = {**form.values, "entry": [first, second]}
    refused = Page(desk.supervisor.client.post("/work-approval/approve", data=sent))
    assert refused.status == 422
    assert "on SR-1001 is approved by the administrator" in refused
    assert [row.state for row in desk.sample.rows(t.work_entry, id=second)] == ["submitted"]


def test_nothing_selected_leads_back_to_the_list(desk: WebClients) -> None:
    page = Page(desk.supervisor.client.get("/work-approval/approve", follow_redirects=True))
    assert "Select at least one entry." in page


@pytest.mark.parametrize(("role", "status"), [("technician", 403), ("finance", 403), ("customer", 403)])
def test_only_supervisors_decide(desk: WebClients, role: str, status: int) -> None:
    first, _ = entries(desk)
    assert desk.of_role(role).open(f"/work-approval/approve?entry={first}").status == status
    assert desk.of_role(role).open(f"/work-approval/reject?entry={first}").status == status


def test_an_unknown_entry_is_not_there(desk: WebClients) -> None:
    assert desk.supervisor.open("/work-approval/approve?entry=nothing").status == 404


def test_the_request_page_says_what_awaits_approval(desk: WebClients) -> None:
    first, second = entries(desk)
    request = desk.sample.rows(t.service_request)[0].id
    assert "1:00 worked" in desk.technician.open(f"/requests/{request}")
    assert "Awaiting approval" in desk.technician.open(f"/requests/{request}")
    page = desk.supervisor.open(f"/work-approval/reject?entry={first}")
    sent = {**page.form("/reject").values, "entry": first, "reason": "Twice"}
    desk.supervisor.client.post("/work-approval/reject", data=sent)
    assert "Rejected by the supervisor: Twice" in desk.technician.open(f"/requests/{request}")
    edit = desk.technician.open(f"/requests/{request}/work/{first}")
    assert "Save and submit again" in edit
    ann = desk.ann.open(f"/requests/{request}")
    assert "Awaiting approval" in ann
    assert "Twice" not in ann
    assert "1:00 worked" not in ann
    approve = desk.supervisor.open(f"/work-approval/approve?entry={second}").form("/approve")
    desk.supervisor.client.post("/work-approval/approve", data={**approve.values, "entry": second})
    edit = desk.technician.open(f"/requests/{request}/work/{second}")
    assert "The entry is approved: only a supervisor may change or delete it." in edit
    assert not edit.has_form("/delete")
    edit = desk.supervisor.open(f"/requests/{request}/work/{second}")
    assert "Reason for the change" in edit
    assert "Reason for the deletion" in edit


def test_balances_are_shown_posted_and_with_pending(desk: WebClients) -> None:
    contract = desk.sample.rows(t.contract)[0].id
    staff = desk.supervisor.open(f"/contracts/{contract}")
    assert "1:30 of work awaits approval. Balance with pending work: 8:30; posted balance: 10:00." in staff
    assert "not approved yet" in staff
    ann = desk.ann.open(f"/contracts/{contract}")
    assert (
        "1:30 of work is still being checked and is set aside. "
        "8:30 left if it is approved, 10:00 if it is not." in ann
    )


def test_the_overview_counts_what_awaits_approval(desk: WebClients) -> None:
    assert "Entries to approve 2" in desk.supervisor.open("/")
    desk.sample.set(work_approval=False)
    page = desk.supervisor.open("/")
    assert "Entries to approve 2" in page
    assert page.html.count("/work-approval") == 1
