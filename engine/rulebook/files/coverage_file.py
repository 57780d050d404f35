"""Checks a coverage file, its examples included.

Source: product.md section 6.
"""

from engine.rulebook.checks.lint import lint_coverage
from engine.rulebook.compiled.rank import DEFAULT_RANK, RANK_CRITERIA
from engine.rulebook.evaluation.coverage import CoverageBook
from engine.rulebook.files.coverage_examples import CoverageExample
from engine.rulebook.files.examples import MOST_TEXT, example_nodes, may_run
from engine.rulebook.files.rule_reader import Known, RuleReader
from engine.rulebook.syntax.problems import FileReport
from engine.rulebook.syntax.scanner import Node
from engine.rulebook.syntax.syntax_tree import size
from engine.rulebook.syntax.typed_reader import Fields, read_choice, read_list, read_object, read_text
from engine.rulebook.vocabulary.registry import COVERAGE


def read_coverage_file(report: FileReport, root: Node, known: Known) -> CoverageBook | None:
    """The book that the file holds; None when the report has errors. Its examples have then run."""
    fields = read_object(report, root, ("rules",), ("$schema", "name", "rank", "examples"))
    if fields is None:
        return None
    if "$schema" in fields:
        read_text(report, fields["$schema"], most=MOST_TEXT)
    name = read_text(report, fields["name"], most=MOST_TEXT) if "name" in fields else None
    if "name" not in fields:
        report.warning(root.place, '"name" is missing. Name the set, for the pages that show it.')
    rank = _rank(report, fields)
    rules = RuleReader(report, COVERAGE, known).rules(fields["rules"]) if "rules" in fields else ()
    if "rules" in fields and fields["rules"].value == []:
        report.warning(fields["rules"].place, "There is no rule, so no contract ever covers. Add one.")
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
            report.judge(element.place, f'"{clashing[0]}" has settled this already. Remove "{criterion}".')
        rank.append(criterion)
    return tuple(rank)


def _examples(report: FileReport, fields: Fields, book: CoverageBook, known: Known) -> None:
    read = [CoverageExample(report, node, known) for node in example_nodes(report, fields)]
    if report.has_errors:
        return
    asked = sum(size(rule.conditions) for rule in book.rules)
    if not may_run(report, fields["examples"], asked * sum(max(1, len(one.candidates)) for one in read)):
        return
    for example in read:
        example.run(book)
