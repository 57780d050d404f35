"""The stories of tests/scenarios, on both databases, with jobs that run in time and with late ones.

That a story ends the same either way is product.md 11: late jobs never change meaning.
"""

import pytest

from tests.support.scenarios.run import all_scenarios, run_scenario
from tests.support.scenarios.text import Scenario


@pytest.mark.parametrize("jobs_in_time", [True, False], ids=["jobs in time", "late jobs"])
@pytest.mark.parametrize("scenario", [pytest.param(one, id=one.id) for one in all_scenarios()])
def test_the_story_ends_as_it_says(scenario: Scenario, jobs_in_time: bool, database_url: str) -> None:
    run_scenario(scenario, database_url, jobs_in_time=jobs_in_time)
