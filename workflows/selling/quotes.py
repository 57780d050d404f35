"""Quotes: writing and changing drafts, and sending them.

A version that was sent never changes: a change makes the next one, and sending that supersedes it.
"""

from datetime import timedelta
from typing import Any

from sqlalchemy import ColumnElement, Row, or_, select, update

from engine.periods import contract_end, local_date
from engine.quotes import QuoteState, QuoteTimes
from workflows.billing.invoicing.drafts import draft_language
from workflows.billing.invoicing.parties import party_of
from workflows.commands.quotes import MOST_LINES, ChangeQuote, NewQuote, QuoteLineGiven, SendQuote
from workflows.core.actors import OFFICE
from workflows.core.erased import require_not_erased
from workflows.core.errors import NotFound, StateForbids, VersionChanged, invalid
from workflows.core.numbering import next_number
from workflows.core.transaction import Transaction
from workflows.languages.formats import day_text, money_text
from workflows.languages.texts import gettext
from workflows.languages.words import word
from workflows.lifecycle.contracts.sold_items import party_columns
from workflows.notifications.billing import notify
from workflows.notifications.mail_links import PLACEHOLDER, QUOTE_EVENT
from workflows.register.records import own_org_units
from workflows.selling.quote_lines import QuoteLine, quote_line, stored_lines, totals_of, write_lines
from workflows.store import tables as t
from workflows.store.compiled_statements import next_version
from workflows.store.ids import new_id

SUBJECT = "quote"
NUMBER_PREFIX = "QU"
LINK_LIVES_ON = timedelta(days=90)
"""For so long after the last day a link still shows the quote and what became of it."""
q, v, k = t.quote.c, t.quote_version.c, t.quote_link.c


def create_quote(tx: Transaction, command: NewQuote) -> str:
    """Write the draft of a quote's first version; returns the quote's id.

    Raises: NotAllowed; InvalidInput for a party, a last day that is over, or a line that cannot be sold so.
    """
    tx.require(*OFFICE)
    party = _party(tx, command)
    _check_last_day(tx, command.last_on)
    lines = _lines(tx, command.lines, party)
    quote_id = new_id()
    number = next_number(tx, NUMBER_PREFIX)
    tx.add(
        t.quote,
        id=quote_id,
        number=number,
        **party_columns(*party),
        currency=tx.settings.currency,
        created_at=tx.now,
        created_by=tx.actor.name,
    )
    texts = {"subject": command.subject, "note": command.note, "last_on": command.last_on}
    _add_version(tx, quote_id, 1, texts, lines)
    tx.audit(SUBJECT, quote_id, "created", number=number)
    return quote_id


def change_quote(
    tx: Transaction, quote_id: str, command: ChangeQuote, expected_version: int | None = None
) -> str:
    """Change a draft, or write the next version of one that was sent; returns the quote's id.

    Raises: NotAllowed; NotFound; VersionChanged; StateForbids once it is accepted; InvalidInput.
    """
    row, latest = _changeable(tx, quote_id, expected_version)
    given = command.given()
    if command.last_on is not None:
        _check_last_day(tx, command.last_on)
    if command.lines is not None:
        lines = _lines(tx, command.lines, party_of(row))
    else:
        lines = stored_lines(tx, latest.id)
    _rewrite(tx, row, latest, given, lines)
    return quote_id


def add_line(tx: Transaction, quote_id: str, line: QuoteLineGiven) -> str:
    """Add a line after the others, in the next version if the latest was sent; returns the quote's id.

    Raises: as `change_quote`; the pointers of InvalidInput are those of the line.
    """
    row, latest = _changeable(tx, quote_id)
    lines = stored_lines(tx, latest.id)
    if len(lines) >= MOST_LINES:
        raise invalid(
            "",
            gettext("A quote has at most %(most_lines)s lines.", most_lines=MOST_LINES),
            gettext("Write another quote."),
        )
    added = quote_line(tx, line, "", draft_language(tx, party_of(row)))
    _rewrite(tx, row, latest, {"lines": True}, [*lines, added])
    return quote_id


