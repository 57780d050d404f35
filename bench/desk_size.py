"""Home, queue and search of a desk with 100,000 service requests, against the same desk with 1,000.

Both are the product, in this process. One request in ten is unfinished; half of these have no technician, and
half are late, so that a page is full on both desks.
"""

import re
from collections.abc import Iterator
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

from flask.testing import FlaskClient

from bench.databases import Databases, Kind
from bench.options import Options
from bench.rounds import Result, Side, alternate
from bench.small_desk import EMAIL, PASSWORD, SmallDesk, refresh_statistics, small_desk
from workflows.core.stored_rules import _load
from workflows.core.transaction import Transaction
from workflows.rule_sets.checked_files import _checked
from workflows.store import tables as t
from workflows.store.ids import new_id
from workflows.store.search_words import search_words

LARGE, SMALL = 100_000, 1_000
CUSTOMERS = 20
GOAL = 1.5
RULES_GOAL = 0.2
CALLS_EACH_ROUND = 3
ROWS_AT_ONCE = 5_000
FIRST_WORDS = (
    "printer",
    "screen",
    "network",
    "mail",
    "password",
    "account",
    "phone",
    "laptop",
    "server",
    "backup",
)
SECOND_WORDS = ("broken", "slow", "lost", "locked", "noisy", "new", "missing")
PAGES = {
    "home": "/",
    "queue, unassigned": "/requests?view=unassigned",
    "queue, at risk": "/requests?view=risk",
    "queue, all": "/requests?view=all",
    "search, a rare word": "/search?q=rare500",
    "search, one in ten": "/search?q=printer",
    "search, two words": "/search?q=printer+slow",
    "search, nothing found": "/search?q=nothing+like+it",
    "search, empty": "/search?q=",
}


def measure(found: Databases, options: Options) -> Iterator[Result]:
    """Measure the pages on each database."""
    for kind in found.kinds:
        with ExitStack() as stack:
            desks = [stack.enter_context(small_desk(found, kind)) for _ in range(2)]
            clients = [prepare(desk, count) for desk, count in zip(desks, (LARGE, SMALL), strict=True)]
            yield from _pages(found, kind, clients, options)
            yield from _rules(found, kind, clients[1], options)


def _pages(found: Databases, kind: Kind, clients: list[FlaskClient], options: Options) -> Iterator[Result]:
    for what, path in PAGES.items():
        sides = [partial(_open, client, path) for client in clients]
        rounds = alternate(sides, options.rounds, warm_up=2, clock=partial(found.cpu_seconds, kind))
        yield rounds.result(
            f"{what}, {LARGE:,} requests, {kind}",
            f"{SMALL:,} requests; CPU",
            ("<=", GOAL),
            note=f"{1000 * rounds.median_seconds(0) / CALLS_EACH_ROUND:.1f} ms",
        )


def _rules(found: Databases, kind: Kind, client: FlaskClient, options: Options) -> Iterator[Result]:
    def anew() -> None:
        for _ in range(CALLS_EACH_ROUND):
            _checked.cache_clear()
            _load.cache_clear()
            client.get("/rules")

    sides: list[Side] = [partial(_open, client, "/rules"), anew]
    rounds = alternate(sides, options.rounds, warm_up=2, clock=partial(found.cpu_seconds, kind))
    yield rounds.result(
        f"the rules page, {kind}",
        "with its files checked anew; CPU",
        ("<=", RULES_GOAL),
        note=f"{1000 * rounds.median_seconds(0) / CALLS_EACH_ROUND:.1f} ms",
    )


def _open(client: FlaskClient, path: str) -> None:
    for _ in range(CALLS_EACH_ROUND):
        response = client.get(path)
        if response.status_code != 200:
            raise RuntimeError(f"{path}: {response.status}")


def prepare(desk: SmallDesk, count: int) -> FlaskClient:
    """Add so many service requests, and return a client that is logged in as an administrator."""
    add_requests(desk, count)
    refresh_statistics(desk.desk.database)
    return _logged_in(desk)


def add_requests(desk: SmallDesk, count: int) -> None:
    """Add service requests of a few customers, each covered by the customer's contract."""
    contracts = [desk.covered_request(1)[0] for _ in range(CUSTOMERS)]
    with desk.desk.read() as tx:
        holders = [
            (row.id, row.holder_id)
            for row in tx.connection.execute(t.contract.select().where(t.contract.c.id.in_(contracts)))
        ]
    for first in range(0, count, ROWS_AT_ONCE):
        numbers = range(first, min(first + ROWS_AT_ONCE, count))
        with desk.desk.write(desk.actor) as tx:
            _add_requests(tx, numbers, holders, str(desk.actor.id))


def _add_requests(tx: Transaction, numbers: range, holders: list[tuple[str, str]], technician: str) -> None:
    now = datetime.now(UTC)
    requests, decisions = [], []
    for number in numbers:
        contract, customer = holders[number % len(holders)]
        request = _request(number, customer, contract, technician, now)
        requests.append(request)
        decisions.append(_decision(request, contract, customer))
    tx.add_all(t.service_request, requests)
    tx.add_all(t.coverage_decision, decisions)


def _request(number: int, customer: str, contract: str, technician: str, now: datetime) -> dict[str, Any]:
    first, second = FIRST_WORDS[number % 10], SECOND_WORDS[number % 7]
    subject = f"The {first} is {second}, rare{number}"
    opened_at = now - timedelta(minutes=10 * (number + 1))
    unfinished = number // 7 % 10 == 0
    return {
        "id": new_id(),
        "number": f"OLD-{number:06d}",
        "subject": subject,
        "search_words": search_words(subject, f"Customer {number % CUSTOMERS + 1}"),
        "customer_id": customer,
        "priority": "normal",
        "state": "in_progress" if unfinished else "closed",
        "technician_id": technician if number % 2 else None,
        "decision_id": new_id(),
        "outcome": "covered",
        "contract_id": contract,
        "opened_at": opened_at,
        "closed_at": None if unfinished else opened_at,
        "response_due_at": now + timedelta(days=1 if number % 2 else -1),
        "resolution_due_at": now + timedelta(days=2, minutes=number),
        "created_by": "bench",
    }


def _decision(request: dict[str, Any], contract: str, customer: str) -> dict[str, Any]:
    return {
        "id": request["decision_id"],
        "service_request_id": request["id"],
        "decided_at": request["opened_at"],
        "as_of": request["opened_at"],
        "rule_set": "0" * 64,
        "outcome": "covered",
        "rule": "customer",
        "why": "The customer's contract covers it",
        "contract_id": contract,
        "facts": {"customer": customer},
        "candidates": [],
        "params": {},
        "cause": "log",
        "actor": "bench",
    }


def _logged_in(desk: SmallDesk) -> FlaskClient:
    client = desk.client
    token = re.search(r'name="csrf_token"[^>]*value="([^"]+)"', client.get("/login").text)
    assert token is not None
    client.post("/login", data={"csrf_token": token[1], "email": EMAIL, "password": PASSWORD})
    return client
