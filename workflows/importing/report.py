"""What an import did, line by line and in sum."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field

from workflows.importing.export import LeftOut
from workflows.importing.replaying_events import Told

MADE = {"customer": "customers", "org_unit": "org units", "item": "items", "technician": "technicians"}


@dataclass(slots=True)
class ImportReport:
    """The outcome of an import: `rows` read, those taken and left out, and what was made of them."""

    source: str
    dry_run: bool
    rows: int = 0
    rows_taken: int = 0
    left_out: list[LeftOut] = field(default_factory=list)
    remarks: list[LeftOut] = field(default_factory=list)
    service_requests: int = 0
    new: int = 0
    continued: int = 0
    moves: int = 0
    inferred: int = 0
    made: set[tuple[str, str]] = field(default_factory=set)

    def add(self, told: Told) -> None:
        """Count what became of one service request."""
        self.rows_taken += len(told.taken)
        self.left_out += told.left_out
        self.remarks += told.remarks
        self.new += told.is_new
        self.continued += told.was_known and bool(told.taken)
        self.moves += told.moves
        self.inferred += told.inferred
        self.made |= told.made

    @property
    def added(self) -> bool:
        """Whether anything came in that was not there."""
        return bool(self.rows_taken)

    def lines(self) -> Iterator[str]:
        """One line for each row left out, and for each remark to one taken, by the rows' lines."""
        told = [(row.line, 0, f"line {row.line}: not taken: {row.why}") for row in self.left_out]
        told += [(row.line, 1, f"line {row.line}: taken, {row.why}") for row in self.remarks]
        yield from (words for _, _, words in sorted(told))

    def summary(self) -> Iterator[str]:
        """What was read, taken and made, in a few lines."""
        made = Counter(kind for kind, _ in self.made)
        yield (
            f"{self.source}: {self.rows} rows of {self.service_requests} service requests: "
            f"{self.rows_taken} rows taken, {len(self.left_out)} not taken"
        )
        yield (
            f"{self.new} service requests logged, {self.continued} continued; "
            f"{self.moves} moves, {self.inferred} of them inferred"
        )
        yield "made: " + ", ".join(f"{made[kind]} {words}" for kind, words in MADE.items())
        if self.dry_run:
            yield "dry run: nothing was written"
