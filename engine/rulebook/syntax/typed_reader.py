"""From JSON with positions to plain values. Each reader returns the value, or reports a problem.

A value that could not be parsed at all has already been reported, so readers report nothing for it.
"""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from difflib import get_close_matches
from re import Pattern

from engine.rulebook.syntax.problems import FileReport, Place
from engine.rulebook.syntax.scanner import Node, UnreadableValue, quoted, shortened

# Fuzzy matching of names is quadratic: only texts short enough to be a name are compared.
LONGEST_NAME = 60


@dataclass(slots=True)
class Fields:
    """The known members of an object. `missing` names required ones that it lacks."""

    node: Node
    members: dict[str, Node]
    missing: list[str]

    def __getitem__(self, key: str) -> Node:
        return self.members[key]

    def get(self, key: str) -> Node | None:
        return self.members.get(key)

    def __contains__(self, key: str) -> bool:
        return key in self.members


def read_object(
    report: FileReport, node: Node, required: Sequence[str], optional: Sequence[str] = ()
) -> Fields | None:
    """The members of an object; reports unknown and missing keys."""
    if not isinstance(node.value, dict):
        _report_wrong_type(report, node, "an object in { }")
        return None
    known = [*required, *optional]
    for key in node.value:
        if key not in known:
            report.error(
                node.key_place(key), f"{quoted(key)} is not a known key. {nearest(report, key, known)}"
            )
    missing = [key for key in required if key not in node.value]
    for key in missing:
        report.error(node.place, f'"{key}" is missing. Add it.')
    members = {key: node.value[key] for key in known if key in node.value}
    return Fields(node, members, missing)


def read_members(report: FileReport, node: Node) -> dict[str, Node]:
    """The members of an object whose keys are checked by the caller."""
    if isinstance(node.value, dict):
        return node.value
    _report_wrong_type(report, node, "an object in { }")
    return {}


def read_list(report: FileReport, node: Node, *, of: str) -> list[Node]:
    """The elements of a list; `of` names them in the plural, for messages."""
    if isinstance(node.value, list):
        return node.value
    _report_wrong_type(report, node, f"a list of {of} in [ ]")
    return []


def read_text(report: FileReport, node: Node, *, maximum: int, minimum: int = 1) -> str | None:
    """Text of `minimum` to `maximum` characters; not only blanks unless `minimum` is 0."""
    text = node.value
    if not isinstance(text, str):
        _report_wrong_type(report, node, "text in double quotes")
        return None
    message = None
    if minimum and not text.strip():
        message = "The text is empty. Write something, or remove the key if it is optional."
    elif len(text) > maximum:
        message = f"The text has {len(text)} characters. Shorten it to {maximum}."
    return text if message is None or report.reject(node.place, message) else None


def read_name(report: FileReport, node: Node, pattern: Pattern[str], form: str) -> str | None:
    """A name that matches `pattern`; `form` describes it in words, with an example."""
    name = node.value
    if not isinstance(name, str):
        _report_wrong_type(report, node, "text in double quotes")
        return None
    if pattern.fullmatch(name) or report.reject(
        node.place, f"{quoted(name)} is not allowed as a name here. Use {form}."
    ):
        return name
    return None


def read_whole_number(report: FileReport, node: Node, *, minimum: int, maximum: int) -> int | None:
    """A whole number from `minimum` to `maximum`; true, false and 1.0 are not whole numbers."""
    number = node.value
    if isinstance(number, float):
        rounded = f", such as {round(number)}" if abs(number) < 1e15 else ""
        report.error(
            node.place,
            f"{number!r} is not a whole number. Write it without a decimal point or exponent{rounded}.",
        )
        return None
    if isinstance(number, bool) or not isinstance(number, int):
        _report_wrong_type(report, node, "a whole number")
        return None
    if minimum <= number <= maximum or report.reject(
        node.place, f"{number} is out of range. Write a number from {minimum} to {maximum}."
    ):
        return number
    return None


def read_yes_no(report: FileReport, node: Node) -> bool | None:
    if isinstance(node.value, bool):
        return node.value
    _report_wrong_type(report, node, "true or false")
    return None


def read_choice(report: FileReport, node: Node, options: Collection[str], *, what: str) -> str | None:
    """One of the options; `what` names their kind, for messages."""
    choice = node.value
    if not isinstance(choice, str):
        _report_wrong_type(report, node, f"{what} in double quotes")
        return None
    if choice not in options:
        report.error(
            node.place, f"{quoted(choice)} is not a valid {what}. {nearest(report, choice, options)}"
        )
        return None
    return choice


def read_day(report: FileReport, node: Node) -> date | None:
    """A date as YYYY-MM-DD, in the years 1970 to 9998."""
    text = node.value
    if not isinstance(text, str):
        _report_wrong_type(report, node, "a date in double quotes")
        return None
    try:
        day = date.fromisoformat(text)
    except ValueError:
        day = None
    if day is None or len(text) != 10 or not 1970 <= day.year <= 9998:
        report.error(node.place, f"{quoted(text)} is not a date. Write it as YYYY-MM-DD, such as 2026-12-31.")
        return None
    return day


def nearest(report: FileReport, name: str, known: Iterable[str]) -> str:
    """A suggestion, or "" if the report is full: fuzzy matching takes time."""
    return "" if report.is_full else suggestion(name, known)


def suggestion(name: str, known: Iterable[str]) -> str:
    """What to write instead of an unknown name: the nearest known one, otherwise all of them."""
    names = list(known)
    if len(name) <= LONGEST_NAME:
        near = get_close_matches(name, names, 1, 0.6) or [n for n in names if n.lower() == name.lower()]
        if near:
            return f'Did you mean "{near[0]}"?'
    return "Known: " + ", ".join(names) + "." if names else "There is none to choose from."


def shown(value: object) -> str:
    """A value of a file for use in a message."""
    if isinstance(value, str):
        return quoted(value)
    if isinstance(value, dict):
        return "an object"
    if isinstance(value, list):
        return "a list"
    return "null" if value is None else shortened(str(value).lower())


def place_of(fields: Fields, key: str) -> Place:
    """The position of a member or, if it is missing, of the object."""
    member = fields.get(key)
    return member.place if member is not None else fields.node.place


def _report_wrong_type(report: FileReport, node: Node, expected: str) -> None:
    if not isinstance(node.value, UnreadableValue):
        report.error(node.place, f"Found {shown(node.value)}. Write {expected}.")
