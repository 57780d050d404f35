"""The forms in which an export writes its instants: what a mapping may name, and how each is read."""

import re
import unicodedata
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal, InvalidOperation
from functools import lru_cache
from typing import Any, Literal

from babel import Locale, UnknownLocaleError

from engine.rulebook.syntax.problems import FileReport
from engine.rulebook.syntax.scanner import Node, quoted
from engine.rulebook.syntax.typed_reader import read_text

ISO, EPOCH_MS, EPOCH_S, EXCEL = "iso", "epoch_ms", "epoch_s", "excel"
NUMBER_FORMS = frozenset({EPOCH_MS, EPOCH_S, EXCEL})
NAMED_FORMS = NUMBER_FORMS | {ISO}
SAMPLE = datetime(2016, 11, 23, 17, 45, 58, tzinfo=UTC)
AMBIGUOUS_SAMPLE = datetime(2003, 4, 5, 6, 7, 8, tzinfo=UTC)
"""Read with day, month and year in another order, it gives another date."""

EXCEL_EPOCH = datetime(1899, 12, 30)  # noqa: DTZ001  (a spreadsheet's serial day is a local time)
FIRST_EXCEL_DAY, LAST_EXCEL_DAY = 25_569, 109_574  # 1970-01-01 and 2199-12-31
SHORTEST_EPOCH_MS = 11  # digits: fewer would be a count of seconds or of days
DAY, HOUR, MINUTE, SECOND = timedelta(days=1), timedelta(hours=1), timedelta(minutes=1), timedelta(seconds=1)
MICROSECOND = timedelta(microseconds=1)
ISO_TIME = re.compile(r"[Tt ](\d\d)(?::?(\d\d))?(?::?(\d\d))?([.,]\d+)?")
NO_SECONDS = re.compile(r"[Tt ]\d\d(?::?\d\d)?[.,]\d")
"""A fraction of an hour or of a minute, which `fromisoformat` reads as one of a second: 10.15 is 10:15."""
DIRECTIVE = re.compile(r"%(.)")
ISO_SHAPES = ("%Y-%m-%d %H:%M:%S", "%Y-%m-%d %H:%M", "%Y-%m-%d", "%Y%m%d", "%Y%m%dT%H%M%S")
ISO_IN_UTC = re.compile(r" ?(?:UTC|GMT)$", re.IGNORECASE)
WHOLE_OR_TENTHS = re.compile(r"(\d+)(?:\.(\d{1,9}))?", re.ASCII)
WORD = re.compile(r"[^\W\d_]+\.?")
NAME = re.compile(r"[^\W\d_]+(?:[-'\u2019\u02bc][^\W\d_]+)*\.?")
"""A word, or several that are joined, as in "segunda-feira"."""
ORDINALS = frozenset({"st", "nd", "rd", "th", "er", "º", "ª"})
"""What may stand directly behind the day of a month: 1st, 1er."""
SHORTEST_NAME = 3
"""Letters of an abbreviation of a month or a day that no list names, such as "Tues"."""
MORE_MONTHS: dict[str, dict[str, int]] = {"de": {"mrz": 3, "jän": 1, "jänner": 1, "feber": 2}}
"""Names that programs write and the locale data of the language lacks."""
HALF_DAY = r"(?<![^\W\d_])(?:([aA])|[pP])\.?\s?[mM]\b\.?"
"""a.m. or p.m. in Latin letters."""


def read_date_forms(report: FileReport, node: Node) -> tuple[str, ...]:
    """How instants are written: a `strptime` form or one of `NAMED_FORMS`, or several."""
    nodes = node.value if isinstance(node.value, list) else [node]
    if not nodes:
        report.error(node.place, "The list is empty. Give a form of dates, or leave the key out.")
    return tuple(form for one in nodes if (form := _date_form(report, one)) is not None)


def _date_form(report: FileReport, node: Node) -> str | None:
    form = read_text(report, node, maximum=100)
    if form is None or form in NAMED_FORMS:
        return form
    problem = _problem_of(form)
    return form if problem is None or report.reject(node.place, f"{quoted(form)} {problem}") else None


def _problem_of(form: str) -> str | None:
    """Why a form would lose a part of the instant; None if it loses nothing."""
    used = directives(form)
    if "I" in used and "p" not in used:
        return (
            "has hours from 1 to 12 (%I) without AM or PM (%p). Write %H for hours from 0 to 23, or add %p."
        )
    if "p" in used and "I" not in used:
        return "has AM or PM (%p), which is read only together with %I. Write %I for the hour, or remove %p."
    try:
        # some platforms format `%s` and the like, none parses them: formatting and parsing must round-trip
        read = datetime.strptime(SAMPLE.strftime(form), form)  # noqa: DTZ007
    except (ValueError, re.error):
        read = None
    if read is None or read.date() != SAMPLE.date():
        return (
            'has no day. Write it with %d, %m, %Y, %H and %M, such as "%d.%m.%Y %H:%M", or one of '
            f"{', '.join(sorted(NAMED_FORMS))}."
        )
    if read.replace(tzinfo=None) != truncated(SAMPLE.replace(tzinfo=None), unit_of_form(form)):
        return "has minutes without hours, or seconds without minutes. Add what is missing."
    return None


