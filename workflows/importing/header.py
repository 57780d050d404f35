"""Finding the header of an export, and in it the columns that the mapping reads."""

from collections.abc import Sequence
from dataclasses import dataclass

from engine.errors import DeskError
from workflows.importing.csv_rows import CsvRow
from workflows.importing.mapping import Mapping, column_names

MOST_ROWS_ABOVE = 50


class ExportUnreadable(DeskError):
    """The file as a whole cannot be read; the message begins with file and line."""

    code = "export-unreadable"

    def __init__(self, file: str, line: int, detail: str, remedy: str = "") -> None:
        super().__init__(f"{file}:{line}: {detail}", remedy=remedy)


@dataclass(frozen=True, slots=True)
class Header:
    """The header in row `index` of the file. `positions` are the indexes of the columns that are read."""

    index: int
    names: list[str]
    positions: dict[str, tuple[int, ...]]

    def is_repeated_by(self, fields: Sequence[str]) -> bool:
        """Whether a row's fields are the names of the columns once more."""
        return fields[0].split() == self.names[0].split() and normalized(fields) == self.names

    @property
    def width(self) -> int:
        return len(self.names)

    @property
    def named_width(self) -> int:
        """The number of columns up to the last one that has a name."""
        return max((index for index, name in enumerate(self.names, start=1) if name), default=0)

    def fitted(self, row: CsvRow) -> list[str] | None:
        """The row's fields, as many as the header has; None if it has more or fewer.

        Some programs leave out the last separators of a row, or write some more: columns without a name and
        without a value are no columns.
        """
        if row.problem is not None:
            return None
        lacking = self.width - len(row.fields)
        if lacking == 0:
            return row.fields
        if lacking > 0:
            return [*row.fields, *[""] * lacking] if len(row.fields) >= self.named_width else None
        has_more = any(field.strip() for field in row.fields[self.width :])
        return None if has_more else row.fields[: self.width]


def find_header(name: str, rows: Sequence[CsvRow], mapping: Mapping) -> Header:
    """The first row that has all columns of the mapping; titles may precede it.

    Raises: ExportUnreadable if there is none, naming all missing columns of the row that comes closest.
    """
    if not rows:
        raise ExportUnreadable(name, 1, "The file is empty.", "Export it again, with its header.")
    needed = column_names(mapping)
    best, best_count = 0, -1
    for index, row in enumerate(rows[:MOST_ROWS_ABOVE]):
        names = normalized(row.fields)
        count = sum(column in names for column in needed)
        if count == len(needed):
            _check_nth(name, row.line, names, mapping)
            return Header(index, names, {column: _positions(names, column) for column in needed})
        if count > best_count:
            best, best_count = index, count
    raise _missing_columns(name, rows[best], needed, mapping)


def normalized(fields: Sequence[str]) -> list[str]:
    """The names of columns, with single blanks between words."""
    return [" ".join(field.split()) for field in fields]


def _positions(names: list[str], column: str) -> tuple[int, ...]:
    return tuple(index for index, name in enumerate(names) if name == column)


def _missing_columns(
    name: str, row: CsvRow, needed: dict[str, list[str]], mapping: Mapping
) -> ExportUnreadable:
    if row.problem is not None:
        return ExportUnreadable(name, row.line, f"The header cannot be read: {row.problem}.")
    names = normalized(row.fields)
    missing = [f"{column!r} ({', '.join(keys)})" for column, keys in needed.items() if column not in names]
    hint = f" Is {mapping.separator!r} the separator?" if len(names) == 1 else ""
    listed = ", ".join(names[:60])
    detail = f"There is no column {', '.join(missing)}."
    return ExportUnreadable(name, row.line, detail, f"The header has: {listed[:2000]}.{hint}")


def _check_nth(name: str, line: int, names: list[str], mapping: Mapping) -> None:
    """Raises: ExportUnreadable if the mapping reads the nth of columns that are fewer."""
    for sources in mapping.columns.values():
        for source in sources:
            count = names.count(source.columns[0]) if source.nth is not None else 0
            if source.nth is not None and source.nth > count:
                detail = (
                    f"There is no column {source.columns[0]!r} number {source.nth}: the header has {count}."
                )
                raise ExportUnreadable(name, line, detail, 'Correct "nth" in the mapping.')
