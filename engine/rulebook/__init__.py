"""Loads, checks and evaluates the rule files. The only importer of business_rules.

vocabulary   every variable, operator and action that a file may use; dates and durations
syntax       from bytes to text, to JSON with positions, to plain values and a typed tree; problems
files        reads each kind of rule file, checks it against the registry and runs its examples
checks       lint: rules that never match, cases that no rule matches
compiled     the rules as Python functions, which decide
evaluation   the rules in force, compiled or run by business-rules, which verifies the compiled form
schemas, reference   generated from the registry for editors and people
rule_set     all files of a set together, identified by their content
"""

from engine.rulebook.compiled_source import compiled_source
from engine.rulebook.evaluation.charging import Charge, ChargingBook, ChargingFacts
from engine.rulebook.evaluation.contract_types import ContractFacts, TypeRules
from engine.rulebook.evaluation.coverage import CoverageBook, Match
from engine.rulebook.evaluation.invoice_checks import InvoiceCheckBook, InvoiceFacts
from engine.rulebook.evaluation.rates import STANDARD_CARD, Rate, RateCard
from engine.rulebook.files.coverage_examples import OUTCOME_OF_ACTION
from engine.rulebook.files.scope import GrantScope, check_scope, scope_of
from engine.rulebook.rule_set import (
    RuleSet,
    UnknownContractType,
    check_rule_set,
    is_rule_file,
    load_accepted_rule_set,
    load_rule_set,
    version_of,
)
from engine.rulebook.syntax.decoding import MAX_BYTES, decode_rule_file
from engine.rulebook.syntax.problems import Problem, RuleSetRefused
from engine.rulebook.vocabulary.engines import RulesEngine

__all__ = [
    "MAX_BYTES",
    "OUTCOME_OF_ACTION",
    "STANDARD_CARD",
    "Charge",
    "ChargingBook",
    "ChargingFacts",
    "ContractFacts",
    "CoverageBook",
    "GrantScope",
    "InvoiceCheckBook",
    "InvoiceFacts",
    "Match",
    "Problem",
    "Rate",
    "RateCard",
    "RuleSet",
    "RuleSetRefused",
    "RulesEngine",
    "TypeRules",
    "UnknownContractType",
    "check_rule_set",
    "check_scope",
    "compiled_source",
    "decode_rule_file",
    "is_rule_file",
    "load_accepted_rule_set",
    "load_rule_set",
    "scope_of",
    "version_of",
]
