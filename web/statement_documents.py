"""Statements of contracts and holders as CSV rows and PDF documents, for pages and API."""

from collections.abc import Iterable, Iterator
from datetime import date
from typing import Any
from zoneinfo import ZoneInfo

from engine.contracts import HolderKind
from engine.quantities import hours_text
from web.languages import gettext, mark
from web.posting_reasons import posting_reason
from web.statement_labels import GRANT_KINDS, MOVEMENTS
from web.statement_pdf import MOST_LINES, Column, statement_pdf
from workflows.contracts.holder_statement import read_holder_statement
from workflows.contracts.queries import read_contract
from workflows.contracts.statement import read_statement
from workflows.core.transaction import Transaction
from workflows.languages.formats import day_text, instant_text, money_text
from workflows.views.contracts import HolderStatementLine, StatementLine

HOLDER_CSV = (
    "contract_number",
    "grant_kind",
    "grant",
    "effective_at",
    "recorded_at",
    "kind",
    "service_request_number",
    "minutes",
    "incidents",
    "money",
    "currency",
    "balance_after",
    "why",
)
PAGE = 200
_CONTRACT = (
    Column(mark("Date"), 17),
    Column(mark("Movement"), 20),
    Column(mark("Request"), 13),
    Column(mark("Reason"), 34),
    Column(mark("Change"), 10, "RIGHT"),
    Column(mark("Balance"), 10, "RIGHT"),
)
_HOLDER = (
    Column(mark("Contract"), 12),
    Column(mark("Grant"), 15),
    Column(mark("Date"), 17),
    Column(mark("Movement"), 16),
    Column(mark("Request"), 11),
    Column(mark("Reason"), 27),
    Column(mark("Change"), 9, "RIGHT"),
    Column(mark("Balance"), 9, "RIGHT"),
)


def contract_pdf(
    tx: Transaction, contract_id: str, *, from_: date | None = None, to: date | None = None
) -> bytes:
    """The statement of a contract as a PDF file. Raises: NotFound; InvalidInput for too many lines."""
    contract = read_contract(tx, contract_id)
    statement = read_statement(tx, contract_id, from_=from_, to=to)
    zone = ZoneInfo(contract.time_zone)
    unit, currency = statement.unit, statement.currency
    return statement_pdf(
        title=gettext("Statement of %(name)s", name=contract.number),
        facts=[
            gettext("%(type)s, held by %(holder)s", type=contract.type_label, holder=contract.holder_name),
            _days(from_, to),
            gettext(
                "Opening balance %(opening)s, closing balance %(closing)s. Times are in %(zone)s.",
                opening=_amount(statement.opening_balance, unit, currency),
                closing=_amount(statement.closing_balance, unit, currency),
                zone=zone.key,
            ),
        ],
        columns=_CONTRACT,
        rows=(_contract_row(line, unit, currency, zone) for line in statement.lines),
        sender=tx.settings.company.name,
        created_at=tx.now,
    )


def holder_pdf(tx: Transaction, kind: HolderKind, holder_id: str, /, **filters: Any) -> bytes:
    """The statement of a holder as a PDF file; `filters` as in `read_holder_statement`.

    Raises: NotFound; InvalidInput for a filter or too many lines.
    """
    statement = read_holder_statement(tx, kind, holder_id, **filters)
    zone = tx.settings.zone
    return statement_pdf(
        title=gettext("Statement of %(name)s", name=statement.holder_name),
        facts=[
            _days(filters.get("from_"), filters.get("to")),
            gettext("Times are in %(zone)s.", zone=zone.key),
        ],
        columns=_HOLDER,
        rows=(_holder_row(line, zone) for line in statement.lines[: MOST_LINES + 1]),
        sender=tx.settings.company.name,
        created_at=tx.now,
    )


def holder_lines(
    tx: Transaction, kind: HolderKind, holder_id: str, /, **filters: Any
) -> Iterator[HolderStatementLine]:
    """All lines of a holder's statement, read page by page. Raises: as `read_holder_statement`."""
    cursor: str | None = None
    while True:
        page = read_holder_statement(tx, kind, holder_id, **filters, limit=PAGE, cursor=cursor)
        yield from page.lines
        cursor = page.next_cursor
        if cursor is None:
            return


def holder_csv_rows(lines: Iterable[HolderStatementLine]) -> Iterator[list[Any]]:
    """The lines of a holder's statement as rows of `HOLDER_CSV`."""
    return ([getattr(line, name) for name in HOLDER_CSV] for line in lines)


def _contract_row(line: StatementLine, unit: str, currency: str | None, zone: ZoneInfo) -> list[str]:
    return [
        instant_text(line.effective_at, zone),
        MOVEMENTS.get(line.kind, line.kind),
        _request(line),
        posting_reason(line.why),
        _change(line.minutes or line.incidents or line.money, unit, currency),
        _amount(line.balance_after, unit, currency),
    ]


def _holder_row(line: HolderStatementLine, zone: ZoneInfo) -> list[str]:
    return [
        line.contract_number,
        GRANT_KINDS.get(line.grant_kind or "", ""),
        instant_text(line.effective_at, zone),
        MOVEMENTS.get(line.kind, line.kind),
        _request(line),
        posting_reason(line.why),
        _change(line.minutes or line.incidents or line.money, line.unit, line.currency),
        "" if line.balance_after is None else _amount(line.balance_after, line.unit, line.currency),
    ]


def _request(line: StatementLine | HolderStatementLine) -> str:
    if line.another_service_request:
        return gettext("Another request")
    return line.service_request_number or ""


def _days(from_: date | None, to: date | None) -> str:
    if from_ is None:
        if to is None:
            return gettext("All movements so far")
        return gettext("Movements from the beginning to %(to)s", to=day_text(to))
    if to is None:
        return gettext("Movements from %(first)s until now", first=day_text(from_))
    return gettext("Movements from %(first)s to %(to)s", first=day_text(from_), to=day_text(to))


def _change(amount: int, unit: str, currency: str | None) -> str:
    if not amount:
        return gettext("none")
    return f"{'+' if amount > 0 else '-'}{_amount(abs(amount), unit, currency)}"


def _amount(amount: int, unit: str, currency: str | None) -> str:
    if unit == "money":
        return money_text(amount, currency or "")
    return str(amount) if unit == "incidents" else hours_text(amount)