def remove_line(tx: Transaction, quote_id: str, position: int) -> str:
    """Remove the line at a position, from 0 on, as in `add_line`. Returns the quote's id.

    Raises: NotAllowed; NotFound; StateForbids once it is accepted.
    """
    row, latest = _changeable(tx, quote_id)
    lines = stored_lines(tx, latest.id)
    if not 0 <= position < len(lines):
        raise NotFound(gettext("The quote has no such line."), remedy=gettext("Look at its lines."))
    _rewrite(tx, row, latest, {"lines": True}, [*lines[:position], *lines[position + 1 :]])
    return quote_id


def send_quote(
    tx: Transaction, quote_id: str, command: SendQuote | None = None, expected_version: int | None = None
) -> str:
    """Send the latest version by mail, with a link; returns the quote's id.

    The version before it, if it was sent, is superseded. Sending a version that was sent already sends the
    mail again, with a new link.
    Raises: NotAllowed; NotFound; VersionChanged; StateForbids once it is decided or has lapsed; InvalidInput
    where it has no line, its last day is over, or nobody is named to send it to.
    """
    tx.require(*OFFICE)
    row = locked_quote(tx, quote_id, expected_version)
    require_not_erased(tx, row.customer_id)
    refuse_accepted(tx, row, "sent")
    latest = latest_version(tx, quote_id)
    recipient = _recipient(tx, row, (command or SendQuote()).recipient)
    if latest.sent_at is None:
        lapses_at = _send_first(tx, row, latest, recipient)
    else:
        state = state_of(tx, latest)
        if state != "sent":
            raise _over(row, latest.number, state)
        lapses_at = latest.lapses_at
    _mail(tx, row, latest, recipient, lapses_at + LINK_LIVES_ON)
    tx.change(t.quote, quote_id, version=next_version(t.quote))
    tx.audit(SUBJECT, quote_id, "sent", number=latest.number, recipient=recipient)
    return quote_id


def _changeable(
    tx: Transaction, quote_id: str, expected_version: int | None = None
) -> tuple[Row[Any], Row[Any]]:
    """A quote, locked, with its latest version.

    Raises: NotAllowed; NotFound; VersionChanged; StateForbids once it is accepted.
    """
    tx.require(*OFFICE)
    row = locked_quote(tx, quote_id, expected_version)
    require_not_erased(tx, row.customer_id)
    refuse_accepted(tx, row, "changed")
    return row, latest_version(tx, quote_id)


def _rewrite(
    tx: Transaction, row: Row[Any], latest: Row[Any], given: dict[str, Any], lines: list[QuoteLine]
) -> None:
    """Write the draft anew with the texts that are given, or the next version if the latest was sent."""
    texts = {name: given.get(name, getattr(latest, name)) for name in ("subject", "note", "last_on")}
    number = latest.number
    if latest.sent_at is None:
        _change_draft(tx, latest, texts, lines)
    else:
        number += 1
        _add_version(tx, row.id, number, texts, lines)
    tx.change(t.quote, row.id, version=next_version(t.quote))
    tx.audit(SUBJECT, row.id, "changed", number=number, fields=sorted(given))


def _send_first(tx: Transaction, row: Row[Any], latest: Row[Any], recipient: str) -> Any:
    lines = tx.connection.execute(
        select(t.quote_line.c.id).where(t.quote_line.c.version_id == latest.id).limit(1)
    ).scalar()
    if lines is None:
        raise invalid(
            "/lines", gettext("%(number)s has no line.", number=row.number), gettext("Add what it offers.")
        )
    _check_last_day(tx, latest.last_on)
    if row.currency != tx.settings.currency:
        raise StateForbids(
            gettext(
                "%(number)s is in %(currency)s, and the desk's currency is %(currency2)s.",
                number=row.number,
                currency=row.currency,
                currency2=tx.settings.currency,
            ),
            remedy=gettext("Write a new quote."),
            state="draft",
        )
    superseded = update(t.quote_version).where(
        v.quote_id == row.id, v.sent_at.is_not(None), v.superseded_at.is_(None), v.id != latest.id
    )
    tx.connection.execute(superseded.values(superseded_at=tx.now))
    lapses_at = contract_end(latest.last_on, tx.settings.zone)
    tx.change(
        t.quote_version,
        latest.id,
        sent_at=tx.now,
        sent_by=tx.actor.name,
        sent_by_id=tx.actor.id,
        sent_to=recipient,
        lapses_at=lapses_at,
    )
    return lapses_at


