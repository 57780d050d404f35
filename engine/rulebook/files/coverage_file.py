"""Reads and checks a coverage file, including its examples.

Source: product.md section 6.
"""

from engine.rulebook.checks.lint import lint_coverage
from engine.rulebook.compiled.rank import DEFAULT_RANK, RANK_CRITERIA
from engine.rulebook.evaluation.coverage import CoverageBook
from engine.rulebook.files.coverage_examples import CoverageExample
from engine.rulebook.files.examples import MAX_TEXT, can_run_examples, example_nodes
from engine.rulebook.files.rule_reader import Declarations, RuleReader
from engine.rulebook.syntax.problems import FileReport
from engine.rulebook.syntax.scanner import Node
from engine.rulebook.syntax.syntax_tree import size
from engine.rulebook.syntax.typed_reader import Fields, read_choice, read_list, read_object, read_text
from engine.rulebook.vocabulary.registry import COVERAGE


def read_coverage_file(report: FileReport, root: Node, known: Declarations) -> CoverageBook | None:
    """The coverage rules of the file, after running its examples; None if there are errors."""
    fields = read_object(report, root, ("rules",), ("$schema", "name", "rank", "examples"))
    if fields is None:
        return None
    if "$schema" in fields:
        read_text(report, fields["$schema"], maximum=MAX_TEXT)
    name = read_text(report, fields["name"], maximum=MAX_TEXT) if "name" in fields else None
    if "name" not in fields:
        report.warning(root.place, '"name" is missing. Add it: the pages show it.')
    rank = _rank(report, fields)
    rules = RuleReader(report, COVERAGE, known).rules(fields["rules"]) if "rules" in fields else ()
    if "rules" in fields and fields["rules"].value == []:
        report.warning(fields["rules"].place, "There are no rules, so no contract ever covers. Add one.")
    if "rules" in fields and rules and not report.has_errors:
        lint_coverage(report, rules, fields["rules"])
    book = CoverageBook(name or "", rank, rules)
    with report.examples():
        _examples(report, fields, book, known)
    return None if report.has_errors else book


def _rank(report: FileReport, fields: Fields) -> tuple[str, ...]:
    if "rank" not in fields:
        order = ", ".join(DEFAULT_RANK)
        report.warning(fields.node.place, f'"rank" is missing, so contracts rank by {order}. Add it.')
        return DEFAULT_RANK
    rank: list[str] = []
    for element in read_list(report, fields["rank"], of="rank criteria"):
        criterion = read_choice(report, element, RANK_CRITERIA, what="rank criterion")
        if criterion is None:
            continue
        clashing = [one for one in rank if one.partition("_")[0] == criterion.partition("_")[0]]
        if clashing:
            report.reject(
                element.place, f'"{clashing[0]}" already determines this order. Remove "{criterion}".'
            )
        rank.append(criterion)
    return tuple(rank)


def _examples(report: FileReport, fields: Fields, book: CoverageBook, known: Declarations) -> None:
    read = [CoverageExample(report, node, known) for node in example_nodes(report, fields)]
    if report.has_errors:
        return
    asked = sum(size(rule.conditions) for rule in book.rules)
    if not can_run_examples(report, fields, asked * sum(max(1, len(one.candidates)) for one in read)):
        return
    for example in read:
        example.run(book)
