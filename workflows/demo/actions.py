"""What people of the demonstration desk do, as planned actions: log, move, work, write, sell, assign."""

from datetime import datetime, timedelta
from typing import Any

from engine.service_requests import ENDED_STATES, WORK_STATES
from workflows.commands.contracts import HolderGiven, NewContract
from workflows.commands.fields import MoneyGiven
from workflows.commands.service_requests import AddNote, ChangeServiceRequest, FireTrigger, NewServiceRequest
from workflows.commands.work import WorkGiven
from workflows.contracts.use_cases import create_contract
from workflows.core.transaction import Transaction
from workflows.demo.timeline import Timeline
from workflows.lifecycle.service_requests.states import allowed_triggers
from workflows.lifecycle.service_requests.transitions import lock_request
from workflows.service_requests.log import log_service_request
from workflows.service_requests.use_cases import add_note, change_service_request, fire_trigger
from workflows.work.use_cases import log_work


def sell(
    timeline: Timeline,
    name: str,
    type_key: str,
    holder: str,
    at: datetime,
    *,
    price: int | None = None,
    who: str = "supervisor",
    **terms: Any,
) -> None:
    """Plan the sale of a contract to a holder such as "item:LIND-SRV-01"; `price` is in whole euros."""
    kind, _, _ = holder.partition(":")

    def do(tx: Transaction) -> None:
        command = NewContract(
            type=type_key,
            holder=HolderGiven(**{HOLDERS[kind]: timeline.ids[holder]}),
            price=MoneyGiven(amount_minor=price * 100) if price is not None else None,
            **terms,
        )
        timeline.ids[name] = create_contract(tx, command)

    timeline.plan(at, who, do)


HOLDERS = {"item": "item", "person": "customer", "unit": "org_unit", "request": "service_request"}


def log(
    timeline: Timeline,
    key: str,
    at: datetime,
    customer: str,
    item: str | None,
    subject: str,
    *,
    priority: str = "normal",
    who: str = "technician",
    channel: str = "phone",
    work_type: str | None = None,
) -> None:
    """Plan the logging of a service request under a key; `who` may be the customer."""

    def do(tx: Transaction) -> None:
        command = NewServiceRequest.model_validate(
            {
                "subject": subject,
                "customer": timeline.ids[f"person:{customer}"],
                "item": timeline.ids[f"item:{item}"] if item is not None else None,
                "priority": priority,
                "channel": channel,
                "work_type": work_type,
            }
        )
        logged = log_service_request(tx, command)
        if logged.service_request is not None:
            timeline.ids[f"request:{key}"] = logged.service_request

    timeline.plan(at, who, do)


def fire(timeline: Timeline, key: str, at: datetime, who: str, trigger: str, **texts: str) -> None:
    """Plan a trigger on a service request, which is skipped if it is not possible then."""

    def do(tx: Transaction) -> None:
        request_id = timeline.ids.get(f"request:{key}")
        if request_id is None:
            return
        if trigger in allowed_triggers(lock_request(tx, request_id).state, tx.actor.role):
            fire_trigger(tx, request_id, FireTrigger.model_validate({"trigger": trigger, **texts}))

    timeline.plan(at, who, do)


def work(
    timeline: Timeline,
    key: str,
    ended_at: datetime,
    who: str,
    minutes: int,
    note: str,
    *,
    not_billable_reason: str | None = None,
    at_once: bool = False,
    beyond_approval: str | None = None,
) -> None:
    """Plan a work entry that ends at an instant and is saved a few minutes later.

    With `at_once`, the minutes count at that instant instead of a span. `beyond_approval` is why it could not
    wait for the customer's approval.
    """

    def do(tx: Transaction) -> None:
        request_id = timeline.ids.get(f"request:{key}")
        if request_id is None or lock_request(tx, request_id).state not in WORK_STATES:
            return
        time = (
            {"minutes": minutes, "worked_at": ended_at}
            if at_once
            else {"started_at": ended_at - timedelta(minutes=minutes), "ended_at": ended_at}
        )
        command = WorkGiven.model_validate(
            {
                **time,
                "note": note,
                "billable": not_billable_reason is None,
                "not_billable_reason": not_billable_reason,
                "beyond_approval": beyond_approval,
            }
        )
        log_work(tx, request_id, command)

    timeline.plan(ended_at + timedelta(minutes=4), who, do)


def write(timeline: Timeline, key: str, at: datetime, who: str, body: str, *, public: bool = True) -> None:
    """Plan a note."""

    def do(tx: Transaction) -> None:
        request_id = timeline.ids.get(f"request:{key}")
        if request_id is not None:
            add_note(tx, request_id, AddNote(body=body, public=public))

    timeline.plan(at, who, do)


def assign(timeline: Timeline, key: str, at: datetime, technician: str, who: str = "supervisor") -> None:
    """Plan the assignment of a service request to a technician."""

    def do(tx: Transaction) -> None:
        request_id = timeline.ids.get(f"request:{key}")
        if request_id is not None and lock_request(tx, request_id).state not in ENDED_STATES:
            command = ChangeServiceRequest(technician=timeline.people[technician].id)
            change_service_request(tx, request_id, command)

    timeline.plan(at, who, do)
