"""Exporting journals: numbered batches, in which each ledger transaction is once for each format.

Batches of one format are made one after another: the counter of their numbers is locked first. What is
recorded afterwards, also for an earlier day, is in the next one. Source: product.md section 10.
"""

from collections.abc import Iterator, Sequence
from datetime import date
from itertools import groupby

from sqlalchemy import insert

from engine.accounting_periods import month_of
from engine.errors import DeskError
from engine.ledger import ExportFormat
from engine.periods import last_day_of_month
from workflows.accounting_exports.files import batch_file
from workflows.accounting_exports.pending import (
    PendingEntry,
    check_span,
    missing_settings,
    pending_entries,
    unmapped_accounts,
)
from workflows.commands.accounting_exports import NewAccountingExport
from workflows.core.actors import Role
from workflows.core.errors import StateForbids
from workflows.core.numbering import next_number
from workflows.core.transaction import Transaction
from workflows.languages.texts import gettext
from workflows.languages.words import and_text
from workflows.store import tables as t
from workflows.store.ids import new_id

ACCOUNTANTS: tuple[Role, ...] = ("finance", "administrator")
MOST_TRANSACTIONS = 20_000
"""In one batch: with up to four lines each, a DATEV file stays below the 99,999 lines that it may have."""
SERIES: dict[ExportFormat, str] = {"csv": "CSV", "datev": "DATEV"}


class AccountsNotMapped(DeskError):
    """Accounts of what is to be exported have no number in the settings."""

    code = "accounts-not-mapped"


def export_journals(tx: Transaction, command: NewAccountingExport) -> list[str]:
    """Write what is not exported yet into batches, one for each month or more; returns their ids.

    Raises:
        NotAllowed: the actor is neither finance nor an administrator.
        InvalidInput: the span ends in the future, or the format has no such amounts.
        StateForbids: nothing is to be exported, or settings that the format needs are missing.
        AccountsNotMapped: an account has no number.
        DatevForbids: a number or an amount is not as DATEV takes it.
    """
    tx.require(*ACCOUNTANTS)
    check_span(tx, command)
    missing = missing_settings(tx.settings, command.format)
    if missing:
        raise StateForbids(
            gettext("DATEV needs %(missing)s, which the settings do not have.", missing=and_text(missing)),
            remedy=gettext("Enter them in the settings."),
            state="not-set",
            missing=[{"field": name, "detail": gettext("It is not set.")} for name in missing],
        )
    # taken before anything is read: of two who export at once, the second waits here
    number = next_number(tx, SERIES[command.format])
    found = pending_entries(tx, command)
    if not found:
        raise StateForbids(
            gettext("Everything up to %(to_on)s has been exported.", to_on=command.to_on),
            remedy=gettext("Download an earlier batch again, or give a later day."),
            state="exported",
        )
    unmapped = unmapped_accounts(tx, command)
    if unmapped:
        raise AccountsNotMapped(
            gettext("These accounts have no number: %(unmapped)s.", unmapped=", ".join(unmapped)),
            remedy=gettext("Enter their numbers under Accounts in the settings."),
            accounts=unmapped,
        )
    made: list[str] = []
    for month, entries in _batches(found):
        if made:
            number = next_number(tx, SERIES[command.format])
        made.append(_make(tx, command, number, month, entries))
    return made


def _batches(found: Sequence[PendingEntry]) -> Iterator[tuple[date, list[str]]]:
    """The transactions of each month by its first day, in parts that fit into a file."""
    for month, entries in groupby(found, key=lambda one: one.on.replace(day=1)):
        ids = [one.id for one in entries]
        for start in range(0, len(ids), MOST_TRANSACTIONS):
            yield month, ids[start : start + MOST_TRANSACTIONS]


def _make(tx: Transaction, command: NewAccountingExport, number: str, month: date, ids: Sequence[str]) -> str:
    from_on = max(month, command.from_on or month)
    to_on = min(last_day_of_month(month), command.to_on)
    content, rows = batch_file(tx, command.format, ids, from_on=from_on, to_on=to_on, number=number)
    export_id = new_id()
    name = f"EXTF_Buchungsstapel_{number}" if command.format == "datev" else f"journals-{number}"
    tx.add(
        t.accounting_export,
        id=export_id,
        number=number,
        format=command.format,
        from_on=from_on,
        to_on=to_on,
        transactions=len(ids),
        rows=rows,
        file_name=f"{name}-{month_of(month)}.csv",
        content=content,
        made_at=tx.now,
        made_by=tx.actor.name,
    )
    tx.connection.execute(
        insert(t.accounting_export_entry),
        [{"format": command.format, "transaction_id": one, "export_id": export_id} for one in ids],
    )
    tx.audit("accounting_export", export_id, "made", number=number, transactions=len(ids))
    return export_id
