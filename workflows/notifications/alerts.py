"""Messages about alerts: to the people whom the settings name. Source: product.md section 12."""

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from sqlalchemy import select

from engine.auto_top_up import AutoTopUpState
from engine.contract_alerts import ContractAlertKind, used_percent
from engine.contracts import Contract
from engine.sla_alerts import SlaAlert
from workflows.core.settings import AlertRecipient
from workflows.core.transaction import Transaction
from workflows.languages.formats import amount_text, day_text, instant_text, number_text
from workflows.languages.texts import SOURCE, Language, gettext, mark
from workflows.notifications.events import publish, rfc_3339
from workflows.notifications.messages import holder_email, send
from workflows.notifications.recipients import languages_of
from workflows.notifications.template_text import MailText
from workflows.notifications.templates import Values, mail_text
from workflows.store import tables as t

user = t.user_account.c
TARGETS = {"response": mark("response"), "resolution": mark("resolution")}
ROLES: dict[AlertRecipient, str] = {"supervisors": "supervisor", "finance": "finance"}


def notify_sla_alert(tx: Transaction, request: Any, alert: SlaAlert) -> None:
    """Write that a target of a service request is close, or was missed; `request` is its row.

    One more message, without a recipient, is the event itself.
    """
    settings = tx.settings
    is_warning = alert.kind == "sla_warning"
    recipients = settings.sla_warning_recipients if is_warning else settings.sla_breach_recipients

    def values() -> dict[str, str]:
        return {
            "number": request.number,
            "subject": request.subject,
            "target": gettext(TARGETS[alert.target]),
            "due": local_text(tx, alert.due_at),
        }

    payload = {
        "number": request.number,
        "target": alert.target,
        "at": rfc_3339(alert.at),
        "due_at": rfc_3339(alert.due_at),
    }
    addresses = _addresses(tx, recipients, technician=request.technician_id)
    for recipient, text in _texts(tx, alert.kind, values, addresses):
        send(
            tx,
            alert.kind,
            recipient=recipient,
            subject=text.subject,
            body=text.body,
            about=("service_request", request.id),
            payload=payload,
        )
    publish(tx, alert.kind, {"service_request": request.id, **payload})


class UnitAmount(NamedTuple):
    """An amount in a unit: minutes, incidents, or money in a currency."""

    amount: int
    unit: str
    currency: str | None = None


class ContractNotice(NamedTuple):
    """What an alert says of a contract: `available` of `purchased` in `unit`, and the instant it warns of.

    `holder` is the holder's name. With `by_month`, the amounts are those of the month.
    """

    kind: ContractAlertKind
    level: int
    holder: str
    unit: str = "minutes"
    available: int = 0
    purchased: int = 0
    due_at: datetime | None = None
    currency: str | None = None
    by_month: bool = False

    @property
    def template(self) -> str:
        """The key of the mail's text: what is said of a month differs from what is said of a contract."""
        of_month = "month_" if self.by_month and self.kind != "expiring" else ""
        return f"contract_{of_month}{self.kind}"


def notify_contract_alert(tx: Transaction, contract: Contract, notice: ContractNotice) -> None:
    """Write about a contract to those whom the settings name, and to its holder if they say so.

    One more message, without a recipient, is the event itself.
    """
    addresses = _addresses(tx, tx.settings.contract_alert_recipients)
    holder = holder_email(tx, contract) if tx.settings.customer_alerts else None
    if holder is not None and holder not in addresses:
        addresses.append(holder)
    payload = {
        "number": contract.number,
        "level": notice.level,
        "due_at": rfc_3339(notice.due_at) if notice.due_at is not None else None,
    }
    for recipient, text in _texts(tx, notice.template, lambda: _contract_values(contract, notice), addresses):
        send(
            tx,
            f"contract_{notice.kind}",
            recipient=recipient,
            subject=text.subject,
            body=text.body,
            about=("contract", contract.id),
            payload=payload,
        )
    publish(tx, f"contract_{notice.kind}", {"contract": contract.id, **payload})


def notify_auto_top_up(
    tx: Transaction,
    contract: Contract,
    state: AutoTopUpState,
    left: UnitAmount,
    quantity: UnitAmount | None,
    *,
    holder_name: str,
) -> None:
    """Write that a contract is low and what was done, to those who get its other alerts.

    One more message, without a recipient, is the event itself. A warning may have no `quantity`.
    """

    def values() -> dict[str, str]:
        return {
            "number": contract.number,
            "holder": holder_name,
            "left": amount_text(*left),
            "quantity": amount_text(*quantity) if quantity is not None else "",
        }

    addresses = _addresses(tx, tx.settings.contract_alert_recipients)
    holder = holder_email(tx, contract) if tx.settings.customer_alerts and state != "draft" else None
    if holder is not None and holder not in addresses:
        addresses.append(holder)
    for recipient, text in _texts(tx, f"top_up_{state}", values, addresses):
        send(
            tx,
            "contract_top_up",
            recipient=recipient,
            subject=text.subject,
            body=text.body,
            about=("contract", contract.id),
            payload={"number": contract.number, "state": state},
        )
    publish(tx, "contract_top_up", {"contract": contract.id, "number": contract.number, "state": state})


def _texts(
    tx: Transaction, key: str, values: Values, addresses: list[str]
) -> list[tuple[str | None, MailText]]:
    """Each address with the mail in its language; the first one, without an address, is the event itself."""
    languages = languages_of(tx, addresses)
    texts: dict[Language, MailText] = {}
    found: list[tuple[str | None, MailText]] = []
    for address in (None, *addresses):
        code = languages.get(address or "", SOURCE)
        if code not in texts:
            texts[code] = mail_text(tx, key, values, code)
        found.append((address, texts[code]))
    return found


def _contract_values(contract: Contract, notice: ContractNotice) -> dict[str, str]:
    """The values of an alert; days are those of the contract's time zone."""
    due_at = notice.due_at
    values = {
        "number": contract.number,
        "holder": notice.holder,
        "left": amount_text(notice.available, notice.unit, notice.currency),
        "purchased": amount_text(notice.purchased, notice.unit, notice.currency),
        "percent": number_text(used_percent(notice.purchased, notice.available)),
    }
    if due_at is not None:
        last = (due_at - timedelta(microseconds=1)).astimezone(contract.zone)
        values |= {
            "last_day": day_text(last.date()),
            "day": day_text(due_at.astimezone(contract.zone).date()),
        }
    return values


def local_text(tx: Transaction, at: datetime) -> str:
    """An instant in the provider's time zone, with the zone's name: "2026-03-02 17:00 (Europe/Berlin)"."""
    return f"{instant_text(at, tx.settings.zone)} ({tx.settings.time_zone})"


def _addresses(
    tx: Transaction, recipients: Iterable[AlertRecipient], *, technician: str | None = None
) -> list[str]:
    """The addresses of the recipients, each once, in alphabetical order.

    While nobody who can log in is assigned, the supervisors stand in for the technician.
    """
    wanted = set(recipients)
    assignee = None
    if "technician" in wanted:
        found = select(user.email).where(user.id == technician, user.disabled_at.is_(None))
        assignee = tx.connection.execute(found).scalar()
        if assignee is None:
            wanted.add("supervisors")
    roles = [role for name, role in ROLES.items() if name in wanted]
    addresses = {assignee} if assignee is not None else set()
    if roles:
        in_role = select(user.email).where(user.role.in_(roles), user.disabled_at.is_(None))
        addresses |= set(tx.connection.execute(in_role).scalars())
    if "company" in wanted and tx.settings.company.email:
        addresses.add(tx.settings.company.email)
    return sorted(addresses)