# ------------------------------------------------------------------ rows


def locked_quote(tx: Transaction, quote_id: str, expected_version: int | None = None) -> Row[Any]:
    """A quote's row, locked: whoever changes it or decides about it holds this lock.

    Raises: NotFound; VersionChanged.
    """
    row = tx.connection.execute(select(t.quote).where(q.id == quote_id).with_for_update()).one_or_none()
    if row is None:
        raise no_such_quote()
    if expected_version not in (None, row.version):
        raise VersionChanged(
            gettext("%(number)s has been changed since you read it.", number=row.number),
            remedy=gettext("Read it again and repeat the change."),
            version=row.version,
        )
    return row


def latest_version(tx: Transaction, quote_id: str, number: int | None = None) -> Row[Any]:
    """The row of a version, with its decision; the latest one without a number. Raises: NotFound."""
    wanted = versions().where(v.quote_id == quote_id)
    if number is not None:
        wanted = wanted.where(v.number == number)
    row = tx.connection.execute(wanted.order_by(v.number.desc()).limit(1)).one_or_none()
    if row is None:
        raise NotFound(
            gettext("The quote has no version %(number)s.", number=number),
            remedy=gettext("Look at its versions."),
        )
    return row


def versions() -> Any:
    """SQL: the rows of versions, each with its decision."""
    e = t.quote_decision
    return select(t.quote_version, e.c.decision, e.c.decided_at).join(e, e.c.version_id == v.id, isouter=True)


def state_of(tx: Transaction, version: Row[Any]) -> QuoteState:
    """The state of a version now, for a quote that is locked.

    What has been recorded counts, also by a transaction whose instant is later: it had the lock before.
    """
    recorded = (version.sent_at, version.superseded_at, version.decided_at)
    return times_of(version).state_as_of(max([tx.now, *(at for at in recorded if at is not None)]))


def times_of(version: Row[Any]) -> QuoteTimes:
    """The instants of a version that decide its state."""
    return QuoteTimes(
        version.sent_at, version.lapses_at, version.superseded_at, version.decision, version.decided_at
    )


def refuse_accepted(tx: Transaction, row: Row[Any], done: str) -> None:
    """Raise StateForbids if a version of a quote was accepted; `done` is what cannot be done to it."""
    e = t.quote_decision.c
    accepted = select(e.version_id).where(e.quote_id == row.id, e.decision == "accepted")
    if tx.connection.execute(accepted).scalar() is not None:
        raise StateForbids(
            gettext("%(number)s cannot be %(done)s: it is accepted.", number=row.number, done=word(done)),
            remedy=gettext("Write a new quote."),
            state="accepted",
            allowed_actions=[],
        )


def own_quotes(tx: Transaction) -> ColumnElement[bool]:
    """SQL: the quotes that a customer may read once sent, and decide: theirs.

    Also those of their org units and of all above, if the setting allows it, as with invoices.
    """
    quote = t.quote.c
    own = quote.customer_id == tx.actor.customer
    if tx.settings.customers_see_org_unit:
        own = or_(own, quote.org_unit_id.in_(own_org_units(tx.actor.customer)))
    return own


def require_own(tx: Transaction, quote_id: str) -> None:
    """Raise NotFound unless a quote is among those of the customer who asks."""
    found = select(t.quote.c.id).where(t.quote.c.id == quote_id, own_quotes(tx))
    if tx.connection.execute(found).scalar() is None:
        raise no_such_quote()


def no_such_quote() -> NotFound:
    return NotFound(
        gettext("There is no such quote."), remedy=gettext("Look it up by its number in the list of quotes.")
    )


