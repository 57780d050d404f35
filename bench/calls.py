"""Logging a covered service request over HTTP, against a bare Flask handler with one ORM insert; and memory.

The product's call authenticates, finds the candidates among 20,000 contracts of a desk with 2,000 requests,
decides, and writes the request, its history and its decision; if a pack covers it, it also holds an incident
in the ledger. The response is complete.
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
from workflows.commands.service_requests import NewServiceRequest
from workflows.core.actors import SYSTEM
from workflows.core.desk import Desk
from workflows.coverage.search import decide
from workflows.lifecycle.service_requests.facts import request_facts
from workflows.rule_sets.folder import read_rules_folder
from workflows.rule_sets.publishing import publish_first
from workflows.service_requests.log import log_service_request
from workflows.store import tables as t
from workflows.store.database import Database
from workflows.users.accounts import NewUser, create_user
from workflows.users.tokens import NewToken, create_token

CONTRACTS = 20_000
CUSTOMERS = 200
LOGGED_BEFORE = 2_000
"""Service requests of the desk before the first round. On a desk without any, PostgreSQL plans the checks of
references to them as scans of an empty table, and keeps these plans as long as the session lives."""
PATH = "/api/v1/service-requests"
GOALS = {"sqlite": 85.0, "postgresql": 70.0}
MEMORY_CALLS = 20_000
MEMORY_GOAL = 1.05


@dataclass(frozen=True, slots=True)
class BenchDesk:
    """A desk with contracts on: an API token, and customers by the type of contract that covers them."""

    token: str
    covered: dict[str, list[str]]

    def logged(self, type_key: str, count: int) -> list[bytes]:
        """Return calls that log service requests of customers covered by a contract type."""
        bodies = [_body(customer) for customer in self.covered[type_key]]
        sent = [post(PATH, body, Authorization=f"Bearer {self.token}") for body in bodies]
        return list(islice(cycle(sent), count))

    def bare(self, path: str, count: int) -> list[bytes]:
        """Return calls with the same bodies for the bare handler."""
        sent = [post(path, _body(customer)) for customer in self.covered["subscription"]]
        return list(islice(cycle(sent), count))


def measure(found: Databases, options: Options) -> Iterator[Result]:
    """Measure the throughput on each database."""
    for kind in found.kinds:
        with serving(found, kind) as (bench_desk, ours, theirs, caller):
            yield from _throughput(kind, bench_desk, ours, theirs, caller, options)


def measure_memory(found: Databases, options: Options) -> Iterator[Result]:
    """Measure the memory of the workers over many calls, on each database."""
    for kind in found.kinds:
        with serving(found, kind) as (bench_desk, ours, _, caller):
            calls = bench_desk.logged("subscription", 500) + bench_desk.logged("incident_pack", 500)
            measured = [ours.memory_bytes()]
            for number in range(MEMORY_CALLS // len(calls)):
                caller.call(ours.port, calls)
                if (number + 1) * len(calls) % (MEMORY_CALLS // 4) == 0:
                    measured.append(ours.memory_bytes())
            yield Result(
                f"memory of both workers after {MEMORY_CALLS:,} calls, {kind}",
                f"after {MEMORY_CALLS // 4:,}",
                ("<=", MEMORY_GOAL),
                measured[-1] / measured[1],
                note="start, each quarter: " + ", ".join(f"{one / 2**20:.0f}" for one in measured) + " MiB",
            )


@contextmanager
def serving(found: Databases, kind: Kind) -> Iterator[tuple[BenchDesk, Served, Served, Caller]]:
    """Run the product, the bare handler and the clients on one database."""
    url = found.new_url(kind)
    try:
        bench_desk = prepare_desk(url)
        with ExitStack() as stack:
            ours = stack.enter_context(product(url))
            theirs = stack.enter_context(bare(url))
            yield bench_desk, ours, theirs, stack.enter_context(calling())
    finally:
        found.drop(url)


def prepare_desk(url: str) -> BenchDesk:
    """Fill a desk, switch contracts on and find covered customers."""
    database = Database(url)
    desk = Desk(database)
    size = fill(database, CONTRACTS, ledger=True, now=datetime.now(UTC))
    publish_first(desk, read_rules_folder(PROJECT / "rules"))
    desk.refresh()
    desk.perform(SYSTEM, lambda tx: activate_billing(tx, ActivateBilling(time_expired_contract="rollover")))
    desk.perform(SYSTEM, lambda tx: create_user(tx, NewUser(email="bench@example.com", role="technician")))
    made = desk.perform(SYSTEM, lambda tx: create_token(tx, NewToken(email="bench@example.com")))
    with desk.write() as tx:
        # Enough incidents for any number of rounds.
        tx.connection.execute(
            update(t.grant_balance).where(t.grant_balance.c.unit == "incidents").values(available=10**6)
        )
    desk.refresh()
    covered = {key: _covered_by(desk, size, key) for key in ("subscription", "incident_pack")}
    _log_before(desk, covered)
    database.dispose()
    return BenchDesk(made.text, covered)


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


def _log_before(desk: Desk, covered: dict[str, list[str]]) -> None:
    customers = cycle([one for pair in zip(*covered.values(), strict=False) for one in pair])
    for customer in islice(customers, LOGGED_BEFORE):
        given = NewServiceRequest(subject="It does not start", customer=customer)
        desk.perform(SYSTEM, partial(log_service_request, command=given), reads_first=True, exclusive=True)
    if not desk.database.is_sqlite:
        with desk.database.autocommit() as connection:
            connection.exec_driver_sql("VACUUM ANALYZE")


def _throughput(
    kind: Kind, bench_desk: BenchDesk, ours: Served, theirs: Served, caller: Caller, options: Options
) -> Iterator[Result]:
    count = options.requests
    sides = {
        "subscription": (ours, bench_desk.logged("subscription", count)),
        "incident_pack": (ours, bench_desk.logged("incident_pack", count)),
        "bare": (theirs, bench_desk.bare("/tickets", count)),
        "frugal": (theirs, bench_desk.bare("/frugal", count)),
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
        f"the same without reading its id back: {_rate(rounds, 3, count)}",
        None,
        side=0,
        baseline=3,
        unit="%",
    )


def _rate(rounds: Rounds, side: int, count: int) -> str:
    return f"{count / rounds.median_seconds(side):.0f}/s"


def _body(customer: str) -> bytes:
    return json.dumps({"subject": "It does not start", "customer": customer, "priority": "normal"}).encode()
