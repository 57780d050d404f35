"""The reader of tests/scenarios: wrong expectations fail, bad lines are named with file and line."""

from pathlib import Path

import pytest

from tests.support.sample_desk import SampleDesk
from tests.support.scenarios.facts import FACTS
from tests.support.scenarios.forms import GRANT, Form, GrantText, Quantity, read_moment
from tests.support.scenarios.run import (
    FOLDER,
    LANGUAGE,
    NotAsExpected,
    all_scenarios,
    audit,
    run_scenario,
    scenarios_of,
)
from tests.support.scenarios.story import Story
from tests.support.scenarios.text import Scenario, ScenarioError, read_scenarios
from tests.support.scenarios.verbs import EVENTS
from workflows.store import tables as t

HEAD = """scenario A story
    # Why.
    2026-03-02  sell C1 support_hours to ann with G1 60m
    2026-03-02  log R1
"""


def story(line: str) -> Scenario:
    [found] = read_scenarios(HEAD + line, "a.txt", LANGUAGE)
    return found


@pytest.mark.parametrize(
    ("line", "expected", "actual"),
    [
        ("work 20m on R1 -> G1 21", "G1 21", "G1 20"),
        ("work 20m on R1 -> G1 20, carried 1", "G1 20, carried 1", "G1 20"),
        ("work 70m on R1 -> carried 10, G1 60", "carried 10, G1 60", "G1 60, carried 10"),
        ("work 20m on R1 -> G1 20; C1 available 60", "C1 available 60", "C1 available 40"),
        ("check -> C1 is exhausted", "C1 is exhausted", "C1 is active"),
        ("check -> C1 purchased 60, held 1", "C1 held 1", "C1 held 0"),
        ("check -> G1 expired 5", "G1 expired 5", "G1 expired 0"),
        ("check -> C1 ends 2026-12-31", "C1 ends 2026-12-31", "C1 ends never"),
        ("check -> C1 starts 2026-03-01", "C1 starts 2026-03-01", "C1 starts 2026-03-02"),
        ("check -> R1 is closed", "R1 is closed", "R1 is open"),
        ("check -> R1 waits for C1", "R1 waits for C1", "R1 covered by C1"),
        ("check -> R1 uncovered", "R1 uncovered", "R1 covered by C1"),
        ("check -> ann carried 1", "ann carried 1", "ann carried 0"),
        ("check as of 2026-03-01 -> C1 available 60", "C1 available 60", "C1 available 0"),
        ("close R1 -> R1 is closed", "done", "refused state-forbids"),
        ("close R1 -> refused invalid-input", "refused invalid-input", "refused state-forbids"),
        ("resolve R1 -> refused state-forbids", "refused state-forbids", "done"),
    ],
)
def test_an_expectation_that_does_not_hold_names_file_line_and_both(
    line: str, expected: str, actual: str, sqlite_database_url: str
) -> None:
    with pytest.raises(NotAsExpected) as failure:
        run_scenario(story(f"    2026-03-02  {line}"), sqlite_database_url, jobs_in_time=False)
    first, wanted, found = str(failure.value).splitlines()
    assert first == f"a.txt:5: {line.partition(' ->')[0]}"
    assert wanted == f"  expected: {expected}"
    assert found.startswith(f"  actual:   {actual}")


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("2026-03-02  refund C1", "'refund C1' is no event. Known forms:\n  sell CONTRACT"),
        ("2026-03-02  work 20 on R1 -> G1 20", "'work 20 on R1' is no event"),
        ("2026-03-02  check -> C1 has 60", "'has 60' is no fact. Known forms:\n  purchased NUMBER"),
        ("2026-03-02  check -> C1 available", "'available' is no fact"),
        ("2026-03-02  work 20m on R1", "Say where the minutes go"),
        ("2026-03-02  work 20m on R1 -> G1", "'G1' is no part of the split"),
        ("2026-02-30  check -> C1 is active", "2026-02-30: day"),
        ("2026-03-02 25:00  check -> C1 is active", "2026-03-02 25:00: hour"),
        ("2026-03-02  work 5m on R1 at 2026-02-30 -> G1 5", "2026-02-30: day"),
        ("2026-03-01  check -> C1 is active", "Time goes only forward: a.txt:4 is later"),
        ("02.03.2026  check -> C1 is active", "is no line of a scenario"),
        ("setting cascade on", "Settings come before the first event"),
        ("2026-03-02  top up C1 with 60m", "'60m' is no grant; write NAME QUANTITY"),
        ("2026-03-02  top up C1 with G2 60m a month until 2026-03-31", "the months have their own"),
    ],
)
def test_a_line_that_does_not_read_is_named_with_file_and_line(line: str, words: str) -> None:
    with pytest.raises(ScenarioError) as failure:
        story(f"    {line}")
    assert str(failure.value).startswith("a.txt:5: ")
    assert words in str(failure.value)


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("check -> C2 is active", "There is no grant C2"),
        ("enable C2", "There is no contract C2; known: C1"),
        ("close R2", "There is no service request R2; known: R1"),
        ("sell C2 subscription to bob", "There is no holder bob; known: ann"),
        ("sell C1 subscription to ann", "The name C1 is taken"),
        ("check -> laptop carried 0", "No line has sold laptop a contract"),
        ("check -> G1 is active", "G1 has no fact 'is WORD'"),
        ("check as of 2026-03-02 -> R1 is open", "A service request is asked as of now"),
        ("top up C1 with M 60m a month", "only what is sold comes by the month"),
    ],
)
def test_a_line_that_cannot_be_carried_out_is_named_with_file_and_line(
    line: str, words: str, sqlite_database_url: str
) -> None:
    scenario = story(f"    2026-03-02  check -> C1 is active\n    2026-03-02  {line}")
    with pytest.raises(ScenarioError) as failure:
        run_scenario(scenario, sqlite_database_url, jobs_in_time=False)
    assert str(failure.value).startswith("a.txt:6: ")
    assert words in str(failure.value)


