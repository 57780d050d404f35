"""The rows of another desk's export, read one by one: a bad row is reported and the others are still read.

A row becomes an `Event`: the values that the mapping asks for, not yet checked by any use case.
"""

import csv
import io
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from zoneinfo import ZoneInfo

from engine.errors import DeskError, NonexistentLocalTime
from engine.periods import check_date, check_instant, first_instant_at, resolve_local
from workflows.importing.mapping import ISO, PLACEHOLDER, Mapping, ValueSource, column_names

MOST_LINES_PER_ROW = 1000
LONGEST_NUMBER = 60
MULTILINE = frozenset({"description", "resolution"})
INSTANTS = ("changed_at", "opened_at")


@dataclass(frozen=True, slots=True)
class Event:
    """One row: its service request at the instant `at` (aware UTC). `values` are by mapping key."""

    line: int
    number: str
    at: datetime
    opened_at: datetime | None
    sequence: tuple[int, str] | None
    state: str
    values: dict[str, str]


@dataclass(frozen=True, slots=True)
class RowNote:
    """A remark about the row that begins on `line`: why it was skipped, or which value was not used."""

    line: int
    text: str


class ExportUnreadable(DeskError):
    """The file as a whole cannot be read; the message begins with file and line."""

    code = "export-unreadable"

    def __init__(self, file: str, line: int, detail: str, remedy: str = "") -> None:
        super().__init__(f"{file}:{line}: {detail}", remedy=remedy)


def read_export(name: str, raw: bytes, mapping: Mapping, provider_zone: ZoneInfo) -> list[Event | RowNote]:
    """Every row of the file `name`, in file order. Local times are in the mapping's or the provider's zone.

    Raises:
        ExportUnreadable: the file is not in the mapping's encoding, is empty, or lacks a column.
    """
    lines = list(io.StringIO(_decoded(name, raw, mapping), newline=""))
    rows = _rows(lines, mapping)
    header = next(((line, fields) for line, fields in rows if fields), None)
    if header is None:
        raise ExportUnreadable(name, 1, "The file is empty.", "Export it again, with its header.")
    if isinstance(header[1], str):
        raise ExportUnreadable(name, header[0], f"The header cannot be read: {header[1]}.")
    positions = _column_positions(name, header[0], header[1], mapping)
    reader = _RowReader(mapping, positions, mapping.zone or provider_zone)
    width = len(header[1])
    return [reader.read(line, fields, width) for line, fields in rows if fields]


def _decoded(name: str, raw: bytes, mapping: Mapping) -> str:
    encoding = mapping.encoding
    try:
        return raw.decode(encoding).removeprefix("\ufeff")
    except UnicodeDecodeError as trouble:
        line = 1 + raw[: trouble.start].decode(encoding, "replace").count("\n")
        byte = raw[trouble.start]
        encoding = "utf-8" if encoding == "utf-8-sig" else encoding
        raise ExportUnreadable(
            name,
            line,
            f"Byte 0x{byte:02X} is not valid in {encoding}, the encoding that the mapping names.",
            _encoding_hint(raw),
        ) from None
    except UnicodeError as trouble:
        raise ExportUnreadable(name, 1, f"The file is not {encoding}: {trouble}.") from None


def _encoding_hint(raw: bytes) -> str:
    if raw.startswith((b"\xff\xfe", b"\xfe\xff")):
        return 'The file looks like UTF-16: set "encoding" to "utf-16" in the mapping.'
    return 'Set "encoding" in the mapping to that of the file, for example "utf-8", "cp1252" or "latin-1".'


def _rows(lines: list[str], mapping: Mapping) -> Iterator[tuple[int, list[str] | str]]:
    """Each row with the number of its first line: its fields, or the reason why they cannot be read.

    An unclosed quotation mark swallows the lines that follow. So a row of several lines with another number
    of fields than the header is reported by its first line, and reading continues on the next line.
    """
    at, width = 0, 0
    while at < len(lines):
        fields, count = _row_at(lines, at, mapping)
        is_whole = isinstance(fields, list) and (width in (0, len(fields)) or count == 1)
        if not is_whole and count > 1:
            yield at + 1, "a quotation mark is not closed"
            count = 1
        else:
            yield at + 1, fields
        if not width and fields and isinstance(fields, list):
            width = len(fields)
        at += count


def _row_at(lines: list[str], at: int, mapping: Mapping) -> tuple[list[str] | str, int]:
    """The fields of the row that begins with a line, and how many lines it takes."""
    last = min(at + MOST_LINES_PER_ROW, len(lines))
    reader = csv.reader(
        (lines[index] for index in range(at, last)),
        delimiter=mapping.separator,
        quotechar=mapping.quote,
        quoting=csv.QUOTE_MINIMAL if mapping.quote else csv.QUOTE_NONE,
    )
    try:
        fields = next(reader, [])
    except csv.Error as trouble:
        return f"it is not valid CSV: {trouble}", max(1, reader.line_num)
    return fields, max(1, reader.line_num)


