"""The forms in which an export writes its instants: what a mapping may name, and how each is read."""

import re
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal, InvalidOperation

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
DIRECTIVE = re.compile(r"%(.)")
ISO_SHAPES = ("%Y-%m-%d %H:%M:%S", "%Y-%m-%d %H:%M", "%Y-%m-%d", "%Y%m%d", "%Y%m%dT%H%M%S")
WORD = re.compile(r"[^\W\d_]+\.?")


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
        return SECOND
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
            return datetime.fromisoformat(text)
        if form in NUMBER_FORMS:
            return _from_number(text, form)
        return datetime.strptime(text, form)  # noqa: DTZ007
    except (ValueError, OverflowError, InvalidOperation):
        return None


def _from_number(text: str, form: str) -> datetime | None:
    """An instant written as a number: milliseconds or seconds since 1970, or a spreadsheet's serial day."""
    if form == EXCEL:
        days = Decimal(text.replace(",", "."))
        if not FIRST_EXCEL_DAY <= days <= LAST_EXCEL_DAY + 1:
            return None
        # a spreadsheet stores a binary fraction: its nearest second is meant
        return EXCEL_EPOCH + timedelta(seconds=int((days * 86_400).to_integral_value()))
    if not text.isascii() or not text.isdigit() or (form == EPOCH_MS and len(text) < SHORTEST_EPOCH_MS):
        return None
    unit = timedelta(milliseconds=1) if form == EPOCH_MS else SECOND
    return datetime(1970, 1, 1, tzinfo=UTC) + int(text) * unit


def english_names(language: str | None) -> dict[str, str]:
    """English abbreviations of the names of months and days, by their lower-case names in a language.

    The abbreviations of British English, such as "Sept", are always included.
    """
    names: dict[str, str] = {}
    for code in dict.fromkeys(("en", "en_GB", language or "en")):
        locale = Locale.parse(code)
        for month in range(1, 13):
            english = date(2001, month, 1).strftime("%b")
            names |= dict.fromkeys(_names(locale.months, month), english)
        for day in range(7):
            english = date(2001, 1, 1 + day).strftime("%a")
            names |= dict.fromkeys(_names(locale.days, day), english)
    return names


def _names(found: object, number: int) -> set[str]:
    """The names of a month or a day in every width, without the point of an abbreviation."""
    return {
        str(widths[width][number]).lower().rstrip(".")
        for widths in (found["format"], found["stand-alone"])  # type: ignore[index]
        for width in ("abbreviated", "wide")
    }


def in_english(text: str, names: dict[str, str]) -> str:
    """The text with the names of months and days in it as English abbreviations."""
    return WORD.sub(lambda word: names.get(word[0].lower().rstrip("."), word[0]), text)
