"""The rows of another desk's export, read one by one: a bad row is reported and the others are still read.

A row becomes an `Event`: the values that the mapping asks for, not yet checked by any use case.
"""

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from functools import lru_cache
from zoneinfo import ZoneInfo

from workflows.importing.column_sources import PLACEHOLDER
from workflows.importing.csv_rows import BEHIND_A_BACKSLASH, CsvReader, CsvRow, row_like_lines
from workflows.importing.email_cells import usable_address
from workflows.importing.events import Event, RowNote
from workflows.importing.header import ExportUnreadable, Header, find_header
from workflows.importing.instants import (
    StatedInstant,
    find_undecided,
    instant_reader,
    is_before,
    is_earlier,
    not_before,
)
from workflows.importing.mapping import WORKED, Mapping, Meaning, ValueSource
from workflows.importing.plain_text import plain_text
from workflows.importing.whole_numbers import without_thousands_separators

LONGEST_NUMBER = 60
ESCAPE_HINT = ', or the mapping has "escape": "\\\\"'
MULTILINE = frozenset({"description", "resolution"})
ADDRESSES = ("customer_email", "technician_email")
NUMBERS = ("number", "sequence", *WORKED)
INVISIBLE = dict.fromkeys((0x00AD, 0x200B, 0x200C, 0x200D, 0x200E, 0x200F, 0x2060))
"""Soft hyphens, joiners and marks of direction, as they come along when text is copied."""
TEXT_FORMULA = re.compile(r'\s*="([^"]*)"\s*')
INSTANTS = ("changed_at", "opened_at", "resolved_at", "closed_at")


def read_export(name: str, raw: bytes, mapping: Mapping, provider_zone: ZoneInfo) -> list[Event | RowNote]:
    """Every row of the file `name`, in file order. Local times are in the mapping's or the provider's zone.

    A row with several instants becomes several events with the same line.

    Raises:
        ExportUnreadable: the file is not in the mapping's encoding, is empty, lacks a column, or has a column
            of instants that the mapping's forms read in two ways.
    """
    text = _decoded(name, raw, mapping)
    header, rows, remark = _split(name, text, mapping)
    reader = _RowReader(mapping, header, provider_zone)
    above = [RowNote(row.line, "it is above the header") for row in rows[: header.index]]
    below = rows[header.index + 1 :]
    if '="' in text:
        below = [replace(row, fields=[_without_formula(cell) for cell in row.fields]) for row in below]
    reader.check_date_forms(name, below)
    found = [*above, *(one for row in below for one in reader.read(row))]
    return _with_remark(found, remark) if remark is not None else found


def _decoded(name: str, raw: bytes, mapping: Mapping) -> str:
    encoding = mapping.encoding
    try:
        # files that were put together have a byte order mark in the middle
        return raw.decode(encoding).replace("\ufeff", "")
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


def _split(name: str, text: str, mapping: Mapping) -> tuple[Header, list[CsvRow], RowNote | None]:
    """The header and all rows of the file, and a remark if its quotation marks turned out to be text.

    Raises: ExportUnreadable.
    """
    header, rows = _split_by(name, text, mapping, mapping.quote)
    if not mapping.quote_by_file:
        return header, rows, None
    # tab-separated files of some programs quote cells, those of others never do
    broken = next((row for row in rows if row.problem is not None or _has_tabs(row)), None)
    if broken is None:
        return header, rows, None
    why = f"the quotation marks of this file are read as text, because of line {broken.line}"
    header, rows = _split_by(name, text, mapping, None)
    return header, rows, RowNote(broken.line, why)


def _split_by(name: str, text: str, mapping: Mapping, quote: str | None) -> tuple[Header, list[CsvRow]]:
    reader = CsvReader(text, mapping.separator, quote, mapping.escape)
    rows = _with_values(reader.rows())
    header = find_header(name, rows, mapping)
    first = rows[header.index].line

    def fits(row: CsvRow) -> bool:
        return row.line <= first or header.fitted(row) is not None

    if not all(row.last_line == row.line or fits(row) for row in rows):
        rows = _with_values(reader.rows(fits))
    return header, rows


def _with_values(rows: Iterable[CsvRow]) -> list[CsvRow]:
    """The rows without the empty ones, which a spreadsheet may write by the hundred below its last row."""
    return [row for row in rows if row.problem is not None or any(map(str.strip, row.fields))]


def _has_tabs(row: CsvRow) -> bool:
    return row.last_line > row.line and any("\t" in field for field in row.fields)


