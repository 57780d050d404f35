"""Random checked rules and random facts, both from few values, so that rules match often."""

from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta
from typing import Any

from hypothesis import strategies as st

from engine.contracts import HOLDER_KINDS
from engine.facts import Candidate, RequestFacts
from engine.rulebook import ChargingFacts, ContractFacts
from engine.rulebook.compiled.rank import RANK_CRITERIA
from engine.rulebook.syntax.syntax_tree import AllOf, AnyOf, Condition, Conditions, Rule, rule
from engine.rulebook.vocabulary.dates_and_durations import Around, Length
from engine.rulebook.vocabulary.operators import OPERATORS
from engine.rulebook.vocabulary.terms import Variable, Vocabulary
from engine.service_requests import PRIORITIES
from tests.rules.effort import how_many

CASES = how_many("COVERDESK_RANDOM_RULE_SETS", usual=500, in_ci=100)
"""The number of random rule sets; each is evaluated for several service requests."""

ZONES = ["UTC", "Europe/Berlin", "America/Sao_Paulo", "Pacific/Apia"]
TEXTS = ["a", "A", "ab", "b", "é", "i-1", "N-1", "travel", "subscription", "on_site"]
PARTS = ["a", "A", "b", "-", "on", "É", "sub", "SITE"]
NUMBERS = [-1, 0, 1, 2, 12, 59, 60, 10**12]
DAYS = [date(2026, 3, 28), date(2026, 3, 29), date(2026, 3, 30), date(2018, 11, 4), date(2199, 12, 31)]
NOON = datetime(2026, 3, 29, 12, tzinfo=UTC)
INSTANTS = [
    NOON,
    NOON - timedelta(days=1),
    NOON + timedelta(days=1),
    NOON - timedelta(hours=23),
    NOON + timedelta(hours=25),
    NOON + timedelta(microseconds=1),
    datetime(2026, 3, 28, 23, tzinfo=UTC),
    datetime(2026, 3, 29, tzinfo=UTC),
    datetime(2026, 3, 29, 1, tzinfo=UTC),
    datetime(2018, 11, 4, 3, tzinfo=UTC),
    datetime(2026, 3, 30, tzinfo=UTC),
]
instants = st.sampled_from(INSTANTS)
texts = st.sampled_from(TEXTS)
numbers = st.sampled_from(NUMBERS)


@st.composite
def condition(draw: st.DrawFn, variables: Mapping[str, Variable]) -> Condition:
    variable = draw(st.sampled_from(list(variables.values())))
    operator = draw(st.sampled_from(list(OPERATORS[variable.type].values())))
    value: Any = None
    match operator.operand:
        case "text":
            value = _text(draw, variable, operator.name)
        case "number":
            value = draw(numbers)
        case "point":
            value = draw(st.sampled_from([*DAYS, *(one for one in INSTANTS if not one.microsecond)]))
        case "around":
            value = Around(draw(st.sampled_from(DAYS)), draw(st.sampled_from([0, 1, 3660])))
        case "length":
            value = Length(*(draw(st.sampled_from(few)) for few in ([0, 1, 36_600], [0, 1, 23], [0, 60])))
    return Condition(variable, operator, value)


def _text(draw: st.DrawFn, variable: Variable, operator: str) -> str:
    if operator in ("equal_to", "not_equal_to"):
        options = list(variable.options or TEXTS)
        return draw(st.sampled_from([*options, ""] if variable.may_be_empty else options))
    return draw(st.sampled_from([*PARTS, *variable.options[:2]]))


def conditions(variables: Mapping[str, Variable]) -> st.SearchStrategy[Conditions]:
    parts: st.SearchStrategy[Conditions] = condition(variables)
    return st.recursive(
        parts,
        lambda inner: (
            st.lists(inner, min_size=1, max_size=3).map(lambda some: AllOf(tuple(some)))
            | st.lists(inner, min_size=1, max_size=3).map(lambda some: AnyOf(tuple(some)))
        ),
        max_leaves=5,
    )


@st.composite
def rules(draw: st.DrawFn, vocabulary: Vocabulary, most: int = 10) -> tuple[Rule, ...]:
    everything = conditions(vocabulary.variables)
    of_request = {name: one for name, one in vocabulary.variables.items() if one.scope != "contract"}
    without_contract = conditions(of_request)
    made = []
    for number in range(draw(st.integers(0, most))):
        action = draw(st.sampled_from(list(vocabulary.actions.values())))
        params = {param.name: param.example for param in action.params if param.required}
        asked = draw(everything if action.needs_contract else without_contract)
        made.append(rule(f"r{number}", "Because.", asked, action, params))
    return tuple(made)


ranks = st.lists(
    st.sampled_from(list(RANK_CRITERIA)), max_size=3, unique_by=lambda name: name.partition("_")[0]
).map(tuple)
requests = st.builds(
    RequestFacts,
    at=instants,
    contract_validation=st.booleans(),
    customer=texts,
    item=st.none() | texts,
    item_type=st.none() | texts | st.just(""),
    org_unit=st.none() | texts,
    priority=st.sampled_from(PRIORITIES),
    work_type=st.none() | texts | st.just(""),
    channel=st.none() | texts,
    logged_at=st.none() | instants,
    time_zone=st.sampled_from(ZONES),
)


@st.composite
def candidates(draw: st.DrawFn, most: int = 5) -> list[Candidate]:
    """Contracts that differ in their ids and little else, to produce ties."""
    few = draw(st.integers(0, most))
    return [draw(_candidates)._replace(contract=f"c{number}") for number in range(few)]


_candidates = st.builds(
    Candidate,
    contract=texts,
    number=texts,
    type=texts,
    holder_kind=st.sampled_from([kind for kind in HOLDER_KINDS if kind != "service_request"]),
    holder_id=texts,
    distance=st.integers(0, 2),
    state=st.just("active"),
    pending_reason=st.sampled_from([None, "awaiting_start", "awaiting_payment"]),
    created_at=st.sampled_from(INSTANTS[:2]),
    starts_at=st.sampled_from(INSTANTS[:3]),
    expires_at=st.none() | instants,
    standing=st.sampled_from(["valid", "pending", "ended", "excluded"]),
    minutes_available=st.sampled_from([0, 1, 59, 60, 61]),
    incidents_available=st.sampled_from([0, 1, 2]),
    money_available=st.sampled_from([0, 1, 9_999, 10_000]),
    own_incident_held=st.booleans(),
)
contract_facts = st.builds(
    ContractFacts,
    within_period=st.booleans(),
    period_over=st.booleans(),
    minutes_available=st.sampled_from([0, 1, 59, 60, 61]),
    incidents_available=st.sampled_from([0, 1, 2]),
    incidents_held=st.sampled_from([0, 1, 2]),
    money_available=st.sampled_from([0, 1, 9_999, 10_000]),
    own_incident_held=st.booleans(),
    service_request_closed=st.booleans(),
)
charging_facts = st.builds(
    ChargingFacts,
    work_type=st.none() | texts | st.just(""),
    priority=st.none() | st.sampled_from(PRIORITIES),
    role=st.none() | texts,
    channel=st.none() | texts,
    worked_weekday=st.sampled_from([None, "monday", "saturday"]),
    worked_hour=st.sampled_from([0, 1, 2, 12, 23]),
    item_type=st.none() | texts,
    calendars=st.frozensets(texts),
)
