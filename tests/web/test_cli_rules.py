"""The commands for rules and decisions, called as from a shell."""

import csv
import json
import logging
import os
import shutil
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from socket import gethostname

import pytest
from click.testing import CliRunner, Result

from tests.support.builders import RULES
from tests.support.rate_cards import rate_card
from tests.support.sample_desk import SampleDesk
from web.cli import main
from workflows.rule_sets.folder import read_rules_folder
from workflows.store import tables as t
from workflows.store.ids import new_id

Run = Callable[..., Result]


@pytest.fixture
def run(database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Run]:
    """Return a function that runs a command on the test's database and returns exit code and output."""
    monkeypatch.chdir(tmp_path)
    for name in os.environ:
        if name.startswith("COVERDESK_"):
            monkeypatch.delenv(name)
    env = {"COVERDESK_DATABASE_URL": database_url, "COVERDESK_RULES_DIR": str(RULES)}
    handlers = logging.getLogger().handlers[:]

    def call(*arguments: str, **changes: str) -> Result:
        return CliRunner().invoke(main, arguments, env=env | changes, prog_name="coverdesk")

    yield call
    logging.getLogger().handlers[:] = handlers


def test_decisions_are_verified(sample: SampleDesk, run: Run) -> None:
    sample.sell("subscription")
    sample.log()
    good = run("decisions", "verify")
    assert (good.exit_code, good.stdout) == (0, "")
    assert good.stderr == "1 decisions verified, 0 differ.\n"
    (row,) = sample.rows(t.coverage_decision)
    with sample.desk.write() as tx:
        tx.add(t.coverage_decision, **(dict(row._mapping) | {"id": new_id(), "rule": "no-such-rule"}))
    bad = run("decisions", "verify", "--from", "2026-03-02T00:00:00Z")
    assert bad.exit_code == 1
    assert f"rule: stored no-such-rule, recomputed {row.rule}" in bad.stdout
    assert run("decisions", "verify", "--to", "2026-03-02T00:00:00Z").stderr.startswith("0 decisions")


def edit(tmp_path: Path, name: str = "rules", number: int = 1) -> Path:
    """Return a folder with the shipped rules, changed without changing their meaning."""
    place = tmp_path / name
    if not place.exists():
        shutil.copytree(RULES, place)
    (place / "coverage.json").write_text((RULES / "coverage.json").read_text() + "\n" * number)
    return place


def test_versions_are_published_compared_and_rolled_back(
    sample: SampleDesk, run: Run, tmp_path: Path
) -> None:
    first = sample.desk.config.rules.version
    folder = edit(tmp_path)
    made = run("rules", "publish", str(folder), "--note", "A line more", "--based-on", first[:10])
    assert (made.exit_code, made.stderr) == (0, "")
    second = made.stdout.strip()
    shown = run("rules", "diff", "--from", first[:10], "--to", second)
    assert shown.stdout.splitlines()[:2] == [
        f"--- {first[:10]}/coverage.json",
        f"+++ {second}/coverage.json",
    ]
    assert run("rules", "diff", str(folder)).stdout == ""
    assert run("rules", "diff", str(folder), "--to", first).exit_code == 2
    late = run("rules", "publish", str(edit(tmp_path, number=2)), "--note", "x", "--based-on", first[:10])
    assert late.exit_code == 1
    assert second[:12] in late.stderr
    too_short = run("rules", "rollback", first[:5])
    assert (too_short.exit_code, "Give 6 or more characters" in too_short.stderr) == (1, True)
    back = run("rules", "rollback", first[:8])
    assert (back.exit_code, back.stdout.strip()) == (0, first)
    lines = run("rules", "history").stdout.splitlines()
    assert lines[0].startswith(f"* {first[:12]}")
    assert lines[1].startswith(f"  {second[:12]}")
    assert "A line more" in lines[1]


