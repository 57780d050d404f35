"""A refused rule set is reported on the overview, the rules page, in the log, metrics and a message."""

import shutil
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from tests.support.builders import RULES
from tests.support.front import Front
from workflows.jobs.definitions import run_job
from workflows.rule_sets import folder_watch
from workflows.rule_sets.folder import read_rules_folder
from workflows.rule_sets.proposals import submit_rule_set
from workflows.rule_sets.publishing import rule_set_in_force
from workflows.store import tables as t


@pytest.fixture
def folder(front: Front, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A watched folder with the rules in force."""
    monkeypatch.setattr(folder_watch, "SETTLE_SECONDS", 0)
    place = tmp_path / "rules"
    shutil.copytree(RULES, place)
    front.office.desk.rules_folder = place
    run_job(front.office.desk, "pick_up_rules")
    return place


def test_an_invalid_folder_edit_is_reported_everywhere(front: Front, folder: Path) -> None:
    assert "Edit refused" not in front.administrator.open("/")
    path = folder / "coverage.json"
    path.write_text(path.read_text().replace('"contract_standing"', '"contract_standin"', 1))
    front.office.clock.move(seconds=2)
    with capture_logs() as logs:
        run_job(front.office.desk, "pick_up_rules")
    words = '"contract_standin" is not a valid variable.'
    home = front.administrator.open("/")
    assert "Edit refused" in home
    assert f"coverage.json:21:21 {words}" in home
    page = front.administrator.open("/rules")
    assert f"{folder}" in page
    assert words in page
    [log] = [one for one in logs if one["log_level"] == "error"]
    assert words in str(log["problems"])
    metrics = front.administrator.open("/metrics").html
    assert "coverdesk_rules_folder_errors{" in metrics
    assert any(words in row.body for row in front.office.rows(t.outbox, event="rules_refused"))
    shutil.copytree(RULES, folder, dirs_exist_ok=True)
    front.office.clock.move(seconds=2)
    run_job(front.office.desk, "pick_up_rules")
    assert "Edit refused" not in front.administrator.open("/")


def test_a_refused_publication_is_logged_and_counted(front: Front) -> None:
    page = front.administrator.open("/rules/edit")
    with capture_logs() as logs:
        front.administrator.send(
            page, "/rules/edit", step="publish", editor_note="Bad", **{"file:coverage.json": "{"}
        )
    [log] = [one for one in logs if "refused" in one["event"]]
    assert log["by"] == front.office.administrator.name
    assert "coverage.json" in str(log["problems"])
    assert 'coverdesk_rule_sets_refused_total{interface="page"}' in front.administrator.open("/metrics").html


def test_open_proposals_are_on_the_overview(front: Front) -> None:
    from workflows.administration.settings import change_settings

    office = front.office
    office.do(change_settings, {"two_person_publishing": True})
    office.desk.refresh()
    files = dict(office.see(rule_set_in_force).files)
    assert files == read_rules_folder(RULES)
    bob = office.person("administrator", "Bob")
    files["coverage.json"] += "\n"
    proposal = office.desk.perform(bob, lambda tx: submit_rule_set(tx, files, "Please")).proposal
    assert "1 proposed" in front.administrator.open("/")
    page = front.administrator.open(f"/rules/proposals/{proposal}")
    assert f"/rules/edit?from=proposal:{proposal}" in page.html.replace("%3A", ":")
