"""Statements of contracts and holders as CSV rows and PDF documents, for pages and API."""

from collections.abc import Iterable, Iterator
from contextlib import suppress
from datetime import date
from typing import Any
from zoneinfo import ZoneInfo

from engine.contracts import HolderKind
from engine.quantities import hours_text
from web.languages import gettext, mark, ngettext
from web.posting_reasons import posting_reason
from web.statement_labels import CHANGES, DISPUTES, GRANT_KINDS, MOVEMENTS
from web.statement_pdf import MOST_LINES, Column, statement_pdf
from workflows.contracts.holder_statement import read_holder_statement
from workflows.contracts.queries import read_contract
from workflows.contracts.statement import read_acceptance, read_statement
from workflows.core.transaction import Transaction
from workflows.disputes.queries import disputes_of_statements
from workflows.languages.formats import day_text, instant_text, money_text
from workflows.views.contracts import AcceptanceView, HolderStatementLine, StatementLine
from workflows.views.disputes import DisputeView

CSV_REMARKS = ("dispute", "since_acceptance")
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
    *CSV_REMARKS,
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
    Column(mark("Reason"), 26),
    Column(mark("Change"), 10, "RIGHT"),
    Column(mark("Balance"), 9, "RIGHT"),
)


def contract_pdf(
    tx: Transaction, contract_id: str, *, from_: date | None = None, to: date | None = None
) -> bytes:
    """The statement of a contract as a PDF file. Raises: NotFound; InvalidInput for too many lines."""
    contract = read_contract(tx, contract_id)
    statement = read_statement(tx, contract_id, from_=from_, to=to)
    disputes = disputes_of_statements(tx, [contract_id])
    accepted = statement.acceptance
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
            *([_accepted(accepted, currency, zone)] if accepted is not None else []),
        ],
        columns=_CONTRACT,
        rows=(
            _contract_row(line, unit, currency, zone, disputes.get(line.transaction))
            for line in statement.lines
        ),
        sender=tx.settings.company.name,
        created_at=tx.now,
    )


def holder_pdf(tx: Transaction, kind: HolderKind, holder_id: str, /, **filters: Any) -> bytes:
    """The statement of a holder as a PDF file; `filters` as in `read_holder_statement`.

    Raises: NotFound; InvalidInput for a filter or too many lines.
    """
    statement = read_holder_statement(tx, kind, holder_id, **filters)
    zone = tx.settings.zone
    contracts = {line.contract: line for line in statement.lines}
    disputes = disputes_of_statements(tx, contracts)
    return statement_pdf(
        title=gettext("Statement of %(name)s", name=statement.holder_name),
        facts=[
            _days(filters.get("from_"), filters.get("to")),
            gettext("Times are in %(zone)s.", zone=zone.key),
            *(
                gettext(
                    "%(label)s: %(text)s",
                    label=contracts[contract].contract_number,
                    text=_accepted(accepted, contracts[contract].currency, zone),
                )
                for contract, accepted in acceptances(tx, contracts).items()
            ),
        ],
        columns=_HOLDER,
        rows=(
            _holder_row(line, zone, disputes.get(line.transaction))
            for line in statement.lines[: MOST_LINES + 1]
        ),
        sender=tx.settings.company.name,
        created_at=tx.now,
    )


def acceptances(tx: Transaction, contracts: Iterable[str]) -> dict[str, AcceptanceView]:
    """The latest acceptance of each contract's statement that has one."""
    found = {}
    for contract_id in contracts:
        with suppress(LookupError):
            found[contract_id] = read_acceptance(tx, contract_id)
    return found


def holder_csv_rows(
    tx: Transaction, kind: HolderKind, holder_id: str, /, **filters: Any
) -> Iterator[list[Any]]:
    """The lines of a holder's statement as rows of `HOLDER_CSV`, read page by page.

    Raises: as `read_holder_statement`.
    """
    cursor: str | None = None
    while True:
        page = read_holder_statement(tx, kind, holder_id, **filters, limit=PAGE, cursor=cursor)
        disputes = disputes_of_statements(tx, {line.contract for line in page.lines})
        for line in page.lines:
            yield csv_row(line, HOLDER_CSV, disputes.get(line.transaction))
        cursor = page.next_cursor
        if cursor is None:
            return


