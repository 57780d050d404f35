"""Accepting and declining a quote, in the portal, by the link, or recorded by staff; and its lapse.

An acceptance makes the contracts, and the draft of the invoice, in the same transaction. What was decided is
stored for ever: who, when, by which text, about which version, from which address.
"""

from dataclasses import dataclass
from typing import Any

from sqlalchemy import Row, select

from engine.errors import DeskError
from engine.quotes import Decision, QuoteState, Way
from workflows.commands.quotes import DecideQuote
from workflows.core.actors import OFFICE, Actor
from workflows.core.erased import require_not_erased
from workflows.core.errors import NotAllowed, StateForbids
from workflows.core.secret_texts import secret_hash
from workflows.core.transaction import Transaction
from workflows.coverage.search import settle_and_cover
from workflows.languages.formats import day_text, money_text
from workflows.languages.texts import gettext
from workflows.languages.words import word
from workflows.lifecycle.contracts.creation import Origin, sell
from workflows.notifications.billing import notify
from workflows.selling.quote_invoices import draft_invoice
from workflows.selling.quote_lines import contract_of_line, line_rows
from workflows.selling.quotes import (
    SUBJECT,
    latest_version,
    locked_quote,
    no_such_quote,
    require_own,
    state_of,
    versions,
)
from workflows.selling.statements import statement_of
from workflows.store import tables as t
from workflows.store.compiled_statements import next_version

LONGEST_ADDRESS = 100
k = t.quote_link.c


class QuoteLinkNotValid(DeskError):
    """The link of a quote does not exist, or has expired."""

    code = "quote-link-not-valid"


class QuoteLapsed(StateForbids):
    """The last day of the version is over."""

    code = "quote-lapsed"


class QuoteDeclined(StateForbids):
    """The version was declined."""

    code = "quote-declined"


class QuoteSuperseded(StateForbids):
    """A later version was sent."""

    code = "quote-superseded"


class QuoteAccepted(StateForbids):
    """The quote was accepted."""

    code = "quote-accepted"


class QuoteNotSent(StateForbids):
    """The version was not sent yet."""

    code = "quote-not-sent"


@dataclass(frozen=True, slots=True)
class Evidence:
    """Who decides and how: `address` is the network address, `recipient` that of the mail with the link."""

    way: Way
    name: str
    address: str
    comment: str | None = None
    recipient: str | None = None
    link_id: str | None = None


def decide_quote(
    tx: Transaction, quote_id: str, command: DecideQuote, decision: Decision, address: str
) -> str:
    """Accept or decline a version of a quote, as its customer or by recording what a customer said.

    Deciding the same again changes nothing. Returns the quote's id.
    Raises:
        NotAllowed: the actor is a technician.
        NotFound: there is no such quote or version, or it is another customer's.
        QuoteLapsed, QuoteDeclined, QuoteSuperseded, QuoteAccepted, QuoteNotSent: it cannot be decided now.
        DeskError: a contract cannot be made any more as it was quoted.
    """
    if tx.actor.role == "technician":
        raise NotAllowed(
            gettext("Technicians do not decide about quotes."), remedy=gettext("Ask a supervisor or finance.")
        )
    row = locked_quote(tx, quote_id)
    require_not_erased(tx, row.customer_id)
    if not tx.actor.is_staff:
        require_own(tx, quote_id)
    version = _wanted(tx, row, command.version)
    name = tx.actor.name if not tx.actor.is_staff else command.name or tx.actor.name
    way: Way = "staff" if tx.actor.is_staff else "portal"
    _decide(tx, row, version, decision, Evidence(way, name, address, command.comment or None))
    return quote_id


def decide_by_link(
    tx: Transaction, secret: str, name: str, comment: str | None, decision: Decision, address: str
) -> str:
    """Accept or decline the version of a link, under the name that was typed. Uses the link up.

    Using it again for the same decision changes nothing. Returns the quote's id.
    Raises: QuoteLinkNotValid; as `decide_quote`.
    """
    link = find_link(tx, secret)
    row = locked_quote(tx, link.quote_id)
    require_not_erased(tx, row.customer_id)
    tx.actor = Actor(None, name, "customer", row.customer_id)
    version = latest_version(tx, row.id, link.number)
    evidence = Evidence("link", name, address, comment or None, link.recipient, link.id)
    _decide(tx, row, version, decision, evidence)
    return str(row.id)


def find_link(tx: Transaction, secret: str) -> Row[Any]:
    """The row of a link with the number of its version; it is not used up. Raises: QuoteLinkNotValid."""
    v = t.quote_version.c
    row = tx.connection.execute(
        select(t.quote_link, v.quote_id, v.number)
        .join(t.quote_version, v.id == k.version_id)
        .where(k.token_hash == secret_hash(secret), k.expires_at > tx.now)
    ).one_or_none()
    if row is None:
        raise QuoteLinkNotValid(
            gettext("This link is not valid, or no longer."),
            remedy=gettext("Ask for the quote to be sent again."),
        )
    return row


def lapse_if_due(tx: Transaction, version_id: str) -> bool:
    """Record that a version has lapsed, as of the instant; returns whether it had. For the job."""
    v = t.quote_version.c
    quote_id = tx.connection.execute(select(v.quote_id).where(v.id == version_id)).scalar_one()
    quote = locked_quote(tx, quote_id)
    row = tx.connection.execute(versions().where(v.id == version_id)).one()
    if row.lapse_recorded_at is not None or row.lapses_at is None or row.lapses_at > tx.now:
        return False
    tx.change(t.quote_version, version_id, lapse_recorded_at=tx.now)
    if state_of(tx, row) != "lapsed":
        return False
    tx.audit_at(row.lapses_at, SUBJECT, quote_id, "lapsed", number=row.number)
    notify(
        tx,
        "quote_lapsed",
        recipient=_sender(tx, row),
        about=(SUBJECT, quote_id),
        values=lambda: _values(quote, row),
        data=_data(quote, row),
    )
    return True