def _with_remark(found: list[Event | RowNote], remark: RowNote) -> list[Event | RowNote]:
    """The rows with a remark at its line, or at the first row that has events."""
    events = [index for index, one in enumerate(found) if isinstance(one, Event)]
    index = next((index for index in events if found[index].line == remark.line), next(iter(events), None))
    if index is None:
        return found
    event = found[index]
    assert isinstance(event, Event)
    found[index] = replace(event, remarks=(*event.remarks, remark.text))
    return found


class _RowReader:
    """Reads the fields of a row by the mapping's columns."""

    def __init__(self, mapping: Mapping, header: Header, zone: ZoneInfo) -> None:
        self.mapping = mapping
        self.header = header
        self.sources = {
            key: [self._field_reader(key, source) for source in sources]
            for key, sources in mapping.columns.items()
        }
        self.values = {key: self._value_reader(key) for key in self.sources}
        self.instant = instant_reader(mapping, zone)
        self.repeated = _repeated_columns(mapping, header)

    def check_date_forms(self, name: str, rows: Sequence[CsvRow]) -> None:
        """Raises: ExportUnreadable if two forms of the mapping read a column of instants in two ways."""
        fitted = [(row.line, fields) for row in rows if (fields := self.header.fitted(row)) is not None]
        for key in INSTANTS:
            if key not in self.sources:
                continue
            cells = (
                (line, text) for line, fields in fitted if (text := self.values[key](fields)) is not None
            )
            found = find_undecided(self.mapping, cells)
            if found is None:
                continue
            fits = f"{found.text!r} is only of the form {found.fits}"
            if found.line is None:
                fits = "no line decides between them"
            first, second = found.forms
            raise ExportUnreadable(
                name,
                found.line or found.example_line,
                f"{key}: the forms {first} and {second} read this column in two ways "
                f"({found.example!r} on line {found.example_line}); {fits}.",
                f'Write only one of them as "date_form": {found.fits or "the one that the other desk uses"}.',
            )

    def read(self, row: CsvRow) -> Iterator[Event | RowNote]:
        """The events of a row, or why it has none."""
        if row.problem is not None:
            hint = ESCAPE_HINT if row.problem == BEHIND_A_BACKSLASH else ""
            yield RowNote(row.line, row.problem + hint)
            return
        fields = self.header.fitted(row)
        if fields is None:
            count, width = len(row.fields), self.header.width
            yield RowNote(row.line, f"it has {count} fields and the header has {width}")
        elif self.header.is_repeated_by(fields):
            yield RowNote(row.line, "it repeats the header")
        elif self._is_left_out(fields):
            yield RowNote(row.line, "the mapping leaves it out", left_out=True)
        else:
            yield from self._read_fields(row, fields)

    def _is_left_out(self, fields: list[str]) -> bool:
        return any(
            " ".join(fields[position].split()) in values
            for column, values in self.mapping.skip.items()
            for position in self.header.positions[column]
        )

    def _read_fields(self, row: CsvRow, fields: list[str]) -> Iterator[Event | RowNote]:
        keys = self._keys_of(fields)
        if isinstance(keys, str):
            yield RowNote(row.line, keys)
            return
        values = {key: value for key in keys if (value := self.values[key](fields)) is not None}
        _remove_invisible(values)
        number = values.pop("number", None)
        if number is None:
            yield RowNote(row.line, "it has no service request number")
            return
        if len(number) > LONGEST_NUMBER:
            yield RowNote(row.line, f"its number has more than {LONGEST_NUMBER} characters")
            return
        # one look at all of them is enough for most rows
        broken = None
        if not "".join(values.values()).isprintable():
            broken = next((key for key, value in values.items() if not _is_text(value)), None)
        if broken is not None or not _is_text(number):
            yield RowNote(row.line, f"its {broken or 'number'} contains control characters")
            return
        remarks = [*self._layout_remarks(row, fields), *_clean_addresses(values)]
        yield from self._events(row.line, number, values, remarks)

    def _keys_of(self, fields: list[str]) -> list[str] | str:
        """The mapping keys that a row states: all, or the one whose change it records."""
        changed = self.mapping.changed_field
        if changed is None:
            return list(self.sources)
        (position, *_) = self.header.positions[changed.column]
        name = " ".join(fields[position].split())
        if name not in changed.keys:
            return f"the field {name!r} is not named in the mapping"
        others = set(changed.keys.values()) - {changed.keys[name]}
        return [key for key in self.sources if key not in others]

    def _layout_remarks(self, row: CsvRow, fields: list[str]) -> Iterator[str]:
        hidden = row_like_lines(row, self.mapping.separator, self.header.width)
        if hidden:
            yield (
                f"one of its cells reaches to line {row.last_line} and has {hidden} lines that look "
                f"like rows: is a quotation mark missing on line {row.line}?"
            )
        if row.has_blanks:
            yield "the blanks before its quotation marks were not read"
        if len(row.fields) < self.header.width:
            yield "its last separator is missing"
        elif len(row.fields) > self.header.width:
            yield "it has more separators than the header"
        for column, places in self.repeated.items():
            if len({fields[place].strip() for place in places} - {""}) > 1:
                yield f"only the first value of the {len(places)} columns {column!r} is used"

    def _events(
        self, line: int, number: str, values: dict[str, str], remarks: list[str]
    ) -> Iterator[Event | RowNote]:
        state = values.pop("state", None)
        if state is None and self.mapping.changed_field is None:
            yield RowNote(line, "it has no state")
            return
        if state is not None and state not in self.mapping.states:
            yield RowNote(line, f"the state {state!r} is not named in the mapping")
            return
        meaning = self.mapping.states[state] if state is not None else None
        instants = self._instants(line, values)
        if isinstance(instants, RowNote):
            yield instants
            return
        changed, opened, resolved, closed = instants
        resolved = not_before(opened, resolved)
        closed = not_before(resolved or opened, closed)
        if resolved is not None and opened is not None and is_earlier(resolved, opened):
            resolved = None
            remarks.append("its resolved_at is before its opening and is not used")
        at = _ended(meaning, changed, resolved, closed) or changed
        if at is None:
            yield RowNote(line, "it has no time of change")
            return
        event = Event(
            line,
            number,
            at.at,
            opened.at if opened is not None else None,
            _sequence(values.pop("sequence", None)),
            state or "",
            values,
            meaning,
            at.later_at,
            at.unit,
            opened.unit if opened is not None else at.unit,
            tuple(remarks),
        )
        was_resolved = resolved is not None and is_before(resolved, at) and not _means(meaning, "resolved")
        ends = {"resolved_at": None if was_resolved else resolved, "closed_at": closed}
        event = replace(
            event, unused=tuple(key for key, end in ends.items() if end is not None and end != at)
        )
        if was_resolved and resolved is not None:
            yield replace(
                event,
                at=resolved.at,
                later_at=resolved.later_at,
                unit=resolved.unit,
                state="resolved",
                meaning=Meaning("resolved"),
                remarks=(),
                unused=(),
            )
            # the row's time was worked by then
            event = replace(event, values={key: value for key, value in values.items() if key not in WORKED})
        yield event

    def _instants(self, line: int, values: dict[str, str]) -> list[StatedInstant | None] | RowNote:
        """The row's instants in the order of `INSTANTS`, or why one of them cannot be read."""
        found: list[StatedInstant | None] = []
        for key in INSTANTS:
            text = values.pop(key, None)
            read = self.instant(text) if text is not None else None
            if isinstance(read, str):
                return RowNote(line, f"{key}: {read}")
            found.append(read)
        return found

    def _value_reader(self, key: str) -> Callable[[list[str]], str | None]:
        """A function from the cells of a row to the value of a key."""
        sources, clean, is_multiline = self.sources[key], self._cleaner(key), key in MULTILINE
        place = self._plain_place(key)
        if place is not None and clean is None:
            return self._plain_reader(place)

        def value_of(fields: list[str]) -> str | None:
            for read in sources:
                value = read(fields)
                if value is not None and clean is not None:
                    value = clean(value)
                if value is not None:
                    return value if is_multiline else " ".join(value.split())
            return None

        return value_of

    def _plain_reader(self, place: int) -> Callable[[list[str]], str | None]:
        missing = self.mapping.missing

        def value_of(fields: list[str]) -> str | None:
            text = fields[place].strip()
            return " ".join(text.split()) if text and text not in missing else None

        return value_of

    def _plain_place(self, key: str) -> int | None:
        """The index of the one column that a key is read from as it is; None where there is more to do."""
        (source, *others) = self.mapping.columns[key]
        if others or source.text is not None or key in MULTILINE:
            return None
        places = self.header.positions[source.columns[0]]
        return places[0] if len(places) == 1 else None

    def _cleaner(self, key: str) -> Callable[[str], str | None] | None:
        """What makes a cell's text the value of this key, or None for a text that means no value."""
        separator = self.mapping.thousands_separator
        if key in INSTANTS:
            # exports repeat their instants
            # what means no date is not a value: the next column that the mapping names is read
            return lru_cache(maxsize=100_000)(lambda text: None if self.instant(text) is None else text)
        if key in self.mapping.html:
            return lambda text: plain_text(text) or None
        if key in NUMBERS and separator is not None:
            return lambda text: without_thousands_separators(" ".join(text.split()), separator)
        return None

    def _field_reader(self, key: str, source: ValueSource) -> Callable[[list[str]], str | None]:
        positions = {column: self.header.positions[column] for column in source.columns}
        is_joined = source.all_of or (key in MULTILINE and source.nth is None)
        if source.text is None:
            (only,) = positions.values()
            return self._cell_reader(only if source.nth is None else (only[source.nth - 1],), is_joined)
        cells = [(column, self._cell_reader(places, is_joined)) for column, places in positions.items()]
        parts = PLACEHOLDER.split(source.text)
        form = "%s".join(part.replace("%", "%%") for part in parts[::2])
        columns = [" ".join(name.split()) for name in parts[1::2]]

        def filled(fields: list[str]) -> str | None:
            found: dict[str, str] = {}
            for column, read in cells:
                value = read(fields)
                if value is None:
                    return None
                found[column] = value
            return form % tuple([found[column] for column in columns])

        return filled

    def _cell_reader(self, places: tuple[int, ...], is_joined: bool) -> Callable[[list[str]], str | None]:
        """A function from the cells of a row to that of a column, which may occur several times."""
        missing = self.mapping.missing

        def only(fields: list[str]) -> str | None:
            value = fields[place].strip()
            return value if value and value not in missing else None

        def several(fields: list[str]) -> str | None:
            found = (fields[one].strip() for one in places)
            values = (value for value in found if value and value not in missing)
            return "\n".join(values) or None if is_joined else next(values, None)

        if len(places) > 1:
            return several
        (place,) = places
        return only


