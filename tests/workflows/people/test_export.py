"""The export of a customer: everything that is held on them, in JSON and CSV alike, and nothing else."""

import csv
import json
from io import BytesIO, TextIOWrapper
from pathlib import Path
from typing import Any
from zipfile import ZipFile

import pytest

from tests.support.billing import Billing
from tests.support.sample_desk import SampleDesk
from workflows.commands.service_requests import AddNote, ChangeServiceRequest
from workflows.core.errors import NotAllowed, NotFound
from workflows.people import export
from workflows.people.export import CannotExport, count_held, export_personal_data, export_to_file
from workflows.people.kinds import Kind
from workflows.people.person import read_person
from workflows.people.registry import held_tables
from workflows.people.shown import Shown
from workflows.service_requests.use_cases import add_note, change_service_request
from workflows.store import tables as t
from workflows.store.ids import new_id

SECRET = "5ecret-that-leaves-by-no-way"


class Exported:
    """The file of an export, read."""

    def __init__(self, sample: SampleDesk, customer_id: str) -> None:
        file = BytesIO()
        self.name = export_personal_data(sample.desk, sample.administrator, customer_id, file)
        self.archive = ZipFile(file)
        self.document: dict[str, Any] = json.loads(self.archive.read("personal-data.json"))
        self.records: dict[str, list[dict[str, Any]]] = self.document["records"]
        self.text = "\n".join(
            self.archive.read(name).decode("latin-1") for name in self.archive.namelist() if "csv" in name
        ) + json.dumps(self.document, ensure_ascii=False)

    def rows(self, table: str) -> list[dict[str, str]]:
        with self.archive.open(f"csv/{table}.csv") as file:
            return list(csv.DictReader(TextIOWrapper(file, "utf-8-sig", newline="")))


def add_login(sample: SampleDesk) -> None:
    """A login of Ann with a value in each of its secrets."""
    ann = sample.person("customer", "Ann", customer=sample.ann)
    with sample.desk.write() as tx:
        secret, then = {"user_id": ann.id, "created_at": tx.now}, tx.now
        tx.change(t.user_account, str(ann.id), password_hash=SECRET)
        tx.add(t.api_token, id=new_id(), name="For a script", token_hash=SECRET, **secret)
        visit = {"epoch": 0, "last_seen_at": then, "address": "192.0.2.7", "user_agent": "Firefox"}
        tx.add(t.login_session, id=new_id(), token_hash=SECRET, **visit, **secret)
        tx.add(t.known_device, token_hash=SECRET, user_id=ann.id, last_used_at=then)
        link = {"purpose": "reset", "by_mail": True, "token_hash": SECRET, "expires_at": then}
        tx.add(t.password_link, id=new_id(), **link, **secret)


def test_an_export_has_every_record_in_both_forms_and_no_secret(sample: SampleDesk) -> None:
    billing = Billing(sample)
    add_login(sample)
    sample.sell("support_hours", minutes=60)
    request = sample.log("=1+1", item=None)
    sample.work(request, 15, note="Looked at it")
    sample.do_as(sample.technician, add_note, request, AddNote(body="Is rude", public=False))
    issued = billing.issue()["number"]
    counted = sum(one.records for one in sample.see(count_held, sample.ann))

    found = Exported(sample, sample.ann)
    head = {key: found.document[key] for key in ("format", "version", "as_of", "customer")}
    assert head == {
        "format": "coverdesk-personal-data",
        "version": 1,
        "as_of": "2026-03-02T09:00:00Z",
        "customer": {"id": sample.ann, "name": "Ann", "email": "ann@example.com"},
    }
    assert found.name == f"personal-data-{sample.ann}-2026-03-02.zip"
    # the event of this export came after counting
    assert sum(map(len, found.records.values())) == counted + 1
    in_csv = {name for name in found.archive.namelist() if name.startswith("csv/")}
    assert in_csv == {f"csv/{name}.csv" for name in found.records}
    for name, records in found.records.items():
        rows = found.rows(name)
        assert len(rows) == len(records)
        assert [list(row) for row in rows] == [list(record) for record in records]
    # a spreadsheet would run it; a program would not
    assert found.rows("service_request")[0]["subject"] == "'=1+1"
    assert found.records["service_request"][0]["subject"] == "=1+1"
    assert found.records["service_request_note"][0]["body"] == "Is rude"
    assert found.archive.read(f"documents/{issued}.pdf").startswith(b"%PDF")
    assert {"login_session", "api_token", "password_link", "known_device"} <= set(found.records)
    assert SECRET not in found.text
    [event] = sample.rows(t.audit_event, action=export.EXPORTED)
    assert (event.subject_id, event.actor) == (sample.ann, "the administrator")


