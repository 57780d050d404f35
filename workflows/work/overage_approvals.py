"""Asking a customer to approve time beyond a contract, and the answer: in the portal, by link, or recorded.

What was asked and what was answered is stored for ever. Work that was logged in an emergency counts against
an approval as soon as it is given. Source: product.md section 7 (Asking before more is spent).
"""

from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from sqlalchemy import Row, func, select

from engine.approvals import ApprovalAnswer, approval_state
from engine.charging import price_minor
from engine.errors import DeskError
from engine.periods import first_instant_of, local_date
from engine.quotes import Way
from workflows.commands.approvals import AnswerApproval, AskApproval
from workflows.core.actors import DESK, SUPERVISORS, Actor
from workflows.core.errors import NotAllowed, StateForbids, invalid
from workflows.core.secret_texts import secret_hash
from workflows.core.transaction import Transaction
from workflows.languages.texts import gettext
from workflows.languages.words import word
from workflows.lifecycle.contracts.given_terms import minor_units
from workflows.lifecycle.service_requests.access import require_visible, surviving_id
from workflows.lifecycle.service_requests.transitions import lock_request
from workflows.notifications.approvals import notify_answered, notify_asked, quantity_text
from workflows.notifications.messages import customer_email
from workflows.service_requests.closing import lock_current
from workflows.store import tables as t
from workflows.store.ids import new_id
from workflows.work.approval_queries import no_such_approval, visible_approvals
from workflows.work.approval_uses import lock_approvals
from workflows.work.beyond_contracts import REST_KINDS, rate_of_request, settle_unapproved

SUBJECT = "approval"
LONGEST_ADDRESS = 100
p, k = t.approval.c, t.approval_link.c


class ApprovalLinkNotValid(DeskError):
    """The link of an approval does not exist, or has expired."""

    code = "approval-link-not-valid"


@dataclass(frozen=True, slots=True)
class Evidence:
    """Who answers and how: `address` is the network address, `recipient` that of the mail with the link."""

    way: Way
    name: str
    address: str
    recipient: str | None = None
    link_id: str | None = None


def ask_approval(tx: Transaction, service_request_id: str, command: AskApproval) -> str:
    """Ask the customer of a service request for an approval, by mail and in the portal. Returns its id.

    Raises: NotAllowed; NotFound; StateForbids for a cancelled request, or while contracts are off;
    InvalidInput for another currency than the desk's.
    """
    tx.require(*DESK)
    request = lock_current(tx, require_visible(tx, service_request_id))
    if request.state == "cancelled":
        raise StateForbids(
            gettext("%(number)s is cancelled.", number=request.number),
            remedy=gettext("Log a new service request."),
            state=request.state,
        )
    if not tx.settings.contracts:
        raise StateForbids(
            gettext("Contracts are off: nothing is spent that could be approved."),
            remedy="",
            state=request.state,
        )
    amount_minor = minor_units(tx, command.amount, "/amount")
    zone = tx.settings.zone
    last = local_date(tx.now, zone) + timedelta(days=tx.settings.approval_days)
    approval_id, link_id = new_id(), new_id()
    recipient = customer_email(tx, request.customer_id)
    lapses_at = first_instant_of(last, zone)
    tx.add(
        t.approval,
        id=approval_id,
        service_request_id=request.id,
        minutes=command.minutes,
        amount_minor=amount_minor,
        currency=tx.settings.currency if amount_minor is not None else None,
        reason=command.reason,
        preview=_preview(tx, request, command.minutes),
        recipient=recipient,
        asked_at=tx.now,
        asked_by=tx.actor.name,
        asked_by_id=tx.actor.id,
        lapses_at=lapses_at,
    )
    tx.add(
        t.approval_link,
        id=link_id,
        approval_id=approval_id,
        recipient=recipient,
        created_at=tx.now,
        expires_at=lapses_at,
    )
    approval = _row(tx, approval_id)
    quantity = quantity_text(approval.minutes, approval.amount_minor, approval.currency)
    tx.audit(
        "service_request",
        request.id,
        "approval asked",
        approval=approval_id,
        quantity=quantity,
        reason=command.reason,
    )
    notify_asked(tx, request, approval, link_id)
    return approval_id


