"""Import of another desk's export: what is imported, what is not, and that a second run adds nothing."""

from datetime import UTC, datetime
from typing import Any

import pytest
from sqlalchemy.event import listen

from tests.support.builders import DeskFixture
from tests.support.exports import event, export, mapping, run
from workflows.commands.fields import one_line
from workflows.commands.webhooks import NewWebhook
from workflows.core.desk import Desk
from workflows.importing import history_import
from workflows.importing.report import ImportReport
from workflows.notifications.webhooks.endpoints import create_webhook
from workflows.store import tables as t


def at(text: str) -> datetime:
    return datetime.fromisoformat(f"2026-01-{text}").replace(tzinfo=UTC)


def one(new_desk: DeskFixture, number: str = "INC1") -> Any:
    (row,) = new_desk.rows(t.service_request, number=number)
    return row


def moves(new_desk: DeskFixture, number: str = "INC1") -> list[tuple[str, bool]]:
    request = one(new_desk, number)
    rows = new_desk.rows(t.service_request_history, service_request_id=request.id)
    return [(row.trigger, row.inferred) for row in sorted(rows, key=lambda row: (row.at, row.id))]


def skipped(report: ImportReport) -> list[str]:
    return [line for line in report.lines() if "not imported" in line]


def test_a_history_is_imported_at_its_own_instants(new_desk: DeskFixture) -> None:
    raw = export(
        event("INC1", "New", "08:05", count="0"),
        event("INC1", "Active", "09:00", who="Bo Berg", prio="high", count="1"),
        event("INC1", "Waiting for caller", "10:00", who="Bo Berg", prio="high", count="2"),
        event("INC1", "Resolved", "11:00", who="Bo Berg", prio="high", count="3"),
        event("INC1", "Closed", "2026-01-12 09:00", who="Bo Berg", prio="high", count="4"),
    )
    report = run(new_desk.desk, raw)
    assert not skipped(report)
    assert (report.rows_imported, report.new, report.moves, report.inferred) == (5, 1, 4, 0)
    request = one(new_desk)
    assert (request.state, request.priority, request.subject) == ("closed", "high", "Trouble with Printer")
    assert request.opened_at == at("05 08:00")
    assert request.resolved_at == at("05 11:00")
    assert request.closed_at == at("12 09:00")
    assert moves(new_desk) == [
        ("log", False), ("start", False), ("hold", False), ("resolve", False), ("close", False)
    ]  # fmt: skip
    (held,) = [row for row in new_desk.rows(t.service_request_history) if row.trigger == "hold"]
    assert (held.reason, held.note, held.at) == ("customer", "Waiting for caller", at("05 10:00"))


def test_register_records_are_created_at_the_instant_first_seen(new_desk: DeskFixture) -> None:
    run(new_desk.desk, export(event("INC1", "New", "08:05", who="Bo Berg")))
    (top,) = new_desk.rows(t.org_unit, code="OLD")
    (site,) = new_desk.rows(t.org_unit, code="Berlin")
    (ann,) = new_desk.rows(t.customer)
    (printer,) = new_desk.rows(t.item)
    (bo,) = new_desk.rows(t.user_account, name="Bo Berg")
    assert (top.name, site.parent_id) == ("The old company", top.id)
    assert (ann.email, ann.name, ann.org_unit_id) == ("ann.smith@old.desk.example", "Ann Smith", site.id)
    assert (printer.number, printer.owner_org_unit_id, printer.created_at) == (
        "Printer",
        top.id,
        at("05 08:00"),
    )
    assert ann.created_at == at("05 08:00")
    assert bo.role == "technician"
    assert bo.disabled_at is not None
    assert bo.password_hash is None
    assert one(new_desk).technician_id == bo.id


def test_skipped_triggers_are_inferred(new_desk: DeskFixture) -> None:
    raw = export(
        event("INC1", "New", "08:05"),
        event("INC1", "Resolved", "09:00"),
        event("INC2", "Waiting for caller", "08:05"),
        event("INC2", "Waiting for parts", "09:00"),
        event("INC2", "Closed", "10:00"),
        event("INC3", "Closed", "08:05"),
    )
    run(new_desk.desk, raw)
    assert moves(new_desk, "INC1") == [("log", False), ("start", True), ("resolve", False)]
    assert moves(new_desk, "INC2") == [
        ("log", False), ("hold", False), ("resume", True),
        ("hold", False), ("resolve", True), ("close", False),
    ]  # fmt: skip
    assert moves(new_desk, "INC3") == [("log", False), ("start", True), ("resolve", True), ("close", False)]
    inferred = [row for row in new_desk.rows(t.service_request_history) if row.inferred]
    assert {row.at for row in inferred} == {at("05 09:00"), at("05 10:00"), at("05 08:05")}
    assert one(new_desk, "INC2").resolution == "Resolved at Old desk"


