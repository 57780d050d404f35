"""The mapping file: how to read the rows of another desk's export.

`mappings/README.md` describes it for people, `mappings/schema/mapping.schema.json` for editors. This module
checks it and reports all problems at once, each with line, column and what to write instead.
"""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal
from unicodedata import normalize
from zoneinfo import ZoneInfo

from engine.errors import DeskError
from engine.rulebook.syntax.problems import TOP, FileReport, Problem
from engine.rulebook.syntax.scanner import Node, UnreadableValue, quoted, scan
from engine.rulebook.syntax.typed_reader import (
    Fields,
    nearest,
    read_choice,
    read_members,
    read_object,
    read_text,
    read_yes_no,
)
from engine.service_requests import HOLD_REASONS, PRIORITIES, TRIGGERS
from workflows.importing.column_sources import (
    OPTIONAL_COLUMNS,
    REQUIRED_COLUMNS,
    ChangedField,
    ValueSource,
    read_changed_field,
    read_columns,
    read_html,
    read_skip,
)
from workflows.importing.date_forms import ISO, read_date_forms, read_date_language
from workflows.importing.file_format import (
    read_domain,
    read_encoding,
    read_escape,
    read_missing,
    read_quote,
    read_separator,
    read_zone,
)
from workflows.importing.worked_time import WORKED_UNITS, WorkedUnit
from workflows.lifecycle.service_requests.states import TRANSITIONS

MOST_BYTES = 1024 * 1024
NO_REASON = ("open", "in_progress", "resolved", "closed")
MAPPABLE_STATES = (*NO_REASON, "on_hold", "cancelled")
TARGETS: dict[str, str] = {trigger: target for trigger, _, target in TRANSITIONS if trigger in TRIGGERS}
"""The state that each trigger leads to: a mapping may name a trigger in place of a state."""

REQUIRED = ("source", "columns", "states")
OPTIONAL = (
    "$schema", "about", "encoding", "separator", "quote", "missing", "date_form", "time_zone",
    "date_language", "nonexistent_times", "before_opening", "priorities", "other_priority", "email_domain",
    "unknown_customer", "org_units_under", "item_owner", "item_type", "coverage", "draws", "skip", "html",
    "thousands_separator", "changed_field", "worked_unit", "escape", "org_unit_separator",
)  # fmt: skip

GapPolicy = Literal["leave_out", "move_forward"]
OpeningPolicy = Literal["leave_out", "at_opening"]
CoveragePolicy = Literal["search", "before_contracts"]
WORKED = frozenset({"worked", "worked_total"})
THOUSANDS_SEPARATORS = (" ", ".", ",", "'")


@dataclass(frozen=True, slots=True)
class Meaning:
    """What a state of the export means here; `reason` is that of a hold or of a cancellation."""

    state: str
    reason: str | None = None


@dataclass(frozen=True, slots=True)
class NamedUnit:
    """An org unit that the mapping names."""

    code: str
    name: str


@dataclass(frozen=True, slots=True)
class Mapping:
    """A mapping file that has been checked. Of a key's `columns`, the first source with a value is used.

    `quote_by_file` leaves it to the file whether its quotation marks quote cells or are text.
    """

    source: str
    columns: dict[str, tuple[ValueSource, ...]]
    states: dict[str, Meaning | None]
    email_domain: str
    encoding: str = "utf-8-sig"
    separator: str = ","
    quote: str | None = '"'
    quote_by_file: bool = False
    missing: frozenset[str] = frozenset()
    date_forms: tuple[str, ...] = (ISO,)
    zone: ZoneInfo | None = None
    date_language: str | None = None
    nonexistent_times: GapPolicy = "leave_out"
    before_opening: OpeningPolicy = "leave_out"
    priorities: dict[str, str] = field(default_factory=lambda: {one: one for one in PRIORITIES})
    other_priority: str = "normal"
    unknown_customer: str | None = None
    org_units_under: NamedUnit | None = None
    item_owner: Literal["customer", "org_unit"] | NamedUnit = "org_unit"
    item_type: str = "imported"
    coverage: CoveragePolicy | None = None
    draws: bool | None = None
    skip: dict[str, frozenset[str]] = field(default_factory=dict)
    html: frozenset[str] = frozenset()
    thousands_separator: str | None = None
    changed_field: ChangedField | None = None
    worked_unit: WorkedUnit = "minutes"
    escape: str | None = None
    org_unit_separator: str | None = None


