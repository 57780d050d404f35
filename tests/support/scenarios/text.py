"""Reads scenario files: stories over days as text, for a bookkeeper to review. See tests/scenarios/README.md.

Only the text is read here; `verbs` says which events there are, `run` carries them out.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.support.scenarios.forms import BadValue, Form, Moment, first_that_reads, read_moment

LINE = re.compile(r"(?P<at>\d{4}-\d\d-\d\d(?: \d\d:\d\d)?) +(?P<event>[^>]*?)(?: *-> *(?P<expected>.*))?")
REFUSED = Form("refused WORD")
SPLIT_PARTS = tuple(
    Form(text)
    for text in (
        "covered by CONTRACT NUMBER",
        "carried NUMBER",
        "ignored NUMBER",
        "overage NUMBER",
        "GRANT NUMBER for NUMBER",
        "GRANT NUMBER",
        "GRANT NUMBER held",
        "GRANT NUMBER for NUMBER held",
    )
)
"""What a work entry's minutes can become; the first form that reads counts."""


class ScenarioError(Exception):
    """A scenario file that cannot be read or carried out: file, line, and what is wrong."""


@dataclass(frozen=True, slots=True)
class Place:
    """A line of a file, as people look it up."""

    file: str
    line: int

    def __str__(self) -> str:
        return f"{self.file}:{self.line}"

    def error(self, words: str) -> ScenarioError:
        return ScenarioError(f"{self}: {words}")


@dataclass(frozen=True, slots=True)
class Fact:
    """`G1 available 40`: whose it is, the form of the fact and its values."""

    subject: str
    form: Form
    values: list[Any]


@dataclass(frozen=True, slots=True)
class Event:
    """One line that happens: when, what, and what must hold afterwards.

    `text` is the event as written, `split` what must become of the minutes of a work entry, `refused` the
    code of the refusal expected.
    """

    place: Place
    at: Moment
    text: str
    form: Form
    values: list[Any]
    split: tuple[str, ...] | None
    refused: str | None
    facts: tuple[Fact, ...]


@dataclass
class Scenario:
    """One story: settings, then events in the order of time."""

    place: Place
    title: str
    comment: list[str] = field(default_factory=list)
    settings: dict[str, Any] = field(default_factory=dict)
    events: list[Event] = field(default_factory=list)

    @property
    def id(self) -> str:
        return f"{Path(self.place.file).stem}: {self.title}"


@dataclass(frozen=True, slots=True)
class Language:
    """The events and facts that a file may use; `splits` are the events that say where minutes went."""

    events: Sequence[Form]
    splits: frozenset[str]
    facts: Sequence[Form]

    def read_event(self, place: Place, found: re.Match[str]) -> Event:
        text = " ".join(found["event"].split())
        form, values = self._read(place, self.events, text, "event")
        split = refused = None
        parts = [part.strip() for part in (found["expected"] or "").split(";") if part.strip()]
        if parts and (code := REFUSED.read(parts[0])):
            refused = code[0]
            parts = parts[1:]
        elif form.text in self.splits:
            if not parts:
                raise place.error(f"Say where the minutes go, for example: {text} -> G1 60, carried 30")
            split = tuple(self._read_split(place, part) for part in parts.pop(0).split(","))
        facts = tuple(fact for part in parts for fact in self._read_facts(place, part))
        at = _moment(place, found["at"])
        return Event(place, at, text, form, values, split, refused, facts)

    def _read_facts(self, place: Place, text: str) -> list[Fact]:
        subject, _, rest = text.partition(" ")
        facts = []
        for part in rest.split(","):
            words = " ".join(part.split())
            facts.append(Fact(subject, *self._read(place, self.facts, words, "fact")))
        return facts

    def _read_split(self, place: Place, text: str) -> str:
        words = " ".join(text.split())
        self._read(place, SPLIT_PARTS, words, "part of the split")
        return words

    @staticmethod
    def _read(place: Place, forms: Sequence[Form], text: str, what: str) -> tuple[Form, list[Any]]:
        try:
            found = first_that_reads(forms, text)
        except BadValue as error:
            raise place.error(f"{error}") from None
        if found is None:
            known = "\n".join(f"  {form.text}" for form in forms)
            raise place.error(f"{text!r} is no {what}. Known forms:\n{known}")
        return found


def read_scenarios(text: str, file: str, language: Language) -> list[Scenario]:
    """The scenarios of one file, in order. `file` is its name for messages. Raises: ScenarioError."""
    scenarios: list[Scenario] = []
    for number, raw in enumerate(text.splitlines(), 1):
        place, line = Place(file, number), raw.strip()
        if line.startswith("scenario "):
            scenarios.append(Scenario(place, " ".join(line.split()[1:])))
        elif line and scenarios:
            _add_line(scenarios[-1], place, line, language)
        elif line and not line.startswith("#"):
            raise place.error("Begin with a line 'scenario TITLE'.")
    _check(scenarios, Place(file, 1))
    return scenarios


def _add_line(scenario: Scenario, place: Place, line: str, language: Language) -> None:
    if line.startswith("#"):
        scenario.comment.append(line)
    elif line.startswith("setting "):
        _add_setting(scenario, place, line)
    elif found := LINE.fullmatch(line):
        event = language.read_event(place, found)
        if scenario.events and event.at.wall < scenario.events[-1].at.wall:
            raise place.error(f"Time goes only forward: {scenario.events[-1].place} is later.")
        scenario.events.append(event)
    else:
        raise place.error(f"{line!r} is no line of a scenario. Write: DATE [TIME] EVENT [-> EXPECTED]")


def _add_setting(scenario: Scenario, place: Place, line: str) -> None:
    words = line.split()
    if len(words) != 3:
        raise place.error("Write: setting NAME VALUE")
    if scenario.events:
        raise place.error("Settings come before the first event.")
    _, name, value = words
    known = {"on": True, "off": False}
    scenario.settings[name] = known.get(value, int(value) if value.isdecimal() else value)


def _check(scenarios: list[Scenario], start: Place) -> None:
    if not scenarios:
        raise start.error("The file has no scenario.")
    titles: dict[str, Place] = {}
    for one in scenarios:
        if one.title in titles:
            raise one.place.error(f"{titles[one.title]} has the same title.")
        titles[one.title] = one.place
        if not one.comment:
            raise one.place.error("Say in a comment what it shows, and why its numbers are right.")
        if not any(event.facts or event.split or event.refused for event in one.events):
            raise one.place.error("It expects nothing: add '-> ...' to an event.")


def _moment(place: Place, text: str) -> Moment:
    try:
        return read_moment(text)
    except BadValue as error:
        raise place.error(f"{error}") from None
