"""The larger forms of the service request page: time worked, choosing and assigning a contract."""

from datetime import datetime
from typing import Any, ClassVar

from wtforms import BooleanField, RadioField, SelectField, StringField, TextAreaField
from wtforms.validators import InputRequired, Optional, ValidationError

from engine.contracts import PER_REQUEST
from engine.service_requests import ENDED_STATES, OPENING_OUTCOMES, UNFINISHED_STATES, WORK_STATES
from web.languages import Texts, gettext, lazy_text, mark
from web.pages.context import now
from web.pages.contracts.terms import usual_terms
from web.pages.forms.base import KeyedForm
from web.pages.forms.fields import DurationField, InstantField, WorkTypeField, select_options
from web.pages.service_requests import timer
from web.pages.wording.formats import money_text
from workflows.contracts.offers import offered_types, pending_order, usual_prices
from workflows.contracts.permitted_actions import SELLERS
from workflows.contracts.queries import contract_types
from workflows.core.actors import PRICE_ROLES, SUPERVISORS, Actor
from workflows.core.transaction import Transaction
from workflows.coverage.explanation import why_not
from workflows.coverage.trace import contracts_that_fit
from workflows.lifecycle.contracts.sold_items import awaits_invoice
from workflows.users.accounts import list_technicians
from workflows.views import MoneyView
from workflows.views.contracts import ContractDetail, ContractTypeView
from workflows.views.service_requests import ServiceRequestView, WorkEntryView
from workflows.work.use_cases import WORKERS

ASSIGNERS = SUPERVISORS


class WorkForm(KeyedForm):
    """Time worked: a duration with an instant, or a start and an end."""

    minutes = DurationField(lazy_text("Time worked"), unit="minutes")
    worked_at = InstantField(lazy_text("When"), description=lazy_text("Defaults to now."))
    started_at = InstantField(lazy_text("Start"))
    ended_at = InstantField(lazy_text("End"))
    work_type = WorkTypeField()
    note = TextAreaField(lazy_text("Work done"))
    billable = BooleanField(lazy_text("Billable"), default=True)
    not_billable_reason = TextAreaField(
        lazy_text("Why it is not billable"), description=lazy_text("Visible to the customer.")
    )
    beyond_approval = TextAreaField(
        lazy_text("In an emergency: why it cannot wait for an approval"),
        description=lazy_text("Only counts for time that the customer has not approved."),
    )
    reason = TextAreaField(
        lazy_text("Reason for the change"),
        description=lazy_text("The entry is approved. Stored with the change."),
    )
    resolution = TextAreaField(
        lazy_text("Resolution of the request"), description=lazy_text("Visible to the customer.")
    )

    pointer_fields: ClassVar[dict[str, str]] = {"/service_request": "number"}

    def values(self, default_at: datetime | None = None) -> dict[str, Any]:
        """Values for the command: start and end if either is given, otherwise the duration.

        A duration counts at `default_at` (aware UTC, default: now) if no instant is given.
        """
        when: dict[str, Any]
        if self.started_at.data or self.ended_at.data:
            when = {"started_at": self.started_at.text, "ended_at": self.ended_at.text}
            if self.minutes.data:
                when["minutes"] = self.minutes.data
        else:
            at = self.worked_at.text or (default_at or now()).isoformat().replace("+00:00", "Z")
            when = {"minutes": self.minutes.data, "worked_at": at if self.minutes.data else None}
        billable = bool(self.billable.data)
        return {
            **when,
            "work_type": self.work_type.data,
            "note": self.note.data,
            "billable": billable,
            "not_billable_reason": None if billable else (self.not_billable_reason.data or "").strip(),
            "beyond_approval": (self.beyond_approval.data or "").strip() or None,
        }

    def says_why(self, before: WorkEntryView | None = None) -> bool:
        """Whether work that a person makes not billable has a reason; without one, it is asked for.

        `before` is the entry as it was: one that had no reason, of an older program or a client, needs none.
        """
        has_none = before is not None and not before.billable and before.not_billable_reason is None
        if self.billable.data or has_none or (self.not_billable_reason.data or "").strip():
            return True
        self.add_error("/not_billable_reason", gettext("Say why the work is not billable."))
        return False