def _ended(
    meaning: Meaning | None,
    changed: StatedInstant | None,
    resolved: StatedInstant | None,
    closed: StatedInstant | None,
) -> StatedInstant | None:
    """When a request in a row's state came to it, by the columns of its end; None if they do not say."""
    if _means(meaning, "closed"):
        return closed
    if _means(meaning, "resolved"):
        return resolved
    if not _means(meaning, "cancelled"):
        return None
    if closed is None and resolved is not None and changed is not None and resolved.at < changed.at:
        return None  # it was resolved, and cancelled later
    return closed or resolved


def _means(meaning: Meaning | None, state: str) -> bool:
    return meaning is not None and meaning.state == state


def _repeated_columns(mapping: Mapping, header: Header) -> dict[str, tuple[int, ...]]:
    """The columns that occur several times and of which the mapping reads the first one with a value."""
    found = {}
    for key, sources in mapping.columns.items():
        for source in sources:
            if key in MULTILINE or source.nth is not None or source.all_of:
                continue
            for column in source.columns:
                if len(header.positions[column]) > 1:
                    found[column] = header.positions[column]
    return found


def _clean_addresses(values: dict[str, str]) -> Iterator[str]:
    """Replace cells of email addresses by the first usable one in them; yields what was not used."""
    for key in ADDRESSES:
        if key not in values:
            continue
        address, remark = usable_address(values[key])
        if remark is not None:
            yield remark
        if address is None:
            del values[key]
        elif remark is not None:
            values[key] = address


def _without_formula(cell: str) -> str:
    """The text of a cell such as `="00123"`, which keeps a spreadsheet from reading it as a number."""
    found = TEXT_FORMULA.fullmatch(cell) if '="' in cell else None
    return found[1] if found is not None else cell


def _remove_invisible(values: dict[str, str]) -> None:
    """Remove the characters without width from names by which rows are compared."""
    for key in ("number", "state"):
        text = values.get(key, "")
        if not text.isascii():
            text = text.translate(INVISIBLE).strip()
            values[key] = text
            if not text:
                del values[key]


def _sequence(text: str | None) -> tuple[int, str] | None:
    """The sort key of a counter: numbers in numerical order, then other texts in alphabetical order."""
    if text is None:
        return None
    return (int(text), "") if text.isascii() and text.isdigit() and len(text) < 19 else (10**18, text)


def _is_text(value: str) -> bool:
    return value.isprintable() or not any(
        (char < " " and char not in "\n\r\t") or char == "\x7f" for char in value
    )


__all__ = ["Event", "ExportUnreadable", "RowNote", "read_export"]
