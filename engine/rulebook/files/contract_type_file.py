"""Reads and checks a contract type file, including its examples.

Source: product.md section 4.
"""

from re import compile as regex
from typing import Any, cast

from engine.contracts import (
    ALLOCATIONS,
    DRAWS,
    HOLDER_KINDS,
    LIMITS,
    METERED,
    ON_EXPIRY,
    Allocation,
    Borrow,
    CarryOver,
    ContractType,
    Defaults,
    Draws,
    HolderKind,
    LimitName,
    LimitUse,
)
from engine.rulebook.checks.lint import lint_type
from engine.rulebook.evaluation.contract_types import ContractFacts, TypeRules
from engine.rulebook.files.examples import MAX_TEXT, can_run_examples, engines_agree, example_nodes
from engine.rulebook.files.rule_reader import Declarations, RuleReader, read_sla_id
from engine.rulebook.syntax.problems import FileReport
from engine.rulebook.syntax.scanner import Node, quoted
from engine.rulebook.syntax.syntax_tree import Conditions, as_json, size
from engine.rulebook.syntax.typed_reader import (
    Fields,
    read_choice,
    read_list,
    read_name,
    read_object,
    read_text,
    read_whole_number,
    read_yes_no,
)
from engine.rulebook.vocabulary.registry import CONTRACT_TYPE, LARGEST_NUMBER, MAX_MINOR, MAX_MINUTES

KEY = regex(r"[a-z][a-z0-9_]{0,39}")
KEY_FORM = "lowercase letters, digits and _, at most 40, such as support_hours"
PREFIX = regex(r"[A-Z][A-Z0-9]{0,7}")
PREFIX_FORM = "capital letters and digits, at most 8, such as SH"
REQUIRED = (
    "key", "label", "description", "number_prefix", "held_by", "limits", "draws",
    "valid_when", "expires_when", "on_expiry",
)  # fmt: skip
OPTIONAL = (
    "$schema", "defaults", "allocation", "carry_over", "borrow", "exhaustion_alert_days", "examples",
)  # fmt: skip
MOST_ALERT_DAYS = 365
MOST_CARRY_OVER_MONTHS = 120
CAPS = ("cap_minutes", "cap_percent")
LIMIT_USES = ("required", "optional", "none")
DEFAULT_FACTS: dict[str, Any] = {
    "within_period": True,
    "period_over": False,
    "minutes_available": 0,
    "incidents_available": 0,
    "money_available": 0,
    "incidents_held": 0,
    "own_incident_held": False,
    "service_request_closed": False,
}


def read_contract_type_file(
    report: FileReport, root: Node, file_key: str, known: Declarations
) -> TypeRules | None:
    """The contract type of the file, after running its examples; None if there are errors.

    Only the service levels of `known` are used.
    """
    fields = read_object(report, root, REQUIRED, OPTIONAL)
    if fields is None:
        return None
    reader = _TypeReader(report, fields, known)
    rules = reader.type_rules(file_key)
    with report.examples():
        reader.examples(rules)
    return None if report.has_errors else rules