def test_records_are_read_page_by_page(sample: SampleDesk, monkeypatch: pytest.MonkeyPatch) -> None:
    request = sample.log(item=None)
    for number in range(5):
        sample.do_as(sample.technician, add_note, request, AddNote(body=str(number), public=False))
    monkeypatch.setattr(export, "ROWS_AT_ONCE", 2)
    found = Exported(sample, sample.ann)
    assert [one["body"] for one in found.rows("service_request_note")] == ["0", "1", "2", "3", "4"]
    assert sum(map(len, found.records.values())) == sum(
        one.records for one in sample.see(count_held, sample.ann)
    )


def test_no_secret_of_any_table_is_among_the_columns_that_are_handed_out(sample: SampleDesk) -> None:
    def columns(tx: Any) -> dict[str, set[str]]:
        shown = Shown(tx, read_person(tx, sample.ann))
        return {one.table.name: set(shown.columns(one)) for one in held_tables()}

    handed_out = sample.see(columns)
    for one in held_tables():
        left_out = {*one.of_kind(Kind.SECRET), *one.of_kind(Kind.WORDS)}
        assert handed_out[one.table.name] == {column.name for column in one.table.columns} - left_out


def test_others_are_not_named_and_staff_only_where_the_portal_names_them(sample: SampleDesk) -> None:
    bob = sample.customer("Bob Ramsay", sample.site)
    sample.sell("support_hours", to=("org_unit", sample.site), minutes=600)
    request = sample.log("It beeps", item=None, customer=bob)
    for asked in (sample.log(item=None), request):
        sample.do_as(sample.technician, add_note, asked, AddNote(body="Which one?", public=True))
    sample.fire(request, "start")
    as_bob = sample.person("customer", "Bob Ramsay", customer=bob)
    sample.do_as(as_bob, add_note, request, AddNote(body="The grey one"))
    sample.work(request, 5)
    # it was his, and is hers by now, with what he wrote on it
    sample.do(change_service_request, request, ChangeServiceRequest(customer=sample.ann))
    others = sample.log("His own", item=None, customer=bob)
    found = Exported(sample, sample.ann)
    assert {one["id"] for one in found.records["service_request"]} >= {request}
    # she reads what was written to the staff about her request, not where to
    to_staff = {row.recipient for row in sample.rows(t.outbox, subject_id=request)} - {None}
    assert any(address.endswith("@staff.example") for address in to_staff)
    hidden_words = (bob, str(as_bob.id), "Bob Ramsay", "bob.ramsay", others, "His own", "@staff.example")
    for hidden in hidden_words:
        assert hidden not in found.text, hidden
    [*_, last] = found.records["service_request_note"]
    assert (last["body"], last["author"]) == ("The grey one", "Another person")
    assert {one["author"] for one in found.records["service_request_note"]} == {
        "the technician",
        "Another person",
    }
    assert {one["created_by"] for one in found.records["work_entry"]} == {""}
    assert {one["created_by"] for one in found.records["service_request"]} == {""}


def test_who_exports_must_be_an_administrator_and_a_refused_export_is_not_recorded(
    sample: SampleDesk,
) -> None:
    for actor in (sample.supervisor, sample.finance, sample.person("customer", "Ann", customer=sample.ann)):
        with pytest.raises(NotAllowed):
            export_personal_data(sample.desk, actor, sample.ann, BytesIO())
    with pytest.raises(NotFound):
        export_personal_data(sample.desk, sample.administrator, "nobody", BytesIO())
    assert sample.rows(t.audit_event, action=export.EXPORTED) == []


def test_a_file_that_cannot_be_written_leaves_nothing_behind(sample: SampleDesk, tmp_path: Path) -> None:
    target = tmp_path / "export.zip"
    assert export_to_file(sample.desk, sample.administrator, sample.ann, target) == target.stat().st_size
    assert target.stat().st_mode & 0o777 == 0o600
    with pytest.raises(CannotExport, match="already exists"):
        export_to_file(sample.desk, sample.administrator, sample.ann, target)
    with pytest.raises(NotFound):
        export_to_file(sample.desk, sample.administrator, "nobody", tmp_path / "other.zip")
    assert list(tmp_path.glob("*.zip*")) == [target]
