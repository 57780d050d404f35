"""What an erasure replaces, row by row: a plan that is read before anything is changed, counted and applied.

What stands for a value follows from the kind of its column in the registry; only what is more than that is
stated here. A value is replaced where the row is the customer's; a name beside what somebody did, and the
text that they wrote with it, in every row.
"""

import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence, Set
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Row, Table, and_, case, delete, func, literal, or_, select, update

from engine.invoice_document import Party
from workflows.billing.invoicing.parties import party_fields
from workflows.core.transaction import Transaction
from workflows.people.kinds import Kind, Theirs
from workflows.people.person import Person
from workflows.people.registry import REGISTRY, held_tables, rows_of
from workflows.store import tables as t
from workflows.store.erasure_triggers import ERASED, address_of_erased, name_of_erased
from workflows.store.search_index import merge_search_index
from workflows.store.search_words import request_words, search_words

WRITTEN: Mapping[str, tuple[str, tuple[str, ...]]] = {
    "service_request": ("created_by", ("subject", "description")),
    "service_request_history": ("actor", ("note", "reason")),
    "service_request_note": ("author", ("body",)),
    "coverage_decision": ("actor", ("reason",)),
}
"""By table: the name of who did it, and the texts that they wrote with it, also in rows of others."""
ONE_BY_ONE = frozenset({"customer", "user_account", "item", "imported_record", "audit_event"})
"""Tables whose rows get values of their own each: unique ones, and JSON."""
CLEARED = (t.login_session, t.known_device, t.password_link, t.password_request)
"""Tables from which their rows are deleted: with these they sign in."""
EMPTY_KINDS = frozenset({Kind.ADDRESS, Kind.TAX_ID, Kind.BANK_ACCOUNT, Kind.NETWORK, Kind.EMAIL})
SEARCHED = ("service_request", "customer", "item")
CODES = frozenset(
    (
        "about", "contract", "contract_type", "contracts", "credit_note", "currency", "every", "fields",
        "grants", "holder", "invoice", "invoices", "item_type", "kind", "language", "month", "months",
        "number", "owner", "priority", "quote", "role", "rules", "service_request", "sla", "state",
        "successor", "type", "unit", "way", "work_type",
    )
)  # fmt: skip
"""Names in JSON whose values are codes, or numbers of records that stay."""
PLAIN = re.compile(
    r"(?:[a-z_]+:)?[0-9a-hjkmnp-tv-z]{26}"
    r"|\d{4}-\d\d(-\d\d([T ][\d:.]+(Z|[+-]\d\d:\d\d)?)?)?|-?\d+(\.\d+)?|None"
)
"""Ids, days, instants and numbers."""
ANSWER = json.dumps(
    {
        "type": "/api/docs#customer-erased",
        "title": "Customer erased",
        "status": 409,
        "detail": "The first response was about a customer who has been erased. Nothing was done again.",
        "state": "erased",
    }
)
"""Stands for the response that was stored for a repeated call."""


@dataclass(frozen=True, slots=True)
class Update:
    """One UPDATE: the rows that a condition selects get values."""

    table: Table
    where: ColumnElement[bool]
    values: Mapping[str, Any]

    def count(self, tx: Transaction) -> int:
        found = select(func.count()).select_from(self.table).where(self.where)
        return int(tx.connection.execute(found).scalar_one())

    def apply(self, tx: Transaction) -> int:
        return tx.connection.execute(update(self.table).where(self.where).values(**self.values)).rowcount


@dataclass(frozen=True, slots=True)
class Deletion:
    """Rows that are deleted."""

    table: Table
    where: ColumnElement[bool]

    def count(self, tx: Transaction) -> int:
        found = select(func.count()).select_from(self.table).where(self.where)
        return int(tx.connection.execute(found).scalar_one())

    def apply(self, tx: Transaction) -> int:
        return tx.connection.execute(delete(self.table).where(self.where)).rowcount


@dataclass(frozen=True, slots=True)
class EachRow:
    """Rows with values of their own, by their primary keys. `also` is set where it was counted already."""

    table: Table
    rows: Sequence[tuple[tuple[Any, ...], Mapping[str, Any]]]
    also: bool = False

    def count(self, tx: Transaction) -> int:
        return 0 if self.also else len(self.rows)

    def apply(self, tx: Transaction) -> int:
        key = list(self.table.primary_key)
        for values, changed in self.rows:
            same = and_(*(column == value for column, value in zip(key, values, strict=True)))
            tx.connection.execute(update(self.table).where(same).values(**changed))
        return 0 if self.also else len(self.rows)


Step = Update | Deletion | EachRow


def plan_replacement(tx: Transaction, person: Person, number: int) -> list[Step]:
    """What of a customer is replaced, in order; `number` is that of the erasure. Nothing is changed yet."""
    plan = _Plan(tx, person, number)
    steps: list[Step] = [*plan.deletions(), *plan.rows_one_by_one(), *plan.json_columns()]
    for one in held_tables():
        if one.table.name not in ONE_BY_ONE and one.table not in CLEARED:
            steps += plan.columns(one)
    return [*steps, *plan.words()]