def read_date_language(report: FileReport, node: Node) -> str | None:
    """The language of names of months, as in "de" or "pt_BR"; None for English."""
    if node.value is None:
        return None
    name = read_text(report, node, maximum=20)
    if name is None:
        return None
    try:
        Locale.parse(name.replace("-", "_"))
    except (ValueError, UnknownLocaleError):
        report.error(node.place, f'{quoted(name)} is not a language. Write a code such as "de" or "fr".')
        return None
    return name.replace("-", "_")


def directives(form: str) -> set[str]:
    """The letters of a form's directives."""
    return set(DIRECTIVE.findall(form)) - {"%"}


def unit_of_form(form: str) -> timedelta:
    """The span that a time written in a `strptime` form stands for."""
    used = directives(form)
    if "f" in used:
        return MICROSECOND
    if used & {"S", "c", "X"}:
        return SECOND
    if "M" in used:
        return MINUTE
    return HOUR if used & {"H", "I"} else DAY


def unit_of(text: str, form: str) -> timedelta:
    """The span that a text of this form stands for: the unit of its last part."""
    if form == EPOCH_MS:
        return timedelta(milliseconds=1)
    if form in NUMBER_FORMS:
        return DAY if form == EXCEL and text.isdigit() else SECOND
    if form != ISO:
        return unit_of_form(form)
    found = ISO_TIME.search(text)
    if found is None:
        return DAY
    _, minute, second, fraction = found.groups()
    if fraction:
        return MICROSECOND
    return SECOND if second else MINUTE if minute else HOUR


def truncated(at: datetime, unit: timedelta) -> datetime:
    """The start of the day, hour, minute or second in which an instant is."""
    midnight = at.replace(hour=0, minute=0, second=0, microsecond=0)
    return midnight + (at - midnight) // unit * unit


def conflicting_forms(forms: tuple[str, ...]) -> list[tuple[str, str]]:
    """The pairs of forms of which some text fits both, as two different dates."""
    found = []
    for index, first in enumerate(forms):
        for second in forms[index + 1 :]:
            if first not in NUMBER_FORMS and second not in NUMBER_FORMS and _conflict(first, second):
                found.append((first, second))
    return found


def _conflict(first: str, second: str) -> bool:
    for one, other in ((first, second), (second, first)):
        for shape in ISO_SHAPES if one == ISO else (one,):
            text = AMBIGUOUS_SAMPLE.strftime(shape)
            read, other_read = parse(text, one), parse(text, other)
            if read is not None and other_read is not None and read.date() != other_read.date():
                return True
    return False


def parse(text: str, form: str) -> datetime | None:
    """The date and time that a text of this form states, naive unless it has an offset.

    None if it does not fit. The `%Z` of a form is not read here: see `workflows.importing.instants`.
    """
    try:
        if form == ISO:
            if NO_SECONDS.search(text) is not None:
                return None
            return datetime.fromisoformat(ISO_IN_UTC.sub("+00:00", text).upper())
        if form in NUMBER_FORMS:
            return _from_number(text, form)
        return datetime.strptime(text, form)  # noqa: DTZ007
    except (ValueError, OverflowError, InvalidOperation):
        return None


def _from_number(text: str, form: str) -> datetime | None:
    """An instant written as a number: milliseconds or seconds since 1970, or a spreadsheet's serial day."""
    if form == EXCEL:
        days = _serial_day(text)
        if not FIRST_EXCEL_DAY <= days <= LAST_EXCEL_DAY + 1:
            return None
        # a spreadsheet stores a binary fraction: its nearest second is meant
        return EXCEL_EPOCH + timedelta(seconds=int((days * 86_400).to_integral_value()))
    found = WHOLE_OR_TENTHS.fullmatch(text)
    if found is None or (form == EPOCH_MS and len(found[1]) < SHORTEST_EPOCH_MS):
        return None
    microseconds = 1000 if form == EPOCH_MS else 1_000_000
    return datetime(1970, 1, 1, tzinfo=UTC) + timedelta(
        microseconds=int(Decimal(f"{found[1]}.{found[2] or 0}") * microseconds)
    )


def _serial_day(text: str) -> Decimal:
    """A serial day; or, from two columns, a day and a part of a day."""
    day, *rest = (Decimal(part.replace(",", ".")) for part in text.split(" "))
    if not rest:
        return day
    (part,) = rest
    if not (0 <= part < 1 and day == day.to_integral_value()):
        raise ValueError(text)
    return day + part


