"""Exporting everything that is held on a customer, as a ZIP file.

    personal-data.json         the format, the instant as of which it holds, the customer, every record
    csv/service_request.csv    one file for each kind of record: the same records
    documents/INV-2026-0001.pdf     what was issued to them; with an e-invoice also its XML

All of it is one snapshot. Rows go to the file in batches, so memory does not grow with what is held. Kinds of
records of which there are none are left out. Source: product.md section 15.
"""

import json
import os
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from datetime import UTC, date, datetime
from decimal import Decimal
from functools import partial
from itertools import chain
from pathlib import Path
from tempfile import TemporaryFile
from typing import IO, Any, NamedTuple
from zipfile import ZIP_DEFLATED, ZipFile, ZipInfo

from sqlalchemy import Connection, func, literal, select, tuple_

from engine.errors import DeskError
from workflows.billing.documents.files import DocumentFile, cii_file, pdf_file, ubl_file
from workflows.core.actors import Actor
from workflows.core.csv_text import csv_chunks
from workflows.core.desk import Desk
from workflows.core.erased import is_erased
from workflows.core.transaction import Transaction
from workflows.core.transaction_mode import Mode, TransactionState
from workflows.languages.texts import SOURCE, in_language
from workflows.people.kinds import Theirs
from workflows.people.person import Person, read_person
from workflows.people.registry import GROUPS, held_tables, rows_of
from workflows.people.shown import Shown
from workflows.store import tables as t
from workflows.store.column_types import decimal_text
from workflows.store.ids import new_id
from workflows.store.private_files import create_private
from workflows.views.people import HeldRecords

FORMAT = "coverdesk-personal-data"
VERSION = 1
"""Of the JSON document; it rises when a field is renamed or removed."""
EXPORTED = "personal data exported"
"""The action in the audit trail."""
ROWS_AT_ONCE = 500
COPIED_AT_ONCE = 1 << 16
BYTE_ORDER_MARK = "\ufeff"
"""Makes spreadsheets read the file as UTF-8."""


class CannotExport(DeskError):
    """A file of an export that cannot be written."""

    code = "cannot-export"


def export_personal_data(desk: Desk, actor: Actor, customer_id: str, file: IO[bytes]) -> str:
    """Write everything that is held on a customer into a file that is empty; returns what to call it.

    That it was exported is recorded first, so that nobody has it without that.

    Raises: NotAllowed unless the actor is an administrator; NotFound.
    """
    record = partial(_record, customer_id=customer_id, event_id=new_id())
    desk.perform(actor, record, repeatable=True)
    with desk.read(actor) as tx:

        def write(connection: Connection) -> None:
            # it may run twice, if its connection is lost
            file.seek(0)
            file.truncate()
            state = TransactionState(connection, Mode.READ_ONLY, desk.database)
            _write(replace(tx, state=state), customer_id, file)

        # programs read it, as they do other files
        with in_language(SOURCE):
            desk.database.in_snapshot(write)
        return f"personal-data-{customer_id}-{tx.now.astimezone(tx.settings.zone):%Y-%m-%d}.zip"


class Export(NamedTuple):
    """A file of an export that is sent: its parts may be read once; `close` ends that."""

    name: str
    parts: Iterator[bytes]
    close: Callable[[], None]


def open_export(desk: Desk, actor: Actor, customer_id: str) -> Export:
    """`export_personal_data` as parts to send, from a file on the disk. Raises: as it does."""
    # gone once it is closed
    file = TemporaryFile()  # noqa: SIM115
    try:
        name = export_personal_data(desk, actor, customer_id, file)
        file.seek(0)
    except BaseException:
        file.close()
        raise

    def parts() -> Iterator[bytes]:
        with file:
            yield from iter(lambda: file.read(COPIED_AT_ONCE), b"")

    return Export(name, parts(), file.close)


def export_to_file(desk: Desk, actor: Actor, customer_id: str, target: Path) -> int:
    """`export_personal_data` into a new file that only its owner can read; returns its size in bytes.

    If it is stopped by an exception it leaves nothing behind. Raises: CannotExport if the file exists or
    cannot be written; as `export_personal_data`.
    """
    unfinished = target.with_name(f"{target.name}.{os.getpid()}.unfinished")
    try:
        if target.exists():
            raise CannotExport(f"{target} already exists.", remedy="Name a new file.")
        create_private(unfinished)
        with unfinished.open("w+b") as file:
            export_personal_data(desk, actor, customer_id, file)
        unfinished.rename(target)
    except OSError as error:
        raise CannotExport(f"The file could not be written: {error}.") from error
    finally:
        unfinished.unlink(missing_ok=True)
    return target.stat().st_size


def count_held(tx: Transaction, customer_id: str) -> list[HeldRecords]:
    """How many records an export would have, by subject. Raises: NotAllowed; NotFound."""
    tx.require("administrator")
    person = read_person(tx, customer_id)

    def rows(one: Theirs) -> int:
        return tx.connection.execute(
            select(func.count()).select_from(one.table).where(one.rows(person))
        ).scalar_one()

    return [
        HeldRecords(group=name, records=sum(rows(one) for one in group if isinstance(one, Theirs)))
        for name, group in GROUPS.items()
    ]


