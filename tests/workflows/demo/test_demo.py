"""The demonstration desk: it has everything it should show, and its ledger is correct."""

from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
from sqlalchemy import select

from engine.contracts import dated_state
from engine.invoices import PAYMENT_STATES, payment_state
from tests.support.builders import RULES, FixedClock
from tests.support.share import one_in
from workflows import demo
from workflows.billing.invoicing.queries import list_invoices
from workflows.billing.sold.to_invoice import list_sold_items
from workflows.core.actors import SYSTEM
from workflows.core.desk import Desk
from workflows.core.errors import NoRuleSet, StateForbids
from workflows.demo import DEMO_PASSWORD, LOGINS, can_load_demo, is_demo, load_demo, reset_demo
from workflows.demo.timeline import Timeline
from workflows.jobs.definitions import next_due
from workflows.lifecycle.contracts.rows import contract_value
from workflows.operations.deployment import open_desk
from workflows.people.registry.of_customer import NOT_THEIR_SUBJECTS, SUBJECTS
from workflows.reports.audit import audit_desk
from workflows.rule_sets.folder import read_rules_folder
from workflows.rule_sets.publishing import publish_first
from workflows.service_requests.queries import in_queue, queue_values
from workflows.store import tables as t
from workflows.users.passwords import password_matches
from workflows.work.approval_queries import list_approvals

NOON = datetime(2026, 6, 17, 10, 0, tzinfo=UTC)
TYPES = (
    "per_request",
    "incident_pack",
    "subscription",
    "time_limited_subscription",
    "support_hours",
    "support_hours_by_month",
)
STATES = (
    "active",
    "expired",
    "exhausted",
    "cancelled",
    "awaiting_start",
    "awaiting_enable",
    "awaiting_payment",
)
NEVER = {
    # these cannot be exhausted, or only by the end of a month; a per-request contract starts with its request
    ("per_request", "exhausted"),
    ("per_request", "awaiting_start"),
    ("subscription", "exhausted"),
    ("support_hours_by_month", "exhausted"),
}


def opened(database_url: str, now: datetime = NOON) -> Desk:
    desk = open_desk(database_url, FixedClock(now))
    publish_first(desk, read_rules_folder(RULES))
    return desk


@pytest.fixture
def desk(database_url: str) -> Iterator[Desk]:
    made = opened(database_url)
    yield made
    made.database.dispose()


def rows(desk: Desk, table: Any) -> list[Any]:
    with desk.database.read() as connection:
        return list(connection.execute(table.select()).all())


def contract_states(desk: Desk) -> Counter[tuple[str, str]]:
    now = desk.now()
    return Counter(
        (row.type, dated_state(contract_value(row), now).pending_reason or row.state)
        for row in rows(desk, t.contract)
    )


def check(desk: Desk) -> None:
    """Check what must be true at whatever instant the demonstration is loaded."""
    subjects = {row.subject_kind for table in (t.audit_event, t.outbox) for row in rows(desk, table)}
    # else neither an export of a customer nor their erasure would have what is about such a record
    assert subjects <= {"customer", "user", None, *SUBJECTS, *NOT_THEIR_SUBJECTS}
    with desk.read(SYSTEM) as tx:
        audit = audit_desk(tx)
        assert audit.ok, audit.differences
        due = next_due(tx)
        assert due is None or due > desk.now()
        at_risk = select(t.service_request.c.id).where(in_queue("at_risk"))
        late = tx.connection.execute(at_risk, queue_values(tx)).all()
    assert len(late) >= 4
    found = contract_states(desk)
    wanted = {(kind, state) for kind in TYPES for state in STATES} - NEVER
    assert not wanted - set(found)
    assert not NEVER & set(found)
    requests = rows(desk, t.service_request)
    assert 130 <= len(requests) <= 180
    assert {row.state for row in requests} == {
        "open",
        "pending_no_contract",
        "in_progress",
        "on_hold",
        "resolved",
        "closed",
        "cancelled",
    }
    outcomes = {row.outcome for row in requests if row.state == "pending_no_contract"}
    assert outcomes == {"created", "offered", "waiting"}
    assert {row.on_hold_reason for row in requests} >= {"customer", "supplier", "scheduled"}
    kinds = {"grant", "covered", "carried", "ignored", "overage"}
    assert {row.kind for row in rows(desk, t.work_allocation)} == kinds
    assert any(row.before_contracts for row in requests)
    check_invoices(desk)
    check_approvals(desk)
    assert all(row.opened_at < desk.now() for row in requests)


def check_approvals(desk: Desk) -> None:
    """Check that the customer of the logins has approvals in each state, and an emergency waits for one."""
    found = {
        (one.state, bool(one.rest_minutes), bool(one.used_minutes))
        for one in desk.perform(SYSTEM, list_approvals).items
    }
    assert found >= {("asked", False, False), ("declined", False, False), ("approved", True, True)}
    assert [row.unapproved_minutes for row in rows(desk, t.work_entry) if row.unapproved_minutes] == [40]
    assert {row.customer_id for row in rows(desk, t.service_request) if row.id in asked_requests(desk)} == {
        row.customer_id for row in rows(desk, t.user_account) if row.email == LOGINS[-1].email
    }


def asked_requests(desk: Desk) -> set[str]:
    return {row.service_request_id for row in rows(desk, t.approval)}


