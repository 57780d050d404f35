"""Coverage rules as one Python function: one pass over the contracts, whatever their order.

Rules are pure, so the first rule that any contract meets is the least that one of them meets; where several
meet it, the one that comes first in rank is taken. A rule that needs no contract counts like the others,
once it is its turn.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from engine.facts import Candidate, RequestFacts
from engine.rulebook.compiled.decision_tree import Ask, Split, Steps, steps_for
from engine.rulebook.compiled.expressions import expression, literal
from engine.rulebook.compiled.rank import write_rank
from engine.rulebook.compiled.source import Source
from engine.rulebook.compiled.time_expressions import HELPERS
from engine.rulebook.syntax.syntax_tree import Condition, Conditions, Rule, mentions
from engine.rulebook.vocabulary.terms import Variable

Found = tuple[Rule | None, Candidate | None]
"""The rule that decides, and the contract it decides for; None where there is none."""

Decide = Callable[[RequestFacts, Iterable[Candidate]], Found]

CHECKED_EVERY = 8
"""After so many rules a contract is left as soon as an earlier one has met an earlier rule."""


@dataclass(frozen=True)
class CompiledCoverage:
    """What was made of a coverage file's rules, by code written from them."""

    source: Source
    decide: Decide
    meets_a_rule: Callable[[RequestFacts, Candidate], bool]
    order: Callable[[Candidate], tuple[object, ...]]
    _tests: Mapping[Condition, Callable[[RequestFacts, Candidate], bool]]

    def is_met(self, condition: Condition, request: RequestFacts, candidate: Candidate) -> bool:
        """Whether a condition of a rule that needs a contract is met."""
        return self._tests[condition](request, candidate)


def compile_coverage(rules: Sequence[Rule], rank_by: tuple[str, ...]) -> CompiledCoverage:
    """Write the code for these rules, and take it over. A few tenths of a millisecond."""
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
        self.asked_of_contracts = [rule for rule in enumerate(rules) if rule[1].action.needs_contract]
        self.asked_once = [rule for rule in enumerate(rules) if not rule[1].action.needs_contract]
        self.steps = steps_for(
            [(number, rule.conditions) for number, rule in self.asked_of_contracts], _is_of_contract
        )
        self.answered: dict[Conditions, str] = {}

    def decide(self) -> None:
        source = self.source
        with source.block("def decide(request, contracts):"):
            source.line(f"best = {len(self.rules)}", "the first rule that is met, by its number")
            source.line("taken = None")
            if self.asked_of_contracts:
                self._ask_before()
                with source.block("for contract in contracts:"):
                    self._write(self.steps, {}, _Loop(self))
            for number, rule in self.asked_once:
                conditions = expression(rule.conditions, source, _of_subject)
                with source.block(f"if best > {number} and ({conditions}):", rule.id):
                    source.values[f"rule_{number}"] = (rule, None)
                    source.line(f"return rule_{number}")
            source.line("return rules[best], taken")
        source.line("")

    def meets_a_rule(self) -> None:
        with self.source.block("def meets_a_rule(request, contract):"):
            if self.asked_of_contracts:
                self._ask_before()
                self._write(self.steps, {}, _Single(self))
            else:
                self.source.line("return False")
        self.source.line("")

    def tests(self) -> dict[Condition, str]:
        """A function for each condition of the rules asked of contracts, to tell which one is not met."""
        names: dict[Condition, str] = {}
        for _, rule in self.asked_of_contracts:
            for condition in mentions(rule.conditions):
                if condition not in names:
                    names[condition] = f"test_{len(names)}"
                    with self.source.block(f"def {names[condition]}(request, contract):", condition.words):
                        self.source.line(f"return {expression(condition, self.source, _of_subject)}")
        return names

    def _ask_before(self) -> None:
        """Ask what is the same for all contracts before the first of them."""
        self.answered = {}
        for ask in _asks(self.steps):
            for conditions in _of_request(ask.conditions):
                if conditions not in self.answered:
                    name = f"asked_{len(self.answered)}"
                    self.source.line(f"{name} = {expression(conditions, self.source, _of_subject)}")
                    self.answered[conditions] = name

    def _write(self, steps: Steps, looked_at: Mapping[Variable, str], way: "_Way") -> None:
        """The steps for one contract. `looked_at` are variables whose value has a name here."""
        if isinstance(steps, Split):
            self._split(steps, looked_at, way)
            return
        for position, ask in enumerate(steps):
            if position and position % CHECKED_EVERY == 0:
                way.leave_early(ask.rule)
            if ask.conditions is None:
                way.met(ask.rule)
                return
            conditions = expression(
                ask.conditions,
                self.source,
                lambda variable: looked_at.get(variable) or _of_subject(variable),
                self.answered,
            )
            with self.source.block(f"if {conditions}:", self.rules[ask.rule].id):
                way.met(ask.rule)
        way.unmet()

    def _split(self, split: Split, looked_at: Mapping[Variable, str], way: "_Way") -> None:
        variable = split.variable
        if variable not in looked_at:
            self.source.line(f"{variable.name} = {_of_subject(variable)}")
            looked_at = {**looked_at, variable: variable.name}
        for value, steps in split.branches:
            written = literal(variable, value, self.source)
            with self.source.block(f"if {variable.name} == {written}:"):
                self._write(steps, looked_at, way)
        self._write(split.otherwise, looked_at, way)


class _Way(Protocol):
    """What the code does where a contract meets a rule, and where it meets none."""

    def met(self, rule: int) -> None: ...

    def unmet(self) -> None: ...

    def leave_early(self, rule: int) -> None: ...


class _Loop:
    """In the pass over all contracts."""

    def __init__(self, writer: _Writer) -> None:
        self.source = writer.source
        self.rules = writer.rules

    def met(self, rule: int) -> None:
        with self.source.block(f"if best > {rule}:", self.rules[rule].id):
            self.source.line(f"best = {rule}")
            self.source.line("taken = contract")
        with self.source.block(f"elif best == {rule} and comes_before(contract, taken):"):
            self.source.line("taken = contract")
        self.source.line("continue")

    def unmet(self) -> None:
        self.source.line("continue")

    def leave_early(self, rule: int) -> None:
        with self.source.block(f"if best < {rule}:"):
            self.source.line("continue")


class _Single:
    """For one contract on its own."""

    def __init__(self, writer: _Writer) -> None:
        self.source = writer.source

    def met(self, rule: int) -> None:
        self.source.line("return True")

    def unmet(self) -> None:
        self.source.line("return False")

    def leave_early(self, rule: int) -> None:
        """There is no other contract that a rule was met by."""


def _is_of_contract(variable: Variable) -> bool:
    return variable.scope == "contract"


def _of_subject(variable: Variable) -> str:
    return f"{variable.scope}.{variable.fact}"


def _asks(steps: Steps) -> Iterator[Ask]:
    if isinstance(steps, Split):
        for _, branch in steps.branches:
            yield from _asks(branch)
        yield from _asks(steps.otherwise)
    else:
        yield from steps


def _of_request(conditions: Conditions | None) -> Iterator[Conditions]:
    """The largest parts that ask nothing of a contract."""
    if conditions is None:
        return
    if not any(_is_of_contract(one.variable) for one in mentions(conditions)):
        yield conditions
    elif not isinstance(conditions, Condition):
        for part in conditions.parts:
            yield from _of_request(part)