def _wanted(tx: Transaction, row: Row[Any], number: int | None) -> Row[Any]:
    """The version that is decided: the latest that was sent, unless one is named. Raises: NotFound."""
    if number is not None:
        version = latest_version(tx, row.id, number)
        if version.sent_at is None and not tx.actor.is_staff:
            raise no_such_quote()
        return version
    latest = latest_version(tx, row.id)
    if latest.sent_at is None and latest.number > 1:
        return latest_version(tx, row.id, latest.number - 1)
    if latest.sent_at is None and not tx.actor.is_staff:
        raise no_such_quote()
    return latest


def _decide(
    tx: Transaction, row: Row[Any], version: Row[Any], decision: Decision, evidence: Evidence
) -> None:
    state = state_of(tx, version)
    if state == decision:
        return
    if state != "sent":
        raise _refusal(row, version.number, state, decision)
    total = money_text(version.total_minor, row.currency)
    tx.add(
        t.quote_decision,
        version_id=version.id,
        quote_id=row.id,
        decision=decision,
        decided_at=tx.now,
        recorded_at=tx.recorded_at,
        way=evidence.way,
        name=evidence.name,
        recorded_by=tx.actor.name,
        user_id=tx.actor.id,
        recipient=evidence.recipient,
        address=evidence.address[:LONGEST_ADDRESS],
        statement=statement_of(decision, row.number, version.number, total),
        comment=evidence.comment,
        accepted_quote_id=row.id if decision == "accepted" else None,
    )
    if evidence.link_id is not None:
        tx.change(t.quote_link, evidence.link_id, used_at=tx.now)
    tx.change(t.quote, row.id, version=next_version(t.quote))
    tx.audit(SUBJECT, row.id, decision, number=version.number, way=evidence.way, name=evidence.name)
    if decision == "accepted":
        _make_contracts(tx, row, version)
    _notify_desk(tx, row, version, decision, evidence)


def _make_contracts(tx: Transaction, row: Row[Any], version: Row[Any]) -> None:
    """Sell what the lines offer, in their order; each contract then opens the requests that wait for it."""
    made = []
    for line in line_rows(tx, version.id):
        if line.kind != "contract":
            continue
        contract_id = sell(tx, contract_of_line(line, row.currency), Origin(quoted=True))
        tx.add(t.quote_contract, line_id=line.id, contract_id=contract_id)
        tx.audit("contract", contract_id, "sold by quote", quote=row.number, number=version.number)
        made.append(contract_id)
    if tx.settings.invoicing:
        draft_invoice(tx, row, version)
    for contract_id in made:
        settle_and_cover(tx, contract_id)


def _notify_desk(
    tx: Transaction, row: Row[Any], version: Row[Any], decision: Decision, evidence: Evidence
) -> None:
    """Write to who sent the version; what staff record themselves is only an event."""
    notify(
        tx,
        f"quote_{decision}",
        recipient=None if evidence.way == "staff" else _sender(tx, version),
        about=(SUBJECT, row.id),
        values=lambda: _values(row, version) | {"name": evidence.name, "comment": evidence.comment or ""},
        data=_data(row, version),
    )


def _sender(tx: Transaction, version: Row[Any]) -> str | None:
    """The address of who sent a version, where that user can still log in and sells."""
    user = t.user_account.c
    sender = select(user.email).where(
        user.id == version.sent_by_id, user.role.in_(OFFICE), user.disabled_at.is_(None)
    )
    address: str | None = tx.connection.execute(sender).scalar()
    return address


def _values(row: Row[Any], version: Row[Any]) -> dict[str, str]:
    """What a mail about a version of a quote may say."""
    return {
        "number": row.number,
        "version": str(version.number),
        "subject": version.subject,
        "last_on": day_text(version.last_on),
    }


def _data(row: Row[Any], version: Row[Any]) -> dict[str, Any]:
    """What webhooks get of a version of a quote."""
    return {"quote": row.id, "number": row.number, "version": version.number}


def _refusal(row: Row[Any], number: int, state: QuoteState, decision: Decision) -> StateForbids:
    """The error for a version that cannot be decided in its state."""
    kinds: dict[QuoteState, tuple[type[StateForbids], str, str]] = {
        "lapsed": (QuoteLapsed, gettext("its last day is over"), gettext("Ask for a new version.")),
        "declined": (QuoteDeclined, gettext("it was declined"), gettext("Ask for a new version.")),
        "superseded": (
            QuoteSuperseded,
            gettext("a later version was sent"),
            gettext("Decide about the latest version."),
        ),
        "accepted": (
            QuoteAccepted,
            gettext("it was accepted"),
            gettext("Ask the desk to cancel what was agreed."),
        ),
        "draft": (QuoteNotSent, gettext("it has not been sent"), gettext("Send it first.")),
    }
    kind, why, remedy = kinds[state]
    return kind(
        gettext(
            "Version %(version)s of %(number)s cannot be %(done)s: %(why)s.",
            version=number,
            number=row.number,
            done=word(decision),
            why=why,
        ),
        remedy=remedy,
        state=state,
        allowed_actions=[],
    )