def answer_approval(
    tx: Transaction, approval_id: str, command: AnswerApproval, answer: ApprovalAnswer, address: str
) -> str:
    """Approve or decline what was asked, as its customer, or by recording what the customer said.

    Answering the same again changes nothing. Returns the approval's id.
    Raises:
        NotFound: there is no such approval, or it is another customer's.
        NotAllowed: the actor is neither its customer nor a supervisor.
        StateForbids: it was answered otherwise, or has lapsed.
        InvalidInput: more would be approved than was asked, or nobody is named who said so.
    """
    approval = _visible_row(tx, approval_id)
    if tx.actor.is_staff:
        if tx.actor.role not in SUPERVISORS:
            raise NotAllowed(
                gettext("Only the customer approves, or a supervisor records what the customer said."),
                remedy=gettext("Ask the customer, or a supervisor."),
            )
        if not command.name:
            raise invalid(
                "/name",
                gettext("Say who of the customer has answered."),
                gettext("Give the name of that person."),
            )
        evidence = Evidence("staff", command.name, address)
    else:
        evidence = Evidence("portal", tx.actor.name, address)
    _answer(tx, approval, command, answer, evidence)
    return approval_id


def answer_by_link(
    tx: Transaction, secret: str, command: AnswerApproval, answer: ApprovalAnswer, address: str
) -> str:
    """Approve or decline what a link is about, under the name that was typed. Uses the link up.

    Using it again for the same answer changes nothing. Returns the approval's id.
    Raises: ApprovalLinkNotValid; InvalidInput; StateForbids.
    """
    link = find_approval_link(tx, secret)
    approval = _row(tx, link.approval_id)
    if not command.name:
        raise invalid("/name", gettext("Enter your name."))
    tx.actor = Actor(None, command.name, "customer", approval.customer_id)
    _answer(tx, approval, command, answer, Evidence("link", command.name, address, link.recipient, link.id))
    return str(approval.id)


def find_approval_link(tx: Transaction, secret: str) -> Row[Any]:
    """The row of a link; it is not used up. Raises: ApprovalLinkNotValid."""
    row = tx.connection.execute(
        select(t.approval_link).where(k.token_hash == secret_hash(secret), k.expires_at > tx.now)
    ).one_or_none()
    if row is None:
        raise ApprovalLinkNotValid(
            gettext("This link is not valid, or no longer."), remedy=gettext("Ask for a new one.")
        )
    return row


def _answer(
    tx: Transaction, seen: Row[Any], command: AnswerApproval, answer: ApprovalAnswer, evidence: Evidence
) -> None:
    entries = t.work_entry.c
    request_id = surviving_id(tx, seen.service_request_id)
    request = lock_request(tx, request_id)
    lock_approvals(tx, [request_id])
    tx.connection.execute(
        select(entries.id)
        .where(entries.service_request_id == request_id, entries.unapproved_minutes.is_not(None))
        .order_by(entries.id)
        .with_for_update(key_share=True)
    )
    approval = _row(tx, seen.id)
    state = approval_state(approval.answer, approval.lapses_at, has_rest=False, at=tx.now)
    if state == answer:
        return
    if state != "asked":
        raise _closed(approval, state)
    minutes, amount_minor = _approved(tx, approval, command) if answer == "approved" else (None, None)
    tx.add(
        t.approval_answer,
        approval_id=approval.id,
        answer=answer,
        minutes=minutes,
        amount_minor=amount_minor,
        comment=command.comment or None,
        answered_at=tx.now,
        recorded_at=tx.recorded_at,
        way=evidence.way,
        name=evidence.name,
        recorded_by=tx.actor.name,
        user_id=tx.actor.id,
        recipient=evidence.recipient,
        address=evidence.address[:LONGEST_ADDRESS],
    )
    if evidence.link_id is not None:
        tx.change(t.approval_link, evidence.link_id, used_at=tx.now)
    given = quantity_text(minutes, amount_minor, approval.currency)
    asked = quantity_text(approval.minutes, approval.amount_minor, approval.currency)
    quantity = given if answer == "approved" else asked
    tx.audit(
        "service_request",
        approval.service_request_id,
        f"approval {answer}",
        approval=approval.id,
        quantity=quantity,
        way=evidence.way,
        name=evidence.name,
    )
    if answer == "approved":
        settle_unapproved(tx, request.id)
    notify_answered(
        tx,
        request,
        approval,
        answer,
        quantity=quantity,
        name=evidence.name,
        comment=command.comment or "",
    )


