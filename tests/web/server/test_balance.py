"""Which worker leaves a connection to another one."""

from web.server.balance import MANY_CONNECTIONS, MOST_TIMES_LEFT, SECONDS_TO_LEAVE, ConnectionCounts, Share


def two_workers() -> tuple[Share, Share]:
    counts = ConnectionCounts()
    return Share(counts), Share(counts)


def test_one_worker_leaves_nothing() -> None:
    assert not Share(ConnectionCounts()).leaves(50)


def test_workers_without_connections_leave_nothing() -> None:
    first, second = two_workers()
    assert not first.leaves(0)
    assert not second.leaves(0)


def test_a_worker_leaves_to_one_with_none_or_with_less_than_a_quarter() -> None:
    first, second = two_workers()
    first.publish(1)
    assert first.leaves(1)
    second.publish(1)
    assert not first.leaves(7)
    assert first.leaves(8)
    assert not second.leaves(1)


def test_a_worker_accepts_what_no_other_has_taken() -> None:
    first, _ = two_workers()
    assert all(first.leaves(1) for _ in range(MOST_TIMES_LEFT))
    assert 0 < first.seconds_left <= SECONDS_TO_LEAVE
    assert not first.leaves(1)
    assert first.leaves(1)


def test_with_many_connections_it_then_accepts_for_a_while() -> None:
    first, _ = two_workers()
    while first.leaves(MANY_CONNECTIONS):
        pass
    assert not first.leaves(MANY_CONNECTIONS)


def test_a_worker_that_has_ended_is_left_nothing() -> None:
    counts = ConnectionCounts()
    first, second = Share(counts), Share(counts)
    counts.release(second.slot)
    assert not first.leaves(8)
    assert counts.assign() == second.slot
    assert first.leaves(8)
