"""The types of the vocabulary: variables, operators, actions. `registry` declares all of them."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

ValueType = Literal["text", "number", "yes_no", "instant", "duration", "names"]
Scope = Literal["request", "contract", "work", "invoice"]
Operand = Literal["text", "number", "none", "point", "around", "length"]
Value = str | int | bool | datetime | frozenset[str] | None


@dataclass(frozen=True, slots=True, eq=False)
class Operator:
    """One comparison. In texts, `phrase` goes between a variable's label and the operand.

    Phrases are part of the reasons stored with decisions: changing one makes stored decisions differ.
    """

    name: str
    operand: Operand
    phrase: str
    description: str


@dataclass(frozen=True, slots=True, eq=False)
class Variable:
    """One fact that conditions may name.

    `fact` is the attribute to read, of the request's facts (scope request), a candidate (contract), the
    work (work) or an invoice (invoice); with `is_presence`, the variable says whether that fact is given.
    With `options`, no other text can be its value. `may_be_empty` allows comparison with "". An empty instant
    means never; a duration is the time since an instant or, with `is_ahead`, the time until it.
    A variable that `is_derived` follows from other facts, so examples do not give it. Numbers are at least 0;
    `maximum` is the largest possible one.
    """

    name: str
    type: ValueType
    scope: Scope
    label: str
    description: str
    example: Any
    fact: str
    options: tuple[str, ...] = ()
    may_be_empty: bool = False
    is_presence: bool = False
    is_ahead: bool = False
    is_derived: bool = False
    maximum: int | None = None

    def read(self, subject: object) -> Value:
        """Its value, read from the object that belongs to its scope."""
        value: Value = getattr(subject, self.fact)
        return value is not None if self.is_presence else value


ParamKind = Literal[
    "text", "number", "yes_no", "contract_type", "contract_types", "sla", "time_expired",
    "excluded_time", "day",
]  # fmt: skip


@dataclass(frozen=True, slots=True)
class Param:
    """One parameter of an action."""

    name: str
    kind: ParamKind
    description: str
    example: Any
    required: bool = False
    minimum: int = 0
    maximum: int = 0


@dataclass(frozen=True, slots=True)
class Action:
    """What a rule may do. With `needs_contract`, its rule is evaluated for each contract, otherwise once."""

    name: str
    label: str
    description: str
    needs_contract: bool = False
    params: tuple[Param, ...] = ()


@dataclass(frozen=True, slots=True)
class Vocabulary:
    """The variables and actions of one kind of rule file."""

    name: str
    variables: Mapping[str, Variable]
    actions: Mapping[str, Action]
