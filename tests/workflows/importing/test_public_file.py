"""The complete public ServiceNow export, if it is on this machine."""

import os
from collections import Counter
from pathlib import Path

import pytest

from tests.conftest import CHECKOUT
from tests.support.builders import DeskFixture
from workflows.core.actors import SYSTEM
from workflows.importing.history_import import import_history
from workflows.importing.mapping import read_mapping
from workflows.importing.report import ImportReport
from workflows.reports.audit import audit_desk
from workflows.store import tables as t

NAME = "servicenow_incident_events.csv"
MAPPING = CHECKOUT / "mappings" / "servicenow.json"


@pytest.fixture(scope="module")
def public_file() -> Path:
    """The export in COVERDESK_DATA_DIR, else in ../shared/data of the checkout; skips if there is none."""
    folder = Path(os.environ.get("COVERDESK_DATA_DIR") or CHECKOUT.parent / "shared" / "data")
    if not (folder / NAME).is_file():
        pytest.skip(f"No {NAME} in {folder}: set COVERDESK_DATA_DIR to run this.")
    return folder / NAME


def load(new_desk: DeskFixture, file: Path) -> ImportReport:
    mapping = read_mapping(MAPPING.name, MAPPING.read_bytes())
    return import_history(new_desk.desk, file.name, file.read_bytes(), mapping)


@pytest.mark.slow
def test_the_whole_file_is_imported(sqlite_database_url: str, public_file: Path) -> None:
    new_desk = DeskFixture(sqlite_database_url)
    new_desk.publish_rules()
    report = load(new_desk, public_file)
    assert (report.rows, report.service_requests, report.new) == (5998, 890, 890)
    assert report.rows_imported + len(report.skipped) == 5998
    assert not report.remarks
    reasons = Counter(row.text.partition(" after line ")[0].partition(" of INC")[0] for row in report.skipped)
    assert reasons == {
        "it has nothing new": 2298,
        "it is before the opening": 5,
        "its sequence is before that of line 361, but its time is later": 1,
    }
    requests = new_desk.rows(t.service_request)
    assert Counter(row.state for row in requests) == {"closed": 890}
    history = new_desk.rows(t.service_request_history)
    triggers = Counter((row.trigger, row.inferred) for row in history)
    assert triggers["reopen", False] == 11
    assert triggers["start", True] == 251
    assert triggers["log", False] == triggers["close", False] == 890
    members = Counter(row.customer_id for row in new_desk.rows(t.customer_org_unit))
    assert len(members) == 639
    assert sum(count > 1 for count in members.values()) == 15
    assert new_desk.rows(t.item, owner_org_unit_id=None) == []
    with new_desk.desk.read(SYSTEM) as tx:
        assert audit_desk(tx).ok

    again = load(new_desk, public_file)
    assert (again.rows_imported, again.new, len(again.skipped)) == (0, 0, 5998)
    assert len(new_desk.rows(t.service_request_history)) == len(history)
    new_desk.close()
