"""What is still to be exported: ledger transactions of money that are in no batch of a format."""

from collections.abc import Sequence
from datetime import date, datetime, timedelta
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, Row, exists, select

from engine.currencies import minor_digits
from engine.journals import MONEY_ACCOUNTS
from engine.ledger import ExportFormat
from engine.periods import first_instant_of, local_date
from workflows.commands.accounting_exports import NewAccountingExport
from workflows.core.errors import invalid
from workflows.core.settings import Settings
from workflows.core.transaction import Transaction
from workflows.languages.texts import gettext
from workflows.store import tables as t

entry, leg, done = t.ledger_transaction.c, t.ledger_posting.c, t.accounting_export_entry.c


class PendingEntry(NamedTuple):
    """A ledger transaction that is to be exported, and its day in the provider's time zone."""

    id: str
    on: date


def check_span(tx: Transaction, command: NewAccountingExport) -> None:
    """Refuse a span that ends after today, and what the format cannot write. Raises: InvalidInput."""
    if command.to_on > local_date(tx.now, tx.settings.zone):
        raise invalid(
            "/to_on", gettext("The span would end in the future."), gettext("Give today or an earlier day.")
        )
    if command.format == "datev" and minor_digits(tx.settings.currency) != 2:
        raise invalid(
            "/format",
            gettext(
                "DATEV takes amounts with two decimals, and %(currency)s has others.",
                currency=tx.settings.currency,
            ),
            gettext("Export CSV instead."),
        )


def pending_entries(tx: Transaction, command: NewAccountingExport) -> list[PendingEntry]:
    """What is to be exported, in the order of its instants."""
    rows = tx.connection.execute(
        select(entry.id, entry.effective_at)
        .where(*_pending(tx, command, in_currency=True))
        .order_by(entry.effective_at, entry.id)
    )
    zone = tx.settings.zone
    return [PendingEntry(row.id, local_date(row.effective_at, zone)) for row in rows]


def left_out(tx: Transaction, command: NewAccountingExport) -> int:
    """How many transactions a format does not take, since they are in another currency."""
    if command.format == "csv":
        return 0
    all_of_them = tx.connection.execute(
        select(entry.id).where(*_pending(tx, command, in_currency=False))
    ).scalars()
    return len(set(all_of_them) - {one.id for one in pending_entries(tx, command)})


def unmapped_accounts(tx: Transaction, command: NewAccountingExport) -> list[str]:
    """The accounts of what is to be exported that have no number, such as "revenue" or "tax S:19"."""
    used = tx.connection.execute(
        select(leg.account, leg.owner)
        .join(t.ledger_transaction, entry.id == leg.transaction_id)
        .where(leg.account.in_(MONEY_ACCOUNTS), *_pending(tx, command, in_currency=True))
        .distinct()
    )
    names = {
        f"tax {row.owner}" if row.account == "tax" else row.account
        for row in used
        if account_code(tx.settings, row.account, row.owner) is None
    }
    return sorted(names)


def missing_settings(settings: Settings, wanted: ExportFormat) -> list[str]:
    """The settings that a format needs and that are not set."""
    needed = {"datev_consultant": settings.datev_consultant, "datev_client": settings.datev_client}
    return [name for name, value in needed.items() if value is None] if wanted == "datev" else []


def account_code(settings: Settings, account: str, owner: str) -> str | None:
    """The number of an account in the accounting program: of tax that of its rate, else that of all tax."""
    codes: dict[tuple[str, str], str] = {(one.account, one.rate): one.code for one in settings.account_codes}
    return codes.get((account, owner)) or codes.get((account, ""))


def read_entries(tx: Transaction, ids: Sequence[str]) -> tuple[list[Row[Any]], dict[str, list[Row[Any]]]]:
    """Some transactions, in the order of their instants, and their legs by id."""
    rows = tx.connection.execute(
        select(t.ledger_transaction).where(entry.id.in_(ids)).order_by(entry.effective_at, entry.id)
    ).all()
    legs: dict[str, list[Row[Any]]] = {}
    for row in tx.connection.execute(
        select(t.ledger_posting).where(leg.transaction_id.in_(ids)).order_by(leg.transaction_id, leg.leg)
    ):
        legs.setdefault(row.transaction_id, []).append(row)
    return list(rows), legs


def _pending(
    tx: Transaction, command: NewAccountingExport, *, in_currency: bool
) -> list[ColumnElement[bool]]:
    of_it = t.ledger_posting.alias("of_it").c
    of_money = (of_it.transaction_id == entry.id) & of_it.account.in_(MONEY_ACCOUNTS)
    if in_currency and command.format == "datev":
        of_money &= of_it.unit == tx.settings.currency
    conditions = [
        entry.effective_at < _first_instant(tx, command.to_on + timedelta(days=1)),
        exists().where(of_money),
        ~exists().where(done.transaction_id == entry.id, done.format == command.format),
    ]
    if command.from_on is not None:
        conditions.append(entry.effective_at >= _first_instant(tx, command.from_on))
    return conditions


def _first_instant(tx: Transaction, day: date) -> datetime:
    return first_instant_of(day, tx.settings.zone)