class _TypeReader:
    def __init__(self, report: FileReport, fields: Fields, known: Declarations) -> None:
        self.report = report
        self.fields = fields
        self.known = known

    def type_rules(self, file_key: str) -> TypeRules | None:
        report, fields = self.report, self.fields
        for key, maximum in (("$schema", MAX_TEXT), ("label", 60), ("description", 1000)):
            if key in fields:
                read_text(report, fields[key], maximum=maximum)
        self._key(file_key)
        prefix = (
            read_name(report, fields["number_prefix"], PREFIX, PREFIX_FORM)
            if "number_prefix" in fields
            else None
        )
        held_by = self._held_by()
        limits = self._limits()
        draws = self._choice("draws", DRAWS)
        on_expiry = self._choice("on_expiry", ON_EXPIRY)
        allocation = self._choice("allocation", ALLOCATIONS) or "once"
        valid_when = self._conditions("valid_when")
        expires_when = self._conditions("expires_when")
        defaults = self._defaults(limits)
        carry_over = self._carry_over(allocation)
        borrow = self._borrow(allocation)
        exhaustion_alert_days = self._exhaustion_alert_days(draws)
        self._check_consistency(limits, draws, allocation)
        if (
            report.has_errors
            or valid_when is None
            or expires_when is None
            or prefix is None
            or on_expiry is None
        ):
            return None
        contract_type = ContractType(
            key=file_key,
            label=str(fields["label"].value),
            description=str(fields["description"].value),
            number_prefix=prefix,
            held_by=held_by,
            limits=limits,
            defaults=defaults,
            valid_when=as_json(valid_when),
            expires_when=as_json(expires_when),
            draws=cast(Draws, draws),
            allocation=cast(Allocation, allocation),
            exhaustion_alert_days=exhaustion_alert_days,
            carry_over=carry_over,
            borrow=borrow,
        )
        places = (fields["valid_when"].place, fields["expires_when"].place)
        lint_type(report, valid_when, expires_when, *places)
        return TypeRules(contract_type, valid_when, expires_when)

    def examples(self, rules: TypeRules | None) -> None:
        """Read the examples and, if the type is valid, run them."""
        nodes = example_nodes(self.report, self.fields)
        if rules is not None:
            asked = len(nodes) * (size(rules.valid_when) + size(rules.expires_when))
            if not can_run_examples(self.report, self.fields, asked):
                return
        plain = rules.run_by("plain") if rules is not None else None
        for node in nodes:
            self._example(node, rules, plain)

    def _key(self, file_key: str) -> None:
        if "key" not in self.fields:
            return
        node = self.fields["key"]
        key = read_name(self.report, node, KEY, KEY_FORM)
        if key is not None and key != file_key:
            message = (
                f'"{key}" differs from the file\'s name. Write "{file_key}", or rename the file {key}.json.'
            )
            self.report.reject(node.place, message)

    def _held_by(self) -> tuple[HolderKind, ...]:
        if "held_by" not in self.fields:
            return ()
        node = self.fields["held_by"]
        elements = read_list(self.report, node, of="holders")
        if not elements and isinstance(node.value, list):
            self.report.warning(
                node.place,
                "The type allows no holder, so no contract of it can be created. Add "
                f"{', '.join(HOLDER_KINDS[:-1])} or {HOLDER_KINDS[-1]}.",
            )
        held_by: list[HolderKind] = []
        for element in elements:
            holder = cast(HolderKind | None, read_choice(self.report, element, HOLDER_KINDS, what="holder"))
            if holder in held_by:
                self.report.reject(element.place, f'"{holder}" is listed twice. Keep one.')
            elif holder is not None:
                held_by.append(holder)
        return tuple(held_by)

    def _limits(self) -> dict[LimitName, LimitUse]:
        if "limits" not in self.fields:
            return {}
        fields = read_object(self.report, self.fields["limits"], (), LIMITS)
        limits: dict[LimitName, LimitUse] = {}
        for limit in LIMITS:
            if fields is not None and limit in fields:
                use = read_choice(self.report, fields[limit], LIMIT_USES, what="use of a limit")
                if use in ("required", "optional"):
                    limits[limit] = cast(LimitUse, use)
        return limits

    def _choice(self, key: str, options: tuple[str, ...]) -> str | None:
        return read_choice(self.report, self.fields[key], options, what=key) if key in self.fields else None

    def _conditions(self, key: str) -> Conditions | None:
        if key not in self.fields:
            return None
        return RuleReader(self.report, CONTRACT_TYPE, self.known).conditions(self.fields[key])

    def _defaults(self, limits: dict[LimitName, LimitUse]) -> Defaults:
        """The defaults; null is the same as leaving one out."""
        if "defaults" not in self.fields:
            return Defaults()
        names = ("duration_months", "minutes", "incidents", "money", "price_minor", "sla")
        fields = read_object(self.report, self.fields["defaults"], (), names)
        if fields is None:
            return Defaults()
        numbers = {
            name: read_whole_number(self.report, fields[name], minimum=minimum, maximum=maximum)
            for name, minimum, maximum in (
                ("duration_months", 1, 1200),
                ("minutes", 1, MAX_MINUTES),
                ("incidents", 1, MAX_MINUTES),
                ("money", 1, MAX_MINOR),
                ("price_minor", 0, MAX_MINOR),
            )
            if name in fields and fields[name].value is not None
        }
        sla = None
        if "sla" in fields and fields["sla"].value is not None:
            sla = read_sla_id(self.report, fields["sla"], self.known)
        limited: tuple[tuple[str, LimitName], ...] = (
            ("duration_months", "period"), ("minutes", "minutes"), ("incidents", "incidents"),
            ("money", "money"),
        )  # fmt: skip
        for name, limit in limited:
            if numbers.get(name) is not None and limit not in limits:
                self.report.reject(
                    fields[name].place,
                    f"The type has no limit on {limit}. Add it to limits, or remove {name}.",
                )
        return Defaults(sla=sla, **numbers)

    def _exhaustion_alert_days(self, draws: str | None) -> int | None:
        """The days; null is the same as leaving them out."""
        if "exhaustion_alert_days" not in self.fields:
            return None
        node = self.fields["exhaustion_alert_days"]
        if node.value is None:
            return None
        if draws is not None and draws not in METERED:
            self.report.reject(
                node.place,
                'Only a type that draws "minutes" or "money" is projected. Remove exhaustion_alert_days.',
            )
        return read_whole_number(self.report, node, minimum=0, maximum=MOST_ALERT_DAYS)

    def _carry_over(self, allocation: str) -> CarryOver | None:
        """What is retained of a month's rest; null is the same as leaving it out: nothing is."""
        fields = self._of_months("carry_over", allocation, ("months",))
        if fields is None or fields.missing:
            return None
        months = read_whole_number(self.report, fields["months"], minimum=1, maximum=MOST_CARRY_OVER_MONTHS)
        caps = self._caps(fields)
        return CarryOver(months, *caps) if months is not None and caps is not None else None

    def _borrow(self, allocation: str) -> Borrow | None:
        """What a month may draw ahead; null is the same as leaving it out: nothing."""
        fields = self._of_months("borrow", allocation, ())
        if fields is None:
            return None
        caps = self._caps(fields)
        if caps == (None, None):
            self.report.error(
                fields.node.place, "How much may be drawn ahead is missing. Add cap_minutes or cap_percent."
            )
            return None
        return Borrow(*caps) if caps is not None else None

    def _of_months(self, key: str, allocation: str, required: tuple[str, ...]) -> Fields | None:
        """The members of a rule about months; None without one."""
        if key not in self.fields or self.fields[key].value is None:
            return None
        node = self.fields[key]
        if allocation != "monthly" and not self.report.reject(
            self.fields.node.key_place(key),
            f'Only a type with "allocation": "monthly" has months. Remove {key}.',
        ):
            return None
        return read_object(self.report, node, required, CAPS)

    def _caps(self, fields: Fields) -> tuple[int | None, int | None] | None:
        """The cap in minutes and the one in percent, of which one is None at least; None if unreadable."""
        limits = {"cap_minutes": MAX_MINUTES, "cap_percent": 100}
        given = {name: fields[name] for name in CAPS if name in fields and fields[name].value is not None}
        read = {
            name: read_whole_number(self.report, node, minimum=1, maximum=limits[name])
            for name, node in given.items()
        }
        if len(read) > 1:
            self.report.error(fields.node.place, "There are two caps. Remove cap_minutes or cap_percent.")
        if None in read.values() or len(read) > 1:
            return None
        return read.get("cap_minutes"), read.get("cap_percent")

    def _check_consistency(
        self, limits: dict[LimitName, LimitUse], draws: str | None, allocation: str
    ) -> None:
        """Check that the type is limited by what it draws, and that monthly allocation is possible."""
        if "limits" not in self.fields:
            return
        drawn: dict[str | None, LimitName] = {
            "minutes": "minutes",
            "incidents": "incidents",
            "money": "money",
        }
        if draws in drawn and limits.get(drawn[draws]) != "required":
            self.report.reject(
                self.fields["draws"].place,
                f'A type that draws {draws} must be limited by them. Write "{draws}": "required" in limits.',
            )
        if allocation == "monthly" and (draws != "minutes" or limits.get("period") != "required"):
            self.report.reject(
                self.fields["allocation"].place,
                'Monthly minutes need "draws": "minutes" and "period": "required" in limits.',
            )

    def _example(self, node: Node, rules: TypeRules | None, plain: TypeRules | None) -> None:
        report = self.report
        fields = read_object(report, node, ("name", "facts", "valid", "ended"))
        if fields is None:
            return
        name = read_text(report, fields["name"], maximum=MAX_TEXT) if "name" in fields else None
        facts = self._facts(fields["facts"]) if "facts" in fields else None
        expected = {key: read_yes_no(report, fields[key]) for key in ("valid", "ended") if key in fields}
        if rules is None or plain is None or facts is None or name is None or fields.missing:
            return
        outcome = _outcome(rules, facts)
        if not engines_agree(report, node.place, name, plain=_outcome(plain, facts), compiled=outcome):
            return
        ruled_out = rules.is_valid(facts)
        because = f" ({ruled_out.value or ruled_out.code})" if ruled_out else ""
        actual = {"valid": (ruled_out is None, because), "ended": (rules.has_ended(facts), "")}
        for key, (value, reason) in actual.items():
            if expected[key] is not None and expected[key] != value:
                report.error(
                    fields[key].place,
                    f"Example {quoted(name)} expects {key} {_describe(not value)}, but the result is "
                    f"{_describe(value)}{reason}. Correct the conditions or the example.",
                )

    def _facts(self, node: Node) -> ContractFacts | None:
        fields = read_object(self.report, node, (), tuple(DEFAULT_FACTS))
        if fields is None:
            return None
        values = dict(DEFAULT_FACTS)
        for name, member in fields.members.items():
            if CONTRACT_TYPE.variables[name].type == "yes_no":
                value: bool | int | None = read_yes_no(self.report, member)
            else:
                value = read_whole_number(self.report, member, minimum=0, maximum=LARGEST_NUMBER)
            if value is not None:
                values[name] = value
        return ContractFacts(**values)


def _outcome(rules: TypeRules, facts: ContractFacts) -> str:
    ruled_out = rules.is_valid(facts)
    because = f" because of {ruled_out.value or ruled_out.code}" if ruled_out else ""
    return f"valid {_describe(ruled_out is None)}{because} and ended {_describe(rules.has_ended(facts))}"


def _describe(value: bool) -> str:
    return "true" if value else "false"
