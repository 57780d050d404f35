"""Replays that are asked for: run beside the desk's work, kept with their result, and asked after.

A replay runs in a thread of the process that was asked. It tells by `beat_at` that it goes on; where its
process ended, a job takes it up anew. Source: product.md section 14.
"""

import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime, timedelta
from functools import partial
from time import monotonic
from typing import Any, get_args

import structlog
from pydantic import TypeAdapter
from sqlalchemy import ColumnElement, Row, delete, func, or_, select, update

from engine.errors import DeskError
from engine.rulebook import RuleSet, load_rule_set
from workflows.core.actors import SYSTEM, Actor
from workflows.core.desk import Desk
from workflows.core.errors import NotFound, StateForbids, invalid
from workflows.core.paging import Sort, read_page
from workflows.core.transaction import Transaction
from workflows.replay.run import load_for_replay, replay
from workflows.store import tables as t
from workflows.store.ids import new_id
from workflows.views import DEFAULT_LIMIT, Page
from workflows.views.replays import (
    Change,
    DifferenceView,
    MoveView,
    ReplayResult,
    ReplayView,
    SummaryView,
)

WAIT_SECONDS = 19.0
"""How long a door waits for the result before it tells where to ask for it."""
MOST_RUNNING = 4
MOST_SHOWN_AT_ONCE = 1000
WRITTEN_AT_ONCE = 200
SECONDS_BETWEEN_BEATS = 2.0
PAUSE_SECONDS = 0.002
"""A pause every few decisions, so that calls in the same process come to their turn."""
LOST_AFTER = timedelta(seconds=60)
KEPT = timedelta(days=30)
CHANGES: tuple[str, ...] = get_args(Change)
ONLY_CHARGE = '["charge"]'

log = structlog.get_logger()
run, difference = t.rule_replay, t.rule_replay_difference
_turn = threading.Lock()
"""One replay at a time in a process: two would only share its time."""

SUMMARY: TypeAdapter[SummaryView] = TypeAdapter(SummaryView)
DIFFERENCE: TypeAdapter[DifferenceView] = TypeAdapter(DifferenceView)


class _TakenOver(Exception):
    """Another process runs the replay by now, or it was stopped."""


def start_replay(
    desk: Desk, actor: Actor, files: Mapping[str, str], from_: datetime, to: datetime
) -> tuple[str, threading.Thread]:
    """Start a replay of [from_, to); answers its id and the thread that runs it.

    Raises: RuleSetRefused; InvalidInput for an empty span; StateForbids while too many run.
    """
    with desk.read(actor) as tx:
        rules = load_for_replay(tx, files, from_, to)
    runner = new_id()

    def begin(tx: Transaction) -> str:
        running = select(func.count()).select_from(run).where(run.c.state == "running")
        if tx.connection.execute(running).scalar_one() >= MOST_RUNNING:
            raise StateForbids(
                f"{MOST_RUNNING} replays are running.",
                remedy="Wait for one of them, or use coverdesk rules replay.",
                state="running",
            )
        replay_id = new_id()
        tx.add(
            run,
            id=replay_id,
            version=rules.version,
            files=dict(rules.files),
            from_at=from_,
            to_at=to,
            asked_by=actor.name,
            asked_at=tx.real_now,
            state="running",
            runner=runner,
            beat_at=tx.real_now,
        )
        return replay_id

    replay_id = desk.perform(actor, begin)
    thread = threading.Thread(
        target=_run, args=(desk, replay_id, runner, lambda: rules, from_, to), name="replay", daemon=True
    )
    thread.start()
    return replay_id, thread


def take_up_replays(desk: Desk, at: datetime) -> int:
    """Run the replays whose process ended before they did; answers how many."""
    count = 0
    while (row := _claim_lost(desk)) is not None:
        _run(desk, row.id, row.runner, partial(load_rule_set, row.files), row.from_at, row.to_at)
        count += 1
    return count


def cancel_replay(tx: Transaction, replay_id: str) -> None:
    """Stop a replay; its process notices within seconds, and what it found so far is dropped.

    Raises: NotFound; StateForbids where it does not run any more.
    """
    row = _row(tx, replay_id)
    still = update(run).where(run.c.id == replay_id, run.c.state == "running")
    stopped = still.values(state="cancelled", error=f"{tx.actor.name} stopped it.")
    if not tx.connection.execute(stopped).rowcount:
        raise StateForbids("The replay runs no more.", remedy="Look at what came of it.", state=row.state)
    tx.connection.execute(delete(difference).where(difference.c.replay_id == replay_id))