def check_invoices(desk: Desk) -> None:
    """Check that invoices are paid in every way, and that something is left to do."""
    invoices = [row for row in rows(desk, t.invoice) if row.kind == "invoice"]
    now = desk.now()
    found = {
        payment_state(
            row.total_minor,
            row.open_minor,
            row.overdue_at,
            now,
            written_off_minor=row.written_off_minor,
        )
        for row in invoices
        if row.state == "issued"
    }
    assert found >= {"paid", "overdue"}
    assert any(0 < row.open_minor < row.total_minor for row in invoices)
    assert any(row.state == "draft" for row in invoices)
    assert any(row.kind == "credit_note" for row in rows(desk, t.invoice))
    assert rows(desk, t.payment_reversal)
    assert any(row.open_minor for row in rows(desk, t.customer_credit))
    assert any(row.invoice_id is None for row in rows(desk, t.sold_item))
    assert any(row.language == "de" and row.state == "issued" for row in invoices)
    drafts = {row.id for row in invoices if row.state == "draft"}
    renewals = [row for row in rows(desk, t.sold_item) if row.kind == "renewal"]
    assert any(row.invoice_id in drafts for row in renewals)
    assert any(row.invoice_id is None for row in renewals)
    with desk.read(SYSTEM) as tx:
        assert any(one.waits for one in list_invoices(tx, state="draft", limit=200).items)


def test_everything_is_there(desk: Desk) -> None:
    assert can_load_demo(desk)
    assert load_demo(desk) == LOGINS
    assert is_demo(desk)
    assert not can_load_demo(desk)
    check(desk)
    assert len(rows(desk, t.customer)) == 30
    assert len(rows(desk, t.item)) >= 60
    assert any(row.renewal_of_id for row in rows(desk, t.contract))
    settings = desk.refresh().settings
    assert (settings.time_zone, settings.currency, settings.time_expired_contract) == (
        "Europe/Berlin",
        "EUR",
        "rollover",
    )
    assert (settings.contracts, settings.invoices, settings.payment_required) == (True, True, False)
    assert all(row.delivered_at is not None for row in rows(desk, t.outbox))
    assert {row.delivered_by for row in rows(desk, t.outbox) if row.recipient} == {"log"}
    taken = [row for row in rows(desk, t.ledger_transaction) if row.kind == "draw_carried"]
    assert taken
    with desk.read() as tx:
        assert all(list_invoices(tx, payment=one).items for one in PAYMENT_STATES)
        assert list_invoices(tx, state="draft").items
        assert list_sold_items(tx, state="open").items

    with pytest.raises(StateForbids):
        load_demo(desk)
    numbers = sorted((row.number, row.subject) for row in rows(desk, t.service_request))
    reset_demo(desk, read_rules_folder(RULES))
    check(desk)
    # it is the same each time
    assert sorted((row.number, row.subject) for row in rows(desk, t.service_request)) == numbers
    with pytest.raises(Exception, match="append-only"), desk.write() as tx:
        tx.connection.execute(t.ledger_posting.delete())


def test_each_role_can_log_in(sqlite_database_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Timeline, "run", lambda timeline: None)
    desk = opened(sqlite_database_url)
    load_demo(desk, password="another password")
    assert [one.role for one in LOGINS] == [
        "administrator",
        "finance",
        "supervisor",
        "technician",
        "customer",
    ]
    users = {row.email: row for row in rows(desk, t.user_account)}
    for one in LOGINS:
        assert users[one.email].role == one.role
        assert password_matches(users[one.email].password_hash, "another password")
    assert len(DEMO_PASSWORD) >= 12
    desk.database.dispose()


@pytest.mark.slow
@pytest.mark.parametrize(
    "now",
    one_in(
        3,
        [
            pytest.param(datetime(2026, 3, 29, 0, 59, 30, tzinfo=UTC), id="before the clocks change"),
            pytest.param(datetime(2026, 11, 1, 23, 10, tzinfo=UTC), id="at night on a Sunday"),
            pytest.param(datetime(2028, 3, 1, 5, 30, tzinfo=UTC), id="after a leap day, early"),
        ],
    ),
)
def test_whenever_it_is_loaded(sqlite_database_url: str, now: datetime) -> None:
    desk = opened(sqlite_database_url, now)
    load_demo(desk)
    check(desk)
    desk.database.dispose()


def test_a_desk_in_use_is_not_changed(bare_desk: Any) -> None:
    with pytest.raises(NoRuleSet):
        load_demo(bare_desk.desk)
    bare_desk.publish_rules()
    assert not can_load_demo(bare_desk.desk)
    with pytest.raises(StateForbids, match="not empty"):
        load_demo(bare_desk.desk)
    with pytest.raises(StateForbids, match="not loaded as a demonstration"):
        reset_demo(bare_desk.desk, read_rules_folder(RULES))
    assert len(rows(bare_desk.desk, t.user_account)) == 4


def test_a_failed_load_leaves_an_empty_desk(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    def stop(timeline: Timeline) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(Timeline, "run", stop)
    with pytest.raises(KeyboardInterrupt):
        load_demo(desk)
    assert can_load_demo(desk)
    assert rows(desk, t.user_account) == []
    assert desk.refresh().rule_set is not None


def test_an_interrupted_load_is_started_again(
    sqlite_database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Timeline, "run", lambda timeline: None)
    clock = FixedClock(NOON)
    desk = open_desk(sqlite_database_url, clock)
    publish_first(desk, read_rules_folder(RULES))
    desk.perform(SYSTEM, demo._begin)
    demo._build(desk, read_rules_folder(RULES), DEMO_PASSWORD)
    # another process might still be loading
    assert not can_load_demo(desk)
    with pytest.raises(StateForbids, match="another process"):
        load_demo(desk)
    clock.move(minutes=2)
    assert can_load_demo(desk)
    load_demo(desk)
    assert is_demo(desk)
    desk.database.dispose()
