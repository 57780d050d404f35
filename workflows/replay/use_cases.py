"""Replays that people start: they run in the background and are stored with their results.

A replay runs in a thread of the process that received the request and writes `beat_at` as its heartbeat. If
that process ends, a job runs the replay again from the start. Source: product.md section 14.
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
from workflows.core.clock import CLOCK_SKEW
from workflows.core.desk import Desk
from workflows.core.errors import NotFound, StateForbids, invalid
from workflows.core.paging import Sort, read_page
from workflows.core.transaction import Transaction
from workflows.languages.texts import gettext
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
"""How long the API waits for the result before it returns a link to poll instead."""
MOST_RUNNING = 4
MOST_SHOWN_AT_ONCE = 1000
WRITTEN_AT_ONCE = 200
SECONDS_BETWEEN_BEATS = 2.0
PAUSE_SECONDS = 0.002
"""The pause every few decisions, so that requests in the same process are still served."""
LOST_AFTER = timedelta(seconds=60)
KEEP_FOR = timedelta(days=30)
CHANGES: tuple[str, ...] = get_args(Change)
ONLY_CHARGE = '["charge"]'

log = structlog.get_logger()
run, difference = t.rule_replay, t.rule_replay_difference
_one_at_a_time = threading.Lock()
"""One replay at a time per process: two at once would each take twice as long."""

SUMMARY: TypeAdapter[SummaryView] = TypeAdapter(SummaryView)
DIFFERENCE: TypeAdapter[DifferenceView] = TypeAdapter(DifferenceView)


class _TakenOver(Exception):
    """Another process has taken over the replay, or it was cancelled."""


def start_replay(
    desk: Desk, actor: Actor, files: Mapping[str, str], from_: datetime, to: datetime
) -> tuple[str, threading.Thread]:
    """Start a replay of [from_, to); returns its id and the thread that runs it. Instants are aware UTC.

    Raises:
        NotAllowed: the actor is no administrator.
        InvalidInput: `to` is not after `from_`.
        RuleSetRefused: the rule set could not be published.
        StateForbids: too many replays are running.

    Source: product.md section 14.
    """
    with desk.read(actor) as tx:
        rules = load_for_replay(tx, files, from_, to)
    runner = new_id()

    def begin(tx: Transaction) -> str:
        running = select(func.count()).select_from(run).where(run.c.state == "running")
        if tx.connection.execute(running).scalar_one() >= MOST_RUNNING:
            raise StateForbids(
                gettext("%(most_running)s replays are running already.", most_running=MOST_RUNNING),
                remedy=gettext("Wait until one is done, or run coverdesk rules replay."),
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


def resume_lost_replays(desk: Desk, at: datetime) -> int:
    """Run the replays whose process ended before they were done; returns how many."""
    count = 0
    while (row := _claim_lost(desk)) is not None:
        _run(desk, row.id, row.runner, partial(load_rule_set, row.files), row.from_at, row.to_at)
        count += 1
    return count


def cancel_replay(tx: Transaction, replay_id: str) -> None:
    """Cancel a replay and delete its differences; the process that runs it notices within seconds.

    Raises:
        NotAllowed: the actor is no administrator.
        NotFound: there is no such replay.
        StateForbids: it is not running any more.
    """
    row = _row(tx, replay_id)
    running = update(run).where(run.c.id == replay_id, run.c.state == "running")
    cancelled = running.values(state="cancelled", error=f"Cancelled by {tx.actor.name}.")
    if not tx.connection.execute(cancelled).rowcount:
        raise StateForbids(
            gettext("The replay is no longer running."), remedy=gettext("Open its result."), state=row.state
        )
    tx.connection.execute(delete(difference).where(difference.c.replay_id == replay_id))


def delete_old_replays(tx: Transaction) -> int:
    """Delete replays that were started more than 30 days ago; returns how many."""
    old = delete(run).where(run.c.asked_at < tx.real_now - KEEP_FOR)
    return int(tx.connection.execute(old).rowcount)


def read_replay(tx: Transaction, replay_id: str) -> ReplayView:
    """The progress of a replay, and its totals when it is done.

    Raises:
        NotAllowed: the actor is no administrator.
        NotFound: there is no such replay.
    """
    return _view(_row(tx, replay_id), tx.real_now)


def files_of_replay(tx: Transaction, replay_id: str) -> dict[str, str]:
    """The rule files of a replay, by path.

    Raises:
        NotAllowed: the actor is no administrator.
        NotFound: there is no such replay.
    """
    files: dict[str, str] = _row(tx, replay_id).files
    return files


def list_replays(
    tx: Transaction,
    *,
    order: str = "-asked_at",
    limit: int = DEFAULT_LIMIT,
    cursor: str | None = None,
    counted: bool = False,
) -> Page[ReplayView]:
    """A page of the stored replays, newest first. Raises: NotAllowed; InvalidInput for an unknown order."""
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
        counted=counted,
    )


def replay_result(tx: Transaction, replay_id: str) -> ReplayResult | ReplayView:
    """The totals and first differences of a replay that is done, else its progress.

    Raises:
        NotAllowed: the actor is no administrator.
        NotFound: there is no such replay.
        StateForbids: it failed or was cancelled.
    """
    row = _row(tx, replay_id)
    if row.state in ("failed", "cancelled"):
        raise StateForbids(
            gettext("The replay failed: %(error)s", error=row.error)
            if row.state == "failed"
            else gettext("The replay was cancelled: %(error)s", error=row.error),
            remedy=gettext("Start it again."),
            state=row.state,
        )
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
    counted: bool = False,
) -> Page[DifferenceView]:
    """A page of a replay's differences, in the order in which the decisions were made.

    `change` filters by what differs, `number` by the number of the service request or of a contract on either
    side, `move` by one of the summary's moves.

    Raises:
        NotAllowed: the actor is no administrator.
        NotFound: there is no such replay.
        InvalidInput: `change`, `order` or `cursor` is not valid.
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
        counted=counted,
    )


