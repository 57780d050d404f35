"""A tick whose database fails at any statement is logged, and the next one works."""

from collections.abc import Iterator

import pytest
from structlog.testing import capture_logs

from tests.support.faults import Fault, counting, make_faulty
from tests.support.sample_desk import SampleDesk
from workflows.jobs.definitions import JOBS, Job
from workflows.jobs.scheduler import tick
from workflows.store import tables as t


@pytest.fixture
def desk_that_fails(postgres_database_url: str) -> Iterator[SampleDesk]:
    """A desk on PostgreSQL whose connections are faulty."""
    sample = SampleDesk(postgres_database_url)
    make_faulty(sample.desk.database.engine)
    # settings and rules are asked for each time, so that each tick has as many statements as before
    sample.desk.configs.newest_for_seconds = 0
    yield sample
    sample.close()


def run(sample: SampleDesk, job: Job) -> int | None:
    sample.clock.move(seconds=job.every_seconds)
    return tick(sample.desk, job.name, job.every_seconds)


@pytest.mark.parametrize("job", JOBS.values(), ids=JOBS)
def test_a_tick_that_loses_the_database_is_followed_by_one_that_works(
    desk_that_fails: SampleDesk, job: Job
) -> None:
    sample = desk_that_fails
    assert run(sample, job) is not None
    with counting() as plan:
        assert run(sample, job) is not None
    for fault in Fault:
        for number in range(plan.count):
            sample.desk.database.dispose()
            assert run(sample, job) is not None
            assert sample.rows(t.job_status, job=job.name)[0].last_error is None
            with capture_logs() as logs, counting(fault, number) as failing:
                done = run(sample, job)
            assert failing.happened, f"{failing.count} statements, not {plan.count}"
            assert done is not None or any(one["event"] == "job failed" for one in logs)