def forget_replays(tx: Transaction) -> int:
    """Delete those that were asked for long ago; answers how many."""
    old = delete(run).where(run.c.asked_at < tx.real_now - KEPT)
    return int(tx.connection.execute(old).rowcount)


# ------------------------------------------------------------------ what came of them


def read_replay(tx: Transaction, replay_id: str) -> ReplayView:
    """How far a replay is, and its sums when it is done. Raises: NotFound."""
    return _view(_row(tx, replay_id), tx.real_now)


def files_of_replay(tx: Transaction, replay_id: str) -> dict[str, str]:
    """The rule files that a replay tried. Raises: NotFound."""
    files: dict[str, str] = _row(tx, replay_id).files
    return files


def list_replays(
    tx: Transaction, *, order: str = "-asked_at", limit: int = DEFAULT_LIMIT, cursor: str | None = None
) -> Page[ReplayView]:
    """The replays of the last weeks, the newest first."""
    tx.require("administrator")
    return read_page(
        tx,
        select(*(column for column in run.c if column.name != "files")),
        lambda row: _view(row, tx.real_now),
        orders={"asked_at": Sort(run.c.asked_at)},
        by_id=run.c.id,
        order=order,
        limit=limit,
        cursor=cursor,
    )


def replay_result(tx: Transaction, replay_id: str) -> ReplayResult | ReplayView:
    """The sums and the first differences of a replay that is done, else how far it is.

    Raises: NotFound; StateForbids where it failed or was stopped.
    """
    row = _row(tx, replay_id)
    if row.state in ("failed", "cancelled"):
        came = "failed" if row.state == "failed" else "was stopped"
        raise StateForbids(f"The replay {came}: {row.error}", remedy="Ask for it again.", state=row.state)
    if row.state != "done":
        return _view(row, tx.real_now)
    first = tx.connection.execute(
        select(difference.c.difference)
        .where(difference.c.replay_id == replay_id)
        .order_by(difference.c.position)
        .limit(MOST_SHOWN_AT_ONCE + 1)
    ).scalars()
    found = [DIFFERENCE.validate_python(one) for one in first]
    return ReplayResult(
        id=replay_id,
        summary=SUMMARY.validate_python(row.summary),
        differences=found[:MOST_SHOWN_AT_ONCE],
        more=len(found) > MOST_SHOWN_AT_ONCE,
    )


def list_differences(
    tx: Transaction,
    replay_id: str,
    *,
    change: str | None = None,
    number: str | None = None,
    move: MoveView | None = None,
    order: str = "position",
    limit: int = DEFAULT_LIMIT,
    cursor: str | None = None,
) -> Page[DifferenceView]:
    """The differences of a replay, in the order in which the decisions were made.

    `change` is what differs, `number` that of a service request or of a contract on either side, `move` one
    of the summary's moves. Raises: NotFound; InvalidInput.
    """
    _row(tx, replay_id)
    statement = select(difference.c.difference).where(difference.c.replay_id == replay_id)
    return read_page(
        tx,
        statement.where(*_wanted(change, number, move)),
        lambda row: DIFFERENCE.validate_python(row.difference),
        orders={"position": Sort(difference.c.position)},
        by_id=difference.c.replay_id,
        order=order,
        limit=limit,
        cursor=cursor,
    )


def _wanted(change: str | None, number: str | None, move: MoveView | None) -> list[ColumnElement[bool]]:
    """The conditions of a list's filters, over what is kept of a difference."""
    kept = difference.c.difference
    wanted: list[ColumnElement[bool]] = []
    if change is not None:
        if change not in CHANGES:
            raise invalid("/change", f"{change!r} is no change.", f"Use one of {', '.join(CHANGES)}.")
        wanted.append(kept["changes"].as_string().contains(f'"{change}"'))
    if number is not None:
        sides = (kept["number"], kept["before"]["contract_number"], kept["after"]["contract_number"])
        wanted.append(or_(*(side.as_string() == number.strip().upper() for side in sides)))
    if move is not None:
        wanted.append(kept["changes"].as_string() != ONLY_CHARGE)
        for name, side in (("before", move.before), ("after", move.after)):
            for part in ("outcome", "contract", "type"):
                wanted.append(_is(kept[name][part].as_string(), getattr(side, part)))
    return wanted


def _is(column: ColumnElement[str], value: str | None) -> ColumnElement[bool]:
    return column.is_(None) if value is None else column == value


# ------------------------------------------------------------------ running


