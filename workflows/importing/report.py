"""The report of an import: line by line, and totals."""

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from workflows.importing.events import RowNote
from workflows.importing.replaying_events import HistoryOutcome

CREATED = {"customer": "customers", "org_unit": "org units", "item": "items", "technician": "technicians"}
MOST_ALIKE = 20


@dataclass(slots=True)
class ImportReport:
    """The result of an import: rows read, imported and skipped, and the records created.

    Every row of the file is in one of `rows_imported`, `skipped` and `left_out`. `new` service requests were
    logged, `continued` ones existed from an earlier import.
    """

    source: str
    dry_run: bool
    rows: int = 0
    rows_imported: int = 0
    left_out: int = 0
    skipped: list[RowNote] = field(default_factory=list)
    remarks: list[RowNote] = field(default_factory=list)
    service_requests: int = 0
    new: int = 0
    continued: int = 0
    moves: int = 0
    inferred: int = 0
    created: set[tuple[str, str]] = field(default_factory=set)
    alike: list[tuple[str, list[str]]] = field(default_factory=list)
    """By kind, names that differ only in capitals, of which one is new: each is a record of its own."""

    def add(self, outcome: HistoryOutcome) -> None:
        """Add the outcome of one service request.

        Several events of one row count as one row. If only some were imported, the others are remarks.
        """
        imported = set(outcome.imported)
        self.rows_imported += len(imported)
        self.skipped += _one_per_line(note for note in outcome.skipped if note.line not in imported)
        self.remarks += outcome.remarks
        self.remarks += [
            RowNote(note.line, f"but one of its times is not: {note.text}")
            for note in outcome.skipped
            if note.line in imported and not note.is_repeat
        ]
        self.new += outcome.is_new
        self.continued += outcome.was_known and bool(outcome.imported)
        self.moves += outcome.moves
        self.inferred += outcome.inferred

    def compare_names(self, registered: Iterable[tuple[str, str]]) -> None:
        """Find the names of created records that differ only in capitals from others, new or `registered`."""
        found: dict[tuple[str, str], set[str]] = {}
        created = {(kind, name.casefold()) for kind, name in self.created}
        for kind, name in (*self.created, *registered):
            if (kind, name.casefold()) in created:
                found.setdefault((kind, name.casefold()), set()).add(name)
        self.alike = [(kind, sorted(names)) for (kind, _), names in sorted(found.items()) if len(names) > 1]

    @property
    def added(self) -> bool:
        """Whether anything was imported that was not here before."""
        return bool(self.rows_imported)

    def lines(self) -> Iterator[str]:
        """One line for each skipped row and for each remark about an imported one, by line number."""
        found = [(row.line, 0, f"line {row.line}: not imported: {row.text}") for row in self.skipped]
        found += [(row.line, 1, f"line {row.line}: imported, {row.text}") for row in self.remarks]
        yield from (line for _, _, line in sorted(found))

    def summary(self) -> Iterator[str]:
        """The totals of rows, service requests and records, in a few lines."""
        created = Counter(kind for kind, _ in self.created)
        yield (
            f"{self.source}: {self.rows} rows of {self.service_requests} service requests: "
            f"{self.rows_imported} rows imported, {len(self.skipped)} not imported"
            + (f", {self.left_out} left out as the mapping says" if self.left_out else "")
        )
        yield (
            f"{self.new} service requests logged, {self.continued} continued; "
            f"{self.moves} state changes, {self.inferred} of them inferred"
        )
        yield "created: " + ", ".join(f"{created[kind]} {name}" for kind, name in CREATED.items())
        for kind, names in self.alike[:MOST_ALIKE]:
            yield f"{CREATED[kind]} that differ only in capitals, each of its own: {', '.join(names)}"
        if len(self.alike) > MOST_ALIKE:
            yield f"and {len(self.alike) - MOST_ALIKE} more that differ only in capitals"
        if self.dry_run:
            yield "dry run: nothing was written"


def _one_per_line(notes: Iterable[RowNote]) -> list[RowNote]:
    """The notes, those about the same row joined."""
    texts: dict[int, list[str]] = {}
    for note in notes:
        found = texts.setdefault(note.line, [])
        if note.text not in found:
            found.append(note.text)
    return [RowNote(line, "; ".join(found)) for line, found in texts.items()]
