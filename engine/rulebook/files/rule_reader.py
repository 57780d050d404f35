"""Reads the rules of a file: conditions, actions and parameters, checking each name against the registry."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from re import compile as regex
from typing import Any

from engine.contracts import EXCLUDED_TIME, TIME_EXPIRED, ContractType
from engine.rulebook.files.operands import read_around, read_day_text, read_length, read_point
from engine.rulebook.syntax.problems import FileReport
from engine.rulebook.syntax.scanner import Node, UnreadableValue, quoted
from engine.rulebook.syntax.syntax_tree import AllOf, AnyOf, Condition, Conditions, Rule, rule
from engine.rulebook.syntax.typed_reader import (
    nearest,
    read_choice,
    read_list,
    read_members,
    read_name,
    read_object,
    read_text,
    read_whole_number,
    read_yes_no,
    shown,
)
from engine.rulebook.vocabulary.dates_and_durations import TimeValue
from engine.rulebook.vocabulary.operators import OPERATORS
from engine.rulebook.vocabulary.registry import LARGEST_NUMBER
from engine.rulebook.vocabulary.terms import Action, Operator, Param, Variable, Vocabulary

MAX_DEPTH = 20
MAX_RULES = 2000
MAX_TEXT = 200
MAX_WHY = 500
EXCLUDED = "way of handling excluded time"
RESERVED_IDS = ("own-contract", "no-rule", "assigned")
ID = regex(r"[a-z0-9][a-z0-9_-]{0,63}")
ID_FORM = "lowercase letters, digits, - and _, at most 64, such as item-valid"


@dataclass(frozen=True, slots=True)
class Declarations:
    """What the other files of the set declare.

    Problems of those files are not reported again where their names are used: a contract type with an invalid
    file has a key but no entry in `types`; `sla_ids` and `calendar_ids` are None if their file is invalid.
    """

    type_keys: Collection[str] = ()
    types: Mapping[str, ContractType] = field(default_factory=dict)
    sla_ids: Collection[str] | None = ()
    calendar_ids: Collection[str] | None = ()


class RuleReader:
    """Reads the rules of one file, using its vocabulary."""

    def __init__(self, report: FileReport, vocabulary: Vocabulary, known: Declarations) -> None:
        self.report = report
        self.vocabulary = vocabulary
        self.known = known

    def rules(self, node: Node) -> tuple[Rule, ...]:
        """The valid rules of a list; problems of the others are reported."""
        elements = read_list(self.report, node, of="rules")
        if len(elements) > MAX_RULES and not self.report.reject(
            node.place, f"{len(elements)} rules are too many. At most {MAX_RULES} are allowed."
        ):
            return ()
        seen: dict[str, Node] = {}
        rules = [self._rule(element, seen) for element in elements]
        return tuple(one for one in rules if one is not None)

    def conditions(self, node: Node, depth: int = 1) -> Conditions | None:
        """A condition, or `all` or `any` of some."""
        members = read_members(self.report, node)
        if "all" not in members and "any" not in members:
            return self._condition(node) if isinstance(node.value, dict) else None
        if len(members) > 1:
            names = ", ".join(quoted(name) for name in list(members)[:5])
            self.report.error(node.place, f"{names} are in the same object. Use all or any as its only key.")
            return None
        ((joint, parts_node),) = members.items()
        if depth > MAX_DEPTH and not self.report.reject(
            node.place, f"Conditions are nested deeper than {MAX_DEPTH} levels. Flatten them."
        ):
            return None
        elements = read_list(self.report, parts_node, of="conditions")
        if not elements and isinstance(parts_node.value, list):
            self.report.error(parts_node.place, f'"{joint}" is empty. Add a condition, or remove the rule.')
        parts = [self.conditions(element, depth + 1) for element in elements]
        valid_parts = tuple(part for part in parts if part is not None)
        if not valid_parts or len(valid_parts) < len(parts):
            return None
        return AllOf(valid_parts) if joint == "all" else AnyOf(valid_parts)

    def _rule(self, node: Node, seen: dict[str, Node]) -> Rule | None:
        fields = read_object(self.report, node, ("id", "why", "conditions", "actions"))
        if fields is None:
            return None
        id = self._id(fields["id"], seen) if "id" in fields else None
        why = read_text(self.report, fields["why"], maximum=MAX_WHY) if "why" in fields else None
        conditions = self.conditions(fields["conditions"]) if "conditions" in fields else None
        taken = self._action(fields["actions"]) if "actions" in fields else None
        if "conditions" in fields and taken is not None and not taken[0].needs_contract:
            self._check_request_only(fields["conditions"], taken[0])
        if id is None or why is None or conditions is None or taken is None:
            return None
        return rule(id, why, conditions, *taken)

    def _id(self, node: Node, seen: dict[str, Node]) -> str | None:
        id = read_name(self.report, node, ID, ID_FORM)
        if id is None:
            return None
        if id in RESERVED_IDS:
            self.report.reject(node.place, f'"{id}" is reserved. Choose another.')
        if id in seen:
            line, _ = self.report.line_and_column(seen[id].start)
            self.report.reject(
                node.place, f'The id "{id}" is already used by the rule on line {line}. Choose another.'
            )
        seen.setdefault(id, node)
        return id

    def _condition(self, node: Node) -> Condition | None:
        fields = read_object(self.report, node, ("name", "operator"), ("value",))
        if fields is None or "name" not in fields:
            return None
        variables = self.vocabulary.variables
        name = read_choice(self.report, fields["name"], variables, what="variable")
        if name is None or "operator" not in fields:
            return None
        variable = variables[name]
        operator = self._operator(fields["operator"], variable)
        if operator is None:
            return None
        value_node = fields.get("value")
        if operator.operand == "none":
            self._check_no_value(value_node, operator)
            return Condition(variable, operator)
        if value_node is None:
            self.report.error(node.place, f'"value" is missing: what {name} is compared with. Add it.')
            return None
        value = self._value(value_node, variable, operator)
        return None if value is None else Condition(variable, operator, value)

    def _value(self, node: Node, variable: Variable, operator: Operator) -> str | int | TimeValue | None:
        match operator.operand:
            case "number":
                return read_whole_number(self.report, node, minimum=-LARGEST_NUMBER, maximum=LARGEST_NUMBER)
            case "point":
                return read_point(self.report, node)
            case "around":
                return read_around(self.report, node)
            case "length":
                return read_length(self.report, node)
        return self._text_value(node, variable, operator)

    def _operator(self, node: Node, variable: Variable) -> Operator | None:
        operators = OPERATORS[variable.type]
        if node.value == "matches_regex":
            self.report.error(
                node.place, "matches_regex is not supported: a pattern can hang. Use contains or starts_with."
            )
            return None
        name = read_choice(self.report, node, operators, what=f"operator of {variable.name}")
        return None if name is None else operators[name]

    def _check_no_value(self, node: Node | None, operator: Operator) -> None:
        # The form of business-rules has a value even here, so harmless ones are accepted.
        if node is None or node.value is None or node.value is True or node.value == "":
            return
        if node.value is False:
            self.report.warning(
                node.place, f"{operator.name} takes no value, so this false has no effect. Remove it."
            )
        elif not isinstance(node.value, UnreadableValue):
            self.report.reject(node.place, f"{operator.name} takes no value. Remove {shown(node.value)}.")

    def _text_value(self, node: Node, variable: Variable, operator: Operator) -> str | None:
        text = read_text(self.report, node, maximum=MAX_TEXT, minimum=0)
        if text is None:
            return None
        if text == "":
            if variable.may_be_empty and operator.name in ("equal_to", "not_equal_to"):
                return text
            instead = "Use non_empty to ask for any value" if variable.may_be_empty else "Write a value"
            is_accepted = self.report.reject(node.place, f"Empty text has no meaning here. {instead}.")
            return text if is_accepted else None
        if variable.type == "names":
            return self._calendar_id(node, text)
        options = self.known.type_keys if variable.name == "contract_type" else variable.options
        if operator.name in ("equal_to", "not_equal_to") and options and text not in options:
            is_accepted = self.report.reject(
                node.place, f"{variable.name} is never {quoted(text)}. {nearest(self.report, text, options)}"
            )
            return text if is_accepted else None
        return text

    def _calendar_id(self, node: Node, text: str) -> str | None:
        known = self.known.calendar_ids
        if known is None or text in known:
            return text
        is_accepted = self.report.reject(
            node.place,
            f"{quoted(text)} is not a calendar of calendars.json. {nearest(self.report, text, known)}",
        )
        return text if is_accepted else None

    def _action(self, node: Node) -> tuple[Action, dict[str, Any]] | None:
        elements = read_list(self.report, node, of="actions")
        if len(elements) != 1:
            if isinstance(node.value, list):
                self.report.error(
                    node.place, f"A rule has exactly one action, but this one has {len(elements)}. Keep one."
                )
            return None
        fields = read_object(self.report, elements[0], ("name",), ("params",))
        if fields is None or "name" not in fields:
            return None
        actions = self.vocabulary.actions
        name = read_choice(self.report, fields["name"], actions, what="action")
        if name is None:
            return None
        action = actions[name]
        params_node = fields.get("params")
        if params_node is None:
            for param in action.params:
                if param.required:
                    self.report.error(
                        elements[0].place, f'{name} needs "params" with "{param.name}". Add it.'
                    )
            return action, {}
        return action, self._params(params_node, action)

    def _params(self, node: Node, action: Action) -> dict[str, Any]:
        required = [param.name for param in action.params if param.required]
        optional = [param.name for param in action.params if not param.required]
        fields = read_object(self.report, node, required, optional)
        if fields is None:
            return {}
        params: dict[str, Any] = {}
        for param in action.params:
            if param.name in fields:
                value = self._param(fields[param.name], param)
                if value is not None:
                    params[param.name] = value
        if action.name == "create_contract" and "type" in params:
            self._check_terms(node, params)
        return params

    def _param(self, node: Node, param: Param) -> Any:
        report = self.report
        match param.kind:
            case "text":
                return read_text(report, node, maximum=MAX_WHY)
            case "number":
                return read_whole_number(report, node, minimum=param.minimum, maximum=param.maximum)
            case "yes_no":
                return read_yes_no(report, node)
            case "contract_type":
                return read_choice(report, node, self.known.type_keys, what="contract type")
            case "contract_types":
                return self._contract_types(node)
            case "sla":
                return read_sla_id(report, node, self.known)
            case "time_expired":
                return read_choice(report, node, TIME_EXPIRED, what="way of handling expired time")
            case "excluded_time":
                return read_choice(report, node, EXCLUDED_TIME, what=EXCLUDED)
            case "day":
                return read_day_text(report, node)

    def _contract_types(self, node: Node) -> list[str] | None:
        elements = read_list(self.report, node, of="contract types")
        if not elements:
            if isinstance(node.value, list):
                self.report.error(node.place, "The list is empty. Name the types to choose from.")
            return None
        keys: list[str] = []
        for element in elements:
            key = read_choice(self.report, element, self.known.type_keys, what="contract type")
            if key in keys:
                self.report.reject(element.place, f'"{key}" is listed twice. Keep one.')
            elif key is not None:
                keys.append(key)
        return keys

    def _check_terms(self, node: Node, params: Mapping[str, Any]) -> None:
        """Report terms that the type to be created cannot have."""
        contract_type = self.known.types.get(params["type"])
        if contract_type is None or not isinstance(node.value, dict):
            return
        if "service_request" not in contract_type.held_by:
            self.report.reject(
                node.value["type"].place,
                f'A contract of type "{contract_type.key}" cannot be held by a service request. '
                "Offer it with offer_contracts, or name a type whose held_by has service_request.",
            )
        for term, limit in (
            ("duration_months", "period"),
            ("minutes", "minutes"),
            ("incidents", "incidents"),
            ("money_minor", "money"),
        ):
            if term in params and limit not in contract_type.limits:
                self.report.reject(
                    node.value[term].place,
                    f'Type "{contract_type.key}" has no limit on {limit}. Remove {term}, or change the type.',
                )
        drawn = contract_type.draws
        term = "money_minor" if drawn == "money" else drawn
        is_missing = term not in params and drawn != "nothing"
        if is_missing and getattr(contract_type.defaults, drawn) is None:
            self.report.reject(
                node.value["type"].place,
                f'Type "{contract_type.key}" needs {drawn} and has no default. Add {term}.',
            )

    def _check_request_only(self, node: Node, action: Action) -> None:
        for name_node in _names(node):
            name = name_node.value
            variable = self.vocabulary.variables.get(name) if isinstance(name, str) else None
            if variable is not None and variable.scope == "contract":
                self.report.reject(
                    name_node.place,
                    f"{action.name} needs no contract, so its rule is evaluated without one, and "
                    f"{variable.name} has no value there. Remove this condition, or use cover_with or "
                    "wait_for.",
                )


def read_sla_id(report: FileReport, node: Node, known: Declarations) -> str | None:
    """The id of a service level declared in slas.json."""
    if known.sla_ids is None:
        return read_text(report, node, maximum=MAX_TEXT)
    return read_choice(report, node, known.sla_ids, what="service level of slas.json")


def _names(node: Node) -> list[Node]:
    """The variable names in conditions, valid or not."""
    if not isinstance(node.value, dict):
        return []
    names = [node.value["name"]] if "name" in node.value else []
    for joint in ("all", "any"):
        parts = node.value.get(joint)
        if parts is not None and isinstance(parts.value, list):
            names += [name for part in parts.value for name in _names(part)]
    return names
