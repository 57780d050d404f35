"""Reads a file that is one list of elements with ids, such as calendars, and checks its examples.

Source: product.md section 7.
"""

from collections.abc import Callable
from typing import Protocol, TypeVar

from engine.rulebook.files.examples import MAX_TEXT, example_nodes
from engine.rulebook.syntax.problems import FileReport
from engine.rulebook.syntax.scanner import Node
from engine.rulebook.syntax.typed_reader import read_list, read_object, read_text


class _Named(Protocol):
    @property
    def id(self) -> str: ...


NamedT = TypeVar("NamedT", bound=_Named)


def read_named_elements(
    report: FileReport,
    root: Node,
    key: str,
    read: Callable[[FileReport, Node], NamedT | None],
    check_example: Callable[[FileReport, Node, dict[str, NamedT]], None],
    *,
    of: str,
    most: int | None = None,
) -> dict[str, NamedT]:
    """The valid elements of the list at `key`, by id; problems of the others are reported.

    `of` is what they are called in messages; of more than `most` none is read.
    """
    fields = read_object(report, root, (key,), ("$schema", "name", "examples"))
    if fields is None:
        return {}
    for text in ("$schema", "name"):
        if text in fields:
            read_text(report, fields[text], maximum=MAX_TEXT)
    nodes = read_list(report, fields[key], of=of) if key in fields else []
    if most is not None and len(nodes) > most:
        report.error(fields[key].place, f"At most {most} {of} are allowed.")
        return {}
    found: dict[str, NamedT] = {}
    for node in nodes:
        element = read(report, node)
        if element is not None and element.id in found:
            report.reject(node.place, f'The id "{element.id}" is used twice. Choose another.')
        elif element is not None:
            found[element.id] = element
    with report.examples():
        for node in example_nodes(report, fields):
            check_example(report, node, found)
    return found
