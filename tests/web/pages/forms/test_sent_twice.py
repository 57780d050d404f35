"""A form that is sent twice, as by a double click, is done once and gets the first answer again."""

import re
from collections.abc import Iterator

import pytest
from werkzeug.test import TestResponse

from tests.support.postgres import PostgresServer
from tests.support.share import one_in
from tests.support.web_clients import WebClients
from tests.web.faults.calls import PAGES
from tests.web.faults.stage import Stage, open_stage, page_call
from workflows.store import tables as t


@pytest.fixture(scope="module")
def stage(postgres_server: PostgresServer, migrated_postgres_template: str) -> Iterator[Stage]:
    """A desk with a record for every route."""
    with open_stage(postgres_server, migrated_postgres_template) as opened:
        yield opened


OTHERS = {
    "/account/password",
    "/account/tokens",
    # ends the session of the call, too
    "/account/sessions/end-all",
    # of nobody who is logged in, so that nobody could be given the first answer
    "/login",
    "/password/forgotten",
    "/password/new",
    # each of these makes a record whose answer is shown once, or that can be stopped
    "/users/<user_id>/password-link/show",
    "/rules/replays",
}
"""Forms whose first answer is not given again; the first two have tests of their own."""
TOKEN = re.compile(r"\bcvd_[\w-]+")


def answer(response: TestResponse) -> tuple[int, str | None]:
    return response.status_code, response.headers.get("Location")


@pytest.mark.parametrize("rule", one_in(3, sorted(PAGES.keys() - OTHERS)))
def test_a_form_sent_twice_is_done_once(stage: Stage, rule: str) -> None:
    with stage.copy(PAGES[rule]) as copy:
        sent = page_call(stage, rule, PAGES[rule])
        first = answer(sent())
        assert first[0] in (200, 204, 302)
        after = copy.contents()
        assert answer(sent()) == first
        found = copy.contents()
        assert {name for name in after if found[name] != after[name]} <= written_each_time(rule)


def written_each_time(rule: str) -> set[str]:
    """Tables that a repeated call writes to all the same: when a job ran last, and the generation."""
    return {"job_status", "deployment"} if PAGES[rule].in_steps else set()


def test_a_password_is_changed_once(stage: Stage) -> None:
    rule = "/account/password"
    with stage.copy(PAGES[rule]) as copy:
        sent = page_call(stage, rule, PAGES[rule])
        assert answer(sent()) == (302, "/account")
        after = copy.contents()
        assert sent().headers["Location"].startswith("/login"), "the new password has ended the session"
        assert copy.contents() == after


def test_a_token_is_created_once_and_its_text_is_shown_once(stage: Stage) -> None:
    rule = "/account/tokens"
    with stage.copy(PAGES[rule]) as copy:
        sent = page_call(stage, rule, PAGES[rule])
        first = sent()
        after = copy.contents()
        again = sent()
        assert [TOKEN.findall(one.text) != [] for one in (first, again)] == [True, False]
        assert "was created already" in again.text
        assert copy.contents() == after


def test_a_work_entry_is_deleted_once(web: WebClients) -> None:
    records = web.records
    edit = f"/requests/{records.service_request}/work/{records.entry}"
    form = web.technician.open(edit).form(f"{edit}/delete")
    first, again = (web.technician.client.post(form.action, data=form.values) for _ in range(2))
    assert answer(first) == answer(again) == (302, f"/requests/{records.service_request}")
    assert len(web.sample.rows(t.audit_event, action="deleted")) == 1
    other = {**form.values, "key": "another"}
    assert web.technician.client.post(form.action, data=other).status_code == 404
