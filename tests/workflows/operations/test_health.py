"""Health counts and what they cost."""

from sqlalchemy import event

from tests.support.sample_desk import SampleDesk
from workflows.operations.health import CACHE_TIMES_COUNTING, MIN_CACHE_SECONDS, CachedCounts, read_health


def test_counts_are_cached(sample: SampleDesk) -> None:
    """The longer counting takes, the longer they are cached."""
    at = [100.0]
    takes = [0.0]

    def timer() -> float:
        at[0] += takes[0]
        return at[0]

    def open_requests() -> int:
        return read_health(sample.desk, counts=counts).service_requests.get("open", 0)

    counts = CachedCounts(timer)
    assert open_requests() == 0
    sample.sell("subscription")
    sample.log()
    assert open_requests() == 0
    at[0] += MIN_CACHE_SECONDS
    assert open_requests() == 1
    sample.log()
    at[0] += MIN_CACHE_SECONDS
    takes[0] = 1.0
    assert open_requests() == 2
    takes[0] = 0.0
    sample.log()
    at[0] += CACHE_TIMES_COUNTING * 0.8
    assert open_requests() == 2
    at[0] += CACHE_TIMES_COUNTING * 0.4
    assert open_requests() == 3


def test_a_scrape_within_that_time_reads_no_large_table(sample: SampleDesk) -> None:
    counts = CachedCounts()
    first = read_health(sample.desk, counts=counts)
    seen: list[str] = []
    engine = sample.desk.database.engine
    event.listen(engine, "before_cursor_execute", lambda _c, _k, statement, *_: seen.append(statement))
    health = read_health(sample.desk, counts=counts)
    assert not [one for one in seen if "service_request" in one or "FROM contract" in one]
    assert health == first