def test_reopening_and_cancelling(new_desk: DeskFixture) -> None:
    raw = export(
        event("INC1", "Resolved", "08:05"),
        event("INC1", "Active", "09:00"),
        event("INC1", "Closed", "10:00"),
        event("INC1", "New", "11:00"),
        event("INC2", "New", "08:05"),
        event("INC2", "Cancelled", "09:00"),
        event("INC2", "Active", "10:00"),
    )
    report = run(new_desk.desk, raw)
    assert [trigger for trigger, _ in moves(new_desk)] == [
        "log", "start", "resolve", "reopen", "resolve", "close", "reopen"
    ]  # fmt: skip
    assert one(new_desk).state == "in_progress"
    assert one(new_desk, "INC2").state == "cancelled"
    (refused,) = skipped(report)
    assert refused.startswith(
        "line 8: not imported: the trigger start is not possible: the service request is cancelled."
    )
    (cancelled,) = [row for row in new_desk.rows(t.service_request_history) if row.trigger == "cancel"]
    assert cancelled.reason == "Taken back"


def test_rows_are_sorted_by_instant_then_by_sequence(new_desk: DeskFixture) -> None:
    raw = export(
        event("INC1", "Closed", "12:00", count="3"),
        event("INC1", "Resolved", "09:00", count="10"),
        event("INC1", "Active", "09:00", count="9"),
        event("INC1", "New", "08:05", count="1"),
    )
    report = run(new_desk.desk, raw)
    assert moves(new_desk) == [("log", False), ("start", False), ("resolve", False)]
    assert skipped(report) == [
        "line 2: not imported: its sequence is before that of line 3, but its time is later"
    ]


def test_changed_values_change_the_service_request(new_desk: DeskFixture) -> None:
    raw = export(
        event("INC1", "New", "08:05"),
        event("INC1", "New", "09:00", thing="Router", site="Munich", who="Bo Berg"),
        event("INC1", "New", "10:00", caller="Cy Cole", thing="?", site="?", who="?"),
        event("INC1", "Closed", "11:00", caller="Cy Cole"),
        event("INC1", "Active", "12:00", caller="Cy Cole", prio="low"),
    )
    report = run(new_desk.desk, raw)
    assert not list(report.lines())
    request = one(new_desk)
    (cy,) = new_desk.rows(t.customer, name="Cy Cole")
    assert (request.customer_id, request.priority, request.state) == (cy.id, "low", "in_progress")
    (ann,) = new_desk.rows(t.customer, name="Ann Smith")
    members = new_desk.rows(t.customer_org_unit, customer_id=ann.id)
    codes = {row.id: row.code for row in new_desk.rows(t.org_unit)}
    assert [codes[row.org_unit_id] for row in sorted(members, key=lambda row: row.position)] == [
        "Berlin",
        "Munich",
    ]
    changes = [
        row.at for row in new_desk.rows(t.audit_event, subject_kind="service_request", action="changed")
    ]
    assert at("05 09:00") in changes


