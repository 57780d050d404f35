"""Rule sets: the folder, publishing, and the rule set in force."""

from pathlib import Path

import pytest

from engine.rulebook import MAX_BYTES, RuleSetRefused, version_of
from tests.support.builders import RULES, DeskFixture
from workflows.core.desk import Desk
from workflows.core.errors import InvalidInput, NoRuleSet, NotAllowed, NotFound
from workflows.rule_sets.folder import check_rules_folder, read_rules_folder
from workflows.rule_sets.proposals import submit_rollback, submit_rule_set
from workflows.rule_sets.publishing import (
    check_rules,
    difference,
    get_rule_set,
    list_publications,
    publish_first,
    rule_set_in_force,
)
from workflows.store import tables as t
from workflows.store.database import Database

SHIPPED = read_rules_folder(RULES)


def changed(**texts: str) -> dict[str, str]:
    return SHIPPED | {path.replace("__", "/") + ".json": text for path, text in texts.items()}


def test_the_shipped_rules_can_be_published(bare_desk: DeskFixture) -> None:
    with pytest.raises(NoRuleSet):
        bare_desk.see(rule_set_in_force)
    version = bare_desk.publish(SHIPPED, "First")
    view = bare_desk.see(rule_set_in_force)
    assert (view.version, view.note, view.published_by) == (version, "First", "the administrator")
    assert view.published_at == bare_desk.clock.at
    assert version_of(view.files) == version
    assert bare_desk.desk.config.rules.version == version


def test_each_publication_is_stored_and_an_old_rule_set_can_be_published_again(
    bare_desk: DeskFixture,
) -> None:
    first = bare_desk.publish(SHIPPED, "First")
    bare_desk.clock.move(hours=1)
    second = bare_desk.publish(changed(coverage=SHIPPED["coverage.json"] + "\n"), "Second")
    bare_desk.clock.move(hours=1)
    assert bare_desk.do(submit_rollback, first[:8]).version == first
    page = bare_desk.see(list_publications)
    assert [(view.version, view.in_force) for view in page.items] == [
        (first, True),
        (second, False),
        (first, True),
    ]
    assert len(bare_desk.rows(t.rule_set)) == 2
    assert bare_desk.see(get_rule_set, first).note == f"Rolled back to {first[:8]}"
    assert not bare_desk.see(get_rule_set, second).in_force
    assert bare_desk.see(list_publications, limit=2).next_cursor is not None


def test_a_bad_rule_set_does_not_replace_the_one_in_force(bare_desk: DeskFixture) -> None:
    version = bare_desk.publish(SHIPPED)
    bad = changed(coverage='{\n  "name": "x",\n  "rules": [},\n}')
    with pytest.raises(RuleSetRefused) as refusal:
        bare_desk.publish(bad)
    (problem, *_) = refusal.value.problems
    assert (problem.file, problem.line) == ("coverage.json", 3)
    assert bare_desk.see(rule_set_in_force).version == version
    assert len(bare_desk.rows(t.rule_publication)) == 1
    check = bare_desk.see(check_rules, bad)
    assert not check.ok
    assert check.problems[0].file == "coverage.json"
    assert bare_desk.see(check_rules, SHIPPED).ok


def test_a_contract_type_in_use_cannot_be_removed(bare_desk: DeskFixture) -> None:
    version = bare_desk.publish(SHIPPED)
    ann = bare_desk.customer("Ann")
    with bare_desk.desk.write() as tx:
        tx.add(
            t.contract,
            id="one",
            number="SUB-1",
            type="subscription",
            draws="nothing",
            holder_kind="customer",
            time_zone="UTC",
            holder_id=ann,
            state="expired",
            starts_at=tx.now,
            created_at=tx.now,
            created_by="test",
        )
    without = {path: text for path, text in SHIPPED.items() if path != "contract_types/subscription.json"}
    with pytest.raises(RuleSetRefused) as refusal:
        bare_desk.publish(without)
    assert [problem.file for problem in refusal.value.problems] == ["contract_types/subscription.json"]
    assert not bare_desk.see(check_rules, without).ok
    assert bare_desk.see(rule_set_in_force).version == version


