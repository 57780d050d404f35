"""Activating billing: the checklist, the assignment of global items, the switch.

Source: product.md section 3.
"""

from dataclasses import replace

from sqlalchemy import and_, func, select, update

from engine.service_requests import ENDED_STATES, UNFINISHED_STATES
from workflows.administration.invoice_settings import missing_for_invoices
from workflows.administration.settings import store_settings
from workflows.commands.administration import ActivateBilling, AssignItems
from workflows.core.actors import OFFICE, SUPERVISORS
from workflows.core.config_version import config_in_force
from workflows.core.errors import StateForbids, invalid
from workflows.core.settings import Settings
from workflows.core.transaction import Transaction
from workflows.languages.texts import gettext, ngettext
from workflows.languages.words import and_text
from workflows.register.items import get_item, is_global, list_items, owner_columns
from workflows.store import tables as t
from workflows.views import DEFAULT_LIMIT
from workflows.views.administration import AssignedView, ChecklistStep, ChecklistView, SwitchingOffView

item, request = t.item, t.service_request


def billing_checklist(
    tx: Transaction, *, limit: int = DEFAULT_LIMIT, cursor: str | None = None
) -> ChecklistView:
    """The requirements for activating billing, and a page of the items that have no owner.

    Raises: NotAllowed; InvalidInput for a bad cursor. Source: product.md section 3.
    """
    tx.require(*OFFICE)
    return _checklist(tx, tx.settings, limit=limit, cursor=cursor)


def activate_billing(tx: Transaction, command: ActivateBilling) -> ChecklistView:
    """Switch contracts on, with the settings of the command. Does nothing if they are on already.

    Service requests that are open now continue without coverage, marked as opened before contracts.

    Raises:
        NotAllowed: the actor is no administrator.
        StateForbids: a requirement is not met; the error lists them all, and nothing has changed.
        pydantic.ValidationError: a setting is not valid.

    Source: product.md section 3.
    """
    tx.require("administrator")
    settings = config_in_force(tx, to_change=True).settings
    given = {name: value for name, value in command.given().items() if value is not None}
    wanted = settings.merged(given)
    checklist = _checklist(tx, wanted)
    if not checklist.ready:
        raise StateForbids(
            gettext(
                "Billing cannot be activated yet: %(steps)s",
                steps=" ".join(step.left for step in checklist.steps if step.left and step.required),
            ),
            remedy=gettext("Complete these steps and activate again."),
            state="contracts_off",
            left=[
                {"step": step.id, "detail": step.left}
                for step in checklist.steps
                if step.required and not step.done
            ],
            global_items_count=checklist.global_items_count,
            global_items=[
                {"id": one.id, "number": one.number, "name": one.name} for one in checklist.global_items
            ],
        )
    store_settings(tx, settings, wanted.merged({"contracts": True}))
    if not settings.contracts:
        tx.connection.execute(
            update(request)
            .where(request.c.state.not_in(ENDED_STATES), request.c.decision_id.is_(None))
            .values(before_contracts=True)
        )
    return replace(checklist, active=True)


def preview_switching_off(tx: Transaction) -> SwitchingOffView:
    """How many service requests and contracts there are for which switching contracts off makes a difference.

    Raises: NotAllowed unless the actor is an administrator. Source: product.md section 3.
    """
    tx.require("administrator")
    c = t.contract
    is_waiting = request.c.state == "pending_no_contract"
    is_covered = and_(request.c.state.in_(UNFINISHED_STATES), ~is_waiting, request.c.contract_id.is_not(None))
    counts = (
        select(func.count()).select_from(request).where(is_waiting),
        select(func.count()).select_from(request).where(is_covered),
        select(func.count()).select_from(c).where(c.c.state.in_(("active", "pending"))),
    )
    return SwitchingOffView(*(int(tx.connection.execute(one).scalar_one()) for one in counts))


