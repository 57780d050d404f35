"""From a text of the export to the instant that it states, with the zone, clock change and precision."""

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

from engine.errors import DeskError, NonexistentLocalTime, UnknownTimeZone
from engine.periods import check_date, check_instant, first_instant_at, resolve_local, zone_named
from workflows.importing.date_forms import (
    conflicting_forms,
    directives,
    english_names,
    in_english,
    parse,
    unit_of,
)
from workflows.importing.mapping import Mapping

NO_DATE_WORDS = frozenset({"not set", "never", "none", "null", "n/a", "-", "--"})
ONLY_ZEROS = re.compile(r"[0\W]*0[0\W]*")
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
NO_DATES = frozenset(
    {
        date(1, 1, 1),
        date(1753, 1, 1),
        date(1899, 12, 30),
        date(1899, 12, 31),
        date(1900, 1, 1),
        date(9999, 12, 31),
    }
)
"""What databases and spreadsheets store in place of a date: their first, last or zeroth day."""
EPOCH_TEXT = re.compile(r"1970-01-01(?:[T ]00:00(?::00(?:\.0+)?)?)?(?:Z|\+00:?00)?")
ZONE_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_+\-]*(?:/[A-Za-z0-9_+\-]+)*")
UTC_NAMES = frozenset({"UTC", "GMT", "Z", "UT", "ZULU"})


@dataclass(frozen=True, slots=True)
class StatedInstant:
    """An instant of the export (aware UTC), exact to `unit`.

    `later_at` is the second occurrence of a local time that the end of daylight saving repeats.
    """

    at: datetime
    unit: timedelta
    later_at: datetime | None = None


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
        self.has_names = any(directives(form) & set("abABc") for form in mapping.date_forms)
        self.names = english_names(mapping.date_language) if self.has_names else {}

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
        variants = [text]
        if self.has_names and directives(form) & set("abABc"):
            english = in_english(text, self.names)
            variants = list(dict.fromkeys((text, english)))
            form_variants = list(dict.fromkeys((form, form.replace("%B", "%b").replace("%A", "%a"))))
        else:
            form_variants = [form]
        for variant in variants:
            for one in form_variants:
                found = self._with_zone(variant, one) if "Z" in directives(one) else parse(variant, one)
                if found is not None:
                    return found
        return None

    def _with_zone(self, text: str, form: str) -> datetime | str | None:
        """The date and time of a text with the name of a zone at the place of `%Z`."""
        for name in ZONE_NAME.finditer(text):
            rest = f"{text[: name.start()]}UTC{text[name.end() :]}"
            wall = parse(rest, form)
            if wall is not None:
                return self._in_zone(wall.replace(tzinfo=None), name[0])
        return None

    def _in_zone(self, wall: datetime, name: str) -> datetime | str:
        if name.upper() in UTC_NAMES:
            return wall.replace(tzinfo=UTC)
        for fold in (0, 1):  # abbreviations of the zone, such as CET and CEST, also decide a repeated hour
            local = wall.replace(tzinfo=self.zone, fold=fold)
            if local.tzname() == name.upper():
                return local.astimezone(UTC)
        unreadable = f"the time zone {name[:40]!r} cannot be read: use UTC, or a name such as Europe/Berlin"
        if "/" not in name:
            return unreadable
        try:
            return resolve_local(wall, zone_named(name))
        except UnknownTimeZone:
            return unreadable
        except DeskError as problem:
            return problem.detail.rstrip(".")

    def _stated(self, text: str, parsed: datetime, unit: timedelta) -> Reading:
        # a count of zero seconds may have been written as local time
        if parsed.date() in NO_DATES or parsed.replace(tzinfo=parsed.tzinfo or self.zone) == EPOCH:
            return None
        try:
            check_date(parsed)
            if parsed.tzinfo is not None:
                return StatedInstant(check_instant(parsed.astimezone(UTC)), unit)
            if parsed == EPOCH.replace(tzinfo=None):
                return None
            if self.mapping.nonexistent_times == "move_forward":
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