def test_the_folder_is_published_only_at_the_first_start(bare_desk: DeskFixture, database_url: str) -> None:
    version = publish_first(bare_desk.desk, SHIPPED)
    assert bare_desk.desk.config.rules.version == version
    other = Desk(Database(database_url, pool_size=1), bare_desk.clock)
    assert publish_first(other, changed(coverage=SHIPPED["coverage.json"] + "\n")) is None
    assert other.config.rules.version == version
    other.database.dispose()


def test_unknown_or_ambiguous_versions_are_refused(bare_desk: DeskFixture) -> None:
    bare_desk.publish(SHIPPED)
    for unknown in ("", "%", "zzzzzzzz", "\0", "a" * 200):
        with pytest.raises((NotFound, InvalidInput)):
            bare_desk.do(submit_rollback, unknown)


def test_who_may_publish_and_who_may_read(bare_desk: DeskFixture) -> None:
    bare_desk.publish(SHIPPED)
    for actor in (bare_desk.supervisor, bare_desk.finance, bare_desk.technician):
        with pytest.raises(NotAllowed):
            bare_desk.do_as(actor, submit_rule_set, SHIPPED)
    assert bare_desk.see_as(bare_desk.supervisor, rule_set_in_force).files == SHIPPED
    with pytest.raises(NotAllowed):
        bare_desk.see_as(bare_desk.technician, rule_set_in_force)


def test_the_difference_names_files_and_lines() -> None:
    lines = list(difference({"a.json": "1\n2\n", "b.json": "x"}, {"a.json": "1\n3\n", "b.json": "x"}))
    assert lines == ["--- in force/a.json", "+++ new/a.json", "@@ -1,2 +1,2 @@", " 1", "-2", "+3"]


def test_only_rule_files_are_read(tmp_path: Path) -> None:
    (tmp_path / "schema").mkdir()
    (tmp_path / "contract_types").mkdir()
    for name in (
        "coverage.json",
        "README.md",
        "schema/x.json",
        ".#coverage.json",
        "coverage.json~",
        "contract_types/a.json",
    ):
        (tmp_path / name).write_text("{}")
    assert set(read_rules_folder(tmp_path)) == {"coverage.json", "contract_types/a.json"}


def test_all_problems_of_a_folder_are_reported_at_once(tmp_path: Path) -> None:
    (tmp_path / "contract_types").mkdir()
    (tmp_path / "coverage.json").write_bytes(b'{"name": "\xff"}')
    (tmp_path / "charging.json").write_bytes(b" " * (MAX_BYTES + 1))
    (tmp_path / "slas.json").symlink_to(tmp_path / "nowhere")
    (tmp_path / "contract_types" / "one.json").write_text('{"key": ')
    _, problems = check_rules_folder(tmp_path)
    assert {problem.file for problem in problems} == {
        "charging.json",
        "contract_types/one.json",
        "coverage.json",
        "slas.json",
    }
    with pytest.raises(RuleSetRefused) as refusal:
        read_rules_folder(tmp_path)
    assert all(str(problem).count(":") >= 3 for problem in refusal.value.problems)


def test_a_byte_order_mark_gives_a_warning_and_is_removed(tmp_path: Path) -> None:
    for path, text in SHIPPED.items():
        (tmp_path / path).parent.mkdir(exist_ok=True)
        (tmp_path / path).write_text(text, encoding="utf-8")
    (tmp_path / "coverage.json").write_bytes(b"\xef\xbb\xbf" + SHIPPED["coverage.json"].encode())
    files, problems = check_rules_folder(tmp_path)
    assert [(problem.file, problem.severity) for problem in problems] == [("coverage.json", "warning")]
    assert files["coverage.json"] == SHIPPED["coverage.json"]


@pytest.mark.parametrize("kind", ["missing", "file"])
def test_a_path_that_is_not_a_folder_gives_an_error(tmp_path: Path, kind: str) -> None:
    place = tmp_path / "rules"
    if kind == "file":
        place.write_text("{}")
    with pytest.raises(RuleSetRefused) as refusal:
        read_rules_folder(place)
    assert str(place) in str(refusal.value)