def test_every_row_that_is_not_imported_is_reported(new_desk: DeskFixture) -> None:
    raw = export(
        event("INC1", "New", "08:05"),
        event("", "New", "08:05"),
        event("INC1", "Lost", "08:10"),
        event("INC1", "Active", "31.01.2026"),
        event("INC1", "Active", "2026-02-31 10:00"),
        event("INC1", "Active", "?"),
        event("INC1", "Active", "07:00"),
        "INC1,Active",
        event("INC1", "New", "08:05"),
        event("INC1", "New", "08:06"),
        event("INC1", "Active", "2031-01-01 10:00"),
        event("INC2", "New", "08:05", caller="?"),
        event("INC1", "Active", "0026-01-01 10:00"),
        event("INC1", "Active", "08:10", opened="nonsense"),
        event("I" * 61, "Active", "08:10"),
        event("INC1", "Active", "08:10", thing="Print\x01er"),
    )
    assert skipped(run(new_desk.desk, raw)) == [
        "line 3: not imported: it has no service request number",
        "line 4: not imported: the state 'Lost' is not named in the mapping",
        "line 5: not imported: changed_at: '31.01.2026' is not a date of the form %Y-%m-%d %H:%M",
        "line 6: not imported: changed_at: '2026-02-31 10:00' is not a date of the form %Y-%m-%d %H:%M",
        "line 7: not imported: it has no time of change",
        "line 8: not imported: it is before the opening of INC1 at 2026-01-05 08:00 UTC",
        "line 9: not imported: it has 2 fields and the header has 11",
        "line 10: not imported: it repeats line 2",
        "line 11: not imported: it has nothing new after line 2",
        "line 12: not imported: it is in the future",
        "line 13: not imported: it has no customer",
        "line 14: not imported: changed_at: '0026-01-01 10:00' is outside the years 1970 to 2199",
        "line 15: not imported: opened_at: 'nonsense' is not a date of the form %Y-%m-%d %H:%M",
        "line 16: not imported: its number has more than 60 characters",
        "line 17: not imported: its item contains control characters",
    ]
    assert len(new_desk.rows(t.service_request)) == 1


def test_a_row_is_refused_alone(new_desk: DeskFixture) -> None:
    raw = export(
        event("INC1", "New", "08:05", caller="?"),
        event("INC1", "Active", "09:00"),
        event("INC2", "New", "08:05", caller="Cy Cole"),
    )
    report = run(new_desk.desk, raw)
    assert skipped(report) == ["line 2: not imported: it has no customer"]
    # the next row logs it, still at its opening
    assert one(new_desk).opened_at == at("05 08:00")
    assert moves(new_desk) == [("log", False), ("start", False)]
    assert [row.name for row in new_desk.rows(t.customer)] == ["Ann Smith", "Cy Cole"]


def test_remarks_about_values_that_could_not_be_used(new_desk: DeskFixture) -> None:
    raw = export(event("INC1", "New", "08:05", prio="P1", thing="x" * 300))
    report = run(new_desk.desk, raw)
    assert list(report.lines()) == [
        "line 2: imported, but its subject was shortened to 200 characters",
        "line 2: imported, but the priority 'P1' is not named in the mapping: normal is used",
    ]
    request = one(new_desk)
    assert len(request.subject) <= 200
    (item,) = new_desk.rows(t.item)
    assert (len(item.number) <= 60, len(item.name) <= 200) == (True, True)


def test_nothing_leads_back_to_new(new_desk: DeskFixture) -> None:
    raw = export(
        event("INC1", "Active", "08:05"),
        event("INC1", "New", "09:00"),
        event("INC1", "New", "09:30"),
        event("INC1", "New", "10:00", prio="low"),
    )
    report = run(new_desk.desk, raw)
    assert skipped(report) == [
        "line 3: not imported: no move leads from in_progress back to open",
        "line 4: not imported: it has nothing new after line 3",
    ]
    assert one(new_desk).priority == "low"


def test_an_existing_service_request_of_ours_is_not_changed(new_desk: DeskFixture) -> None:
    run(new_desk.desk, export(event("INC1", "New", "08:05")))
    report = run(new_desk.desk, export(event("INC1", "Closed", "09:00")), mapping(source="Third desk"))
    assert skipped(report) == [
        "line 2: not imported: a service request with the number INC1 already exists here"
    ]
    assert one(new_desk).state == "open"


def everything(desk: Desk) -> dict[str, int]:
    with desk.database.read() as connection:
        return {
            table.name: len(connection.execute(table.select()).all()) for table in t.metadata.sorted_tables
        }


RAW = export(
    event("INC1", "New", "08:05", who="Bo Berg"),
    event("INC1", "New", "08:05", who="Cy Cole"),
    event("INC1", "Active", "08:05"),
    event("INC1", "Resolved", "09:00"),
    event("INC1", "New", "07:00"),
    event("INC2", "Cancelled", "08:05"),
    event("INC2", "Active", "08:05"),
    event("INC3", "Closed", "08:05", prio="P1", caller="Dee Dunn", site="Munich"),
)


def test_a_second_run_adds_nothing(new_desk: DeskFixture) -> None:
    first = run(new_desk.desk, RAW)
    before = everything(new_desk.desk)
    second = run(new_desk.desk, RAW)
    assert first.rows_imported == 6
    assert (second.rows_imported, second.moves, second.new, second.created) == (0, 0, 0, set())
    assert len(skipped(second)) == 8
    assert everything(new_desk.desk) == before