def assign_items(tx: Transaction, command: AssignItems) -> AssignedView:
    """Assign an owner to the listed global items, or to all of them; either all are assigned or none.

    Raises:
        NotAllowed: the actor is no administrator or supervisor.
        InvalidInput: the owner or a listed item does not exist, or the item has an owner already.
    """
    tx.require(*SUPERVISORS)
    columns = owner_columns(tx, command.owner)
    if command.items is None:
        wanted = is_global()
    else:
        _refuse_owned(tx, command.items)
        wanted = item.c.id.in_(command.items)
    assigned = tx.connection.execute(
        update(item).where(wanted).values(**columns, version=item.c.version + 1).returning(item.c.id)
    ).scalars()
    assigned_ids = assigned.all()
    owner = command.owner.model_dump(exclude_none=True)
    for item_id in assigned_ids:
        tx.audit("item", item_id, "assigned", owner=owner)
    return AssignedView(assigned=len(assigned_ids), left=_count_global(tx))


def _checklist(
    tx: Transaction, settings: Settings, *, limit: int = DEFAULT_LIMIT, cursor: str | None = None
) -> ChecklistView:
    count = _count_global(tx)
    page = list_items(tx, owner="none", limit=limit, cursor=cursor)
    steps = [
        _step(
            "global_items",
            gettext("Every item is owned by a customer or an org unit")
            if count == 0
            else gettext("Give each item an owner: a customer or an org unit"),
            count == 0,
            ngettext(
                "%(num)s item has no owner. Assign it to a customer, or to a department if no person fits.",
                "%(num)s items have no owner. Assign them to a customer, or to a department if no person "
                "fits.",
                count,
            ),
        ),
        _step(
            "time_expired_contract",
            gettext("The treatment of time after a contract ends is chosen")
            if settings.time_expired_contract is not None
            else gettext("Choose what happens to time after a contract ends"),
            settings.time_expired_contract is not None,
            gettext("Choose rollover or ignore for time after a contract ends; there is no default."),
        ),
        _step(
            "contract_validation",
            gettext("Contract validation is on")
            if settings.contract_validation
            else gettext("Contract validation is off"),
            True,
            "",
        ),
        _step(
            "currency_and_time_zone",
            gettext(
                "Currency %(currency)s, time zone %(zone)s",
                currency=settings.currency,
                zone=settings.time_zone,
            ),
            True,
            "",
        ),
        *_invoice_steps(tx, settings),
        _step(
            "rule_set",
            gettext("The rule set in force is valid")
            if tx.config.rule_set is not None
            else gettext("Publish a rule set"),
            tx.config.rule_set is not None,
            gettext("No rule set is in force. Publish one."),
        ),
    ]
    return ChecklistView(
        active=settings.contracts,
        ready=all(step.done or not step.required for step in steps),
        steps=steps,
        global_items_count=count,
        global_items=page.items,
        next_cursor=page.next_cursor,
    )


def _invoice_steps(tx: Transaction, settings: Settings) -> list[ChecklistStep]:
    """What invoices need, where they are on or will be with contracts."""
    if not settings.invoices:
        return []
    missing = missing_for_invoices(settings, paid_online=tx.runner.payments is not None)
    names = and_text(one.text for one in missing)
    return [
        _step(
            "invoice_settings",
            gettext("The invoice settings are complete")
            if not missing
            else gettext("Complete the invoice settings"),
            not missing,
            gettext("Invoices are on, and these settings are missing: %(missing)s.", missing=names),
            required=False,
        )
    ]


def _step(step_id: str, label: str, done: bool, left: str, *, required: bool = True) -> ChecklistStep:
    return ChecklistStep(step_id, label, done, None if done else left, required)


def _count_global(tx: Transaction) -> int:
    return int(tx.connection.execute(select(func.count()).select_from(item).where(is_global())).scalar_one())


def _refuse_owned(tx: Transaction, item_ids: list[str]) -> None:
    found = set(
        tx.connection.execute(
            select(item.c.id).where(item.c.id.in_(item_ids), is_global()).with_for_update()
        ).scalars()
    )
    for position, item_id in enumerate(item_ids):
        if item_id in found:
            continue
        view = get_item(tx, item_id) if _exists(tx, item_id) else None
        detail = (
            gettext("There is no item with the id %(id)s.", id=repr(item_id))
            if view is None
            else gettext(
                "Item %(number)s already belongs to %(owner)s.", number=view.number, owner=view.owner_name
            )
        )
        raise invalid(f"/items/{position}", detail)


def _exists(tx: Transaction, item_id: str) -> bool:
    return tx.connection.execute(select(item.c.id).where(item.c.id == item_id)).one_or_none() is not None