def _approved(tx: Transaction, approval: Row[Any], command: AnswerApproval) -> tuple[int | None, int | None]:
    """The minutes, or the money, that are approved: what was asked, or less. Raises: InvalidInput."""
    if approval.minutes is not None:
        if command.amount is not None:
            raise invalid("/amount", gettext("Minutes were asked for."), gettext("Give minutes."))
        minutes = command.minutes or approval.minutes
        if minutes > approval.minutes:
            raise invalid(
                "/minutes",
                gettext("Only %(count)s minutes were asked for.", count=approval.minutes),
                gettext("Approve that many or fewer."),
            )
        return minutes, None
    if command.minutes is not None:
        raise invalid("/minutes", gettext("An amount was asked for."), gettext("Give an amount."))
    if command.amount is None:
        return None, approval.amount_minor
    if command.amount.currency not in (None, approval.currency):
        raise invalid(
            "/amount/currency",
            gettext("The amount was asked for in %(currency)s.", currency=approval.currency),
            gettext("Use that one."),
        )
    if command.amount.amount_minor > approval.amount_minor:
        raise invalid(
            "/amount",
            gettext(
                "Only %(amount)s was asked for.",
                amount=quantity_text(None, approval.amount_minor, approval.currency),
            ),
            gettext("Approve that much or less."),
        )
    return None, command.amount.amount_minor


def _closed(approval: Row[Any], state: str) -> StateForbids:
    remedy = gettext("Ask for a new approval.")
    if state == "lapsed":
        return StateForbids(
            gettext("What was asked has lapsed."), remedy=remedy, state=state, allowed_actions=[]
        )
    detail = gettext("It was %(state)s by %(name)s.", state=word(state), name=approval.answered_by)
    return StateForbids(detail, remedy=remedy, state=state, allowed_actions=[])


def _preview(tx: Transaction, request: Row[Any], minutes: int | None) -> dict[str, Any]:
    """What the approver is shown of a service request, as it is now."""
    a, e, c = t.work_allocation.c, t.work_entry.c, t.contract.c
    number = None
    if request.contract_id is not None:
        number = tx.connection.execute(select(c.number).where(c.id == request.contract_id)).scalar()
    beyond = tx.connection.execute(
        select(func.coalesce(func.sum(a.minutes), 0))
        .join(t.work_entry, e.id == a.work_entry_id)
        .where(e.service_request_id == request.id, a.kind.in_(REST_KINDS), a.reversed_at.is_(None))
    ).scalar_one()
    unapproved = tx.connection.execute(
        select(func.coalesce(func.sum(e.unapproved_minutes), 0)).where(
            e.service_request_id == request.id, t.COUNTED_WORK
        )
    ).scalar_one()
    rate, currency = rate_of_request(tx, request)
    return {
        "contract_number": number,
        "worked_minutes": request.worked_minutes,
        "chargeable_minutes": request.chargeable_minutes,
        "beyond_minutes": int(beyond),
        "unapproved_minutes": int(unapproved),
        "cost_minor": price_minor(minutes, rate) if minutes is not None and rate else None,
        "currency": currency,
    }


def _row(tx: Transaction, approval_id: str) -> Row[Any]:
    """An approval with its customer, and its answer if there is one."""
    return tx.connection.execute(_rows().where(p.id == approval_id)).one()


def _visible_row(tx: Transaction, approval_id: str) -> Row[Any]:
    """The same, of one that the actor may see. Raises: NotFound."""
    row = tx.connection.execute(_rows().where(p.id == approval_id, visible_approvals(tx))).one_or_none()
    if row is None:
        raise no_such_approval()
    return row


def _rows() -> Any:
    answer, r = t.approval_answer.c, t.service_request.c
    return (
        select(t.approval, r.customer_id, answer.answer, answer.name.label("answered_by"))
        .join(t.service_request, r.id == p.service_request_id)
        .outerjoin(t.approval_answer, answer.approval_id == p.id)
    )
