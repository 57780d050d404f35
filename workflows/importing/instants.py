"""From a text of the export to the instant that it states, with the zone, clock change and precision."""

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta, timezone
from functools import lru_cache
from zoneinfo import ZoneInfo

from engine.errors import DeskError, NonexistentLocalTime, UnknownTimeZone
from engine.periods import check_date, check_instant, first_instant_at, resolve_local, zone_named
from workflows.importing.date_forms import (
    DAY,
    conflicting_forms,
    directives,
    form_in_english,
    names_of,
    parse,
    unit_of,
)
from workflows.importing.mapping import Mapping

NO_DATE_WORDS = frozenset(
    {"not set", "never", "none", "null", "(null)", "nil", "undefined", "n/a", "#n/a", "nat", "nan", "\\n"}
    | {"-", "--", "\N{EN DASH}", "\N{EM DASH}"}
)
FIRST_AND_LAST_DAYS = frozenset(
    {date(1, 1, 1), date(1601, 1, 1), date(1753, 1, 1), date(1899, 12, 30), date(1899, 12, 31)}
    | {date(1900, 1, 1), date(9999, 12, 31)}
)
"""The first and the last days of several programs, which write them for a missing date."""
ONLY_ZEROS = re.compile(r"[0\W]*0[0\W]*")
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
EPOCH_TEXT = re.compile(r"1970-01-01(?:[T ]00:00(?::00(?:\.0+)?)?)?(?:Z|\+00:?00)?")
ZONE_NAME = re.compile(
    r"(?:UTC|GMT) ?[+-]\d{1,2}(?::?\d\d)?(?!\d)|[A-Z][A-Z0-9_+\-]*(?:/[A-Z0-9_+\-]+)*", re.IGNORECASE
)
OFFSET_NAME = re.compile(r"(?:UTC|GMT) ?([+-])(\d{1,2})(?::?(\d\d))?", re.IGNORECASE)
IN_PARENTHESES = re.compile(r"\s*\([^()]*\)$")
UTC_NAMES = frozenset({"UTC", "GMT", "Z", "UT", "ZULU"})
GERMAN_NAMES = {"MEZ": "CET", "MESZ": "CEST"}
MOST_OFFSET = timedelta(hours=14)


@dataclass(frozen=True, slots=True)
class StatedInstant:
    """An instant of the export (aware UTC), exact to `unit`.

    `later_at` is the second occurrence of a local time that the end of daylight saving repeats.
    """

    at: datetime
    unit: timedelta
    later_at: datetime | None = None


def is_before(one: StatedInstant, other: StatedInstant) -> bool:
    """Whether an instant can be before another: a date without a time may be any time of that day."""
    return one.at < other.at or (one.unit < other.unit and one.at < other.at + other.unit)


def is_earlier(one: StatedInstant, other: StatedInstant) -> bool:
    """Whether an instant is before another in any case: the same day or minute is not, if one is no finer."""
    return one.at + max(one.unit, other.unit) <= other.at


def not_before(first: StatedInstant | None, second: StatedInstant | None) -> StatedInstant | None:
    """The second of a row's instants: of a repeated local time, the occurrence that follows the first."""
    if first is None or second is None or second.later_at is None or not is_earlier(second, first):
        return second
    return StatedInstant(second.later_at, second.unit)


WITH_NAMES = frozenset("abABcp")
"""The directives whose texts depend on the language."""

Reading = StatedInstant | str | None
"""An instant, what is wrong with the text, or None for a text that means no date."""


@dataclass(frozen=True, slots=True)
class Undecided:
    """A column that two forms read differently. `line` decides for one of them; None if no line does."""

    line: int | None
    text: str
    fits: str | None
    example_line: int
    example: str
    forms: tuple[str, str]


def means_no_date(text: str) -> bool:
    """Whether a text stands for a missing date: 0000-00-00, the first instant of 1970, or "Not set"."""
    return (
        text.casefold() in NO_DATE_WORDS
        or ONLY_ZEROS.fullmatch(text) is not None
        or EPOCH_TEXT.fullmatch(text) is not None
    )


def instant_reader(mapping: Mapping, provider_zone: ZoneInfo) -> Callable[[str], Reading]:
    """A function from a text to what it states. It is cached: exports repeat their instants."""
    reader = _InstantReader(mapping, mapping.zone or provider_zone)
    return lru_cache(maxsize=100_000)(reader.read)


def find_undecided(mapping: Mapping, cells: Iterable[tuple[int, str]]) -> Undecided | None:
    """The first pair of the mapping's forms that read a column (lines and texts) in two ways.

    One form holds for a whole column: 03-12 is not read with the day first where 02-28 has the month first.
    """
    pairs = conflicting_forms(mapping.date_forms)
    if not pairs:
        return None
    reader = _InstantReader(mapping, mapping.zone or ZoneInfo("UTC"))
    column = list(cells)
    return next((one for pair in pairs if (one := _undecided(reader, pair, column)) is not None), None)


