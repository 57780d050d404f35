"""What the words of the rule files are: variables, operators, actions. `registry` has them all."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

ValueType = Literal["text", "number", "yes_no", "instant", "duration"]
Scope = Literal["request", "contract", "work"]
Operand = Literal["text", "number", "none", "point", "around", "length"]
Value = str | int | bool | datetime | None


@dataclass(frozen=True, slots=True, eq=False)
class Operator:
    """One comparison of business-rules. `words` stand between a variable's label and the operand."""

    name: str
    operand: Operand
    words: str
    description: str


@dataclass(frozen=True, slots=True, eq=False)
class Variable:
    """One fact that conditions may name.

    `fact` is the attribute that holds it, of the request's facts (scope request), a candidate (contract) or
    the work (work); with `is_presence` the variable tells whether there is such a fact at all.
    With `options`, no other text can ever be its value. `may_be_empty` allows comparing with "". An instant
    that is empty never comes; a duration is the time since an instant, or with `is_ahead` the time until it.
    What `is_derived` follows from other facts, so that no example gives it. Numbers are 0 at least; `most` is
    the largest one there can be.
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
    most: int | None = None

    def read(self, subject: object) -> Value:
        """Its value for whatever the scope says it is read from."""
        value: Value = getattr(subject, self.fact)
        return value is not None if self.is_presence else value


@dataclass(frozen=True, slots=True)
class Param:
    """One parameter of an action."""

    name: str
    kind: Literal["text", "number", "yes_no", "contract_type", "contract_types", "sla", "time_expired"]
    description: str
    example: Any
    required: bool = False
    least: int = 0
    most: int = 0


@dataclass(frozen=True, slots=True)
class Action:
    """What a rule may do. With `needs_contract` its rule is asked of each contract, else once."""

    name: str
    label: str
    description: str
    needs_contract: bool = False
    params: tuple[Param, ...] = ()


@dataclass(frozen=True, slots=True)
class Vocabulary:
    """The words of one kind of rule file."""

    name: str
    variables: Mapping[str, Variable]
    actions: Mapping[str, Action]
