"""When an action on a contract takes effect: now, from an instant, or with a day of the contract.

Source: product.md section 5.
"""

from datetime import datetime

from sqlalchemy import select

from engine.contracts import Contract
from engine.periods import first_instant_of, local_date
from engine.service_requests import UNFINISHED_STATES
from workflows.commands.contracts import ContractAction
from workflows.core.errors import InvalidInput, invalid
from workflows.core.transaction import Transaction
from workflows.languages.texts import gettext
from workflows.store import tables as t

MOST_NAMED = 5
"""How many work entries an error names."""


def given_instant(contract: Contract, command: ContractAction) -> datetime | None:
    """The instant at which a command takes effect (aware UTC); None if it gives none.

    A day is its first instant in the contract's time zone, or the contract's start where that is on this day.
    Raises: InvalidInput if both an instant and a day are given, or one before the contract's start.
    """
    if command.effective_at is not None and command.effective_on is not None:
        raise invalid(
            "/effective_on",
            gettext("Give effective_at or effective_on, not both."),
            gettext("Leave one out."),
        )
    day = command.effective_on
    if day is None:
        return command.effective_at
    if day == local_date(contract.starts_at, contract.zone):
        return contract.starts_at
    return first_instant_of(day, contract.zone)


def effective_instant(tx: Transaction, contract: Contract, command: ContractAction) -> datetime:
    """The instant at which a change takes effect (aware UTC): now unless the command gives another.

    Today's date is now. Raises: as `given_instant`; InvalidInput at or after the contract's end.
    """
    if command.effective_on == local_date(tx.now, contract.zone) and command.effective_at is None:
        return tx.now
    at = given_instant(contract, command)
    if at is None:
        return tx.now
    refuse_before_start(tx, contract, at, command)
    if contract.expires_at is not None and at >= contract.expires_at:
        raise invalid(
            pointer_of(command), gettext("The contract is over by then."), gettext("Give an earlier one.")
        )
    return at


def refuse_before_start(tx: Transaction, contract: Contract, at: datetime, command: ContractAction) -> None:
    """Check that an instant is not before the contract. Raises: InvalidInput."""
    if at < min(contract.starts_at, tx.now):
        starts_on = local_date(contract.starts_at, contract.zone)
        raise invalid(
            pointer_of(command),
            gettext(
                "%(number)s starts on %(starts_on)s: nothing about it can change before that.",
                number=contract.number,
                starts_on=starts_on,
            ),
            gettext("Give that day or a later one."),
        )


def refuse_invoiced(tx: Transaction, contract: Contract, at: datetime, pointer: str) -> None:
    """Check that no issued invoice bills a contract, or its overage, for days after a past instant.

    The instant is aware UTC, days are those in the contract's time zone. What is sold beside the contract has
    terms of its own. Raises: InvalidInput that names the invoice.
    """
    if at >= tx.now:
        return
    line, i, s = t.invoice_line, t.invoice, t.sold_item
    billed = (
        select(i.c.number, line.c.service_from, line.c.service_to)
        .select_from(s.join(line, line.c.sold_item_id == s.c.id).join(i, i.c.id == line.c.invoice_id))
        .where(
            s.c.contract_id == contract.id,
            s.c.kind.in_(("contract", "renewal", "overage")),
            i.c.state == "issued",
            line.c.credits_line_id.is_(None),
            line.c.service_to >= local_date(at, contract.zone),
            line.c.service_from <= local_date(tx.now, contract.zone),
        )
        .order_by(line.c.service_to.desc(), i.c.number)
        .limit(1)
    )
    found = tx.connection.execute(billed).first()
    if found is not None:
        raise invalid(
            pointer,
            gettext(
                "%(number)s has been invoiced from %(first)s to %(last)s by %(invoice)s.",
                number=contract.number,
                first=found.service_from,
                last=found.service_to,
                invoice=found.number,
            ),
            gettext("Leave it out to change the contract from now on."),
        )


def refuse_before_finished(tx: Transaction, contract: Contract, at: datetime, pointer: str) -> None:
    """Check that a contract has paid for nothing since an instant on requests that are finished.

    These are not searched again, so their work has to stay where it is.
    Raises: InvalidInput that names the service requests and the instants of the entries.
    """
    a, e, r = t.work_allocation, t.work_entry, t.service_request
    entries = tx.connection.execute(
        select(r.c.number, e.c.started_at)
        .select_from(a.join(e, e.c.id == a.c.work_entry_id).join(r, r.c.id == e.c.service_request_id))
        .where(
            a.c.contract_id == contract.id,
            a.c.reversed_at.is_(None),
            a.c.effective_at >= at,
            r.c.state.not_in(UNFINISHED_STATES),
        )
        .group_by(e.c.id, r.c.number, e.c.started_at)
        .order_by(e.c.started_at, e.c.id)
    ).all()
    if entries:
        raise _already_paid(contract, pointer, [(row.number, row.started_at) for row in entries])
    refuse_before_settled(tx, contract, at, pointer)


def refuse_before_settled(tx: Transaction, contract: Contract, at: datetime, pointer: str) -> None:
    """Check that a contract has settled no incident since an instant.

    Raises: InvalidInput that names the service requests and when they were closed.
    """
    h, r = t.incident_hold, t.service_request
    settled = tx.connection.execute(
        select(r.c.number, h.c.ended_at)
        .select_from(h.join(r, r.c.id == h.c.service_request_id))
        .where(h.c.contract_id == contract.id, h.c.state == "settled", h.c.ended_at >= at)
        .order_by(h.c.ended_at, h.c.id)
    ).all()
    if settled:
        raise _already_paid(contract, pointer, [(row.number, row.ended_at) for row in settled])


def _already_paid(contract: Contract, pointer: str, entries: list[tuple[str, datetime]]) -> InvalidInput:
    named = ", ".join(
        f"{number} on {at.astimezone(contract.zone):%Y-%m-%d %H:%M}" for number, at in entries[:MOST_NAMED]
    )
    more = f" and {len(entries) - MOST_NAMED} more" if len(entries) > MOST_NAMED else ""
    return invalid(
        pointer,
        gettext(
            "%(number)s has paid for requests that are finished since then: %(named)s%(more)s.",
            number=contract.number,
            named=named,
            more=more,
        ),
        gettext("Give a later one, after that work."),
    )


def pointer_of(command: ContractAction) -> str:
    """The field that gives the effective instant."""
    return "/effective_on" if command.effective_on is not None else "/effective_at"
