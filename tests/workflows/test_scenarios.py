"""The stories of tests/scenarios, on both databases, with jobs that run in time and with late ones.

That a story ends the same either way is product.md 11: late jobs never change meaning.
"""

from typing import Any

import pytest

from tests.support.scenarios.run import all_scenarios, run_scenario
from tests.support.scenarios.text import Scenario
from tests.support.share import one_in


def cases() -> list[Any]:
    """Each story with jobs in time and with late ones; by `make test`, in turns with the one or the other."""
    ways = {"jobs in time": True, "late jobs": False}
    of_both = [
        [pytest.param(one, way, id=f"{one.id}-{name}") for name, way in ways.items()]
        for one in all_scenarios()
    ]
    return [case for number, of_one in enumerate(of_both) for case in one_in(2, of_one, number % 2)]


@pytest.mark.parametrize(("scenario", "jobs_in_time"), cases())
def test_the_story_ends_as_it_says(scenario: Scenario, jobs_in_time: bool, database_url: str) -> None:
    run_scenario(scenario, database_url, jobs_in_time=jobs_in_time)
