"""The examples of a coverage file: facts and contracts, and the decision expected of them."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any

from engine.contracts import HolderKind
from engine.facts import Candidate, RequestFacts, Standing
from engine.rulebook.compiled.coverage import RuleMatch
from engine.rulebook.evaluation.coverage import CoverageBook
from engine.rulebook.files.examples import MAX_TEXT, engines_agree
from engine.rulebook.files.operands import read_instant, read_time_zone
from engine.rulebook.files.rule_reader import Declarations
from engine.rulebook.syntax.problems import FileReport
from engine.rulebook.syntax.scanner import Node, quoted
from engine.rulebook.syntax.typed_reader import (
    Fields,
    read_choice,
    read_day,
    read_list,
    read_object,
    read_text,
    read_whole_number,
    read_yes_no,
)
from engine.rulebook.vocabulary.dates_and_durations import end_of_day, start_of_day
from engine.rulebook.vocabulary.registry import COVERAGE, LARGEST_NUMBER
from engine.rulebook.vocabulary.terms import Variable
from engine.service_requests import OUTCOMES, Outcome

OUTCOME_OF_ACTION: Mapping[str, Outcome] = {
    "cover_with": "covered",
    "wait_for": "waiting",
    "create_contract": "created",
    "offer_contracts": "offered",
    "refuse": "refused",
    "leave_uncovered": "uncovered",
}
GIVEN_VARIABLES = {name: one for name, one in COVERAGE.variables.items() if not one.is_derived}
REQUEST_VARIABLES = tuple(name for name, one in GIVEN_VARIABLES.items() if one.scope == "request")
CONTRACT_KEYS = ("id", "contract_holder", "contract_standing")
CONTRACT_VARIABLES = tuple(
    name for name, one in GIVEN_VARIABLES.items() if one.scope == "contract" and name not in CONTRACT_KEYS
)
CONTEXT_KEYS = ("at", "time_zone")
"""What an example may give besides variables: the instant of the decision, and the desk's time zone."""