def _record(tx: Transaction, *, customer_id: str, event_id: str) -> None:
    tx.require("administrator")
    read_person(tx, customer_id)
    event = t.audit_event
    if tx.connection.execute(select(event.c.id).where(event.c.id == event_id)).scalar() is None:
        row = tx.audit_row(tx.now, "customer", customer_id, EXPORTED, {})
        tx.add(event, **{**row, "id": event_id})


def _write(tx: Transaction, customer_id: str, file: IO[bytes]) -> None:
    person = read_person(tx, customer_id)
    shown = Shown(tx, person)
    with ZipFile(file, "w") as archive, TemporaryFile() as document:
        put = partial(_put, archive, tx.now)
        document.write(_head(tx, customer_id))
        separator = ""
        for one in held_tables():
            batches = _batches(tx, one, person, shown)
            first = next(batches, None)
            if first is None:
                continue
            document.write(f'{separator}\n"{one.table.name}": ['.encode())
            separator = ","
            put(f"csv/{one.table.name}.csv", _csv_of(one, shown, chain([first], batches), document))
            document.write(b"\n]")
        document.write(b"\n}}\n")
        document.seek(0)
        put("personal-data.json", iter(lambda: document.read(COPIED_AT_ONCE), b""))
        for made in _documents(tx, person):
            put(f"documents/{made.name}", iter([made.body]))


def _head(tx: Transaction, customer_id: str) -> bytes:
    c = t.customer.c
    row = tx.connection.execute(select(c.id, c.name, c.email).where(c.id == customer_id)).one()
    head = {"format": FORMAT, "version": VERSION, "as_of": _json_value(tx.now), "customer": row._asdict()}
    return json.dumps(head, ensure_ascii=False)[:-1].encode() + b', "records": {'


def _batches(tx: Transaction, one: Theirs, person: Person, shown: Shown) -> Iterator[list[dict[str, Any]]]:
    """The customer's rows of a table in the order of their keys, as they are handed out.

    Page by page: a cursor of PostgreSQL would be left open where its connection is lost.
    """
    key = tuple(one.table.primary_key)
    rows = select(one.table).where(one.rows(person)).order_by(*key).limit(ROWS_AT_ONCE)
    page = rows
    while found := tx.connection.execute(page).mappings().all():
        yield shown.rows(one, found)
        if len(found) < ROWS_AT_ONCE:
            return
        last = (literal(found[-1][column.name], column.type) for column in key)
        page = rows.where(tuple_(*key) > tuple_(*last))


def _csv_of(
    one: Theirs, shown: Shown, batches: Iterable[list[dict[str, Any]]], document: IO[bytes]
) -> Iterator[bytes]:
    """The rows of a table as CSV; while they are read they go into the JSON document as well."""
    columns = shown.columns(one)

    def cells() -> Iterator[list[Any]]:
        separator = ""
        for row in chain.from_iterable(batches):
            values = {name: _json_value(value) for name, value in row.items()}
            document.write(f"{separator}\n{json.dumps(values, ensure_ascii=False)}".encode())
            separator = ","
            yield [_csv_value(row[name]) for name in columns]

    yield BYTE_ORDER_MARK.encode()
    yield from map(str.encode, csv_chunks(columns, cells()))


def _json_value(value: Any) -> Any:
    """A value as JSON: instants as RFC 3339 in UTC, days as YYYY-MM-DD, decimals as text, bytes in hex."""
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat().replace("+00:00", "Z")
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, Decimal):
        return decimal_text(value)
    return value.hex() if isinstance(value, bytes) else value


def _csv_value(value: Any) -> Any:
    if isinstance(value, dict | list):
        return json.dumps(value, ensure_ascii=False)
    return value.hex() if isinstance(value, bytes) else value


def _documents(tx: Transaction, person: Person) -> Iterator[DocumentFile]:
    """What was issued to them: nothing is stored of it but its values, which do not change."""
    i = t.invoice
    issued = select(i.c.id, i.c.e_invoice_profile).where(rows_of(i, person), i.c.number.is_not(None))
    has_e_invoices = not is_erased(tx, person.id)
    for row in tx.connection.execute(issued.order_by(i.c.issued_at, i.c.id)).all():
        yield pdf_file(tx, row.id)
        if row.e_invoice_profile is not None and has_e_invoices:
            yield cii_file(tx, row.id)
            yield ubl_file(tx, row.id)


def _put(archive: ZipFile, at: datetime, name: str, parts: Iterable[bytes]) -> None:
    """Add a file to the archive, part by part."""
    entry = ZipInfo(name, date_time=at.timetuple()[:6])
    entry.compress_type = ZIP_DEFLATED
    # without it a file of more than 2 GiB would fail at its end
    with archive.open(entry, "w", force_zip64=True) as file:
        for part in parts:
            file.write(part)
