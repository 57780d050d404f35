"""Which columns of the export a value comes from, as a mapping states it."""

import re
from dataclasses import dataclass

from engine.rulebook.syntax.problems import FileReport
from engine.rulebook.syntax.scanner import Node, UnreadableValue
from engine.rulebook.syntax.typed_reader import (
    read_list,
    read_members,
    read_object,
    read_text,
    read_whole_number,
    read_yes_no,
)

PLACEHOLDER = re.compile(r"\{([^{}]*)\}")
MOST_COLUMNS = 1000
REQUIRED_COLUMNS = ("number", "state", "changed_at", "customer")
OPTIONAL_COLUMNS = (
    "opened_at", "resolved_at", "closed_at", "opened_by", "changed_by", "sequence", "customer_email",
    "org_unit", "item", "item_name", "item_type", "technician", "technician_email", "subject", "description",
    "priority", "work_type", "channel", "resolution", "worked", "worked_total",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class ValueSource:
    """One source of a value: a column, or a `text` with columns in braces; `columns` are those it reads.

    Of several columns with the same name, `nth` (from 1) chooses one; `all_of` joins them, one per line.
    """

    columns: tuple[str, ...]
    text: str | None = None
    nth: int | None = None
    all_of: bool = False


@dataclass(frozen=True, slots=True)
class ChangedField:
    """The column that names the field whose new value a row states; `keys` are mapping keys by field name."""

    column: str
    keys: dict[str, str]


def read_columns(report: FileReport, node: Node) -> dict[str, tuple[ValueSource, ...]]:
    """The sources of each value, in the order in which they are tried."""
    fields = read_object(report, node, REQUIRED_COLUMNS, OPTIONAL_COLUMNS)
    if fields is None:
        return {}
    return {name: _sources(report, member) for name, member in fields.members.items()}


def read_changed_field(report: FileReport, node: Node) -> ChangedField | None:
    """`{"column": "Field", "keys": {"status": "state"}}`; None for rows that state all values."""
    if node.value is None:
        return None
    fields = read_object(report, node, ("column", "keys"))
    if fields is None or fields.missing:
        return None
    column = _column_name(report, fields["column"])
    keys: dict[str, str] = {}
    for name, member in read_members(report, fields["keys"]).items():
        key = read_text(report, member, maximum=60)
        if key is not None and key not in (*REQUIRED_COLUMNS, *OPTIONAL_COLUMNS):
            report.error(member.place, f'"{key}" is not a key of "columns".')
        keys[" ".join(name.split())] = key or ""
    if column is None:
        return None
    return ChangedField(column, keys)


def read_skip(report: FileReport, node: Node) -> dict[str, frozenset[str]]:
    """The rows to leave out: for each column, the values that mark them."""
    found = {}
    for name, member in read_members(report, node).items():
        values = (read_text(report, one, maximum=1000) for one in read_list(report, member, of="texts"))
        found[" ".join(name.split())] = frozenset(" ".join(one.split()) for one in values if one is not None)
    return found


def read_html(report: FileReport, node: Node) -> frozenset[str]:
    """The keys of `columns` whose values are HTML."""
    keys = set()
    for member in read_list(report, node, of="keys"):
        key = read_text(report, member, maximum=60)
        if key is not None and key not in (*REQUIRED_COLUMNS, *OPTIONAL_COLUMNS):
            report.error(member.place, f'"{key}" is not a key of "columns".')
        keys.add(key or "")
    return frozenset(keys)


def _sources(report: FileReport, node: Node) -> tuple[ValueSource, ...]:
    """A column's name, an object with more about it, a text with columns in it, or a list of these."""
    nodes = node.value if isinstance(node.value, list) else [node]
    if not nodes:
        report.error(node.place, "The list is empty. Name a column, or leave the key out.")
    return tuple(source for one in nodes if (source := _source(report, one)) is not None)


def _source(report: FileReport, node: Node) -> ValueSource | None:
    if isinstance(node.value, dict):
        return _repeated(report, node) if "column" in node.value else _text(report, node)
    if isinstance(node.value, (str, UnreadableValue)):
        name = _column_name(report, node)
        return ValueSource((name,)) if name is not None else None
    report.error(node.place, 'Write a column\'s name, {"text": "{column} and {column}"}, or a list of these.')
    return None


def _text(report: FileReport, node: Node) -> ValueSource | None:
    """A text with columns in braces."""
    fields = read_object(report, node, ("text",))
    text = read_text(report, fields["text"], maximum=1000) if fields and "text" in fields else None
    if text is None:
        return None
    columns = tuple(dict.fromkeys(" ".join(one.split()) for one in PLACEHOLDER.findall(text)))
    if "" in columns:
        report.error(node.place, "A column's name is missing between { and }.")
    return ValueSource(columns, text)


def _repeated(report: FileReport, node: Node) -> ValueSource | None:
    """A column whose name occurs several times: the nth of them, or all."""
    fields = read_object(report, node, ("column",), ("nth", "all"))
    if fields is None:
        return None
    name = _column_name(report, fields["column"])
    nth = None
    if "nth" in fields:
        nth = read_whole_number(report, fields["nth"], minimum=1, maximum=MOST_COLUMNS)
    all_of = "all" in fields and bool(read_yes_no(report, fields["all"]))
    if nth is not None and all_of:
        report.error(node.place, 'It has both "nth" and "all". Remove one of them.')
    return ValueSource((name,), None, nth, all_of) if name is not None else None


def _column_name(report: FileReport, node: Node) -> str | None:
    name = read_text(report, node, maximum=1000)
    return " ".join(name.split()) if name is not None else None