def _undecided(
    reader: "_InstantReader", pair: tuple[str, str], column: Sequence[tuple[int, str]]
) -> Undecided | None:
    """Whether both forms occur in the column, or a text of it fits both as different instants."""
    both: tuple[int, str] | None = None
    alone: dict[str, tuple[int, str]] = {}
    for line, text in column:
        read = {form: parsed for form in pair if (parsed := reader.parsed(text, form)) is not None}
        if len(read) == 2 and read[pair[0]] != read[pair[1]]:
            both = both or (line, text)
        elif len(read) == 1:
            alone.setdefault(next(iter(read)), (line, text))
    if both is None and len(alone) < 2:
        return None
    if not alone:
        assert both is not None
        return Undecided(None, "", None, *both, pair)
    decider = min(alone, key=lambda form: alone[form][0])
    example = both or max(alone.values())
    return Undecided(*alone[decider], decider, *example, pair)


class _InstantReader:
    """Reads texts by the mapping's forms, in its language and zone."""

    def __init__(self, mapping: Mapping, zone: ZoneInfo) -> None:
        self.mapping = mapping
        self.zone = zone
        has_names = any(directives(form) & WITH_NAMES for form in mapping.date_forms)
        self.names = names_of(mapping.date_language) if has_names else None

    def read(self, text: str) -> Reading:
        if means_no_date(text):
            return None
        for form in self.mapping.date_forms:
            parsed = self.parsed(text, form)
            if parsed is not None:
                return parsed if isinstance(parsed, str) else self._stated(text, parsed, unit_of(text, form))
        forms = " or ".join(self.mapping.date_forms)
        return f"{text[:60]!r} is not a date of the form {forms}"

    def parsed(self, text: str, form: str) -> datetime | str | None:
        """The date and time of a text; None if it is not of this form, or what is wrong with its zone."""
        written = [(text, form)]
        if self.names is not None and directives(form) & WITH_NAMES:
            written.append((self.names.in_english(text, form), form_in_english(form)))
        for one, its_form in written:
            has_zone = "Z" in directives(its_form)
            found = self._with_zone(one, its_form) if has_zone else parse(one, its_form)
            if found is not None:
                return found
        return None

    def _with_zone(self, text: str, form: str) -> datetime | str | None:
        """The date and time of a text with the name of a zone at the place of `%Z`."""
        if not form.endswith(")"):  # some programs explain an offset: GMT+0200 (Central European Summer Time)
            text = IN_PARENTHESES.sub("", text)
        for name in ZONE_NAME.finditer(text):
            rest = f"{text[: name.start()]}UTC{text[name.end() :]}"
            wall = parse(rest, form)
            if wall is not None:
                return self._in_zone(wall.replace(tzinfo=None), name[0])
        return None

    def _in_zone(self, wall: datetime, name: str) -> datetime | str:
        if name.upper() in UTC_NAMES:
            return wall.replace(tzinfo=UTC)
        unreadable = f"the time zone {name[:40]!r} cannot be read: use UTC, or a name such as Europe/Berlin"
        if (offset := OFFSET_NAME.fullmatch(name)) is not None:
            span = timedelta(hours=int(offset[2]), minutes=int(offset[3] or 0))
            if span > MOST_OFFSET:
                return unreadable
            return wall.replace(tzinfo=timezone(span if offset[1] == "+" else -span))
        abbreviation = GERMAN_NAMES.get(name.upper(), name.upper())
        for fold in (0, 1):  # abbreviations of the zone, such as CET and CEST, also decide a repeated hour
            local = wall.replace(tzinfo=self.zone, fold=fold)
            if local.tzname() == abbreviation:
                return local.astimezone(UTC)
        if "/" not in name:
            return unreadable
        try:
            return resolve_local(wall, zone_named(name))
        except UnknownTimeZone:
            return unreadable
        except DeskError as problem:
            return problem.detail.rstrip(".")

    def _stated(self, text: str, parsed: datetime, unit: timedelta) -> Reading:
        if self._is_no_date(parsed):
            return None
        try:
            check_date(parsed)
            if parsed.tzinfo is not None:
                return StatedInstant(check_instant(parsed.astimezone(UTC)), unit)
            # where clocks change at midnight, a day begins at another time: it is a date all the same
            if unit == DAY or self.mapping.nonexistent_times == "move_forward":
                at = first_instant_at(parsed, self.zone)
            else:
                at = resolve_local(parsed, self.zone)
        except NonexistentLocalTime as gap:
            return gap.detail.rstrip(".")
        except (DeskError, OverflowError):
            return f"{text[:60]!r} is outside the years 1970 to 2199"
        later = parsed.replace(tzinfo=self.zone, fold=1).astimezone(UTC)
        is_repeated = later > at and later.astimezone(self.zone).replace(tzinfo=None) == parsed
        return StatedInstant(at, unit, later if is_repeated else None)

    def _is_no_date(self, parsed: datetime) -> bool:
        """Whether it is the first instant of 1970, by UTC or locally, or one of `FIRST_AND_LAST_DAYS`."""
        if parsed.date() in FIRST_AND_LAST_DAYS:
            return True
        local = parsed.replace(tzinfo=self.zone) if parsed.tzinfo is None else parsed
        return parsed == EPOCH.replace(tzinfo=None) or local == EPOCH
