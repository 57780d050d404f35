"""Issuing invoices of five lines, their documents and their validation; and issuing by four processes.

The alternative to issuing inserts the rows that creating and issuing an invoice leaves, with the raw driver,
one transaction for each invoice, into tables with the same columns and indexes.
"""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from itertools import cycle, islice
from typing import Any

from psycopg.types.json import Jsonb
from sqlalchemy import Column, Connection, Engine, Index, MetaData, Table, func, select

from bench.databases import Databases, Kind, plain_engine
from bench.memory import new_process, peak_bytes
from bench.options import Options
from bench.rounds import Result, alternate
from bench.small_desk import SmallDesk, small_desk
from workflows.administration.settings import change_settings
from workflows.billing.documents.files import cii_file, pdf_file, ubl_file
from workflows.billing.documents.pdf import invoice_pdf
from workflows.billing.documents.validation import validate
from workflows.billing.invoicing.drafts import create_invoice
from workflows.billing.invoicing.queries import invoice_document
from workflows.billing.issuing.use_cases import issue_invoice
from workflows.commands.billing import ChangeBilling, InvoiceLineGiven, NewInvoice
from workflows.commands.fields import MoneyGiven
from workflows.commands.register import NewCustomer
from workflows.core.actors import Actor
from workflows.core.desk import Desk
from workflows.register import create_customer
from workflows.register.billing_details import change_billing_details
from workflows.store import tables as t
from workflows.store.database import Database
from workflows.store.ids import new_id

LINES = 5
PROCESSES = 4
CUSTOMERS = 100
MAX_ROUNDS = 5
ISSUE_GOAL, VALIDATION_GOAL, PROCESSES_GOAL, MEMORY_GOAL = 4.0, 3.0, 2.0, 1.1
RATE = "Standard"
COMPANY = {
    "name": "Northwind",
    "street": "Main Street 1",
    "city": "Berlin",
    "country": "DE",
    "email": "billing@northwind.example",
    "vat_id": "DE123456788",
}
BUYER = {
    "street": "Market 2",
    "city": "Munich",
    "country": "DE",
    "email": "a@b.example",
    "buyer_reference": "7",
}


@dataclass(frozen=True, slots=True)
class _Billing:
    """A desk that invoices, and the customers who are invoiced in turn."""

    desk: Desk
    actor: Actor
    customers: Iterator[str]

    def draft(self) -> str:
        """Create a draft of five lines."""
        line = InvoiceLineGiven(
            description="Support of the month",
            quantity="1.5",
            unit_price=MoneyGiven(amount_minor=9_990),
            tax_rate=RATE,
        )
        made = NewInvoice(customer=next(self.customers), lines=[line] * LINES)
        return self.desk.perform(self.actor, lambda tx: create_invoice(tx, made))

    def issue(self, invoice_id: str) -> str:
        return self.desk.perform(self.actor, lambda tx: issue_invoice(tx, invoice_id))

    def create_and_issue(self, count: int) -> None:
        for _ in range(count):
            self.issue(self.draft())


def measure(found: Databases, options: Options) -> Iterator[Result]:
    """Measure issuing on each database, documents and validation once, and four processes on PostgreSQL."""
    for kind in found.kinds:
        with small_desk(found, kind) as desk:
            billing = _open_billing(desk)
            yield _against_inserts(found, kind, billing, options)
            if kind == "postgresql":
                yield _four_processes(billing, options)
            if kind == found.kinds[0]:
                _switch_e_invoices_on(billing)
                invoice_id = billing.issue(billing.draft())
                yield _validation(billing, invoice_id, options)
                yield _documents(billing, invoice_id, options)


def _open_billing(desk: SmallDesk) -> _Billing:
    rate = {"name": RATE, "percent": "19", "category": "S", "reason": ""}
    changes = {"invoices": True, "tax_rates": [rate], "company": COMPANY}
    desk.desk.perform(desk.actor, lambda tx: change_settings(tx, changes))
    customers = [_add_customer(desk, number) for number in range(CUSTOMERS)]
    desk.desk.refresh()
    return _Billing(desk.desk, desk.actor, cycle(customers))