class EditWorkForm(WorkForm):
    """A work entry that is corrected, with the number of the service request that it belongs to."""

    number = StringField(
        lazy_text("Service request"),
        description=lazy_text("Another number moves the entry there: the contract of that one pays."),
    )


class RecalculateForm(KeyedForm):
    reason = TextAreaField(
        lazy_text("Reason"),
        [InputRequired(lazy_text("This field is required."))],
        description=lazy_text("Stored in the audit trail of each entry that changes."),
    )


class TakeForm(KeyedForm):
    """The choice of a contract for a waiting request; `descriptions` has the description of each type."""

    descriptions: dict[str, str]
    # the use case checks the choices: once a contract was taken, none is offered to a repeated submit
    type = RadioField(
        lazy_text("Contract type"),
        [InputRequired(lazy_text("Select an option."))],
        choices=[],
        validate_choice=False,
    )
    holder = RadioField(lazy_text("Holder"), [Optional()], choices=[], default="", validate_choice=False)

    pointer_fields: ClassVar[dict[str, str]] = {
        "/holder": "holder",
        "/holder/item": "holder",
        "/holder/customer": "holder",
        "/holder/org_unit": "holder",
    }


ASSIGNED = Texts(
    {
        "now": mark("From now on"),
        "logging": mark("From the logging on: what was worked moves"),
        "instant": mark("From an earlier instant"),
    }
)
"""From when an assigned contract covers a request."""


class AssignForm(KeyedForm):
    """A supervisor's choice of contract; `descriptions` has the reason why each was ruled out."""

    descriptions: dict[str, str]
    contract = RadioField(
        lazy_text("Contract"),
        [InputRequired(lazy_text("Select an option."))],
        choices=[],
        validate_choice=False,
    )
    extent = RadioField(
        lazy_text("Covers work"),
        [InputRequired(lazy_text("Select an option."))],
        choices=lambda: select_options(ASSIGNED.items()),
        default="now",
    )
    from_at = InstantField(
        lazy_text("From"), description=lazy_text("Between the logging of the request and now.")
    )
    reason = TextAreaField(lazy_text("Reason"), [InputRequired(lazy_text("This field is required."))])

    pointer_fields: ClassVar[dict[str, str]] = {"/from": "from_at"}
    logged_at: datetime | None = None

    def validate_from_at(self, given: InstantField) -> None:
        """Check that an instant is given with its option, and only with it. Raises: ValidationError."""
        if (self.extent.data == "instant") != (given.data is not None):
            raise ValidationError(
                gettext("Give an instant with “%(option)s”, and only with it.", option=ASSIGNED["instant"])
            )

    @property
    def from_text(self) -> str | None:
        """The instant from which the assignment holds; None for now."""
        if self.extent.data == "logging" and self.logged_at is not None:
            return self.logged_at.isoformat()
        return self.from_at.text if self.extent.data == "instant" else None


class AssigneeForm(KeyedForm):
    """A supervisor's choice of who works on the request."""

    technician = SelectField(lazy_text("Assignee"))


def assignee_form(
    tx: Transaction, request: ServiceRequestView, form: AssigneeForm | None = None
) -> AssigneeForm | None:
    """The form to assign a person; None if the request has ended or the user is no supervisor."""
    if tx.actor.role not in ASSIGNERS or request.state in ENDED_STATES:
        return None
    form = form or AssigneeForm(
        formdata=None, prefix="assignee_", data={"technician": request.technician or ""}
    )
    form.technician.choices = select_options([("", gettext("Unassigned")), *assignees(tx, request)])
    return form


def assignees(tx: Transaction, request: ServiceRequestView) -> list[tuple[str, str]]:
    """The ids and names of those who can work on the request, and of its current assignee."""
    people = [(one.id, one.name) for one in list_technicians(tx)]
    if request.technician and request.technician not in [one for one, _ in people]:
        people.append((request.technician, request.technician_name or ""))
    return people


def work_form(request: ServiceRequestView, who: Actor) -> WorkForm | None:
    """The form for time worked; None if the state or the user's role does not permit it."""
    if who.role not in WORKERS or request.state not in WORK_STATES:
        return None
    values = {"work_type": request.work_type, "billable": True, **timer.span(request.id)}
    return WorkForm(formdata=None, prefix="work_", data=values)


