"""Sentence forms: `work MINUTES on REQUEST [at INSTANT]` describes what a line may say, and reads it.

A word in capitals stands for a value of that kind, brackets enclose what may be left out, everything else is
written as it stands. The same text is the grammar, the error message and the documentation.
"""

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from typing import Any


class BadValue(ValueError):
    """A value that has the right shape and no meaning, such as 2026-02-30."""


@dataclass(frozen=True, slots=True)
class Moment:
    """A day, or a day and a time, on the clocks of the provider; a day alone means its first instant."""

    wall: datetime
    is_day: bool


@dataclass(frozen=True, slots=True)
class Quantity:
    """Whole minutes, incidents, or cents of euros."""

    unit: str
    amount: int


@dataclass(frozen=True, slots=True)
class GrantText:
    """A grant as a line describes it. `monthly`: one of this size each month, named NAME1, NAME2 and on."""

    name: str
    quantity: Quantity
    monthly: bool
    effective: Moment | None
    until: Moment | None
    priority: int | None = None
    work_type: str | None = None


@dataclass(frozen=True, slots=True)
class Cap:
    """A cap on minutes of a month, in minutes or in percent of the month; None and None: all of it."""

    minutes: int | None = None
    percent: int | None = None


def read_cap(text: str) -> Cap:
    if text == "all":
        return Cap()
    number = int(text[:-1])
    return Cap(minutes=number) if text.endswith("m") else Cap(percent=number)


def read_moment(text: str) -> Moment:
    """Raises: BadValue for a day or a time that does not exist."""
    try:
        return Moment(datetime.fromisoformat(text), len(text) == len("2026-01-31"))
    except ValueError as error:
        raise BadValue(f"{text}: {error}") from None


def read_number(text: str) -> int:
    """A whole number; an amount of euros in cents: 40.00 is 4000."""
    return int(text.replace(".", ""))


def read_quantity(text: str) -> Quantity:
    if text.startswith("EUR "):
        return Quantity("money", read_number(text.removeprefix("EUR ")))
    number = int(re.match(r"\d+", text)[0])  # type: ignore[index]
    return Quantity("minutes" if text.endswith("m") else "incidents", number)


def read_grants(text: str) -> tuple[GrantText, ...]:
    """Grants separated by commas. Raises: BadValue for one that does not read as a grant."""
    return tuple(_read_grant(part.strip()) for part in text.split(","))


def _read_grant(text: str) -> GrantText:
    found = GRANT.read(text)
    if found is None:
        raise BadValue(f"{text!r} is no grant; write {GRANT.text}")
    name, quantity, monthly, effective, until, priority, work_type = found
    if monthly and any((effective, until, priority is not None, work_type)):
        raise BadValue(f"{text!r}: the months have their own beginnings and ends")
    return GrantText(name, quantity, monthly, effective, until, priority, work_type)


DAY = r"\d{4}-\d\d-\d\d"
NAME = r"[A-Za-z]\w*(?:\.contract)?"
KINDS: dict[str, tuple[str, Callable[[str], Any]]] = {
    "CAP": (r"\d+m|\d+%|all", read_cap),
    "CONTRACT": (NAME, str),
    "ENTRY": (NAME, str),
    "ENTRIES": (rf"{NAME}(?:, {NAME})*", lambda text: tuple(text.split(", "))),
    "GRANT": (NAME, str),
    "GRANTS": (r".+", read_grants),
    "HOLDER": (r"[a-z]+", str),
    "INSTANT": (rf"{DAY}(?: \d\d:\d\d)?", read_moment),
    "DAY": (DAY, read_moment),
    "MINUTES": (r"\d+m", lambda text: int(text[:-1])),
    "MODE": (r"warn|draft|issue", str),
    "NAME": (NAME, str),
    "NUMBER": (r"\d+(?:\.\d\d)?", read_number),
    "POLICY": (r"rollover|ignore|bill", str),
    "QUANTITY": (r"\d+m|\d+ incidents?|EUR \d+\.\d\d", read_quantity),
    "REQUEST": (NAME, str),
    "TYPE": (r"[a-z_]+", str),
    "WORD": (r"[a-z_-]+", str),
}
"""What a word in capitals stands for: the shape of the text, and how it becomes a value."""
PLACEHOLDER = re.compile(rf"\b({'|'.join(sorted(KINDS, key=len, reverse=True))})\b")


@dataclass(frozen=True)
class Form:
    """One sentence form."""

    text: str

    def read(self, text: str) -> list[Any] | None:
        """The values in the order of the form; None where `text` does not have it.

        A part in brackets that holds no value counts as one itself: True where it is written. A value left
        out is None. Raises: BadValue.
        """
        found = self._pattern.fullmatch(text)
        if found is None:
            return None
        values = zip(self._kinds, found.groups(), strict=True)
        return [
            raw is not None if kind is None else None if raw is None else KINDS[kind][1](raw)
            for kind, raw in values
        ]

    @cached_property
    def _parts(self) -> list[str]:
        """The text cut before each bracket part: ` [at INSTANT]` is a part of its own."""
        return [part for part in re.split(r"( \[[^\]]*\])", self.text) if part]

    @cached_property
    def _kinds(self) -> list[str | None]:
        kinds: list[str | None] = []
        for part in self._parts:
            inside = PLACEHOLDER.findall(part)
            kinds += inside if inside or not part.startswith(" [") else [None]
        return kinds

    @cached_property
    def _pattern(self) -> re.Pattern[str]:
        return re.compile("".join(_part_pattern(part) for part in self._parts))


def _part_pattern(part: str) -> str:
    optional = part.startswith(" [")
    words = f" {part[2:-1]}" if optional else part
    pattern = PLACEHOLDER.sub(lambda found: f"({KINDS[found[1]][0]})", re.escape(words).replace(r"\ ", " "))
    if not optional:
        return pattern
    return f"(?:{pattern})?" if PLACEHOLDER.search(words) else f"({pattern})?"


GRANT = Form("NAME QUANTITY [a month] [from INSTANT] [until INSTANT] [priority NUMBER] [only WORD]")


def first_that_reads(forms: Iterable[Form], text: str) -> tuple[Form, list[Any]] | None:
    """The first form that `text` has, with its values. Raises: BadValue."""
    for form in forms:
        values = form.read(text)
        if values is not None:
            return form, values
    return None
