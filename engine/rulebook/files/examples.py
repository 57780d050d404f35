"""What the examples of all kinds of rule files have in common."""

from engine.rulebook.syntax.problems import FileReport, Place
from engine.rulebook.syntax.scanner import Node, quoted
from engine.rulebook.syntax.typed_reader import Fields, place_of, read_list

MOST_TEXT = 200
MOST_EXAMPLES = 500
# Examples run whenever a file is loaded: this many conditions take business-rules a second or two.
MOST_CONDITIONS_ASKED = 500_000


def example_nodes(report: FileReport, fields: Fields) -> list[Node]:
    """The examples of a file; none is worth a warning, and too many are an error."""
    nodes = read_list(report, fields["examples"], of="examples") if "examples" in fields else []
    if not nodes:
        report.warning(
            place_of(fields, "examples"),
            "There are no examples. Add some: they prove the file each time it is loaded.",
        )
    if len(nodes) > MOST_EXAMPLES:
        report.error(fields["examples"].place, f"{len(nodes)} examples are too many. Keep {MOST_EXAMPLES}.")
        return []
    return nodes


def engines_agree(report: FileReport, place: Place, name: str, *, plain: object, compiled: object) -> bool:
    """Whether an example comes out the same by business-rules and by the compiled rules; a problem if not."""
    if plain == compiled:
        return True
    report.error(
        place,
        f"Example {quoted(name)} comes out as {plain} by business-rules, and as {compiled} by the compiled "
        "rules. This is a mistake of Coverdesk, not of the file: report it, and write the rule another way.",
    )
    return False


def may_run(report: FileReport, node: Node, asked: int) -> bool:
    """Whether examples that ask so many conditions run in reasonable time; a problem is told if not."""
    if asked <= MOST_CONDITIONS_ASKED:
        return True
    report.error(
        node.place,
        f"The examples ask {asked:,} conditions; {MOST_CONDITIONS_ASKED:,} are allowed. Keep fewer examples.",
    )
    return False