def _run(
    desk: Desk,
    replay_id: str,
    runner: str,
    load: Callable[[], RuleSet],
    from_: datetime,
    to: datetime,
) -> None:
    """Run a replay that is ours, and keep what comes of it."""
    writer = _Writer(desk, replay_id, runner)
    try:
        with _in_turn(writer):
            summary = replay(
                desk,
                load(),
                from_,
                to,
                writer.tell,
                progress=writer.progress,
                pause_seconds=PAUSE_SECONDS,
            )
            writer.finish(summary)
    except _TakenOver:
        log.info("replay: stopped, or another goes on with it", replay=replay_id)
    except Exception as error:
        log.exception("replay: failed", replay=replay_id)
        words = str(error) if isinstance(error, DeskError) else f"{type(error).__name__} (see the log)"
        writer.change(state="failed", error=words)


@contextmanager
def _in_turn(writer: "_Writer") -> Iterator[None]:
    while not _turn.acquire(timeout=SECONDS_BETWEEN_BEATS):
        writer.beat()
    try:
        yield
    finally:
        _turn.release()


class _Writer:
    """Keeps the differences of a run, some at a time, and tells that it goes on."""

    def __init__(self, desk: Desk, replay_id: str, runner: str) -> None:
        self._desk = desk
        self._id = replay_id
        self._runner = runner
        self._waiting: list[dict[str, Any]] = []
        self._position = 0
        self._beaten_at = monotonic()

    def tell(self, one: DifferenceView) -> None:
        self._position += 1
        kept = DIFFERENCE.dump_python(one, mode="json")
        self._waiting.append({"replay_id": self._id, "position": self._position, "difference": kept})
        if len(self._waiting) >= WRITTEN_AT_ONCE:
            self.beat()

    def progress(self, done: int, total: int) -> None:
        if monotonic() - self._beaten_at >= SECONDS_BETWEEN_BEATS:
            self.beat(decisions_done=done, decisions=total)

    def beat(self, **columns: Any) -> None:
        """Write what waits. Raises: _TakenOver where the run is no longer ours."""
        self._beaten_at = monotonic()
        if not self.change(**columns):
            raise _TakenOver

    def finish(self, summary: SummaryView) -> None:
        done = summary.decisions
        self.beat(
            state="done",
            summary=SUMMARY.dump_python(summary, mode="json"),
            decisions_done=done,
            decisions=done,
        )

    def change(self, **columns: Any) -> bool:
        """Write what waits and the columns; false where the run is no longer ours."""
        waiting, self._waiting = self._waiting, []

        def write(tx: Transaction) -> bool:
            ours = update(run).where(
                run.c.id == self._id, run.c.runner == self._runner, run.c.state == "running"
            )
            changed = tx.connection.execute(ours.values(beat_at=tx.real_now, **columns)).rowcount
            if changed:
                tx.add_all(difference, waiting)
            return bool(changed)

        return self._desk.perform(SYSTEM, write)


def _claim_lost(desk: Desk) -> Row[Any] | None:
    runner = new_id()

    def claim(tx: Transaction) -> Row[Any] | None:
        lost = (
            select(run.c.id)
            .where(run.c.state == "running", run.c.beat_at < tx.real_now - LOST_AFTER)
            .order_by(run.c.asked_at, run.c.id)
            .limit(1)
            .with_for_update(skip_locked=True)
        )
        replay_id = tx.connection.execute(lost).scalar()
        if replay_id is None:
            return None
        tx.connection.execute(delete(difference).where(difference.c.replay_id == replay_id))
        claimed = update(run).where(run.c.id == replay_id).values(runner=runner, beat_at=tx.real_now)
        return tx.connection.execute(claimed.returning(run)).one()

    return desk.perform(SYSTEM, claim)


def _row(tx: Transaction, replay_id: str) -> Row[Any]:
    tx.require("administrator")
    row = tx.connection.execute(select(run).where(run.c.id == replay_id)).one_or_none()
    if row is None:
        raise NotFound("There is no such replay.", remedy="They are kept for 30 days; ask for it again.")
    return row


def _view(row: Row[Any], real_now: datetime) -> ReplayView:
    return ReplayView(
        id=row.id,
        state=row.state,
        version=row.version,
        from_at=row.from_at,
        to_at=row.to_at,
        asked_by=row.asked_by,
        asked_at=row.asked_at,
        decisions_done=row.decisions_done,
        decisions=row.decisions,
        summary=SUMMARY.validate_python(row.summary) if row.summary is not None else None,
        error=row.error,
        lost=row.state == "running" and row.beat_at < real_now - LOST_AFTER,
    )
