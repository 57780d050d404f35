"""Common handling of the examples of all kinds of rule files."""

from engine.rulebook.syntax.problems import FileReport, Place
from engine.rulebook.syntax.scanner import Node, quoted
from engine.rulebook.syntax.typed_reader import Fields, place_of, read_list

MAX_TEXT = 200
MAX_EXAMPLES = 500
# Examples run whenever a file is loaded; business-rules takes a second or two for this many conditions.
MAX_CONDITIONS_EVALUATED = 500_000


def example_nodes(report: FileReport, fields: Fields) -> list[Node]:
    """The examples of a file; having none is a warning, having too many is an error."""
    nodes = read_list(report, fields["examples"], of="examples") if "examples" in fields else []
    if not nodes:
        report.warning(
            place_of(fields, "examples"),
            "There are no examples. Add some: they are checked each time the file is loaded.",
        )
    if len(nodes) > MAX_EXAMPLES:
        report.error(
            fields["examples"].place,
            f"{len(nodes)} examples are too many. At most {MAX_EXAMPLES} are allowed.",
        )
        return []
    return nodes


def engines_agree(report: FileReport, place: Place, name: str, *, plain: object, compiled: object) -> bool:
    """Whether an example gives the same result with both engines; reports a problem if not."""
    if plain == compiled:
        return True
    report.error(
        place,
        f"Example {quoted(name)} gives {plain} with business-rules, but {compiled} with the compiled "
        "rules. This is a defect of Coverdesk, not of the file: report it, and write the rule differently.",
    )
    return False


def can_run_examples(report: FileReport, fields: Fields, conditions_evaluated: int) -> bool:
    """Whether examples that evaluate so many conditions run in reasonable time; reports a problem if not."""
    if conditions_evaluated <= MAX_CONDITIONS_EVALUATED:
        return True
    report.error(
        place_of(fields, "examples"),
        f"The examples evaluate {conditions_evaluated:,} conditions; "
        f"{MAX_CONDITIONS_EVALUATED:,} are allowed. Remove some examples.",
    )
    return False