def csv_row(
    line: StatementLine | HolderStatementLine, columns: Iterable[str], dispute: DisputeView | None
) -> list[Any]:
    """A line as a row of a CSV file, which ends with `csv_remarks`."""
    values = [getattr(line, name) for name in columns if name not in CSV_REMARKS]
    return [*values, *csv_remarks(line, dispute)]


def csv_remarks(line: StatementLine | HolderStatementLine, dispute: DisputeView | None) -> tuple[str, str]:
    """The state of the latest dispute about a line, and whether it changes what was accepted."""
    return (dispute.state if dispute is not None else "", "true" if line.since_acceptance else "false")


def _accepted(accepted: AcceptanceView, currency: str | None, zone: ZoneInfo) -> str:
    """Up to when a statement is accepted, and what has changed it since."""
    text = gettext(
        "Accepted up to %(up_to)s by %(who)s, %(when)s: balance %(balance)s.",
        up_to=instant_text(accepted.up_to, zone),
        who=accepted.accepted_by,
        when=instant_text(accepted.accepted_at, zone),
        balance=_amount(accepted.balance, accepted.unit, currency),
    )
    if not accepted.changes:
        return text
    if accepted.difference is None:
        changed = ngettext(
            "%(num)s line has changed it since.", "%(num)s lines have changed it since.", accepted.changes
        )
        return f"{text} {changed}"
    moved = _change(accepted.difference, accepted.unit, currency)
    changed = ngettext(
        "%(num)s line has changed it since: %(moved)s.",
        "%(num)s lines have changed it since: %(moved)s.",
        accepted.changes,
        moved=moved,
    )
    return f"{text} {changed}"


def _reason(line: StatementLine | HolderStatementLine, dispute: DisputeView | None) -> str:
    """Why a line was posted, and whether it is in dispute or changes what was accepted."""
    remarks = [posting_reason(line.why)]
    if line.since_acceptance:
        remarks.append(gettext("Changes what was accepted"))
    if dispute is not None:
        remarks.append(DISPUTES[dispute.state])
    return ". ".join(remarks)


def _contract_row(
    line: StatementLine, unit: str, currency: str | None, zone: ZoneInfo, dispute: DisputeView | None
) -> list[str]:
    return [
        instant_text(line.effective_at, zone),
        MOVEMENTS.get(line.kind) or CHANGES.get(line.kind, line.kind),
        _request(line),
        _reason(line, dispute),
        _change(line.minutes or line.incidents or line.money, unit, currency),
        _amount(line.balance_after, unit, currency),
    ]


def _holder_row(line: HolderStatementLine, zone: ZoneInfo, dispute: DisputeView | None) -> list[str]:
    has_balance = line.balance_after is not None or line.money is None
    return [
        line.contract_number,
        GRANT_KINDS.get(line.grant_kind or "", ""),
        instant_text(line.effective_at, zone),
        MOVEMENTS.get(line.kind, line.kind),
        _request(line),
        _reason(line, dispute),
        _change(line.minutes or line.incidents or line.money, line.unit, line.currency),
        _amount(line.balance_after, line.unit, line.currency) if has_balance else "",
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


def _change(amount: int | None, unit: str, currency: str | None) -> str:
    if amount is None:
        return gettext("not shown")
    if not amount:
        return gettext("none")
    return f"{'+' if amount > 0 else '-'}{_amount(abs(amount), unit, currency)}"


def _amount(amount: int | None, unit: str, currency: str | None) -> str:
    if amount is None:
        return gettext("not shown")
    if unit == "money":
        return money_text(amount, currency or "")
    return str(amount) if unit == "incidents" else hours_text(amount)
