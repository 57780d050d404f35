"""From JSON with places to plain values: each reader answers the value, or None and a problem told.

Readers stay silent on a value that could not be read at all: that has been told already.
"""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from difflib import get_close_matches
from re import Pattern

from engine.rulebook.syntax.problems import FileReport, Place
from engine.rulebook.syntax.scanner import Broken, Node, quoted, shortened

# Comparing names letter by letter is quadratic: only what could be a name is compared.
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
    """The members of an object; unknown and missing keys are problems."""
    if not isinstance(node.value, dict):
        _wrong(report, node, "an object in { }")
        return None
    known = [*required, *optional]
    for key in node.value:
        if key not in known:
            report.error(
                node.key_place(key), f"{quoted(key)} is not known here. {nearest(report, key, known)}"
            )
    missing = [key for key in required if key not in node.value]
    for key in missing:
        report.error(node.place, f'"{key}" is missing. Add it.')
    members = {key: node.value[key] for key in known if key in node.value}
    return Fields(node, members, missing)


def read_members(report: FileReport, node: Node) -> dict[str, Node]:
    """The members of an object whose keys the caller judges."""
    if isinstance(node.value, dict):
        return node.value
    _wrong(report, node, "an object in { }")
    return {}


def read_list(report: FileReport, node: Node, *, of: str) -> list[Node]:
    """The elements of a list; `of` says what they are, in the plural."""
    if isinstance(node.value, list):
        return node.value
    _wrong(report, node, f"a list of {of} in [ ]")
    return []


def read_text(report: FileReport, node: Node, *, most: int, least: int = 1) -> str | None:
    """Text of `least` to `most` characters, more than blanks where any is asked for."""
    text = node.value
    if not isinstance(text, str):
        _wrong(report, node, "text in double quotes")
        return None
    message = None
    if least and not text.strip():
        message = "The text is empty. Write something, or remove the key where it may be left out."
    elif len(text) > most:
        message = f"The text has {len(text)} characters. Shorten it to {most}."
    return text if message is None or report.judge(node.place, message) else None


def read_name(report: FileReport, node: Node, pattern: Pattern[str], form: str) -> str | None:
    """A name that fits `pattern`; `form` says so in words, with an example."""
    name = node.value
    if not isinstance(name, str):
        _wrong(report, node, "text in double quotes")
        return None
    if pattern.fullmatch(name) or report.judge(
        node.place, f"{quoted(name)} is not allowed as a name here. Use {form}."
    ):
        return name
    return None


def read_whole_number(report: FileReport, node: Node, *, least: int, most: int) -> int | None:
    """A whole number of `least` to `most`. true, false and 1.0 are none."""
    number = node.value
    if isinstance(number, float):
        rounded = f" such as {round(number)}" if abs(number) < 1e15 else ""
        report.error(
            node.place, f"{number!r} is not a whole number. Write one without a point or an e{rounded}."
        )
        return None
    if isinstance(number, bool) or not isinstance(number, int):
        _wrong(report, node, "a whole number")
        return None
    if least <= number <= most or report.judge(
        node.place, f"{number} is out of range. Write a number from {least} to {most}."
    ):
        return number
    return None


def read_yes_no(report: FileReport, node: Node) -> bool | None:
    if isinstance(node.value, bool):
        return node.value
    _wrong(report, node, "true or false")
    return None


def read_choice(report: FileReport, node: Node, options: Collection[str], *, what: str) -> str | None:
    """One of the options; `what` names what they are."""
    choice = node.value
    if not isinstance(choice, str):
        _wrong(report, node, f"{what} in double quotes")
        return None
    if choice not in options:
        report.error(node.place, f"{quoted(choice)} is no {what}. {nearest(report, choice, options)}")
        return None
    return choice


def read_day(report: FileReport, node: Node) -> date | None:
    """A date as YYYY-MM-DD, of the years 1970 to 9998."""
    text = node.value
    if not isinstance(text, str):
        _wrong(report, node, "a date in double quotes")
        return None
    try:
        day = date.fromisoformat(text)
    except ValueError:
        day = None
    if day is None or len(text) != 10 or not 1970 <= day.year <= 9998:
        report.error(node.place, f"{quoted(text)} is no date. Write it as YYYY-MM-DD, such as 2026-12-31.")
        return None
    return day


def nearest(report: FileReport, name: str, known: Iterable[str]) -> str:
    """A suggestion, unless the report lists no more problems: comparing names takes its time."""
    return "" if report.is_full else suggestion(name, known)


def suggestion(name: str, known: Iterable[str]) -> str:
    """What to write instead of an unknown name: the nearest known one, else all of them."""
    names = list(known)
    if len(name) <= LONGEST_NAME:
        near = get_close_matches(name, names, 1, 0.6) or [n for n in names if n.lower() == name.lower()]
        if near:
            return f'Did you mean "{near[0]}"?'
    return "Known: " + ", ".join(names) + "." if names else "There is none to choose from."


def shown(value: object) -> str:
    """A value of a file as it stands in a message."""
    if isinstance(value, str):
        return quoted(value)
    if isinstance(value, dict):
        return "an object"
    if isinstance(value, list):
        return "a list"
    return "null" if value is None else shortened(str(value).lower())


def place_of(fields: Fields, key: str) -> Place:
    """Where a member stands, or the object that lacks it."""
    member = fields.get(key)
    return member.place if member is not None else fields.node.place


def _wrong(report: FileReport, node: Node, expected: str) -> None:
    if not isinstance(node.value, Broken):
        report.error(node.place, f"Found {shown(node.value)}. Write {expected}.")
