"""A covered service request, the whole call, beside a bare Flask handler with one ORM insert; and memory.

The product's call reads who calls, finds the candidates among 20,000 contracts, decides, and writes the
request, its history and its decision; where a pack covers it, also holds an incident in the ledger. It is
answered in full.
"""

import json
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from itertools import cycle, islice

from sqlalchemy import update

from bench.clients import Caller, calling, post
from bench.databases import Databases, Kind
from bench.dataset import Size, fill, record_id
from bench.options import Options
from bench.rounds import Result, Rounds, alternate
from bench.serving import PROJECT, Served, bare, product
from workflows.administration.activation import activate_billing
from workflows.commands.administration import ActivateBilling
from workflows.core.actors import SYSTEM
from workflows.core.desk import Desk
from workflows.coverage.facts import request_facts
from workflows.coverage.search import decide
from workflows.rule_sets.folder import read_rules_folder
from workflows.rule_sets.publishing import publish_first
from workflows.store import tables as t
from workflows.store.database import Database
from workflows.users.accounts import NewToken, NewUser, create_token, create_user

CONTRACTS = 20_000
CUSTOMERS = 200
PATH = "/api/v1/service-requests"
GOALS = {"sqlite": 85.0, "postgresql": 70.0}
MEMORY_CALLS = 20_000
MEMORY_GOAL = 1.05


@dataclass(frozen=True, slots=True)
class Office:
    """A desk that is open: a token for its API, and customers by what covers them."""

    token: str
    covered: dict[str, list[str]]

    def logged(self, type_key: str, count: int) -> list[bytes]:
        """Calls that log service requests of customers covered by a type."""
        bodies = [_body(customer) for customer in self.covered[type_key]]
        sent = [post(PATH, body, Authorization=f"Bearer {self.token}") for body in bodies]
        return list(islice(cycle(sent), count))

    def bare(self, path: str, count: int) -> list[bytes]:
        """The same bodies for the bare handler."""
        sent = [post(path, _body(customer)) for customer in self.covered["subscription"]]
        return list(islice(cycle(sent), count))


def measure(found: Databases, options: Options) -> Iterator[Result]:
    """Throughput on each database, then memory on SQLite."""
    for kind in found.kinds:
        with serving(found, kind) as (office, ours, theirs, caller):
            yield from _throughput(kind, office, ours, theirs, caller, options)


def measure_memory(found: Databases, options: Options) -> Iterator[Result]:
    """What the workers hold after so many calls."""
    for kind in found.kinds:
        with serving(found, kind) as (office, ours, _, caller):
            calls = office.logged("subscription", 500) + office.logged("incident_pack", 500)
            told = [ours.memory_bytes()]
            for number in range(MEMORY_CALLS // len(calls)):
                caller.call(ours.port, calls)
                if (number + 1) * len(calls) % (MEMORY_CALLS // 4) == 0:
                    told.append(ours.memory_bytes())
            yield Result(
                f"memory of both workers after {MEMORY_CALLS:,} calls, {kind}",
                f"after {MEMORY_CALLS // 4:,}",
                ("<=", MEMORY_GOAL),
                told[-1] / told[1],
                note="start, each quarter: " + ", ".join(f"{one / 2**20:.0f}" for one in told) + " MiB",
            )


@contextmanager
def serving(found: Databases, kind: Kind) -> Iterator[tuple[Office, Served, Served, Caller]]:
    """The product and the bare handler on one database, and who calls them."""
    url = found.new_url(kind)
    try:
        office = open_office(url)
        with ExitStack() as stack:
            ours = stack.enter_context(product(url))
            theirs = stack.enter_context(bare(url))
            yield office, ours, theirs, stack.enter_context(calling())
    finally:
        found.drop(url)


def open_office(url: str) -> Office:
    """Fill a desk, open it and find customers who are covered."""
    database = Database(url)
    desk = Desk(database)
    size = fill(database, CONTRACTS, ledger=True, now=datetime.now(UTC))
    publish_first(desk, read_rules_folder(PROJECT / "rules"))
    desk.refresh()
    desk.perform(SYSTEM, lambda tx: activate_billing(tx, ActivateBilling(time_expired_contract="rollover")))
    desk.perform(SYSTEM, lambda tx: create_user(tx, NewUser(email="bench@example.com", role="technician")))
    made = desk.perform(SYSTEM, lambda tx: create_token(tx, NewToken(email="bench@example.com")))
    with desk.write() as tx:
        # enough for any number of rounds
        tx.connection.execute(
            update(t.grant_balance).where(t.grant_balance.c.unit == "incidents").values(available=10**6)
        )
    desk.refresh()
    covered = {key: _covered_by(desk, size, key) for key in ("subscription", "incident_pack")}
    database.dispose()
    return Office(made.text, covered)


def _covered_by(desk: Desk, size: Size, type_key: str) -> list[str]:
    customers: list[str] = []
    with desk.read() as tx:
        for number in range(size.customers):
            customer = record_id("p", number)
            facts = request_facts(
                tx,
                customer=customer,
                item=None,
                org_unit=None,
                priority="normal",
                work_type=None,
                channel=None,
            )
            decision = decide(tx, facts)
            taken = [
                one.candidate for one in decision.candidates if one.candidate.contract == decision.contract
            ]
            if decision.outcome == "covered" and taken[0].type == type_key:
                customers.append(customer)
            if len(customers) == CUSTOMERS:
                return customers
    raise AssertionError(f"Only {len(customers)} customers are covered by {type_key}.")


def _throughput(
    kind: Kind, office: Office, ours: Served, theirs: Served, caller: Caller, options: Options
) -> Iterator[Result]:
    count = options.requests
    sides = {
        "subscription": (ours, office.logged("subscription", count)),
        "incident_pack": (ours, office.logged("incident_pack", count)),
        "bare": (theirs, office.bare("/tickets", count)),
        "frugal": (theirs, office.bare("/frugal", count)),
    }
    rounds = alternate(
        [partial(caller.call, served.port, requests) for served, requests in sides.values()],
        options.rounds,
        warm_up=2,
    )
    baseline = f"bare Flask, one ORM insert: {_rate(rounds, 2, count)}"
    yield rounds.result(
        f"a request covered by a subscription, {kind}",
        baseline,
        (">=", GOALS[kind]),
        side=0,
        baseline=2,
        unit="%",
        note=_rate(rounds, 0, count),
    )
    yield rounds.result(
        f"a request covered by a pack, {kind}",
        baseline,
        (">=", GOALS[kind]),
        side=1,
        baseline=2,
        unit="%",
        note=_rate(rounds, 1, count),
    )
    yield rounds.result(
        f"a request covered by a subscription, {kind}",
        f"the same, its id not read back: {_rate(rounds, 3, count)}",
        None,
        side=0,
        baseline=3,
        unit="%",
    )


def _rate(rounds: Rounds, side: int, count: int) -> str:
    return f"{count / rounds.median_seconds(side):.0f}/s"


def _body(customer: str) -> bytes:
    return json.dumps({"subject": "It does not start", "customer": customer, "priority": "normal"}).encode()
