"""The bank statement of the demonstration: paid at once, offered, left, and a debit."""

from decimal import Decimal
from typing import Any
from xml.sax.saxutils import escape

from sqlalchemy import ColumnElement, Row, select

from workflows.billing.bank.statements import import_statement
from workflows.core.transaction import Transaction
from workflows.demo.timeline import Timeline
from workflows.store import tables as t

DAYS_AGO = 1


def plan_bank_statement(timeline: Timeline) -> None:
    """Plan the upload of yesterday's statement, which pays some of the invoices."""
    timeline.plan(
        timeline.at(DAYS_AGO, 16),
        "finance",
        lambda tx: import_statement(tx, "Statement.xml", _statement(tx, timeline).encode()),
    )


def _statement(tx: Transaction, timeline: Timeline) -> str:
    i = t.invoice.c
    part, unpaid = _invoice(tx, i.open_minor < i.total_minor), _invoice(tx, i.open_minor == i.total_minor)
    day = timeline.day(DAYS_AGO).isoformat()
    entries = [
        _entry(day, 1, part.open_minor, part.buyer["name"], f"Balance of {part.number}, with thanks"),
        _entry(day, 2, unpaid.open_minor, unpaid.buyer["name"], "Support"),
        _entry(day, 3, 7_500, "Hafen Immobilien", "Refund of a deposit"),
        _entry(day, 4, -1_290, "Bank", "Account fees"),
    ]
    total = part.open_minor + unpaid.open_minor + 7_500 - 1_290
    return (
        '<?xml version="1.0" encoding="UTF-8"?>\n'
        '<Document xmlns="urn:iso:std:iso:20022:tech:xsd:camt.053.001.08"><BkToCstmrStmt>'
        f"<GrpHdr><MsgId>1</MsgId></GrpHdr><Stmt><Id>{day}</Id>"
        f"<FrToDt><FrDtTm>{day}T00:00:00</FrDtTm><ToDtTm>{day}T23:59:59</ToDtTm></FrToDt>"
        f"<Acct><Id><IBAN>{tx.settings.company.iban}</IBAN></Id><Ccy>EUR</Ccy></Acct>"
        f"{_balance('OPBD', 1_000_000)}{_balance('CLBD', 1_000_000 + total)}{''.join(entries)}"
        "</Stmt></BkToCstmrStmt></Document>"
    )


def _invoice(tx: Transaction, which: ColumnElement[bool]) -> Row[Any]:
    """The first invoice that is open, and of which something, or nothing, was paid."""
    i = t.invoice
    is_open = (i.c.state == "issued") & (i.c.open_minor > 0)
    return tx.connection.execute(select(i).where(is_open, which).order_by(i.c.id).limit(1)).one()


def _balance(kind: str, minor: int) -> str:
    return (
        f"<Bal><Tp><CdOrPrtry><Cd>{kind}</Cd></CdOrPrtry></Tp>{_amount(minor)}"
        "<CdtDbtInd>CRDT</CdtDbtInd></Bal>"
    )


def _entry(day: str, number: int, minor: int, party: str, text: str) -> str:
    role, sign = ("Dbtr", "CRDT") if minor > 0 else ("Cdtr", "DBIT")
    return (
        f"<Ntry>{_amount(abs(minor))}<CdtDbtInd>{sign}</CdtDbtInd><Sts><Cd>BOOK</Cd></Sts>"
        f"<BookgDt><Dt>{day}</Dt></BookgDt><AcctSvcrRef>B-{day}-{number}</AcctSvcrRef><NtryDtls><TxDtls>"
        f"<RltdPties><{role}><Pty><Nm>{escape(party)}</Nm></Pty></{role}></RltdPties>"
        f"<RmtInf><Ustrd>{escape(text)}</Ustrd></RmtInf></TxDtls></NtryDtls></Ntry>"
    )


def _amount(minor: int) -> str:
    return f'<Amt Ccy="EUR">{Decimal(minor).scaleb(-2)}</Amt>'