class MappingRefused(DeskError):
    """A mapping file that cannot be used; `problems` has everything that is wrong with it."""

    code = "mapping-refused"

    def __init__(self, problems: Sequence[Problem]) -> None:
        count = "one error" if len(problems) == 1 else f"{len(problems)} errors"
        super().__init__(f"The mapping has {count}. The first: {problems[0]}", problems=tuple(problems))
        self.problems = tuple(problems)


def read_mapping(name: str, raw: bytes) -> Mapping:
    """The mapping in `raw`, the bytes of the file `name`.

    Raises:
        MappingRefused: the file is not a valid mapping; it carries all problems.
    """
    report = FileReport(name)
    mapping = report.within_limit(lambda: _read(report, raw))
    if mapping is None or report.has_errors:
        raise MappingRefused([one for one in report.problems if one.severity == "error"])
    return mapping


def _read(report: FileReport, raw: bytes) -> Mapping | None:
    if len(raw) > MOST_BYTES:
        report.error(TOP, f"The file has {len(raw):,} bytes; a mapping has at most {MOST_BYTES:,}.")
        return None
    try:
        report.text = raw.decode("utf-8-sig")
    except UnicodeDecodeError as trouble:
        report.error(TOP, f"Byte 0x{raw[trouble.start]:02X} is not UTF-8. Save the mapping as UTF-8.")
        return None
    root = scan(report)
    fields = read_object(report, root, REQUIRED, OPTIONAL) if root is not None else None
    if fields is None or fields.missing:
        return None
    source = read_text(report, fields["source"], maximum=60) or ""
    given: dict[str, Any] = {
        name: read(report, fields[name]) for name, read in READERS.items() if name in fields
    }
    # a value that could not be read has been reported: the mapping is then refused and never used
    values = {ARGUMENTS.get(name, name): value for name, value in given.items()}
    if values.get("columns", {}).keys() >= WORKED:
        report.error(
            fields["columns"].place,
            'A row states its own time ("worked") or all time so far ("worked_total"): name one of them.',
        )
    values.setdefault("email_domain", f"{slug(source) or 'import'}.example")
    values["quote_by_file"] = values.get("separator") == "\t" and "quote" not in given
    _check_coverage(report, fields, values)
    return Mapping(source=" ".join(source.split()), **values)


def _check_coverage(report: FileReport, fields: Fields, values: dict[str, Any]) -> None:
    """Only requests whose coverage is searched can draw anything."""
    if values.get("coverage") == "before_contracts" and values.get("draws"):
        report.error(
            fields["draws"].place,
            'Requests from before the contracts draw nothing. Remove "draws", or write "coverage": "search".',
        )


def slug(text: str) -> str:
    """The text as lower-case ASCII letters and digits, its words joined by points, as in an email address."""
    plain = normalize("NFKD", text.lower().replace("ß", "ss").replace("ø", "o").replace("æ", "ae"))
    return ".".join(re.findall(r"[a-z0-9]+", plain.encode("ascii", "ignore").decode()))


def _states(report: FileReport, node: Node) -> dict[str, Meaning | None]:
    members = read_members(report, node)
    if isinstance(node.value, dict) and not members:
        report.error(node.place, "No state is mapped. Say what each state of the export means.")
    return {" ".join(name.split()): _meaning(report, member) for name, member in members.items()}


def _meaning(report: FileReport, node: Node) -> Meaning | None:
    """A state or a trigger by name, an object with the reason of a hold, or null for a state to ignore."""
    if node.value is None or isinstance(node.value, UnreadableValue):
        return None
    named, reason = node, None
    if isinstance(node.value, dict):
        fields = read_object(report, node, ("state",), ("reason", "why"))
        if fields is None or "state" not in fields:
            return None
        named = fields["state"]
        reason = _reason(report, fields)
    word = read_choice(report, named, (*MAPPABLE_STATES, *TARGETS), what="state or trigger")
    if word is None:
        return None
    state = TARGETS.get(word, word)
    if state == "on_hold" and reason not in HOLD_REASONS:
        remedy = 'Write {"state": "on_hold", "reason": "customer"}.'
        report.error(node.place, f"A hold needs a reason, one of {', '.join(HOLD_REASONS)}. {remedy}")
    if state in NO_REASON and reason is not None:
        report.error(node.place, f"{quoted(word)} cannot have a reason. Remove it.")
    return Meaning(state, reason)


