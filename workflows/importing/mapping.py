"""The mapping file: how the rows of another desk's export are to be read.

`mappings/README.md` describes it for people, `mappings/schema/mapping.schema.json` for editors. This module
judges it: all that is wrong is told at once, each with line, column and what to write instead.
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
)
from engine.service_requests import HOLD_REASONS, PRIORITIES, TRIGGERS
from workflows.importing.file_format import (
    ISO,
    read_date_forms,
    read_domain,
    read_encoding,
    read_missing,
    read_quote,
    read_separator,
    read_zone,
)
from workflows.lifecycle.service_requests.states import TRANSITIONS

MOST_BYTES = 1024 * 1024
PLACEHOLDER = re.compile(r"\{([^{}]*)\}")
NO_REASON = ("open", "in_progress", "resolved", "closed")
TELLABLE = (*NO_REASON, "on_hold", "cancelled")
TARGETS: dict[str, str] = {trigger: target for trigger, _, target in TRANSITIONS if trigger in TRIGGERS}
"""A trigger may be named in place of the state it leads to."""

REQUIRED_COLUMNS = ("number", "state", "changed_at", "customer")
OPTIONAL_COLUMNS = (
    "opened_at", "opened_by", "changed_by", "sequence", "customer_email", "org_unit", "item", "item_name",
    "item_type", "technician", "technician_email", "subject", "description", "priority", "work_type",
    "channel", "resolution",
)  # fmt: skip
REQUIRED = ("source", "columns", "states")
OPTIONAL = (
    "$schema", "about", "encoding", "separator", "quote", "missing", "date_form", "time_zone",
    "nonexistent_times", "before_opening", "priorities", "other_priority", "email_domain", "unknown_customer",
    "org_units_under", "item_owner", "item_type",
)  # fmt: skip

GapPolicy = Literal["leave_out", "move_forward"]
OpeningPolicy = Literal["leave_out", "at_opening"]


@dataclass(frozen=True, slots=True)
class Piece:
    """One way to read a value: a column, or a text with columns in it; `columns` are those it needs."""

    columns: tuple[str, ...]
    text: str | None = None


@dataclass(frozen=True, slots=True)
class Meaning:
    """What a state's name of the export means here; `reason` is that of a hold or of a cancellation."""

    state: str
    reason: str | None = None


@dataclass(frozen=True, slots=True)
class NamedUnit:
    """An org unit that the mapping names."""

    code: str
    name: str


@dataclass(frozen=True, slots=True)
class Mapping:
    """A mapping file that has been checked. `columns` name their pieces in order: the first told is taken."""

    source: str
    columns: dict[str, tuple[Piece, ...]]
    states: dict[str, Meaning | None]
    email_domain: str
    encoding: str = "utf-8-sig"
    separator: str = ","
    quote: str | None = '"'
    missing: frozenset[str] = frozenset()
    date_forms: tuple[str, ...] = (ISO,)
    zone: ZoneInfo | None = None
    nonexistent_times: GapPolicy = "leave_out"
    before_opening: OpeningPolicy = "leave_out"
    priorities: dict[str, str] = field(default_factory=lambda: {one: one for one in PRIORITIES})
    other_priority: str = "normal"
    unknown_customer: str | None = None
    org_units_under: NamedUnit | None = None
    item_owner: Literal["customer", "org_unit"] | NamedUnit = "org_unit"
    item_type: str = "imported"


class MappingRefused(DeskError):
    """A mapping file that cannot be used; `problems` holds all that is wrong with it."""

    code = "mapping-refused"

    def __init__(self, problems: Sequence[Problem]) -> None:
        count = "one error" if len(problems) == 1 else f"{len(problems)} errors"
        super().__init__(f"The mapping has {count}. The first: {problems[0]}", problems=tuple(problems))
        self.problems = tuple(problems)


def read_mapping(name: str, raw: bytes) -> Mapping:
    """The mapping in the bytes of a file called `name`. Raises: MappingRefused."""
    report = FileReport(name)
    mapping = _read(report, raw)
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
    # a value that could not be read has been told; what the mapping then says is never used
    values = {ARGUMENTS.get(name, name): value for name, value in given.items()}
    values.setdefault("email_domain", f"{slug(source) or 'import'}.example")
    return Mapping(source=" ".join(source.split()), **values)


def slug(text: str) -> str:
    """Lower-case letters and digits with points between them, as an address may have them."""
    plain = normalize("NFKD", text.lower().replace("ß", "ss").replace("ø", "o").replace("æ", "ae"))
    return ".".join(re.findall(r"[a-z0-9]+", plain.encode("ascii", "ignore").decode()))


# ------------------------------------------------------------------ columns and states


