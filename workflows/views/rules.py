"""Rule sets and contract types as they are shown."""

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from workflows.views import MoneyView


@dataclass(frozen=True, slots=True)
class PublicationView:
    """One time that a rule set took force. `version` is the hash of its files."""

    version: str
    note: str
    published_by: str
    published_at: datetime
    in_force: bool


@dataclass(frozen=True, slots=True)
class RuleSetView:
    """A rule set and its newest publication; `files` are texts by their path in the rules folder."""

    version: str
    files: dict[str, str]
    note: str
    published_by: str
    published_at: datetime
    in_force: bool


@dataclass(frozen=True, slots=True)
class ProblemView:
    """One place in a rule file, `line` and `column` from 1, and what is wrong there."""

    file: str
    line: int
    column: int
    pointer: str
    severity: Literal["error", "warning"]
    message: str


@dataclass(frozen=True, slots=True)
class CheckView:
    """What the checker found. `ok` is false on errors, not on warnings."""

    ok: bool
    problems: list[ProblemView]


@dataclass(frozen=True, slots=True)
class TypeDefaultsView:
    """What a contract of the type gets where the seller says nothing; `price` is kept from technicians."""

    duration_months: int | None
    minutes: int | None
    incidents: int | None
    price: MoneyView | None
    sla: str | None


@dataclass(frozen=True, slots=True)
class CarryOverView:
    """How much of a month's minutes lives on, and for how many months."""

    months: int
    cap_minutes: int | None
    cap_percent: int | None


@dataclass(frozen=True, slots=True)
class ContractTypeView:
    """One contract type of the rules in force."""

    key: str
    label: str
    description: str
    number_prefix: str
    held_by: list[str]
    limits: dict[str, str]
    draws: str
    allocation: str
    defaults: TypeDefaultsView
    carry_over: CarryOverView | None
