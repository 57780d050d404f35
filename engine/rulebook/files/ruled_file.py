"""Rule files that have rules and examples of what these decide: opening one, and running its examples."""

from collections.abc import Callable, Sequence
from typing import Protocol, Self, TypeVar

from engine.rulebook.files.examples import MAX_TEXT, can_run_examples, example_nodes
from engine.rulebook.files.rule_reader import Declarations, RuleReader
from engine.rulebook.syntax.problems import FileReport
from engine.rulebook.syntax.scanner import Node
from engine.rulebook.syntax.syntax_tree import Rule, size
from engine.rulebook.syntax.typed_reader import Fields, read_object, read_text
from engine.rulebook.vocabulary.engines import RulesEngine
from engine.rulebook.vocabulary.terms import Vocabulary


class _Book(Protocol):
    def run_by(self, engine: RulesEngine) -> Self: ...


Book = TypeVar("Book")
SwitchableBook = TypeVar("SwitchableBook", bound=_Book)
RunBook = TypeVar("RunBook", contravariant=True)


class RunnableExample(Protocol[RunBook]):
    """An example that reports where its result is another one, or differs between the engines."""

    def run(self, report: FileReport, book: RunBook, plain_book: RunBook, /) -> None: ...


def read_ruled_file(
    report: FileReport,
    root: Node,
    reader: tuple[Vocabulary, Declarations],
    lint: Callable[[FileReport, Sequence[Rule], Node], None],
    book_of: Callable[[tuple[Rule, ...]], SwitchableBook],
    read_example: Callable[[FileReport, Node], RunnableExample[SwitchableBook] | None],
) -> SwitchableBook | None:
    """The book of a file of rules, after running its examples; None if there are errors."""
    fields = read_object(report, root, ("rules",), ("$schema", "name", "examples"))
    if fields is None:
        return None
    for key in ("$schema", "name"):
        if key in fields:
            read_text(report, fields[key], maximum=MAX_TEXT)
    rules = RuleReader(report, *reader).rules(fields["rules"]) if "rules" in fields else ()
    if "rules" in fields and rules and not report.has_errors:
        lint(report, rules, fields["rules"])
    book = book_of(rules)
    run_examples(report, fields, rules, read_example, book, lambda: book.run_by("plain"))
    return None if report.has_errors else book


def run_examples(
    report: FileReport,
    fields: Fields,
    rules: Sequence[Rule],
    read_example: Callable[[FileReport, Node], RunnableExample[Book] | None],
    book: Book,
    plain: Callable[[], Book],
) -> None:
    """Read the examples of a file and run them by both engines, if it has no errors; `plain` is the other."""
    with report.examples():
        read = [read_example(report, node) for node in example_nodes(report, fields)]
        asked = len(read) * sum(size(rule.conditions) for rule in rules)
        if report.has_errors or not can_run_examples(report, fields, asked):
            return
        plain_book = plain()
        for example in read:
            if example is not None:
                example.run(report, book, plain_book)