Kind = Literal["month", "day"]


@dataclass(frozen=True, slots=True)
class Names:
    """How a language writes months, days of the week and halves of a day, as Python's `strptime` knows them.

    English abbreviations of months and days, by the folded names; `halves` matches a half of a day.
    """

    english: dict[Kind, dict[str, str]]
    halves: re.Pattern[str]
    first_halves: frozenset[str]

    def in_english(self, text: str, form: str) -> str:
        """A text of a form with its names in English, and AM or PM directly behind what precedes it."""
        kinds = _kinds_of_names(form)
        text = unicodedata.normalize("NFC", text)
        if "p" in directives(form):
            text = self.halves.sub(self._half, text)
        return (
            NAME.sub(lambda name: self._name(name[0], kinds, text[: name.start()]), text) if kinds else text
        )

    def _half(self, half: re.Match[str]) -> str:
        is_first = half[1] is not None or folded(half[0].strip()) in self.first_halves
        return "AM" if is_first else "PM"

    def _name(self, text: str, kinds: list[Kind], before: str) -> str:
        name = folded(text.rstrip("."))
        if before[-1:].isdigit() and name in ORDINALS:
            return ""
        # in some languages a day and a month have the same abbreviation: the place in the form decides
        for kind in kinds:
            if name in self.english[kind]:
                if len(kinds) > 1:
                    kinds.remove(kind)
                return self.english[kind][name]
        if WORD.fullmatch(text):
            return text
        return WORD.sub(lambda word: self._name(word[0], kinds, ""), text)


def form_in_english(form: str) -> str:
    """The form of what `Names.in_english` returns."""
    return re.sub(r"\s+%p", "%p", form.replace("%B", "%b").replace("%A", "%a"))


@lru_cache(maxsize=32)
def names_of(language: str | None) -> Names:
    """The names of a language, else the English ones; those of British English, such as "Sept", always."""
    codes = list(dict.fromkeys((language or "en", "en", "en_GB")))
    english: dict[Kind, dict[str, str]] = {"month": {}, "day": {}}
    firsts, seconds = set[str](), set[str]()
    for code in codes:
        locale = Locale.parse(code)
        months = {one: date(2001, one, 1).strftime("%b") for one in range(1, 13)}
        days = {one: date(2001, 1, 1 + one).strftime("%a") for one in range(7)}
        for kind, found, numbers in (("month", locale.months, months), ("day", locale.days, days)):
            for name, number in _all_names(found, numbers):
                english[kind].setdefault(name, numbers[number])  # type: ignore[index]
        for name, number in MORE_MONTHS.get(locale.language, {}).items():
            english["month"].setdefault(folded(name), months[number])
        for widths in locale.day_periods.values():
            for width in widths.values():
                firsts |= {folded(width["am"])} if len(width.get("am", "")) > 1 else set()
                seconds |= {folded(width["pm"])} if len(width.get("pm", "")) > 1 else set()
    return Names(english, _halves(firsts | seconds), frozenset(firsts - seconds))


def _halves(names: Iterable[str]) -> re.Pattern[str]:
    longest_first = sorted(names, key=lambda name: (-len(name), name))
    known = "|".join(re.escape(name).replace(r"\ ", r"\s") for name in longest_first)
    return re.compile(rf"\s*(?:{HALF_DAY}|(?:{known}))", re.IGNORECASE)


def _kinds_of_names(form: str) -> list[Kind]:
    kinds: dict[str, list[Kind]] = {"a": ["day"], "b": ["month"], "c": ["day", "month"]}
    return [kind for one in DIRECTIVE.findall(form) for kind in kinds.get(one.lower(), [])]


def folded(text: str) -> str:
    """A name without case and accents, and with one kind of blank."""
    plain = unicodedata.normalize("NFD", " ".join(text.split()).casefold())
    return "".join(char for char in plain if not unicodedata.combining(char))


def _all_names(found: Any, numbers: Iterable[int]) -> Iterator[tuple[str, int]]:
    """The names in every width, without the point of an abbreviation; then what abbreviates only one."""
    wide: dict[int, set[str]] = {number: set() for number in numbers}
    for widths in (found["format"], found["stand-alone"]):
        for width in ("abbreviated", "wide"):
            for number, names in wide.items():
                name = str(widths[width][number]).rstrip(".")
                yield folded(name), number
                if width == "wide":
                    names |= {folded(name), folded(_without_umlauts(name))}
    starts: dict[str, set[int]] = {}
    for number, names in wide.items():
        for name in names:
            for length in range(SHORTEST_NAME, len(name) + 1):
                starts.setdefault(name[:length], set()).add(number)
    for start, which in starts.items():
        if len(which) == 1:
            yield start, next(iter(which))


def _without_umlauts(name: str) -> str:
    return name.casefold().replace("ä", "ae").replace("ö", "oe").replace("ü", "ue")
