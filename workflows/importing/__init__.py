"""Another desk's history, taken from its CSV export through the use cases, at the times it tells.

mapping    the mapping file: which column is what
form       and what form the file has: text, separators, dates
export     from the file's bytes to events, row by row
history    the events of one service request, in order
moves      from one state to the next one told, with what was skipped
registers  the customers, org units, items and technicians it names
telling    one history into the desk, in one transaction
report     what was taken, what was not, and why
"""

from collections.abc import Callable
from typing import NoReturn

from workflows.core.actors import SYSTEM
from workflows.core.desk import Desk
from workflows.core.transaction import Transaction
from workflows.importing.export import ExportUnreadable, read_export
from workflows.importing.history import History, histories
from workflows.importing.mapping import Mapping, MappingRefused, read_mapping
from workflows.importing.replaying_events import Told, replay_history
from workflows.importing.report import ImportReport

__all__ = [
    "ExportUnreadable",
    "ImportReport",
    "Mapping",
    "MappingRefused",
    "import_history",
    "read_mapping",
]


class _Undone(Exception):
    """Carries what would have been, out of a transaction that is rolled back."""

    def __init__(self, told: Told) -> None:
        super().__init__()
        self.told = told


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
    """Take the history in the bytes of a file called `name`; each service request in one transaction.

    What was imported before is not taken again, so that an import that was killed goes on in the next run.
    A dry run rolls each transaction back. `progress` is told the service requests done, of how many; a
    `report` that is given is filled as it goes, for whoever is stopped on the way.
    Raises: ExportUnreadable; NoRuleSet where contracts are on without rules.
    """
    config = desk.refresh()
    if config.settings.contracts:
        _ = config.rules
    rows = read_export(name, raw, mapping, config.settings.zone)
    found, unread = histories(rows, mapping)
    report = report or ImportReport(mapping.source, dry_run)
    report.rows, report.service_requests, report.left_out = len(rows), len(found), list(unread)
    for done, history in enumerate(found, start=1):
        report.add(_tell(desk, history, mapping, dry_run=dry_run))
        if progress is not None:
            progress(done, len(found))
    if report.added and not dry_run:
        desk.perform(SYSTEM, lambda tx: _trail(tx, report, name))
    return report


def _tell(desk: Desk, history: History, mapping: Mapping, *, dry_run: bool) -> Told:
    def undo(tx: Transaction) -> NoReturn:
        raise _Undone(replay_history(tx, history, mapping))

    if not dry_run:
        return desk.perform(SYSTEM, lambda tx: replay_history(tx, history, mapping))
    try:
        desk.perform(SYSTEM, undo)
    except _Undone as undone:
        return undone.told


def _trail(tx: Transaction, report: ImportReport, name: str) -> None:
    tx.audit(
        "import",
        report.source,
        "imported",
        file=name,
        rows=report.rows,
        rows_taken=report.rows_taken,
        service_requests=report.new,
    )
