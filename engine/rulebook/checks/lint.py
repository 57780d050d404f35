"""What a rule file may say and hardly means: rules that never match, cases that no rule catches.

Nothing here refuses a file, and nothing is told that is not so: what cannot be decided is passed over.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import cast

from engine.rulebook.checks.fact_constraints import VALIDATION_ON, facts_of_coverage, facts_of_types
from engine.rulebook.checks.satisfiability import OTHER, OutOfPatience, Patience, Satisfiability, World
from engine.rulebook.syntax.problems import FileReport, Place
from engine.rulebook.syntax.scanner import Node
from engine.rulebook.syntax.syntax_tree import AllOf, Condition, Conditions, Rule, can_be_met, mentions
from engine.rulebook.vocabulary.operators import OPERATORS
from engine.rulebook.vocabulary.registry import COVERAGE

MOST_ASKED = 30_000
"""Conditions asked of one file: some hundredths of a second, since it is done whenever the file is loaded."""

FactsOf = Callable[[Iterable[Conditions]], Sequence[Conditions]]
FITTING_STANDING = {"cover_with": "valid", "wait_for": "pending"}
FALLBACKS = "create_contract, offer_contracts or refuse"


def lint_coverage(report: FileReport, rules: Sequence[Rule], node: Node) -> None:
    """Warn of coverage rules that are hardly meant. `node` is the list of rules."""
    for index, rule in enumerate(rules):
        _standing(report, rule, _place(node, index))
    patience = Patience(MOST_ASKED)
    try:
        _never_matching(report, rules, node, patience, facts_of_coverage)
        _uncaught(report, rules, node, patience)
        _exclusions(report, rules, node, patience)
    except OutOfPatience:
        _too_many(report, node)


def lint_charging(report: FileReport, rules: Sequence[Rule], node: Node) -> None:
    """Warn of charging rules that never match. `node` is the list of rules."""
    try:
        _never_matching(report, rules, node, Patience(MOST_ASKED), lambda conditions: ())
    except OutOfPatience:
        _too_many(report, node)


def lint_type(
    report: FileReport, valid_when: Conditions, expires_when: Conditions, valid: Place, ended: Place
) -> None:
    """Warn of a contract type whose contracts never cover."""
    facts = facts_of_types((valid_when, expires_when))
    try:
        worlds = Satisfiability((valid_when, expires_when, *facts), Patience(MOST_ASKED))
        if worlds.find((valid_when, *facts), ()) is None:
            report.warning(valid, "This can never hold, so no contract of the type ever covers. Change it.")
        elif worlds.find((valid_when, *facts), (expires_when,)) is None:
            report.warning(
                ended,
                "This holds whenever valid_when does, so a contract of the type is over before it covers. "
                "Change one of them.",
            )
    except OutOfPatience:
        return


# ------------------------------------------------------------------ rules that never match


def _never_matching(
    report: FileReport,
    rules: Sequence[Rule],
    node: Node,
    patience: Patience,
    facts_of: FactsOf,
) -> None:
    """Of each rule, whether it contradicts itself, repeats an earlier one, or is never reached."""
    said: dict[tuple[bool, object], int] = {}
    for index, rule in enumerate(rules):
        if _asks_for_own(rule):
            continue  # which has been told
        place = _place(node, index)
        earlier = [
            one for one in rules[:index] if not one.action.needs_contract or rule.action.needs_contract
        ]
        same = said.setdefault((rule.action.needs_contract, _meaning(rule.conditions)), index)
        if same != index:
            report.warning(
                place,
                f'Rule "{rule.id}" has the same conditions as "{rules[same].id}" before it, so it never '
                "matches. Remove it, or change its conditions.",
            )
            continue
        facts = facts_of([rule.conditions, *(one.conditions for one in earlier)])
        worlds = Satisfiability([rule.conditions, *(one.conditions for one in earlier), *facts], patience)
        if worlds.find((rule.conditions, *facts), ()) is None:
            report.warning(
                place, f'The conditions of rule "{rule.id}" contradict each other. Change or remove one.'
            )
        elif earlier and worlds.find((rule.conditions, *facts), [one.conditions for one in earlier]) is None:
            covering = _covering(worlds, rule, earlier, facts)
            report.warning(
                place,
                f'Rule "{rule.id}" can never match: {covering} before it. '
                "Move it up, or change its conditions.",
            )


def _covering(
    worlds: Satisfiability, rule: Rule, earlier: Sequence[Rule], facts: Sequence[Conditions]
) -> str:
    """Which rules take all that a rule would match."""
    for one in earlier:
        if worlds.find((rule.conditions, *facts), (one.conditions,)) is None:
            return f'whatever meets it meets "{one.id}"'
    needed = list(earlier)
    for one in earlier:
        others = [other for other in needed if other is not one]
        if worlds.find((rule.conditions, *facts), [other.conditions for other in others]) is None:
            needed = others
    names = [f'"{one.id}"' for one in needed]
    return f"whatever meets it meets {', '.join(names[:-1])} or {names[-1]}"


def _meaning(conditions: Conditions) -> object:
    """The same for conditions that differ in nothing but order and repetition."""
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


# ------------------------------------------------------------------ cases that no rule catches


def _uncaught(report: FileReport, rules: Sequence[Rule], node: Node, patience: Patience) -> None:
    """A service request without a contract, with validation on, that no rule is for."""
    asked_once = [one.conditions for one in rules if not one.action.needs_contract]
    world = _uncaught_world((VALIDATION_ON,), asked_once, patience)
    if world is None:
        return
    world.pop("contract_validation", None)
    where = f", such as where {_told(world)}" if world else ""
    report.warning(
        node.place,
        "With contract validation on, no rule catches a service request without a contract"
        f"{where}: it is refused. Add a last rule with {FALLBACKS}.",
    )


def _exclusions(report: FileReport, rules: Sequence[Rule], node: Node, patience: Patience) -> None:
    """A rule that leaves a case out which no other rule takes."""
    asked = [one.conditions for one in rules]
    for index, rule in enumerate(rules):
        if not rule.action.needs_contract:
            continue
        for excluding, rest in _excluded(rule.conditions):
            left_out = Condition(excluding.variable, OPERATORS["text"]["equal_to"], excluding.value)
            if _uncaught_world((VALIDATION_ON, left_out, *rest), asked, patience) is not None:
                report.warning(
                    _place(node, index),
                    f'Rule "{rule.id}" leaves out {excluding.variable.label} {excluding.value}, and no rule '
                    f"takes it: with contract validation on it is refused. Add a rule with {FALLBACKS}.",
                )


def _uncaught_world(
    holding: Sequence[Conditions], failing: Sequence[Conditions], patience: Patience
) -> World | None:
    facts = facts_of_coverage([*holding, *failing])
    worlds = Satisfiability([*holding, *failing, *facts], patience, by_facts_alone=True)
    return worlds.find((*holding, *facts), failing)


def _excluded(conditions: Conditions) -> Iterator[tuple[Condition, Sequence[Conditions]]]:
    """Each condition that leaves out one text, with all that must hold besides."""
    parts = conditions.parts if isinstance(conditions, AllOf) else (conditions,)
    for part in parts:
        if isinstance(part, Condition) and part.operator.name == "not_equal_to" and part.value:
            yield part, [one for one in parts if one is not part]


def _told(world: World) -> str:
    """Facts in words."""
    said = []
    for name, value in world.items():
        label = COVERAGE.variables[str(name)].label
        if value is OTHER:
            said.append(f"{label} is none of those named")
        elif isinstance(value, bool):
            said.append(f"{label} is {'true' if value else 'false'}")
        else:
            said.append(f"{label} is {value if value != '' else 'empty'}")
    return " and ".join(said)


# ------------------------------------------------------------------ what else is hardly meant


def _standing(report: FileReport, rule: Rule, place: Place) -> None:
    fitting = FITTING_STANDING.get(rule.action.name)
    standings = COVERAGE.variables["contract_standing"].options
    others = [other for other in standings if other != fitting and _takes_standing(rule, other)]
    if fitting is not None and others:
        report.warning(
            place,
            f'Rule "{rule.id}" can {rule.action.name} a contract that is {" or ".join(others)}. '
            f'Add the condition that contract_standing is equal_to "{fitting}".',
        )
    if _asks_for_own(rule):
        report.warning(
            place,
            f'Rule "{rule.id}" asks for a contract of the service request itself, which is taken before '
            "any rule is asked. Remove the condition.",
        )


def _asks_for_own(rule: Rule) -> bool:
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


def _too_many(report: FileReport, node: Node) -> None:
    report.warning(
        node.place,
        "The rules are too many to look at each for whether it can ever match. Keep fewer, or see to it.",
    )


def _place(node: Node, index: int) -> Place:
    return cast(list[Node], node.value)[index].place