def take_form(tx: Transaction, request: ServiceRequestView) -> TakeForm | None:
    """The form to choose a contract for a waiting request; None if it is not waiting."""
    return fill_take_form(tx, TakeForm(formdata=None, prefix="take_"), request)


def may_order(who: Actor, request: ServiceRequestView) -> bool:
    """Whether someone may order a contract for a request: it waits for one, and is not another customer's."""
    waits = request.state in UNFINISHED_STATES and request.coverage is not None
    if not waits or (request.coverage and request.coverage.outcome in OPENING_OUTCOMES):
        return False
    return who.role != "customer" or request.customer == who.customer


def fill_take_form(tx: Transaction, form: TakeForm, request: ServiceRequestView) -> TakeForm | None:
    if not may_order(tx.actor, request) or pending_order(tx, request.id) is not None:
        return None
    holders = [
        (f"item:{request.item}", gettext("Item %(name)s", name=request.item_name), request.item),
        (f"customer:{request.customer}", request.customer_name, request.customer),
        (f"org_unit:{request.org_unit}", request.org_unit_name or "", request.org_unit),
    ]
    nearest = ("", gettext("Closest holder allowed by the type"))
    form.holder.choices = select_options(
        [nearest, *((value, label) for value, label, there in holders if there)]
    )
    types = contract_types(tx)
    kinds = {kind for kind, there in (("item", request.item), ("org_unit", request.org_unit)) if there}
    kinds.add("customer")
    offered = [one for one in types if one.key == PER_REQUEST or kinds & set(one.held_by)]
    by_rule = offered_types(tx, request.id)
    if by_rule is not None and tx.actor.role not in SELLERS:
        offered = [one for one in offered if one.key in by_rule]
    offered.sort(key=lambda one: (one.key not in (by_rule or ()), one.key != PER_REQUEST))
    form.type.choices = select_options(
        (
            one.key,
            gettext("%(type)s (offered for this request)", type=one.label)
            if one.key in (by_rule or ())
            else one.label,
        )
        for one in offered
    )
    prices = usual_prices(tx, request.id)
    form.descriptions = {
        one.key: _description(one, prices.get(one.key), sees_prices=tx.actor.role in PRICE_ROLES)
        for one in offered
    }
    return form


def _description(one: ContractTypeView, price: MoneyView | None, *, sees_prices: bool) -> str:
    """The type's description, its terms, and its price to those who see prices."""
    text, terms = one.description, usual_terms(one, with_price=False)
    if terms:
        text = gettext("%(description)s Terms: %(terms)s.", description=text, terms=terms)
    if not sees_prices:
        return text
    if price is None:
        return gettext("%(description)s Price on request.", description=text)
    amount = money_text(price.amount_minor, price.currency)
    return gettext("%(description)s Price without tax: %(price)s.", description=text, price=amount)


def may_enable(tx: Transaction, contract: ContractDetail | None, request_id: str, who: Actor) -> bool:
    """Whether the user may enable the contract that was created for this request."""
    if contract is None or contract.service_request != request_id or contract.state != "pending":
        return False
    if contract.pending_reason == "awaiting_payment":
        return who.role == "finance" and not awaits_invoice(tx, contract.id)
    return who.role in SELLERS


def assign_form(
    tx: Transaction, request: ServiceRequestView, form: AssignForm | None = None
) -> AssignForm | None:
    """The form to assign another contract, for supervisors; None if there is no other contract."""
    decided = request.coverage is not None and request.state not in ENDED_STATES
    if tx.actor.role not in ASSIGNERS or not decided:
        return None
    covering = request_contract(request)
    others = [one for one in contracts_that_fit(tx, request.id) if one.candidate.contract != covering]
    if not others:
        return None
    form = form or AssignForm(formdata=None, prefix="assign_")
    form.logged_at = request.opened_at
    form.contract.choices = select_options(
        (
            one.candidate.contract,
            gettext("%(number)s, held by %(holder)s", number=one.candidate.number, holder=one.holder_name),
        )
        for one in others
    )
    would_be = gettext("A coverage search would select it now")
    form.descriptions = {one.candidate.contract: f"{why_not(one.candidate) or would_be}." for one in others}
    return form


def request_contract(request: ServiceRequestView) -> str | None:
    """The id of the contract that covers the request, if any."""
    cover = request.coverage
    return cover.contract if cover is not None and cover.outcome == "covered" else None
