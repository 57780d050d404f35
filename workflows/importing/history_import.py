"""Imports the history in a CSV export, in transactions of several service requests each."""

from collections.abc import Callable, Sequence
from functools import partial
from typing import NoReturn

from engine.errors import DeskError
from workflows.core.actors import SYSTEM
from workflows.core.desk import Desk
from workflows.core.transaction import Transaction
from workflows.importing.chunks import MOST_EVENTS, ChunkOutcome, chunks_of, replay_chunk
from workflows.importing.export import read_export
from workflows.importing.history import History, group_by_service_request
from workflows.importing.mapping import Mapping
from workflows.importing.register_lookup import Known, registered_codes
from workflows.importing.replaying_events import StepRefused
from workflows.importing.report import ImportReport
from workflows.store.postgresql_sessions import plan_anew


class CoverageNotChosen(DeskError):
    """Contracts are on, and the mapping does not say how imported requests are covered."""

    code = "coverage-not-chosen"


class _DryRun(Exception):
    """Rolls the transaction back and carries its outcome to the caller."""

    def __init__(self, outcome: ChunkOutcome) -> None:
        super().__init__()
        self.outcome = outcome


def import_history(
    desk: Desk,
    name: str,
    raw: bytes,
    mapping: Mapping,
    *,
    dry_run: bool = False,
    progress: Callable[[int, int], None] | None = None,
    report: ImportReport | None = None,
) -> ImportReport:
    """Import the history in `raw`, the bytes of the file `name`.

    Each transaction imports several service requests; events of earlier imports are skipped, so a run after
    an interrupted import continues it. A dry run rolls each transaction back. `progress` is called with the
    number of service requests done and their total.
    A `report` passed in is filled during the run, so the caller has it even if the import is interrupted.

    Raises:
        ExportUnreadable: the file cannot be decoded, is empty, or lacks a column.
        CoverageNotChosen: contracts are on, and the mapping does not say how requests are covered.
        NoRuleSet: coverage is searched and no rule set has been published.

    Source: product.md section 14.
    """
    config = desk.refresh()
    if config.settings.contracts:
        _check_coverage(mapping)
        if mapping.coverage == "search":
            _ = config.rules
    rows = read_export(name, raw, mapping, config.settings.zone)
    found, unread = group_by_service_request(rows, mapping)
    report = report or ImportReport(mapping.source, dry_run)
    report.rows, report.service_requests = len({row.line for row in rows}), len(found)
    report.skipped = [row for row in unread if not row.left_out]
    report.left_out = sum(row.left_out for row in unread)
    committed: Known = {}
    done = planned_at = 0
    # a search for coverage locks contracts: those of several requests would be locked out of order
    most_events = 0 if config.settings.contracts and mapping.coverage == "search" else MOST_EVENTS
    for chunk in chunks_of(found, most_events=most_events):
        grown = done >= 2 * planned_at > 0
        outcome = _import_chunk(desk, chunk, mapping, committed, dry_run=dry_run, grown=grown)
        for one in outcome.histories:
            report.add(one)
        report.created |= outcome.created
        if not dry_run:
            committed |= outcome.known
        planned_at = done if grown else planned_at or len(chunk)
        done += len(chunk)
        if progress is not None:
            progress(done, len(found))
    report.compare_names(registered_codes(desk, {kind for kind, _ in report.created}))
    if report.added and not dry_run:
        desk.perform(SYSTEM, lambda tx: _audit_import(tx, report, name))
    return report


def _check_coverage(mapping: Mapping) -> None:
    """Raises: CoverageNotChosen. Nothing is assumed: the choice decides what is drawn from contracts."""
    if mapping.coverage is None:
        raise CoverageNotChosen(
            'Contracts are on, and the mapping has no "coverage".',
            remedy='Write "coverage": "before_contracts" for requests that no contract pays for, or '
            '"coverage": "search" with "draws": false (or true, to use up incidents of packs).',
        )
    if mapping.coverage == "search" and mapping.draws is None:
        raise CoverageNotChosen(
            'Contracts are on, and the mapping has "coverage": "search" without "draws".',
            remedy='Write "draws": false if the balances that were sold already exclude the old requests, or '
            '"draws": true if the old requests are to use up incidents of packs.',
        )


def _import_chunk(
    desk: Desk,
    histories: Sequence[History],
    mapping: Mapping,
    committed: Known,
    *,
    dry_run: bool,
    grown: bool,
) -> ChunkOutcome:
    """Import histories in one transaction; `grown` says that twice as many were imported since statements
    were last planned."""

    def replay(tx: Transaction, *, is_careful: bool = False) -> ChunkOutcome:
        if grown:
            plan_anew(tx.connection)
        return replay_chunk(tx, histories, mapping, committed, is_careful=is_careful)

    try:
        return _perform(desk, replay, dry_run=dry_run)
    except StepRefused:
        return _perform(desk, partial(replay, is_careful=True), dry_run=dry_run)


def _perform(desk: Desk, replay: Callable[[Transaction], ChunkOutcome], *, dry_run: bool) -> ChunkOutcome:
    """Run it in a transaction, which a dry run rolls back."""
    if not dry_run:
        return desk.perform(SYSTEM, replay)

    def roll_back(tx: Transaction) -> NoReturn:
        raise _DryRun(replay(tx))

    try:
        desk.perform(SYSTEM, roll_back)
    except _DryRun as done:
        return done.outcome


def _audit_import(tx: Transaction, report: ImportReport, name: str) -> None:
    tx.audit(
        "import",
        report.source,
        "imported",
        file=name,
        rows=report.rows,
        rows_taken=report.rows_imported,  # the key in audit events already stored
        service_requests=report.new,
    )
