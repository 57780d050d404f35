"""The coverage explorer: customer, item and instant, and the rules light up until one holds."""

from typing import Any

from flask import Blueprint, render_template, request
from pydantic import ValidationError
from wtforms import SelectField, StringField

from engine.errors import DeskError
from web.pages.fields import InstantField, offer
from web.pages.forms import DeskForm
from web.pages.pickers import RecordField
from web.pages.shell import actor, desk, only
from web.pages.words import PRIORITY_CHOICES, WORK_TYPES_HINT
from workflows.commands import CoverageQuestion
from workflows.desk import Transaction
from workflows.errors import NotAllowed, StateForbids
from workflows.explain import ExplanationView, explain_coverage
from workflows.register import get_customer, get_org_unit

pages = Blueprint("explorer", __name__)


class QuestionForm(DeskForm):
    customer = RecordField("Customer", ["customer"], placeholder="Name or mail")
    item = RecordField("Item", ["item"], optional=True, placeholder="Number or name")
    org_unit = SelectField("Org unit", validate_choice=False)
    priority = SelectField("Priority", choices=offer(PRIORITY_CHOICES), default="normal")
    work_type = StringField("Work type", description=WORK_TYPES_HINT)
    at = InstantField("As of", description="Left empty: now.")


@pages.get("/coverage")
def explorer() -> tuple[str, int]:
    only("administrator", "finance", "supervisor", "technician")
    form = QuestionForm(formdata=request.args, meta={"csrf": False})
    told: ExplanationView | None = None
    off = False
    with desk().read(actor()) as tx:
        _fill(tx, form)
        if form.customer.record_id:
            try:
                told = _explain(tx, form)
            except StateForbids:
                off = True
    page = render_template("explorer/index.html", form=form, told=told, off=off)
    return page, 422 if form.is_wrong else 200


def _fill(tx: Transaction, form: QuestionForm) -> None:
    form.customer.look_up(tx)
    customer = form.customer.record_id
    form.item.answers.of_customer = customer or ""
    form.item.look_up(tx)
    if form.item.data not in [option.value for option in form.item.answers.options]:
        form.item.data = form.item.answers.picked = ""
    units = [get_org_unit(tx, unit) for unit in get_customer(tx, customer).org_units] if customer else []
    form.org_unit.choices = offer([(unit.id, unit.name) for unit in units] or [("", "none")])
    if form.org_unit.data not in [unit.id for unit in units]:
        form.org_unit.data = units[0].id if units else ""


def _explain(tx: Transaction, form: QuestionForm) -> ExplanationView | None:
    if not form.validate():
        return None
    values: dict[str, Any] = {
        "customer": form.customer.record_id,
        "item": form.item.record_id,
        "org_unit": form.org_unit.data,
        "priority": form.priority.data,
        "work_type": form.work_type.data,
        "at": form.at.data,
    }
    try:
        question = CoverageQuestion(**{name: value for name, value in values.items() if value})
        return explain_coverage(tx, question)
    except (StateForbids, NotAllowed):
        raise
    except ValidationError as error:
        for wrong in error.errors():
            form.refuse("/" + "/".join(str(part) for part in wrong["loc"]), str(wrong["msg"]))
    except DeskError as error:
        form.refuse(str(error.values.get("pointer", "")), str(error))
    return None
