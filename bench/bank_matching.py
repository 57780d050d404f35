"""Matching 10,000 receipts with 100,000 open invoices, against reading both lists."""

import random
from collections.abc import Iterator
from datetime import date
from functools import partial
from typing import Any

from sqlalchemy import Connection

from bench.databases import Databases, Kind, plain_engine
from bench.options import Options
from bench.rounds import Result, alternate
from bench.small_desk import SmallDesk, refresh_statistics, small_desk
from engine.bank_matching import Receipt
from workflows.billing.bank.statements import match_with_open_invoices
from workflows.commands.register import NewCustomer
from workflows.register import create_customer
from workflows.store import tables as t
from workflows.store.ids import new_id

INVOICES, RECEIPTS, CUSTOMERS = 100_000, 10_000, 500
ISSUED_ON, BOOKED_ON = date(2026, 5, 4), date(2026, 5, 20)
USUAL_AMOUNTS = (5_950, 11_900, 23_800)
"""Of a third of the invoices: many receipts of such an amount name no invoice."""
GOAL = 20.0
MAX_ROUNDS = 5
BOTH_LISTS = (
    "SELECT id, number, open_minor, currency, customer_id, org_unit_id, buyer, order_number, issued_on, "
    "early_payment_days, early_payment_percent FROM invoice "
    "WHERE kind = 'invoice' AND state = 'issued' AND open_minor > 0",
    "SELECT id, amount_minor, currency, texts, reference, party, party_iban, booked_on FROM bank_entry",
)


def measure(found: Databases, options: Options) -> Iterator[Result]:
    """Measure the CPU time of matching on each database."""
    for kind in found.kinds:
        with small_desk(found, kind) as desk:
            receipts = _fill(desk)
            refresh_statistics(desk.desk.database)
            yield _against_reading(found, kind, desk, receipts, options)


def _against_reading(
    found: Databases, kind: Kind, desk: SmallDesk, receipts: list[Receipt], options: Options
) -> Result:
    with plain_engine(desk.desk.database) as engine, engine.connect() as connection:
        rounds = alternate(
            [partial(_match, desk, receipts), partial(_read, connection)],
            min(options.rounds, MAX_ROUNDS),
            clock=partial(found.cpu_seconds, kind),
        )
    return rounds.result(
        f"matching {RECEIPTS:,} receipts with {INVOICES:,} open invoices, {kind}",
        "reading both lists, raw driver; CPU",
        ("<=", GOAL),
        note=f"{rounds.median_seconds(0) / RECEIPTS * 1e6:.0f} µs a receipt",
    )


def _match(desk: SmallDesk, receipts: list[Receipt]) -> None:
    with desk.desk.read(desk.actor) as tx:
        matches, exact = match_with_open_invoices(tx, receipts, frozenset())
    if len(matches) != RECEIPTS or not RECEIPTS / 2 < len(exact) < RECEIPTS:
        raise AssertionError(f"{len(exact):,} of {len(matches):,} receipts are exact")


def _read(connection: Connection) -> None:
    driver: Any = connection.connection.driver_connection
    rows = 0
    for statement in BOTH_LISTS:
        cursor = driver.cursor()
        cursor.execute(statement)
        rows += len(cursor.fetchall())
        cursor.close()
    if rows != INVOICES + RECEIPTS:
        raise AssertionError(f"{rows:,} rows")


def _fill(desk: SmallDesk) -> list[Receipt]:
    """Add open invoices, and receipts as entries of a statement. Most name their invoice and its amount."""
    chance = random.Random(1)
    customers = [
        desk.desk.perform(
            desk.actor,
            partial(create_customer, command=NewCustomer(email=f"p{one}@example.com", name=f"Payer {one}")),
        )
        for one in range(CUSTOMERS)
    ]
    with desk.desk.write(desk.actor) as tx:
        invoices = [_invoice(tx.now, number, customers, chance) for number in range(INVOICES)]
        tx.add_all(t.invoice, invoices)
        receipts = [_receipt(number, chance.choice(invoices), chance) for number in range(RECEIPTS)]
        statement = new_id()
        tx.add(
            t.bank_statement,
            id=statement,
            file_name="",
            content_hash="0",
            format="csv",
            accounts=[],
            entry_count=RECEIPTS,
            known_count=0,
            uploaded_at=tx.now,
            uploaded_by="bench",
        )
        tx.add_all(t.bank_entry, [_entry(statement, number, one) for number, one in enumerate(receipts)])
    return receipts


def _invoice(now: Any, number: int, customers: list[str], chance: random.Random) -> dict[str, Any]:
    payer = number // 5 % CUSTOMERS
    amount = chance.choice(USUAL_AMOUNTS) if number % 3 == 0 else chance.randrange(1_000, 1_000_000)
    return {
        "id": new_id(),
        "kind": "invoice",
        "state": "issued",
        "number": f"INV-2026-{number:06d}",
        "customer_id": customers[payer],
        "currency": "EUR",
        "issued_at": now,
        "issued_on": ISSUED_ON,
        "due_on": BOOKED_ON,
        "language": "en",
        "net_minor": amount,
        "tax_minor": 0,
        "total_minor": amount,
        "open_minor": amount,
        "buyer": {"name": f"Payer {payer}", "street": "Some street 1", "city": "Berlin", "country": "DE"},
        "created_at": now,
        "created_by": "bench",
    }


def _receipt(number: int, invoice: dict[str, Any], chance: random.Random) -> Receipt:
    kind = chance.random()
    name = invoice["number"] if kind < 0.8 else "May"
    return Receipt(
        f"{number:06d}",
        invoice["open_minor"] if kind < 0.7 or kind > 0.8 else invoice["open_minor"] - 100,
        "EUR",
        (f"Invoice {name} of 4 May 2026,", "customer 4711, many thanks"),
        "",
        invoice["buyer"]["name"] if kind < 0.9 else "Somebody else",
        "DE89370400440532013000",
        BOOKED_ON,
    )


def _entry(statement: str, number: int, receipt: Receipt) -> dict[str, Any]:
    return {
        "id": new_id(),
        "statement_id": statement,
        "position": number,
        "number": str(number),
        "entry_key": str(number),
        "account": "",
        "currency": receipt.currency,
        "amount_minor": receipt.amount_minor,
        "booked_on": receipt.booked_on,
        "texts": list(receipt.texts),
        "reference": receipt.reference,
        "party": receipt.payer,
        "party_iban": receipt.iban,
        "bank_reference": "",
        "is_reversal": False,
        "batch": 0,
        "state": "left",
        "reason": "nothing",
        "candidates": [],
        "has_more": False,
    }