def test_publish_and_rollback_say_how_many_targets_moved(
    sample: SampleDesk, run: Run, tmp_path: Path
) -> None:
    first = sample.desk.config.rules.version
    sample.clock.at = datetime.now(UTC)  # the command uses the real clock
    sample.sell("subscription")
    for _ in range(2):
        sample.log(priority="low")
    folder = edit(tmp_path)
    slas = json.loads((folder / "slas.json").read_text())
    slas["slas"][0]["targets"]["low"]["response_minutes"] += 60
    (folder / "slas.json").write_text(json.dumps(slas))
    made = run("rules", "publish", str(folder), "--note", "More time")
    assert (made.exit_code, made.stderr) == (0, "2 open service level targets moved.\n")
    sample.set(two_person_publishing=True)
    back = run("rules", "rollback", first)
    assert back.stderr.splitlines() == [
        "2 open service level targets would move.",
        "Proposed. It comes into force when an administrator approves it.",
    ]


def test_unchanged_files_are_not_published_again(sample: SampleDesk, run: Run) -> None:
    before = run("rules", "history").stdout
    made = run("rules", "publish", str(RULES), "--note", "Nothing new")
    assert made.exit_code == 0
    assert made.stdout.strip() == sample.desk.config.version
    assert made.stderr.strip() == "Unchanged: this rule set is already in force."
    assert run("rules", "history").stdout == before


def test_with_approval_required_publish_creates_a_proposal(
    sample: SampleDesk, run: Run, tmp_path: Path
) -> None:
    first = sample.desk.config.rules.version
    sample.set(two_person_publishing=True)
    made = run("rules", "publish", str(edit(tmp_path)), "--note", "A line more")
    assert made.exit_code == 0
    assert "when an administrator approves it" in made.stderr
    (proposal,) = sample.rows(t.rule_proposal)
    assert proposal.version == made.stdout.strip() != first
    assert sample.desk.refresh().rules.version == first


def test_publishing_the_watched_folder_leaves_no_change_to_pick_up(
    sample: SampleDesk, run: Run, tmp_path: Path
) -> None:
    folder = edit(tmp_path)
    watched = {"COVERDESK_RULES_DIR": str(folder)}
    assert run("run-job", "pick_up_rules", **watched).stdout == "pick_up_rules: 0 done\n"
    edit(tmp_path, number=2)
    published = run("rules", "publish", "--note", "Two lines", **watched).stdout.strip()
    assert run("run-job", "pick_up_rules", **watched).stdout == "pick_up_rules: 0 done\n"
    edit(tmp_path, number=3)
    assert run("run-job", "pick_up_rules", **watched).stdout == "pick_up_rules: 1 done\n"
    assert sample.desk.refresh().rules.version != published
    assert [row.host for row in sample.rows(t.rules_folder)] == [gethostname()]


def test_the_rules_are_shown_as_files_and_as_code(sample: SampleDesk, run: Run, tmp_path: Path) -> None:
    files = run("rules", "show")
    assert files.exit_code == 0
    assert files.stdout.startswith('# calendars.json\n{\n  "$schema"')
    code = run("rules", "show", "--compiled").stdout
    assert code.startswith("# coverage.json\n")
    assert "def decide(request, contracts):" in code
    version = sample.desk.config.rules.version
    assert run("rules", "show", "--compiled", "--version", version[:10]).stdout == code
    without_database = run(
        "rules", "show", "--compiled", str(RULES), COVERDESK_DATABASE_URL="sqlite:////nowhere/x"
    )
    assert without_database.stdout == code
    both = run("rules", "show", str(RULES), "--version", version)
    assert (both.exit_code, "not both" in both.stderr) == (2, True)
    (tmp_path / "coverage.json").write_text("{")
    bad = run("rules", "show", "--compiled", str(tmp_path))
    assert bad.exit_code == 1
    assert "coverage.json:1:" in bad.stderr


