"""Several histories in one transaction: the rows are those that the use cases write event by event."""

import random
import re
import shutil
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from tests.support.builders import DeskFixture
from tests.support.exports import event, export, mapping
from workflows.core.actors import SYSTEM
from workflows.core.transaction import Transaction
from workflows.importing.chunks import ChunkOutcome, begin_chunk, chunks_of, replay_chunk
from workflows.importing.export import read_export
from workflows.importing.history import History, group_by_service_request
from workflows.importing.mapping import Mapping
from workflows.importing.replaying_events import HistoryOutcome, StepRefused, replay_step_by_step
from workflows.store import tables as t

STATES = {
    "New": 5, "Active": 6, "Waiting for caller": 3, "Waiting for parts": 3, "Resolved": 5, "Closed": 4,
    "Cancelled": 1, "Commented": 1,
}  # fmt: skip
CELLS = {
    "caller": ["Ann Smith", "Bo", "Cy Cole", "Jürgen Groß", "Jurgen Gross"],
    "site": ["Berlin", "Munich", "?"],
    "thing": ["Printer", "Router", "?", "x" * 80],
    "who": ["?", "Bo Berg", "Cy Toms"],
    "prio": ["normal", "low", "high", "P1"],
    "mail": ["", "", "ann@old.example", "bo@localhost"],
}
OWNERS: list[dict[str, Any]] = [
    {},
    {"item_owner": "org_unit"},
    {"item_owner": "customer", "org_units_under": ...},
]


def random_rows(seed: int, requests: int) -> list[str]:
    """Return the rows of requests with up to eight events each, some of which will be refused."""
    chosen = random.Random(seed)
    rows = []
    for number in range(requests):
        cells = {name: chosen.choice(values) for name, values in CELLS.items()}
        cells["caller"] = chosen.choice([cells["caller"], cells["caller"], "?"])
        minute = 8 * 60 + chosen.randrange(30)
        for count in range(chosen.randrange(1, 9)):
            minute += chosen.choice([0, 0, 5, 60, 600, 3000])
            day, (hour, within) = 5 + minute // 1440, divmod(minute % 1440, 60)
            if chosen.random() < 0.4:
                changed = chosen.choice(list(cells))
                cells[changed] = chosen.choice(CELLS[changed])
            (state,) = chosen.choices(list(STATES), list(STATES.values()))
            at = f"2026-01-{day:02d} {hour:02d}:{within:02d}"
            rows.append(event(f"INC{number}", state, at, count=str(count), **cells))
    return rows


def histories_of(raw: bytes, by: Mapping) -> list[History]:
    found, _ = group_by_service_request(read_export("e.csv", raw, by, ZoneInfo("UTC")), by)
    return found


def in_chunks(desk: DeskFixture, histories: Sequence[History], by: Mapping) -> list[Any]:
    """Import as the product does. Returns the outcomes."""
    outcomes: list[Any] = []
    for chunk in chunks_of(histories, most_events=40):
        try:
            done = desk.desk.perform(SYSTEM, _replay(chunk, by, is_careful=False))
        except StepRefused:
            done = desk.desk.perform(SYSTEM, _replay(chunk, by, is_careful=True))
        outcomes += done.histories
    return outcomes


def _replay(
    chunk: Sequence[History], by: Mapping, *, is_careful: bool
) -> Callable[[Transaction], ChunkOutcome]:
    return lambda tx: replay_chunk(tx, chunk, by, {}, is_careful=is_careful)


def event_by_event(desk: DeskFixture, histories: Sequence[History], by: Mapping) -> list[Any]:
    """Import each step by its use case, in a savepoint. Returns the outcomes."""
    return [desk.desk.perform(SYSTEM, _replay_by_steps(history, by)) for history in histories]


def _replay_by_steps(history: History, by: Mapping) -> Callable[[Transaction], HistoryOutcome]:
    def replay(tx: Transaction) -> HistoryOutcome:
        context = begin_chunk(tx, [history], by, {})
        done = replay_step_by_step(context, history)
        context.pending.write(tx)
        return done

    return replay


def rows_without_ids(desk: DeskFixture) -> dict[str, list[str]]:
    """Return the rows of each table, each id replaced by the order of its first appearance."""
    seen: dict[str, str] = {}

    def plain(row: Any) -> str:
        text = repr(tuple(row))
        return re.sub(r"\b[0-9a-z]{26}\b", lambda found: seen.setdefault(found[0], f"#{len(seen)}"), text)

    rows = {}
    for table in t.metadata.sorted_tables:
        found = desk.rows(table)
        if "id" in table.c:
            found = sorted(found, key=lambda row: row.id)
        elif table is t.imported_record:
            found = sorted(found, key=lambda row: (row.kind, row.external_key))
        rows[table.name] = [plain(row) for row in found]
    return rows


@pytest.mark.parametrize("seed", range(6))
def test_chunks_leave_the_rows_that_the_use_cases_write(
    sqlite_database_url: str, tmp_path: Path, seed: int
) -> None:
    by = mapping(**OWNERS[seed % len(OWNERS)])
    rows = random_rows(seed, 25)
    # the second import continues some of the requests of the first
    imports = [histories_of(export(*some), by) for some in (rows[: len(rows) // 2], rows)]
    other = tmp_path / "other.db"
    shutil.copy(sqlite_database_url.removeprefix("sqlite:///"), other)
    results = []
    for url, replay in ((sqlite_database_url, in_chunks), (f"sqlite:///{other}", event_by_event)):
        desk = DeskFixture(url)
        outcomes = [replay(desk, histories, by) for histories in imports]
        results.append((outcomes, rows_without_ids(desk)))
        desk.close()
    (by_chunks, rows_of_chunks), (by_events, rows_of_events) = results
    assert by_chunks == by_events
    assert rows_of_chunks == rows_of_events
    assert rows_of_chunks["service_request_history"]


def test_a_chunk_has_at_most_so_many_events_and_at_least_one_history() -> None:
    sizes = [3, 2, 7, 1, 1]
    rows = [
        event(f"INC{number}", "New", f"08:{minute:02d}", opened=f"2026-01-05 0{number}:00", prio=str(minute))
        for number, size in enumerate(sizes)
        for minute in range(size)
    ]
    histories = histories_of(export(*rows), mapping())

    def sizes_of(most_events: int) -> list[list[int]]:
        chunks = chunks_of(histories, most_events=most_events)
        return [[len(history.events) for history in chunk] for chunk in chunks]

    assert sizes_of(5) == [[3, 2], [7], [1, 1]]
    assert sizes_of(4) == [[3], [2], [7], [1, 1]]
    assert sizes_of(0) == [[3], [2], [7], [1], [1]]
    assert list(chunks_of([], most_events=5)) == []