def _column_positions(name: str, line: int, header: list[str], mapping: Mapping) -> dict[str, int]:
    """The index of each column that the mapping needs. Raises: ExportUnreadable, naming all missing ones."""
    found = [" ".join(column.split()) for column in header]
    needed = column_names(mapping)
    missing = [f"{column!r} ({', '.join(keys)})" for column, keys in needed.items() if column not in found]
    if missing:
        hint = f" Is {mapping.separator!r} the separator?" if len(found) == 1 else ""
        listed = ", ".join(found[:60])
        raise ExportUnreadable(
            name, line, f"There is no column {', '.join(missing)}.", f"The header has: {listed[:2000]}.{hint}"
        )
    twice = [column for column in needed if found.count(column) > 1]
    if twice:
        raise ExportUnreadable(
            name, line, f"The column {twice[0]!r} appears twice.", "Rename one of them in the file."
        )
    return {column: found.index(column) for column in needed}


class _RowReader:
    """Reads the fields of a row by the mapping's columns."""

    def __init__(self, mapping: Mapping, positions: dict[str, int], zone: ZoneInfo) -> None:
        self.mapping = mapping
        self.positions = positions
        self.sources = {
            key: [self._field_reader(source) for source in sources]
            for key, sources in mapping.columns.items()
        }
        self.instant = _instant_reader(mapping, zone)

    def read(self, line: int, fields: list[str] | str, width: int) -> Event | RowNote:
        if isinstance(fields, str):
            return RowNote(line, fields)
        if len(fields) != width:
            return RowNote(line, f"it has {len(fields)} fields and the header has {width}")
        values = {key: value for key in self.sources if (value := self._value(key, fields)) is not None}
        number = values.pop("number", None)
        if number is None:
            return RowNote(line, "it has no service request number")
        if len(number) > LONGEST_NUMBER:
            return RowNote(line, f"its number has more than {LONGEST_NUMBER} characters")
        broken = next((key for key, value in values.items() if not _is_text(value)), None)
        if broken is not None or not _is_text(number):
            return RowNote(line, f"its {broken or 'number'} contains control characters")
        return self._event(line, number, values)

    def _event(self, line: int, number: str, values: dict[str, str]) -> Event | RowNote:
        state = values.pop("state", None)
        if state is None:
            return RowNote(line, "it has no state")
        if state not in self.mapping.states:
            return RowNote(line, f"the state {state!r} is not named in the mapping")
        instants: dict[str, datetime | None] = {}
        for key in INSTANTS:
            text = values.pop(key, None)
            read = self.instant(text) if text is not None else None
            if isinstance(read, str):
                return RowNote(line, f"{key}: {read}")
            instants[key] = read
        at = instants["changed_at"]
        if at is None:
            return RowNote(line, "it has no time of change")
        sequence = _sequence(values.pop("sequence", None))
        return Event(line, number, at, instants["opened_at"], sequence, state, values)

    def _value(self, key: str, fields: list[str]) -> str | None:
        for read in self.sources[key]:
            value = read(fields)
            if value is not None:
                return value if key in MULTILINE else " ".join(value.split())
        return None

    def _field_reader(self, source: ValueSource) -> Callable[[list[str]], str | None]:
        missing = self.mapping.missing
        positions = {column: self.positions[column] for column in source.columns}

        def field(fields: list[str], position: int) -> str | None:
            value = fields[position].strip()
            return None if not value or value in missing else value

        if source.text is None:
            (only,) = positions.values()
            return lambda fields: field(fields, only)
        text = source.text

        def filled(fields: list[str]) -> str | None:
            found = {column: field(fields, position) for column, position in positions.items()}
            if None in found.values():
                return None
            return PLACEHOLDER.sub(lambda match: str(found[" ".join(match.group(1).split())]), text)

        return filled


def _instant_reader(mapping: Mapping, zone: ZoneInfo) -> Callable[[str], datetime | str]:
    """A function from a text to its instant (aware UTC), or to what is wrong with it.

    It is cached: exports repeat their instants.
    """

    @lru_cache(maxsize=100_000)
    def read(text: str) -> datetime | str:
        parsed = next((one for form in mapping.date_forms if (one := _parsed(text, form)) is not None), None)
        if parsed is None:
            forms = " or ".join(mapping.date_forms)
            return f"{text[:60]!r} is not a date of the form {forms}"
        try:
            check_date(parsed)
            if parsed.tzinfo is not None:
                return check_instant(parsed.astimezone(UTC))
            if mapping.nonexistent_times == "move_forward":
                return first_instant_at(parsed, zone)
            return resolve_local(parsed, zone)
        except NonexistentLocalTime as gap:
            return gap.detail.rstrip(".")
        except (DeskError, OverflowError):
            return f"{text[:60]!r} is outside the years 1970 to 2199"

    return read


def _parsed(text: str, form: str) -> datetime | None:
    try:
        return datetime.fromisoformat(text) if form == ISO else datetime.strptime(text, form)  # noqa: DTZ007
    except (ValueError, OverflowError):
        return None


def _sequence(text: str | None) -> tuple[int, str] | None:
    """The sort key of a counter: numbers in numerical order, then other texts in alphabetical order."""
    if text is None:
        return None
    return (int(text), "") if text.isascii() and text.isdigit() and len(text) < 19 else (10**18, text)


def _is_text(value: str) -> bool:
    return not any((char < " " and char not in "\n\r\t") or char == "\x7f" for char in value)