def _wanted(change: str | None, number: str | None, move: MoveView | None) -> list[ColumnElement[bool]]:
    """The SQL conditions of the filters, over the stored JSON of a difference."""
    stored = difference.c.difference
    wanted: list[ColumnElement[bool]] = []
    if change is not None:
        if change not in CHANGES:
            raise invalid(
                "/change",
                gettext("%(change)s is not a change.", change=repr(change)),
                gettext("Use one of %(changes)s.", changes=", ".join(CHANGES)),
            )
        wanted.append(stored["changes"].as_string().contains(f'"{change}"'))
    if number is not None:
        sides = (stored["number"], stored["before"]["contract_number"], stored["after"]["contract_number"])
        wanted.append(or_(*(side.as_string() == number.strip().upper() for side in sides)))
    if move is not None:
        wanted.append(stored["changes"].as_string() != ONLY_CHARGE)
        for name, side in (("before", move.before), ("after", move.after)):
            for part in ("outcome", "contract", "type"):
                wanted.append(_is(stored[name][part].as_string(), getattr(side, part)))
    return wanted


def _is(column: ColumnElement[str], value: str | None) -> ColumnElement[bool]:
    return column.is_(None) if value is None else column == value


def _run(
    desk: Desk,
    replay_id: str,
    runner: str,
    load: Callable[[], RuleSet],
    from_: datetime,
    to: datetime,
) -> None:
    """Run a replay that this process has claimed, and store its result."""
    writer = _Writer(desk, replay_id, runner)
    try:
        with _exclusively(writer):
            summary = replay(
                desk,
                load(),
                from_,
                to,
                writer.add,
                progress=writer.progress,
                pause_seconds=PAUSE_SECONDS,
            )
            writer.finish(summary)
    except _TakenOver:
        log.info("replay: cancelled, or taken over by another process", replay=replay_id)
    except Exception as error:
        log.exception("replay: failed", replay=replay_id)
        message = str(error) if isinstance(error, DeskError) else f"{type(error).__name__} (see the log)"
        writer.change(state="failed", error=message)


@contextmanager
def _exclusively(writer: "_Writer") -> Iterator[None]:
    while not _one_at_a_time.acquire(timeout=SECONDS_BETWEEN_BEATS):
        writer.beat()
    try:
        yield
    finally:
        _one_at_a_time.release()


class _Writer:
    """Stores the differences of a run in batches, and its heartbeat."""

    def __init__(self, desk: Desk, replay_id: str, runner: str) -> None:
        self._desk = desk
        self._id = replay_id
        self._runner = runner
        self._waiting: list[dict[str, Any]] = []
        self._position = 0
        self._beaten_at = monotonic()

    def add(self, one: DifferenceView) -> None:
        self._position += 1
        stored = DIFFERENCE.dump_python(one, mode="json")
        self._waiting.append({"replay_id": self._id, "position": self._position, "difference": stored})
        if len(self._waiting) >= WRITTEN_AT_ONCE:
            self.beat()

    def progress(self, done: int, total: int) -> None:
        if monotonic() - self._beaten_at >= SECONDS_BETWEEN_BEATS:
            self.beat(decisions_done=done, decisions=total)

    def beat(self, **columns: Any) -> None:
        """Write the waiting differences. Raises: _TakenOver if the run is no longer ours."""
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
        """Write the waiting differences and the columns; returns False if the run is no longer ours."""
        waiting, self._waiting = self._waiting, []

        def write(tx: Transaction) -> bool:
            ours = update(run).where(
                run.c.id == self._id, run.c.runner == self._runner, run.c.state == "running"
            )
            changed = tx.connection.execute(ours.values(beat_at=tx.real_now, **columns)).rowcount
            if changed and waiting:
                # a commit whose outcome is unknown may have written them
                again = difference.c.position >= waiting[0]["position"]
                tx.connection.execute(delete(difference).where(difference.c.replay_id == self._id, again))
                tx.add_all(difference, waiting)
            return bool(changed)

        return self._desk.perform(SYSTEM, write, repeatable=True)


def _claim_lost(desk: Desk) -> Row[Any] | None:
    runner = new_id()

    def claim(tx: Transaction) -> Row[Any] | None:
        lost = (
            select(run.c.id)
            .where(run.c.state == "running", _is_lost(run.c.beat_at, tx.real_now))
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


def _is_lost(beat_at: Any, real_now: datetime) -> Any:
    """Whether the process of a running replay has ended, from its last heartbeat or the column of it.

    A heartbeat that is ahead was written before the system's clock was set back, and says nothing any more.
    """
    return (beat_at < real_now - LOST_AFTER) | (beat_at > real_now + CLOCK_SKEW)


def _row(tx: Transaction, replay_id: str) -> Row[Any]:
    tx.require("administrator")
    row = tx.connection.execute(select(run).where(run.c.id == replay_id)).one_or_none()
    if row is None:
        raise NotFound(
            gettext("There is no such replay."),
            remedy=gettext("Replays are deleted after 30 days; start it again."),
        )
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
        lost=row.state == "running" and _is_lost(row.beat_at, real_now),
    )