def forget_search_words(tx: Transaction) -> None:
    """Remove words from SQLite's full-text indexes whose rows have others by now.

    They stay in the index until its parts are merged. PostgreSQL has them until it is vacuumed, where no
    statement reads them.
    """
    if tx.is_sqlite:
        for name in SEARCHED:
            tx.connection.exec_driver_sql(merge_search_index(name))


@contextmanager
def overwriting(tx: Transaction) -> Iterator[None]:
    """Within it SQLite overwrites what is deleted or replaced in its file with zeros."""
    if not tx.is_sqlite:
        yield
        return
    before = tx.connection.exec_driver_sql("PRAGMA secure_delete").scalar_one()
    tx.connection.exec_driver_sql("PRAGMA secure_delete = ON")
    try:
        yield
    finally:
        tx.connection.exec_driver_sql(f"PRAGMA secure_delete = {int(before)}")


class _Plan:
    def __init__(self, tx: Transaction, person: Person, number: int) -> None:
        self.tx, self.person, self.number = tx, person, number
        self.name, self.email = name_of_erased(number), address_of_erased(number)

    # -------------------------------------------------------------- by the kinds of the columns

    def columns(self, one: Theirs) -> Iterator[Update]:
        """The columns of a table that are replaced by one value each, whatever the row."""
        theirs, conditions, values = one.rows(self.person), [], {}
        replaced = {
            name: self._replaced(one, one.table.c[name], kind, theirs) for name, kind in one.columns.items()
        }
        for name, found in {**replaced, **self._more(one.table, theirs)}.items():
            if found is not None:
                column, (applies, replacement) = one.table.c[name], found
                value = literal(replacement, column.type)
                applies = and_(applies, column.is_distinct_from(value))
                conditions.append(applies)
                values[name] = case((applies, value), else_=column)
        if conditions:
            yield Update(one.table, or_(*conditions), values)

    def _replaced(
        self, one: Theirs, column: Any, kind: Kind, theirs: ColumnElement[bool]
    ) -> tuple[ColumnElement[bool], Any] | None:
        """Where a column is replaced, and by what; None for one of which nothing, or more, is to be done."""
        given, nothing = and_(column.is_not(None), column != ""), None if column.nullable else ""
        if kind in (Kind.ACTOR, Kind.STAFF):
            called, only = column.in_(self.person.called), column.in_(self.person.names)
            return or_(and_(theirs, called), only), self.name
        if kind is Kind.NAME:
            return and_(theirs, given), None if column.nullable else self.name
        if kind is Kind.TEXT:
            author, texts = WRITTEN.get(one.table.name, ("", ()))
            by_them = one.table.c[author].in_(self.person.names) if column.name in texts else None
            where = theirs if by_them is None else or_(theirs, by_them)
            return and_(where, given), ERASED
        if kind is Kind.EMAIL:
            return and_(theirs, given, ~self._is_of_another(column)), nothing
        if kind in EMPTY_KINDS:
            return and_(theirs, given), nothing
        return None

    def _more(self, table: Table, theirs: ColumnElement[bool]) -> dict[str, tuple[ColumnElement[bool], Any]]:
        """What else is replaced with the columns of the same rows, of which a later statement might not know.

        Mail that is to be sent is cancelled, tokens and links no longer work, and a repeated call gets no
        response about them.
        """
        c = table.c
        if table is t.outbox:
            unsent = and_(theirs, c.delivered_at.is_(None))
            cancelled: dict[str, tuple[ColumnElement[bool], Any]] = dict.fromkeys(
                ("next_attempt_at", "recipient", "last_error"), (unsent, None)
            )
            to_them = func.lower(c.recipient).in_(self.person.emails)
            cancelled["recipient"] = (or_(unsent, and_(theirs, to_them)), None)
            return {**cancelled, "payload": (theirs, {})}
        if table is t.api_token:
            return {"revoked_at": (and_(theirs, c.revoked_at.is_(None)), self.tx.real_now)}
        if table in (t.quote_link, t.approval_link):
            return {"token_hash": (theirs, None)}
        if table is t.invoice:
            buyer = party_fields(Party(name=self.name))
            return {"buyer": (and_(theirs, c.buyer.is_not(None)), buyer)}
        if table is t.idempotency_key:
            # what pages keep is an id
            body = and_(theirs, or_(c.answer.startswith("{"), c.answer.startswith("[")))
            return {"answer": (body, ANSWER), "status": (body, 409)}
        return {}

    def _is_of_another(self, column: ColumnElement[str]) -> ColumnElement[bool]:
        """SQL: an address is that of another customer or user, of whom nothing is erased."""
        c, u = t.customer.c, t.user_account.c
        others = select(c.email).where(c.id != self.person.id)
        users = select(u.email).where(or_(u.customer_id.is_(None), u.customer_id != self.person.id))
        return func.lower(column).in_(others.union(users))

    # -------------------------------------------------------------- by the row

    def deletions(self) -> Iterator[Deletion]:
        for table in CLEARED:
            yield Deletion(table, rows_of(table, self.person))

    def rows_one_by_one(self) -> Iterator[EachRow]:
        for row in self._rows(t.customer):
            words = search_words(self.name, self.email)
            values = {"name": self.name, "email": self.email, "search_words": words}
            yield EachRow(
                t.customer, [((row.id,), {**values, "erased_at": self.tx.now, "version": row.version + 1})]
            )
        yield EachRow(t.user_account, list(self._logins()))
        yield EachRow(t.item, list(self._items()))
        yield EachRow(t.imported_record, list(self._imported()))
        yield EachRow(t.audit_event, list(self._events()))

    def _logins(self) -> Iterator[tuple[tuple[Any, ...], dict[str, Any]]]:
        for place, row in enumerate(self._rows(t.user_account)):
            yield (
                (row.id,),
                {
                    "name": self.name,
                    "email": self.email if place == 0 else self.email.replace("@", f"-{place}@"),
                    "password_hash": None,
                    "disabled_at": row.disabled_at or self.tx.real_now,
                    "session_epoch": row.session_epoch + 1,
                },
            )

    def _items(self) -> Iterator[tuple[tuple[Any, ...], dict[str, Any]]]:
        for place, row in enumerate(self._rows(t.item), 1):
            number = f"erased-{self.number}-{place}"
            words = search_words(number, ERASED)
            yield (
                (row.id,),
                {"name": ERASED, "number": number, "search_words": words, "version": row.version + 1},
            )

    def _imported(self) -> Iterator[tuple[tuple[Any, ...], dict[str, Any]]]:
        key = list(t.imported_record.primary_key)
        for place, row in enumerate(self._rows(t.imported_record), 1):
            values = tuple(getattr(row, column.name) for column in key)
            yield values, {"external_key": f"erased-{self.number}-{place}"}

    def _events(self) -> Iterator[tuple[tuple[Any, ...], dict[str, Any]]]:
        e, person = t.audit_event, self.person
        theirs = rows_of(e, person)
        found = select(e, theirs.label("theirs")).where(or_(theirs, e.c.actor.in_(person.names)))
        for row in self.tx.connection.execute(found.order_by(e.c.id)):
            # the number of an item is what somebody chose
            codes = CODES - {"number"} if row.subject_kind == "item" else CODES
            details = without_texts(row.details, codes)
            by_them = row.actor in (person.called if row.theirs else person.names)
            values: dict[str, Any] = {"actor": self.name} if by_them else {}
            if details != row.details:
                values["details"] = details
            if row.subject_kind == "login":
                # the network address from which somebody tried to sign in
                values["subject_id"] = ERASED
            if values:
                yield (row.id,), values

    def json_columns(self) -> Iterator[EachRow]:
        for table in (t.dispute, t.bank_entry):
            for name in REGISTRY[table.name].of_kind(Kind.JSON):  # type: ignore[union-attr]
                rows = [
                    ((row.id,), {name: changed})
                    for row in self._rows(table)
                    if (changed := without_texts(getattr(row, name))) != getattr(row, name)
                ]
                yield EachRow(table, rows, also=True)

    # -------------------------------------------------------------- what they are found by

    def words(self) -> Iterator[EachRow]:
        """The words by which service requests are found: those of the customer, and what they wrote."""
        r = t.service_request
        theirs = rows_of(r, self.person)
        by_them = r.c.created_by.in_(self.person.names)
        found = (
            select(r.c.id, r.c.number, r.c.search_words, theirs.label("theirs"), t.customer.c.name)
            .join(t.customer, t.customer.c.id == r.c.customer_id)
            .where(or_(theirs, by_them))
        )
        rows = []
        for row in self.tx.connection.execute(found.order_by(r.c.id)):
            words = request_words(row.number, ERASED, self.name if row.theirs else row.name)
            if words != row.search_words:
                rows.append(((row.id,), {"search_words": words}))
        yield EachRow(r, rows, also=True)

    def _rows(self, table: Table) -> Sequence[Row[Any]]:
        found = select(table).where(rows_of(table, self.person))
        return self.tx.connection.execute(found.order_by(*table.primary_key)).all()


def without_texts(value: Any, codes: Set[str] = CODES, name: str = "") -> Any:
    """JSON in which every text is replaced, but for ids, numbers, days, and values of names in `codes`."""
    if isinstance(value, dict):
        return {key: without_texts(one, codes, key) for key, one in value.items()}
    if isinstance(value, list):
        return [without_texts(one, codes, name) for one in value]
    if not isinstance(value, str) or not value or name in codes or PLAIN.fullmatch(value):
        return value
    return ERASED


def counted(counts: Iterable[tuple[Table, int]]) -> dict[str, int]:
    """Rows by table, without tables that have none; where several steps change a row it counts once."""
    rows: dict[str, int] = {}
    for table, count in counts:
        rows[table.name] = max(rows.get(table.name, 0), count)
    return {name: count for name, count in sorted(rows.items()) if count}
