"""The mail about a service request, in its time line and in the API."""

from dataclasses import replace
from typing import Any

from sqlalchemy import update

from tests.support.api import ApiClient, app_of, token_of
from tests.support.sample_desk import MONDAY, SampleDesk
from tests.support.web_clients import WebClients
from workflows.commands.service_requests import AddNote, MergeRequest
from workflows.core.actors import Actor
from workflows.service_requests.history import list_mail
from workflows.service_requests.use_cases import add_note
from workflows.store import tables as t
from workflows.work.merging import merge_requests


def mail_of(sample: SampleDesk, actor: Actor, request: str) -> list[dict[str, Any]]:
    answer = ApiClient(app_of(sample), token_of(sample, actor)).call(
        "GET", f"/service-requests/{request}/mail"
    )
    assert answer.status_code == 200, answer.text
    body: Any = answer.json
    found: list[dict[str, Any]] = body["items"]
    return found


def test_the_mail_about_a_request_is_listed_with_what_became_of_it(web: WebClients) -> None:
    """To staff all of it, also of a merged request; to customers what was sent to them, never another's."""
    sample = web.sample
    sample.set(customers_see_org_unit=True, request_receipts=True, company={"email": "desk@example.com"})
    sample.sell("subscription", to=("org_unit", sample.site))
    bob = sample.customer("Bob", sample.site)
    left, merged = sample.log(), sample.log("Again")
    ann = Actor(None, "Ann", "customer", sample.ann)
    sample.do_as(ann, add_note, left, AddNote(body="Hello?"))
    states: dict[str, dict[str, Any]] = {
        "waiting": {"attempts": 0},
        "failed": {"last_error": "busy", "attempts": 1},
        "given_up": {"last_error": "busy", "next_attempt_at": None},
        "delivered": {"delivered_at": MONDAY, "delivered_by": "smtp"},
        "logged": {"delivered_at": MONDAY, "delivered_by": "log"},
    }
    for state, columns in states.items():
        with sample.desk.write() as tx:
            written = t.outbox.c.subject_id == left, t.outbox.c.recipient == "ann@example.com"
            tx.connection.execute(update(t.outbox).where(*written).values(**columns))
            [mail, *_] = list_mail(replace(tx, actor=ann), left).items
            assert (mail.state, mail.event) == (state, "service_request_logged")
    sample.do_as(sample.supervisor, merge_requests, merged, MergeRequest(into=left))
    with sample.desk.read(sample.technician) as tx:
        all_of_it = [(one.recipient, one.merged_number) for one in list_mail(tx, left).items]
    number = sample.rows(t.service_request, id=merged)[0].number
    assert all_of_it == [
        ("ann@example.com", None),
        ("ann@example.com", number),
        ("desk@example.com", None),
        ("ann@example.com", number),
    ]
    listed = mail_of(sample, sample.person("customer", "Ann", customer=sample.ann), left)
    assert [one["merged_number"] for one in listed] == [None, number, number]
    assert (listed[0]["recipient"], listed[0]["state"]) == ("ann@example.com", "logged")
    assert mail_of(sample, sample.person("customer", "Bob", customer=bob), left) == []
    page = web.technician.open(f"/requests/{left}")
    assert "mail to desk@example.com" in page
    assert "Not sent, only logged" in page
    own = web.ann.open(f"/requests/{left}")
    assert "mail to you" in own
    assert "desk@example.com" not in own
