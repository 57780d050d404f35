"""A checked condition as a Python expression with the same meaning as in business-rules.

A text that is not given is None and counts as empty; whole numbers are compared exactly.
"""

from collections.abc import Callable, Mapping
from functools import cache
from types import MappingProxyType

from engine.rulebook.compiled.source import Source
from engine.rulebook.compiled.time_expressions import time_expression
from engine.rulebook.syntax.syntax_tree import AllOf, Condition, Conditions
from engine.rulebook.vocabulary.terms import ValueType, Variable

# The expression on a fact, by type and operator. Equality with a non-empty text needs no handling of None.
TEMPLATES: dict[tuple[ValueType, str], str] = {
    ("text", "equal_to"): "{fact} == {value}",
    ("text", "not_equal_to"): "{fact} != {value}",
    ("text", "equal_to_case_insensitive"): '({fact} or "").lower() == {value}.lower()',
    ("text", "starts_with"): '({fact} or "").startswith({value})',
    ("text", "ends_with"): '({fact} or "").endswith({value})',
    ("text", "contains"): '{value} in ({fact} or "")',
    ("text", "non_empty"): '({fact} or "") != ""',
    ("number", "equal_to"): "{fact} == {value}",
    ("number", "greater_than"): "{fact} > {value}",
    ("number", "greater_than_or_equal_to"): "{fact} >= {value}",
    ("number", "less_than"): "{fact} < {value}",
    ("number", "less_than_or_equal_to"): "{fact} <= {value}",
    ("names", "contains"): "{value} in {fact}",
    ("names", "does_not_contain"): "{value} not in {fact}",
    ("yes_no", "is_true"): "{fact}",
    ("yes_no", "is_false"): "not {fact}",
}
OF_EMPTY_TEXT = {"equal_to": '({fact} or "") == ""', "not_equal_to": '({fact} or "") != ""'}
PRESENCE = {"is_true": "{fact} is not None", "is_false": "{fact} is None"}

FactName = Callable[[Variable], str]


def expression(
    conditions: Conditions,
    source: Source,
    fact_name: FactName,
    answered: Mapping[Conditions, str] = MappingProxyType({}),
) -> str:
    """The conditions as code.

    `fact_name` gives the name of a variable's fact in the code; `answered` gives the names that hold the
    results of conditions evaluated before.
    """
    if conditions in answered:
        return answered[conditions]
    if isinstance(conditions, Condition):
        variable, value = conditions.variable, conditions.value
        if variable.type in ("instant", "duration"):
            return time_expression(conditions, fact_name(variable), source)
        operand = "" if value is None else literal(variable, value, source)
        return _template(conditions).format(fact=fact_name(variable), value=operand)
    joint = " and " if isinstance(conditions, AllOf) else " or "
    return joint.join(_part(part, source, fact_name, answered) for part in conditions.parts)


def literal(variable: Variable, value: object, source: Source) -> str:
    """The code for a value to compare with: one of the registry's own options, otherwise a constant."""
    for option in variable.options:
        if option == value:
            return repr(option)
    return source.constant(value)


def holds_for(condition: Condition, fact: object) -> bool:
    """Whether a condition is met if its variable's fact has a given value."""
    return bool(_test_of(_template(condition))(fact, condition.value))


def _part(part: Conditions, source: Source, fact_name: FactName, answered: Mapping[Conditions, str]) -> str:
    code = expression(part, source, fact_name, answered)
    return code if isinstance(part, Condition) or part in answered else f"({code})"


def _template(condition: Condition) -> str:
    name = condition.operator.name
    if condition.variable.is_presence:
        return PRESENCE[name]
    if condition.value == "" and name in OF_EMPTY_TEXT:
        return OF_EMPTY_TEXT[name]
    return TEMPLATES[condition.variable.type, name]


@cache
def _test_of(template: str) -> Callable[[object, object], object]:
    source = Source({})
    with source.block("def test(fact, value):"):
        source.line("return " + template.format(fact="fact", value="value"))
    test: Callable[[object, object], object] = source.run("condition")["test"]
    return test
