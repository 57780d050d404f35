"""A fault of the database at each statement of each writing route: done once or not at all, and said clearly.

A deadlock, a serialization failure, and a connection that is lost before or after a statement was carried
out; at a commit the last two leave its outcome unknown. `make faults` tries each fault at every statement of
each route, `make test-all` one for each route, and `make test` one for a share of them.
"""

import gc
import os
from collections.abc import Iterator

import pytest
from sqlalchemy import select
from structlog.testing import capture_logs
from werkzeug.test import TestResponse

from engine.rulebook import version_of
from tests.support.faults import Fault, counting
from tests.support.postgres import PostgresServer
from tests.support.share import one_in
from tests.web.faults.calls import API, PAGES, Call
from tests.web.faults.stage import NEW_NAMES, Contents, Sent, Stage, api_call, open_stage, page_call
from workflows.core.desk import Desk
from workflows.rule_sets.proposals import submit_rule_set
from workflows.store import tables as t
from workflows.store.database import Database

EVERY_STATEMENT = os.environ.get("COVERDESK_FAULTS") == "all"
SHARE = 1 if EVERY_STATEMENT else 3
"""One in how many routes is tried. Neighbours have other faults, of which there are four."""
MAY_BE_SAVED = "it may have been saved"
DONE = (200, 201, 202, 204, 302)
KEYED = [route for route in API if route.startswith("POST ")]
"""The calls of the API that take an idempotency key."""
PUBLISHING = ("publish", "<version>/publish", "proposals/<proposal>/approve")
PUBLISHING_FORMS = ("publish", "<version>/publish", "proposals/<proposal_id>/approve", "edit")


@pytest.fixture(scope="module")
def stage(postgres_server: PostgresServer, migrated_postgres_template: str) -> Iterator[Stage]:
    """The desk whose copies are used."""
    with capture_logs(), open_stage(postgres_server, migrated_postgres_template) as opened:
        yield opened


@pytest.fixture(autouse=True)
def cut_connections_are_collected_here() -> Iterator[None]:
    """Whatever a fault has left open warns in the test that cut it, and in no later one."""
    yield
    gc.collect()


def test_every_writing_route_has_a_call(stage: Stage) -> None:
    found: dict[bool, set[str]] = {True: set(), False: set()}
    for rule in stage.app.url_map.iter_rules():
        for method in (rule.methods or set()) - {"GET", "HEAD", "OPTIONS"}:
            is_api = rule.rule.startswith("/api/v1/")
            found[is_api].add(f"{method} {rule.rule.removeprefix('/api/v1')}" if is_api else rule.rule)
    assert found == {True: set(API), False: set(PAGES)}


@pytest.mark.parametrize("route", one_in(SHARE, KEYED))
def test_a_call_with_a_key_is_done_once(stage: Stage, route: str) -> None:
    sent = api_call(stage, route, API[route]).with_key("a key")
    _try_faults(stage, route, sent)


@pytest.mark.parametrize(
    "route", API if EVERY_STATEMENT else one_in(SHARE, (one for one in API if one not in KEYED))
)
def test_a_call_is_done_once_or_not_at_all(stage: Stage, route: str) -> None:
    _try_faults(stage, route, api_call(stage, route, API[route]))


@pytest.mark.parametrize("rule", one_in(SHARE, PAGES))
def test_a_form_is_done_once_or_not_at_all(stage: Stage, rule: str) -> None:
    with stage.copy(PAGES[rule]):
        sent = page_call(stage, rule, PAGES[rule])
    _try_faults(stage, rule, sent)


@pytest.mark.parametrize(
    ("is_api", "route"),
    [
        *((True, f"POST /rules/{rest}") for rest in PUBLISHING),
        *((False, f"/rules/{rest}") for rest in PUBLISHING_FORMS),
    ],
)
def test_a_rule_set_is_based_on_what_was_read_also_when_it_is_run_again(
    stage: Stage, is_api: bool, route: str
) -> None:
    """Another set is published while a deadlock undoes this one: run again it must not replace that one."""
    call = (API if is_api else PAGES)[route]
    with stage.copy(call) as copy:
        sent = api_call(stage, route, call) if is_api else page_call(stage, route, call)
        with counting() as plan:
            first = sent()
        assert first.status_code in DONE
        number = plan.commits[0]
    files = stage.records["files"] | {"slas.json": stage.records["files"]["slas.json"] + "\n"}
    with stage.copy(call) as copy:

        def publish() -> None:
            other = Desk(Database(str(copy.database.url), pool_size=1), stage.sample.clock)
            other.perform(stage.sample.administrator, lambda tx: submit_rule_set(tx, files, "Another"))
            other.database.dispose()

        with counting(Fault.DEADLOCK, number, meanwhile=publish) as plan:
            refused = sent()
        assert plan.happened
        assert (refused.status_code, "based on" in refused.text) == ((409, True) if is_api else (422, True))
        with copy.database.read() as connection:
            assert connection.execute(select(t.deployment.c.rule_set)).scalar_one() == version_of(files)