def test_a_dry_run_writes_nothing_and_reports_the_same(new_desk: DeskFixture) -> None:
    before = everything(new_desk.desk)
    tried = run(new_desk.desk, RAW, dry_run=True)
    assert everything(new_desk.desk) == before
    done = run(new_desk.desk, RAW)
    assert list(tried.lines()) == list(done.lines())
    assert list(tried.summary())[:-1] == list(done.summary())
    assert list(tried.summary())[-1] == "dry run: nothing was written"


def test_a_later_export_continues_at_the_end(new_desk: DeskFixture) -> None:
    run(new_desk.desk, export(event("INC1", "New", "08:05"), event("INC1", "Active", "09:00")))
    report = run(
        new_desk.desk,
        export(
            event("INC1", "New", "08:05"),
            event("INC1", "Waiting for caller", "08:30"),
            event("INC1", "Active", "09:00"),
            event("INC1", "Resolved", "10:00"),
            event("INC4", "New", "10:00"),
        ),
    )
    assert skipped(report) == [
        "line 2: not imported: it was imported earlier",
        "line 3: not imported: it is before the events of INC1 that were imported earlier",
        "line 4: not imported: it was imported earlier",
    ]
    assert (report.continued, report.new) == (1, 1)
    assert moves(new_desk) == [("log", False), ("start", False), ("resolve", False)]


class Stopped(Exception):
    pass