def test_the_rules_in_force_are_written_to_a_folder_and_published_from_it(
    sample: SampleDesk, run: Run, tmp_path: Path
) -> None:
    sample.publish_rules(rate_cards__agreed=rate_card(9_600))
    in_force, folder = sample.desk.refresh().rules, tmp_path / "all" / "rules"
    written = run("rules", "show", "--into", str(folder))
    assert written.stdout == f"{len(in_force.files)} files written to {folder}.\n"
    assert read_rules_folder(folder) == in_force.files
    assert in_force.version[:10] in run("rules", "publish", "--note", "Again", str(folder)).stdout
    assert sample.desk.refresh().rules.version == in_force.version
    taken = run("rules", "show", "--into", str(folder))
    assert (taken.exit_code, "is not empty. Name a new folder." in taken.stderr) == (1, True)
    (tmp_path / "file").write_text("")
    no_folder = run("rules", "show", "--into", str(tmp_path / "file"))
    assert (no_folder.exit_code, "cannot be written" in no_folder.stderr) == (1, True)
    both = run("rules", "show", "--compiled", "--into", str(tmp_path / "new"))
    assert (both.exit_code, "not both" in both.stderr) == (2, True)


# ------------------------------------------------------------------ replay


def customer_first(tmp_path: Path) -> Path:
    place = tmp_path / "customer_first"
    shutil.copytree(RULES, place)
    shutil.copyfile(RULES / "variants" / "customer_first.json", place / "coverage.json")
    return place


def test_a_folder_is_replayed_on_past_requests(sample: SampleDesk, run: Run, tmp_path: Path) -> None:
    item = sample.sell("subscription", to=("item", sample.laptop))
    mine = sample.sell("subscription")
    one, two = sample.log(), sample.log()
    sample.work(one, 90)
    folder = str(customer_first(tmp_path))
    span = ("--from", "2026-03-01", "--to", "2026-03-03T00:00:00Z")
    found = run("rules", "replay", *span, folder)
    assert found.exit_code == 0, found.stderr
    moved = f"covered {sample.contract(item).number} -> covered {sample.contract(mine).number}"
    assert found.stdout.splitlines() == [
        f"{sample.request(one).number}  2026-03-02T09:00:00Z  {moved}  90 min",
        f"{sample.request(two).number}  2026-03-02T09:00:00Z  {moved}",
    ]
    assert found.stderr.splitlines() == [
        "2 decisions, 2 would differ.",
        f"  2 from covered {sample.contract(item).number} to covered {sample.contract(mine).number}, 90 min",
        "90 of 90 worked minutes would move.",
    ]
    same = run("rules", "replay", *span)
    assert (same.stdout, same.stderr) == ("", "2 decisions, 0 would differ.\n")
    written = run("rules", "replay", *span, folder, "--csv", "march.csv")
    assert (written.exit_code, written.stdout) == (0, "")
    rows = list(csv.DictReader((tmp_path / "march.csv").read_text(encoding="utf-8").splitlines()))
    assert [row["number"] for row in rows] == [sample.request(one).number, sample.request(two).number]
    assert (rows[0]["covered_minutes_before"], rows[0]["covered_minutes_after"]) == ("90", "90")
    assert (rows[0]["contract_after"], rows[0]["changes"]) == (sample.contract(mine).number, "contract")
    assert run("rules", "replay", *span, folder, "--csv", "-").stdout.count("\n") == 3


def test_replay_reports_invalid_input(sample: SampleDesk, run: Run, tmp_path: Path) -> None:
    span = ("--from", "2026-03-01", "--to", "2026-03-03")
    folder = edit(tmp_path)
    (folder / "coverage.json").write_text('{\n  "name": ,\n}')
    bad = run("rules", "replay", *span, str(folder))
    assert bad.exit_code == 1
    assert f"{folder}/coverage.json:2:" in bad.stdout
    assert run("rules", "replay", "--from", "yesterday", "--to", "2026-03-03").exit_code == 2
    assert run("rules", "replay", "--from", "2026-03-03", "--to", "2026-03-03").exit_code == 1
    nowhere = run("rules", "replay", *span, "--csv", str(tmp_path / "no" / "where.csv"))
    assert (nowhere.exit_code, "cannot be written" in nowhere.stderr) == (1, True)