def test_a_time_that_the_clocks_leave_out_is_refused(sqlite_database_url: str) -> None:
    text = """scenario In spring
    # Why.
    setting time_zone Europe/Berlin
    2026-03-29 02:30  sell C1 subscription to ann -> C1 is active
    """
    [scenario] = read_scenarios(text, "a.txt", LANGUAGE)
    with pytest.raises(ScenarioError, match=r"^a\.txt:4: The clocks of Europe/Berlin never show"):
        run_scenario(scenario, sqlite_database_url, jobs_in_time=False)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "a.txt:1: The file has no scenario."),
        ("2026-03-02  jobs", "a.txt:1: Begin with a line 'scenario TITLE'."),
        ("scenario One\n    2026-03-02  check -> C1 is active", "a.txt:1: Say in a comment"),
        ("scenario One\n    # Why.\n    2026-03-02  jobs", "a.txt:1: It expects nothing"),
        (f"{HEAD}2026-03-02 check -> C1 is active\n{HEAD}", "a.txt:6: a.txt:1 has the same title."),
    ],
)
def test_a_scenario_without_its_parts_is_refused(text: str, words: str) -> None:
    with pytest.raises(ScenarioError) as failure:
        read_scenarios(text, "a.txt", LANGUAGE)
    assert str(failure.value).startswith(words)


def test_a_ledger_that_does_not_add_up_fails_the_story(sqlite_database_url: str) -> None:
    scenario = story("    2026-03-02  work 20m on R1 -> G1 20")
    sample = SampleDesk(sqlite_database_url)
    running = Story.begin(sample, {}, jobs_in_time=False)
    contract = sample.sell("support_hours", minutes=60)
    audit(running, scenario)
    with sample.desk.write() as tx:
        tx.connection.execute(t.grant_balance.update().values(available=59))
    with pytest.raises(NotAsExpected, match=rf"^a\.txt:1: the audit .*{sample.grants(contract)[0].grant_id}"):
        audit(running, scenario)
    sample.close()


@pytest.mark.parametrize("jobs_in_time", [True, False])
def test_jobs_run_in_time_or_not_at_all(jobs_in_time: bool, sqlite_database_url: str) -> None:
    """A contract has become active in the database when its start has gone by, or still has not."""
    sample = SampleDesk(sqlite_database_url)
    running = Story.begin(sample, {}, jobs_in_time=jobs_in_time)
    running.move_to(read_moment("2026-03-02"))
    contract = sample.sell("subscription", starts_at=running.instant(read_moment("2026-03-09")))
    running.move_to(read_moment("2026-03-10"))
    assert sample.contract(contract).state == ("active" if jobs_in_time else "pending")
    sample.close()


def test_forms_read_what_they_describe_and_nothing_else() -> None:
    form = Form("work MINUTES on REQUEST [at INSTANT]")
    assert form.read("work 90m on R1") == [90, "R1", None]
    assert form.read("work 90m on R1 at 2026-03-30 10:15") == [90, "R1", read_moment("2026-03-30 10:15")]
    for other in ("work 90m on R1 at", "work 90m on R1 2026-03-30", "work 90m", "work 9.5m on R1"):
        assert form.read(other) is None
    assert Form("log REQUEST [without item]").read("log R1 without item") == ["R1", True]
    assert Form("log REQUEST [without item]").read("log R1") == ["R1", False]
    found = GRANT.read("G1 2 incidents until 2026-03-31")
    assert found is not None
    until = read_moment("2026-03-31")
    assert GrantText(*found) == GrantText("G1", Quantity("incidents", 2), False, None, until)


def test_the_readme_lists_every_form_and_its_own_story_reads() -> None:
    readme = (FOLDER / "README.md").read_text()
    listed = {line.strip() for line in readme.splitlines() if line.startswith("    ")}
    assert {one.text for one in (*EVENTS, GRANT)} <= listed
    assert [one.text for one in FACTS if f"`{one.text}`" not in readme] == []
    example = readme.partition("## A story\n")[2].partition("\nA line is")[0]
    assert len(read_scenarios(example, "README.md", LANGUAGE)[0].events) == 4


def test_every_file_of_the_folder_is_read() -> None:
    files = {path for path in FOLDER.iterdir() if path.name != "README.md"}
    assert {path.suffix for path in files} == {".txt"}
    assert sum(len(scenarios_of(path)) for path in files) == len(all_scenarios()) >= 20
    assert {Path(one.place.file).name for one in all_scenarios()} == {path.name for path in files}
