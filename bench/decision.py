"""A coverage decision: the compiled rules against hand-written Python and against business-rules itself.

First the rules only, from contracts with their standing to the matching rule and its contract; then the
whole of `find_coverage`, from contracts as fetched to a decision with all its reasons.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from random import Random

from bench import handwritten
from bench.databases import Databases
from bench.options import Options
from bench.rounds import Result, alternate
from engine.contracts import Contract, Holder, HolderKind, Limits
from engine.coverage import CandidateContract, find_coverage, judge
from engine.facts import Candidate, RequestFacts
from engine.rulebook import CoverageBook, RuleSet, load_rule_set
from workflows.rule_sets.folder import read_rules_folder

RULES = Path(__file__).parents[1] / "rules"
NOW = datetime(2026, 3, 2, 9, tzinfo=UTC)
DAY = timedelta(days=1)
MOST = 12
DECISIONS = 13 * 12
REPEATS, WHOLE_REPEATS = 100, 5
"""How often the cases are decided per round: a single microsecond cannot be measured."""
RANDOM_CASES = 10_000
HAND_GOAL = 1.25
MIXED_GOAL, NOTHING_COVERS_GOAL = 20.0, 45.0
HOLDERS: tuple[tuple[HolderKind, int], ...] = (("item", 0), ("customer", 0), ("org_unit", 1), ("org_unit", 2))
TYPES = ("subscription", "support_hours", "time_limited_subscription", "incident_pack")


@dataclass(frozen=True, slots=True)
class Case:
    """A service request with its candidate contracts, and the same contracts with their standing."""

    request: RequestFacts
    held: list[CandidateContract]
    candidates: list[Candidate]


def measure(_: Databases, options: Options) -> Iterator[Result]:
    """Measure both sets of cases, then count random cases that are decided differently."""
    rules = load_rule_set(read_rules_folder(RULES))
    for name, cases, goal in (
        (f"a decision, 0 to {MOST} contracts", mixed(rules), MIXED_GOAL),
        (f"a decision, {MOST} and nothing covers", nothing_covers(rules), NOTHING_COVERS_GOAL),
    ):
        yield from _rules_alone(name, rules.coverage, cases, goal, options)
        yield from _whole(name.replace("a decision", "find_coverage"), rules, cases, options)
    yield _differing(rules)


def mixed(rules: RuleSet) -> list[Case]:
    """Return the same number of cases for each number of contracts; three in ten contracts are valid."""
    random = Random(20260302)
    return [_case(rules, random, number % (MOST + 1), "vvvppeeexx") for number in range(DECISIONS)]


def nothing_covers(rules: RuleSet) -> list[Case]:
    """Return cases in which every contract has ended or excludes the request."""
    random = Random(20260303)
    return [_case(rules, random, MOST, "eeex") for _ in range(DECISIONS)]


def _case(rules: RuleSet, random: Random, contracts: int, standings: str) -> Case:
    request = RequestFacts(
        at=NOW,
        contract_validation=random.random() < 0.8,
        customer="ann",
        item="printer",
        org_unit="berlin",
        service_request="SR-1",
    )
    held = [_held(random, number, random.choice(standings)) for number in range(contracts)]
    return Case(request, held, [judge(one, request, rules) for one in held])


def _held(random: Random, number: int, standing: str) -> CandidateContract:
    """Return a contract that is valid (v), pending (p), ended (e) or excludes the request (x)."""
    holder, distance = random.choice(HOLDERS)
    type_key = random.choice(TYPES)
    starts_at = NOW + (10 - 30 * random.randrange(1, 12)) * DAY
    is_used_up = standing == "e" and type_key != "subscription" and random.random() < 0.5
    ends_at = NOW - DAY if standing == "e" and not is_used_up else NOW + 30 * random.randrange(1, 12) * DAY
    left = 0 if is_used_up else 5
    contract = Contract(
        id=f"c{number}",
        number=f"C-{number}",
        type=type_key,
        holder=Holder(holder, "h"),
        created_at=starts_at,
        starts_at=starts_at,
        expires_at=max(ends_at, starts_at),
        enabled_at=None if standing == "p" else starts_at,
        exclusions={"priorities": ("normal",)} if standing == "x" else {},
    )
    limits = (
        Limits(incidents_available=left) if type_key == "incident_pack" else Limits(minutes_available=left)
    )
    return CandidateContract(contract, distance, limits)


def _rules_alone(
    name: str, book: CoverageBook, cases: list[Case], goal: float, options: Options
) -> Iterator[Result]:
    asked = [(case.request, case.candidates) for case in cases]
    for request, candidates in asked:
        rule, taken = book.decide(request, candidates)
        step, handwritten_taken = handwritten.decide(request, candidates)
        assert rule is not None, "the shipped rules match every case"
        assert (rule.id, taken) == (handwritten.RULES[step][0], handwritten_taken), (
            "both sides decide the same"
        )

    def compiled(repeats: int) -> None:
        for request, candidates in asked * repeats:
            book.decide(request, candidates)

    def hand() -> None:
        for request, candidates in asked * REPEATS:
            handwritten.decide(request, candidates)

    def plain() -> None:
        for request, candidates in asked:
            book.plain.decide(request, candidates)

    rounds = alternate([partial(compiled, REPEATS), hand], options.rounds, warm_up=2)
    ours, theirs = (rounds.median_seconds(side) / len(asked) / REPEATS * 1e6 for side in (0, 1))
    note = f"{ours:.2f} µs, hand-written {theirs:.2f}"
    yield rounds.result(name, "hand-written Python, one pass", ("<=", HAND_GOAL), note=note)
    rounds = alternate([partial(compiled, 1), plain], options.rounds)
    note = f"plain {rounds.median_seconds(1) / len(asked) * 1e6:.0f} µs"
    yield rounds.result(name, "plain business-rules", (">=", goal), unit="times faster", note=note)


def _whole(name: str, rules: RuleSet, cases: list[Case], options: Options) -> Iterator[Result]:
    texts = {rule.id: rule.why for rule in rules.coverage.rules} | {"version": rules.version}
    plainly = rules.run_by("plain")
    for case in cases:
        decision = find_coverage(case.request, case.held, rules)
        assert decision == handwritten.find_coverage(case.request, case.held, texts), (
            "both sides decide the same"
        )

    def product(rules: RuleSet) -> None:
        for case in cases * WHOLE_REPEATS:
            find_coverage(case.request, case.held, rules)

    def hand() -> None:
        for case in cases * WHOLE_REPEATS:
            handwritten.find_coverage(case.request, case.held, texts)

    rounds = alternate([partial(product, rules), hand, partial(product, plainly)], options.rounds, warm_up=3)
    note = f"{rounds.median_seconds(0) / len(cases) / WHOLE_REPEATS * 1e6:.0f} µs with all reasons"
    yield rounds.result(name, "hand-written Python", ("<=", HAND_GOAL), note=note)
    yield rounds.result(name, "plain business-rules", None, baseline=2, unit="times faster")


def _differing(rules: RuleSet) -> Result:
    random = Random(20260304)
    plainly = rules.run_by("plain")
    differing = 0
    for _ in range(RANDOM_CASES):
        case = _case(rules, random, random.randrange(5), "vpex")
        one = find_coverage(case.request, case.held, rules)
        differing += one != find_coverage(case.request, case.held, plainly)
    return Result(
        "random cases that differ",
        "plain business-rules",
        ("<=", 0.0),
        differing,
        note=f"of {RANDOM_CASES:,}",
    )
