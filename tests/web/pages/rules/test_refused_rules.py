"""A refused rule set is reported on the overview, the rules page, in the log, metrics and a message."""

import shutil
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from tests.support.builders import RULES
from tests.support.web_clients import WebClients
from workflows.jobs.definitions import run_job
from workflows.rule_sets import folder_watch
from workflows.rule_sets.folder import read_rules_folder
from workflows.rule_sets.proposals import submit_rule_set
from workflows.rule_sets.publishing import rule_set_in_force
from workflows.store import tables as t


@pytest.fixture
def folder(web: WebClients, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A watched folder with the rules in force."""
    monkeypatch.setattr(folder_watch, "SETTLE_SECONDS", 0)
    place = tmp_path / "rules"
    shutil.copytree(RULES, place)
    web.sample.desk.rules_folder = place
    run_job(web.sample.desk, "pick_up_rules")
    return place


def test_an_invalid_folder_edit_is_reported_everywhere(web: WebClients, folder: Path) -> None:
    assert "Edit refused" not in web.administrator.open("/")
    path = folder / "coverage.json"
    path.write_text(path.read_text().replace('"contract_standing"', '"contract_standin"', 1))
    web.sample.clock.move(seconds=2)
    with capture_logs() as logs:
        run_job(web.sample.desk, "pick_up_rules")
    words = '"contract_standin" is not a valid variable.'
    home = web.administrator.open("/")
    assert "Edit refused" in home
    assert f"coverage.json:21:21 {words}" in home
    page = web.administrator.open("/rules")
    assert f"{folder}" in page
    assert words in page
    [log] = [one for one in logs if one["log_level"] == "error"]
    assert words in str(log["problems"])
    metrics = web.administrator.open("/metrics").html
    assert "coverdesk_rules_folder_errors{" in metrics
    assert any(words in row.body for row in web.sample.rows(t.outbox, event="rules_refused"))
    shutil.copytree(RULES, folder, dirs_exist_ok=True)
    web.sample.clock.move(seconds=2)
    run_job(web.sample.desk, "pick_up_rules")
    assert "Edit refused" not in web.administrator.open("/")


def test_a_refused_publication_is_logged_and_counted(web: WebClients) -> None:
    page = web.administrator.open("/rules/edit")
    with capture_logs() as logs:
        web.administrator.send(
            page, "/rules/edit", step="publish", editor_note="Bad", **{"file:coverage.json": "{"}
        )
    [log] = [one for one in logs if "refused" in one["event"]]
    assert log["by"] == web.sample.administrator.name
    assert "coverage.json" in str(log["problems"])
    assert 'coverdesk_rule_sets_refused_total{interface="page"}' in web.administrator.open("/metrics").html


def test_open_proposals_are_on_the_overview(web: WebClients) -> None:
    from workflows.administration.settings import change_settings

    sample = web.sample
    sample.do(change_settings, {"two_person_publishing": True})
    sample.desk.refresh()
    files = dict(sample.see(rule_set_in_force).files)
    assert files == read_rules_folder(RULES)
    bob = sample.person("administrator", "Bob")
    files["coverage.json"] += "\n"
    proposal = sample.desk.perform(bob, lambda tx: submit_rule_set(tx, files, "Please")).proposal
    assert "1 proposed" in web.administrator.open("/")
    page = web.administrator.open(f"/rules/proposals/{proposal}")
    assert f"/rules/edit?from=proposal:{proposal}" in page.html.replace("%3A", ":")