def _add_customer(desk: SmallDesk, number: int) -> str:
    made = NewCustomer(email=f"buyer{number}@example.com", name="The buyer")
    customer = desk.desk.perform(desk.actor, lambda tx: create_customer(tx, made))
    details = ChangeBilling.model_validate(BUYER)
    desk.desk.perform(desk.actor, lambda tx: change_billing_details(tx, "customer", customer, details))
    return customer


def _switch_e_invoices_on(billing: _Billing) -> None:
    billing.desk.perform(billing.actor, lambda tx: change_settings(tx, {"e_invoices": "en16931"}))
    billing.desk.refresh()


def _against_inserts(found: Databases, kind: Kind, billing: _Billing, options: Options) -> Result:
    rounds = min(options.rounds, MAX_ROUNDS)
    count = max(1, options.invoices // (rounds + 1))
    with plain_engine(billing.desk.database) as engine, _bare_tables(billing, engine) as bare:
        measured = alternate(
            [partial(billing.create_and_issue, count), partial(bare.insert, count)],
            rounds,
            clock=partial(found.cpu_seconds, kind),
        )
    return measured.result(
        f"creating and issuing an invoice of {LINES} lines, {kind}",
        f"inserting its {bare.rows_each} rows, raw driver; CPU",
        ("<=", ISSUE_GOAL),
        note=f"{measured.median_seconds(0) / count * 1e3:.1f} ms an invoice, {count:,} a round",
    )


@dataclass(frozen=True, slots=True)
class _BareTables:
    """Tables like the product's, and the rows of one invoice to insert into them with new ids."""

    engine: Engine
    rows: dict[str, list[tuple[Any, ...]]]
    ids: frozenset[str]
    placeholder: str

    @property
    def rows_each(self) -> int:
        return sum(map(len, self.rows.values()))

    def insert(self, count: int) -> None:
        connection: Any = self.engine.raw_connection()
        statements = {
            name: f"INSERT INTO {name} VALUES ({', '.join([self.placeholder] * len(rows[0]))})"
            for name, rows in self.rows.items()
        }
        for _ in range(count):
            new = {one: new_id() for one in self.ids}
            cursor = connection.cursor()
            for name, rows in self.rows.items():
                copies = [
                    tuple(new.get(value, value) if type(value) is str else value for value in row)
                    for row in rows
                ]
                cursor.executemany(statements[name], copies)
            connection.commit()
        connection.close()


@contextmanager
def _bare_tables(billing: _Billing, engine: Engine) -> Iterator[_BareTables]:
    before = _row_counts(billing)
    billing.create_and_issue(1)
    added = {name: count - before[name] for name, count in _row_counts(billing).items()}
    metadata = MetaData()
    rows: dict[str, list[tuple[Any, ...]]] = {}
    ids: set[str] = set()
    with engine.connect() as connection:
        for table in t.metadata.sorted_tables:
            if added[table.name]:
                bare = _like(table, metadata)
                rows[bare.name] = _newest(connection, table, added[table.name])
                if "id" in table.c:
                    place = list(table.c.keys()).index("id")
                    ids |= {str(row[place]) for row in rows[bare.name]}
    metadata.create_all(engine)
    yield _BareTables(engine, rows, frozenset(ids), "?" if billing.desk.database.is_sqlite else "%s")
    metadata.drop_all(engine)


def _row_counts(billing: _Billing) -> dict[str, int]:
    with billing.desk.database.read() as connection:
        return {
            table.name: connection.execute(select(func.count()).select_from(table)).scalar_one()
            for table in t.metadata.sorted_tables
        }


def _like(table: Table, metadata: MetaData) -> Table:
    """A table with the same columns and as many indexes; none is unique, so that rows can be repeated."""
    copy = Table(f"bare_{table.name}", metadata, *(Column(one.name, one.type) for one in table.columns))
    Index(f"bare_{table.name}_key", *(copy.c[one.name] for one in table.primary_key))
    for number, index in enumerate(sorted(table.indexes, key=lambda one: str(one.name))):
        Index(f"bare_{table.name}_{number}", *(copy.c[one.name] for one in index.columns))
    return copy


def _newest(connection: Connection, table: Table, count: int) -> list[tuple[Any, ...]]:
    """The rows that were added last, as the driver gives them."""
    names = ", ".join(f'"{one.name}"' for one in table.c)
    key = ", ".join(f'"{one.name}" DESC' for one in table.primary_key)
    found = connection.exec_driver_sql(f"SELECT {names} FROM {table.name} ORDER BY {key} LIMIT {count}")
    return [
        tuple(Jsonb(value) if isinstance(value, dict | list) else value for value in row) for row in found
    ]


def _validation(billing: _Billing, invoice_id: str, options: Options) -> Result:
    with billing.desk.read(billing.actor) as tx:
        document = invoice_document(tx, invoice_id)
    measured = alternate(
        [partial(validate, document, "en16931"), partial(invoice_pdf, document, "en16931")],
        options.rounds,
        clock=time.process_time,
    )
    return measured.result(
        "validating one more e-invoice, the rules being warm",
        "building it as PDF with its XML; CPU",
        ("<=", VALIDATION_GOAL),
        note=f"{measured.median_seconds(0) * 1e3:.0f} ms, {measured.median_seconds(1) * 1e3:.0f} ms",
    )


def _documents(billing: _Billing, invoice_id: str, options: Options) -> Result:
    url = billing.desk.database.url.render_as_string(hide_password=False)
    with new_process() as pool:
        peaks = pool.submit(_make_documents, url, billing.actor, invoice_id, options.invoices).result()
    return Result(
        f"memory after {options.invoices:,} PDFs, CII and UBL files",
        "after a tenth of them",
        ("<=", MEMORY_GOAL),
        peaks[1] / peaks[0],
        note=f"{peaks[1] / 2**20:.0f} MiB",
    )


def _make_documents(url: str, actor: Actor, invoice_id: str, count: int) -> tuple[int, int]:
    """Build the documents of an invoice so often. Returns the peak memory after a tenth, and at the end."""
    desk = Desk(Database(url, pool_size=2))
    desk.refresh()
    early = 0
    for number in range(count):
        with desk.read(actor) as tx:
            for file in (pdf_file, cii_file, ubl_file):
                file(tx, invoice_id)
        if number + 1 == max(1, count // 10):
            early = peak_bytes()
    return early, peak_bytes()


def _four_processes(billing: _Billing, options: Options) -> Result:
    """Issue as many drafts by one process as by four; their numbers must follow one another."""
    count = max(PROCESSES, options.invoices // 10 // PROCESSES * PROCESSES)
    drafts = iter([billing.draft() for _ in range(2 * count)])
    url = billing.desk.database.url.render_as_string(hide_password=False)
    first = _numbers(billing)
    seconds = [
        _issue_by(url, billing.actor, [list(islice(drafts, count // processes)) for _ in range(processes)])
        for processes in (1, PROCESSES)
    ]
    numbers = _numbers(billing)
    if len(set(numbers)) != len(numbers) or len(numbers) != len(first) + 2 * count:
        raise AssertionError("A number was given twice, or not at all.")
    if numbers != list(range(1, len(numbers) + 1)):
        raise AssertionError("The numbers have a gap.")
    return Result(
        f"issuing by {PROCESSES} processes at once, postgresql",
        f"by one process; {count:,} invoices each, elapsed",
        (">=", PROCESSES_GOAL),
        seconds[0] / seconds[1],
        unit="times faster",
        note=f"{count / seconds[0]:.0f}/s, {count / seconds[1]:.0f}/s; the numbers are gapless",
    )


def _numbers(billing: _Billing) -> list[int]:
    with billing.desk.database.read() as connection:
        found = connection.execute(
            select(t.invoice.c.number).where(t.invoice.c.number.is_not(None))
        ).scalars()
        return sorted(int(number.rpartition("-")[2]) for number in found)


def _issue_by(url: str, actor: Actor, shares: list[list[str]]) -> float:
    """The seconds that processes, started before, need to issue their shares at once."""
    pools = [new_process() for _ in shares]
    try:
        for pool in pools:
            pool.submit(_open, url).result()
        start = time.perf_counter()
        waiting = [pool.submit(_issue_all, actor, drafts) for pool, drafts in zip(pools, shares, strict=True)]
        for one in waiting:
            one.result()
        return time.perf_counter() - start
    finally:
        for pool in pools:
            pool.shutdown()


_opened: list[Desk] = []


def _open(url: str) -> None:
    desk = Desk(Database(url, pool_size=2))
    desk.refresh()
    _opened.append(desk)


def _issue_all(actor: Actor, drafts: list[str]) -> None:
    for draft in drafts:
        _opened[0].perform(actor, partial(issue_invoice, invoice_id=draft))