def _reason(report: FileReport, fields: Fields) -> str | None:
    if "why" in fields:
        read_text(report, fields["why"], maximum=1000)
    return read_text(report, fields["reason"], maximum=1000) if "reason" in fields else None


def _priorities(report: FileReport, node: Node) -> dict[str, str]:
    return {
        " ".join(name.split()): read_choice(report, member, PRIORITIES, what="priority") or "normal"
        for name, member in read_members(report, node).items()
    }


def _unit(report: FileReport, node: Node) -> NamedUnit | None:
    if node.value is None:
        return None
    fields = read_object(report, node, ("code",), ("name",))
    if fields is None or "code" not in fields:
        return None
    code = read_text(report, fields["code"], maximum=60) or ""
    name = read_text(report, fields["name"], maximum=200) if "name" in fields else code
    return NamedUnit(code.strip(), (name or "").strip())


def _owner(report: FileReport, node: Node) -> Any:
    if isinstance(node.value, dict):
        return _unit(report, node)
    if isinstance(node.value, str) and node.value not in ("customer", "org_unit"):
        hint = nearest(report, node.value, ("customer", "org_unit"))
        report.error(
            node.place, f'{quoted(node.value)} is not an owner. {hint} Or name one: {{"code": "..."}}.'
        )
        return "org_unit"
    return read_choice(report, node, ("customer", "org_unit"), what="owner")


def _choice(*options: str, what: str) -> Callable[[FileReport, Node], Any]:
    return lambda report, node: read_choice(report, node, options, what=what)


def _thousands_separator(report: FileReport, node: Node) -> str | None:
    if node.value is None or node.value in THOUSANDS_SEPARATORS:
        return node.value
    report.error(node.place, 'It is not a separator of thousands. Write " ", ".", "," or "\'".')
    return None


def _org_unit_separator(report: FileReport, node: Node) -> str | None:
    text = None if node.value is None else read_text(report, node, maximum=10)
    if text is not None and (not text.strip() or any(char.isalnum() for char in text)):
        report.error(
            node.place, f'{quoted(text)} cannot separate org units. Write ">", "/" or "::", or null.'
        )
        return None
    return text.strip() if text is not None else None


def _optional_name(report: FileReport, node: Node) -> str | None:
    return None if node.value is None else read_text(report, node, maximum=200)


READERS: dict[str, Callable[[FileReport, Node], Any]] = {
    "columns": read_columns,
    "states": _states,
    "encoding": read_encoding,
    "separator": read_separator,
    "quote": read_quote,
    "missing": read_missing,
    "date_form": read_date_forms,
    "time_zone": read_zone,
    "date_language": read_date_language,
    "nonexistent_times": _choice("leave_out", "move_forward", what="way to read such times"),
    "before_opening": _choice("leave_out", "at_opening", what="way to take such events"),
    "priorities": _priorities,
    "other_priority": _choice(*PRIORITIES, what="priority"),
    "email_domain": read_domain,
    "unknown_customer": _optional_name,
    "org_units_under": _unit,
    "item_owner": _owner,
    "item_type": lambda report, node: read_text(report, node, maximum=60),
    "coverage": _choice("search", "before_contracts", what="way to cover imported requests"),
    "draws": read_yes_no,
    "skip": read_skip,
    "html": read_html,
    "thousands_separator": _thousands_separator,
    "changed_field": read_changed_field,
    "worked_unit": _choice(*WORKED_UNITS, what="unit of time worked"),
    "escape": read_escape,
    "org_unit_separator": _org_unit_separator,
}
ARGUMENTS = {"date_form": "date_forms", "time_zone": "zone"}


def column_names(mapping: Mapping) -> dict[str, list[str]]:
    """The columns of the export that the mapping reads, each with the mapping keys that read it."""
    needed: dict[str, list[str]] = {}

    def add(column: str, key: str) -> None:
        keys = needed.setdefault(column, [])
        if key not in keys:
            keys.append(key)

    for key, sources in mapping.columns.items():
        for source in sources:
            for column in source.columns:
                add(column, key)
    for column in mapping.skip:
        add(column, "skip")
    if mapping.changed_field is not None:
        add(mapping.changed_field.column, "changed_field")
    return needed


__all__ = [
    "ISO",
    "OPTIONAL_COLUMNS",
    "REQUIRED_COLUMNS",
    "Mapping",
    "MappingRefused",
    "Meaning",
    "NamedUnit",
    "ValueSource",
    "column_names",
    "read_mapping",
    "slug",
]
