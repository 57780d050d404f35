"""Constraints that always hold between facts, so that impossible combinations are not considered.

Source: how facts are built, in `engine.coverage` and in `workflows.lifecycle.service_requests.facts`.
"""

from collections.abc import Iterable, Sequence

from engine.rulebook.syntax.syntax_tree import AllOf, AnyOf, Condition, Conditions, mentions
from engine.rulebook.vocabulary.operators import OPERATORS
from engine.rulebook.vocabulary.registry import CONTRACT_TYPE, COVERAGE
from engine.rulebook.vocabulary.terms import Vocabulary


def coverage_constraints(asked: Iterable[Conditions]) -> Sequence[Conditions]:
    """The constraints that always hold between the variables of these conditions."""
    return _between(asked, COVERAGE_CONSTRAINTS)


def contract_type_constraints(asked: Iterable[Conditions]) -> Sequence[Conditions]:
    """The same for conditions of contract types."""
    return _between(asked, CONTRACT_TYPE_CONSTRAINTS)


def _between(asked: Iterable[Conditions], constraints: Sequence[Conditions]) -> Sequence[Conditions]:
    named = {one.variable for conditions in asked for one in mentions(conditions)}
    return [one for one in constraints if {condition.variable for condition in mentions(one)} <= named]


def _one(vocabulary: Vocabulary, name: str, operator: str, value: str | int | None = None) -> Condition:
    variable = vocabulary.variables[name]
    return Condition(variable, OPERATORS[variable.type][operator], value)


def _coverage_constraints() -> Sequence[Conditions]:
    item, no_item = _one(COVERAGE, "item", "non_empty"), _one(COVERAGE, "item", "equal_to", "")
    no_item_type = _one(COVERAGE, "item_type", "equal_to", "")
    has_item, has_none = _one(COVERAGE, "has_item", "is_true"), _one(COVERAGE, "has_item", "is_false")
    org_unit, no_unit = _one(COVERAGE, "org_unit", "non_empty"), _one(COVERAGE, "org_unit", "equal_to", "")
    has_unit, is_alone = _one(COVERAGE, "has_org_unit", "is_true"), _one(COVERAGE, "has_org_unit", "is_false")
    near, none = (
        _one(COVERAGE, "org_unit_distance", operator, 0) for operator in ("greater_than", "equal_to")
    )
    held_by_unit, held_by_another = (
        _one(COVERAGE, "contract_holder", operator, "org_unit") for operator in ("equal_to", "not_equal_to")
    )
    return (
        AnyOf((AllOf((has_item, item)), AllOf((has_none, no_item)))),
        AnyOf((item, no_item_type)),
        AnyOf((has_item, no_item_type)),
        AnyOf((AllOf((has_unit, org_unit)), AllOf((is_alone, no_unit)))),
        AnyOf((has_item, _one(COVERAGE, "contract_holder", "not_equal_to", "item"))),
        AnyOf((AllOf((held_by_unit, near)), AllOf((held_by_another, none)))),
    )


def _contract_type_constraints() -> Sequence[Conditions]:
    return (
        AnyOf(
            (_one(CONTRACT_TYPE, "within_period", "is_false"), _one(CONTRACT_TYPE, "period_over", "is_false"))
        ),
        AnyOf(
            (
                _one(CONTRACT_TYPE, "own_incident_held", "is_false"),
                _one(CONTRACT_TYPE, "incidents_held", "greater_than", 0),
            )
        ),
    )


COVERAGE_CONSTRAINTS = _coverage_constraints()
CONTRACT_TYPE_CONSTRAINTS = _contract_type_constraints()
VALIDATION_ON = _one(COVERAGE, "contract_validation", "is_true")
