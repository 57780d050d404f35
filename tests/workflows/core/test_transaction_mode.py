"""What a transaction may do in each mode, and the error of each move that is not allowed."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import replace
from typing import Any

import pytest
from sqlalchemy import event, literal_column, select

from tests.support.builders import DeskFixture
from workflows.core.actors import SYSTEM
from workflows.core.transaction import MOST_TOGETHER, Transaction
from workflows.core.transaction_mode import MOVES, ForbiddenMove, Mode, NotWriting, PendingRows
from workflows.store import tables as t
from workflows.store.compiled_statements import next_version
from workflows.store.multi_table_insert import Precondition, PreconditionFailed

FALSE = Precondition(select(t.audit_event.c.id).where(literal_column("1 = 0")), {})
BATCH_MODES = (Mode.BATCHING, Mode.SINGLE_STATEMENT)


def audit(tx: Transaction, action: str = "tried") -> None:
    tx.audit("desk", "1", action)


def actions(new_desk: DeskFixture) -> list[str]:
    return sorted(row.action for row in new_desk.rows(t.audit_event, subject_kind="desk"))


def org_unit(new_desk: DeskFixture, key: str) -> dict[str, Any]:
    return {"id": key, "code": key, "name": "Before", "created_at": new_desk.clock.now(), "search_words": ""}


@contextmanager
def transaction_in(new_desk: DeskFixture, mode: Mode) -> Iterator[Transaction]:
    """A transaction that has reached the mode by the moves that lead there."""
    opened: dict[Mode, Callable[[], AbstractContextManager[Transaction]]] = {
        Mode.READ_ONLY: new_desk.desk.read,
        Mode.READ_FIRST: lambda: new_desk.desk.write_on_demand(SYSTEM),
        Mode.WRITING: new_desk.desk.write,
        Mode.BATCHING: new_desk.desk.write,
    }
    with opened.get(mode, lambda: new_desk.desk.write_on_demand(SYSTEM, exclusive=True))() as tx:
        if mode is Mode.BATCHING:
            with tx.state.batching(t.audit_event.c.id, None):
                yield tx
        elif mode is Mode.SINGLE_STATEMENT:
            with tx.single_statement(t.audit_event.c.id):
                yield tx
        elif mode is Mode.COMMITTED:
            with tx.single_statement(t.audit_event.c.id):
                audit(tx)
            yield tx
        else:
            yield tx


def start_writing(tx: Transaction) -> None:
    tx.state.start_writing()


def begin_batch(tx: Transaction) -> None:
    with tx.state.batching(t.audit_event.c.id, None):
        assert tx.state.mode is Mode.BATCHING


def begin_single_statement(tx: Transaction) -> None:
    with tx.single_statement(t.audit_event.c.id):
        assert tx.state.mode is Mode.SINGLE_STATEMENT


STARTS = {
    Mode.WRITING: start_writing,
    Mode.BATCHING: begin_batch,
    Mode.SINGLE_STATEMENT: begin_single_statement,
}


@pytest.mark.parametrize("mode", Mode)
def test_every_move_is_allowed_or_refused_as_the_table_says(bare_desk: DeskFixture, mode: Mode) -> None:
    for target, start in STARTS.items():
        with transaction_in(bare_desk, mode) as tx:
            assert tx.state.mode is mode
            # a batch becomes writing at the end of its block, not by starting to write
            if target in MOVES[mode] and mode is not Mode.BATCHING:
                start(tx)
            else:
                with pytest.raises(ForbiddenMove, match=mode.value):
                    start(tx)
                assert tx.state.mode is mode


@pytest.mark.parametrize("mode", Mode)
def test_a_row_is_written_only_where_the_mode_writes(bare_desk: DeskFixture, mode: Mode) -> None:
    writes = mode in (Mode.WRITING, *BATCH_MODES)
    with transaction_in(bare_desk, mode) as tx:
        before = len(actions(bare_desk))
        if writes:
            audit(tx, "written")
        else:
            for write in (
                audit,
                lambda tx: tx.add_all(t.audit_event, []),
                lambda tx: tx.change(t.audit_event, "1", action="changed"),
                lambda tx: tx.run(None, {}),
                Transaction.flush,
            ):
                with pytest.raises(NotWriting, match=mode.value):
                    write(tx)
    assert len(actions(bare_desk)) == before + writes


@pytest.mark.parametrize("mode", Mode)
def test_every_mode_reads(bare_desk: DeskFixture, mode: Mode) -> None:
    with transaction_in(bare_desk, mode) as tx:
        assert tx.connection.execute(select(literal_column("1"))).scalar_one() == 1


@pytest.mark.parametrize("mode", BATCH_MODES)
def test_pending_rows_are_never_written_by_a_read(bare_desk: DeskFixture, mode: Mode) -> None:
    with transaction_in(bare_desk, mode) as tx:
        audit(tx)
        with pytest.raises(PendingRows, match=mode.value):
            _ = tx.connection
    assert actions(bare_desk) == ["tried"]


@pytest.mark.parametrize("mode", BATCH_MODES)
def test_changes_and_several_rows_go_with_a_batch(bare_desk: DeskFixture, mode: Mode) -> None:
    with bare_desk.desk.write() as tx:
        tx.add(t.org_unit, **org_unit(bare_desk, "unit"))
    with transaction_in(bare_desk, mode) as tx:
        audit(tx, "first")
        tx.change(t.org_unit, "unit", name="After", version=next_version(t.org_unit))
        tx.add_all(t.org_unit, [org_unit(bare_desk, f"unit {number}") for number in range(2)])
        with pytest.raises(PendingRows):
            _ = tx.connection
    assert actions(bare_desk) == ["first"]
    names = [(row.id, row.name, row.version) for row in bare_desk.rows(t.org_unit)]
    assert sorted(names) == [("unit", "After", 2), ("unit 0", "Before", 1), ("unit 1", "Before", 1)]


def test_a_batch_sends_many_rows_and_other_changes_at_once(bare_desk: DeskFixture) -> None:
    with bare_desk.desk.write() as tx, tx.batch(t.audit_event.c.id):
        audit(tx, "first")
        tx.add_all(t.org_unit, [org_unit(bare_desk, f"{number}") for number in range(MOST_TOGETHER + 1)])
        assert tx.connection is not None
        audit(tx, "second")
        tx.change(t.org_unit, "3", name=t.org_unit.c.name + "!")
        assert tx.connection is not None
    assert actions(bare_desk) == ["first", "second"]
    names = [row.name for row in bare_desk.rows(t.org_unit)]
    assert sorted(names) == ["Before"] * MOST_TOGETHER + ["Before!"]


def test_a_batch_is_read_after_it_is_flushed(bare_desk: DeskFixture) -> None:
    with bare_desk.desk.write() as tx:
        with tx.state.batching(t.audit_event.c.id, None) as batch:
            audit(tx, "first")
            tx.flush()
            stored = select(t.audit_event.c.id, t.audit_event.c.action)
            [row] = tx.connection.execute(stored.where(t.audit_event.c.subject_kind == "desk")).all()
            assert (row.id, row.action) == (batch.returned, "first")
            tx.flush()
            audit(tx, "second")
        assert tx.state.mode is Mode.WRITING
    assert actions(bare_desk) == ["first", "second"]


def test_a_batch_is_one_statement_on_postgresql(bare_desk: DeskFixture) -> None:
    sent: list[str] = []

    def listen(_c: Any, _k: Any, statement: str, *_: Any) -> None:
        sent.append(statement)

    with bare_desk.desk.write() as tx:
        tx.connection.execute(select(literal_column("1")))
        event.listen(bare_desk.desk.database.engine, "before_cursor_execute", listen)
        with tx.batch(t.audit_event.c.id):
            audit(tx, "first")
            audit(tx, "second")
    assert len(sent) == (2 if bare_desk.desk.database.is_sqlite else 1)
    assert actions(bare_desk) == ["first", "second"]


def test_a_batch_needs_a_writing_transaction(bare_desk: DeskFixture) -> None:
    for mode in (Mode.READ_ONLY, Mode.READ_FIRST, Mode.EXCLUSIVE, Mode.COMMITTED):
        with (
            transaction_in(bare_desk, mode) as tx,
            pytest.raises((ForbiddenMove, NotWriting), match=mode.value),
            tx.batch(t.audit_event.c.id),
        ):
            pass


def test_a_single_statement_is_not_flushed_in_parts(bare_desk: DeskFixture) -> None:
    with transaction_in(bare_desk, Mode.SINGLE_STATEMENT) as tx:
        audit(tx)
        with pytest.raises(ForbiddenMove):
            tx.flush()
    assert tx.state.mode is Mode.COMMITTED


def write_and_fail(tx: Transaction) -> None:
    """One statement, then an error."""
    with tx.single_statement(t.audit_event.c.id):
        audit(tx)
    raise ZeroDivisionError


def fail_before_writing(tx: Transaction) -> None:
    """An error while the rows of the statement are collected."""
    with tx.single_statement(t.audit_event.c.id):
        audit(tx, "never written")
        raise ZeroDivisionError


def fail_precondition(tx: Transaction) -> None:
    with tx.single_statement(t.audit_event.c.id, FALSE):
        audit(tx, "refused")


def test_an_error_after_a_single_statement_takes_nothing_back(bare_desk: DeskFixture) -> None:
    with pytest.raises(ZeroDivisionError):
        bare_desk.desk.perform(SYSTEM, write_and_fail, exclusive=True)
    assert actions(bare_desk) == ["tried"]


def test_where_nothing_was_written_the_transaction_may_still_begin_to_write(bare_desk: DeskFixture) -> None:
    with bare_desk.desk.write_on_demand(SYSTEM, exclusive=True) as tx:
        with pytest.raises(PreconditionFailed):
            fail_precondition(tx)
        with pytest.raises(ZeroDivisionError):
            fail_before_writing(tx)
        assert tx.state.mode is Mode.EXCLUSIVE
        assert tx.start_writing()
        audit(tx, "written")
    assert actions(bare_desk) == ["written"]


def test_writing_starts_once(bare_desk: DeskFixture) -> None:
    with bare_desk.desk.write_on_demand(SYSTEM) as tx:
        steps = [tx.writes, tx.start_writing(), tx.writes, tx.start_writing()]
    assert steps == [False, True, True, False]
    with bare_desk.desk.write() as tx:
        assert not tx.start_writing()
    with bare_desk.desk.read() as tx, pytest.raises(ForbiddenMove, match="read only"):
        tx.start_writing()


def test_copies_for_another_actor_or_instant_share_the_mode(bare_desk: DeskFixture) -> None:
    with bare_desk.desk.write_on_demand(SYSTEM) as tx:
        copy = replace(tx, actor=bare_desk.technician)
        tx.start_writing()
        assert copy.writes
        audit(copy)
    assert actions(bare_desk) == ["tried"]


def test_a_single_statement_needs_the_newest_settings(bare_desk: DeskFixture) -> None:
    with bare_desk.desk.write_on_demand(SYSTEM, exclusive=True) as tx:
        assert tx.can_write_single_statement()
        tx.config = replace(tx.config)
        assert not tx.can_write_single_statement()
    with bare_desk.desk.write_on_demand(SYSTEM) as tx:
        assert not tx.can_write_single_statement()
