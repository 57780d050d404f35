"""Warnings about probable mistakes: rules that never match, cases that no rule matches.

Lint never refuses a file, and reports only what is certain: what cannot be decided is skipped.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import cast

from engine.rulebook.checks.fact_constraints import (
    VALIDATION_ON,
    contract_type_constraints,
    coverage_constraints,
)
from engine.rulebook.checks.satisfiability import (
    OTHER_TEXT,
    Assignment,
    Satisfiability,
    SearchBudget,
    SearchBudgetExceeded,
)
from engine.rulebook.evaluation.rates import validity
from engine.rulebook.syntax.problems import FileReport, Place
from engine.rulebook.syntax.scanner import Node
from engine.rulebook.syntax.syntax_tree import AllOf, Condition, Conditions, Rule, can_be_met, mentions
from engine.rulebook.vocabulary.operators import OPERATORS
from engine.rulebook.vocabulary.registry import COVERAGE

MAX_CONDITIONS_CHECKED = 30_000
"""Per file. This takes some hundredths of a second, since lint runs whenever a file is loaded."""

ConstraintsFor = Callable[[Iterable[Conditions]], Sequence[Conditions]]
EXPECTED_STANDINGS = {"cover_with": "valid", "wait_for": "pending"}
FALLBACKS = "create_contract, offer_contracts or refuse"


def lint_coverage(report: FileReport, rules: Sequence[Rule], node: Node) -> None:
    """Warn of coverage rules that are probably mistakes. `node` is the list of rules."""
    for index, rule in enumerate(rules):
        _check_standing(report, rule, _place(node, index))
    budget = SearchBudget(MAX_CONDITIONS_CHECKED)
    try:
        _check_never_matching(report, rules, node, budget, coverage_constraints)
        _check_uncaught(report, rules, node, budget)
        _check_exclusions(report, rules, node, budget)
    except SearchBudgetExceeded:
        _warn_too_many(report, node)


def lint_charging(report: FileReport, rules: Sequence[Rule], node: Node) -> None:
    """Warn of charging rules that never match. `node` is the list of rules."""
    try:
        _check_never_matching(
            report, rules, node, SearchBudget(MAX_CONDITIONS_CHECKED), lambda conditions: ()
        )
    except SearchBudgetExceeded:
        _warn_too_many(report, node)


def lint_checks(report: FileReport, rules: Sequence[Rule], node: Node) -> None:
    """Warn of checks that contradict themselves: each is evaluated, whatever the others are."""
    budget = SearchBudget(MAX_CONDITIONS_CHECKED)
    try:
        for index, rule in enumerate(rules):
            if Satisfiability([rule.conditions], budget).find((rule.conditions,), ()) is None:
                report.warning(
                    _place(node, index),
                    f'The conditions of rule "{rule.id}" contradict each other. Change or remove one.',
                )
    except SearchBudgetExceeded:
        _warn_too_many(report, node)


def lint_rates(report: FileReport, rules: Sequence[Rule], node: Node) -> None:
    """Warn of rates that never apply: rules that contradict themselves, or are reached on no day.

    A rule counts as an earlier one only for rules that are valid on none but its own days.
    """
    budget = SearchBudget(MAX_CONDITIONS_CHECKED)
    try:
        for index, rule in enumerate(rules):
            always_before = [one for one in rules[:index] if _is_valid_whenever(one, rule)]
            place = _place(node, index)
            search = Satisfiability([rule.conditions, *(one.conditions for one in always_before)], budget)
            if search.find((rule.conditions,), ()) is None:
                report.warning(
                    place, f'The conditions of rule "{rule.id}" contradict each other. Change or remove one.'
                )
            elif always_before and not search.find(
                (rule.conditions,), [one.conditions for one in always_before]
            ):
                covering = _covering_rules(search, rule, always_before, ())
                report.warning(
                    place,
                    f'Rule "{rule.id}" can never match: {covering} before it. '
                    "Move it up, or change its conditions.",
                )
    except SearchBudgetExceeded:
        _warn_too_many(report, node)


def _is_valid_whenever(one: Rule, other: Rule) -> bool:
    (first, last), (other_first, other_last) = validity(one), validity(other)
    return first <= other_first and other_last <= last


def lint_type(
    report: FileReport, valid_when: Conditions, expires_when: Conditions, valid: Place, ended: Place
) -> None:
    """Warn of a contract type whose contracts never cover anything."""
    facts = contract_type_constraints((valid_when, expires_when))
    try:
        search = Satisfiability((valid_when, expires_when, *facts), SearchBudget(MAX_CONDITIONS_CHECKED))
        if search.find((valid_when, *facts), ()) is None:
            report.warning(valid, "This can never hold, so no contract of the type ever covers. Change it.")
        elif search.find((valid_when, *facts), (expires_when,)) is None:
            report.warning(
                ended,
                "This holds whenever valid_when does, so a contract of the type has ended before it covers. "
                "Change one of them.",
            )
    except SearchBudgetExceeded:
        return


# ------------------------------------------------------------------ rules that never match


def _check_never_matching(
    report: FileReport,
    rules: Sequence[Rule],
    node: Node,
    budget: SearchBudget,
    constraints_for: ConstraintsFor,
) -> None:
    """Warn of rules that contradict themselves, repeat an earlier rule, or are never reached."""
    first_index: dict[tuple[bool, object], int] = {}
    for index, rule in enumerate(rules):
        if _asks_for_own_contract(rule):
            continue  # Already reported.
        place = _place(node, index)
        earlier = [
            one for one in rules[:index] if not one.action.needs_contract or rule.action.needs_contract
        ]
        same = first_index.setdefault((rule.action.needs_contract, _meaning(rule.conditions)), index)
        if same != index:
            report.warning(
                place,
                f'Rule "{rule.id}" has the same conditions as "{rules[same].id}" before it, so it never '
                "matches. Remove it, or change its conditions.",
            )
            continue
        facts = constraints_for([rule.conditions, *(one.conditions for one in earlier)])
        search = Satisfiability([rule.conditions, *(one.conditions for one in earlier), *facts], budget)
        if search.find((rule.conditions, *facts), ()) is None:
            report.warning(
                place, f'The conditions of rule "{rule.id}" contradict each other. Change or remove one.'
            )
        elif earlier and search.find((rule.conditions, *facts), [one.conditions for one in earlier]) is None:
            covering = _covering_rules(search, rule, earlier, facts)
            report.warning(
                place,
                f'Rule "{rule.id}" can never match: {covering} before it. '
                "Move it up, or change its conditions.",
            )


def _covering_rules(
    search: Satisfiability, rule: Rule, earlier: Sequence[Rule], facts: Sequence[Conditions]
) -> str:
    """Describes which earlier rules match everything that a rule would match."""
    for one in earlier:
        if search.find((rule.conditions, *facts), (one.conditions,)) is None:
            return f'everything it matches is already matched by "{one.id}"'
    needed = list(earlier)
    for one in earlier:
        others = [other for other in needed if other is not one]
        if search.find((rule.conditions, *facts), [other.conditions for other in others]) is None:
            needed = others
    names = [f'"{one.id}"' for one in needed]
    return f"everything it matches is already matched by {', '.join(names[:-1])} or {names[-1]}"


def _meaning(conditions: Conditions) -> object:
    """A key that is equal for conditions that differ only in order and repetition."""
    if isinstance(conditions, Condition):
        return conditions
    parts: set[object] = set()
    for part in conditions.parts:
        meant = _meaning(part)
        if isinstance(meant, tuple) and meant[0] is type(conditions):
            parts |= meant[1]
        else:
            parts.add(meant)
    return next(iter(parts)) if len(parts) == 1 else (type(conditions), frozenset(parts))


# ------------------------------------------------------------------ cases that no rule matches


def _check_uncaught(report: FileReport, rules: Sequence[Rule], node: Node, budget: SearchBudget) -> None:
    """Warn if no rule matches some service request without a contract while validation is on."""
    asked_once = [one.conditions for one in rules if not one.action.needs_contract]
    assignment = _uncaught_assignment((VALIDATION_ON,), asked_once, budget)
    if assignment is None:
        return
    assignment.pop("contract_validation", None)
    where = f", for example if {_describe(assignment)}" if assignment else ""
    report.warning(
        node.place,
        "With contract validation on, no rule matches a service request without a contract"
        f"{where}: it is refused. Add a final rule with {FALLBACKS}.",
    )


def _check_exclusions(report: FileReport, rules: Sequence[Rule], node: Node, budget: SearchBudget) -> None:
    """Warn of a rule that excludes a case which no other rule matches."""
    asked = [one.conditions for one in rules]
    for index, rule in enumerate(rules):
        if not rule.action.needs_contract:
            continue
        for excluding, rest in _excluded_texts(rule.conditions):
            left_out = Condition(excluding.variable, OPERATORS["text"]["equal_to"], excluding.value)
            if _uncaught_assignment((VALIDATION_ON, left_out, *rest), asked, budget) is not None:
                report.warning(
                    _place(node, index),
                    f'Rule "{rule.id}" excludes {excluding.variable.label} {excluding.value}, and no other '
                    "rule matches it: with contract validation on, it is refused. "
                    f"Add a rule with {FALLBACKS}.",
                )


def _uncaught_assignment(
    holding: Sequence[Conditions], failing: Sequence[Conditions], budget: SearchBudget
) -> Assignment | None:
    facts = coverage_constraints([*holding, *failing])
    search = Satisfiability([*holding, *failing, *facts], budget, facts_only=True)
    return search.find((*holding, *facts), failing)


def _excluded_texts(conditions: Conditions) -> Iterator[tuple[Condition, Sequence[Conditions]]]:
    """Each condition that excludes one text, with all other conditions that must hold."""
    parts = conditions.parts if isinstance(conditions, AllOf) else (conditions,)
    for part in parts:
        if isinstance(part, Condition) and part.operator.name == "not_equal_to" and part.value:
            yield part, [one for one in parts if one is not part]


def _describe(assignment: Assignment) -> str:
    """Facts as text."""
    parts = []
    for name, value in assignment.items():
        label = COVERAGE.variables[str(name)].label
        if value is OTHER_TEXT:
            parts.append(f"{label} is none of those mentioned")
        elif isinstance(value, bool):
            parts.append(f"{label} is {'true' if value else 'false'}")
        else:
            parts.append(f"{label} is {value if value != '' else 'empty'}")
    return " and ".join(parts)


# ------------------------------------------------------------------ other probable mistakes


def _check_standing(report: FileReport, rule: Rule, place: Place) -> None:
    fitting = EXPECTED_STANDINGS.get(rule.action.name)
    standings = COVERAGE.variables["contract_standing"].options
    others = [other for other in standings if other != fitting and _takes_standing(rule, other)]
    if fitting is not None and others:
        report.warning(
            place,
            f'Rule "{rule.id}" can apply {rule.action.name} to a contract that is {" or ".join(others)}. '
            f'Add the condition that contract_standing is equal_to "{fitting}".',
        )
    if _asks_for_own_contract(rule):
        report.warning(
            place,
            f'Rule "{rule.id}" requires a contract of the service request itself, which takes precedence '
            "over all rules. Remove the condition.",
        )


def _asks_for_own_contract(rule: Rule) -> bool:
    return any(
        one.variable.name == "contract_holder" and one.value == "service_request"
        for one in mentions(rule.conditions)
    )


def _takes_standing(rule: Rule, standing: str) -> bool:
    def known(condition: Condition) -> bool | None:
        if condition.variable.name != "contract_standing" or condition.operator.name != "equal_to":
            return None
        return condition.value == standing

    return can_be_met(rule.conditions, known)


def _warn_too_many(report: FileReport, node: Node) -> None:
    report.warning(
        node.place,
        "There are too many rules to check whether each can match. Remove some, or check them manually.",
    )


def _place(node: Node, index: int) -> Place:
    return cast(list[Node], node.value)[index].place
