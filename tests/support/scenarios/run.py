"""Carries scenarios out: each line through the use case it names, its expectations right after it."""

from datetime import datetime
from pathlib import Path

from engine.errors import DeskError
from tests.support.sample_desk import SampleDesk
from tests.support.scenarios.facts import FACTS, actual, expected
from tests.support.scenarios.forms import BadValue
from tests.support.scenarios.story import Story, UnknownName
from tests.support.scenarios.text import Event, Fact, Language, Scenario, read_scenarios
from tests.support.scenarios.verbs import EVENTS, NOTHING_MORE, SPLITS, VERBS, Outcome
from workflows.reports.audit import audit_desk

FOLDER = Path(__file__).resolve().parents[2] / "scenarios"
CHECKOUT = FOLDER.parents[1]
LANGUAGE = Language(EVENTS, frozenset(SPLITS), FACTS)


class NotAsExpected(AssertionError):
    """An expectation that does not hold: file, line, expected and actual."""


def all_scenarios(folder: Path = FOLDER) -> list[Scenario]:
    """The scenarios of every file. Raises: ScenarioError."""
    return [one for path in sorted(folder.glob("*.txt")) for one in scenarios_of(path)]


def scenarios_of(path: Path) -> list[Scenario]:
    """The scenarios of one file. Raises: ScenarioError."""
    shown = path.relative_to(CHECKOUT) if path.is_relative_to(CHECKOUT) else path
    return read_scenarios(path.read_text(), shown.as_posix(), LANGUAGE)


def run_scenario(scenario: Scenario, database_url: str, *, jobs_in_time: bool) -> None:
    """Run a scenario on a new desk, in an empty migrated database, and audit the ledger at its end.

    Raises: NotAsExpected; ScenarioError for a line that cannot be carried out.
    """
    sample = SampleDesk(database_url)
    try:
        story = Story.begin(sample, scenario.settings, jobs_in_time=jobs_in_time)
        for event in scenario.events:
            _run(story, event)
        audit(story, scenario)
    finally:
        sample.close()


def _run(story: Story, event: Event) -> None:
    try:
        story.move_to(event.at)
        outcome = _carry_out(story, event)
        if event.split is not None and outcome.split != event.split:
            raise _differs(event, ", ".join(event.split), ", ".join(outcome.split or ()))
        for fact in event.facts:
            _check(story, event, fact, outcome.as_of)
    except (UnknownName, BadValue) as error:
        raise event.place.error(str(error)) from error


def _carry_out(story: Story, event: Event) -> Outcome:
    try:
        outcome = VERBS[event.form.text](story, *event.values) or NOTHING_MORE
    except DeskError as error:
        if event.refused == error.code:
            return NOTHING_MORE
        wanted = f"refused {event.refused}" if event.refused else "done"
        raise _differs(event, wanted, f"refused {error.code}: {error}") from error
    if event.refused:
        raise _differs(event, f"refused {event.refused}", "done")
    return outcome


def _check(story: Story, event: Event, fact: Fact, as_of: datetime | None) -> None:
    wanted = expected(fact.values, fact.form)
    found = actual(story, fact.subject, fact.form, as_of)
    if found != wanted:
        raise _differs(event, f"{fact.subject} {wanted}", f"{fact.subject} {found}")


def audit(story: Story, scenario: Scenario) -> None:
    """Audit the ledger, before and after the jobs that are still due. Raises: NotAsExpected."""
    for _ in range(2):
        found = story.sample.see(audit_desk)
        if not found.ok:
            raise NotAsExpected(f"{scenario.place}: the audit of the ledger finds {found.differences}")
        story.run_jobs()


def _differs(event: Event, wanted: str, found: str) -> NotAsExpected:
    return NotAsExpected(f"{event.place}: {event.text}\n  expected: {wanted}\n  actual:   {found}")