def test_a_second_run_continues_an_interrupted_import(
    new_desk: DeskFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(history_import, "MOST_EVENTS", 2)

    def stop(done: int, of: int) -> None:
        assert (done, of) == (2, 3)
        raise Stopped

    raw = export(event("INC1", "New", "08:05"), event("INC2", "New", "08:06"), event("INC3", "New", "08:07"))
    interrupted = ImportReport("Old desk", dry_run=False)
    with pytest.raises(Stopped):
        run(new_desk.desk, raw, progress=stop, report=interrupted)
    assert interrupted.new == len(new_desk.rows(t.service_request)) == 2
    report = run(new_desk.desk, raw)
    assert (report.rows_imported, report.new) == (1, 1)
    assert len(new_desk.rows(t.service_request)) == 3


def test_no_messages_are_sent_about_the_past(new_desk: DeskFixture) -> None:
    new_desk.do(create_webhook, NewWebhook(url="https://hooks.example/"))
    run(new_desk.desk, export(event("INC1", "Closed", "08:05")))
    assert len(new_desk.rows(t.service_request_history)) > 1
    assert new_desk.rows(t.outbox, subject_kind="service_request") == []
    assert new_desk.rows(t.webhook_delivery) == []


def test_the_mapping_names_the_owner_of_unowned_items(new_desk: DeskFixture) -> None:
    run(
        new_desk.desk,
        export(event("INC1", "New", "08:05"), event("INC2", "New", "08:05", caller="Cy Cole", site="Munich")),
        mapping(item_owner="org_unit"),
    )
    sites = {row.code: row.id for row in new_desk.rows(t.org_unit)}
    assert {row.number: row.owner_org_unit_id for row in new_desk.rows(t.item)} == {
        "Printer · Berlin": sites["Berlin"],
        "Printer · Munich": sites["Munich"],
    }


def test_a_path_of_org_units_becomes_a_tree(new_desk: DeskFixture) -> None:
    sites = ["Acme > Berlin > IT", "Acme>Berlin", "Acme", " > Acme >  > Munich", "?"]
    rows = [event(f"INC{n}", "New", "08:05", site=site) for n, site in enumerate(sites)]
    run(new_desk.desk, export(*rows), mapping(org_unit_separator=">"))
    units = {row.id: row for row in new_desk.rows(t.org_unit)}
    found = {row.code: (row.name, row.parent_id and units[row.parent_id].code) for row in units.values()}
    assert found == {
        "OLD": ("The old company", None),
        "Acme": ("Acme", "OLD"),
        "Acme > Berlin": ("Berlin", "Acme"),
        "Acme > Berlin > IT": ("IT", "Acme > Berlin"),
        "Acme > Munich": ("Munich", "Acme"),
    }
    of_requests = {row.number: units[row.org_unit_id].code for row in new_desk.rows(t.service_request)}
    assert of_requests == {
        "INC0": "Acme > Berlin > IT", "INC1": "Acme > Berlin", "INC2": "Acme", "INC3": "Acme > Munich",
        "INC4": "OLD",
    }  # fmt: skip


def test_items_owned_by_customers(new_desk: DeskFixture) -> None:
    run(
        new_desk.desk,
        export(event("INC1", "New", "08:05"), event("INC2", "New", "08:05", caller="Cy Cole", site="?")),
        mapping(item_owner="customer", org_units_under=...),
    )
    people = {row.name: row.id for row in new_desk.rows(t.customer)}
    assert {row.number: row.owner_customer_id for row in new_desk.rows(t.item)} == {
        "Printer · Ann Smith": people["Ann Smith"],
        "Printer · Cy Cole": people["Cy Cole"],
    }


def test_existing_register_records_are_used(new_desk: DeskFixture) -> None:
    berlin = new_desk.org_unit("Berlin")
    ann = new_desk.customer("Ann", berlin)
    printer = new_desk.item("Printer", org_unit=berlin)
    run(
        new_desk.desk,
        export(
            event("INC1", "New", "08:05", mail="Ann@Example.com"),
            event("INC2", "New", "08:05", caller="Cy Cole", site="Munich"),
        ),
        mapping(item_owner="org_unit"),
    )
    request = one(new_desk)
    assert (request.customer_id, request.org_unit_id, request.item_id) == (ann, berlin, printer)
    assert len(new_desk.rows(t.customer)) == 2
    assert {row.number for row in new_desk.rows(t.item)} == {"Printer", "Printer · Munich"}


def test_names_that_differ_only_in_capitals_are_reported(new_desk: DeskFixture) -> None:
    """They are two records, as on the desk's own pages; one of them may have been here before."""
    new_desk.item("printer", org_unit=new_desk.org_unit("BERLIN"))
    raw = export(
        event("INC1", "New", "08:05", site="Berlin", thing="Printer"),
        event("INC2", "New", "08:05", site="Munich", caller="Cy Cole"),
        event("INC3", "New", "08:05", site="MUNICH", caller="CY COLE", mail="cy@example.com"),
        event("INC4", "New", "08:05", site="Hamburg", caller="Dee"),
    )
    for dry_run in (True, False):
        report = run(new_desk.desk, raw, dry_run=dry_run)
        found = [line for line in report.summary() if "capitals" in line]
        assert found == [
            "items that differ only in capitals, each of its own: Printer, printer",
            "org units that differ only in capitals, each of its own: BERLIN, Berlin",
            "org units that differ only in capitals, each of its own: MUNICH, Munich",
        ]
    again = run(new_desk.desk, raw)
    assert again.alike == []


def test_people_whose_names_give_the_same_address_stay_two(new_desk: DeskFixture) -> None:
    raw = export(
        event("INC1", "New", "08:05", caller="Jürgen Groß"),
        event("INC2", "New", "08:05", caller="Jurgen Gross"),
        event("INC3", "New", "08:05", caller="李雷"),
    )
    run(new_desk.desk, raw)
    emails = [row.email for row in new_desk.rows(t.customer)]
    assert len(set(emails)) == 3
    assert "jurgen.gross@old.desk.example" in emails


def test_texts_of_one_line_are_imported_as_one_line(new_desk: DeskFixture) -> None:
    """What the pages refuse is no reason to leave a row of another desk out."""
    raw = export(event("INC1", "New", "08:05", caller="=?utf-8?q?x?= Bob", thing="Tall\u2028printer\u202e"))
    report = run(new_desk.desk, raw)
    assert skipped(report) == []
    [customer] = new_desk.rows(t.customer)
    assert customer.name == "= ?utf-8?q?x?= Bob"
    [item] = new_desk.rows(t.item)
    assert (item.number, item.name) == ("Tall printer", "Tall printer")
    assert one_line(one(new_desk).subject)


def test_a_long_import_lets_postgresql_plan_anew_as_its_tables_grow(new_desk: DeskFixture) -> None:
    sent: list[str] = []
    engine = new_desk.desk.database.engine
    listen(engine, "before_cursor_execute", lambda *given: sent.append(given[2]))
    raw = export(*(event(f"INC{number}", "New", "08:05") for number in range(450)))
    assert run(new_desk.desk, raw).new == 450
    # after the first 100 and at twice as many: 200, 400
    assert sent.count("DISCARD PLANS") == (2 if engine.dialect.name == "postgresql" else 0)