DATES = ("created_on", "starts_on", "ends_on")
EXAMPLE_DAY = date(2026, 1, 1)
EXAMPLE_INSTANT = datetime(2026, 6, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Expected:
    """The decision an example expects."""

    outcome: str
    rule: str | None
    contract: str | None

    def __str__(self) -> str:
        rule = f'by rule "{self.rule}"' if self.rule else "by no rule"
        contract = f' with contract "{self.contract}"' if self.contract else ""
        return f"{self.outcome} {rule}{contract}"


class CoverageExample:
    """One example: facts and contracts, and the decision expected of them."""

    def __init__(self, report: FileReport, node: Node, known: Declarations) -> None:
        self.report = report
        self.known = known
        self.name = ""
        self.place = node.place
        self.request = example_request({})
        self.candidates: list[Candidate] = []
        self._ids: set[str] = set()
        self.expected = Expected("", None, None)
        fields = read_object(report, node, ("name", "facts", "decision"), ("contracts",))
        if fields is None:
            return
        if "name" in fields:
            self.name = read_text(report, fields["name"], maximum=MAX_TEXT) or ""
        if "facts" in fields:
            self._request(fields["facts"])
        if "contracts" in fields:
            for element in read_list(report, fields["contracts"], of="contracts"):
                self._contract(element)
        if "decision" in fields:
            self.place = fields["decision"].place
            self._decision(fields["decision"])

    def run(self, book: CoverageBook) -> None:
        """Report a problem unless both engines decide as expected."""
        actual = _decided(book.compiled.decide(self.request, self.candidates), self.request)
        plain = _decided(book.plain.decide(self.request, self.candidates), self.request)
        agree = engines_agree(self.report, self.place, self.name, plain=plain, compiled=actual)
        if agree and actual != self.expected:
            self.report.error(
                self.place,
                f"Example {quoted(self.name)} expects {self.expected}, but the result is {actual}. "
                "Correct the rules or the example.",
            )

    def _request(self, node: Node) -> None:
        fields = read_object(self.report, node, (), (*REQUEST_VARIABLES, *CONTEXT_KEYS))
        if fields is None:
            return
        values = self._values(fields)
        if "at" in fields:
            values["at"] = read_instant(self.report, fields["at"]) or EXAMPLE_INSTANT
        if "time_zone" in fields:
            values["time_zone"] = read_time_zone(self.report, fields["time_zone"]) or "UTC"
        for has, owned in (("has_item", ("item", "item_type")), ("has_org_unit", ("org_unit",))):
            for name in owned:
                if values.get(has) is False and name in fields:
                    self.report.error(
                        fields[name].place, f"{name} cannot be given if {has} is false. Remove one."
                    )
        self.request = example_request(values)

    def _contract(self, node: Node) -> None:
        fields = read_object(self.report, node, CONTRACT_KEYS, (*DATES, *CONTRACT_VARIABLES))
        if fields is None:
            return
        values = self._values(fields)
        days = {key: read_day(self.report, fields[key]) for key in DATES if key in fields}
        id = read_text(self.report, fields["id"], maximum=MAX_TEXT) if "id" in fields else None
        if id is None or not values.keys() >= {"contract_holder", "contract_standing"}:
            return
        if id in self._ids:
            self.report.error(fields["id"].place, f"Contract {quoted(id)} is listed twice. Rename one.")
        if values["contract_holder"] == "service_request":
            self.report.error(
                fields["contract_holder"].place,
                "A contract of the service request itself takes precedence over all rules. Leave it out.",
            )
        self._ids.add(id)
        self.candidates.append(example_candidate(id, values, days, self.request.time_zone))

    def _values(self, fields: Fields) -> dict[str, Any]:
        """The valid values of those members that are variables."""
        read = {
            name: self._value(member, COVERAGE.variables[name])
            for name, member in fields.members.items()
            if name in COVERAGE.variables
        }
        return {name: value for name, value in read.items() if value is not None}

    def _value(self, node: Node, variable: Variable) -> str | int | bool | datetime | None:
        if variable.type == "instant":
            return read_instant(self.report, node)
        if variable.type == "yes_no":
            return read_yes_no(self.report, node)
        if variable.type == "number":
            return read_whole_number(self.report, node, minimum=0, maximum=LARGEST_NUMBER)
        if variable.name == "contract_type":
            return read_choice(self.report, node, self.known.type_keys, what="contract type")
        if variable.options:
            return read_choice(self.report, node, variable.options, what=variable.label)
        return read_text(self.report, node, maximum=MAX_TEXT, minimum=0)

    def _decision(self, node: Node) -> None:
        fields = read_object(self.report, node, ("outcome", "rule"), ("contract",))
        if fields is None:
            return
        outcome = None
        if "outcome" in fields:
            outcome = read_choice(self.report, fields["outcome"], OUTCOMES, what="outcome")
        rule = self._text_or_null(fields.get("rule"))
        contract = self._text_or_null(fields.get("contract"))
        self.expected = Expected(outcome or "", rule, contract)

    def _text_or_null(self, node: Node | None) -> str | None:
        if node is None or node.value is None:
            return None
        return read_text(self.report, node, maximum=MAX_TEXT)


def example_request(values: Mapping[str, Any]) -> RequestFacts:
    """A service request with an example's facts, and defaults for the others."""
    has_item = values.get("has_item", True)
    has_org_unit = values.get("has_org_unit", True)
    return RequestFacts(
        at=values.get("at", EXAMPLE_INSTANT),
        contract_validation=values.get("contract_validation", True),
        customer=values.get("customer", "example-customer"),
        item=values.get("item", "example-item") if has_item else None,
        item_type=values.get("item_type") if has_item else None,
        org_unit=values.get("org_unit", "example-org-unit") if has_org_unit else None,
        priority=values.get("priority", "normal"),
        work_type=values.get("work_type"),
        channel=values.get("channel"),
        logged_at=values.get("logged_at"),
        time_zone=values.get("time_zone", "UTC"),
    )


def example_candidate(
    id: str, values: Mapping[str, Any], days: Mapping[str, date | None], time_zone: str = "UTC"
) -> Candidate:
    """A contract with an example's values; the others are empty, 0 or false."""
    holder: HolderKind = values["contract_holder"]
    standing: Standing = values["contract_standing"]
    ends_on = days.get("ends_on") or (date(2026, 12, 31) if values.get("contract_has_end") else None)
    return Candidate(
        contract=id,
        number=values.get("contract_number", id),
        type=values.get("contract_type", ""),
        holder_kind=holder,
        holder_id=f"example-{holder}",
        distance=values.get("org_unit_distance", 1 if holder == "org_unit" else 0),
        state="pending" if standing == "pending" else "expired" if standing == "ended" else "active",
        pending_reason=values.get(
            "contract_pending_reason", "awaiting_start" if standing == "pending" else None
        ),
        created_at=start_of_day(days.get("created_on") or EXAMPLE_DAY, time_zone),
        starts_at=start_of_day(days.get("starts_on") or EXAMPLE_DAY, time_zone),
        expires_at=end_of_day(ends_on, time_zone) if ends_on else None,
        standing=standing,
        minutes_available=values.get("contract_minutes_available", 0),
        incidents_available=values.get("contract_incidents_available", 0),
        money_available=values.get("contract_money_available", 0),
        own_incident_held=values.get("contract_holds_incident", False),
    )


def _decided(found: RuleMatch, request: RequestFacts) -> Expected:
    rule, candidate = found
    if rule is None:
        return Expected("refused" if request.contract_validation else "uncovered", None, None)
    return Expected(OUTCOME_OF_ACTION[rule.action.name], rule.id, candidate.contract if candidate else None)