def _try_faults(stage: Stage, name: str, sent: Sent) -> None:
    """Send the call on a copy of the stage for each fault to try."""
    call = {**API, **PAGES}[name]
    with stage.copy(call) as copy:
        before = copy.contents()
        with counting() as plan:
            first = sent()
        assert first.status_code in DONE, first.get_data(as_text=True)[:3000]
        after = copy.contents()
        # the calls below count anew, in the same plan
        statements, commits = plan.count, list(plan.commits)
    wrong = []
    for fault, number in _cases(name, statements, commits):
        problem = _problem_of(stage, sent, fault, number, statements, before, after, first, call)
        if problem:
            wrong.append(f"{fault.name} at statement {number} of {statements}: {problem}")
    assert wrong == []


def _cases(name: str, statements: int, commits: list[int]) -> list[tuple[Fault, int]]:
    """The faults to try: all, or one at the commit or before it, of which neighbouring routes have others."""
    if EVERY_STATEMENT:
        return [(fault, number) for fault in Fault for number in range(statements)]
    if not statements:
        return []
    commit = commits[-1] if commits else statements - 1
    before = max(0, commit - 1)
    few = [
        (Fault.DEADLOCK, before),
        (Fault.LOST_AFTER, commit),
        (Fault.SERIALIZATION_FAILURE, commit),
        (Fault.LOST_BEFORE, before),
    ]
    return [few[[*API, *PAGES].index(name) % len(few)]]


def _problem_of(
    stage: Stage,
    sent: Sent,
    fault: Fault,
    number: int,
    statements: int,
    before: Contents,
    after: Contents,
    first: TestResponse,
    call: Call,
) -> str:
    """What is wrong after this fault; "" if nothing is."""
    with stage.copy(call) as copy, capture_logs():
        with counting(fault, number) as plan:
            answer = sent()
        if not plan.happened:
            return f"the fault did not happen: {plan.count} statements, not {statements}"
        # some answer with a file
        text = answer.get_data().decode(errors="replace")
        found = copy.contents()
        # a step that runs in the background has failed, and the answer says so
        failed_step = call.in_steps and answer.status_code == 409 and "failed" in text
        if answer.status_code != 503 and not failed_step:
            if any(found[name] != after[name] for name in found.keys() - call.written_later):
                return f"{answer.status_code}, but {_difference(found, after)}"
            return _other_answer(answer, first)
        if not call.in_steps:
            if MAY_BE_SAVED not in text and found != before:
                return f"saved, and the answer does not say so: {_difference(found, before)}"
            if found not in (before, after):
                return f"half done: {_difference(found, after)}"
        if sent.key is None and found != before and not call.in_steps:
            return ""
        again = sent()
        repeated = copy.contents()
        if repeated != after and not call.in_steps:
            return f"sent again: {again.status_code}, {_difference(repeated, after)}"
        return _other_answer(again, first)


def _other_answer(answer: TestResponse, first: TestResponse) -> str:
    if answer.status_code != first.status_code:
        return f"{answer.status_code}, not {first.status_code}: {answer.get_data(as_text=True)[:600]}"
    where, expected = (NEW_NAMES.sub("#", one.headers.get("Location", "")) for one in (answer, first))
    return "" if where == expected else f"leads to {where}, not {expected}"


def _difference(found: Contents, expected: Contents) -> str:
    """The rows that are too many and too few."""
    parts = []
    for name, rows in found.items():
        more = [row for row in rows if row not in expected[name]]
        less = [row for row in expected[name] if row not in rows]
        if more or less or len(rows) != len(expected[name]):
            parts.append(f"{name} {len(rows)} not {len(expected[name])}, +{more[:2]} -{less[:2]}"[:900])
    return "; ".join(parts)
