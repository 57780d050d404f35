"""A complete set of rule files: checked together, in force together, identified by its content.

Source: product.md sections 4, 6 and 7.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property, partial
from hashlib import sha256
from re import compile as regex
from types import MappingProxyType

from engine.contracts import ContractType
from engine.errors import DeskError
from engine.facts import RuledOut
from engine.named_calendars import NamedCalendar
from engine.rulebook.evaluation.charging import ChargingBook
from engine.rulebook.evaluation.contract_types import ContractFacts, TypeRules
from engine.rulebook.evaluation.coverage import CoverageBook
from engine.rulebook.evaluation.invoice_checks import InvoiceCheckBook
from engine.rulebook.evaluation.rates import RateCard
from engine.rulebook.files.calendar_file import read_calendar_file
from engine.rulebook.files.charging_file import read_charging_file
from engine.rulebook.files.contract_type_file import KEY, KEY_FORM, read_contract_type_file
from engine.rulebook.files.coverage_file import read_coverage_file
from engine.rulebook.files.invoice_check_file import read_invoice_check_file
from engine.rulebook.files.rate_card_file import read_rate_card
from engine.rulebook.files.rule_reader import Declarations
from engine.rulebook.files.sla_file import read_sla_file
from engine.rulebook.syntax.decoding import MAX_BYTES, strip_byte_order_mark, too_large
from engine.rulebook.syntax.problems import TOP, FileReport, Problem, RuleSetRefused, printable
from engine.rulebook.syntax.scanner import Node, quoted, scan
from engine.rulebook.syntax.syntax_tree import mentions
from engine.rulebook.syntax.typed_reader import suggestion
from engine.rulebook.vocabulary.engines import RulesEngine
from engine.sla import Sla

COVERAGE_FILE = "coverage.json"
CHARGING_FILE = "charging.json"
SLA_FILE = "slas.json"
CALENDAR_FILE = "calendars.json"
INVOICE_CHECK_FILE = "invoice_checks.json"
SINGLE_FILES = (COVERAGE_FILE, CHARGING_FILE, CALENDAR_FILE, SLA_FILE, INVOICE_CHECK_FILE)
TYPE_PATH = regex(r"contract_types/([^/]+)\.json")
VARIANT_PATH = regex(r"variants/([^/]+)\.json")
RATE_CARD_PATH = regex(r"rate_cards/([^/]+)\.json")
FOLDERS = ("contract_types", "rate_cards", "variants")
MAX_FILES = 300
MAX_SET_LENGTH = 4 * 1024 * 1024


class UnknownContractType(DeskError):
    """A contract type that is not in the rule set."""

    code = "unknown-contract-type"


@dataclass(frozen=True)
class RuleSet:
    """All rules that are in force together.

    `version` is a hash of the files: identical files have the same version.
    """

    version: str
    files: Mapping[str, str]
    coverage: CoverageBook
    charging: ChargingBook
    invoice_checks: InvoiceCheckBook
    contract_types: Mapping[str, ContractType]
    slas: Mapping[str, Sla]
    calendars: Mapping[str, NamedCalendar]
    rate_cards: Mapping[str, RateCard]
    variants: Mapping[str, CoverageBook]
    warnings: tuple[Problem, ...]
    type_rules: Mapping[str, TypeRules] = field(repr=False)

    def run_by(self, engine: RulesEngine) -> "RuleSet":
        """The same rule set, run by another engine. The version is the same, because the results are."""
        if engine == self.coverage.engine:
            return self
        types = {key: rules.run_by(engine) for key, rules in self.type_rules.items()}
        variants = {name: book.run_by(engine) for name, book in self.variants.items()}
        cards = {name: replace(card, engine=engine) for name, card in self.rate_cards.items()}
        return replace(
            self,
            coverage=self.coverage.run_by(engine),
            charging=self.charging.run_by(engine),
            invoice_checks=self.invoice_checks.run_by(engine),
            rate_cards=MappingProxyType(cards),
            variants=MappingProxyType(variants),
            type_rules=MappingProxyType(types),
        )

    def is_valid(self, type_key: str, facts: ContractFacts) -> RuledOut | None:
        """None if the type's `valid_when` is met, otherwise the reason: the first condition that is not met.

        The code of the reason is no_minutes_left, no_incidents_left, outside_period or
        service_request_closed; or condition, with the condition as text in `value`.
        Raises: UnknownContractType if the rule set has no such type.
        """
        return self._rules_of(type_key).is_valid(facts)

    def has_ended(self, type_key: str, facts: ContractFacts) -> bool:
        """Whether the type's `expires_when` is met.

        Raises: UnknownContractType if the rule set has no such type.
        """
        return self._rules_of(type_key).has_ended(facts)

    def texts_named(self, variable: str) -> set[str]:
        """The non-empty texts that coverage, charging and rate rules compare a variable with."""
        of_cards = (rule for card in self.rate_cards.values() for rule in card.rules)
        rules = (*self.coverage.rules, *self.charging.rules, *of_cards)
        asked = (one for rule in rules for one in mentions(rule.conditions))
        return {
            one.value for one in asked if one.variable.name == variable and isinstance(one.value, str)
        } - {""}

    @cached_property
    def charging_variables(self) -> frozenset[str]:
        """The names of the variables that charging and rate rules ask for."""
        of_cards = (rule for card in self.rate_cards.values() for rule in card.rules)
        rules = (*self.charging.rules, *of_cards)
        return frozenset(one.variable.name for rule in rules for one in mentions(rule.conditions))

    def _rules_of(self, type_key: str) -> TypeRules:
        if type_key not in self.type_rules:
            raise UnknownContractType(
                f'The rules in force have no contract type "{type_key}".',
                remedy=suggestion(type_key, self.type_rules),
                type=type_key,
            )
        return self.type_rules[type_key]


def load_rule_set(files: Mapping[str, str]) -> RuleSet:
    """Load and check a rule set. `files` maps paths to texts.

    Paths are relative to the rules folder, with forward slashes. Schemas and Markdown files are ignored.
    Raises: RuleSetRefused, with all problems, if there is any error.
    """
    rule_set, problems = _read(files)
    if rule_set is None:
        raise RuleSetRefused(tuple(problems))
    return rule_set


def load_accepted_rule_set(files: Mapping[str, str]) -> RuleSet:
    """Load a rule set that an earlier version of the checker accepted when it was published.

    What the current checker would refuse (examples, limits, names) becomes a warning; decisions stay the
    same. `files` as in load_rule_set.
    Raises: RuleSetRefused if a rule can no longer be read, since dropping it silently would change decisions.
    """
    rule_set, problems = _read(files, were_accepted=True)
    if rule_set is None:
        raise RuleSetRefused(tuple(problems))
    return rule_set


def check_rule_set(files: Mapping[str, str]) -> list[Problem]:
    """All problems of the files, including warnings, by file and position. `files` as in load_rule_set."""
    return _read(files)[1]


def is_rule_file(path: str) -> bool:
    """Whether a file of the rules folder belongs to the rule set; schemas and documentation do not."""
    return path.endswith(".json") and not path.startswith("schema/")


def version_of(files: Mapping[str, str]) -> str:
    """The version of a rule set: the SHA-256, in hex, of its paths and exact texts, ordered by path."""
    digest = sha256()
    for path in sorted(files):
        for part in (path.encode(), files[path].encode()):
            # Each part is preceded by its length, so that no text can be mistaken for the next path.
            digest.update(f"{len(part)}:".encode())
            digest.update(part)
    return digest.hexdigest()


def _read(files: Mapping[str, str], *, were_accepted: bool = False) -> tuple[RuleSet | None, list[Problem]]:
    folder = _Folder(files, were_accepted)
    rule_set = folder.rule_set()
    problems = [problem for path in sorted(folder.reports) for problem in folder.reports[path].problems]
    return rule_set, problems


class _Folder:
    """The files of one set while they are read, with the problems found in each."""

    def __init__(self, files: Mapping[str, str], were_accepted: bool) -> None:
        self._were_accepted = were_accepted
        self.reports: dict[str, FileReport] = {}
        self.texts: dict[str, str] = {}
        self.roots: dict[str, Node] = {}
        self.is_too_large = True
        if len(files) > MAX_FILES and not self._report("").reject(
            TOP, f"{len(files)} files are too many for a rule set. At most {MAX_FILES} are allowed."
        ):
            return
        length = sum(len(text) for text in files.values() if len(text) <= MAX_BYTES)
        if length > MAX_SET_LENGTH and not self._report("").reject(
            TOP, f"The files have {length:,} characters; a rule set may have {MAX_SET_LENGTH:,}. Remove some."
        ):
            return
        self.is_too_large = False
        for path in sorted(files):
            if is_rule_file(path):
                self._scan(path, files[path])
            elif not path.startswith("schema/") and not path.endswith(".md"):
                self._report(path).warning(
                    TOP, "This is not a rule file and is ignored. Rule files end in .json."
                )

    def rule_set(self) -> RuleSet | None:
        if self.is_too_large:
            return None
        calendars = self._calendars()
        known_calendars = calendars if not self._has_errors(CALENDAR_FILE) else None
        slas = self._slas(known_calendars)
        are_valid = not self._has_errors(SLA_FILE)
        known = Declarations(
            type_keys=self._type_keys(),
            sla_ids=tuple(slas) if are_valid else None,
            calendar_ids=tuple(known_calendars) if known_calendars is not None else None,
        )
        types = self._types(known)
        known = replace(known, types={key: rules.type for key, rules in types.items()})
        coverage = self._coverage(COVERAGE_FILE, known)
        variants = {
            match.group(1): self._coverage(path, known)
            for path in self.roots
            if (match := VARIANT_PATH.fullmatch(path))
        }
        charging = self._charging(known)
        checks = self._invoice_checks(known)
        cards = {
            match.group(1): self._rate_card(path, match.group(1), known)
            for path in self.roots
            if (match := RATE_CARD_PATH.fullmatch(path))
        }
        self._check_required_files(types)
        if (
            coverage is None
            or charging is None
            or checks is None
            or any(report.has_errors for report in self.reports.values())
        ):
            return None
        warnings = tuple(problem for path in sorted(self.reports) for problem in self.reports[path].problems)
        return RuleSet(
            version=version_of(self.texts),
            files=MappingProxyType(dict(self.texts)),
            coverage=coverage,
            charging=charging,
            invoice_checks=checks,
            contract_types=MappingProxyType({key: rules.type for key, rules in types.items()}),
            slas=MappingProxyType(slas),
            calendars=MappingProxyType(calendars),
            rate_cards=MappingProxyType({name: card for name, card in cards.items() if card is not None}),
            variants=MappingProxyType({name: book for name, book in variants.items() if book is not None}),
            warnings=warnings,
            type_rules=MappingProxyType(types),
        )

    def _scan(self, path: str, text: str) -> None:
        report = self._report(path)
        if not _is_valid_path(path):
            report.error(TOP, f"{quoted(path)} is not a valid path for a rule file. {_suggest_path(path)}")
            return
        size_bytes = len(text.encode("utf-8", "replace"))
        if size_bytes > MAX_BYTES and not report.reject(TOP, too_large(size_bytes)):
            return
        self.texts[path] = report.text = strip_byte_order_mark(report, text)
        root = report.within_limit(lambda: scan(report))
        if root is not None:
            self.roots[path] = root

    def _report(self, path: str) -> FileReport:
        return self.reports.setdefault(path, FileReport(path, was_accepted=self._were_accepted))

    def _type_keys(self) -> tuple[str, ...]:
        return tuple(match.group(1) for path in sorted(self.texts) if (match := TYPE_PATH.fullmatch(path)))

    def _slas(self, calendars: Mapping[str, NamedCalendar] | None) -> dict[str, Sla]:
        root = self.roots.get(SLA_FILE)
        if root is None:
            return {}
        report = self._report(SLA_FILE)
        return report.within_limit(lambda: read_sla_file(report, root, calendars)) or {}

    def _has_errors(self, path: str) -> bool:
        return path in self.reports and self.reports[path].has_errors

    def _calendars(self) -> dict[str, NamedCalendar]:
        root = self.roots.get(CALENDAR_FILE)
        if root is None:
            return {}
        report = self._report(CALENDAR_FILE)
        return report.within_limit(lambda: read_calendar_file(report, root)) or {}

    def _rate_card(self, path: str, name: str, known: Declarations) -> RateCard | None:
        report, root = self._report(path), self.roots[path]
        return report.within_limit(lambda: read_rate_card(report, root, name, known))

    def _types(self, known: Declarations) -> dict[str, TypeRules]:
        types: dict[str, TypeRules] = {}
        for path, root in self.roots.items():
            match = TYPE_PATH.fullmatch(path)
            if match is not None:
                report = self._report(path)
                report.within_limit(partial(self._read_type, report, root, match.group(1), known, types))
        return types

    def _read_type(
        self, report: FileReport, root: Node, key: str, known: Declarations, types: dict[str, TypeRules]
    ) -> None:
        rules = read_contract_type_file(report, root, key, known)
        if rules is not None:
            self._check_unique_prefix(report, root, rules, types)
            types[rules.type.key] = rules

    def _check_unique_prefix(
        self, report: FileReport, root: Node, rules: TypeRules, types: Mapping[str, TypeRules]
    ) -> None:
        prefix = rules.type.number_prefix
        for other in types.values():
            if other.type.number_prefix == prefix and isinstance(root.value, dict):
                place = root.value["number_prefix"].place
                report.reject(
                    place, f'"{prefix}" is already the prefix of "{other.type.key}". Choose another.'
                )

    def _coverage(self, path: str, known: Declarations) -> CoverageBook | None:
        root = self.roots.get(path)
        if root is None:
            return None
        report = self._report(path)
        return report.within_limit(lambda: read_coverage_file(report, root, known))

    def _charging(self, known: Declarations) -> ChargingBook | None:
        root = self.roots.get(CHARGING_FILE)
        if root is not None:
            report = self._report(CHARGING_FILE)
            return report.within_limit(lambda: read_charging_file(report, root, known))
        if CHARGING_FILE not in self.reports:
            message = (
                "The file is missing, so time is charged as worked. Add it, with an empty list of rules."
            )
            self._report(CHARGING_FILE).warning(TOP, message)
        return ChargingBook()

    def _invoice_checks(self, known: Declarations) -> InvoiceCheckBook | None:
        root = self.roots.get(INVOICE_CHECK_FILE)
        if root is None:
            return InvoiceCheckBook()
        report = self._report(INVOICE_CHECK_FILE)
        return report.within_limit(lambda: read_invoice_check_file(report, root, known))

    def _check_required_files(self, types: Mapping[str, TypeRules]) -> None:
        if COVERAGE_FILE not in self.reports:
            message = "The file is missing. Add it: without coverage rules nothing can be decided."
            self._report(COVERAGE_FILE).error(TOP, message)
        if not types and not self._type_keys():
            self._report("contract_types").reject(
                TOP, "There is no contract type. Add a file for each to this folder."
            )


def _is_valid_path(path: str) -> bool:
    if path in SINGLE_FILES:
        return True
    match = TYPE_PATH.fullmatch(path) or VARIANT_PATH.fullmatch(path) or RATE_CARD_PATH.fullmatch(path)
    return match is not None and KEY.fullmatch(match.group(1)) is not None


def _suggest_path(path: str) -> str:
    folder, _, name = path.rpartition("/")
    if folder in FOLDERS:
        return f"Name it with {KEY_FORM}.json."
    if folder:
        places = f"{', '.join(f'{one}/' for one in FOLDERS[:-1])} or {FOLDERS[-1]}/"
        return f"Move it to {places}. {suggestion(folder, FOLDERS)}"
    return suggestion(printable(name), SINGLE_FILES)
