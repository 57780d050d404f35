"""The code generated from a rule set, for people to read."""

from collections.abc import Iterator

from engine.rulebook.compiled.single import compile_charging
from engine.rulebook.compiled.source import Source
from engine.rulebook.rule_set import RuleSet


def compiled_source(rule_set: RuleSet) -> str:
    """The Python code generated from each file of a rule set, with its constants and comments."""
    return "\n".join(f"# {path}\n{source.shown}" for path, source in _sources(rule_set))


def _sources(rule_set: RuleSet) -> Iterator[tuple[str, Source]]:
    yield "coverage.json", rule_set.coverage.compiled.source
    yield "charging.json", rule_set.charging.compiled.source
    yield "invoice_checks.json", rule_set.invoice_checks.compiled.source
    for name, card in rule_set.rate_cards.items():
        yield f"rate_cards/{name}.json", compile_charging(card.rules).source
    for key, rules in rule_set.type_rules.items():
        yield f"contract_types/{key}.json", rules.compiled.source
    for name, book in rule_set.variants.items():
        yield f"variants/{name}.json", book.compiled.source
