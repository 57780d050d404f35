"""Loads, checks and asks the rule files. The only importer of business_rules.

registry   every variable, operator and action there is
texts, scanner, reading   from bytes to text, to JSON with places, to plain values
rules, *_file, *_examples   each kind of file checked against the registry; rule_set, all of them together
tree, library   checked rules as values, and business-rules running the JSON made from them
compiled   the same rules as Python functions, which decide; business-rules proves them, or runs by setting
coverage, charging, contract_types   what the rules in force are asked
schemas, reference   what is written from the registry for editors and people
"""

from engine.rulebook.charging import Charge, ChargingBook, ChargingFacts
from engine.rulebook.compiled.shown import compiled_source
from engine.rulebook.contract_types import ContractFacts, TypeRules
from engine.rulebook.coverage import CoverageBook, Match
from engine.rulebook.coverage_examples import OUTCOMES
from engine.rulebook.engines import RulesEngine
from engine.rulebook.problems import Problem, RuleSetRefused
from engine.rulebook.rule_set import (
    RuleSet,
    UnknownContractType,
    check_rule_set,
    is_rule_file,
    load_accepted_rule_set,
    load_rule_set,
    version_of,
)
from engine.rulebook.texts import MOST_BYTES, decode_rule_file

__all__ = [
    "MOST_BYTES",
    "OUTCOMES",
    "Charge",
    "ChargingBook",
    "ChargingFacts",
    "ContractFacts",
    "CoverageBook",
    "Match",
    "Problem",
    "RuleSet",
    "RuleSetRefused",
    "RulesEngine",
    "TypeRules",
    "UnknownContractType",
    "check_rule_set",
    "compiled_source",
    "decode_rule_file",
    "is_rule_file",
    "load_accepted_rule_set",
    "load_rule_set",
    "version_of",
]
