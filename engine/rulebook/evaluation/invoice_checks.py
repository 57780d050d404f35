"""Which rules find an invoice unusual: each of them is a reason for a person to confirm it first.

Source: issue of invoices; product.md section 10.
"""

from dataclasses import dataclass, field, replace

from engine.rulebook.compiled.single import CompiledChecks, compile_checks
from engine.rulebook.evaluation.business_rules_adapter import INVOICE_CHECK_EVALUATOR as EVALUATOR
from engine.rulebook.syntax.syntax_tree import Rule
from engine.rulebook.vocabulary.engines import RulesEngine


@dataclass(frozen=True, slots=True)
class InvoiceFacts:
    """The draft of an invoice as the checks see it; amounts in minor units of its currency (ISO 4217).

    `percent_of_usual` is 0 where too little is known of the customer.
    """

    total_minor: int = 0
    currency: str = ""
    percent_of_usual: int = 0
    has_overage: bool = False
    has_unapproved_overage: bool = False


@dataclass(frozen=True)
class InvoiceCheckBook:
    """The checked file of checks. Without it, no invoice is unusual."""

    rules: tuple[Rule, ...] = ()
    engine: RulesEngine = "compiled"
    compiled: CompiledChecks = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "compiled", compile_checks(self.rules))

    def run_by(self, engine: RulesEngine) -> "InvoiceCheckBook":
        """The same rules, run by another engine."""
        return self if engine == self.engine else replace(self, engine=engine)

    def reasons(self, facts: InvoiceFacts) -> list[Rule]:
        """All rules that match, in their order: why a person has to confirm the invoice."""
        if self.engine == "compiled":
            return self.compiled.matching(facts)
        asked = EVALUATOR.facts(facts)
        return [rule for rule in self.rules if EVALUATOR.holds(rule.conditions_json, asked)]