def _columns(report: FileReport, node: Node) -> dict[str, tuple[Piece, ...]]:
    fields = read_object(report, node, REQUIRED_COLUMNS, OPTIONAL_COLUMNS)
    if fields is None:
        return {}
    return {name: _pieces(report, member) for name, member in fields.members.items()}


def _pieces(report: FileReport, node: Node) -> tuple[Piece, ...]:
    """A column's name, a text with columns in it, or a list of these."""
    nodes = node.value if isinstance(node.value, list) else [node]
    if not nodes:
        report.error(node.place, "The list is empty. Name a column, or leave the key out.")
    return tuple(piece for one in nodes if (piece := _piece(report, one)) is not None)


def _piece(report: FileReport, node: Node) -> Piece | None:
    if isinstance(node.value, dict):
        fields = read_object(report, node, ("text",))
        text = read_text(report, fields["text"], maximum=1000) if fields and "text" in fields else None
        if text is None:
            return None
        columns = tuple(dict.fromkeys(" ".join(one.split()) for one in PLACEHOLDER.findall(text)))
        if "" in columns:
            report.error(node.place, "A column's name is missing between { and }.")
        return Piece(columns, text)
    if isinstance(node.value, (str, UnreadableValue)):
        name = read_text(report, node, maximum=1000)
        return Piece((" ".join(name.split()),)) if name is not None else None
    report.error(node.place, 'Write a column\'s name, {"text": "{column} and {column}"}, or a list of these.')
    return None


def _states(report: FileReport, node: Node) -> dict[str, Meaning | None]:
    members = read_members(report, node)
    if isinstance(node.value, dict) and not members:
        report.error(node.place, "No state is named. Say what each state of the export means.")
    return {" ".join(name.split()): _meaning(report, member) for name, member in members.items()}


def _meaning(report: FileReport, node: Node) -> Meaning | None:
    """A state or a trigger by name, an object with the reason of a hold, or null for what moves nothing."""
    if node.value is None or isinstance(node.value, UnreadableValue):
        return None
    named, reason = node, None
    if isinstance(node.value, dict):
        fields = read_object(report, node, ("state",), ("reason", "why"))
        if fields is None or "state" not in fields:
            return None
        named = fields["state"]
        reason = _reason(report, fields)
    word = read_choice(report, named, (*TELLABLE, *TARGETS), what="state or trigger")
    if word is None:
        return None
    state = TARGETS.get(word, word)
    if state == "on_hold" and reason not in HOLD_REASONS:
        told = 'Write {"state": "on_hold", "reason": "customer"}'
        report.error(node.place, f"A hold needs its reason, one of {', '.join(HOLD_REASONS)}. {told}.")
    if state in NO_REASON and reason is not None:
        report.error(node.place, f"{quoted(word)} takes no reason. Remove it.")
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


# ------------------------------------------------------------------ registers


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
        report.error(node.place, f'{quoted(node.value)} is no owner. {hint} Or name one: {{"code": "..."}}.')
        return "org_unit"
    return read_choice(report, node, ("customer", "org_unit"), what="owner")


def _choice(*options: str, what: str) -> Callable[[FileReport, Node], Any]:
    return lambda report, node: read_choice(report, node, options, what=what)


def _optional_name(report: FileReport, node: Node) -> str | None:
    return None if node.value is None else read_text(report, node, maximum=200)


READERS: dict[str, Callable[[FileReport, Node], Any]] = {
    "columns": _columns,
    "states": _states,
    "encoding": read_encoding,
    "separator": read_separator,
    "quote": read_quote,
    "missing": read_missing,
    "date_form": read_date_forms,
    "time_zone": read_zone,
    "nonexistent_times": _choice("leave_out", "move_forward", what="way to read such times"),
    "before_opening": _choice("leave_out", "at_opening", what="way to take such events"),
    "priorities": _priorities,
    "other_priority": _choice(*PRIORITIES, what="priority"),
    "email_domain": read_domain,
    "unknown_customer": _optional_name,
    "org_units_under": _unit,
    "item_owner": _owner,
    "item_type": lambda report, node: read_text(report, node, maximum=60),
}
ARGUMENTS = {"date_form": "date_forms", "time_zone": "zone"}


def column_names(mapping: Mapping) -> dict[str, list[str]]:
    """The columns of the export that the mapping needs, each with the keys that need it."""
    needed: dict[str, list[str]] = {}
    for key, pieces in mapping.columns.items():
        for column in (column for piece in pieces for column in piece.columns):
            keys = needed.setdefault(column, [])
            if key not in keys:
                keys.append(key)
    return needed


__all__ = [
    "ISO",
    "Mapping",
    "MappingRefused",
    "Meaning",
    "NamedUnit",
    "Piece",
    "column_names",
    "read_mapping",
    "slug",
]
