"""Bank statements as text: small camt.053 files in each version; and records of them on a desk."""

from collections.abc import Sequence
from dataclasses import dataclass
from xml.sax.saxutils import escape

from tests.support.sample_desk import SampleDesk
from workflows.billing.bank.statements import import_statement
from workflows.billing.invoicing.drafts import create_invoice
from workflows.billing.issuing.use_cases import issue_invoice
from workflows.commands.billing import NewInvoice
from workflows.store import tables as t

VERSIONS = ("02", "04", "06", "08")
ACCOUNT = "DE02120300000000202051"


@dataclass(frozen=True)
class Detail:
    """A TxDtls; `amount` None leaves it out, `in_details` puts it into AmtDtls/TxAmt, all that 02 has."""

    amount: str | None = None
    texts: tuple[str, ...] = ()
    payer: str = ""
    iban: str = ""
    end_to_end: str = "NOTPROVIDED"
    currency: str = "EUR"
    reference: str = ""
    in_details: bool = False

    def xml(self, version: str, *, role: str = "Dbtr") -> str:
        amount = f'<Amt Ccy="{self.currency}">{self.amount}</Amt>' if self.amount else ""
        if amount and (self.in_details or version == "02"):
            amount = f"<AmtDtls><TxAmt>{amount}</TxAmt></AmtDtls>"
        name = f"<Nm>{escape(self.payer)}</Nm>"
        name = f"<Pty>{name}</Pty>" if version == "08" else name
        parties = f"<{role}>{name}</{role}>" if self.payer else ""
        if self.iban:
            parties += f"<{role}Acct><Id><IBAN>{self.iban}</IBAN></Id></{role}Acct>"
        texts = "".join(f"<Ustrd>{escape(one)}</Ustrd>" for one in self.texts)
        if self.reference:
            texts += f"<Strd><CdtrRefInf><Ref>{self.reference}</Ref></CdtrRefInf></Strd>"
        return (
            f"<TxDtls><Refs><EndToEndId>{self.end_to_end}</EndToEndId></Refs>{amount}"
            f"<RltdPties>{parties}</RltdPties><RmtInf>{texts}</RmtInf></TxDtls>"
        )


@dataclass(frozen=True)
class Entry:
    """An Ntry. `amount` is signed; `extra` is XML before the details."""

    amount: str
    details: tuple[Detail, ...] = ()
    booked_on: str = "2026-03-05"
    status: str = "BOOK"
    bank_reference: str = ""
    currency: str = "EUR"
    extra: str = ""
    note: str = ""
    reversal: bool = False

    def xml(self, version: str) -> str:
        status = f"<Cd>{self.status}</Cd>" if version in ("06", "08") else self.status
        reference = f"<AcctSvcrRef>{self.bank_reference}</AcctSvcrRef>" if self.bank_reference else ""
        credit = not self.amount.startswith("-")
        role = "Dbtr" if credit != self.reversal else "Cdtr"
        details = "".join(one.xml(version, role=role) for one in self.details)
        note = f"<AddtlNtryInf>{escape(self.note)}</AddtlNtryInf>" if self.note else ""
        return (
            f'<Ntry><Amt Ccy="{self.currency}">{self.amount.lstrip("-")}</Amt>'
            f"<CdtDbtInd>{'CRDT' if credit else 'DBIT'}</CdtDbtInd>"
            f"{'<RvslInd>true</RvslInd>' if self.reversal else ''}<Sts>{status}</Sts>"
            f"<BookgDt><Dt>{self.booked_on}</Dt></BookgDt>{reference}{self.extra}"
            f"{f'<NtryDtls>{details}</NtryDtls>' if details else ''}{note}</Ntry>"
        )


def camt(
    entries: Sequence[Entry],
    *,
    version: str = "08",
    account: str = ACCOUNT,
    statement_id: str = "S-1",
    opening: str = "",
    closing: str = "",
) -> str:
    """A camt.053 file with one statement."""
    body = statement(
        entries,
        version=version,
        account=account,
        statement_id=statement_id,
        opening=opening,
        closing=closing,
    )
    return document(body, version=version)


def document(body: str, *, version: str = "08", message: str = "camt.053", head: str = "") -> str:
    """A whole file around statements."""
    return (
        f'<?xml version="1.0" encoding="UTF-8"?>{head}\n'
        f'<Document xmlns="urn:iso:std:iso:20022:tech:xsd:{message}.001.{version}"><BkToCstmrStmt>\n'
        f"<GrpHdr><MsgId>M-1</MsgId></GrpHdr>\n{body}\n</BkToCstmrStmt></Document>\n"
    )


def statement(
    entries: Sequence[Entry],
    *,
    version: str = "08",
    account: str = ACCOUNT,
    statement_id: str = "S-1",
    opening: str = "",
    closing: str = "",
) -> str:
    """A Stmt; balances only where given, signed."""
    balances = "".join(
        f"<Bal><Tp><CdOrPrtry><Cd>{kind}</Cd></CdOrPrtry></Tp>"
        f'<Amt Ccy="EUR">{amount.lstrip("-")}</Amt>'
        f"<CdtDbtInd>{'DBIT' if amount.startswith('-') else 'CRDT'}</CdtDbtInd></Bal>"
        for kind, amount in (("OPBD", opening), ("CLBD", closing))
        if amount
    )
    return (
        f"<Stmt><Id>{statement_id}</Id><FrToDt><FrDtTm>2026-03-05T00:00:00+01:00</FrDtTm>"
        f"<ToDtTm>2026-03-05T23:59:59+01:00</ToDtTm></FrToDt>"
        f"<Acct><Id><IBAN>{account}</IBAN></Id><Ccy>EUR</Ccy></Acct>{balances}\n"
        + "\n".join(one.xml(version) for one in entries)
        + "</Stmt>"
    )


def bank_records(sample: SampleDesk) -> dict[str, str]:
    """Two open invoices of Ann, a statement with an entry that is left, and a file that pays an invoice."""
    company = sample.desk.config.settings.company.model_dump(mode="json")
    sample.set(invoices=True, company=company | {"iban": ACCOUNT})
    line = {
        "description": "Support",
        "quantity": "1",
        "unit_price": {"amount_minor": 11_900},
        "tax_rate": "No tax",
    }
    paid, open_invoice = (
        sample.do_as(
            sample.finance,
            create_invoice,
            NewInvoice.model_validate({"customer": sample.ann, "lines": [line]}),
        )
        for _ in range(2)
    )
    for one in (paid, open_invoice):
        sample.do_as(sample.finance, issue_invoice, one)
    day = sample.clock.now().date().isoformat()
    left = camt([Entry("5.00", (Detail(None, ("Cheers",)),), booked_on=day)])
    statement_id = sample.do_as(sample.finance, import_statement, "May.xml", left.encode())
    number = sample.rows(t.invoice, id=paid)[0].number
    pays = camt([Entry("119.00", (Detail(None, (number,)),), booked_on=day)], statement_id="S-2")
    return {
        "bank_statement": statement_id,
        "bank_entry": str(sample.rows(t.bank_entry)[0].id),
        "bank_file": pays,
        "invoice_to_pay": open_invoice,
        "number_to_pay": str(sample.rows(t.invoice, id=open_invoice)[0].number),
    }
