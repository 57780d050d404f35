"""Coverage rules as one Python function: one pass over the contracts, in any order.

Rules are pure, so the first rule that any contract matches is the lowest-numbered rule that one of them
matches; if several contracts match it, the first in rank is chosen. A rule that needs no contract takes part
in the same order.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from engine.facts import Candidate, RequestFacts
from engine.rulebook.compiled.decision_tree import RuleTest, Split, Steps, steps_for
from engine.rulebook.compiled.expressions import expression, literal
from engine.rulebook.compiled.rank import write_rank
from engine.rulebook.compiled.source import Source
from engine.rulebook.compiled.time_expressions import HELPERS
from engine.rulebook.syntax.syntax_tree import Condition, Conditions, Rule, mentions
from engine.rulebook.vocabulary.terms import Variable

RuleMatch = tuple[Rule | None, Candidate | None]
"""The rule that decides, and the contract it decides for; None if there is none."""

Decide = Callable[[RequestFacts, Iterable[Candidate]], RuleMatch]

EARLY_EXIT_INTERVAL = 8
"""After every so many rules, skip the rest for a contract if another one has matched an earlier rule."""


@dataclass(frozen=True)
class CompiledCoverage:
    """The functions generated from the rules of a coverage file."""

    source: Source
    decide: Decide
    meets_a_rule: Callable[[RequestFacts, Candidate], bool]
    order: Callable[[Candidate], tuple[object, ...]]
    _tests: Mapping[Condition, Callable[[RequestFacts, Candidate], bool]]

    def is_met(self, condition: Condition, request: RequestFacts, candidate: Candidate) -> bool:
        """Whether a condition of a rule that needs a contract is met."""
        return self._tests[condition](request, candidate)


def compile_coverage(rules: Sequence[Rule], rank_by: tuple[str, ...]) -> CompiledCoverage:
    """Generate and run the code for these rules; takes a few tenths of a millisecond."""
    writer = _Writer(rules)
    write_rank(writer.source, rank_by)
    writer.decide()
    writer.meets_a_rule()
    tests = writer.tests()
    made = writer.source.run("coverage rules")
    return CompiledCoverage(
        source=writer.source,
        decide=made["decide"],
        meets_a_rule=made["meets_a_rule"],
        order=made["order"],
        _tests={condition: made[name] for condition, name in tests.items()},
    )


class _Writer:
    def __init__(self, rules: Sequence[Rule]) -> None:
        self.rules = rules
        self.source = Source({**HELPERS, "rules": (*rules, None)})
        self.contract_rules = [rule for rule in enumerate(rules) if rule[1].action.needs_contract]
        self.request_rules = [rule for rule in enumerate(rules) if not rule[1].action.needs_contract]
        self.steps = steps_for(
            [(number, rule.conditions) for number, rule in self.contract_rules], _reads_contract
        )
        self.hoisted: dict[Conditions, str] = {}

    def decide(self) -> None:
        source = self.source
        with source.block("def decide(request, contracts):"):
            source.line(f"best = {len(self.rules)}", "the first rule that is met, by its number")
            source.line("taken = None")
            if self.contract_rules:
                self._hoist_request_conditions()
                with source.block("for contract in contracts:"):
                    self._emit(self.steps, {}, _LoopEmitter(self))
            for number, rule in self.request_rules:
                conditions = expression(rule.conditions, source, _fact_name)
                with source.block(f"if best > {number} and ({conditions}):", rule.id):
                    source.values[f"rule_{number}"] = (rule, None)
                    source.line(f"return rule_{number}")
            source.line("return rules[best], taken")
        source.line("")

    def meets_a_rule(self) -> None:
        with self.source.block("def meets_a_rule(request, contract):"):
            if self.contract_rules:
                self._hoist_request_conditions()
                self._emit(self.steps, {}, _SingleEmitter(self))
            else:
                self.source.line("return False")
        self.source.line("")

    def tests(self) -> dict[Condition, str]:
        """A function for each condition of the rules about contracts, to find the one that is not met."""
        names: dict[Condition, str] = {}
        for _, rule in self.contract_rules:
            for condition in mentions(rule.conditions):
                if condition not in names:
                    names[condition] = f"test_{len(names)}"
                    with self.source.block(f"def {names[condition]}(request, contract):", condition.text):
                        self.source.line(f"return {expression(condition, self.source, _fact_name)}")
        return names

    def _hoist_request_conditions(self) -> None:
        """Evaluate the conditions that do not depend on a contract once, before the loop over contracts."""
        self.hoisted = {}
        for rule_test in _rule_tests(self.steps):
            for conditions in _request_only_parts(rule_test.conditions):
                if conditions not in self.hoisted:
                    name = f"asked_{len(self.hoisted)}"
                    self.source.line(f"{name} = {expression(conditions, self.source, _fact_name)}")
                    self.hoisted[conditions] = name

    def _emit(self, steps: Steps, local_names: Mapping[Variable, str], emitter: "_Emitter") -> None:
        """Emit the steps for one contract. `local_names` maps variables to local names of their values."""
        if isinstance(steps, Split):
            self._emit_split(steps, local_names, emitter)
            return
        for position, rule_test in enumerate(steps):
            if position and position % EARLY_EXIT_INTERVAL == 0:
                emitter.on_early_exit_point(rule_test.rule)
            if rule_test.conditions is None:
                emitter.on_match(rule_test.rule)
                return
            conditions = expression(
                rule_test.conditions,
                self.source,
                lambda variable: local_names.get(variable) or _fact_name(variable),
                self.hoisted,
            )
            with self.source.block(f"if {conditions}:", self.rules[rule_test.rule].id):
                emitter.on_match(rule_test.rule)
        emitter.on_no_match()

    def _emit_split(self, split: Split, local_names: Mapping[Variable, str], emitter: "_Emitter") -> None:
        variable = split.variable
        if variable not in local_names:
            self.source.line(f"{variable.name} = {_fact_name(variable)}")
            local_names = {**local_names, variable: variable.name}
        for value, steps in split.branches:
            written = literal(variable, value, self.source)
            with self.source.block(f"if {variable.name} == {written}:"):
                self._emit(steps, local_names, emitter)
        self._emit(split.otherwise, local_names, emitter)


class _Emitter(Protocol):
    """Emits what the code does if a contract matches a rule, and if it matches none."""

    def on_match(self, rule: int) -> None: ...

    def on_no_match(self) -> None: ...

    def on_early_exit_point(self, rule: int) -> None: ...


class _LoopEmitter:
    """For the loop over all contracts."""

    def __init__(self, writer: _Writer) -> None:
        self.source = writer.source
        self.rules = writer.rules

    def on_match(self, rule: int) -> None:
        with self.source.block(f"if best > {rule}:", self.rules[rule].id):
            self.source.line(f"best = {rule}")
            self.source.line("taken = contract")
        with self.source.block(f"elif best == {rule} and comes_before(contract, taken):"):
            self.source.line("taken = contract")
        self.source.line("continue")

    def on_no_match(self) -> None:
        self.source.line("continue")

    def on_early_exit_point(self, rule: int) -> None:
        with self.source.block(f"if best < {rule}:"):
            self.source.line("continue")


class _SingleEmitter:
    """For a single contract."""

    def __init__(self, writer: _Writer) -> None:
        self.source = writer.source

    def on_match(self, rule: int) -> None:
        self.source.line("return True")

    def on_no_match(self) -> None:
        self.source.line("return False")

    def on_early_exit_point(self, rule: int) -> None:
        """Emit nothing: there is no other contract."""


def _reads_contract(variable: Variable) -> bool:
    return variable.scope == "contract"


def _fact_name(variable: Variable) -> str:
    return f"{variable.scope}.{variable.fact}"


def _rule_tests(steps: Steps) -> Iterator[RuleTest]:
    if isinstance(steps, Split):
        for _, branch in steps.branches:
            yield from _rule_tests(branch)
        yield from _rule_tests(steps.otherwise)
    else:
        yield from steps


def _request_only_parts(conditions: Conditions | None) -> Iterator[Conditions]:
    """The largest parts that do not depend on a contract."""
    if conditions is None:
        return
    if not any(_reads_contract(one.variable) for one in mentions(conditions)):
        yield conditions
    elif not isinstance(conditions, Condition):
        for part in conditions.parts:
            yield from _request_only_parts(part)