def _over(row: Row[Any], number: int, state: QuoteState) -> StateForbids:
    return StateForbids(
        gettext(
            "Version %(number)s of %(row_number)s cannot be sent: it is %(state)s.",
            number=number,
            row_number=row.number,
            state=word(state),
        ),
        remedy=gettext("Change it, which makes the next version."),
        state=state,
    )


def _add_version(
    tx: Transaction, quote_id: str, number: int, texts: dict[str, Any], lines: list[QuoteLine]
) -> None:
    totals, version_id = totals_of(lines), new_id()
    tx.add(
        t.quote_version,
        id=version_id,
        quote_id=quote_id,
        number=number,
        **texts,
        net_minor=totals.net_minor,
        tax_minor=totals.tax_minor,
        total_minor=totals.total_minor,
        created_at=tx.now,
        created_by=tx.actor.name,
    )
    write_lines(tx, version_id, lines, totals)


def _change_draft(tx: Transaction, draft: Row[Any], texts: dict[str, Any], lines: list[QuoteLine]) -> None:
    totals = totals_of(lines)
    tx.change(
        t.quote_version,
        draft.id,
        **texts,
        net_minor=totals.net_minor,
        tax_minor=totals.tax_minor,
        total_minor=totals.total_minor,
    )
    tx.connection.execute(t.quote_line.delete().where(t.quote_line.c.version_id == draft.id))
    write_lines(tx, draft.id, lines, totals)


# ------------------------------------------------------------------ checks and mail


def _lines(tx: Transaction, given: list[QuoteLineGiven], party: tuple[str, str]) -> list[QuoteLine]:
    language = draft_language(tx, party)
    return [quote_line(tx, one, f"/lines/{place}", language) for place, one in enumerate(given)]


def _party(tx: Transaction, command: NewQuote) -> tuple[str, str]:
    if (command.customer is None) == (command.org_unit is None):
        raise invalid(
            "/customer", gettext("A quote is for a customer or an org unit."), gettext("Give one of the two.")
        )
    kind, table = ("customer", t.customer) if command.customer is not None else ("org_unit", t.org_unit)
    party_id = command.customer or command.org_unit or ""
    require_not_erased(tx, command.customer)
    if tx.connection.execute(select(table.c.id).where(table.c.id == party_id)).scalar() is None:
        raise invalid(
            f"/{kind}",
            gettext("There is no %(kind)s with this id.", kind=word(kind.replace("_", " "))),
            gettext("Look it up first."),
        )
    return kind, party_id


def _check_last_day(tx: Transaction, last_on: Any) -> None:
    today = local_date(tx.now, tx.settings.zone)
    if last_on < today:
        raise invalid(
            "/last_on",
            gettext("%(last_on)s is over.", last_on=last_on),
            gettext("Give today or a later day."),
        )


def _recipient(tx: Transaction, row: Row[Any], given: str | None) -> str:
    if given is not None:
        return given
    if row.customer_id is None:
        raise invalid(
            "/recipient",
            gettext("%(number)s is for an org unit.", number=row.number),
            gettext("Give an email address to send it to."),
        )
    c = t.customer.c
    return str(tx.connection.execute(select(c.email).where(c.id == row.customer_id)).scalar_one())


def _mail(tx: Transaction, row: Row[Any], version: Row[Any], recipient: str, expires_at: Any) -> None:
    link_id = new_id()
    tx.add(
        t.quote_link,
        id=link_id,
        version_id=version.id,
        recipient=recipient,
        created_at=tx.now,
        expires_at=expires_at,
    )
    notify(
        tx,
        QUOTE_EVENT,
        recipient=recipient,
        about=(SUBJECT, row.id),
        values=lambda: {
            "number": row.number,
            "version": str(version.number),
            "subject": version.subject,
            "last_on": day_text(version.last_on),
            "total": money_text(version.total_minor, row.currency),
            "link": PLACEHOLDER,
            "company": tx.settings.company.name,
        },
        data={"quote": row.id, "number": row.number, "version": version.number},
        link=link_id,
        party=party_of(row),
    )
